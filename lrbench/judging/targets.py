"""When did a run first reach a target? A run that never does is censored: it counts as later than every other."""

import math
from dataclasses import dataclass
from statistics import median

from lrbench.errors import BadConfig
from lrbench.foreign import finite
from lrbench.judging.groups import by_scheduler
from lrbench.runs import Experiment, Finished
from lrbench.runs import Row


@dataclass(frozen=True, slots=True)
class Reached:
    """How soon the runs of one schedule reached a target. To the medians, never is infinitely late."""

    scheduler: str
    target: float  # fraction of the validation examples, 0..1
    n: int  # runs, failed and diverged ones too: they count as reaching only what they reached before
    reached: int
    median_epoch: float | None  # None where it is infinite: half of the runs or more never reached it
    median_step: float | None  # updates


def check_fraction(target: float) -> None:
    """Raise BadConfig if a target is no fraction."""
    if not 0 < target < 1:
        share = target if 1 < target < 100 else 97
        hint = f"For {share:g} %, write target={share / 100:g}"
        raise BadConfig(f"target={target:g} does not lie between 0 and 1.", hint)


def time_to_target(experiment: Experiment, target: float) -> list[Reached]:
    """Return for every schedule when its runs first had a validation accuracy of `target`, the soonest first.

    Raises BadConfig if the target is no fraction, or there is no validation accuracy that could reach it.
    """
    check_fraction(target)
    if experiment.setting.validate_on == "none":
        raise BadConfig(
            f"{experiment.name} has no validation accuracy that could reach a target.",
            "Ask without a target, or train with validation images.",
        )
    found = [
        _counted(label, target, [_first_at(one, target) for one in each])
        for label, each in by_scheduler(experiment).items()
    ]
    return sorted(found, key=lambda each: (_or_infinite(each.median_step), -each.reached / each.n, each.scheduler))


def _first_at(one: Finished, target: float) -> Row | None:
    """Return the first epoch that reached the target; None for a censored run. Nan reaches nothing."""
    return next((row for row in one.result.rows if (row.val_accuracy or 0) >= target), None)


def _counted(label: str, target: float, rows: list[Row | None]) -> Reached:
    return Reached(
        scheduler=label,
        target=target,
        n=len(rows),
        reached=sum(row is not None for row in rows),
        median_epoch=finite(float(median(math.inf if row is None else row.epoch for row in rows))),
        median_step=finite(float(median(math.inf if row is None else row.step for row in rows))),
    )


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value
