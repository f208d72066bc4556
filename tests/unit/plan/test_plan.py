"""From wishes to runs and their ids."""

import dataclasses

import pytest
from conftest import ROOT, fake_plan

from lrbench.config import load_config
from lrbench.errors import BadConfig, BadUsage
from lrbench.plan import make_plan
from lrbench.runs import slug
from lrbench.store import load


def test_the_default_is_six_runs_of_15_epochs_on_55000_images() -> None:
    plan = make_plan(load_config(None, {}, {}))
    assert len(plan.runs) == 6
    assert plan.setting.horizon.epochs == 15
    assert plan.setting.horizon.steps_per_epoch == 1719  # the last batch has 24 images
    assert plan.experiment.startswith("mnist-sgd-b32-e15-")


def test_runs_come_seed_by_seed() -> None:
    plan = fake_plan(schedulers="step,cosine", seeds="2")
    assert [(run.schedule.label, run.seed) for run in plan.runs] == [
        ("step", 0),
        ("cosine", 0),
        ("step", 1),
        ("cosine", 1),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"epochs": 5},
        {"batch_size": 33},
        {"optimizer": "sgd(momentum=0.9)"},
        {"hidden": 64},
        {"train_size": 100},
        {"val_size": 100},
        {"val_size": 0, "schedulers": "step"},
        {"validate_on": "test"},
        {"engine": "compiled"},
    ],
    ids=str,
)
def test_everything_that_changes_the_numbers_changes_the_experiment_and_the_run(other: dict[str, object]) -> None:
    one, two = fake_plan(schedulers="step"), fake_plan(**{"schedulers": "step", **other})
    assert one.experiment != two.experiment
    assert one.runs[0].run_id != two.runs[0].run_id


def test_the_peak_rate_is_the_schedule_s_wherever_it_was_said() -> None:
    beside, inside = fake_plan(schedulers="cosine", lr=0.2), fake_plan(schedulers="cosine(lr=0.2)")
    assert (beside.experiment, beside.runs) == (inside.experiment, inside.runs)
    assert [run.run_id for run in beside.runs] == [run.run_id for run in inside.runs]
    other = fake_plan(schedulers="cosine")
    assert other.experiment == beside.experiment, "one experiment holds a whole search over rates"
    assert other.runs[0].run_id != beside.runs[0].run_id


def test_the_hidden_layer_is_the_problem_s_wherever_it_was_said() -> None:
    beside, inside = fake_plan(hidden=256), fake_plan(problem="mnist(hidden=256)")
    assert (beside.experiment, beside.runs) == (inside.experiment, inside.runs)
    assert fake_plan(hidden=128).runs == fake_plan().runs
    with pytest.raises(BadConfig, match="hidden=64 is not what"):
        fake_plan(problem="mnist(hidden=256)", hidden=64)


def test_an_optimizer_s_defaults_are_part_of_the_run_and_not_of_its_words() -> None:
    one, two = fake_plan(optimizer="sgd"), fake_plan(optimizer="sgd(momentum=0, nesterov=false)")
    assert one.runs == two.runs
    assert one.setting.optimizer == "sgd"
    assert one.setting.identity["optimizer"]["parameters"]["momentum"] == 0.0


def test_the_reference_s_runs_are_those_that_a_plan_makes_today() -> None:
    """What is part of a run stays so: else every stored result would be trained again."""
    plan = make_plan(load_config(None, {"seeds": 10}, {}))
    stored = load(ROOT / "results" / "reference")
    assert {one.key for one in stored.finished} == {run.key for run in plan.runs}
    assert {one.run_id for one in stored.finished} == {run.run_id for run in plan.runs}
    assert stored.setting.identity == plan.setting.identity


def test_what_does_not_change_the_numbers_changes_neither() -> None:
    one, two = fake_plan(schedulers="step"), fake_plan(schedulers="step(gamma=0.5)", jobs=1, out="elsewhere")
    assert (one.experiment, one.runs) == (two.experiment, two.runs)


def test_the_run_id_hashes_the_schedule_s_every_parameter() -> None:
    ids = {
        fake_plan(schedulers=text).runs[0].run_id
        for text in ("x=step", "x=step(gamma=0.4)", "x=step(lr=0.2)", "y=step")
    }
    assert len(ids) == 4


def test_plateau_without_validation_is_refused_with_the_reason() -> None:
    with pytest.raises(BadConfig, match="plateau looks at val_loss") as caught:
        fake_plan(val_size=0)
    assert "validate_on=test" in caught.value.hint
    assert fake_plan(val_size=0, schedulers="step").setting.validate_on == "none"


def test_a_mode_takes_the_place_of_what_is_known_of_a_figure() -> None:
    """`line` measures a prediction, which is neither better higher nor lower until somebody says so."""
    with pytest.raises(BadConfig, match="val_prediction, which is not measured"):
        fake_plan(problem="line", schedulers="plateau(monitor=val_prediction)")
    assert fake_plan(problem="line", schedulers="plateau(monitor=val_prediction, mode=max)").runs


def test_two_schedules_that_are_the_same_curve_are_a_warning() -> None:
    plan = fake_plan(schedulers="a=step,b=step,plateau,constant")
    assert len(plan.warnings) == 1
    assert "b and a are the same curve" in plan.warnings[0]


def test_a_schedule_that_does_not_fit_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(BadUsage, match="floor <= lr"):
        fake_plan(schedulers="cosine(floor=0.2)")


def test_an_unknown_problem_names_the_nearest() -> None:
    for problem, hint in [("mnits", "'mnist'"), ("mnist(hiden=3)", "'hidden'"), ("mnist(hidden=x)", "hidden=128")]:
        with pytest.raises(BadConfig) as caught:
            fake_plan(problem=problem)
        assert hint in caught.value.hint


def test_the_setting_describes_itself() -> None:
    assert fake_plan().describe() == (
        "MNIST 784-128-10, sgd, peak rate 0.1, batch 32, 4 epochs, "
        "55,000 training and 5,000 validation images, engine fake"
    )
    assert "VALIDATED ON THE TEST SET" in fake_plan(validate_on="test").describe()
    assert "valtest" in fake_plan(validate_on="test").experiment


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("cosine", "cosine"),
        ("../../etc", "etc"),
        ("Größe 2", "groe-2"),
        ("", "x"),
        ("日本", "x"),
        ("a" * 99, "a" * 40),
    ],
)
def test_a_slug_is_a_safe_piece_of_a_path(text: str, safe: str) -> None:
    assert slug(text) == safe


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        fake_plan().setting.epochs = 1  # type: ignore[misc]
