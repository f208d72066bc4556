"""What every curve must be, and a few values by hand."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, parse, rates
from lrbench.schedules.base import Curve, schedule

horizons = st.builds(Horizon, st.integers(1, 60), st.integers(1, 200))
names = st.sampled_from(sorted(REGISTRY))
peaks = st.floats(1e-6, 10)


@given(names, horizons, peaks)
def test_every_rate_is_finite_not_negative_and_at_most_the_peak(name: str, horizon: Horizon, lr: float) -> None:
    table = parse(name, lr).table(horizon)
    assert table.shape == (horizon.steps,)
    assert table.dtype == np.float64
    assert np.isfinite(table).all()
    assert (table >= 0).all()
    assert (table <= lr * (1 + 1e-12)).all()


@given(names, horizons, st.randoms(use_true_random=False))
def test_a_curve_has_no_hidden_memory(name: str, horizon: Horizon, random: object) -> None:
    one, other = parse(name, 0.1).curve(horizon), parse(name, 0.1).curve(horizon)
    steps = np.arange(horizon.steps)
    shuffled = np.random.default_rng(0).permutation(steps)
    assert np.array_equal(one(shuffled), other(steps)[shuffled])
    assert np.array_equal(one(steps[-1:]), other(steps)[-1:])


@given(horizons, st.floats(0, 100))
def test_cosine_arrives_at_its_floor_just_after_the_last_update(horizon: Horizon, floor: float) -> None:
    curve = parse(f"cosine(floor={floor!r}%)", 0.1).curve(horizon)
    start, end = curve(np.array([0, horizon.steps]))
    assert start == pytest.approx(0.1)
    assert end == pytest.approx(floor / 1000, abs=1e-15)


def test_values_by_hand() -> None:
    ten = Horizon(epochs=10, steps_per_epoch=1)
    expected = {
        "constant": [0.8] * 10,
        "step(every=4 epochs, gamma=0.5)": [0.8] * 4 + [0.4] * 4 + [0.2] * 2,
        "exponential(every=1 epoch, gamma=0.5)": [0.8 * 0.5**t for t in range(10)],
        "exponential(every=5 steps, gamma=0.5, staircase=true)": [0.8] * 5 + [0.4] * 5,
        "cosine(floor=0%)": [0.4 * (1 + np.cos(np.pi * t / 10)) for t in range(10)],
        "cyclical(half=2 steps, floor=0%)": [0, 0.4, 0.8, 0.4, 0, 0.4, 0.8, 0.4, 0, 0.4],
        "cyclical(half=2 steps, floor=0%, decay=half)": [0, 0.4, 0.8, 0.4, 0, 0.2, 0.4, 0.2, 0, 0.1],
        "cyclical(half=2 steps, floor=0%, decay=exp, gamma=0.5)": [
            0.8 * wave * 0.5**t for t, wave in enumerate([0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5, 0, 0.5])
        ],
        "cyclical(half=2 steps, floor=0.2, shape=sine)": [
            0.2 + 0.6 * wave for wave in np.abs(np.sin(np.pi / 4 * np.arange(10)))
        ],
        "plateau": [0.8] * 10,
    }
    for text, values in expected.items():
        assert rates(parse(text, lr=0.8), ten) == pytest.approx(np.array(values), abs=1e-15), text


def test_the_defaults_draw_the_same_picture_on_every_horizon() -> None:
    short, long = Horizon(15, 100), Horizon(100, 150)
    for name in REGISTRY:
        a, b = parse(name).table(short), parse(name).table(long)
        assert a == pytest.approx(b[::10], rel=1e-9), name


@pytest.fixture
def falling() -> Iterator[str]:
    """A registered schedule whose rates fall below 0."""

    @schedule("falling")
    def falling(horizon: Horizon, *, lr: float) -> Curve:
        return lambda t: lr - t

    yield "falling"
    del REGISTRY["falling"]


def test_a_curve_with_an_impossible_rate_is_an_error_that_names_the_step(falling: str) -> None:
    with pytest.raises(BadSpec, match=r"falling gives the rate -0\.9 at step 1"):
        parse(falling).table(Horizon(3, 1))


def test_two_schedules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two schedules are called 'cosine'"):
        schedule("cosine")(lambda horizon, *, lr: None)
