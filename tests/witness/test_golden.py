"""Every curve against the library that people know it from, over whole tables and many drawn parameters.

Keras's own schedules and optax run here, in float64; PyTorch's and transformers' closed forms are written out,
and so are timm's and Megatron's.
Where a convention differs, the difference is pinned.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbench.schedules import Horizon, parse
from lrbench.schedules.aliases import OTHER_NAMES

lrs = st.floats(1e-4, 10)
gammas = st.floats(0.0625, 0.9990234375, width=32)  # Keras rounds what is no tensor to float32
lengths = st.integers(1, 400)
powers = st.floats(0.5, 4, width=32)
shares = st.floats(0, 100)
bools = st.booleans()
few = settings(max_examples=30, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    import jax

    with jax.enable_x64(True):
        yield


def ours(spec: str, lr: float, steps: int) -> np.ndarray:
    return parse(spec, lr).table(Horizon(1, steps))


def theirs(schedule: Callable[[Any], Any], steps: int) -> np.ndarray:
    return np.array([float(schedule(t)) for t in range(steps)])


def of_keras(schedule: Any, steps: int) -> np.ndarray:
    return np.asarray(schedule(np.arange(steps)), float)  # a tensor of steps is a step as well


def of_optax(schedule: Any, steps: int) -> np.ndarray:
    import jax

    return np.asarray(jax.vmap(schedule)(np.arange(steps)), float)


def float64(value: float) -> Any:
    """A rate that makes Keras's schedules compute in float64."""
    import tensorflow as tf

    return tf.constant(value, tf.float64)


def same(a: np.ndarray, b: np.ndarray, lr: float) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-14 * lr)


pytestmark = [pytest.mark.tensorflow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
STEPS = 60


# ---- Keras


@few
@given(lrs, gammas, lengths, bools)
def test_keras_exponential_decay_is_exponential_and_step(
    lr: float, gamma: float, every: int, staircase: bool
) -> None:
    from keras.optimizers.schedules import ExponentialDecay

    table = of_keras(ExponentialDecay(float64(lr), every, gamma, staircase), STEPS)
    same(
        ours(f"exponential(gamma={gamma!r}, every={every} steps, staircase={str(staircase).lower()})", lr, STEPS),
        table,
        lr,
    )
    if staircase:
        same(ours(f"step(gamma={gamma!r}, every={every} steps)", lr, STEPS), table, lr)


@few
@given(lrs, st.floats(0.125, 5, width=32), lengths, bools)
def test_keras_inverse_time_decay_is_inverse_time(lr: float, gamma: float, every: int, staircase: bool) -> None:
    from keras.optimizers.schedules import InverseTimeDecay

    spec = f"inverse_time(gamma={gamma!r}, every={every} steps, staircase={str(staircase).lower()})"
    same(ours(spec, lr, STEPS), of_keras(InverseTimeDecay(float64(lr), every, gamma, staircase), STEPS), lr)


@few
@given(lrs, shares, powers)
def test_keras_polynomial_decay_is_polynomial_and_linear(lr: float, to: float, power: float) -> None:
    from keras.optimizers.schedules import PolynomialDecay

    end = to * lr / 100
    same(
        ours(f"polynomial(to={to!r}%, power={power!r})", lr, STEPS),
        of_keras(PolynomialDecay(float64(lr), STEPS, end, power), STEPS),
        lr,
    )
    same(
        ours(f"linear(to={to!r}%)", lr, STEPS), of_keras(PolynomialDecay(float64(lr), STEPS, end, 1.0), STEPS), lr
    )


@few
@given(lrs, shares)
def test_keras_cosine_decay_is_cosine(lr: float, floor: float) -> None:
    from keras.optimizers.schedules import CosineDecay

    same(
        ours(f"cosine(floor={floor!r}%)", lr, STEPS),
        of_keras(CosineDecay(float64(lr), STEPS, alpha=floor / 100), STEPS),
        lr,
    )


@few
@given(
    lrs, st.integers(3, 100), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.floats(0.25, 1, width=32), st.floats(0, 20)
)
def test_keras_cosine_decay_restarts_is_restarts(
    lr: float, first: int, mult: float, shrink: float, floor: float
) -> None:
    from keras.optimizers.schedules import CosineDecayRestarts

    spec = f"restarts(first={first} steps, mult={mult!r}, shrink={shrink!r}, floor={floor!r}%)"
    if floor and shrink < 1:  # Keras lets the height above the floor shrink: in cycle 1 its peak is this
        second = CosineDecayRestarts(float64(lr), first, t_mul=mult, m_mul=shrink, alpha=floor / 100)
        assert float(second(first)) == pytest.approx(lr * (floor / 100 + (1 - floor / 100) * shrink), rel=1e-3)
        floor = 0.0
        spec = f"restarts(first={first} steps, mult={mult!r}, shrink={shrink!r}, floor=0%)"
    table = of_keras(CosineDecayRestarts(float64(lr), first, t_mul=mult, m_mul=shrink, alpha=floor / 100), STEPS)
    mine = ours(spec, lr, STEPS)
    # A restart that falls on a whole step is one ulp to either side of it in Keras's logarithm.
    edges = np.cumsum(first * mult ** np.arange(20))
    clear = np.min(np.abs(np.arange(STEPS)[:, None] - edges[None, :]), axis=1) > 1e-6
    same(mine[clear], table[clear], lr)


@few
@given(st.lists(st.integers(1, 50), min_size=1, max_size=5, unique=True).map(sorted), st.data())
def test_keras_piecewise_constant_decay_switches_one_update_later(at: list[int], data: st.DataObject) -> None:
    from keras.optimizers.schedules import PiecewiseConstantDecay

    rates = data.draw(st.lists(lrs, min_size=len(at) + 1, max_size=len(at) + 1))
    spec = f"piecewise(at={';'.join(f'{b} steps' for b in at)}, rates={';'.join(map(repr, rates))})"
    mine = ours(spec, 0.1, STEPS)
    same(mine, of_keras(PiecewiseConstantDecay([b - 1 for b in at], rates), STEPS), 1)
    later = of_keras(PiecewiseConstantDecay(at, rates), STEPS)
    same(
        mine[1:][[t + 1 not in at for t in range(STEPS - 1)]],
        later[1:][[t + 1 not in at for t in range(STEPS - 1)]],
        1,
    )
    for i, boundary in enumerate(at):
        assert later[boundary] == pytest.approx(rates[i]), "Keras still uses the old rate at the boundary"
        assert mine[boundary] == pytest.approx(rates[i + 1]), "lrbench and PyTorch use the new one"


# ---- optax


@few
@given(lrs, gammas, lengths, bools)
def test_optax_exponential_decay(lr: float, gamma: float, every: int, staircase: bool) -> None:
    import optax

    spec = f"exponential(gamma={gamma!r}, every={every} steps, staircase={str(staircase).lower()})"
    same(
        ours(spec, lr, STEPS), of_optax(optax.exponential_decay(lr, every, gamma, staircase=staircase), STEPS), lr
    )


@few
@given(lrs, shares, powers)
def test_optax_linear_polynomial_and_cosine(lr: float, to: float, power: float) -> None:
    import optax

    end = to * lr / 100
    pairs = {
        f"linear(to={to!r}%)": optax.linear_schedule(lr, end, STEPS),
        f"polynomial(to={to!r}%, power={power!r})": optax.polynomial_schedule(lr, end, power, STEPS),
        f"cosine(floor={to!r}%)": optax.cosine_decay_schedule(lr, STEPS, to / 100),
        "constant": optax.constant_schedule(lr),
    }
    for spec, schedule in pairs.items():
        same(ours(spec, lr, STEPS), of_optax(schedule, STEPS), lr)


@few
@given(lrs, st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True).map(sorted), gammas)
def test_optax_piecewise_constant_schedule_is_multistep(lr: float, at: list[int], gamma: float) -> None:
    import optax

    schedule = optax.piecewise_constant_schedule(lr, dict.fromkeys(at, gamma))
    spec = f"multistep(at={';'.join(f'{b} steps' for b in at)}, gamma={gamma!r})"
    mine, table = ours(spec, lr, STEPS), of_optax(schedule, STEPS)
    same(mine, table, lr)


@few
@given(lrs, st.integers(16, 112), st.floats(1.5, 50), st.floats(2, 1e4))
def test_optax_one_cycle_is_onecycle(lr: float, up: int, div: float, final: float) -> None:
    import optax

    steps = 128  # so that the share is exact: optax cuts off what is left of a step
    schedule = optax.cosine_onecycle_schedule(steps, lr, up / steps, div, final)
    spec = f"onecycle(up={up} steps, start={100 / div!r}%, end={100 / div / final!r}%)"
    same(ours(spec, lr, steps), of_optax(schedule, steps), lr)


@few
@given(lrs, st.integers(2, 30), st.floats(0, 100))
def test_optax_warm_up_starts_where_it_is_told_lrbench_s_never_at_zero(lr: float, w: int, floor: float) -> None:
    import optax

    # Told to start one update in, with the end one update later: then the two are one.
    start = lr / (w + 1)
    schedule = optax.warmup_cosine_decay_schedule(start, lr, w, STEPS, floor * lr / 100)
    same(ours(f"cosine(floor={floor!r}%, warmup={w} steps)", lr, STEPS), of_optax(schedule, STEPS), lr)


@few
@given(lrs, st.integers(2, 30), st.floats(0, 100), st.floats(0, 100))
def test_optax_warm_up_with_its_initial_value_is_the_one_with_a_start_rate(
    lr: float, w: int, start: float, floor: float
) -> None:
    import optax

    schedule = optax.warmup_cosine_decay_schedule(start * lr / 100, lr, w, STEPS, floor * lr / 100)
    spec = f"cosine(floor={floor!r}%, warmup={w} steps, warmup_start={start!r}%)"
    same(ours(spec, lr, STEPS), theirs(schedule, STEPS), lr)


@few
@given(lrs, st.integers(2, 50), shares, shares, st.floats(1, 100))
def test_optax_join_schedules_is_join(lr: float, at: int, to: float, floor: float, second: float) -> None:
    import optax

    peak = second * lr / 100
    schedule = optax.join_schedules(
        [optax.linear_schedule(lr, to * lr / 100, at), optax.cosine_decay_schedule(peak, STEPS - at, floor / 100)],
        [at],
    )
    low = floor * peak / 100
    spec = f"join(linear(to={to!r}%); cosine(lr={second!r}%, floor={low!r}), at={at} steps)"
    same(ours(spec, lr, STEPS), theirs(schedule, STEPS), lr)


# ---- PyTorch and transformers, written out


@few
@given(lrs, st.integers(1, 30), shares, gammas, st.sampled_from(["none", "half", "exp"]))
def test_pytorch_cyclic_lr(lr: float, half: int, floor: float, gamma: float, decay: str) -> None:
    low = floor * lr / 100

    def cyclic(t: int) -> float:  # CyclicLR.get_lr, modes triangular, triangular2, exp_range; step_size_up = half
        cycle = math.floor(1 + t / (2 * half))
        x = abs(t / half - 2 * cycle + 1)
        scale = {"none": 1.0, "half": 1 / 2.0 ** (cycle - 1), "exp": gamma**t}[decay]
        return low + (lr - low) * max(0, 1 - x) * scale

    spec = f"cyclical(half={half} steps, floor={floor!r}%, decay={decay}, gamma={gamma!r})"
    same(ours(spec, lr, STEPS), theirs(cyclic, STEPS), lr)


@few
@given(lrs, st.integers(10, 60), st.floats(1.5, 50), st.floats(2, 1e4), st.sampled_from(["cosine", "linear"]))
def test_pytorch_one_cycle_lr_is_onecycle_on_a_clock_one_update_shorter(
    lr: float, up: int, div: float, final: float, shape: str
) -> None:
    total = 101
    turn = float(up / 100 * total) - 1  # OneCycleLR's phases end at pct_start * total - 1 and total - 1

    def one_cycle(t: int) -> float:
        first, last = lr / div, lr / div / final
        start, end, z = (first, lr, t / turn) if t <= turn else (lr, last, (t - turn) / (total - 1 - turn))
        return (
            end + (start - end) / 2 * (1 + math.cos(math.pi * z))
            if shape == "cosine"
            else start + (end - start) * z
        )

    table = theirs(one_cycle, total)
    spec = f"onecycle(up={turn!r} steps, start={100 / div!r}%, end={100 / div / final!r}%, shape={shape})"
    curve = parse(spec, lr).curve(Horizon(1, total - 1))
    same(curve(np.arange(total)), table, lr)
    assert table[-1] == pytest.approx(lr / div / final)  # PyTorch's last update is at the end already


@few
@given(lrs, st.integers(1, 20), st.sampled_from([1, 2, 3]), shares)
def test_pytorch_cosine_annealing_warm_restarts(lr: float, first: int, mult: int, floor: float) -> None:
    low = floor * lr / 100
    state = {"since": 0, "length": first}

    def restarts(t: int) -> float:
        if t and state["since"] + 1 >= state["length"]:
            state.update(since=0, length=state["length"] * mult)
        elif t:
            state["since"] += 1
        return low + (lr - low) * (1 + math.cos(math.pi * state["since"] / state["length"])) / 2

    spec = f"restarts(first={first} steps, mult={mult}, floor={floor!r}%)"
    same(ours(spec, lr, STEPS), theirs(restarts, STEPS), lr)


@few
@given(
    lrs, gammas, st.integers(1, 30), st.lists(st.integers(1, 50), min_size=1, max_size=4, unique=True).map(sorted)
)
def test_pytorch_step_multi_step_exponential_linear_and_polynomial(
    lr: float, gamma: float, every: int, at: list[int]
) -> None:
    pairs: dict[str, Callable[[int], float]] = {
        f"step(every={every} steps, gamma={gamma!r})": lambda t: lr * gamma ** (t // every),
        f"multistep(at={';'.join(f'{b} steps' for b in at)}, gamma={gamma!r})": lambda t: (
            lr * gamma ** bisect_right(at, t)
        ),
        f"exponential(every={every} steps, gamma={gamma!r})": lambda t: lr * (gamma ** (1 / every)) ** t,
        f"linear(to={100 * gamma!r}%)": lambda t: lr * (1 + (gamma - 1) * t / STEPS),
        "polynomial(power=2)": lambda t: lr * (1 - t / STEPS) ** 2,
        "cosine(floor=0%)": lambda t: lr * (1 + math.cos(math.pi * t / STEPS)) / 2,
        f"inverse_sqrt(after={every} steps)": lambda t: lr * min(1, math.sqrt(every / max(t, 1))),
    }
    for spec, formula in pairs.items():
        same(ours(spec, lr, STEPS), theirs(formula, STEPS), lr)


@few
@given(lrs, st.integers(1, 20), st.integers(1, 20))
def test_transformers_warm_up_is_one_update_late_and_wastes_the_first(lr: float, w: int, cooldown: int) -> None:
    def wsd(t: int) -> float:  # get_wsd_schedule with linear warm-up and decay, min_lr_ratio 0
        if t < w:
            return lr * t / w
        if t < STEPS - cooldown:
            return lr
        return lr * (1 - (t - (STEPS - cooldown)) / cooldown)

    table = theirs(wsd, STEPS)
    mine = ours(f"wsd(warmup={w} steps, cooldown={cooldown} steps)", lr, STEPS)
    same(mine[w:], table[w:], lr)
    assert table[0] == 0
    assert mine[:w] == pytest.approx(lr * np.arange(1, w + 1) / (w + 1))
    # With a warm-up one update longer and without its first, wasted update, transformers' climb is this one.
    shifted = np.array([lr * t / (w + 1) for t in range(w + 1)])
    same(mine[:w], shifted[1:], lr)


@few
@given(lrs, st.integers(1, 40))
def test_transformers_inverse_sqrt_climbs_where_this_one_is_flat(lr: float, w: int) -> None:
    def inverse_sqrt(t: int) -> float:  # get_inverse_sqrt_schedule with its timescale at the warm-up's length
        return lr * t / w if t < w else lr / math.sqrt(t / w)

    same(ours(f"inverse_sqrt(after={w} steps)", lr, STEPS)[w:], theirs(inverse_sqrt, STEPS)[w:], lr)


@few
@given(lrs, st.floats(0.05, 2), st.integers(1, 50))
def test_caffe_sigmoid_counts_its_gamma_per_step(lr: float, gamma: float, centre: int) -> None:
    def sigmoid(t: int) -> float:  # Caffe's `sigmoid` with a negative gamma
        return lr * (1 / (1 + math.exp(gamma * (t - centre))))

    same(ours(f"sigmoid(centre={centre} steps, gamma={gamma * STEPS!r})", lr, STEPS), theirs(sigmoid, STEPS), lr)


# ---- timm, Megatron and papers, written out


@few
@given(lrs, st.floats(0.5, 5), shares, powers)
def test_timm_cosine_and_poly_with_k_decay(lr: float, k: float, floor: float, power: float) -> None:
    low = floor * lr / 100

    def cosine(t: int) -> float:  # CosineLRScheduler._get_lr, one cycle
        return low + 0.5 * (lr - low) * (1 + math.cos(math.pi * t**k / STEPS**k))

    def poly(t: int) -> float:  # PolyLRScheduler._get_lr, one cycle
        return low + (lr - low) * (1 - t**k / STEPS**k) ** power

    same(ours(f"cosine(floor={floor!r}%, k={k!r})", lr, STEPS), theirs(cosine, STEPS), lr)
    same(ours(f"polynomial(to={floor!r}%, power={power!r}, k={k!r})", lr, STEPS), theirs(poly, STEPS), lr)


@few
@given(lrs, shares)
def test_timm_tanh_is_sigmoid_under_another_name(lr: float, floor: float) -> None:
    low = floor * lr / 100

    def tanh(t: int) -> float:  # TanhLRScheduler._get_lr with lb=-7, ub=3
        tr = t / STEPS
        return low + 0.5 * (lr - low) * (1 - math.tanh(-7 * (1 - tr) + 3 * tr))

    assert OTHER_NAMES["tanh"] == "sigmoid(centre=70%, gamma=20)"
    same(ours(f"sigmoid(centre=70%, gamma=20, floor={floor!r}%)", lr, STEPS), theirs(tanh, STEPS), lr)


@few
@given(lrs, st.integers(1, 30), shares)
def test_timm_warm_up_is_the_one_with_a_start_rate(lr: float, w: int, start: float) -> None:
    def warm(t: int) -> float:  # warmup_lr_init + t * warmup_step, then the curve on its own clock
        low = start * lr / 100
        return low + t * (lr - low) / w if t < w else lr * (1 - (t - w) / (STEPS - w))

    same(ours(f"linear(warmup={w} steps, warmup_start={start!r}%)", lr, STEPS), theirs(warm, STEPS), lr)


@few
@given(
    lrs,
    st.integers(1, 20),
    st.sampled_from(["linear", "cosine"]),
    st.integers(1, 30),
    st.sampled_from(["linear", "cosine", "1-sqrt"]),
)
def test_transformers_wsd_with_its_shapes(lr: float, w: int, climb: str, cooldown: int, shape: str) -> None:
    def wsd(t: int) -> float:  # get_wsd_schedule, warmup_type=climb and decay_type=shape, min_lr_ratio 0
        if t < w:
            return lr * (t / w if climb == "linear" else 0.5 * (1 - math.cos(math.pi * t / w)))
        if t < STEPS - cooldown:
            return lr
        z = (t - (STEPS - cooldown)) / cooldown
        return (
            lr * {"linear": 1 - z, "cosine": 0.5 * (1 + math.cos(math.pi * z)), "1-sqrt": 1 - math.sqrt(z)}[shape]
        )

    table = theirs(wsd, STEPS)
    both = f"warmup={w} steps, warmup_start=0%, warmup_shape={climb}, cooldown={cooldown} steps"
    named = shape.removeprefix("1-")
    same(ours(f"wsd({both}, shape={named})", lr, STEPS), table, lr)
    constant = f"constant({both}, cooldown_shape={named})"
    same(ours(constant, lr, STEPS), table, lr)


@few
@given(lrs, st.integers(1, 50), shares, st.sampled_from(["linear", "cosine", "exponential", "minus_sqrt"]))
def test_megatron_wsd_decay_styles(lr: float, decay: int, floor: float, style: str) -> None:
    low = floor * lr / 100

    def wsd(t: int) -> float:  # OptimizerParamScheduler.get_lr, lr_decay_style="WSD"
        start = STEPS - decay
        if t <= start:
            return lr
        z = (t - start) / decay
        coefficient = {
            "linear": 1 - z,
            "cosine": 0.5 * (math.cos(math.pi * z) + 1),
            "exponential": 2 * 0.5**z - 1,
            "minus_sqrt": 1 - math.sqrt(z),
        }[style]
        return low + coefficient * (lr - low)

    shape = style.removeprefix("minus_")
    spec = f"wsd(warmup=0%, cooldown={decay} steps, shape={shape}, floor={floor!r}%)"
    same(ours(spec, lr, STEPS), theirs(wsd, STEPS), lr)


@few
@given(lrs, st.integers(1, 20), st.integers(1, 20))
def test_an_inverse_square_root_with_a_linear_cooldown(lr: float, after: int, cooldown: int) -> None:
    def reciprocal(t: int) -> float:  # big_vision's "rsqrt" with its linear cooldown, from the step `after` on
        return lr / math.sqrt(max(1, t / after)) * min(1, (STEPS - t) / cooldown)

    spec = f"inverse_sqrt(after={after} steps, cooldown={cooldown} steps)"
    same(ours(spec, lr, STEPS), theirs(reciprocal, STEPS), lr)


@few
@given(lrs, st.floats(0.25, 2, width=32), st.integers(1, 40))
def test_an_inverse_power(lr: float, power: float, after: int) -> None:
    def inverse(t: int) -> float:
        return lr * min(1, after / max(t, 1)) ** power

    same(ours(f"inverse_sqrt(after={after} steps, power={power!r})", lr, STEPS), theirs(inverse, STEPS), lr)


@few
@given(lrs, st.integers(1, 60), st.integers(16, 1024))
def test_noam_is_the_transformer_paper_s(lr: float, warmup: int, width: int) -> None:
    """PyTorch's LambdaLR calls its function with 0 before the first update, which is the paper's update 1."""

    def paper(update: int) -> float:  # section 5.3: counted from 1
        return width**-0.5 * min(update**-0.5, update * warmup**-1.5)

    peak = (width * warmup) ** -0.5
    rates = []
    factor = lr / peak  # LambdaLR multiplies the optimizer's rate, 1 in the paper's code
    for t in range(STEPS):
        rates.append(factor * paper(t + 1))
    same(ours(f"noam(warmup={warmup} steps)", lr, STEPS), np.array(rates), lr)
    assert max(rates) == pytest.approx(lr if warmup <= STEPS else rates[-1])


@pytest.mark.tensorflow
def test_tensorflow_s_tutorial_s_noam_is_one_update_late_and_wastes_the_first() -> None:
    import keras
    import tensorflow as tf

    class CustomSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            step = tf.cast(step, tf.float32)
            return tf.math.rsqrt(128.0) * tf.math.minimum(tf.math.rsqrt(step), step * (400**-1.5))

    table = of_keras(CustomSchedule(), 2001)
    mine = parse("noam(warmup=400 steps)", (128 * 400) ** -0.5)
    assert table[0] == 0
    assert table[1:] == pytest.approx(mine.table(Horizon(1, 2000)), rel=1e-6)
    assert np.asarray(mine.to_keras(Horizon(1, 2000))(np.arange(2000))) == pytest.approx(table[1:], rel=1e-6)


def test_no_parameters_of_inverse_sqrt_are_noam() -> None:
    """Which is why it has a curve of its own: a warm-up and the flat part follow each other, and are not one."""
    noam = ours("noam(warmup=40 steps)", 1.0, 1000)
    for after in range(1, 80):
        for warmup in (0, 20, 39, 40, 41):
            other = ours(f"inverse_sqrt(after={after} steps, warmup={warmup} steps)", 1.0, 1000)
            assert np.abs(other - noam).max() > 0.01


def exactly(alias: str, steps: int) -> np.ndarray:
    return ours(OTHER_NAMES[alias], 1.0, steps)


def test_trapezoidal_and_1_sqrt_are_wsd() -> None:
    """modded-nanogpt's get_lr and Hägele et al.'s 1 - sqrt, after a warm-up that wastes no update."""
    t = np.arange(1000)
    flat = np.minimum((t + 1) / 51, 1)
    same(exactly("trapezoidal", 1000), np.where(t < 800, flat, (1000 - t) / 200), 1)
    z = np.maximum(t - 800, 0) / 200
    same(exactly("1-sqrt", 1000), np.where(t < 800, flat, 1 - np.sqrt(z)), 1)


def test_power_scheduling_and_hyperbolic_decay_are_inverse_time() -> None:
    """Power scheduling: Géron, lr / (1 + t / s)^c with c = 1. Hyperbolic: lr / (1 + k * t)."""
    t, s = np.arange(1000), 100
    for alias in ("power", "power scheduling", "hyperbolic"):
        same(exactly(alias, 1000), 1 / (1 + t / s) ** 1, 1)
    same(ours(f"{OTHER_NAMES['power']}(every={s} steps, power=2)", 1.0, 1000), 1 / (1 + t / s) ** 2, 1)


def test_the_power_scheduler_is_inverse_sqrt_of_another_power() -> None:
    """Shen et al. 2024, https://arxiv.org/abs/2408.13359: min(lr, beta * n^-0.51), which meets lr at n = 50."""
    n = np.arange(1, 1000)
    table = exactly("power scheduler", 1000)[1:]
    same(table, np.minimum(1, 50**0.51 * n**-0.51), 1)


def test_budgeted_training_is_linear() -> None:
    """Li et al. 2020, https://arxiv.org/abs/1905.04753: lr * (1 - t / T)."""
    same(exactly("budgeted", 1000), 1 - np.arange(1000) / 1000, 1)


def test_fastai_s_flat_cos_is_a_cosine_that_is_held() -> None:
    """fit_flat_cos: flat for pct_start=0.75, then a cosine to lr / div_final, which is 1e5."""
    z = np.maximum(np.arange(1000) - 750, 0) / 250
    same(exactly("flat_cos", 1000), 1e-5 + (1 - 1e-5) * (1 + np.cos(np.pi * z)) / 2, 1)


def test_fairseq_s_tri_stage_is_an_exponential_with_warm_up_and_hold() -> None:
    """Phases of 10, 45 and 45 %, from init_lr_scale to 1 and down to final_lr_scale, both 0.01."""
    warmup, hold, decay = 100, 450, 450
    factor = -math.log(0.01) / decay

    def tri_stage(update: int) -> float:
        if update < warmup:
            return 0.01 + (1 - 0.01) * update / warmup
        return math.exp(-factor * max(update - warmup - hold, 0))

    same(exactly("tri-stage", 1000), theirs(tri_stage, 1000), 1)


def test_an_infinite_schedule_is_a_join() -> None:
    """Ibrahim et al. 2024, https://arxiv.org/abs/2403.08763: warm-up, cosine to a constant, annealing."""
    warmup, total, constant, least = 10, 1000, 0.5, 0.05
    cooled, annealed = warmup + 0.3 * (total - warmup), warmup + 0.85 * (total - warmup)
    cooled, annealed = round(cooled), round(annealed)

    def infinite(n: int) -> float:
        if n < warmup:
            return (n + 1) / (warmup + 1)
        if n < cooled:
            return constant + (1 - constant) / 2 * (1 + math.cos(math.pi * (n - warmup) / (cooled - warmup)))
        if n < annealed:
            return constant
        return constant * (least / constant) ** ((n - annealed) / (total - annealed))

    same(exactly("infinite", 1000), theirs(infinite, 1000), 1)


def test_fairseq_s_invsqrt_is_inverse_sqrt_after_its_warm_up() -> None:
    after = 50  # of 1000 steps, by default
    t = np.arange(after, 1000)
    same(exactly("invsqrt", 1000)[after:], after**0.5 * t**-0.5, 1)


@few
@given(lrs, st.integers(2, STEPS), st.floats(0, 50))
def test_the_square_cooldown_is_hägele_s(lr: float, decay: int, floor: float) -> None:
    low = lr * floor / 100
    z = np.maximum(np.arange(STEPS) - (STEPS - decay), 0) / decay
    spec = f"wsd(warmup=0%, cooldown={decay} steps, shape=square, floor={floor!r}%)"
    same(ours(spec, lr, STEPS), low + (lr - low) * (1 - z**2), lr)


@few
@given(lrs, st.integers(2, STEPS))
def test_the_inverse_linear_cooldown_has_a_straight_reciprocal(lr: float, decay: int) -> None:
    z = np.maximum(np.arange(STEPS) - (STEPS - decay), 0) / decay
    spec = f"wsd(warmup=0%, cooldown={decay} steps, shape=inverse-linear, floor=10%)"
    same(ours(spec, lr, STEPS), 1 / ((1 - z) / lr + z / (lr / 10)), lr)
