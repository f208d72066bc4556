"""A fair search: the same effort for every schedule, seeds that never mix, and the best rate where it is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fake_run

from lrbench.config import load_config
from lrbench.errors import BadConfig, BadSpec
from lrbench.judging.questions import Question, answer
from lrbench.judging.tuning import tuned_view, tuning_of, variant_of, views
from lrbench.problems import find
from lrbench.runner import Listener
from lrbench.runs import Experiment, Finished, Run
from lrbench.searches import Search
from lrbench.store import load
from lrbench.studies.grids import read_rates
from lrbench.studies.tuning import FIRST_TUNING_SEED, Wanted, plan_search, tune

FAKE = {"engine": "fake", "epochs": 4, "schedulers": "constant,cosine,step", "seeds": 4}


class Heard(Listener):
    """What was trained, stage by stage."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, Sequence[Run]]] = []
        self.finished: list[Finished] = []

    def on_stage(self, stage: str, runs: Sequence[Run], todo: Sequence[Run], experiment: Experiment) -> None:
        self.stages.append((stage, todo))

    def on_finished(self, run: Run, finished: Finished) -> None:
        self.finished.append(finished)


def searched(out: Path, wanted: Wanted | None = None, **options: Any) -> tuple[Experiment, Heard]:
    heard = Heard()
    config = load_config(None, {**FAKE, **options, "out": out}, {})
    return tune(config, wanted or Wanted(), heard).experiment, heard


def search_of(experiment: Experiment) -> Search:
    (search,) = experiment.searches
    return search


def test_every_schedule_gets_the_same_trials(tmp_path: Path) -> None:
    experiment, heard = searched(tmp_path, Wanted(lrs="0.01..1:log:5", tune_seeds=2, refine=4))
    tuning_runs = [one for one in heard.finished if one.seed >= FIRST_TUNING_SEED]
    counts = Counter(one.schedule.name for one in tuning_runs)
    assert len(set(counts.values())) == 1
    assert set(counts) == {"constant", "cosine", "step"}
    search = search_of(experiment)
    tuning = tuning_of(search, experiment.finished)
    assert counts["cosine"] == (len(tuning.rates) + search.refine) * 2
    per_rate = Counter((one.schedule.name, one.schedule.lr) for one in tuning_runs)
    assert set(per_rate.values()) == {2}, "every point on every tuning seed"


def test_seeds_that_tune_report_nothing(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path)
    (tuned, same_rate) = views(experiment)
    assert {one.seed for one in tuned.finished} == {0, 1, 2, 3}
    assert all(seed >= FIRST_TUNING_SEED for seed in search_of(experiment).tune_seeds)
    assert {one.seed for one in same_rate.finished} == set(search_of(experiment).tune_seeds)
    with pytest.raises(BadConfig, match="Seed 1000001 would both tune and report"):
        searched(tmp_path, seeds=f"3,{FIRST_TUNING_SEED + 1}")


def test_the_grid_grows_for_all_or_for_none(tmp_path: Path) -> None:
    """The fake engine is better the higher the rate, up to 10."""
    experiment, heard = searched(tmp_path, Wanted(lrs="0.1..1:log:3", max_extend=2))
    tuning = tuning_of(search_of(experiment), experiment.finished)
    assert tuning.rates == (0.1, 0.316, 1, 3.16, 10)
    grown = [runs for stage, runs in heard.stages if stage == "The grid grows, for all"]
    assert [Counter(run.schedule.name for run in runs) for runs in grown] == [
        Counter(constant=3, cosine=3, step=3)
    ] * 2
    assert all(each.at_edge for each in tuning.tuned)
    (tuned, _) = views(experiment)
    cautions = answer(tuned, Question()).cautions
    assert any("constant, 10, lies at the edge" in text for text in cautions)

    still, heard = searched(tmp_path / "still", Wanted(lrs="0.1..1:log:3", max_extend=0))
    assert tuning_of(search_of(still), still.finished).rates == (0.1, 0.316, 1)
    assert [stage for stage, _ in heard.stages] == [
        "The same rates for all",
        "Around each one's best rate",
        "Each at its own best rate, on fresh seeds",
    ]


def test_a_rate_that_loses_a_run_is_the_worst(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path, Wanted(lrs="1,5,20", refine=0, max_extend=0))
    for each in tuning_of(search_of(experiment), experiment.finished).tuned:
        assert each.best is not None
        assert each.best.point.lr == 5
        assert [trial.lost for trial in each.trials] == [0, 0, 3]
    none, _ = searched(tmp_path / "none", Wanted(lrs="20,30", refine=4, max_extend=0))
    assert all(each.best is None for each in tuning_of(search_of(none), none.finished).tuned)
    assert views(none) == [none]


def test_refinements_lie_a_quarter_of_a_decade_apart_around_the_best_and_off_the_grid(tmp_path: Path) -> None:
    _, heard = searched(tmp_path, Wanted(lrs="0.316..3.16:log:3", max_extend=0))
    (refined,) = [runs for stage, runs in heard.stages if stage == "Around each one's best rate"]
    for name in ("constant", "cosine"):
        rates = sorted({run.schedule.lr for run in refined if run.schedule.name == name})
        assert np.allclose(np.diff(np.log10(rates)), 0.25, atol=0.005)
        assert np.sqrt(rates[0] * rates[-1]) == pytest.approx(3.16, rel=0.01)
        assert not set(rates) & {0.316, 1, 3.16}


def test_the_same_search_again_trains_nothing_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    whole, _ = searched(tmp_path / "whole")

    class Stops(Heard):
        def on_finished(self, run: Run, finished: Finished) -> None:
            super().on_finished(run, finished)
            if len(self.finished) == 40:
                raise RuntimeError("the power is gone")

    config = load_config(None, {**FAKE, "out": tmp_path / "cut"}, {})
    with pytest.raises(RuntimeError):
        tune(config, Wanted(), Stops())
    heard = Heard()
    again = tune(config, Wanted(), heard).experiment
    assert len(heard.finished) == len(whole.finished) - 40
    assert (again.folder / "epochs.csv").read_bytes() == (whole.folder / "epochs.csv").read_bytes()
    nothing, heard = searched(tmp_path / "whole")
    assert not heard.finished
    assert nothing.finished == whole.finished


def test_parameters_that_are_left_open_cost_no_trial_more(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path, schedulers="constant,step(every=10%;20%;50%, gamma=0.5)")
    constant, step = tuning_of(search_of(experiment), experiment.finished).tuned
    assert len(step.contender.variants) == 3
    assert len(constant.trials) == len(step.trials)
    assert len({trial.point.variant for trial in step.trials}) == 3, "they take turns"
    (tuned, *_) = views(experiment)
    assert len(tuned.groups) == 2


def test_what_is_searched_is_read_without_what_made_it_and_judged_alike(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path)
    read = load(experiment.folder)
    assert read.searches == experiment.searches
    assert tuning_of(search_of(read), read.finished) == tuning_of(search_of(read), reversed(read.finished))
    tuned = tuned_view(read, search_of(read))
    assert tuned is not None
    asked = answer(tuned, Question())
    assert not any("tuned for none" in text for text in asked.cautions)
    assert "each at its tuned rate" in asked.scope(asked.comparisons[0])
    assert asked.note.startswith("The comparison with one rate of 0.1 for all is on other seeds, so what tuning ")
    same_rate = tuned.beside
    assert same_rate is not None
    assert any("tuned for none" in text for text in answer(same_rate, Question()).cautions)


def noted(tmp_path: Path, at_one_rate: str, at_its_own: str, seeds: str = "6", beside: str = "6") -> str:
    """What is said of the order where these come first, at 0.1 and at rates of their own."""
    experiment, _ = searched(
        tmp_path, Wanted(lrs="0.1,1", refine=0, max_extend=0), schedulers="constant,cosine", seeds=seeds
    )
    name = experiment.folder.name
    fake_run(tmp_path, name=name, schedulers="constant,cosine", seeds=beside, lr=0.1)
    experiment = load(experiment.folder)
    search = search_of(experiment)

    def first(one: Finished) -> Finished:
        winner = at_its_own if one.schedule.lr == 1 else at_one_rate
        value = 0.95 if one.schedule.name == winner else 0.9
        value += 0.02 * (one.schedule.lr == 1)  # which is what the tuning looks at, too
        rows = tuple(replace(row, val=(0.1, value)) for row in one.result.rows)
        return replace(one, result=replace(one.result, rows=rows, test=(0.1, value)))

    tuned = tuned_view(replace(experiment, finished=tuple(map(first, experiment.finished))), search)
    assert tuned is not None
    return answer(tuned, Question()).note


def test_a_verdict_that_tuning_reverses_is_said(tmp_path: Path) -> None:
    """cosine at a rate of its own beats constant at its own; at one rate it is the other way round."""
    assert noted(tmp_path, "constant", "cosine") == (
        "With one rate of 0.1 for all, on the same 6 seeds, 1 verdict is reversed, cosine against constant, by "
        "tuning (the comparison: 1 told both ways, 0 only with one rate, 0 only at tuned rates)."
    )


def test_a_verdict_that_tuning_leaves_is_said(tmp_path: Path) -> None:
    assert noted(tmp_path, "cosine", "cosine") == (
        "With one rate of 0.1 for all, on the same 6 seeds, no verdict is reversed by tuning "
        "(the comparison: 1 told both ways, 0 only with one rate, 0 only at tuned rates)."
    )


def test_the_order_rests_on_the_seeds_that_both_comparisons_have_and_on_verdicts(tmp_path: Path) -> None:
    """Of ten seeds at one rate only the five that were tuned for count, and five tell nothing."""
    assert noted(tmp_path, "constant", "cosine", seeds="5", beside="10") == (
        "With one rate of 0.1 for all, on the same 5 seeds, no verdict is known that tuning could have changed."
    )


def test_the_luck_of_the_tuning_is_counted(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path, Wanted(lrs="0.1,0.5,1", refine=0, max_extend=0), schedulers="constant,step")
    search = search_of(experiment)
    one, two, three = search.tune_seeds
    values = {  # means: 0.7, 0.8, 0.75; seed three alone would choose 1
        0.1: {one: 0.7, two: 0.7, three: 0.7},
        0.5: {one: 0.9, two: 0.9, three: 0.6},
        1.0: {one: 0.7, two: 0.7, three: 0.85},
    }

    def made_up(run: Finished) -> Finished:
        if run.seed not in search.tune_seeds:
            return run
        row = replace(run.result.rows[-1], val=(0.1, values[run.schedule.lr][run.seed]))
        return replace(run, result=replace(run.result, rows=(*run.result.rows[:-1], row)))

    tuning = tuning_of(search, map(made_up, experiment.finished))
    for each in tuning.tuned:
        assert each.best is not None
        assert each.best.point.lr == 0.5
        assert each.chosen_otherwise == 1
        assert each.cost == pytest.approx(0.2), "0.7 instead of 0.9 on the two that did not choose"
        assert each.near == (0.5, 0.5)


@pytest.mark.tensorflow
def test_it_finds_the_best_constant_rate_of_a_quadratic(tmp_path: Path) -> None:
    """Gradient descent on four points of a line, whose every step is known in closed form."""
    import keras

    wishes = {"problem": "line", "schedulers": "constant", "epochs": 40, "seeds": 2, "out": tmp_path}
    wanted = Wanted(lrs="0.02,0.05,0.09,0.1,0.11,0.115,0.118,0.1195,0.125", refine=0, max_extend=0)
    experiment = tune(load_config(None, wishes, {}), wanted).experiment
    tuning = tuning_of(search_of(experiment), experiment.finished)
    splits = find("line").load()
    assert splits.val is not None
    inputs = np.column_stack([splits.train.x[:, 0], np.ones(4)]).astype(float)
    targets = splits.train.y

    def error(rate: float, seed: int) -> float:
        keras.utils.set_random_seed(seed)
        kernel, bias = (np.asarray(each) for each in find("line").model().variables)
        weights = np.array([float(kernel[0, 0]), float(bias[0])])
        hessian = 2 * inputs.T @ inputs / 4
        best = np.array([2.0, 1.0])
        after = best + np.linalg.matrix_power(np.eye(2) - rate * hessian, 40) @ (weights - best)
        assert splits.val is not None
        return float(np.abs(splits.val.x[:, 0] * after[0] + after[1] - splits.val.y).mean())

    assert np.allclose(inputs @ [2, 1], targets)
    expected = {
        rate: np.mean([error(rate, seed) for seed in tuning.search.tune_seeds]) for rate in tuning.search.rates
    }
    (constant,) = tuning.tuned
    assert constant.best is not None
    assert constant.best.point.lr == min(expected, key=expected.__getitem__)
    for trial in constant.trials[:4]:
        assert trial.mean == pytest.approx(expected[trial.point.lr], rel=1e-3)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        (None, (0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0, 3.16)),
        ("around:0.12", (0.00379, 0.012, 0.0379, 0.12, 0.379, 1.2, 3.79)),
        ("0.003..3:log:4", (0.003, 0.03, 0.3, 3.0)),
        ("0.1..0.3:linear:3", (0.1, 0.2, 0.3)),
        ("1, 0.01,0.1", (0.01, 0.1, 1.0)),
        ("0.001..1000", (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)),
    ],
)
def test_grids(text: str | None, rates: tuple[float, ...]) -> None:
    assert read_rates(text, 0.1) == rates


def test_a_grid_grows_outwards_whatever_its_shape(tmp_path: Path) -> None:
    """The fake engine likes high rates: lists and linear grids grow beyond their highest one."""
    for number, lrs in enumerate(("1,1.1,1.2,2", "1..3:linear:5", "0.5,1")):
        experiment, _ = searched(tmp_path / str(number), Wanted(lrs=lrs, refine=2, max_extend=2))
        tuning = tuning_of(search_of(experiment), experiment.finished)
        grid = tuning.search.rates
        assert tuning.rates[: len(grid)] == grid
        assert len(tuning.rates) == len(grid) + 2
        assert list(tuning.rates) == sorted(tuning.rates)
        assert len({sum(len(trial.values) for trial in each.trials) for each in tuning.tuned}) == 1


def test_where_every_rate_loses_runs_the_grid_grows_downwards(tmp_path: Path) -> None:
    experiment, _ = searched(tmp_path, Wanted(lrs="20,60", refine=0, max_extend=2))
    tuning = tuning_of(search_of(experiment), experiment.finished)
    assert tuning.rates[:2] == (2.22, 6.67)
    assert all(each.best for each in tuning.tuned)


def test_a_schedule_that_has_no_peak_rate_cannot_be_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def f(step, total):\n    return 0.05 * (1 - step / total)\n")
    with pytest.raises(BadConfig, match=r"The rates of mine\.py:f do not depend on a peak rate"):
        plan_search(load_config(None, {**FAKE, "schedulers": "mine.py:f"}, {}), Wanted())


@pytest.mark.parametrize(
    "text",
    ["", "0.1", "0.1,0.1", "0.1,x", "0,1", "-1,1", "nan,1", "1..0.1", "1..1", "0.1..1:cubic", "0.1..1:log:1",
     "0.1..1:log:x", "0.1..1:log:3:4", "around:", "around:0", "..", "0.1..inf"],
)  # fmt: skip
def test_what_is_no_grid_is_said(text: str) -> None:
    with pytest.raises(BadConfig, match="lrs="):
        read_rates(text, 0.1)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"schedulers": "slow=cosine"}, "A label stands for a schedule at one rate"),
        ({"schedulers": "cosine(lr=0.1)"}, "The peak rate is what is searched"),
        ({"schedulers": "cosine,cosine"}, "stands twice"),
        ({"schedulers": "step(every=10%;10%)"}, "stands twice"),
        ({"schedulers": "step(evry=10%;20%)"}, "Unknown parameter"),
        ({"val_size": 0, "schedulers": "cosine"}, "leaves none"),
    ],
)
def test_what_cannot_be_searched_is_said_before_anything(options: dict[str, Any], problem: str) -> None:
    with pytest.raises((BadConfig, BadSpec), match=problem):
        plan_search(load_config(None, {**FAKE, **options}, {}), Wanted())


def test_a_list_of_a_schedule_s_own_is_no_choice() -> None:
    planned = plan_search(load_config(None, {**FAKE, "schedulers": "multistep(at=50%;75%)"}, {}), Wanted())
    (contender,) = planned.search.contenders
    assert len(contender.variants) == 1


def test_runs_of_the_same_setting_serve_the_search_and_the_other_way_round(tmp_path: Path) -> None:
    from lrbench.runner import conduct

    before = conduct(load_config(None, {**FAKE, "out": tmp_path}, {}))
    experiment, heard = searched(tmp_path)
    assert experiment.folder == before.experiment.folder
    (_, same_rate) = views(experiment)
    assert {one.seed for one in same_rate.finished} == {0, 1, 2, 3}, (
        "seeds of the comparison, where they are there"
    )
    assert {variant_of(one.schedule)[0] for one in same_rate.finished} == {"constant", "cosine", "step"}
    assert all(one.key not in {run.key for run in before.plan.runs} for one in heard.finished)


def test_no_run_that_is_no_trial_goes_unseen(tmp_path: Path) -> None:
    from lrbench.runner import conduct

    searched(tmp_path)
    more = {**FAKE, "schedulers": "rex(lr=0.7),mine=cosine(lr=0.3)", "seeds": 3}
    conduct(load_config(None, {**more, "out": tmp_path}, {}))
    experiment, _ = searched(tmp_path, Wanted(lrs="0.5,1,2", refine=0, max_extend=0))
    assert len(experiment.searches) == 2
    found = views(experiment)
    assert [view.name.partition(", ")[2] for view in found] == ["tuned", "tuned 2", "all at 0.1", "other runs"]
    assert len({view.part for view in found}) == 4, "each has its own folder of pictures"
    assert {one.schedule.name for one in found[-1].finished} == {"rex", "cosine"}
    shown = {one.key for view in found for one in view.finished}
    assert all(one.seed >= FIRST_TUNING_SEED for one in experiment.finished if one.key not in shown)
