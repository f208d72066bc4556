"""Time to target: how long until validation accuracy first reaches a value that was fixed before looking."""

from dataclasses import dataclass

from lrbench.plan import Experiment


@dataclass(frozen=True, slots=True)
class Reached:
    """One schedule's runs; those that never got there are censored, not counted as the last epoch."""

    scheduler: str
    target: float
    n: int
    reached: int
    median_epoch: float | None
    median_step: float | None


def time_to_target(experiment: Experiment, target: float) -> list[Reached]:
    return []
