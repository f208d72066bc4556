"""What speaks against a result: each caution where it belongs, and nowhere else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from conftest import fake_experiment

from lrbench.judging.questions import Question, answer
from lrbench.runs import Experiment, Finished, Row, RunResult, Status


def cautions(experiment: Experiment) -> list[str]:
    """What is said beside an answer."""
    return list(answer(experiment, Question()).cautions)


def changed(experiment: Experiment, change: Callable[[Finished], Finished]) -> Experiment:
    return replace(experiment, finished=tuple(map(change, experiment.finished)))


def with_rows(one: Finished, **columns: Callable[[Row], Any]) -> Finished:
    """The run with other cells: `train_loss`, `train_accuracy`, or a rate."""

    def changed(row: Row) -> Row:
        cells = {name: make(row) for name, make in columns.items()}
        train = (cells.pop("train_loss", row.train[0]), cells.pop("train_accuracy", row.train[1]))
        return replace(row, train=train, **cells)

    rows = tuple(map(changed, one.result.rows))
    return replace(one, result=replace(one.result, rows=rows))


@pytest.fixture
def plain() -> Experiment:
    """Two schedules at rates of their own, to which there is nothing to say."""
    return fake_experiment(schedulers="step,slow=cosine(lr=0.05)", seeds=2)


def test_nothing_to_say(plain: Experiment) -> None:
    assert cautions(plain) == []


def test_an_untuned_peak_rate_until_another_one_was_tried() -> None:
    one = fake_experiment(schedulers="step,cosine")
    (text,) = cautions(one)
    assert text.startswith("Both schedules ran at the peak rate 0.1, which was tuned for none of them")
    assert "Repeat at a third of it" in text
    assert cautions(fake_experiment(schedulers="step,cosine,cosine(lr=0.3)")) == []
    assert len(cautions(fake_experiment(schedulers="step,cosine,linear(lr=0.3)"))) == 1
    assert cautions(fake_experiment(schedulers="step")) == []


def test_accuracy_at_its_ceiling(plain: Experiment) -> None:
    (text,) = cautions(changed(plain, lambda one: with_rows(one, train_accuracy=lambda row: 0.9995)))
    assert text.startswith("step and slow fit over 99.9 % of the training images and cannot be told apart")
    assert "fewer training images" in text


def test_a_ceiling_is_none_for_those_that_are_told_apart() -> None:
    """Of three that fit all there is, one is better than the baseline, and one cannot be told from it."""
    three = fake_experiment(schedulers="constant,step,slow=cosine(lr=0.05)", seeds=8)
    values = {"constant": 0.90, "step": 0.95, "slow": 0.90}

    def at_the_ceiling(one: Finished) -> Finished:
        one = with_rows(one, train_accuracy=lambda row: 0.9995)
        wobble = 0.001 * ((one.seed + (one.schedule.words == "slow")) % 2)
        return replace(one, result=replace(one.result, test=(0.1, values[one.schedule.words] + wobble)))

    told, *others = (text for text in cautions(changed(three, at_the_ceiling)) if "at the ceiling" in text)
    assert told.startswith("constant and slow fit over 99.9 % of the training images and cannot be told apart")
    assert not others
    values["slow"] = 0.85
    assert not any("at the ceiling" in text for text in cautions(changed(three, at_the_ceiling)))


def test_last_epochs_that_changed_nothing(plain: Experiment) -> None:
    def asleep(one: Finished) -> Finished:
        if one.schedule.words != "step":
            return one
        rate: Callable[[Row], float] = lambda row: 0.1 if row.epoch < 2 else 3e-9  # noqa: E731
        return with_rows(one, lr_first=rate, lr=rate, train_loss=lambda row: 0.5 if row.epoch > 1 else 0.7)

    (text,) = cautions(changed(plain, asleep))
    assert text.startswith("step ended at the rate 3e-09, and its last 2 epochs changed nothing.")
    assert "fewer epochs" in text


def test_a_low_rate_that_still_learns_is_fine(plain: Experiment) -> None:
    assert (
        cautions(changed(plain, lambda one: with_rows(one, lr_first=lambda row: 1e-9, lr=lambda row: 1e-9))) == []
    )


def test_schedules_that_were_the_same_curve() -> None:
    twins = fake_experiment(schedulers="a=constant(lr=0.2),b=constant(lr=0.2, hold=10%),step", seeds=2)
    _, text = cautions(twins)
    assert text.startswith("a and b trained exactly alike")


@pytest.mark.parametrize(
    ("key", "values", "words"),
    [
        ("host", ({"cpu": "A", "cores": 2}, {"cpu": "B", "cores": 2}), "different machines (cpu A, cpu B)"),
        ("versions", ({"keras": "3.1"}, {"keras": "3.2"}), "different versions (keras 3.1, keras 3.2)"),
    ],
)
def test_mixed_hardware_or_versions(plain: Experiment, key: str, values: tuple[Any, Any], words: str) -> None:
    (text,) = cautions(changed(plain, lambda one: replace(one, environment={key: values[one.seed]})))
    assert words in text
    cores = ({"cpu": "A", "cores": 2}, {"cpu": "A", "cores": 64})
    assert cautions(changed(plain, lambda one: replace(one, environment={"host": cores[one.seed]}))) == []


def test_runs_that_were_lost(plain: Experiment) -> None:
    def lost(one: Finished) -> Finished:
        if one.seed or one.schedule.words == "step":
            return one
        failed = RunResult(status=Status.FAILED, rows=(), test=None, error="E")
        return replace(one, result=failed)

    (text,) = cautions(changed(plain, lost))
    assert text.startswith("1 of 2 runs of slow failed: run.json holds the traceback")
    hot = cautions(fake_experiment(schedulers="hot=constant(lr=11),step", seeds=3))
    assert hot[0].startswith("3 of 3 runs of hot diverged: its rate is probably too high")


def test_validated_on_the_test_set() -> None:
    (text,) = cautions(fake_experiment(schedulers="step", validate_on="test"))
    assert "test figures flatter" in text
