"""Simulated comparisons that are looked at after every seed, many at once: for tests and for a measurement."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lrbench.judging import evalues, sequential, sign_flips

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int, int]], Array]

ALPHA = 0.05
OTHERS = 5  # schedules against one baseline


def heteroscedastic(rng: np.random.Generator, size: tuple[int, int, int]) -> Array:
    """Seeds differ in how far apart they leave the schedules: a factor of e^±1 around the middle."""
    families, _, n = size
    return rng.normal(size=size) * np.exp(rng.normal(size=(families, 1, n)))


DRAWS: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t(3)": lambda rng, size: rng.standard_t(3, size),
    "Laplace": lambda rng, size: rng.laplace(size=size),
    "accuracy": lambda rng, size: rng.binomial(10_000, 0.98, size) / 10_000,
    "heteroscedastic": heteroscedastic,
}


def families(kind: str, rng: np.random.Generator, count: int, n: int, effects: Array | None = None) -> Array:
    """Differences of OTHERS schedules from their baseline: (count, OTHERS, n). Effects are d_z of normal ones."""
    values = DRAWS[kind](rng, (count, OTHERS + 1, n))
    d = values[:, 1:] - values[:, :1]
    return d if effects is None else d + np.sqrt(2) * effects[:, None]


def t_paths(d: Array) -> Array:
    """|t_n| after every n: (..., n) -> (..., n); 0 for n = 1."""
    n = np.arange(1, d.shape[-1] + 1)
    mean = d.cumsum(-1) / n
    squares = np.maximum((d * d).cumsum(-1) - n * mean**2, 0) / np.maximum(n - 1, 1)
    return np.divide(np.sqrt(n) * np.abs(mean), np.sqrt(squares), out=np.zeros_like(d), where=squares > 1e-24)


def t_p(d: Array, most: int, most_open: int = 1) -> Array:
    """The running p of the repeated intervals at the levels that `most_open` comparisons ask: (..., n)."""
    t = t_paths(d)
    p = np.ones_like(t)
    for k in range(1, most_open + 1):
        crossed = np.maximum.accumulate(t > sequential.boundaries(most, ALPHA / k)[: t.shape[-1]], axis=-1)
        p[crossed] = ALPHA / k
    return p


def flips_p(d: Array, most: int, levels: Array, bits: int = 12, bins: int = 512) -> Array:
    """`sequential.running_p` of many, with fewer sign vectors: (..., n) -> (..., n)."""
    flat = d.reshape(-1, d.shape[-1])
    chunks = [
        sequential.levels_reached(flat[i : i + 20], most, levels, bits, bins) for i in range(0, len(flat), 20)
    ]
    return np.append(levels, 1.0)[np.concatenate(chunks)].reshape(d.shape)


def open_p(d: Array) -> Array:
    """`evalues.open_p` of one stream after every n: (..., n) -> (..., n)."""
    return np.minimum(1 / np.maximum.accumulate(evalues.e_process(d), axis=-1), 1)


def settled(p: Array) -> NDArray[np.bool_]:
    """Which of a family Holm settles at each look: (families, members, n) -> the same."""
    return np.moveaxis(sign_flips.holm(np.moveaxis(p, 1, -1)) <= ALPHA * (1 + 1e-9), -1, 1)


def error(p: Array, nothing: slice = slice(None)) -> float:
    """The share of families in which one of the members that do not differ was ever settled."""
    return float(settled(p)[:, nothing].any((1, 2)).mean())


def power(p: Array) -> tuple[float, float]:
    """Of single comparisons, (runs, n): the share that is ever settled, and how many pairs that took."""
    rejected = p <= ALPHA
    stopped = np.where(rejected.any(-1), rejected.argmax(-1) + 1, p.shape[-1])
    return float(rejected.any(-1).mean()), float(stopped.mean())


def noise(share: float, n: int, times: float = 3.5) -> float:
    """That many standard errors of a share of n."""
    return times * float(np.sqrt(share * (1 - share) / n))
