"""Numbers for people: a loss of any size fits its column, and reads the same in a terminal, a page and a paper."""

import math

SMALLEST, LARGEST = 1e-3, 1e5  # between them four decimals say enough and are short
ABSENT = "–"
ROUNDING = 1e-12  # of a mean; runs that differ by less are the same


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


def with_spread(mean: float, half: float, n: int, is_share: bool) -> str:
    """Write a mean of n runs with half of its interval: `97.86 ± 0.05 %`; a dash without a run.

    Where all came to the same, that is said instead of an interval of nought: `97.86 %, both equal`.
    """
    if math.isnan(mean) or not math.isfinite(half) or n < 2:
        return measure(mean, is_share)
    if half <= ROUNDING * abs(mean):
        return f"{measure(mean, is_share)}, {'both' if n == 2 else 'all'} equal"
    if not is_share:
        return f"{short(mean)} ± {short(half)}"
    spread = f"{100 * half:.2f}"
    return f"{100 * mean:.2f} ± {spread if float(spread) else f'{100 * half:.1g}'} %"
