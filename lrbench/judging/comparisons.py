"""Is the difference real? From one value per schedule and seed to a verdict per pair of schedules.

Only runs of the same seed are compared, on their final value. A schedule with failed runs is compared on the seeds
that both finished, and is never better.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

import numpy as np

from lrbench.designs import ALPHA, FIXED, Design
from lrbench.errors import BadConfig, nearest
from lrbench.judging import sequential
from lrbench.judging import statistics as stats
from lrbench.judging.designs import Designs
from lrbench.judging.looks import anytime_p, e_value, first_inside, interval, is_inside
from lrbench.judging.needed import MOST_TOLD, POWER, Member, can_tell, fewest_seeds, seeds_needed
from lrbench.judging.pairs import Pairs, pairs_of
from lrbench.judging.scores import Scores
from lrbench.judging.sequential import running_p
from lrbench.judging.sign_flips import holm, sign_flip_p

UNSETTLED = "not settled within"


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
    ci_low: float  # 95 % interval of it, by the design: the paired t interval, or one that holds at every look
    ci_high: float
    p_value: float  # two-sided, by the design: the exact sign-flip test, or a p that holds at every look
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
    fewest_seeds: int | None  # that can reach it, where so many cannot; None if no number can
    seeds_needed: int | None  # for 80 % power at the family's 5 %, if the difference is as seen
    minimum_detectable_effect: float  # the smallest difference that n pairs show with that power
    design: str = "fixed"  # "sequential:50", "open": how it is looked at
    looks: tuple[int, ...] = ()  # of an open one: at how many pairs it was looked at before
    p_anytime: float | None = None  # the p that holds at every look; None of a fixed one
    e_value: float | None = None  # of an open one: the evidence as it stands


def choose_baseline(
    scores: Scores, wanted: str | None, validation: Scores | None, usual: str | None = "constant"
) -> str | None:
    """Return the schedule to compare with: the wanted one, the usual one, or the best by validation.

    One that never finished is none, unless it is wanted. None if there is nothing to choose by.
    Raises BadConfig if the wanted one is a stranger.
    """
    if wanted is not None and wanted not in scores.values:
        raise no_schedule(wanted, scores.values)
    if wanted or usual in scores.finished:
        return wanted or usual
    return next(iter(validation.ranked()), None) if validation else None


def no_schedule(wanted: str, known: Iterable[str]) -> BadConfig:
    """Return the error for a baseline that is a stranger."""
    return BadConfig(f"There is no schedule {wanted!r} to compare with.", nearest(wanted, list(known)))


def always_fixed(a: str, b: str) -> Design:
    """The design of every comparison, where nothing else is known: seeds declared, one look."""
    return FIXED


def against(
    scores: Scores, baseline: str, margin: float | None = None, designs: Designs = always_fixed
) -> list[Comparison]:
    """Compare every schedule with the baseline; together they are one family. The best mean comes first."""
    pairs = [(label, baseline) for label in scores.ranked() if label != baseline]
    return compare(scores, pairs, margin, designs)


def all_pairs(scores: Scores, margin: float | None = None, designs: Designs = always_fixed) -> list[Comparison]:
    """Compare every two schedules, the better mean against the other; together they are one family."""
    return compare(scores, list(combinations(scores.ranked(), 2)), margin, designs)


def compare(
    scores: Scores,
    pairs: Sequence[tuple[str, str]],
    margin: float | None = None,
    designs: Designs = always_fixed,
) -> list[Comparison]:
    """Compare pairs of labels as one family. `margin`, in the metric's unit, is what counts as no difference.

    Holm over the p values of all designs. Those that hold at every look never rise while a sequential comparison
    goes on, so Holm on them is the rule "each at 5 % / (still open)" of Maurer & Bretz 2013.
    """
    known = [designs(a, b) for a, b in pairs]
    values = [pairs_of(scores, a, b, design) for (a, b), design in zip(pairs, known, strict=True)]
    p = _p_when_settled(_p_values(values, known), values, known, margin)
    adjusted = holm(p)
    members = [
        _member(scores, a, b, value, of, design)
        for (a, b), value, of, design in zip(pairs, p, values, known, strict=True)
    ]
    family = []
    for i, ((a, b), of, design) in enumerate(zip(pairs, values, known, strict=True)):
        measured = _measure(scores, a, b, of, design, margin)
        p_is = replace(measured, p_value=p[i], p_holm=float(adjusted[i]), family=int(np.isfinite(p).sum()))
        if design.kind != "fixed":
            p_is = replace(p_is, p_anytime=p[i])
        family.append(_judge(p_is, scores, of, design, members, i))
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
    return replace(_measure(scores, a, b, pairs_of(scores, a, b, FIXED), FIXED, None), verdict=Verdict.NOT_ASKED)


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


def _p_values(values: Sequence[Pairs], designs: Sequence[Design]) -> list[float]:
    """The p of each by its design; nan with fewer than two pairs. Fixed ones of equal n are computed together."""
    differences = [each.differences for each in values]
    p = [
        math.nan if design.kind == "fixed" else anytime_p(each, design)
        for each, design in zip(values, designs, strict=True)
    ]
    fixed = [i for i, design in enumerate(designs) if design.kind == "fixed"]
    for n in {differences[i].size for i in fixed if differences[i].size > 1}:
        same = [i for i in fixed if differences[i].size == n]
        for i, value in zip(same, sign_flip_p(np.stack([differences[i] for i in same])), strict=True):
            p[i] = float(value)
    return p


def _p_when_settled(
    p: list[float], values: Sequence[Pairs], designs: Sequence[Design], margin: float | None
) -> list[float]:
    """The p of each; of a sequential one that was equivalent before anything else, as it stood then.

    So that pairs which came later, because they were trained side by side, do not turn it into another verdict.
    """
    if margin is None:
        return p
    paths = {
        i: sequential.running_p(each.differences, design.most)
        for i, (each, design) in enumerate(zip(values, designs, strict=True))
        if design.most is not None and each.differences.size > 1
    }
    inside = [(n, i) for i in paths if (n := first_inside(values[i], designs[i], margin))]
    stands = list(p)
    for n, i in sorted(inside):
        then = [
            max(stands[j], float(paths[j][min(n, paths[j].size) - 1])) if j in paths else p[j]
            for j in range(len(p))
        ]
        if not holm(then)[i] < ALPHA:
            stands[i] = then[i]
    return stands


def _measure(scores: Scores, a: str, b: str, pairs: Pairs, design: Design, margin: float | None) -> Comparison:
    """All of a comparison that does not depend on the others."""
    d = pairs.differences
    n = d.size
    low, high = interval(pairs, design)
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
        correlation=stats.correlation(pairs.x, pairs.y),
        lost=(scores.lost(a), scores.lost(b)),
        verdict=Verdict.CANNOT_TELL,
        reason="",
        margin=margin,
        fewest_seeds=None,
        seeds_needed=None,
        minimum_detectable_effect=math.nan,
        design=str(design),
        looks=design.looks,
        e_value=e_value(pairs) if design.kind == "open" and n else None,
    )


def _member(scores: Scores, a: str, b: str, p: float, pairs: Pairs, design: Design) -> Member:
    """A comparison as its family sees it. One whose schedule has only lost runs so far gets no pair soon."""
    runs = [scores.values[label] for label in (a, b)]
    return Member(
        p=p,
        lengths=pairs.lengths,
        seeds=sum(pairs.lengths) + pairs.lost,
        design=design,
        has_pairs_to_come=all(any(value is not None for value in each.values()) for each in runs),
    )


def _judge(
    seen: Comparison, scores: Scores, pairs: Pairs, design: Design, family: Sequence[Member], i: int
) -> Comparison:
    """Add the verdict, and where there is none, what would settle it: comparison i of the family."""
    lost = "; ".join(
        f"{count} of {len(scores.values[label])} runs of {label} did not finish"
        for label, count in zip((seen.scheduler, seen.baseline), seen.lost, strict=True)
        if count
    )
    possible = seen.n > 1 and can_tell(family, i)
    known = replace(seen, can_tell=possible, fewest_seeds=None if possible else fewest_seeds(family, i))
    if seen.n < 2:
        return replace(known, reason=lost or _no_pairs(known, pairs, design))
    needed = seeds_needed(family, i, seen.effect_size)
    known = replace(known, seeds_needed=needed)
    if design.kind == "fixed":
        spread = float(np.std(pairs.differences, ddof=1))
        effect = stats.detectable_effect(seen.n, ALPHA / seen.family, POWER)
        known = replace(known, minimum_detectable_effect=effect * spread)
    inside = seen.margin is not None and is_inside(pairs, design, seen.margin)
    if seen.p_holm < ALPHA:
        better = (_when_clear(pairs, design, seen.mean_difference) > 0) != scores.lower_is_better
        if seen.lost[0 if better else 1]:
            return replace(known, reason=lost)
        verdict = Verdict.BETTER if better else Verdict.WORSE
        within = "but within the margin" if inside else ""
        return replace(known, verdict=verdict, reason="; ".join(filter(None, (within, lost))))
    if inside:
        return replace(known, verdict=Verdict.EQUIVALENT, reason=lost)
    return replace(known, reason="; ".join(filter(None, (_what_would_settle(known, pairs, design), lost))))


def _when_clear(pairs: Pairs, design: Design, now: float) -> float:
    """The mean difference when a sequential p came to what it is, which later pairs take nothing of; else now."""
    if design.kind != "sequential" or design.most is None:
        return now
    p = running_p(pairs.differences, design.most)
    first = int(np.flatnonzero(p == p[-1])[0]) + 1
    return float(pairs.differences[:first].mean())


def _no_pairs(seen: Comparison, pairs: Pairs, design: Design) -> str:
    """Why a comparison without lost runs has fewer than two pairs."""
    if pairs.missing is not None:
        return _out_of_order(pairs)
    if not seen.n:
        return "no seed in common: train both with the same ones"
    return f"one seed tells nothing; {_can(seen.fewest_seeds)}"


def _what_would_settle(seen: Comparison, pairs: Pairs, design: Design) -> str:
    """Why a comparison of n >= 2 pairs has no verdict, and how many seeds would give one."""
    among = f" among {seen.family} comparisons" if seen.family > 1 else ""
    cannot = f"cannot reach {ALPHA}{among}"
    if design.kind == "sequential" and seen.n + pairs.lost >= (design.most or 0):
        return f"{UNSETTLED} {design.most} seeds" + ("" if seen.can_tell else f", which {cannot}")
    if not seen.can_tell:
        beyond = seen.fewest_seeds and design.kind == "sequential" and seen.fewest_seeds > (design.most or 0)
        most = f", nor can {design.most}, the most that were declared" if beyond else ""
        return f"n = {seen.n} {cannot}{most}; {_can(seen.fewest_seeds)}"
    if seen.effect_size == 0:
        return "no difference was seen"
    if design.kind == "sequential":
        return "more seeds may settle it" if pairs.missing is None else _out_of_order(pairs)
    if seen.seeds_needed is None or seen.seeds_needed > MOST_TOLD:
        return f"more than {MOST_TOLD:,} seeds would be needed: of no practical account"
    if seen.seeds_needed <= seen.n + pairs.lost:  # the t test would have seen it, the sign flips did not
        return "more seeds may settle it" if design.kind == "open" else "as many seeds again would settle it"
    return f"about {seen.seeds_needed:,} seeds would settle it"


def _out_of_order(pairs: Pairs) -> str:
    return f"seed {pairs.missing} is missing, and the seeds after it count only once it is there"


def _can(seeds: int | None) -> str:
    return "no number of seeds can" if seeds is None else f"{seeds} seeds can"
