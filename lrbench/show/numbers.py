"""Numbers for people: a loss of any size fits its column, and reads the same in a terminal, a page and a paper."""

import math

SMALLEST, LARGEST = 1e-3, 1e5  # between them four decimals say enough and are short
ABSENT = "–"


def short(value: float) -> str:
    """Write a value that is no share, in ten characters or less and its sign: `0.0704`, `2.289e+25`."""
    if math.isnan(value):
        return ABSENT
    if value and not SMALLEST <= abs(value) < LARGEST:
        return f"{value:.3g}" if abs(value) < SMALLEST else f"{value:.4g}"
    return f"{value:.4f}"


def share(value: float) -> str:
    """Write a share in percent: `97.86 %`."""
    return ABSENT if math.isnan(value) else f"{100 * value:.2f} %"


def measure(value: float, is_share: bool) -> str:
    """Write a value of a figure; nan is a dash."""
    return share(value) if is_share else short(value)


def mean_and_half(mean: float, half: float, is_share: bool) -> str:
    """Write a mean with half of its interval, which is left out if it is not known: `97.86 ± 0.05 %`."""
    if math.isnan(mean) or not math.isfinite(half):
        return measure(mean, is_share)
    if is_share:
        return f"{100 * mean:.2f} ± {100 * half:.2f} %"
    return f"{short(mean)} ± {short(half)}"
