"""One final figure of every run: what a comparison is made of."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig, nearest
from lrbench.judging.groups import by_scheduler
from lrbench.plan import Experiment, Finished
from lrbench.records import Status

TEST_FIGURES = ("test_accuracy", "test_loss")
EPOCH_FIGURES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")
METRICS = (*TEST_FIGURES, *EPOCH_FIGURES)
COSTS = {
    "loss",
    "losses",
    "error",
    "errors",
    "err",
    "nats",
    "nll",
    "perplexity",
    "ppl",
    "mse",
    "rmse",
    "mae",
    "cost",
}
COSTS |= {"wer", "cer", "fid", "seconds", "time"}
GAINS = {"accuracy", "acc", "score", "reward", "return", "f1", "auc", "auroc", "map", "iou", "bleu", "precision"}
GAINS |= {"recall", "r2", "ndcg"}


Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One figure of every run: label -> seed -> value, None where the run diverged or failed."""

    metric: str
    lower_is_better: bool
    values: Mapping[str, Mapping[int, float | None]]

    @property
    def is_share(self) -> bool:
        """Whether the figure is a fraction 0..1, which people read in percent."""
        found = (value for runs in self.values.values() for value in runs.values() if value is not None)
        return "accuracy" in self.metric and all(0 <= value <= 1 for value in found)

    @property
    def finished(self) -> list[str]:
        """The schedules with at least one finished run."""
        return [label for label in self.values if not math.isnan(self.mean(label))]

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


def scores_of(experiment: Experiment, metric: str = "test_accuracy") -> Scores:
    """Return a final figure of every run of an experiment. Raises BadConfig for a stranger."""
    if metric not in METRICS:
        raise BadConfig(f"There is no final figure {metric!r}.", nearest(metric, METRICS))

    def final(one: Finished) -> float | None:
        if one.result.status is not Status.DONE:
            return None
        found: float | None = getattr(one.result if metric in TEST_FIGURES else one.result.rows[-1], metric)
        if found is None:
            raise BadConfig(f"{metric} was not measured in {experiment.name}.", "Compare test_accuracy.")
        return found

    values = {
        label: {one.run.seed: final(one) for one in each} for label, each in by_scheduler(experiment).items()
    }
    return Scores(metric, "loss" in metric, values)


def lower_is_better(figure: str) -> bool:
    """Tell by the words of a figure's name whether it is a cost. Raises BadConfig if they do not say."""
    words = set(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", figure).lower()))
    if bool(words & COSTS) == bool(words & GAINS):
        raise BadConfig(
            f"Is {figure} better when it is lower?", "Say lower_is_better=True or lower_is_better=False"
        )
    return bool(words & COSTS)
