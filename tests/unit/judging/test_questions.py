"""A question checks itself, wherever it is asked; an answer holds what all outputs need."""

from pathlib import Path

import pytest
from conftest import ROOT, asked, fake_experiment, fake_run

import lrbench
from lrbench.errors import BadConfig
from lrbench.judging.comparisons import Verdict, all_pairs
from lrbench.judging.questions import Question, answer_file
from lrbench.store import load

WRONG = [
    ("margin", -1, "margin=-1 is not above 0"),
    ("margin", 0, "margin=0 is not above 0"),
    ("margin", float("inf"), "margin=inf is not finite"),
    ("margin", float("nan"), "margin=nan is no number"),
    ("margin", "abc", "margin=abc is no number"),
    ("margin", True, "margin=True is no number"),
    ("margin", [1], "is no number"),
    ("target", "soon", "target=soon is no number"),
    ("metric", 3, "metric=3 is no name"),
    ("metric", "", "is no name"),
    ("baseline", 3, "baseline=3 is no name"),
    ("every_pair", "yes", "every_pair=yes is neither True nor False"),
    ("lower_is_better", 1, "lower_is_better=1 is neither True nor False"),
]


@pytest.mark.parametrize(("name", "value", "problem"), WRONG)
def test_a_wrong_question_is_refused_in_the_words_of_who_asks(name: str, value: object, problem: str) -> None:
    with pytest.raises(BadConfig) as caught:
        Question(**{name: value})  # type: ignore[arg-type]
    assert problem in caught.value.problem
    assert name in caught.value.hint or name == "metric"
    assert "--" not in caught.value.problem + caught.value.hint
    with pytest.raises(lrbench.LrbenchError, match=r"is|does"):
        lrbench.judge(fake_experiment(schedulers="constant,step", seeds=2), **{name: value})


def test_two_questions_at_once_are_none() -> None:
    with pytest.raises(BadConfig, match="baseline=step and every_pair=True are two different questions"):
        Question(baseline="step", every_pair=True)


def test_numbers_may_be_texts_as_they_are_typed() -> None:
    assert Question(margin="0.001", target="0.9") == Question(margin=0.001, target=0.9)  # type: ignore[arg-type]


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(BadConfig, match="no wish 'base_line'") as caught:
        lrbench.judge(fake_experiment(schedulers="constant,step"), base_line="step")
    assert "'baseline'" in caught.value.hint


def test_runs_are_grouped_by_their_labels() -> None:
    experiment = fake_experiment(schedulers="step,a=constant(lr=0.2)", seeds=2)
    groups = experiment.groups
    assert set(groups) == {"step", "a"}
    assert [one for runs in groups.values() for one in runs if one.seed == 1]
    assert sorted(map(id, experiment.finished)) == sorted(id(one) for runs in groups.values() for one in runs)


def test_all_pairs_are_made_once_and_are_the_comparisons_where_those_are_all() -> None:
    found = asked(load(ROOT / "results" / "reference"), every_pair=True)
    assert found.pairs == found.comparisons == tuple(all_pairs(found.scores, designs=found.designs))
    assert found.pairs is found.pairs
    one = asked(load(ROOT / "results" / "reference"))
    assert {each.verdict for each in one.pairs} > {Verdict.NOT_ASKED}
    (pair,) = [each for each in one.pairs if {each.scheduler, each.baseline} == {"plateau", "constant"}]
    assert pair == next(each for each in one.comparisons if each.scheduler == "plateau")


def test_a_target_needs_epochs(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="needs an experiment's epochs"):
        answer_file(tmp_path / "my.csv", Question(target=0.9))
    with pytest.raises(BadConfig, match="no validation accuracy"):
        asked(fake_experiment(schedulers="step", val_size=0), target=0.9)


def test_python_gives_the_cautions_of_the_command(tmp_path: Path) -> None:
    one = fake_run(tmp_path, schedulers="step,constant", seeds=2).experiment
    (text,) = lrbench.judge(load(one.folder)).cautions
    assert text.startswith("Both schedules ran at the peak rate 0.1")
    again = fake_run(tmp_path, schedulers="step", lr=0.3).experiment
    assert again.folder == one.folder, "one experiment holds a whole search over rates"
    for each in lrbench.load(tmp_path):
        assert each.judge().cautions == ()
