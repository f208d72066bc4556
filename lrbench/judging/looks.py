"""A comparison as its design sees it: the p and the interval that hold at every look."""

import math
from dataclasses import dataclass

import numpy as np

from lrbench.designs import ALPHA, Design
from lrbench.judging import sequential
from lrbench.judging import statistics as stats
from lrbench.judging.evalues import confidence_sequence, e_process, open_p
from lrbench.judging.pairs import Pairs

MOST_LOOKS = 60  # of a picture


@dataclass(frozen=True, slots=True)
class Look:
    """What holds of a comparison after its first n pairs, at this look and all before it."""

    n: int
    mean: float
    low: float  # 95 %; infinite where too few pairs are there for any interval
    high: float
    p: float


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
