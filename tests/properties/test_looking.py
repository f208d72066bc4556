"""However often one looks, a verdict is false in 5 % at most: families of five comparisons, simulated.

The noise that is allowed is 3.5 standard errors of a share of n; n stands beside each.
"""

import numpy as np
import pytest
from looks import DRAWS, error, families, flips_p, noise, open_p, power, settled, t_p, t_paths

from lrbench.judging import evalues, sequential

MOST = 50
LEVELS = 0.05 / np.arange(5, 0, -1)
TWO_DIFFER = np.array([1.0, -1.5, 0, 0, 0])  # d_z of each of five
# d_z, then power and mean n of the sequential t, of the sequential sign flips, of the open design; N = 50
TABLE = [
    (0.0, (0.052, 49), (0.035, 49), (0.03, 49)),
    (0.5, (0.908, 31), (0.888, 32), (0.71, 34)),
    (0.8, (1, 19), (1, 19), (0.993, 19)),
    (1.0, (1, 15), (1, 16), (1, 14)),
    (1.5, (1, 11), (1, 12), (1, 10)),
    (2.0, (1, 9), (1, 11), (1, 8)),
]


def at_most_five_percent(found: float, n: int) -> bool:
    return found <= 0.05 + noise(0.05, n)


@pytest.mark.parametrize("kind", DRAWS)
def test_repeated_intervals_of_a_family_at_every_look(kind: str) -> None:
    n = 4000
    d = families(kind, np.random.default_rng(1), n, MOST)
    assert at_most_five_percent(error(t_p(d, MOST, 5)), n)
    first = t_p(d, MOST)[:, 0]
    assert at_most_five_percent((first[:, -1] <= 0.05).mean(), n)  # one interval misses 0 at any look


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWS)
def test_sign_flips_of_a_family_at_every_look(kind: str) -> None:
    n = 600
    d = families(kind, np.random.default_rng(2), n, MOST)
    assert at_most_five_percent(error(flips_p(d, MOST, LEVELS, bits=11, bins=128)), n)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWS)
def test_open_families_at_every_look_to_200(kind: str) -> None:
    n = 4000
    d = families(kind, np.random.default_rng(3), n, 200)
    p = np.concatenate([open_p(d[i : i + 50]) for i in range(0, n, 50)])
    assert at_most_five_percent(error(p), n)
    assert at_most_five_percent((p[:, 0, -1] <= 0.05).mean(), n)  # one confidence sequence misses 0 at any look


@pytest.mark.slow
def test_those_that_do_not_differ_are_safe_among_those_that_do() -> None:
    """What is settled leaves its level to the others; they must not use it twice."""
    n = 2000
    d = families("normal", np.random.default_rng(4), n, MOST, TWO_DIFFER)
    for p in (t_p(d, MOST, 5), open_p(d)):
        assert at_most_five_percent(error(p, slice(2, None)), n)
        assert settled(p)[:, :2, -1].mean() > 0.9
    p = flips_p(d[:500], MOST, LEVELS, bits=11, bins=128)
    assert at_most_five_percent(error(p, slice(2, None)), 500)
    assert settled(p)[:, :2, -1].mean() > 0.9


@pytest.mark.slow
def test_power_and_mean_n() -> None:
    for d_z, t, flips, anytime in TABLE:
        rng = np.random.default_rng(round(10 * d_z))
        for n, expected, p_of in (
            (10_000, t, lambda d: t_p(d, MOST)),
            (800, flips, lambda d: flips_p(d, MOST, np.array([0.05]))),
            (10_000, anytime, open_p),
        ):
            found, mean_n = power(p_of(rng.normal(d_z, 1, (n, MOST))))
            assert found == pytest.approx(expected[0], abs=noise(expected[0], n) + 0.015), (d_z, n)
            assert mean_n == pytest.approx(expected[1], abs=3.5 * 15 / np.sqrt(n) + 1), (d_z, n)


def test_skewed_differences_are_the_limit_of_all() -> None:
    """Exponential values less their mean: n = 4000, 1000. What is asked is a mean, what is tested is symmetry."""
    d = np.random.default_rng(5).exponential(size=(4000, MOST)) - 1
    assert 0.09 < power(t_p(d, MOST))[0] < 0.16
    assert 0.07 < power(open_p(d))[0] < 0.14
    assert 0.07 < power(flips_p(d[:1000], MOST, np.array([0.05]), bits=11, bins=128))[0] < 0.15


def test_naive_looks_are_what_all_this_is_for() -> None:
    n = 4000
    t = t_paths(np.random.default_rng(6).normal(size=(n, MOST)))
    quantiles = np.array([sequential.boundaries(each, 0.05)[-1] for each in (2, 3, 4)])
    once = np.r_[np.inf, quantiles, [sequential.boundaries_at((k,), 0.05)[-1] for k in range(5, MOST + 1)]]
    assert (t > once)[:, 4:].any(1).mean() == pytest.approx(0.277, abs=0.03)


@pytest.mark.slow
def test_intervals_cover_at_all_looks_together() -> None:
    """The functions that ship, seed by seed: n = 100."""
    rng, missed = np.random.default_rng(7), np.zeros(2)
    for _ in range(100):
        d = rng.normal(0.3, 1, 30)
        repeated = [sequential.repeated_interval(d[:k], 30, 0.05) for k in range(5, 31)]
        anytime = [evalues.confidence_sequence([d[:k]], 0.05) for k in range(5, 31, 5)]
        missed += [any(not low <= 0.3 <= high for low, high in each) for each in (repeated, anytime)]
    assert (missed / 100 <= 0.05 + noise(0.05, 100)).all()


def test_simulated_paths_are_those_of_the_functions_that_ship() -> None:
    d = np.random.default_rng(8).normal(0.6, 1, (5, 30))
    for each in d:
        assert open_p(each) == pytest.approx([evalues.open_p([each[:k]]) for k in range(1, 31)])
        outside = [not low <= 0 <= high for low, high in (interval(each[:k]) for k in range(1, 31))]
        assert (np.maximum.accumulate(outside) == (t_p(each, 30) <= 0.05)).all()


def interval(d: np.ndarray) -> tuple[float, float]:
    return sequential.repeated_interval(d, 30, 0.05)
