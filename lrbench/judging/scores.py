"""One final figure of every run: what a comparison is made of."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lrbench.directions import higher_is_better
from lrbench.errors import BadConfig
from lrbench.runs import Experiment, Status

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One figure of every run: label -> seed -> value, None where the run diverged or failed."""

    metric: str  # `test_accuracy`
    lower_is_better: bool
    values: Mapping[str, Mapping[int, float | None]]
    is_share: bool = False  # whether the figure is a fraction 0..1, which people read in percent
    unit: str = ""  # of the figure, if it has one

    @property
    def finished(self) -> list[str]:
        """The schedules with at least one finished run."""
        return [label for label in self.values if not math.isnan(self.mean(label))]

    def with_one_seed(self) -> list[str]:
        """Return the schedules that ran with a single seed where others ran with more."""
        counts = {label: len(seeds) for label, seeds in self.values.items()}
        return [label for label, n in counts.items() if n == 1] if max(counts.values(), default=1) > 1 else []

    def without(self, labels: Collection[str]) -> "Scores":
        """Return the same figure of the other schedules."""
        return replace(self, values={label: its for label, its in self.values.items() if label not in labels})

    def lost(self, label: str) -> int:
        """Return how many runs of a schedule did not finish."""
        return sum(value is None for value in self.values[label].values())

    def finals(self, label: str) -> Values:
        """Return the values of the finished runs, in the order of their seeds: float64 (n,)."""
        return np.array([value for _, value in sorted(self.values[label].items()) if value is not None], float)

    def mean(self, label: str) -> float:
        """Return the mean of the finished runs; nan without one."""
        finished = self.finals(label)
        return float(finished.mean()) if finished.size else math.nan

    def ranked(self) -> list[str]:
        """Return the labels, the best mean first, those without a finished run last."""
        sign = 1 if self.lower_is_better else -1
        means = {label: self.mean(label) for label in self.values}
        return sorted(means, key=lambda label: (math.isnan(means[label]), sign * means[label], label))


def scores_of(experiment: Experiment, metric: str) -> Scores:
    """Return a final figure of every run of an experiment. Raises BadConfig for a stranger."""
    subject = experiment.setting.subject
    figure = subject.find(metric)
    if figure.better == "neither":
        raise BadConfig(f"No {figure.title} is better than another.", f"Compare test_{subject.compared.name}.")
    values = {name: {one.seed: one.final(metric) for one in runs} for name, runs in experiment.groups.items()}
    done = (one for one in experiment.finished if one.result.status is Status.DONE)
    if any(one.final(metric) is None for one in done):
        raise BadConfig(
            f"{metric} was not measured in {experiment.name}.", f"Compare test_{subject.compared.name}."
        )
    return Scores(metric, figure.better == "lower", values, figure.is_share, figure.unit)


def lower_is_better(metric: str) -> bool:
    """Tell by a metric's name whether it is a cost. Raises BadConfig if the name does not say."""
    higher = higher_is_better(metric)
    if higher is None:
        raise BadConfig(
            f"Cannot tell from its name whether {metric} is better when it is lower.",
            "Say lower_is_better=True or lower_is_better=False",
        )
    return not higher
