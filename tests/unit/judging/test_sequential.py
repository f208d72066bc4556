"""The group-sequential design: both of its tests spend what they may and no more, at every look."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from looks import flips_p, t_paths

from lrbench.judging import sequential, sign_flips
from lrbench.judging import statistics as stats
from lrbench.judging.sequential import LEVELS

HOLM = [0.05 / k for k in range(1, 41)]
SIZES = {  # |d_1|, |d_2|, ... for whose 2^n choices of signs a level is counted
    "spread": [0.3, 1.9, 0.7, 1.1, 0.2, 2.3, 0.9, 1.4, 0.5, 1.7, 0.8],
    "equal": [1.0] * 11,
    "ties and zeros": [1.0, 0, 2, 1, 0, 1, 2, 1, 1, 3, 0],
    "an outlier late": [1.0, 2, 1.5, 0.5, 1.2, 0.3, 0.7, 1.1, 0.9, 1.3, 50],
}


def some_differences(low: int = 1, high: int = 30) -> st.SearchStrategy[np.ndarray]:
    eighths = st.integers(-9, 9).map(lambda k: k / 8)
    anything = st.floats(-1e6, 1e6)
    return st.integers(low, high).flatmap(
        lambda n: st.one_of(arrays(float, n, elements=eighths), arrays(float, n, elements=anything))
    )


def every_sign(n: int) -> np.ndarray:
    return np.array(list(itertools.product([1.0, -1.0], repeat=n)))


def spent(alpha: float, most: int) -> np.ndarray:
    return alpha * (np.arange(1, most + 1) / most) ** 2


# The sign-flip test.


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_the_level_holds_at_every_look_counted_over_all_signs(sizes: list[float]) -> None:
    levels = np.array([0.05 / 40, 0.01, 0.05, 0.2])
    p = flips_p(every_sign(11)[: 2**10] * sizes, 11, levels, bits=11)  # the others are their mirror images
    for alpha in levels:
        assert ((p <= alpha).mean(0) <= spent(alpha, 11) + 1e-9).all()


def test_hardly_anything_is_left_unspent() -> None:
    sizes = np.array(SIZES["spread"])
    p = flips_p(every_sign(11)[: 2**10] * sizes, 11, np.array([0.05, 0.2]), bits=11)
    assert (p[:, -1] <= 0.05).mean() > 0.045
    assert (p[:, -1] <= 0.2).mean() > 0.19


def test_the_level_holds_for_a_drawn_group_too() -> None:
    signs = sequential.sign_vectors(40, 9).T
    sizes = np.random.default_rng(3).gamma(1, size=40)
    for each in (sizes, np.ones(40)):
        p = flips_p(signs * each, 40, np.array([0.02, 0.05, 0.2]), bits=9)
        for alpha in (0.02, 0.05, 0.2):
            assert ((p <= alpha).mean(0) <= spent(alpha, 40) + 1e-9).all()


def test_the_sign_vectors_are_a_group() -> None:
    signs = sequential.sign_vectors(60, 8).T
    assert signs.shape == (128, 60)
    assert (signs[0] == 1).all()
    assert (signs[:, 0] == 1).all()
    known = {tuple(row) for row in signs}
    assert len(known) == 128
    assert {tuple(a * b) for a in signs[:20] for b in signs} == known
    assert len({tuple(column) for column in signs.T}) == 60  # no two seeds ever share their sign


def test_all_sign_vectors_are_there_as_long_as_they_fit() -> None:
    assert len({tuple(row) for row in sequential.sign_vectors(9, 17).T}) == 2**8
    drawn = sequential.sign_vectors(50, sequential.BITS)
    assert drawn.shape == (50, 2**16)
    assert len(np.unique(np.packbits(drawn[:17] > 0, axis=0), axis=1).T) == 2**16


def test_the_same_vectors_serve_every_most() -> None:
    assert (sequential.sign_vectors(40, 8) == sequential.sign_vectors(60, 8)[:40]).all()


def test_it_stops_no_sooner_than_so_many_signs_allow() -> None:
    d = np.arange(1, 51) / 10
    assert sequential.flips_reject(d, 50, 0.05) == 10  # 2 / 2^10 <= 0.05 (10 / 50)^2
    assert sequential.flips_reject(d, 50, 0.01) == 12
    assert sequential.flips_reject(d[:9], 50, 0.05) is None
    assert sequential.flips_reject(np.ones(50), 50, 0.05) == 10


@given(some_differences(high=20), st.integers(0, 20))
def test_what_rejects_at_an_alpha_does_so_at_every_larger_one_no_later(d: np.ndarray, more: int) -> None:
    stops = [sequential.flips_reject(d, d.size + more, alpha) or np.inf for alpha in HOLM]
    assert stops == sorted(stops)


def test_levels_apart_are_not_nested_and_together_they_are() -> None:
    """Why a boundary looks at those of larger levels: here the larger has spent what the smaller still has."""
    levels = np.array([0.05 / 11, 0.05 / 10])
    d = np.array([-1.0, 2, 5, 3, 7, 8, 6, 10, 4, 9])
    small, large = (flips_p(d, 10, levels[[i]])[-1] <= levels[i] for i in (0, 1))
    assert (small, large) == (True, False)
    assert flips_p(d, 10, levels)[-1] == 1


@given(some_differences(high=20), st.integers(0, 20), st.integers(0, LEVELS.size - 1))
def test_smaller_levels_take_nothing_from_larger_ones(d: np.ndarray, more: int, index: int) -> None:
    alone = sequential.levels_reached(d[None], d.size + more, LEVELS[index:], 9)
    together = sequential.levels_reached(d[None], d.size + more, LEVELS, 9)
    assert (np.maximum(together - index, 0) == alone).all()


@given(some_differences(high=15), st.integers(0, 20))
def test_the_p_says_what_the_test_says(d: np.ndarray, more: int) -> None:
    p = sequential.running_p(d, d.size + more)
    assert (np.diff(p) <= 0).all()
    assert sequential.valid_p(d, d.size + more) == p[-1]
    for alpha in HOLM:
        reached = np.flatnonzero(p < alpha)
        assert sequential.flips_reject(d, d.size + more, alpha) == (reached[0] + 1 if reached.size else None)


@given(some_differences(2, 20))
def test_later_seeds_change_no_earlier_look(d: np.ndarray) -> None:
    assert (sequential.running_p(d, d.size + 3)[:-1] == sequential.running_p(d[:-1], d.size + 3)).all()


@given(some_differences(high=15))
def test_neither_direction_nor_unit_matters(d: np.ndarray) -> None:
    p = sequential.running_p(d, 20)
    assert (sequential.running_p(-d, 20) == p).all()
    assert (sequential.running_p(1024 * d, 20) == p).all()


def test_the_many_at_once_of_simulations_are_the_one_that_ships() -> None:
    d = np.random.default_rng(5).normal(0.8, 1, (4, 30))
    ships = np.array([sequential.running_p(each, 30) for each in d])
    assert (flips_p(d, 30, LEVELS, sequential.BITS, sequential.BINS) == ships).all()


def test_no_difference_is_never_settled() -> None:
    for most in (1, 3, 5, 20):
        assert sequential.valid_p(np.zeros(most), most) == 1
    assert sequential.flips_reject(np.zeros(20), 20, 0.05) is None
    assert sequential.valid_p([], 20) == 1
    assert sequential.running_p([], 20).size == 0


def test_sizes_at_the_ends_of_floats_are_sizes_like_others() -> None:
    d = np.arange(1.0, 13)
    for unit in (1e306, 1e-312):
        assert sequential.flips_reject(d * unit, 50, 0.05) == 10


def test_with_fewer_than_five_seeds_in_all_there_is_one_look() -> None:
    assert sequential.valid_p([1, 2, 3, 4], 4) == pytest.approx(0.15)  # 2 / 2^4, and the next level
    assert sequential.valid_p([1, 2, 3], 4) == 1
    assert sequential.valid_p([1], 1) == 1


@given(st.integers(1, 4).flatmap(lambda n: arrays(float, n, elements=st.integers(-9, 9).map(float))))
def test_at_one_look_it_is_the_fixed_test_rounded_up(d: np.ndarray) -> None:
    p = float(sign_flips.sign_flip_p(d))
    assert sequential.valid_p(d, d.size) == pytest.approx(
        min([each for each in LEVELS if each > 0.999 * p], default=1)
    )


def test_more_seeds_than_declared_are_refused() -> None:
    for call in (sequential.valid_p, sequential.running_p):
        with pytest.raises(ValueError, match="At most 5"):
            call(np.ones(6), 5)
    with pytest.raises(ValueError, match="At most 5"):
        sequential.repeated_interval(np.ones(6), 5, 0.05)


# The normal twin.


def test_the_boundaries_of_ten_looks() -> None:
    """Looks at 5, 10, ... 50, simulated with paths of which few crossed the first."""
    simulated = [4.45, 3.58, 3.19, 2.94, 2.74, 2.59, 2.47, 2.36, 2.26]
    assert sequential.boundaries_at(tuple(range(5, 51, 5)), 0.05)[9::5] == pytest.approx(simulated, abs=0.04)


@pytest.mark.parametrize(("most", "alpha"), [(5, 0.05), (50, 0.05), (50, 0.05 / 40), (200, 0.05 / 40)])
def test_the_first_boundary_is_a_quantile_of_t(most: int, alpha: float) -> None:
    c = sequential.boundaries(most, alpha)
    assert c.shape == (most,)
    assert np.isinf(c[:4]).all()
    assert c[4] == pytest.approx(stats.t_beyond(np.array(alpha * (5 / most) ** 2 / 2), 4), rel=1e-3)


def test_null_paths_cross_as_often_as_is_spent() -> None:
    count, most = 50_000, 24
    t = t_paths(np.random.default_rng(1).normal(size=(count, most)))
    for alpha in (0.01, 0.05, 0.2):
        crossed = np.maximum.accumulate(t > sequential.boundaries(most, alpha), axis=1).mean(0)
        expected = np.where(np.arange(1, most + 1) < 5, 0, spent(alpha, most))
        assert (np.abs(crossed - expected) <= 4 * np.sqrt(expected * (1 - expected) / count)).all()


def test_finer_cells_move_no_boundary(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = [sequential.boundaries_at(tuple(range(5, 41)), alpha) for alpha in (0.05, 0.05 / 40)]
    edges = np.arange(0, 7, sequential.CELL / 2)
    monkeypatch.setattr(sequential, "CELL", sequential.CELL / 2)
    monkeypatch.setattr(sequential, "_EDGES", edges)
    monkeypatch.setattr(sequential, "_MIDDLES", (edges[1:] + edges[:-1]) / 2)
    monkeypatch.setattr(sequential, "_step", sequential._step.__wrapped__)
    fine = [sequential.boundaries_at.__wrapped__(tuple(range(5, 41)), alpha) for alpha in (0.05, 0.05 / 40)]
    assert np.ravel(coarse) == pytest.approx(np.ravel(fine), rel=2e-3)


def test_boundaries_are_nested_too() -> None:
    for most in (3, 12, 50):
        c = np.array([sequential.boundaries(most, alpha) for alpha in HOLM])
        assert (np.diff(c[:, min(5, most) - 1 :], axis=0) > 0).all()


def test_with_few_seeds_in_all_the_only_boundary_is_student_s() -> None:
    assert np.isinf(sequential.boundaries(1, 0.05)).all()
    for most in (2, 3, 4):
        c = sequential.boundaries(most, 0.05)
        assert np.isinf(c[:-1]).all()
        assert c[-1] == pytest.approx(stats.t_beyond(np.array(0.025), most - 1), rel=1e-3)


def test_a_repeated_interval_by_hand() -> None:
    d = np.array([1.0, 2, 3, 4, 5])
    half = sequential.boundaries(50, 0.05)[4] * np.sqrt(2.5 / 5)
    assert sequential.repeated_interval(d, 50, 0.05) == pytest.approx((3 - half, 3 + half))
    assert sequential.repeated_interval(d[:4], 50, 0.05) == (-np.inf, np.inf)
    assert sequential.repeated_interval([], 50, 0.05) == (-np.inf, np.inf)
    assert sequential.repeated_interval([1], 1, 0.05) == (-np.inf, np.inf)
    assert sequential.repeated_interval([1, 2, 3], 3, 0.05) == pytest.approx(
        stats.mean_interval([1, 2, 3]), rel=1e-3
    )
    assert sequential.repeated_interval([0.5] * 6, 50, 0.05) == (0.5, 0.5)
