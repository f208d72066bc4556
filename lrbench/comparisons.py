"""Is the difference real? From one value per schedule and seed to a verdict per pair of schedules.

Only runs of the same seed are compared, on their final value. A schedule with failed runs is compared on the seeds
that both finished, and is never better.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from lrbench import stats
from lrbench.errors import BadConfig, nearest
from lrbench.plan import Experiment
from lrbench.records import Status

ALPHA = 0.05  # of the whole family of comparisons
POWER = 0.8
TEST_FIGURES = ("test_accuracy", "test_loss")
EPOCH_FIGURES = ("val_accuracy", "val_loss", "train_accuracy", "train_loss")
METRICS = (*TEST_FIGURES, *EPOCH_FIGURES)
COSTS = ("loss", "error", "nats", "perplexity", "seconds", "time")  # words for what is better when lower


class Verdict(StrEnum):
    """What can be said of a schedule against another."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Scores:
    """One figure of every run: label -> seed -> value, None where the run diverged or failed."""

    metric: str
    lower_is_better: bool
    values: Mapping[str, Mapping[int, float | None]]

    @property
    def is_share(self) -> bool:
        """Whether the figure is a fraction 0..1, which people read in percent."""
        return "accuracy" in self.metric

    def lost(self, label: str) -> int:
        """Return how many runs of a schedule did not finish."""
        return sum(value is None for value in self.values[label].values())

    def mean(self, label: str) -> float:
        """Return the mean of the finished runs; nan without one."""
        finished = [value for _, value in sorted(self.values[label].items()) if value is not None]
        return float(np.mean(finished)) if finished else math.nan

    def ranked(self) -> list[str]:
        """Return the labels, the best mean first, those without a finished run last."""
        sign = 1 if self.lower_is_better else -1
        means = {label: self.mean(label) for label in self.values}
        return sorted(means, key=lambda label: (math.isnan(means[label]), sign * means[label], label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A schedule against a baseline, over the seeds that both finished. What n does not allow is nan or None."""

    scheduler: str
    baseline: str
    metric: str
    n: int  # pairs
    mean_difference: float  # schedule minus baseline, in the metric's unit
    ci_low: float  # 95 % paired t interval of it
    ci_high: float
    p_value: float  # exact sign-flip test, two-sided
    p_holm: float  # adjusted over the family
    family: int  # how many comparisons were made together
    wins: int
    losses: int
    ties: int
    probability_better: float  # P(A > B): the share of pairs that the schedule wins; a tie is half a win
    effect_size: float  # Cohen's d_z
    correlation: float  # of the pairs
    lost: tuple[int, int]  # runs that did not finish: the schedule's, the baseline's
    verdict: Verdict
    reason: str  # why it cannot tell, or what else there is to know; may be empty
    seeds_needed: int | None  # for 80 % power at the family's 5 %, if the difference is as seen
    minimum_detectable_effect: float  # the smallest difference that n pairs show with that power


def scores_of(experiment: Experiment, metric: str = "test_accuracy") -> Scores:
    """Return a final figure of every run of an experiment. Raises BadConfig for a stranger."""
    if metric not in METRICS:
        raise BadConfig(f"There is no final figure {metric!r}.", nearest(metric, METRICS))
    values: dict[str, dict[int, float | None]] = {}
    for one in experiment.finished:
        found: float | None = None
        if one.result.status is Status.DONE:
            found = getattr(one.result if metric in TEST_FIGURES else one.result.rows[-1], metric)
            if found is None:
                raise BadConfig(f"{metric} was not measured in {experiment.name}.", "Compare test_accuracy.")
        values.setdefault(one.run.schedule.label, {})[one.run.seed] = found
    return Scores(metric, "loss" in metric, values)


def choose_baseline(scores: Scores, wanted: str | None, validation: Scores | None) -> str:
    """Return the schedule to compare with: the wanted one, `constant`, or the best by validation.

    Raises BadConfig if the wanted one is a stranger, or there is none to choose by.
    """
    if wanted is not None and wanted not in scores.values:
        raise BadConfig(f"There is no schedule {wanted!r} to compare with.", nearest(wanted, scores.values))
    if wanted or "constant" in scores.values:
        return wanted or "constant"
    if validation is None:
        labels = ", ".join(scores.values)
        raise BadConfig("There is no schedule 'constant' to compare with.", f"Name one of {labels}: --baseline")
    return validation.ranked()[0]


def against(scores: Scores, baseline: str, margin: float | None = None) -> list[Comparison]:
    """Compare every schedule with the baseline; together they are one family. The best mean comes first."""
    pairs = [(label, baseline) for label in scores.ranked() if label != baseline]
    return compare(scores, pairs, margin)


def all_pairs(scores: Scores, margin: float | None = None) -> list[Comparison]:
    """Compare every two schedules, the better mean against the other; together they are one family."""
    return compare(scores, list(combinations(scores.ranked(), 2)), margin)


def compare(scores: Scores, pairs: Sequence[tuple[str, str]], margin: float | None = None) -> list[Comparison]:
    """Compare pairs of labels as one family. `margin`, in the metric's unit, is what counts as no difference."""
    seen = [_measure(scores, a, b) for a, b in pairs]
    adjusted = stats.holm([each.p_value for each in seen])
    family = int(np.isfinite(adjusted).sum())
    return [
        _judge(replace(each, p_holm=float(p), family=family), scores, margin)
        for each, p in zip(seen, adjusted, strict=True)
    ]


def winner(scores: Scores) -> str | None:
    """Return the schedule that is better than every other, all pairs being one family; None if there is none."""
    ranked = scores.ranked()
    first = [each for each in all_pairs(scores) if each.scheduler == ranked[0]]
    return ranked[0] if first and all(each.verdict is Verdict.BETTER for each in first) else None


def _measure(scores: Scores, a: str, b: str) -> Comparison:
    """All of a comparison that does not depend on the others."""
    left, right = scores.values[a], scores.values[b]
    seeds = [seed for seed in sorted(left) if left[seed] is not None and right.get(seed) is not None]
    x = np.array([left[seed] for seed in seeds], float)
    y = np.array([right[seed] for seed in seeds], float)
    d = x - y
    n = len(seeds)
    low, high = stats.mean_interval(d)
    gains = -d if scores.lower_is_better else d
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    return Comparison(
        scheduler=a,
        baseline=b,
        metric=scores.metric,
        n=n,
        mean_difference=float(d.mean()) if n else math.nan,
        ci_low=low,
        ci_high=high,
        p_value=float(stats.sign_flip_p(d)) if n > 1 else math.nan,
        p_holm=math.nan,
        family=0,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        probability_better=(wins + (n - wins - losses) / 2) / n if n else math.nan,
        effect_size=stats.effect_size(d),
        correlation=stats.correlation(x, y),
        lost=(scores.lost(a), scores.lost(b)),
        verdict=Verdict.CANNOT_TELL,
        reason="",
        seeds_needed=None,
        minimum_detectable_effect=math.nan,
    )


def _judge(seen: Comparison, scores: Scores, margin: float | None) -> Comparison:
    """Add the verdict, and where there is none, what would settle it."""
    if seen.n < 2:
        only = "one seed" if seen.n else "no seed that both finished"
        return replace(seen, reason=f"{only}: add --seeds 10")
    alpha = ALPHA / seen.family  # what Holm asks of the smallest p, so the others need no more than this
    x = _paired(scores, seen)
    enlarged = replace(
        seen,
        seeds_needed=stats.pairs_needed(seen.effect_size, alpha, POWER),
        minimum_detectable_effect=stats.detectable_effect(seen.n, alpha, POWER) * float(np.std(x, ddof=1)),
    )
    low, high = stats.mean_interval(x, 0.9)
    inside = margin is not None and -margin < low and high < margin
    if seen.p_holm < ALPHA:
        higher = seen.mean_difference > 0
        better = higher != scores.lower_is_better
        lost = seen.lost[0 if better else 1]
        if lost:
            who = seen.scheduler if better else seen.baseline
            runs = "1 run" if lost == 1 else f"{lost} runs"
            return replace(enlarged, reason=f"{runs} of {who} did not finish")
        verdict = Verdict.BETTER if better else Verdict.WORSE
        return replace(enlarged, verdict=verdict, reason="but within the margin" if inside else "")
    if inside:
        return replace(enlarged, verdict=Verdict.EQUIVALENT)
    return replace(enlarged, reason=_what_would_settle(enlarged, alpha))


def _paired(scores: Scores, seen: Comparison) -> list[float]:
    left, right = scores.values[seen.scheduler], scores.values[seen.baseline]
    pairs: Iterable[tuple[float | None, float | None]] = ((left[seed], right.get(seed)) for seed in sorted(left))
    return [a - b for a, b in pairs if a is not None and b is not None]


def _what_would_settle(seen: Comparison, alpha: float) -> str:
    """Why a comparison of n >= 2 pairs has no verdict."""
    if stats.smallest_p(seen.n) >= alpha:
        among = f" among {seen.family} comparisons" if seen.family > 1 else ""
        return f"n = {seen.n} cannot reach {ALPHA}{among}; {stats.fewest_pairs(alpha)} seeds can"
    if seen.effect_size == 0:
        return "no difference was seen"
    if seen.seeds_needed is None:
        return f"more than {stats.MOST_PAIRS:,} seeds would be needed"
    if seen.seeds_needed <= seen.n:  # the t test would have seen it, the sign flips did not
        return "as many seeds again would settle it"
    return f"about {seen.seeds_needed:,} seeds would settle it"
