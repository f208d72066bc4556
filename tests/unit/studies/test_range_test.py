"""A range test's curves and what they suggest: by hand, against fastai's own words, and what must hold of all."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.studies.range_test import (
    AGREE,
    RULES,
    Curve,
    Suggestion,
    Sweep,
    divergence,
    memory_of,
    read,
    smoothed,
    suggest,
    valley,
)

SWEEP = Sweep(scale="exponential", lowest=1e-6, highest=10.0, steps=700, smooth=memory_of(700))


def falling(sweep: Sweep = SWEEP, middle: float = 0.01, limit: float = 1.0, floor: float = 0.3) -> np.ndarray:
    """Losses without noise: from 2.3 to a floor, half of the way at `middle`, and then up above `limit`."""
    rates = sweep.rates
    with np.errstate(over="ignore"):
        return floor + (2.3 - floor) / (1 + rates / middle) + np.expm1(20 * np.maximum(0, np.log(rates / limit)))


def noisy(seed: int, losses: np.ndarray, scale: float = 0.2) -> np.ndarray:
    return losses + np.random.default_rng(seed).normal(0, scale, losses.shape)


def by_name(curves: list[Curve], sweep: Sweep = SWEEP) -> dict[str, Suggestion]:
    return {rule.name: suggest(rule, curves, sweep) for rule in RULES}


def same(one: Curve, other: Curve) -> None:
    assert one.diverged == other.diverged
    for name in ("means", "at"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


# ---- the sweep and the mean


@pytest.mark.parametrize(("scale", "halfway"), [("exponential", math.sqrt(1e-3)), ("linear", (1e-4 + 10) / 2)])
def test_a_sweep_goes_from_the_lowest_rate_to_the_highest(scale: str, halfway: float) -> None:
    rates = Sweep(scale=scale, lowest=1e-4, highest=10.0, steps=101, smooth=0).rates
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 10.0, 101)
    assert rates[50] == pytest.approx(halfway)
    steps = np.diff(np.log(rates) if scale == "exponential" else rates)
    assert steps == pytest.approx(np.full(100, steps[0]))


def test_the_mean_is_bias_corrected() -> None:
    assert smoothed(np.array([2.0, 4.0, 1.0]), 0.5) == pytest.approx([2, 2.5 / 0.75, 1.75 / 0.875])
    assert smoothed(np.full(50, 3.0), 0.98) == pytest.approx(np.full(50, 3.0))
    assert smoothed(np.array([2.0, 4.0, 1.0]), 0).tolist() == [2, 4, 1]


@pytest.mark.parametrize(("steps", "smooth"), [(20, 0), (50, 0), (100, 0.5), (2_500, 0.98), (100_000, 0.9995)])
def test_a_mean_remembers_a_fiftieth_of_the_sweep(steps: int, smooth: float) -> None:
    assert memory_of(steps) == pytest.approx(smooth)


@pytest.mark.parametrize("smooth", [0.0, 0.9, 0.98])
def test_smoothing_shifts_no_curve(smooth: float) -> None:
    """Where a loss falls in proportion to the decades, its mean stands on the very line."""
    sweep = replace(SWEEP, smooth=smooth)
    curve = read(0, 9 - np.log10(sweep.rates), sweep)
    assert curve.means == pytest.approx(9 - np.log10(curve.at))


# ---- where it diverges


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 1, 400, 699])
def test_a_loss_that_is_no_number_ends_the_sweep(bad: float, at: int) -> None:
    losses = np.ones(SWEEP.steps)
    losses[at:] = bad
    assert divergence(losses, SWEEP) == at
    curve = read(0, losses, SWEEP)
    assert curve.diverged == SWEEP.rates[at]
    assert len(curve.means) == at
    assert np.isfinite(curve.means).all()
    assert np.isfinite(curve.at).all()


def test_a_mean_of_four_times_its_best_ends_the_sweep() -> None:
    sweep = replace(SWEEP, smooth=0)
    losses = np.ones(sweep.steps)
    losses[300] = 3.99
    losses[500] = 4.01
    assert divergence(losses, sweep) == 500
    losses[500] = 3.99
    assert divergence(losses, sweep) is None
    losses[:10] = 0.001  # of too few batches to be the best
    assert divergence(losses, sweep) is None


def test_rounding_is_no_divergence() -> None:
    losses = np.where(SWEEP.rates < 1e-2, 1.0, 1e-13 * (1 + 9 * (np.arange(SWEEP.steps) % 2)))
    assert divergence(losses, replace(SWEEP, smooth=0)) is None
    assert divergence(np.zeros(SWEEP.steps), SWEEP) is None


def test_a_loss_below_zero_diverges_when_it_rises_by_three_times_its_best() -> None:
    sweep = replace(SWEEP, smooth=0)
    losses = np.full(sweep.steps, -1.0)
    losses[400:] = 1.9
    assert divergence(losses, sweep) is None
    losses[400:] = 2.1
    assert divergence(losses, sweep) == 400


@given(st.integers(0, 2**32 - 1), st.sampled_from([SWEEP, replace(SWEEP, smooth=0.0), replace(SWEEP, steps=60)]))
def test_asked_as_it_goes_a_sweep_ends_where_it_ends(seed: int, sweep: Sweep) -> None:
    """What comes after the divergence changes nothing, so that a sweep may stop there."""
    losses = noisy(seed, falling(sweep))
    end = divergence(losses, sweep)
    assert end is not None
    whole = read(0, losses, sweep)
    for later in (end + 1, min(end + 5, sweep.steps)):
        assert divergence(losses[:later], sweep) == end
        same(read(0, losses[:later], sweep), whole)
    assert divergence(losses[:end], sweep) is None


# ---- what it suggests


def test_a_clean_curve_has_all_three_rates() -> None:
    """Half of the way down a logistic curve in log rate is where it is steepest."""
    found = by_name([read(0, falling(), SWEEP)])
    assert found["steepest"].rate == pytest.approx(0.01, rel=0.1)
    assert found["valley"].rate is not None
    assert 1e-3 < found["valley"].rate < 0.1
    assert found["tenth"].rate == pytest.approx(0.1, rel=0.3)
    assert all(each.interval is None and not each.reason for each in found.values())


@pytest.mark.parametrize("scale", ["exponential", "linear"])
def test_the_steepest_descent_is_one_per_decade_on_either_scale(scale: str) -> None:
    sweep = Sweep(scale=scale, lowest=1e-3, highest=1.0, steps=5_000, smooth=0)
    rate = by_name([read(0, falling(sweep, middle=0.2, limit=5), sweep)], sweep)["steepest"].rate
    assert rate == pytest.approx(0.2, rel=0.1)


def fastai_valley(losses: list[float]) -> int:
    """`fastai.callback.schedule.valley` without tensors, word for word: the index of the suggestion."""
    n = len(losses)
    max_start, max_end = 0, 0
    lds = [1] * n
    for i in range(1, n):
        for j in range(i):
            if (losses[i] < losses[j]) and (lds[i] < lds[j] + 1):
                lds[i] = lds[j] + 1
            if lds[max_end] < lds[i]:
                max_end = i
                max_start = max_end - lds[max_end]
    sections = (max_end - max_start) / 3
    return max_start + int(sections) + int(sections / 2)


@pytest.mark.parametrize("seed", range(8))
def test_the_valley_is_fastai_s(seed: int) -> None:
    sweep = replace(SWEEP, steps=200, smooth=0.8)
    curve = read(seed, noisy(seed, falling(sweep, limit=5)), sweep)
    start = sweep.skipped
    assert valley(curve, sweep) == curve.at[start + fastai_valley(curve.means[start:].tolist())]


@given(st.floats(1e-6, 1e6), st.integers(0, 1_000))
def test_the_scale_of_the_loss_changes_nothing(scale: float, seed: int) -> None:
    losses = noisy(seed, falling())
    one, other = (by_name([read(0, each, SWEEP)]) for each in (losses, losses * 2.0 ** round(math.log2(scale))))
    assert [each.rate for each in one.values()] == [each.rate for each in other.values()]
    arbitrary = by_name([read(0, losses * scale, SWEEP)])
    assert arbitrary["tenth"].rate == one["tenth"].rate
    assert arbitrary["steepest"].rate == pytest.approx(one["steepest"].rate)


def test_noise_free_curves_have_an_interval_of_no_width() -> None:
    found = by_name([read(seed, falling(), SWEEP) for seed in range(5)])
    for each in found.values():
        assert each.span is not None
        assert each.interval is not None
        assert each.span == (each.rate, each.rate)
        assert each.interval == pytest.approx((each.rate, each.rate))


def test_seeds_that_agree_have_a_geometric_mean_inside_its_intervals() -> None:
    curves = [read(seed, noisy(seed, falling(), 0.05), SWEEP) for seed in range(8)]
    for each in by_name(curves).values():
        assert each.rate is not None, each.reason
        assert each.span is not None
        assert each.interval is not None
        rates = [rate for rate in each.rates.values() if rate]
        assert each.rate == pytest.approx(math.prod(rates) ** (1 / 8))
        assert each.span == (min(rates), max(rates))
        assert each.span[0] <= each.rate <= each.span[1]
        assert each.interval[0] * each.interval[1] == pytest.approx(each.rate**2), "even on a log axis"


@pytest.mark.parametrize(("factor", "agree"), [(0.99 * AGREE, True), (1.01 * AGREE, False)])
def test_seeds_that_differ_by_more_than_a_factor_of_three_suggest_nothing(factor: float, agree: bool) -> None:
    tenths = [0.1, 0.1 * factor, 0.15]
    curves = [replace(read(i, falling(), SWEEP), diverged=10 * rate) for i, rate in enumerate(tenths)]
    found = by_name(curves)["tenth"]
    assert found.span == pytest.approx((0.1, 0.1 * factor))
    assert (found.rate is not None) == agree
    assert (found.interval is not None) == agree
    assert found.reason == ("" if agree else "the seeds disagree by a factor of 3")


def test_one_seed_that_has_no_rate_is_enough_to_suggest_none() -> None:
    calm = falling(limit=1e9)
    found = by_name([read(0, falling(), SWEEP), read(1, falling(), SWEEP), read(2, calm, SWEEP)])
    assert found["tenth"].rate is None
    assert found["tenth"].reason.startswith("in 1 of 3 sweeps the loss did not diverge")
    assert found["tenth"].span is not None
    assert found["steepest"].rate == pytest.approx(0.01, rel=0.1)


def test_a_loss_that_falls_most_at_the_beginning_may_be_steeper_before() -> None:
    sweep = replace(SWEEP, lowest=0.1)
    found = by_name([read(0, falling(sweep), sweep)], sweep)
    assert found["steepest"].rate is None
    assert found["steepest"].reason == "in 1 of 1 sweeps the loss did not fall, or fell most at the beginning"
    assert found["valley"].rate is not None


def test_what_comes_after_the_best_is_no_descent() -> None:
    """It is at its best in less than the stretch along which descents are measured, and later falls less far."""
    sweep = replace(SWEEP, smooth=0)
    losses = np.full(sweep.steps, 1.0)
    losses[sweep.skipped + 5] = 0.5
    losses[400:] = 0.7
    found = by_name([read(0, losses, sweep)], sweep)
    assert found["steepest"].rate is None


def test_a_tenth_below_the_sweep_is_none() -> None:
    found = by_name([read(0, falling(limit=5e-6), SWEEP)])
    assert found["tenth"].rate is None


@pytest.mark.parametrize("steps", [20, 100, 700])
def test_noise_alone_suggests_nothing(steps: int) -> None:
    """Of single sweeps, one in two hundred may fall by chance."""
    sweep = replace(SWEEP, steps=steps, smooth=memory_of(steps))
    curves = [read(seed, noisy(seed, np.full(steps, 2.3)), sweep) for seed in range(200)]
    fallen = [curve.seed for curve in curves if valley(curve, sweep) is not None]
    assert len(fallen) <= 4
    assert [each.rate for each in by_name(curves[:5], sweep).values()] == [None] * 3


@pytest.mark.parametrize("losses", [np.full(700, math.nan), np.full(700, 2.3), np.zeros(700), np.arange(700.0)])
def test_a_loss_that_never_falls_suggests_nothing(losses: np.ndarray) -> None:
    found = by_name([read(seed, losses, SWEEP) for seed in range(2)])
    assert found["valley"].rate is None
    assert found["steepest"].rate is None
    assert found["valley"].reason == "in 2 of 2 sweeps the loss did not fall"


# ---- a quadratic, in numbers


def descent(sweep: Sweep, curvatures: tuple[float, ...]) -> np.ndarray:
    """The losses of gradient descent on sum L x^2 / 2 while the rate rises."""
    at, losses = np.ones(len(curvatures)), []
    with np.errstate(over="ignore", invalid="ignore"):
        for rate in sweep.rates:
            losses.append(float(np.sum(np.array(curvatures) * at**2) / 2))
            at = at * (1 - rate * np.array(curvatures))
    return np.array(losses)


@pytest.mark.parametrize("largest", [0.5, 4.0, 100.0])
def test_a_quadratic_diverges_above_two_over_its_curvature_and_soon_above_it(largest: float) -> None:
    """It has to grow back first, for it was damped on the way there."""
    edge = 2 / largest
    sweep = Sweep(scale="linear", lowest=0.9 * edge, highest=1.5 * edge, steps=1_200, smooth=memory_of(1_200))
    diverged = read(0, descent(sweep, (largest, largest / 50)), sweep).diverged
    assert diverged is not None
    assert edge < diverged < 1.15 * edge
