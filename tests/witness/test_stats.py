"""The numbers behind a verdict: by hand, against scipy and statsmodels, and by simulation."""

import gc
import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from lrbench.judging import sign_flips
from lrbench.judging import statistics as stats

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.power import TTestPower


def differences(low: int = 2, high: int = 9) -> st.SearchStrategy[np.ndarray]:
    eighths = st.integers(-9, 9).map(lambda k: k / 8)
    return st.integers(low, high).flatmap(lambda n: arrays(float, n, elements=eighths))


def test_the_interval_by_hand() -> None:
    half = 2.7764451 * 0.7071068  # t(4) at 97.5 %, times sqrt(2.5 / 5)
    assert stats.mean_interval([1, 2, 3, 4, 5]) == pytest.approx((3 - half, 3 + half))
    assert np.isnan(stats.mean_interval([1])).all()
    assert np.isnan(stats.mean_interval([])).all()


def test_the_interval_of_differences_is_scipy_s_paired_one() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.97, 0.01, (2, 12))
    for confidence in (0.9, 0.95):
        expected = scipy_stats.ttest_rel(a, b).confidence_interval(confidence)
        assert stats.mean_interval(a - b, confidence) == pytest.approx((expected.low, expected.high))


def test_sign_flips_by_hand() -> None:
    assert sign_flips.sign_flip_p([1, 2, 3]) == 2 / 8
    assert sign_flips.sign_flip_p([1, 2, -3]) == 1
    assert sign_flips.sign_flip_p([1, 1, -1]) == 1  # |sum| = 1 for 6 of 8, 3 for the other 2
    assert sign_flips.sign_flip_p([3, 1, 1, 1]) == 2 / 16
    assert sign_flips.sign_flip_p([3, 1, 1, -1]) == 8 / 16  # |sum| >= 4: 6 for 2 of 16, 4 for 6
    assert sign_flips.sign_flip_p([0, 0]) == 1
    assert sign_flips.sign_flip_p([0.0001] * 10) == 2 / 1024
    assert sign_flips.sign_flip_p([5]) == 1


@given(differences())
def test_sign_flips_are_a_count_over_all_signs(d: np.ndarray) -> None:
    choices = itertools.product((1, -1), repeat=len(d))
    sums = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in choices]
    assert sign_flips.sign_flip_p(d) == sum(each >= abs(d.sum()) for each in sums) / len(sums)


@pytest.mark.parametrize("n", [3, 10, 14])
def test_sign_flips_are_scipy_s(n: int) -> None:
    d = np.random.default_rng(n).normal(0.3, 1, n)
    expected = scipy_stats.permutation_test(
        (d,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    assert sign_flips.sign_flip_p(d) == pytest.approx(expected.pvalue)


def test_above_twenty_pairs_the_draws_are_seeded_and_near_the_truth() -> None:
    d = np.random.default_rng(3).normal(0.25, 1, 20)
    longer = np.append(d, 1e-15)  # the 21st changes nothing but the method
    assert sign_flips.sign_flip_p(longer) == sign_flips.sign_flip_p(longer)
    assert sign_flips.sign_flip_p(longer) == pytest.approx(sign_flips.sign_flip_p(d), abs=0.005)
    assert sign_flips.sign_flip_p(np.ones(30)) == 1 / 100_001


def test_what_a_number_of_pairs_can_reach() -> None:
    assert [sign_flips.smallest_p(n) for n in (1, 5, 10)] == [1, 0.0625, 2 / 1024]
    assert sign_flips.fewest_pairs(0.05) == 6
    assert sign_flips.fewest_pairs(0.05 / 5) == 8  # a family of five
    assert sign_flips.fewest_pairs(0.05 / 15) == 10  # all pairs of six
    assert sign_flips.fewest_pairs(1e-9) == 21
    assert sign_flips.smallest_p(0) == 1


def test_holm_by_hand() -> None:
    assert sign_flips.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert sign_flips.holm([0.5, 0.9]) == pytest.approx([1, 1])
    assert sign_flips.holm([0.02]) == pytest.approx([0.02])
    assert sign_flips.holm([np.nan, 0.02, 0.03]) == pytest.approx([np.nan, 0.04, 0.04], nan_ok=True)
    assert sign_flips.holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_statsmodels_(p: list[float]) -> None:
    gc.freeze()  # or statsmodels has all that this process holds searched for garbage, at every call
    expected = multipletests(p, method="holm")[1]
    gc.unfreeze()
    assert sign_flips.holm(p) == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("n", [2, 3, 5, 10, 44, 500])
def test_power_is_statsmodels_(n: int, alpha: float) -> None:
    oracle = TTestPower()
    for effect in (0.1, 0.5, 1.0, 2.0):
        expected = oracle.power(effect, n, alpha)  # nan where it is 1 but for less than scipy can say
        assert stats.power(effect, n, alpha) == pytest.approx(1 if np.isnan(expected) else expected, abs=1e-6)
        assert stats.power(-effect, n, alpha) == stats.power(effect, n, alpha)
    found = stats.detectable_effect(n, alpha)
    assert stats.power(found, n, alpha) == pytest.approx(0.8, abs=1e-4)
    if n > 3:  # below, the solver of statsmodels is off by some percent
        expected = oracle.solve_power(nobs=n, alpha=alpha, power=0.8)
        assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("effect", [0.05, 0.2, 0.43, 0.8, 1.5])
def test_pairs_needed_are_statsmodels_rounded_up(effect: float) -> None:
    expected = TTestPower().solve_power(effect_size=effect, alpha=0.05, power=0.8)
    assert stats.pairs_needed(effect) == max(6, int(np.ceil(expected)))
    assert stats.pairs_needed(-effect) == stats.pairs_needed(effect)
    found = stats.pairs_needed(effect)
    assert found
    assert stats.power(effect, found) >= 0.8


def test_pairs_needed_at_the_edges() -> None:
    assert stats.pairs_needed(0) is None
    assert stats.pairs_needed(np.nan) is None
    assert stats.pairs_needed(1e-6) is None
    assert stats.pairs_needed(np.inf) == 6
    assert stats.pairs_needed(50) == 6
    assert stats.pairs_needed(50, alpha=0.01) == 8
    assert np.isnan(stats.detectable_effect(1))


def test_effect_size_and_correlation() -> None:
    assert stats.effect_size([1, 2, 3]) == 2
    assert stats.effect_size([0.1, 0.1, 0.1]) == np.inf
    assert stats.effect_size([-0.1, -0.1]) == -np.inf
    assert stats.effect_size([0, 0, 0]) == 0
    assert np.isnan(stats.effect_size([1]))
    assert stats.correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert np.isnan(stats.correlation([1, 1, 1], [2, 4, 6]))
    assert np.isnan(stats.correlation([1, 2], [2, 4]))


def family_of_five(draws: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Differences of five schedules from one baseline where nothing differs: (draws, 5, n), correlated."""
    seeds = rng.normal(0, 1, (draws, 1, n))  # what a seed does to all of them
    own = rng.normal(0, 1, (draws, 6, n))
    values = seeds + own
    return values[:, 1:] - values[:, :1]


def test_where_nothing_differs_a_family_of_five_is_called_better_or_worse_in_at_most_5_percent() -> None:
    d = family_of_five(10_000, 10, np.random.default_rng(7))
    called = (sign_flips.holm(sign_flips.sign_flip_p(d)) < 0.05).any(-1).mean()
    assert 0.01 < called <= 0.05


def test_the_interval_covers_the_truth_in_95_percent() -> None:
    rng = np.random.default_rng(8)
    for n in (5, 10):
        d = rng.normal(0.3, 1, (10_000, n))
        covers = np.mean([low <= 0.3 <= high for low, high in map(stats.mean_interval, d)])
        assert covers == pytest.approx(0.95, abs=0.01)
