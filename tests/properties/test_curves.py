"""What every curve must be, and a few values by hand."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, parse, rates
from lrbench.schedules.base import PIECES, Curve, Span, schedule
from lrbench.schedules.modifiers import modifiers_of, parameters_of
from lrbench.schedules.shapes import Fall

horizons = st.builds(Horizon, st.integers(1, 60), st.integers(1, 200))
peaks = st.floats(1e-6, 10)
epochs = st.integers(2, 8)
MODIFIERS = [
    "",
    "warmup=10%",
    "hold=20%",
    "per=epoch",
    "cooldown=30%",
    "warmup=2 steps, hold=3 steps, per=epoch",
    "warmup=10%, warmup_shape=cosine",
    "warmup=3 steps, warmup_start=0%",
    "warmup=20%, warmup_shape=cosine, warmup_start=1%, hold=10%, cooldown=40%, per=epoch",
]
SHAPES = get_args(Fall)
COOLDOWNS = [f"cooldown=25%, cooldown_shape={shape}" for shape in SHAPES if shape != "linear"]
CLIMBS = sorted(
    name for name, entry in REGISTRY.items() if "warmup" in modifiers_of(entry)
)  # not noam: it has its own
specs = st.sampled_from(sorted(REGISTRY)).flatmap(
    lambda name: st.sampled_from(
        [each for each in MODIFIERS if name in CLIMBS or "warmup_" not in each]
        + (COOLDOWNS if "cooldown" not in REGISTRY[name].parameters else [])
    ).map(lambda modifiers: f"{name}({modifiers})")
)


@given(specs, horizons, peaks)
def test_every_rate_is_finite_not_negative_and_at_most_the_highest_named(
    spec: str, horizon: Horizon, lr: float
) -> None:
    assume(horizon.steps > 10)
    table = parse(spec, lr).table(horizon)
    assert table.shape == (horizon.steps,)
    assert table.dtype == np.float64
    assert np.isfinite(table).all()
    assert (table >= 0).all()
    highest = max(lr, 0.1) if spec.startswith("piecewise") else lr
    assert (table <= highest * (1 + 1e-12)).all()


@given(specs, horizons, st.integers(0, 5))
def test_a_curve_has_no_hidden_memory(spec: str, horizon: Horizon, seed: int) -> None:
    assume(horizon.steps > 10)
    one, other = parse(spec, 0.1).curve(horizon), parse(spec, 0.1).curve(horizon)
    steps = np.arange(horizon.steps + 1)
    shuffled = np.random.default_rng(seed).permutation(steps)
    assert np.array_equal(one(shuffled), other(steps)[shuffled])
    assert np.array_equal(one(steps[-1:]), other(steps)[-1:])
    assert np.array_equal(one(steps), other(steps))


@given(specs, peaks)
def test_spec_to_schedule_to_spec(spec: str, lr: float) -> None:
    schedule = parse(spec, lr)
    assert parse(str(schedule), 0.7) == schedule
    assert parse(schedule.written(lr), lr) == schedule
    assert parse(schedule.words, lr) == schedule


ARRIVING = {
    "cosine": "floor",
    "linear": "to",
    "polynomial": "to",
    "wsd": "floor",
    "onecycle": "end",
    "rex": "floor",
}


@given(
    st.sampled_from(sorted(ARRIVING)),
    horizons,
    st.floats(0, 100),
    st.sampled_from(["", "warmup=7%", "warmup=5%, hold=9%"]),
)
def test_a_decaying_curve_arrives_just_after_the_last_update_warm_up_included(
    name: str, horizon: Horizon, end: float, modifiers: str
) -> None:
    assume(horizon.steps > 20)
    inside = ", ".join(part for part in (f"{ARRIVING[name]}={end!r}%", modifiers) if part)
    curve = parse(f"{name}({inside})", 0.1).curve(horizon)
    last_update, arrived = curve(np.array([horizon.steps - 1, horizon.steps]))
    assert arrived == pytest.approx(end / 1000, abs=1e-15)
    assert last_update >= arrived - 1e-15


CURVES = sorted(name for name, entry in REGISTRY.items() if "cooldown" not in entry.parameters)


@given(
    st.sampled_from(CURVES),
    horizons,
    st.floats(1, 90),
    st.sampled_from(SHAPES),
    st.sampled_from(["", "warmup=5%"]),
)
def test_a_cooldown_leaves_the_curve_alone_until_it_begins_and_arrives_at_zero(
    name: str, horizon: Horizon, share: float, shape: str, warmup: str
) -> None:
    assume(horizon.steps > 20)
    bare = parse(f"{name}({warmup})", 0.1).table(horizon)
    curve = parse(f"{name}({warmup}, cooldown={share!r}%, cooldown_shape={shape})".replace("(, ", "("), 0.1).curve(
        horizon
    )
    steps = np.arange(horizon.steps + 1)
    factor = curve(steps)[:-1] / np.where(bare, bare, 1)
    begins = horizon.steps * (1 - share / 100)
    assert np.array_equal(curve(steps)[steps <= begins], bare[steps[:-1] <= begins])
    assert (np.diff(factor[bare > 0]) <= 1e-12).all()
    assert (factor <= 1).all()
    assert curve(steps[-1:])[0] == pytest.approx(0, abs=1e-15)


@given(st.floats(0, 90), st.sampled_from(SHAPES), horizons)
def test_wsd_is_constant_with_a_warm_up_and_a_cooldown(share: float, shape: str, horizon: Horizon) -> None:
    assume(horizon.steps > 20)
    wsd = parse(f"wsd(cooldown={share!r}%, shape={shape})").table(horizon)
    constant = f"constant(warmup=5%, cooldown={share!r}%, cooldown_shape={shape})"
    if not share:
        constant = "constant(warmup=5%)"
    assert wsd == pytest.approx(parse(constant).table(horizon), abs=1e-9)


@given(horizons, st.integers(1, 30), peaks)
def test_a_warm_up_with_a_start_rate_begins_there(horizon: Horizon, w: int, lr: float) -> None:
    assume(horizon.steps > w)
    for share in (0, 25):
        z = np.arange(w) / w
        for shape, way in (("linear", z), ("cosine", 0.5 * (1 - np.cos(np.pi * z)))):
            text = f"cosine(warmup={w} steps, warmup_shape={shape}, warmup_start={share}%)"
            table = parse(text, lr).table(horizon)
            assert table[:w] == pytest.approx(lr * (share / 100 + (1 - share / 100) * way), abs=1e-12)
            assert table[w] == lr


def test_what_is_new_is_off_by_default_to_the_last_bit() -> None:
    """The formulas as they were before floors, powers, k and warm-up shapes: what is stored was made with them."""
    horizon, lr = Horizon(7, 143), 0.3
    total = horizon.steps
    t = np.arange(total)
    z = t / total
    expected = {
        "cosine": 0.003 + 0.5 * (lr - 0.003) * (1 + np.cos(np.pi / total * t)),
        "polynomial(to=0.01)": (lr - 0.01) * (1 - t / total) ** 2 + 0.01,
        "rex": lr * (1 - z) / (1 - z / 2),
        "sigmoid": 0.5 * lr * (1 - np.tanh(0.5 * 20 / total * (t - total / 2))),
        "inverse_sqrt": lr * np.sqrt(5 * total / 100 / np.maximum(t, 5 * total / 100)),
    }
    for text, table in expected.items():
        assert np.array_equal(parse(text, lr).table(horizon), table), text
    w, down = round(5 * total / 100), 20 * total / 100
    rest = np.arange(total - w)
    trapezoid = lr * (1 - np.maximum(rest - (total - w - down), 0) / down)
    climb = trapezoid[0] * (t[:w] + 1) / (w + 1)
    assert np.array_equal(parse("wsd", lr).table(horizon), np.concatenate([climb, trapezoid]))
    warm = parse("linear(warmup=10 steps)", lr).table(horizon)
    assert np.array_equal(warm[:10], lr * (t[:10] + 1) / 11)


@given(
    specs.filter(
        lambda spec: (
            re.search(r"warmup=(10%|2 steps)(,|\))(?! warmup)", spec) and not spec.startswith(("wsd", "noam"))
        )
    ),
    epochs,
)
def test_a_warm_up_climbs_in_a_straight_line_to_the_first_rate_and_wastes_no_update(
    spec: str, epochs: int
) -> None:
    horizon = Horizon(epochs, 50)
    spec = spec.replace(", per=epoch", "").replace("hold=3 steps", "hold=0 steps")
    w = round(horizon.steps * 0.1) if "10%" in spec else 2
    bare = parse(spec.partition("(")[0]).curve(horizon.after(w))
    warm = parse(spec).table(horizon)
    first = bare(np.array([0]))[0]
    assert warm[:w] == pytest.approx(first * np.arange(1, w + 1) / (w + 1))
    assert warm[w:] == pytest.approx(bare(np.arange(horizon.steps - w)))
    assert warm[0] > 0 or first == 0


def test_hold_stays_at_the_first_rate_and_then_runs_the_whole_curve() -> None:
    held = parse("linear(hold=2 epochs)", 1.0).table(Horizon(4, 5))
    assert held == pytest.approx([1.0] * 10 + [1 - t / 10 for t in range(10)])


def test_per_epoch_takes_the_rate_of_the_epoch_s_first_step() -> None:
    table = parse("linear(per=epoch)", 1.0).table(Horizon(4, 5))
    assert table == pytest.approx(np.repeat([1, 0.75, 0.5, 0.25], 5))


@given(st.sampled_from(CLIMBS), st.integers(1, 6), st.integers(2, 60), st.sampled_from(["linear", "cosine"]))
def test_with_per_epoch_a_warm_up_climbs_by_epochs(name: str, warmup: int, each: int, shape: str) -> None:
    """The rates of the epochs are those of as many single steps."""
    shape = "" if shape == "linear" else f", warmup_shape={shape}"
    spec = f"{name}(warmup={warmup} epochs{shape}, per=epoch)"
    by_epoch = parse(spec).table(Horizon(12, each)).reshape(12, each)
    assert (by_epoch == by_epoch[:, :1]).all()
    z = np.arange(1, warmup + 1) / (warmup + 1)
    way = z if not shape else 0.5 * (1 - np.cos(np.pi * z))
    assert by_epoch[:warmup, 0] == pytest.approx(by_epoch[warmup, 0] * way)
    if not shape:
        assert parse(f"{name}(warmup={warmup} epochs)").table(Horizon(12, 1))[:warmup] == pytest.approx(
            parse(name).curve(Horizon(12, 1).after(warmup))(np.zeros(1, int))[0] * z
        )


def test_no_first_epoch_is_spent_one_step_up_from_zero() -> None:
    """What `wsd(per=epoch)` did by default: its first epoch at 5.8e-5 of 0.1."""
    for spec in ("wsd", "cosine(warmup=5%)", "plateau(warmup=1 epoch)", "constant(warmup=10 steps)"):
        for epochs in (3, 15, 100):
            horizon = Horizon(epochs, 1719)
            schedule = parse(spec)
            first, *rest = replace(schedule, given=(*schedule.given, ("per", "epoch"))).table(horizon)[::1719]
            w = float(schedule.parameters["warmup"].steps(horizon)) / 1719
            assert first == pytest.approx(0.1 / (w + 1), rel=1e-3), (spec, epochs)
            assert rest[0] > 0.9 * first
    joined = parse("join(constant(warmup=2 epochs); linear, at=5 epochs, per=epoch)").table(Horizon(10, 100))
    assert joined[::100] == pytest.approx([0.1 / 3, 0.2 / 3, *[0.1] * 3, *(0.1 * (1 - t / 5) for t in range(5))])
    assert parse("noam(warmup=4 epochs, per=epoch)").table(Horizon(8, 100))[::100] == pytest.approx(
        parse("noam(warmup=4 steps)").table(Horizon(1, 8))
    )


def test_a_warm_up_from_a_start_rate_climbs_by_epochs_as_it_did() -> None:
    table = parse("constant(warmup=4 epochs, warmup_start=0%, per=epoch)", 1.0).table(Horizon(6, 50))
    assert table[::50] == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])


def test_what_is_computed_otherwise_than_before_is_another_run_and_nothing_else_is() -> None:
    marked = {
        "wsd(per=epoch)": {"warmup_by": "epochs"},
        "cosine(warmup=5%, per=epoch)": {"warmup_by": "epochs"},
        "plateau(warmup=1 epoch, threshold=relative, per=epoch)": {"warmup_by": "epochs", "relative_to": "size"},
        "join(wsd; linear, per=epoch)": {"warmup_by": "epochs"},
        "join(constant(warmup=5%); linear, per=epoch)": {"warmup_by": "epochs"},
        "plateau(threshold=relative)": {"relative_to": "size"},
        **{name: {} for name in REGISTRY},
        **{f"{name}(per=epoch)": {} for name in REGISTRY if name != "wsd"},
        "cosine(warmup=5%)": {},
        "cosine(warmup=5%, warmup_start=1%, per=epoch)": {},
        "wsd(warmup=0%, per=epoch)": {},
        "join(constant(warmup=5%); linear)": {},
    }
    for spec, marks in marked.items():
        parameters = parse(spec).resolved()["parameters"]
        assert {key: parameters[key] for key in ("warmup_by", "relative_to") if key in parameters} == marks, spec


decimals = st.integers(1, 400).map(lambda tenths: f"{tenths / 10:g}")


@given(decimals, st.integers(1, 300))
def test_spans_are_exact_before_they_are_rounded(value: str, each: int) -> None:
    """2.2 epochs of 100 steps are 220, not 220.00000000000003: drops stand on the first step that reaches them."""
    horizon = Horizon(50, each)
    exact = Fraction(value) * each
    assert Span(float(value), "epochs").steps(horizon) == float(exact)
    assert Span(float(value), "%").steps(horizon) == float(Fraction(value) * horizon.steps / 100)
    stairs = range(1, min(40, math.ceil(horizon.steps / exact)))
    drops = [math.ceil(stair * exact) for stair in stairs]
    for spec in (
        "step(gamma=0.5, {})",
        "exponential(gamma=0.5, staircase=true, {})",
        "inverse_time(staircase=true, {})",
    ):
        curve = parse(spec.format(f"every={value} epochs"), 1.0).curve(horizon)
        levels = 1 / (1 + np.arange(41)) if spec.startswith("inverse") else 0.5 ** np.arange(41)
        if exact >= 1:
            assert curve(np.array(drops, int)) == pytest.approx(levels[1 : len(drops) + 1])
            assert curve(np.array(drops, int) - 1) == pytest.approx(levels[: len(drops)])
    for spec, key in (("multistep(gamma=0.5, at={0})", 0), ("piecewise(at={0}, rates=1;0.5)", 0)):
        assert (parse(spec.format(f"{value} epochs"), 1.0).table(horizon) < 1).argmax() in (math.ceil(exact), key)


SPANS = [
    (name, key)
    for name, entry in sorted(REGISTRY.items())
    for key, each in parameters_of(entry).items()
    if each.type in (Span, tuple[Span, ...]) and PIECES not in entry.parameters
]


@pytest.mark.parametrize(("name", "key"), SPANS)
def test_a_span_in_decimal_epochs_is_the_same_in_steps(name: str, key: str) -> None:
    """Every span of every schedule, its modifiers included; 1.1 and 2.2 epochs of 100 steps are 110 and 220."""
    horizon = Horizon(20, 100)
    rest = ", rates=0.1;0.05" if (name, key) == ("piecewise", "at") else ""
    for value, steps in (("1.1", 110), ("2.2", 220), ("8.2", 820)):
        one, other = (parse(f"{name}({key}={length}{rest})") for length in (f"{value} epochs", f"{steps} steps"))
        assert np.array_equal(one.table(horizon), other.table(horizon))
        if one.entry.feedback:
            assert one.feedback(horizon) == other.feedback(horizon)


def test_a_third_of_the_horizon_may_be_written_with_sixteen_digits() -> None:
    for total in (300, 3000, 25785):
        table = parse(f"multistep(at={100 / 3!r}%;{200 / 3!r}%)", 1.0).table(Horizon(1, total))
        assert np.flatnonzero(np.diff(table)).tolist() == [total // 3 - 1, 2 * total // 3 - 1]


def test_modifiers_that_leave_nothing_are_refused() -> None:
    for spec in ("cosine(warmup=100%)", "cosine(hold=10 epochs)", "cosine(warmup=50%, hold=50%)"):
        with pytest.raises(BadSpec, match=r"leaves? nothing"):
            parse(spec).table(Horizon(10, 5))
    with pytest.raises(BadSpec, match="more than is left"):
        parse("cosine(warmup=50%, cooldown=60%)").table(Horizon(10, 5))


whole_horizons = st.builds(Horizon, st.integers(1, 100), st.integers(20, 2000))


@given(whole_horizons)
def test_the_default_restarts_are_four_whole_cycles(horizon: Horizon) -> None:
    assume(horizon.steps <= 100_000)
    table = parse("restarts", 1.0).table(horizon)
    total = horizon.steps
    highest = np.flatnonzero((np.diff(table, prepend=0) > 0) & (table > 0.5))
    assert highest.tolist() == [math.ceil(total * k / 15 - 1e-9) for k in (0, 1, 3, 7)]
    z = 1 - 1 / (total * 8 / 15)  # of the last cycle has passed at the last update
    assert table[-1] == pytest.approx(0.5 * (1 + np.cos(np.pi * z)), abs=1e-9)


def test_restarts_of_a_short_training_begin_with_a_cycle_of_one_step() -> None:
    for steps in range(1, 15):
        table = parse("restarts", 1.0).table(Horizon(1, steps))
        assert table[[t for t in (0, 1, 3, 7) if t < steps]] == pytest.approx(1)


def test_a_restart_on_an_epoch_s_first_step_serves_that_epoch() -> None:
    by_epoch = parse("restarts(per=epoch)", 1.0).table(Horizon(15, 1719))[::1719]
    assert np.flatnonzero(by_epoch == 1).tolist() == [0, 1, 3, 7]


@given(whole_horizons)
def test_the_default_cyclical_is_four_whole_cycles(horizon: Horizon) -> None:
    curve = parse("cyclical", 1.0).curve(horizon)
    edges = np.arange(9) * horizon.steps / 8
    assert curve(edges) == pytest.approx([0.01, 1] * 4 + [0.01])


def test_a_piece_of_a_join_knows_only_its_own_stretch() -> None:
    ten = Horizon(epochs=10, steps_per_epoch=1)
    for text, values in {
        "join": [0.8] * 5 + [0.8, 0.64, 0.48, 0.32, 0.16],
        "join(linear(to=50%); linear(lr=50%), at=4 epochs)": [
            *[0.8, 0.7, 0.6, 0.5],
            *[0.4 * (1 - t / 6) for t in range(6)],
        ],
        "join(step(every=50%); wsd(warmup=0%, cooldown=50%), at=60%)": [0.8] * 3
        + [0.4] * 3
        + [0.8, 0.8, 0.8, 0.4],
        "join(linear; constant(lr=0.1); linear(warmup=1 step), at=2 steps;4 steps, warmup=2 steps)": [
            *[0.8 / 3, 1.6 / 3],
            *[0.8, 0.4],
            *[0.1, 0.1],
            *[0.4, 0.8, 1.6 / 3, 0.8 / 3],
        ],
        "join(linear(per=epoch); constant, at=50%, cooldown=20%)": [0.8, 0.64, 0.48, 0.32, 0.16, *[0.8] * 4, 0.4],
    }.items():
        assert rates(parse(text, lr=0.8), ten) == pytest.approx(np.array(values)), text


@given(
    st.integers(1, 40), st.integers(2, 90), st.sampled_from(sorted(ARRIVING)), st.sampled_from(sorted(ARRIVING))
)
def test_every_piece_of_a_join_arrives_with_its_stretch(epochs: int, at: int, one: str, other: str) -> None:
    horizon = Horizon(epochs, 100)
    begin = round(horizon.steps * at / 100)
    curve = parse(f"join({one}; {other}, at={at}%)").curve(horizon)
    for piece, stretch, after in ((one, begin, 0), (other, horizon.steps - begin, begin)):
        alone = parse(piece).curve(Horizon(1, stretch))
        steps = np.arange(stretch)
        assert curve(steps + after) == pytest.approx(alone(steps), abs=1e-15)
    assert curve(np.array([horizon.steps]))[0] < 0.002


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
        "constant(cooldown=4 steps)": [0.8] * 7 + [0.6, 0.4, 0.2],
        "constant(cooldown=50%, cooldown_shape=square)": [0.8] * 5 + [0.8 * (1 - (t / 5) ** 2) for t in range(5)],
        "constant(cooldown=50%, cooldown_shape=inverse-linear)": [0.8] * 5
        + [0.8 * (1 - t / 5) / (1 + 9 * t / 5) for t in range(5)],
        "noam(warmup=4 steps)": [0.2, 0.4, 0.6, 0.8, *(0.8 * (4 / s) ** 0.5 for s in range(5, 11))],
        "step(every=1.1 steps)": [0.8 * 0.5 ** (10 * t // 11) for t in range(10)],
        "constant(cooldown=50%, cooldown_shape=sqrt)": [0.8] * 5 + [0.8 * (1 - (t / 5) ** 0.5) for t in range(5)],
        "step(every=5 steps, cooldown=2 steps)": [0.8] * 5 + [0.4] * 4 + [0.2],
        "wsd(warmup=0%, cooldown=50%, shape=cosine)": [0.8] * 5
        + [0.4 * (1 + np.cos(np.pi * t / 5)) for t in range(5)],
        "wsd(warmup=0%, cooldown=50%, shape=exponential)": [0.8] * 5
        + [0.8 * (2 * 0.5 ** (t / 5) - 1) for t in range(5)],
        "constant(warmup=4 steps, warmup_start=0%)": [0, 0.2, 0.4, 0.6, *[0.8] * 6],
        "constant(warmup=3 steps, warmup_shape=cosine)": [
            *(0.4 * (1 - np.cos(np.pi * t / 4)) for t in (1, 2, 3)),
            *[0.8] * 7,
        ],
        "inverse_sqrt(after=2 steps, power=1, floor=0.2)": [0.8, 0.8, *(0.2 + 0.6 * 2 / t for t in range(2, 10))],
        "rex(floor=0.2)": [0.2 + 0.6 * (1 - t / 10) / (1 - t / 20) for t in range(10)],
        "sigmoid(centre=4 steps, gamma=10, floor=0.2)": [0.2 + 0.6 / (1 + np.exp(t - 4.0)) for t in range(10)],
        "cosine(floor=0%, k=2)": [0.4 * (1 + np.cos(np.pi * (t / 10) ** 2)) for t in range(10)],
        "polynomial(k=3)": [0.8 * (1 - (t / 10) ** 3) ** 2 for t in range(10)],
        "multistep(at=2 epochs;50%, gamma=0.5)": [0.8] * 2 + [0.4] * 3 + [0.2] * 5,
        "piecewise(at=3 steps;6 steps, rates=50%;0.3;0)": [0.4] * 3 + [0.3] * 3 + [0] * 4,
        "inverse_time(every=2 steps, gamma=3)": [0.8 / (1 + 1.5 * t) for t in range(10)],
        "inverse_time(every=5 steps, staircase=true, power=2)": [0.8] * 5 + [0.2] * 5,
        "inverse_sqrt(after=2 steps)": [0.8, 0.8, *(0.8 * (2 / t) ** 0.5 for t in range(2, 10))],
        "linear(to=0.3)": [0.8 - 0.05 * t for t in range(10)],
        "linear(to=200%)": [0.8 + 0.08 * t for t in range(10)],
        "polynomial(to=0.3, power=3)": [0.5 * (1 - t / 10) ** 3 + 0.3 for t in range(10)],
        "rex": [0.8 * (1 - t / 10) / (1 - t / 20) for t in range(10)],
        "sigmoid(centre=4 steps, gamma=10)": [0.8 / (1 + np.exp(t - 4.0)) for t in range(10)],
        "restarts(first=2 steps, shrink=0.5)": [
            *(0.4 * (1 + np.cos(np.pi * z)) for z in (0, 0.5)),
            *(0.2 * (1 + np.cos(np.pi * z)) for z in (0, 0.25, 0.5, 0.75)),
            *(0.1 * (1 + np.cos(np.pi * z)) for z in (0, 0.125, 0.25, 0.375)),
        ],
        "onecycle(up=4 steps, start=0.4, end=0.2, shape=linear)": [
            0.4,
            0.5,
            0.6,
            0.7,
            *(0.8 - 0.1 * t for t in range(6)),
        ],
        "wsd(warmup=3 steps, cooldown=4 steps)": [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.6, 0.4, 0.2],
        "wsd(warmup=50%, cooldown=50%)": [0.8 * t / 6 for t in range(1, 6)] + [0.8 - 0.16 * t for t in range(5)],
        "wsd(warmup=2 steps, hold=3 steps, cooldown=4 steps)": [0.8 / 3, 1.6 / 3, *[0.8] * 5, 0.6, 0.4, 0.2],
        "wsd(warmup=0%, cooldown=50%, shape=sqrt)": [0.8] * 5 + [0.8 * (1 - (t / 5) ** 0.5) for t in range(5)],
    }
    for text, values in expected.items():
        assert rates(parse(text, lr=0.8), ten) == pytest.approx(np.array(values), abs=1e-15), text


def test_the_defaults_draw_the_same_picture_on_every_horizon() -> None:
    short, long = Horizon(15, 100), Horizon(100, 150)
    for name in set(REGISTRY) - {"piecewise"}:  # a published table of rates: its boundaries are in steps
        a, b = parse(name).table(short), parse(name).table(long)
        one_step = 0.1 / (0.05 * short.steps) if name in ("wsd", "noam") else 0  # they climb by whole updates
        assert a == pytest.approx(b[::10], rel=1e-9, abs=one_step), name


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


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("multistep(at=75%;50%)", "rise"),
        ("multistep(at=0 steps)", "above 0"),
        ("piecewise(at=50%)", "one rate more"),
        ("piecewise(at=50%, rates=0.1;-0.1)", "not negative"),
        ("inverse_time(gamma=0)", "gamma > 0"),
        ("inverse_time(power=-1)", "power > 0"),
        ("inverse_sqrt(after=0%)", "after > 0"),
        ("linear(to=-1%)", "to >= 0"),
        ("polynomial(to=2)", "to <= lr"),
        ("polynomial(power=0)", "power > 0"),
        ("restarts(mult=0.5)", "mult >= 1"),
        ("restarts(shrink=2)", "shrink <= 1"),
        ("restarts(first=0 epochs)", "first >= 1 step"),
        ("restarts(first=0.5 steps)", "first >= 1 step"),
        ("onecycle(up=100%)", "up < 100%"),
        ("onecycle(start=2)", "start <= lr"),
        ("wsd(warmup=50%, cooldown=60%)", "more than is left"),
        ("sigmoid(gamma=0)", "gamma > 0"),
        ("plateau(patience=0 epochs)", "patience > 0"),
        ("cosine(k=0)", "k > 0"),
        ("polynomial(k=-1)", "k > 0"),
        ("inverse_sqrt(power=0)", "power > 0"),
        ("noam(warmup=0%)", "warmup > 0"),
        ("rex(floor=101%)", "floor <= lr"),
        ("join(linear; cosine; rex)", "one piece more"),
        ("join(linear; cosine, at=11 epochs)", "without a step"),
        ("join(linear; cosine; rex, at=50%;25%)", "rise"),
    ],
)
def test_impossible_parameters_are_refused(spec: str, problem: str) -> None:
    with pytest.raises(BadSpec, match=re.escape(problem)):
        parse(spec).table(Horizon(10, 5))


def test_two_schedules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two schedules are called 'cosine'"):
        schedule("cosine")(lambda horizon, *, lr: None)
