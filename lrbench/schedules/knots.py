"""A table of rates as a few points: what a picture needs of it once its factory is gone.

A table of a million rates becomes some dozens of points between which straight lines are drawn.
"""

import numpy as np
from numpy.typing import NDArray

from lrbench.schedules.base import Rates, Steps

Knots = tuple[tuple[int, float], ...]
WITHIN = 1e-3  # of the table's highest rate: how far the lines may be from the table
MOST = 1000
SAMPLES = 4096  # the lines are places on these, and then checked on every step


def knots(rates: Rates) -> Knots:
    """Return a few points (step, rate) of a table, float64 (steps,), the first and the last among them.

    The straight lines between them stay within 0.1 % of the highest rate at every step. A jump is two points at
    neighbouring steps. A table that would need more than 1,000 points is given by 1,000 that are evenly spread,
    however far off.
    1,000,000 steps take some 20 ms.
    """
    last = len(rates) - 1
    within = WITHIN * float(rates.max())
    jumps = _jumps(rates, within)[: MOST + 1]
    places = np.unique(np.concatenate([[0, last], jumps, jumps + 1]))
    if len(places) <= MOST:
        samples = np.unique(np.concatenate([places, np.linspace(0, last, SAMPLES).astype(np.int64)]))
        places = _refined(rates, places, samples, 0.95 * within)
        places = _refined(rates, places, np.arange(len(rates)), within)
    if len(places) > MOST:
        places = np.unique(np.linspace(0, last, MOST).astype(np.int64))
    return tuple(zip(places.tolist(), rates[places].tolist(), strict=True))


def interpolate(knots: Knots, steps: Steps) -> Rates:
    """Return the rates that the lines between the knots have at `steps`: float64, of the shape of steps."""
    at, rates = zip(*knots, strict=True)
    return np.asarray(np.interp(steps, at, rates), float)


def _jumps(rates: Rates, within: float) -> NDArray[np.int64]:
    """The steps after which the rate changes much, and much more than just before and just after."""
    change = np.diff(rates)
    large = np.flatnonzero(np.abs(change) > within)
    before, after = change[np.maximum(large - 1, 0)], change[np.minimum(large + 1, len(change) - 1)]
    alone = (large == 0) | (np.abs(change[large] - before) > within)
    alone &= (large == len(change) - 1) | (np.abs(change[large] - after) > within)
    return large[alone]


def _refined(
    rates: Rates, places: NDArray[np.int64], among: NDArray[np.int64], within: float
) -> NDArray[np.int64]:
    """Add the worst of `among` between any two points until the lines are close enough, or there are too many.

    `places` is a part of `among`; both are sorted. Stretches that are close enough are not looked at again.
    """
    while len(places) <= MOST:
        off = np.abs(np.interp(among, places, rates[places]) - rates[among])
        begins = np.unique(np.searchsorted(among, places))
        begins = begins[begins < len(among)]
        lengths = np.diff(begins, append=len(among))
        far = np.maximum.reduceat(off, begins) > within
        if not far.any():
            break
        stretches = zip(begins[far], lengths[far], strict=True)
        worst = [begin + int(off[begin : begin + length].argmax()) for begin, length in stretches]
        places = np.union1d(places, among[worst])
        among = among[np.repeat(far, lengths)]
    return places
