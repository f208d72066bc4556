"""When did a run first reach a target? A run that never does is censored: it counts as later than every other."""

import math
from dataclasses import dataclass
from statistics import median

from lrbench.errors import BadConfig
from lrbench.foreign import finite
from lrbench.runs import Experiment, Figure, Finished


@dataclass(frozen=True, slots=True)
class Reached:
    """How soon the runs of one schedule reached a target. To the medians, never is infinitely late."""

    scheduler: str
    figure: Figure  # of the validation examples
    target: float  # in the figure's unit
    n: int  # runs, failed and diverged ones too: they count as reaching only what they reached before
    reached: int
    median_epoch: float | None  # None where it is infinite: half of the runs or more never reached it
    median_step: float | None  # updates


def check_target(figure: Figure, target: float) -> None:
    """Raise BadConfig if a target is none that the figure can reach: a share lies between 0 and 1."""
    if figure.is_share and not 0 < target < 1:
        share = target if 1 < target < 100 else 97
        hint = f"For {share:g} %, write target={share / 100:g}"
        raise BadConfig(f"target={target:g} does not lie between 0 and 1.", hint)


def time_to_target(experiment: Experiment, target: float) -> list[Reached]:
    """Return for every schedule when its runs first had a validation figure of `target`, the soonest first.

    The figure is the one that schedules are compared by. Raises BadConfig if it cannot reach the target, or there
    is no validation that could.
    """
    subject = experiment.setting.subject
    figure = subject.compared
    check_target(figure, target)
    if experiment.setting.validate_on == "none":
        raise BadConfig(
            f"{experiment.name} has no validation {figure.title} that could reach a target.",
            f"Ask without a target, or train with validation {subject.noun}.",
        )
    found = [
        _counted(name, figure, target, [_first_at(one, figure, target) for one in runs])
        for name, runs in experiment.groups.items()
    ]
    return sorted(found, key=lambda each: (_or_infinite(each.median_step), -each.reached / each.n, each.scheduler))


def _first_at(one: Finished, figure: Figure, target: float) -> tuple[int, int] | None:
    """Return the first epoch that reached the target, and its step; None for a censored run. Nan never does."""
    sign = -1 if figure.better == "lower" else 1
    values = one.column(f"val_{figure.name}")
    for row, value in zip(one.result.rows, values, strict=True):
        if value is not None and sign * value >= sign * target:
            return row.epoch, row.step
    return None


def _counted(name: str, figure: Figure, target: float, places: list[tuple[int, int] | None]) -> Reached:
    never = (math.inf, math.inf)
    epochs, steps = zip(*(place or never for place in places), strict=True)
    return Reached(
        scheduler=name,
        figure=figure,
        target=target,
        n=len(places),
        reached=sum(place is not None for place in places),
        median_epoch=finite(float(median(epochs))),
        median_step=finite(float(median(steps))),
    )


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
