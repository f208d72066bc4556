"""Looks at any time, with no number declared: the open design. Evidence that is valid however one looks.

An e-value is what a fair game would have paid: at most 1 on average if nothing differs, so it exceeds 1 / alpha at
any time with a probability of at most alpha (Ville 1939). Here the bets are on the signs of the differences, which
are fair coins under symmetry: no variance is known, no normality asked. de la Peña 1999, "A general class of
exponential inequalities for martingales and ratios"; Wang & Ramdas 2025, https://arxiv.org/abs/2310.03722.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

BETS: Array = np.array(
    [0.25, 0.5, 1.0, 2.0]
)  # lambda: large ones soon see large effects, small ones small effects
_OFFSETS: Array = 0.02 * np.sinh(np.linspace(-18, 18, 361))  # dense near 0, to 600,000 at the ends
_HALVINGS = 50


def e_process(d: ArrayLike) -> Array:
    """Return the evidence after each difference that they are not symmetric about 0: (..., n) -> (..., n).

    With u_i = d_i / rms(d_1 ... d_i), 0 as long as all are 0: E_n = mean over lambda in BETS and both signs of the
    product of exp(±lambda u_i) / cosh(lambda u_i). Given |d_1|, |d_2|, ... each factor is 1 on average. d in the
    order in which the seeds are looked at.
    """
    return np.exp(np.minimum(_log_e(np.asarray(d, float)), 700))


def open_p(streams: Sequence[ArrayLike]) -> float:
    """Return the p that is valid at every look. streams: float (n,) each, one per independent origin of seeds.

    Of one stream: 1 / the largest E so far, at most 1. Of several: 1 / the product of what they have now. Whatever
    the order in which their seeds came, each new one multiplies the product by 1 on average if nothing differs, so
    Ville's inequality holds for its path. Which path it was, and so the largest product on it, is not known; and
    the product of the largest E of each would not do, as that is more than 1 on average.
    """
    return float(np.exp(-max(_evidence(streams, np.zeros(1))[0], 0.0)))


def confidence_sequence(streams: Sequence[ArrayLike], alpha: float) -> tuple[float, float]:
    """Return the ends of all shifts m that `open_p` of d - m leaves above alpha: (low, high). streams as above.

    All looks together cover the centre of symmetry with 1 - alpha. Infinite where too few are there to exclude
    anything (at 5 % fewer than 7), nan where no shift is left, which differences about one centre do with a
    probability of at most alpha. 0 is outside only if p is at most alpha.
    """
    wall = -np.log(alpha)
    known = [np.asarray(d, float) for d in streams]
    d = np.concatenate([np.empty(0), *known])
    if _evidence([np.ones(each.size) for each in known], np.zeros(1))[0] < wall:  # what shifts far away come to
        return -np.inf, np.inf
    centre = float(np.median(d))
    reach = float(np.abs(d - centre).max())
    if reach == 0:
        return centre, centre
    # Where a first difference is met exactly, it is no evidence: there single shifts may be left between others.
    shifts = np.unique(np.concatenate([centre + reach * _OFFSETS, d, [0.0]]))
    left = np.flatnonzero(_evidence(known, shifts) < wall)
    if not left.size:
        return np.nan, np.nan
    inside = shifts[left[[0, -1]]]
    outside = shifts[[max(left[0] - 1, 0), min(left[-1] + 1, shifts.size - 1)]]
    unbounded = inside == outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        is_left = _evidence(known, middle) < wall
        inside, outside = np.where(is_left, middle, inside), np.where(is_left, outside, middle)
    low, high = np.where(unbounded, [-np.inf, np.inf], inside)
    return float(low), float(high)


def _evidence(streams: Sequence[ArrayLike], shifts: Array) -> Array:
    """The logarithm of what p is made of, for each shift: (shifts,)."""
    known = [np.asarray(d, float) for d in streams if np.size(d)]
    paths = [_log_e(d - shifts[:, None]) for d in known]
    if len(paths) == 1:
        return np.asarray(paths[0].max(-1))
    return np.asarray(sum((path[:, -1] for path in paths), np.zeros(shifts.size)))


def _log_e(d: Array) -> Array:
    """The logarithm of `e_process`: (..., n) -> (..., n)."""
    x = d / np.maximum(np.abs(d).max(-1, keepdims=True, initial=0), np.finfo(float).tiny)
    rms = np.sqrt((x * x).cumsum(-1) / np.arange(1, x.shape[-1] + 1))
    u = np.divide(x, rms, out=np.zeros_like(x), where=rms > 0)
    bet = 2 * BETS * u[..., None]
    even = np.log(2) - np.log1p(np.exp(-np.abs(bet)))  # exp(x) / cosh(x) = 2 / (1 + exp(-2 x)), without overflow
    paid = np.concatenate([even + np.minimum(bet, 0), even - np.maximum(bet, 0)], axis=-1).cumsum(-2)
    best = paid.max(-1)
    return np.asarray(best + np.log(np.exp(paid - best[..., None]).mean(-1)))
