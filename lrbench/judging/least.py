"""The smallest p that so many pairs can come to, whatever was measured: what no number of seeds goes below."""

from functools import lru_cache

import numpy as np

from lrbench.designs import Design
from lrbench.judging.evalues import BETS, open_p
from lrbench.judging.sign_flips import smallest_p as smallest_fixed_p


@lru_cache(maxsize=512)
def smallest_p(lengths: tuple[int, ...], design: Design) -> float:
    """Return the p of differences of one sign and size, of so many pairs of each independent origin."""
    n = sum(lengths)
    if design.kind == "fixed":
        return smallest_fixed_p(n)
    if n < 2:
        return 1.0
    if design.kind == "sequential":
        from lrbench.judging.sequential import running_p  # scipy: no other design needs it before training

        assert design.most is not None
        return float(running_p(np.ones(design.most), design.most)[n - 1])
    return open_p([np.ones(length) for length in lengths])


def least_p(lengths: tuple[int, ...], design: Design) -> float:
    """Return the p that no differences of so many pairs go below.

    Of an open design that is less than `smallest_p`: each difference can dwarf those before it, and then
    d_i / rms(d_1 ... d_i) comes near sqrt(i).
    """
    if design.kind != "open":
        return smallest_p(lengths, design)
    evidence = 1.0
    for length in lengths:
        u = np.sqrt(np.arange(1, length + 1))
        paid = [float(np.prod(2 / (1 + np.exp(-2 * sign * bet * u)))) for bet in BETS for sign in (1, -1)]
        evidence *= float(np.mean(paid))
    return min(1.0, 1 / evidence)
