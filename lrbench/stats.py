"""Arrays in, numbers out."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Return the t interval of a mean: (low, high). values: float (n,), n >= 2; with n < 2 both are nan.

    Student 1908, "The probable error of a mean": mean ± t(n-1) * s / sqrt(n).
    """
    x = np.asarray(values, float)
    if x.size < 2:
        return np.nan, np.nan
    quantile = special.stdtrit(
        x.size - 1, (1 + confidence) / 2
    )  # Student's t; imports 5 times faster than scipy.stats
    half = quantile * x.std(ddof=1) / np.sqrt(x.size)
    return float(x.mean() - half), float(x.mean() + half)
