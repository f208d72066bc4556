"""Time to target, against examples computed by hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from conftest import fake_experiment
from typer.testing import Result

from lrbench.errors import BadConfig
from lrbench.judging.targets import Reached, time_to_target
from lrbench.problems.images import FIGURES
from lrbench.runs import Experiment, Finished, Status


def measured(one: Finished, values: Sequence[float | None], status: Status = Status.DONE) -> Finished:
    """The run with other validation accuracies; fewer values end it earlier."""
    rows = [replace(row, val=(0.5, value)) for row, value in zip(one.result.rows, values, strict=False)]
    return replace(one, result=replace(one.result, rows=tuple(rows), status=status))


def experiment_of(*runs: Sequence[float | None]) -> Experiment:
    """One schedule, 4 epochs of 100 steps, one run for each list of validation accuracies."""
    made = fake_experiment(schedulers="step", seeds=len(runs), train_size=3200)
    ends = [Status.DONE if len(run) == 4 else Status.DIVERGED if run else Status.FAILED for run in runs]
    finished = [measured(*given) for given in zip(made.finished, runs, ends, strict=True)]
    return replace(made, finished=tuple(finished))


@pytest.mark.parametrize(
    ("runs", "reached", "epoch", "step"),
    [
        ([[0.5, 0.9, 0.9, 0.9]], 1, 2, 200),  # a value equal to the target reaches it
        ([[0.5, 0.95, 0.5, 0.5]], 1, 2, 200),  # what falls back has still been there
        ([[0.5, 0.6, 0.7, 0.8]], 0, None, None),  # not the last epoch
        ([[0.9] * 4, [0.1, 0.1, 0.9, 0.9]], 2, 2.0, 200.0),
        ([[0.9] * 4, [0.1, 0.9, 0.9, 0.9]], 2, 1.5, 150.0),
        ([[0.9] * 4, [0.1] * 4], 1, None, None),  # half: the mean of 1 and infinity
        ([[0.9] * 4, [0.1] * 4, [0.1] * 4], 1, None, None),
        ([[0.9] * 4, [0.1, 0.1, 0.1, 0.9], [0.1] * 4], 2, 4, 400),  # 1, 4, never
        ([[0.9] * 4, [0.1, 0.9], []], 2, 2, 200),  # diverged after it; failed before it
        ([[0.9] * 4, [0.1, float("nan")], []], 1, None, None),
    ],
)
def test_by_hand(runs: list[list[float]], reached: int, epoch: float | None, step: float | None) -> None:
    (found,) = time_to_target(experiment_of(*runs), 0.9)
    figure = FIGURES[1]
    assert found == Reached("step", figure, 0.9, len(runs), reached, epoch, step)


def test_the_soonest_comes_first_then_the_most_that_reached_it() -> None:
    made = fake_experiment(schedulers="step,cosine,linear,constant", seeds=2)
    never, late, soon = [0.1] * 4, [0.1, 0.1, 0.9, 0.9], [0.9] * 4
    values = {"constant": (never, never), "cosine": (late, late), "linear": (soon, never), "step": (soon, soon)}
    finished = [measured(one, values[one.schedule.words][one.seed]) for one in made.finished]
    found = time_to_target(replace(made, finished=tuple(finished)), 0.9)
    assert [each.scheduler for each in found] == ["step", "cosine", "linear", "constant"]


@pytest.mark.parametrize("target", [0, 1, -0.1, 97, float("nan"), float("inf")])
def test_a_target_is_a_fraction(target: float) -> None:
    with pytest.raises(BadConfig, match=r"target=.* does not lie between 0 and 1"):
        time_to_target(fake_experiment(), target)


@pytest.mark.slow
def test_the_command_draws_it_and_refuses_what_cannot_be(cli: Callable[..., Result]) -> None:
    cli("run", "--engine", "fake", "-s", "step,cosine", "-o", "a")
    assert "target.png" in cli("plot", "a", "--target", "0.5").stdout
    refused = cli("plot", "a", "--target", "97", "--out", "pictures")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--target 0.97" in refused.stderr
    cli("run", "--engine", "fake", "-s", "step,cosine", "--val-size", "0", "-o", "b")
    refused = cli("plot", "b", "--target", "0.5")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "no validation accuracy" in refused.stderr
