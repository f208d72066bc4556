"""Numbers against textbook values and against scipy.stats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lrbench.stats import mean_interval


def test_by_hand() -> None:
    # mean 2, s = 1, n = 3; t(2, 0.975) = 4.30265
    low, high = mean_interval([1, 2, 3])
    assert (low, high) == pytest.approx((2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), rel=1e-5)


def test_one_value_has_no_interval() -> None:
    assert np.isnan(mean_interval([1.0])).all()
    assert np.isnan(mean_interval([])).all()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.sampled_from([0.9, 0.95, 0.99]))
def test_it_is_scipy_s_t_interval(values: list[float], confidence: float) -> None:
    scale = stats.sem(values)
    if scale < 1e-12:
        assert mean_interval(values, confidence) == pytest.approx((np.mean(values),) * 2)
    else:
        expected = stats.t.interval(confidence, len(values) - 1, np.mean(values), scale)
        assert mean_interval(values, confidence) == pytest.approx(expected, rel=1e-9)
