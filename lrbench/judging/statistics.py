"""Arrays in, numbers out: intervals, power, effect sizes. With `sign_flips`, what a verdict is made of.

scipy.special instead of scipy.stats: the same functions without a second of imports.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from lrbench.judging.sign_flips import fewest_pairs

MOST_PAIRS = 100_000  # `pairs_needed` looks no further


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Return the t interval of a mean: (low, high). values: float (n,), n >= 2; with n < 2 both are nan.

    Of paired differences it is the paired t interval. Student 1908, "The probable error of a mean":
    mean ± t(n-1) * s / sqrt(n).
    """
    x = np.asarray(values, float)
    if x.size < 2:
        return np.nan, np.nan
    half = special.stdtrit(x.size - 1, (1 + confidence) / 2) * x.std(ddof=1) / np.sqrt(x.size)
    return float(x.mean() - half), float(x.mean() + half)


def t_below(t: NDArray[np.float64], df: float) -> NDArray[np.float64]:
    """Return P(T <= t) of Student's t with df degrees of freedom: (...) -> (...)."""
    return np.asarray(special.stdtr(float(df), t), np.float64)


def t_beyond(tail: NDArray[np.float64], df: float) -> NDArray[np.float64]:
    """Return the t >= 0 beyond which a tail, 0 < tail <= 0.5, of Student's t lies: (...) -> (...)."""
    return np.asarray(-special.stdtrit(float(df), tail), np.float64)


def normal_score(probability: float) -> float:
    """Return the standard normal quantile."""
    return float(special.ndtri(probability))


def power(effect: float, n: int, alpha: float = 0.05) -> float:
    """Return the power of the two-sided paired t test of n >= 2 pairs; the effect is in standard deviations."""
    df, shift = n - 1, abs(effect) * np.sqrt(n)
    critical = special.stdtrit(df, 1 - alpha / 2)
    below, far_below = special.nctdtr(df, shift, [critical, -critical])
    return float(1 - np.nan_to_num(below) + np.nan_to_num(far_below))  # nan where it is too small for scipy


@cache  # all pairs of 20 schedules with two seeds: 6 s without it, 0.4 s with it
def detectable_effect(n: int, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """Return the smallest |d_z| that n pairs find with the wanted power; nan for n < 2."""
    if n < 2:
        return np.nan
    low, high = 0.0, 1.0
    while power(high, n, alpha) < wanted:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, n, alpha) < wanted else (low, middle)
    return high


def pairs_needed(effect: float, alpha: float = 0.05, wanted: float = 0.8) -> int | None:
    """Return how many pairs find an effect of |d_z| with the wanted power; None if 100,000 are too few.

    At least as many as the sign-flip test needs to go below alpha.
    """
    if not abs(effect) > 0:
        return None
    low, high = 2, MOST_PAIRS
    if not np.isfinite(effect) or power(effect, low, alpha) >= wanted:
        return max(low, fewest_pairs(alpha))
    if power(effect, high, alpha) < wanted:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(effect, middle, alpha) < wanted else (low, middle)
    return max(high, fewest_pairs(alpha))


def effect_size(differences: ArrayLike) -> float:
    """Return Cohen's d_z: the mean difference in standard deviations of the differences; nan for n < 2.

    Infinite where all differences are the same, 0 where all are 0.
    """
    d = np.asarray(differences, float)
    if d.size < 2:
        return np.nan
    spread = float(d.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(d).max()):  # the same but for rounding
        return float(np.sign(d.mean()) * np.inf) if np.abs(d).max() > 0 else 0.0
    return float(d.mean() / spread)


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Return Pearson's correlation of the pairs; nan for n < 3 or where one side is constant."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.size < 3 or x.std() == 0 or y.std() == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])
