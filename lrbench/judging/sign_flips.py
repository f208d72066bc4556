"""The exact sign-flip test, and many tests at once. numpy alone, so that a command can ask it before it trains."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_EXACT = 20  # pairs up to which every flip of signs is counted
DRAWS = 100_000  # seeded random flips above that
MOST_AT_ONCE = 2**23  # numbers in memory


def sign_flip_p(differences: ArrayLike) -> NDArray[np.float64]:
    """Return the two-sided p of the sign-flip test on the mean: (..., n) -> (...).

    If the schedules did not differ, each pair's difference would have either sign with the same probability. p is
    the share of all 2^n choices of signs whose mean is at least as far from 0; exact up to n = 20 (it cannot go
    below 2 / 2^n), from 100,000 seeded draws above. Fisher 1935, "The design of experiments", section 21; as
    scipy.stats.permutation_test with permutation_type="samples", some hundred times faster.
    """
    d = np.asarray(differences, float)
    n = d.shape[-1]
    if n <= MOST_EXACT and d.ndim > 1 and d[..., 0].size << n > MOST_AT_ONCE:
        return np.array([sign_flip_p(each) for each in d])
    seen = np.abs(d.sum(-1, keepdims=True)) * (1 - 1e-9)  # sums that differ by rounding alone are ties
    if n <= MOST_EXACT:
        sums = d[..., :1]  # the sign of the first is free: mirrored choices have mirrored sums
        for i in range(1, n):
            sums = np.concatenate([sums + d[..., i : i + 1], sums - d[..., i : i + 1]], axis=-1)
        return np.asarray((np.abs(sums) >= seen).mean(-1))
    rng = np.random.default_rng(0)
    count = np.zeros(d.shape[:-1])
    left = DRAWS
    while left:
        draws = min(left, max(1, MOST_AT_ONCE // max(n, d[..., 0].size)))
        signs = rng.integers(0, 2, (n, draws), dtype=np.int8) * 2.0 - 1
        count += (np.abs(d @ signs) >= seen).sum(-1)
        left -= draws
    return np.asarray((count + 1) / (DRAWS + 1))


def smallest_p(n: int) -> float:
    """Return what `sign_flip_p` cannot go below with n pairs."""
    return 2 / 2**n if 1 <= n <= MOST_EXACT else 1 / (DRAWS + 1) if n else 1.0


def fewest_pairs(alpha: float) -> int:
    """Return the smallest n with which the sign-flip test can go below alpha."""
    return next((n for n in range(1, MOST_EXACT + 1) if smallest_p(n) < alpha), MOST_EXACT + 1)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return Holm-adjusted p values: (..., m) -> (..., m). Nan stays nan and is no member of the family.

    Holm 1979: the i-th smallest of m is multiplied by m - i + 1, then made monotone and at most 1.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, axis=-1)  # nan last
    members = np.isfinite(p).sum(-1, keepdims=True)
    factors = np.maximum(members - np.arange(p.shape[-1]), 0)
    raised = np.minimum(np.maximum.accumulate(np.take_along_axis(p, order, -1) * factors, axis=-1), 1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, raised, -1)
    return adjusted
