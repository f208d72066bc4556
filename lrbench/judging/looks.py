"""A comparison as its design sees it: the pairs in their order, the p and the interval that hold at every look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrbench.designs import Design
from lrbench.judging import sequential
from lrbench.judging import statistics as stats
from lrbench.judging.evalues import confidence_sequence, e_process, open_p
from lrbench.judging.scores import Scores, Values

ALPHA = 0.05  # of an interval, and of the whole family of comparisons
MOST_LOOKS = 60  # of a picture


@dataclass(frozen=True, slots=True)
class Pairs:
    """The values of the seeds that both schedules finished, in the order of the design: float64 (n,) each."""

    x: Values
    y: Values
    lengths: tuple[int, ...]  # of the streams: they add up to n
    lost: int = 0  # seeds that ended for both, and did not finish for one of them
    missing: int | None = None  # of a sequential design: the seed at which it stops, though later ones have ended

    @property
    def differences(self) -> Values:
        return np.asarray(self.x - self.y)

    @property
    def streams(self) -> list[Values]:
        """The differences by independent origin."""
        return np.split(self.differences, np.cumsum(self.lengths)[:-1])


@dataclass(frozen=True, slots=True)
class Look:
    """What holds of a comparison after its first n pairs, at this look and all before it."""

    n: int
    mean: float
    low: float  # 95 %; infinite where too few pairs are there for any interval
    high: float
    p: float


def pairs_of(scores: Scores, a: str, b: str, design: Design) -> Pairs:
    """Return the pairs of a comparison. A sequential one stops at the first seed that has not ended for both.

    So that the order in which runs happen to finish decides nothing.
    """
    left, right = scores.values[a], scores.values[b]
    streams: Sequence[Sequence[int]] = design.streams or [sorted(left)]
    missing = None
    if design.kind == "sequential":
        (order,) = streams
        ended = next((i for i, seed in enumerate(order) if seed not in left or seed not in right), len(order))
        missing = next((order[ended] for seed in order[ended:] if seed in left and seed in right), None)
        streams = [order[:ended]]
    both = [
        [(x, y) for seed in seeds if (x := left.get(seed)) is not None and (y := right.get(seed)) is not None]
        for seeds in streams
    ]
    flat = [pair for stream in both for pair in stream]
    lengths = tuple(len(stream) for stream in both)
    lost = sum(seed in left and seed in right for seeds in streams for seed in seeds) - len(flat)
    a_values, b_values = (np.array([pair[side] for pair in flat], float) for side in (0, 1))
    return Pairs(a_values, b_values, lengths, lost, missing)


def anytime_p(pairs: Pairs, design: Design) -> float:
    """Return the p of a sequential or an open design; nan with fewer than two pairs."""
    d = pairs.differences
    if d.size < 2:
        return math.nan
    if design.kind == "sequential":
        assert design.most is not None
        return sequential.valid_p(d, design.most)
    return open_p(pairs.streams)


def e_value(pairs: Pairs) -> float:
    """Return the evidence that the pairs have now against no difference: what their streams multiply to."""
    return float(np.prod([e_process(d)[-1] for d in pairs.streams if d.size]))


def interval(pairs: Pairs, design: Design) -> tuple[float, float]:
    """Return the 95 % interval of the mean difference that the design allows: (low, high)."""
    d = pairs.differences
    if design.kind == "fixed":
        return stats.mean_interval(d)
    if d.size < 2:
        return math.nan, math.nan
    if design.kind == "sequential":
        assert design.most is not None
        return sequential.repeated_interval(d, design.most, ALPHA)
    return confidence_sequence(pairs.streams, ALPHA)


def is_inside(pairs: Pairs, design: Design, margin: float) -> bool:
    """Whether the interval lies within ±margin, or did so at an earlier look: all looks hold together.

    Of a fixed design, that is the 90 % interval: two one-sided tests at 5 %.
    """
    if design.kind == "sequential":
        return first_inside(pairs, design, margin) is not None
    if design.kind == "fixed":
        low, high = stats.mean_interval(pairs.differences, 0.9)
        return -margin < low and high < margin
    low, high = interval(pairs, design)
    return -margin < low and high < margin


def first_inside(pairs: Pairs, design: Design, margin: float) -> int | None:
    """Return after how many pairs of a sequential design the interval first lay within ±margin; None if never."""
    return next((look.n for look in looks_of(pairs, design) if -margin < look.low and look.high < margin), None)


def looks_of(pairs: Pairs, design: Design) -> list[Look]:
    """Return how a comparison stood after each pair, or after some of very many; of several streams only now.

    What was declared to be looked at once is shown as it would stand if one had looked after every pair.
    """
    d = pairs.differences
    n = np.arange(1, d.size + 1)
    if d.size < 2:
        return []
    if design.kind == "sequential":
        assert design.most is not None
        means = d.cumsum() / n
        spread = np.array([d[:i].std(ddof=1) if i > 1 else 0.0 for i in n])
        with np.errstate(invalid="ignore"):
            half = sequential.boundaries(design.most, ALPHA)[: d.size] * spread / np.sqrt(n)
        half = np.where(np.isnan(half), np.inf, half)
        p = sequential.running_p(d, design.most)
        return [
            Look(
                int(i),
                *map(float, (means[i - 1], means[i - 1] - half[i - 1], means[i - 1] + half[i - 1], p[i - 1])),
            )
            for i in n[1:]
        ]
    first = len(pairs.lengths) == 1
    shown = np.unique(np.linspace(2, d.size, min(MOST_LOOKS, d.size - 1)).astype(int)) if first else n[-1:]
    found = []
    for i in map(int, shown):
        streams = [d[:i]] if first else pairs.streams
        low, high = confidence_sequence(streams, ALPHA)
        found.append(Look(i, float(d[:i].mean()), low, high, open_p(streams)))
    return found
