"""The open design: evidence is a fair game on the signs, and what follows from it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrbench.judging.evalues import BETS, confidence_sequence, e_process, open_p

SEEN = np.array([0.8, 1.2, 0.9, 1.1, 0.7, 1.3, 1.0, 0.6, 1.4, 1.0])


def some_differences(low: int = 1, high: int = 30) -> st.SearchStrategy[np.ndarray]:
    eighths = st.integers(-9, 9).map(lambda k: k / 8)
    anything = st.floats(-1e6, 1e6)
    return st.integers(low, high).flatmap(
        lambda n: st.one_of(arrays(float, n, elements=eighths), arrays(float, n, elements=anything))
    )


def every_sign(n: int) -> np.ndarray:
    return np.array(list(itertools.product([1.0, -1.0], repeat=n)))


def test_two_differences_by_hand() -> None:
    """u_1 = 1, u_2 = 1 / rms(3, 1) = 1 / sqrt(5)."""
    u = np.array([1, 1 / np.sqrt(5)])
    both = [np.prod(np.exp(bet * sign * u) / np.cosh(bet * u)) for bet in BETS for sign in (1, -1)]
    assert e_process([3, 1]) == pytest.approx([1, np.mean(both)])


@given(some_differences(1, 8))
def test_it_is_a_fair_game_for_any_sizes(d: np.ndarray) -> None:
    assert e_process(every_sign(d.size) * np.abs(d)).mean(0) == pytest.approx(1)


@pytest.mark.parametrize("sizes", [np.arange(1.0, 13), np.ones(12), np.r_[0, 1, 0, 2, 2, 1, 1, 3, 0, 1, 1, 40.0]])
def test_the_level_holds_for_all_looks_together(sizes: np.ndarray) -> None:
    largest = e_process(every_sign(12) * sizes).max(1)
    for alpha in (0.01, 0.05, 0.2):
        assert (largest >= 1 / alpha).mean() <= alpha


@given(some_differences())
def test_neither_direction_nor_unit_matters(d: np.ndarray) -> None:
    assert e_process(-d) == pytest.approx(e_process(d))
    assert e_process(1000 * d) == pytest.approx(e_process(d))


def test_zeros_are_no_evidence() -> None:
    assert (e_process(np.zeros(5)) == 1).all()
    assert e_process([0, 0, 1, 0, 0])[-1] == pytest.approx(1)
    assert e_process([]).size == 0


def test_evidence_stays_finite() -> None:
    assert np.isfinite(e_process(np.ones(3000))).all()
    assert open_p([np.ones(3000)]) < 1e-300
    for unit in (1e306, 1e-312):
        assert e_process(SEEN * unit) == pytest.approx(e_process(SEEN), rel=1e-3)


@given(some_differences())
def test_p_of_one_stream_is_that_of_its_largest_evidence(d: np.ndarray) -> None:
    assert open_p([d]) == pytest.approx(min(1, 1 / e_process(d).max()))
    assert open_p([d, []]) == open_p([d])


@given(some_differences(), some_differences())
def test_evidence_of_several_streams_multiplies(one: np.ndarray, two: np.ndarray) -> None:
    now = e_process(one)[-1] * e_process(two)[-1]
    assert open_p([one, two]) == pytest.approx(min(1, 1 / now))
    assert open_p([two, one]) == pytest.approx(open_p([one, two]))


def test_merged_folders_keep_their_evidence() -> None:
    one, two = SEEN[:6], SEEN[4:] + 0.1
    assert open_p([one]) > 0.05
    assert open_p([one, two]) < 0.01
    assert open_p([one, two]) == pytest.approx(open_p([one]) * open_p([two]))


@pytest.mark.parametrize("first", [3, 5])
def test_the_level_holds_for_several_streams_at_any_stop(first: int) -> None:
    """All looks on one path through both, over all signs: the product is as fair as each."""
    signs = every_sign(10)
    one, two = e_process(signs[:, :first] * SEEN[:first]), e_process(signs[:, first:] * SEEN[first:])
    path = [
        one[:, 0],
        one[:, 0] * two[:, 1],
        one[:, 1] * two[:, 1],
        one[:, 2] * two[:, 4],
        one[:, -1] * two[:, -1],
    ]
    for alpha in (0.05, 0.2, 0.5):
        assert (np.max(path, axis=0) >= 1 / alpha).mean() <= alpha


def test_nothing_is_no_evidence() -> None:
    assert open_p([]) == 1
    assert open_p([[], []]) == 1
    assert open_p([[3.0]]) == 1
    assert confidence_sequence([], 0.05) == (-np.inf, np.inf)


def test_few_differences_exclude_nothing() -> None:
    for n in range(1, 7):
        assert confidence_sequence([SEEN[:n]], 0.05) == (-np.inf, np.inf)
        assert confidence_sequence([np.ones(n)], 0.05) == (-np.inf, np.inf)
    assert np.isfinite(confidence_sequence([SEEN[:7]], 0.05)).all()


def test_all_the_same_is_a_point_once_anything_is_excluded() -> None:
    assert confidence_sequence([[0.25] * 7], 0.05) == (0.25, 0.25)
    assert confidence_sequence([[0.25] * 5, [0.25] * 5], 0.05) == (0.25, 0.25)


@pytest.mark.parametrize(
    "streams", [[SEEN], [SEEN[:5], SEEN[5:]], [np.r_[SEEN, -3, 9]], [np.r_[SEEN, SEEN] * 1e-9]]
)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_ends_are_where_p_meets_alpha(streams: list[np.ndarray], alpha: float) -> None:
    low, high = confidence_sequence(streams, alpha)
    step = 1e-6 * (high - low)
    for end, outwards in ((low, -step), (high, step)):
        assert open_p([d - (end + outwards) for d in streams]) <= alpha
        assert open_p([d - (end - outwards) for d in streams]) > alpha


@given(some_differences(7))
def test_zero_is_outside_only_where_p_says_so(d: np.ndarray) -> None:
    low, high = confidence_sequence([d], 0.05)
    if open_p([d]) > 0.05:
        assert low <= 0 <= high
    assert not low > high


@given(some_differences(7), st.integers(-40, 40))
def test_the_interval_goes_with_the_differences(d: np.ndarray, shift: int) -> None:
    d = np.round(d, 3) + np.linspace(0, 0.3, d.size)
    low, high = confidence_sequence([d], 0.05)
    size = np.abs(d).max() + 40
    assert confidence_sequence([2 * d + shift], 0.05) == pytest.approx(
        (2 * low + shift, 2 * high + shift), abs=1e-3 * size, nan_ok=True
    )
    assert confidence_sequence([-d], 0.05) == pytest.approx((-high, -low), abs=1e-3 * size, nan_ok=True)


def test_a_drift_can_leave_no_shift() -> None:
    early, late = np.tile([0.0, 0.1], 10), np.tile([5.0, 5.1], 60)
    assert np.isnan(confidence_sequence([np.r_[early, late]], 0.05)).all()
