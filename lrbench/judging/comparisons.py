"""Is the difference real? From one value per schedule and seed to a verdict per pair of schedules.

Only runs of the same seed are compared, on their final value. A schedule with failed runs is compared on the seeds
that both finished, and is never better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from lrbench.errors import BadConfig, nearest
from lrbench.judging import statistics as stats
from lrbench.judging.scores import Scores, Values

ALPHA = 0.05  # of the whole family of comparisons
POWER = 0.8


class Verdict(StrEnum):
    """What can be said of a schedule against another."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    CANNOT_TELL = "cannot tell"
    NOT_ASKED = "not asked"  # a pair beside those that were compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A schedule against a baseline, over the seeds that both finished. What n does not allow is nan or None."""

    scheduler: str
    baseline: str
    metric: str
    unit: str  # of the difference: points (hundredths) where the figure is a share, else the figure's, if any
    n: int  # pairs
    mean_difference: float  # schedule minus baseline, in the metric's unit
    ci_low: float  # 95 % paired t interval of it
    ci_high: float
    p_value: float  # exact sign-flip test, two-sided
    p_holm: float  # adjusted over the family
    family: int  # how many comparisons were made together
    can_tell: bool  # whether so many pairs could reach 5 % in this family at all
    wins: int
    losses: int
    ties: int
    probability_better: float  # P(A > B): the share of pairs that the schedule wins; a tie is half a win
    effect_size: float  # Cohen's d_z
    correlation: float  # of the pairs
    lost: tuple[int, int]  # runs that did not finish: the schedule's, the baseline's
    verdict: Verdict
    reason: str  # why it cannot tell, or what else there is to know; may be empty
    margin: float | None  # what was stated to be no difference
    seeds_needed: int | None  # for 80 % power at the family's 5 %, if the difference is as seen
    minimum_detectable_effect: float  # the smallest difference that n pairs show with that power


def choose_baseline(
    scores: Scores, wanted: str | None, validation: Scores | None, usual: str | None = "constant"
) -> str | None:
    """Return the schedule to compare with: the wanted one, the usual one, or the best by validation.

    One that never finished is none, unless it is wanted. None if there is nothing to choose by.
    Raises BadConfig if the wanted one is a stranger.
    """
    if wanted is not None and wanted not in scores.values:
        raise BadConfig(f"There is no schedule {wanted!r} to compare with.", nearest(wanted, scores.values))
    if wanted or usual in scores.finished:
        return wanted or usual
    return next(iter(validation.ranked()), None) if validation else None


def against(scores: Scores, baseline: str, margin: float | None = None) -> list[Comparison]:
    """Compare every schedule with the baseline; together they are one family. The best mean comes first."""
    pairs = [(label, baseline) for label in scores.ranked() if label != baseline]
    return compare(scores, pairs, margin)


def all_pairs(scores: Scores, margin: float | None = None) -> list[Comparison]:
    """Compare every two schedules, the better mean against the other; together they are one family."""
    return compare(scores, list(combinations(scores.ranked(), 2)), margin)


def compare(scores: Scores, pairs: Sequence[tuple[str, str]], margin: float | None = None) -> list[Comparison]:
    """Compare pairs of labels as one family. `margin`, in the metric's unit, is what counts as no difference."""
    values = [_paired(scores, a, b) for a, b in pairs]
    p = _p_values([x - y for x, y in values])
    adjusted = stats.holm(p)
    family = []
    for i, ((a, b), (x, y)) in enumerate(zip(pairs, values, strict=True)):
        measured = _measure(scores, a, b, x, y, margin)
        known = replace(measured, p_value=p[i], p_holm=float(adjusted[i]), family=int(np.isfinite(p).sum()))
        family.append(_judge(known, scores, x - y, p, i))
    return family


def turned(each: Comparison) -> Comparison:
    """Return a comparison seen from the other side."""
    verdict = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}.get(each.verdict, each.verdict)
    return replace(
        each,
        scheduler=each.baseline,
        baseline=each.scheduler,
        mean_difference=-each.mean_difference,
        ci_low=-each.ci_high,
        ci_high=-each.ci_low,
        wins=each.losses,
        losses=each.wins,
        probability_better=1 - each.probability_better,
        effect_size=-each.effect_size,
        lost=each.lost[::-1],
        verdict=verdict,
    )


def with_all_pairs(scores: Scores, compared: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Return every two schedules, the better mean first: as they were compared, and else as not asked.

    So that a table of all pairs says no more than the one family of comparisons does.
    """
    known = {(each.scheduler, each.baseline): each for each in compared}
    known |= {(each.baseline, each.scheduler): turned(each) for each in compared}
    pairs = combinations(scores.ranked(), 2)
    return tuple(known.get((a, b)) or _unasked(scores, a, b) for a, b in pairs)


def _unasked(scores: Scores, a: str, b: str) -> Comparison:
    return replace(_measure(scores, a, b, *_paired(scores, a, b), None), verdict=Verdict.NOT_ASKED)


def winner(scores: Scores, compared: Sequence[Comparison]) -> str | None:
    """Return the schedule that is better than every other that finished, if the comparisons say so of one.

    Of all pairs: the one that is better in each of its own. Against a baseline: the baseline, if all others are
    worse; or the only one that is better than it, if all the rest are worse than it. A schedule with lost runs is
    none.
    """
    won = {
        (each.scheduler, each.baseline) if each.verdict is Verdict.BETTER else (each.baseline, each.scheduler)
        for each in compared
        if each.verdict in (Verdict.BETTER, Verdict.WORSE)
    }
    finished = set(scores.finished)
    for label in scores.ranked():
        met = [each for each in compared if each.n and label in (each.scheduler, each.baseline)]
        beaten = {loser for first, loser in won if first == label}
        beneath = {loser for first, loser in won if first in beaten}
        if met and len(met) == len(beaten) and finished - {label} <= beaten | beneath:
            return label
    return None


def _paired(scores: Scores, a: str, b: str) -> tuple[Values, Values]:
    """The values of the seeds that both finished: float64 (n,) each, in the order of the seeds."""
    left, right = scores.values[a], scores.values[b]
    pairs = [(left[seed], right.get(seed)) for seed in sorted(left)]
    both = [(x, y) for x, y in pairs if x is not None and y is not None]
    return np.array([x for x, _ in both], float), np.array([y for _, y in both], float)


def _p_values(differences: Sequence[Values]) -> list[float]:
    """The sign-flip p of each; nan with fewer than two pairs. Those of equal n are computed together."""
    p = [math.nan] * len(differences)
    for n in {d.size for d in differences if d.size > 1}:
        same = [i for i, d in enumerate(differences) if d.size == n]
        for i, value in zip(same, stats.sign_flip_p(np.stack([differences[i] for i in same])), strict=True):
            p[i] = float(value)
    return p


def _measure(scores: Scores, a: str, b: str, x: Values, y: Values, margin: float | None) -> Comparison:
    """All of a comparison that does not depend on the others."""
    d = x - y
    n = d.size
    low, high = stats.mean_interval(d)
    gains = -d if scores.lower_is_better else d
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    return Comparison(
        scheduler=a,
        baseline=b,
        metric=scores.metric,
        unit="points" if scores.is_share else scores.unit,
        n=n,
        mean_difference=float(d.mean()) if n else math.nan,
        ci_low=low,
        ci_high=high,
        p_value=math.nan,
        p_holm=math.nan,
        family=0,
        can_tell=False,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        probability_better=(wins + (n - wins - losses) / 2) / n if n else math.nan,
        effect_size=stats.effect_size(d),
        correlation=stats.correlation(x, y),
        lost=(scores.lost(a), scores.lost(b)),
        verdict=Verdict.CANNOT_TELL,
        reason="",
        margin=margin,
        seeds_needed=None,
        minimum_detectable_effect=math.nan,
    )


def _judge(seen: Comparison, scores: Scores, d: Values, p: Sequence[float], i: int) -> Comparison:
    """Add the verdict, and where there is none, what would settle it. p: of the whole family, p[i] its own."""
    lost = "; ".join(
        f"{count} of {len(scores.values[label])} runs of {label} did not finish"
        for label, count in zip((seen.scheduler, seen.baseline), seen.lost, strict=True)
        if count
    )
    if seen.n < 2:
        seeds, others = (set(scores.values[label]) for label in (seen.scheduler, seen.baseline))
        if seeds & others:
            only = f"one seed tells nothing; {stats.fewest_pairs(ALPHA / len(p))} can"
        else:
            only = "no seed in common: train both with the same ones"
        return replace(seen, reason=lost or only)
    alpha = ALPHA / seen.family  # what Holm asks of the smallest p; the others need no more than this
    known = replace(
        seen,
        seeds_needed=stats.pairs_needed(seen.effect_size, alpha, POWER),
        minimum_detectable_effect=stats.detectable_effect(seen.n, alpha, POWER) * float(np.std(d, ddof=1)),
        can_tell=_reaches(p, i, stats.smallest_p(seen.n)),
    )
    low, high = stats.mean_interval(d, 0.9)
    inside = seen.margin is not None and -seen.margin < low and high < seen.margin
    if seen.p_holm < ALPHA:
        better = (seen.mean_difference > 0) != scores.lower_is_better
        if seen.lost[0 if better else 1]:
            return replace(known, reason=lost)
        verdict = Verdict.BETTER if better else Verdict.WORSE
        within = "but within the margin" if inside else ""
        return replace(known, verdict=verdict, reason="; ".join(filter(None, (within, lost))))
    if inside:
        return replace(known, verdict=Verdict.EQUIVALENT, reason=lost)
    return replace(known, reason="; ".join(filter(None, (_what_would_settle(known, p, i, alpha), lost))))


def _what_would_settle(seen: Comparison, p: Sequence[float], i: int, alpha: float) -> str:
    """Why a comparison of n >= 2 pairs has no verdict."""
    if not seen.can_tell:
        among = f" among {seen.family} comparisons" if seen.family > 1 else ""
        enough = next(n for n in range(seen.n + 1, 100) if _reaches(p, i, stats.smallest_p(n)))
        return f"n = {seen.n} cannot reach {ALPHA}{among}; {enough} seeds can"
    if seen.effect_size == 0:
        return "no difference was seen"
    if seen.seeds_needed is None:
        return f"more than {stats.MOST_PAIRS:,} seeds would be needed"
    if seen.seeds_needed <= seen.n:  # the t test would have seen it, the sign flips did not
        return "as many seeds again would settle it"
    return f"about {seen.seeds_needed:,} seeds would settle it"


def _reaches(p: Sequence[float], i: int, smallest: float) -> bool:
    """Whether a comparison would be told with its smallest possible p, the others of the family as they are."""
    return bool(stats.holm([smallest if j == i else each for j, each in enumerate(p)])[i] < ALPHA)
