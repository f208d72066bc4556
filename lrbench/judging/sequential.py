"""Looks while seeds come in, up to a number that was declared: the group-sequential design.

Up to `most` seeds may come, N; a look after every n from FIRST_LOOK on. By look n, alpha * (n / N)^2 of the error
is spent: little at first, where few pairs tell little. Kim & DeMets 1987, "Design and analysis of group sequential
tests based on the type I error spending rate function"; Jennison & Turnbull 2000, "Group sequential methods".

The same spending twice: the sign-flip test, exact under symmetry alone, and Student's t against boundaries that
are exact for normal differences, which give intervals.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrbench.judging import statistics as stats

FIRST_LOOK = 5  # pairs; with fewer in all, the only look is at the last

Array = NDArray[np.float64]

# The levels that the sign-flip test knows, ascending: all that a family of up to 40 asks for, some for larger
# ones, some so that a p says more than that it is large. A hair below what they stand for, so that p < 0.05, and
# Holm's p * k < 0.05, say what the test says.
_SHARES = 0.05 / np.r_[1:41, 50, 60, 80, 100, 150, 200, 400]
_OTHERS = np.r_[20, 30:50:5, 60:101:10, 120, 150, 200, 250, 300:701:100] / 1000
LEVELS: Array = np.unique(np.r_[_SHARES, _OTHERS]) * (1 - 1e-9)
BITS = 17  # 2^17 sign vectors; every one there is up to n = 17
BINS = 2048  # of |S_n|, from 0 to the sum of |d|; sums in one bin are ties


def flips_reject(d: ArrayLike, most: int, alpha: float) -> int | None:
    """Return the first look n at which the sign-flip test rejects at level alpha; None if it did not by now.

    d: float (n,), n <= most, in the order in which the seeds are looked at. An alpha between two LEVELS counts as
    the lower one. What rejects by n at one alpha does so at every larger one.
    """
    reached = np.flatnonzero(running_p(d, most) < alpha)
    return int(reached[0]) + 1 if reached.size else None


def valid_p(d: ArrayLike, most: int) -> float:
    """Return the smallest of LEVELS at which the sign-flip test has rejected by now; 1 if at none. d as above.

    Valid at every look: whatever stops the looking, it is below alpha with a probability of at most alpha if
    nothing differs. Holm on several of them is the rule "each at alpha / (still open)" of Maurer & Bretz 2013.
    """
    return float(running_p(d, most)[-1]) if np.size(d) else 1.0


def running_p(d: ArrayLike, most: int) -> Array:
    """Return `valid_p` as it was after each of the pairs: float64 (n,), never rising. d as above."""
    x = _checked(d, most)
    return _running_p(x.tobytes(), most)


@lru_cache(maxsize=512)  # a summary asks for the p, the moment and the picture of the same differences
def _running_p(values: bytes, most: int) -> Array:
    reached = levels_reached(np.frombuffer(values)[None], most)[0]
    p: Array = np.append(LEVELS, 1.0)[reached]
    p.flags.writeable = False
    return p


def levels_reached(
    d: Array, most: int, levels: Array = LEVELS, bits: int = BITS, bins: int = BINS
) -> NDArray[np.intp]:
    """Return the index of the smallest level at which each has rejected by each n: (runs, n) -> (runs, n).

    levels: float64 (levels,), ascending; an index of levels.size means none. If nothing differs, then given |d_1|,
    |d_2|, ... the signs are fair coins, and the observed vector is any of its group with the same probability. At
    each look, those vectors alive with the largest |S_n| are rejected, as many as may be and were not spent. So a
    level never rejects more than its share of the vectors, and the observed one is among them no more often.

    Ties fall together or wait. What could not be spent is kept for later looks, and that alone can break the order
    of the levels: the smaller one may still have what the larger one has spent. So the boundary of a smaller level
    is never below that of a larger one. It then rejects less, and the level holds all the more; what the larger
    one rejected before does not raise its boundary, so that at N = 50 this delays no verdict of up to ten
    comparisons by a tenth of a seed on average.
    """
    runs, n = d.shape
    signs = sign_vectors(most, bits)
    powers = np.frexp(np.abs(d).max(1, keepdims=True, initial=0))[1]
    x = np.ldexp(d, -powers)  # of two, so exact: later differences move no earlier sum into another bin
    largest = np.abs(x).cumsum(1)
    largest[largest == 0] = 1  # all fall into the lowest bin
    sums = np.zeros((runs, signs.shape[1]))
    room = np.empty_like(sums)  # for what is between: new arrays of this size at every look take twice as long
    reached = np.full(sums.shape, levels.size)
    found = np.full((runs, n), levels.size)
    first_bin = np.arange(runs)[:, None] * bins
    for i in range(n):
        sums += np.multiply(x[:, i : i + 1], signs[i], out=room)
        if i + 1 >= min(FIRST_LOOK, most):
            np.abs(sums, out=room)
            room /= largest[:, i : i + 1]
            room *= bins - 1
            fall = room.astype(np.intp)
            budget = np.floor(levels * ((i + 1) / most) ** 2 * signs.shape[1] * (1 + 2e-9))
            level = _level_of_bin(reached, fall, bins, budget)
            np.minimum(reached, level.take(fall + first_bin), out=reached)
        found[:, i] = reached[:, 0]
    return found


def _level_of_bin(reached: NDArray[np.intp], fall: NDArray[np.intp], bins: int, budget: Array) -> NDArray[np.intp]:
    """The smallest level that rejects a bin at this look: (runs, vectors) twice, (levels,) -> (runs, bins)."""
    runs, levels = len(reached), budget.size
    cell = (reached + np.arange(runs)[:, None] * (levels + 1)) * bins + fall
    counts = np.bincount(cell.ravel(), minlength=runs * (levels + 1) * bins).reshape(runs, levels + 1, bins)
    for level in range(levels - 1, 0, -1):  # twenty times as fast as cumsum over an axis that is not the last
        counts[:, level] += counts[:, level + 1]
    alive = counts[:, 1:, ::-1].cumsum(2)  # at each level, from the last bin down
    left = budget - (reached.shape[1] - alive[..., -1])
    boundary = bins - (alive <= left[..., None]).sum(-1)  # the lowest bin from which on all fit
    boundary = np.maximum.accumulate(boundary[:, ::-1], axis=1)
    return np.asarray((boundary[:, None] > np.arange(bins)[:, None]).sum(-1))


@lru_cache(maxsize=8)
def sign_vectors(most: int, bits: int) -> NDArray[np.int8]:
    """Return a group of sign vectors, the observed one first: int8 (most, vectors / 2), one of each mirrored two.

    The first `bits` signs are free, so that all there are stand there as long as n <= bits; each further one is
    the product of an odd number of them, drawn with a fixed seed, no two the same. What is closed under
    multiplication is exact for one fixed draw; independent vectors would be so only on average over many draws.
    Hemerik & Goeman 2018, "Exact testing with random permutations".
    """
    free = min(most, bits)
    row = np.arange(2 ** (free - 1))
    signs = np.ones((most, row.size), np.int8)
    for i in range(1, free):  # the sign of the first is +1: mirrored vectors have mirrored sums
        signs[i] = 1 - 2 * (row >> (i - 1) & 1)
    if most > free:
        drawn = np.random.default_rng(0).permutation(row.size)[:, None] >> np.arange(free - 1) & 1
        drawn = drawn[drawn.sum(1) > 1]  # an even number is made odd by the first
        for i in range(free, most):
            signs[i] = signs[1:free][drawn[i - free] == 1].prod(0, dtype=np.int8)
    signs.flags.writeable = False
    return signs


CELL = 0.025  # of normal scores; half as wide moves no boundary by more than 0.2 %
_EDGES: Array = np.arange(0, 7, CELL)
_MIDDLES: Array = (_EDGES[1:] + _EDGES[:-1]) / 2
_ANGLES: Array = np.linspace(-np.pi / 2, np.pi / 2, 4097)


def repeated_interval(d: ArrayLike, most: int, alpha: float) -> tuple[float, float]:
    """Return the repeated confidence interval of the mean: (low, high), infinite before the first look.

    d as above. mean ± c_n * s / sqrt(n): all looks together cover with 1 - alpha, however the stop was decided.
    Jennison & Turnbull 1984, "Repeated confidence intervals for group sequential clinical trials".
    """
    x = _checked(d, most)
    if x.size < 2 or not np.isfinite(c := boundaries(most, alpha)[x.size - 1]):
        return -np.inf, np.inf
    half = c * x.std(ddof=1) / np.sqrt(x.size)
    return float(x.mean() - half), float(x.mean() + half)


def boundaries(most: int, alpha: float) -> Array:
    """Return c_n: float64 (most,), for n = 1 ... most; infinite where there is no look.

    If normal differences have mean 0, |t_n| = sqrt(n) |mean| / s crosses c_n for the first time at look n with
    probability alpha * (n^2 - (n - 1)^2) / most^2, and by then with alpha * (n / most)^2.
    """
    return boundaries_at(tuple(range(min(FIRST_LOOK, most), most + 1)), alpha)


@lru_cache(maxsize=1024)
def boundaries_at(looks: tuple[int, ...], alpha: float) -> Array:
    """Return the boundaries of looks at some n only, ascending; the last is N: float64 (N,), as above.

    By recursion over the share of paths alive in each cell of |t_n|, as Armitage, McPherson & Rowe 1969 for a
    known variance; no random paths, so that the far tail of a small alpha is as exact as the rest.
    """
    most, spent = looks[-1], 0.0
    c = np.full(most, np.inf)
    beyond = _two_tails(_EDGES)
    mass = -np.diff(beyond)
    for n in range(max(looks[0], 2), most + 1):
        if n > looks[0]:
            beyond = mass @ _step(n - 1)
            mass = -np.diff(beyond)
        if n in looks:
            due = alpha * (n / most) ** 2 - spent
            spent += due
            score = float(np.interp(-np.log(due), -np.log(np.maximum(beyond, 1e-300)), _EDGES))
            c[n - 1] = stats.t_beyond(_two_tails(np.array([score])) / 2, n - 1)[0]
            mass = _cut(mass, score, beyond, due)
    c.flags.writeable = False
    return c


def _cut(mass: Array, score: float, beyond: Array, due: float) -> Array:
    """What stays alive below a boundary. The cell that it cuts is shared with the one below, to keep its mean."""
    cut = min(int(score / CELL), mass.size - 1)
    alive = np.where(np.arange(mass.size) < cut, mass, 0.0)
    kept = max(beyond[cut] - due, 0.0)
    moved = kept * (_EDGES[cut + 1] - score) / (2 * CELL)
    alive[cut] += kept - moved
    alive[max(cut - 1, 0)] += moved
    return alive


@lru_cache(maxsize=200)  # 0.6 MB each, and the same for every N and alpha
def _step(n: int) -> Array:
    """P(|t_{n+1}| beyond each edge), given |t_n| in the middle of each cell: (cells, edges).

    v_n = S_n / sqrt(sum of squares) says as much as t_n, and of normal differences it is a chain without memory:
    v_{n+1} = v_n cos(a) + sin(a), where sqrt(n) tan(a) has Student's t distribution with n degrees of freedom and
    is independent of v_1 ... v_n, because the length of a normal vector is independent of its direction.
    """
    v, edge = _ratio(_MIDDLES, n)[:, None], _ratio(_EDGES, n + 1)
    tilt = np.arctan(v)
    reach = np.arcsin(np.minimum(edge / np.sqrt(1 + v * v), 1))
    below = stats.t_below(np.sqrt(n) * np.tan(_ANGLES), n)

    def share(angle: Array) -> Array:
        return np.interp(angle, _ANGLES, below)

    return share(np.pi - reach - tilt) - share(reach - tilt) + share(-reach - tilt)


def _ratio(scores: Array, n: int) -> Array:
    """v_n where |t_n| is as improbable as the normal score: S_n / sqrt(sum of squares), from 0 to sqrt(n)."""
    t = stats.t_beyond(_two_tails(scores) / 2, n - 1)
    return np.asarray(np.sqrt(n) * t / np.sqrt(n - 1 + t * t))


def _two_tails(scores: Array) -> Array:
    return np.array([math.erfc(z / math.sqrt(2)) for z in scores])


def _checked(d: ArrayLike, most: int) -> Array:
    x = np.ascontiguousarray(d, np.float64)
    if x.ndim != 1 or x.size > most:
        raise ValueError(f"At most {most} differences were declared; got an array of shape {x.shape}.")
    return x
