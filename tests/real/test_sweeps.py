"""The range test on the compiled engine: its steps are an epoch's, and a quadratic diverges where it must."""

import math
import threading
from typing import Any

import numpy as np
import pytest

from lrbench.config import load_config
from lrbench.engine import open_engine, open_stepwise
from lrbench.engine.replica import fingerprint
from lrbench.plan import find_problem, resolve_setting
from lrbench.studies.find_lr import Curve, Found, Planned, Wanted, find_lr, plan_test

SMALL = {"train_size": 960, "val_size": 500, "batch_size": 48, "optimizer": "adam"}  # 20 whole batches
EDGE = 2 / np.linalg.eigvalsh(2 * np.array([[7.5, 2.5], [2.5, 1.0]])).max()  # of the mean square on `line`: 0.1198


def opened(**options: Any) -> Any:
    config = load_config(None, {**SMALL, **options}, {})
    problem = find_problem(config)
    return resolve_setting(config.model_copy(update={"epochs": 2}), problem), problem


def find(wanted: Wanted | None = None, **options: Any) -> Found:
    return find_lr(plan_test(load_config(None, options, {}), wanted))


@pytest.mark.parametrize("jit", ["on", "off"])
def test_steps_are_the_updates_of_epochs(jit: str) -> None:
    """The same weights to the last bit, and losses whose means are the epochs'."""
    setting, problem = opened(jit=jit)
    rates = np.geomspace(1e-4, 1e-2, 40)
    epochs, steps = open_engine(setting, problem).replica(), open_stepwise(setting, problem).stepper()
    for each in (epochs, steps):
        each.compile()
        each.reset(3)
    losses = np.concatenate([steps.train_steps(0, rates[:7]), steps.train_steps(7, rates[7:33])])  # over the end
    losses = np.concatenate([losses, steps.train_steps(33, rates[33:])])
    trained = [epochs.train_epoch(1, rates[:20])[0], epochs.train_epoch(2, rates[20:])[0]]
    assert [losses[:20].mean(), losses[20:].mean()] == pytest.approx(trained, rel=1e-6)
    assert fingerprint(steps.network.state()) == fingerprint(epochs.state())  # type: ignore[attr-defined]


def test_what_is_left_of_a_pass_waits_for_the_next() -> None:
    """Whole batches only: 19 of 48 in a pass of 950, whose last 38 are shuffled again."""
    setting, problem = opened(train_size=950)
    stepper = open_stepwise(setting, problem).stepper()
    stepper.compile()
    stepper.reset(0)
    together = stepper.train_steps(0, np.full(38, 1e-3))
    stepper.reset(0)
    apart = [stepper.train_steps(first, np.full(19, 1e-3)) for first in (0, 19)]
    assert np.array_equal(together, np.concatenate(apart))
    assert np.isfinite(together).all()


def test_steppers_share_a_program_and_train_their_own_variables() -> None:
    setting, problem = opened()
    engine: Any = open_stepwise(setting, problem)
    steppers = [engine.stepper() for _ in range(2)]
    for seed, stepper in enumerate(steppers):
        stepper.compile()
        stepper.reset(seed)
    losses = [np.concatenate([stepper.train_steps(i, np.full(5, 0.01)) for stepper in steppers]) for i in (0, 5)]
    assert [stepper._programs.taken_over for stepper in steppers] == [False, True]
    (alone,) = [opened()]
    again: Any = open_stepwise(*alone).stepper()
    again.compile()
    for seed in range(2):
        again.reset(seed)
        mine = again.train_steps(0, np.full(10, 0.01))
        assert np.array_equal(mine, np.concatenate([each[5 * seed : 5 * seed + 5] for each in losses]))


def test_a_quadratic_diverges_above_two_over_its_curvature() -> None:
    """Full-batch gradient descent on `line`, a pass per step; a fine sweep finds the edge within 15 %.

    It begins close to it: what has come to rest in float32 would not stir again.
    """
    wanted = Wanted(sweep="linear", lowest=0.9 * EDGE, highest=1.5 * EDGE, steps=600)
    found = find(wanted, problem="line", seeds=3)
    for curve in found.curves:
        assert curve.diverged is not None
        assert EDGE < curve.diverged < 1.15 * EDGE
    assert found.suggestions[-1].rate is None, "a tenth of it lies below the sweep"


def test_a_coarse_sweep_is_past_the_edge_when_it_sees_it_and_its_tenth_is_safe() -> None:
    """The loss has to grow back first, for it was damped on the way to the edge, and the rate rises meanwhile."""
    found = find(Wanted(lowest=1e-3, highest=1, steps=200), problem="line", seeds=5)
    tenth = found.suggestions[-1]
    assert tenth.rate is not None, tenth.reason
    assert EDGE / 10 < tenth.rate < 3 * EDGE / 10
    assert tenth.span is not None
    assert tenth.span[1] < 1.2 * tenth.span[0]


def test_a_quadratic_does_not_diverge_below_it() -> None:
    found = find(Wanted(lowest=1e-4, highest=0.99 * EDGE, steps=200), problem="line", seeds=2)
    assert [curve.diverged for curve in found.curves] == [None, None]
    assert all(len(curve.losses) == 200 for curve in found.curves)
    assert found.suggestions[-1].rate is None


def test_beyond_every_number_it_stops_at_the_first_that_is_none() -> None:
    found = find(Wanted(lowest=1e10, highest=1e30, steps=100), problem="line", seeds=2)
    for curve in found.curves:
        assert len(curve.losses) < 100
        assert not np.isfinite(curve.losses).all()
        assert np.isfinite(curve.means).all()
    assert found.rate is None


def test_side_by_side_or_in_turn_the_numbers_are_the_same() -> None:
    wanted = Wanted(steps=60)
    heard: list[tuple[Curve, threading.Thread]] = []
    options = {**SMALL, "seeds": "0,3,5"}
    config = load_config(None, {**options, "jobs": 2}, {})
    two = find_lr(plan_test(config, wanted), lambda curve: heard.append((curve, threading.current_thread())))
    one = find(wanted, **options, jobs=1)
    for a, b in zip(one.curves, two.curves, strict=True):
        assert a.seed == b.seed
        assert np.array_equal(a.losses, b.losses, equal_nan=True)
    assert [curve.seed for curve in two.curves] == [0, 3, 5]
    assert sorted(curve.seed for curve, _ in heard) == [0, 3, 5]
    assert {thread for _, thread in heard} == {threading.main_thread()}, "it is told from the caller's own thread"


def test_on_images_the_usual_rate_lies_in_what_is_suggested() -> None:
    """0.1 is what SGD trains MNIST with; the seeds agree on a range around it."""
    found = find(train_size=20_000, seeds=3)
    valley, steepest, tenth = found.suggestions
    assert found.sweep.steps == 625
    for each in found.suggestions:
        assert each.rate is not None, each.reason
    assert valley.rate
    assert steepest.rate
    assert tenth.rate
    assert max(valley.rate, steepest.rate) < tenth.rate
    assert 0.03 < tenth.rate < 0.3
    assert found.rate == valley.rate


def test_a_model_that_xla_refuses_is_swept_as_a_graph_and_says_so() -> None:
    import keras
    import tensorflow as tf

    from lrbench.problems import Beside, problem_of

    class Words(keras.layers.Layer):  # type: ignore[misc]
        """Text is nothing that XLA knows of."""

        def call(self, x: Any) -> Any:
            return x + 0.0 * tf.cast(tf.strings.length(tf.strings.as_string(x)), tf.float32)

    def refused() -> Any:
        return keras.Sequential([keras.Input((8,)), Words(), keras.layers.Dense(3)])

    rng = np.random.default_rng(0)
    data = (rng.normal(size=(200, 8)).astype(np.float32), rng.integers(0, 3, 200))
    config = load_config(None, {"seeds": 2, "jobs": 2}, {})
    planned: Planned = plan_test(config, Wanted(steps=40), problem_of(refused, Beside(data=data), "refused"))
    found = find_lr(planned)
    assert "XLA cannot compile this model" in found.remark
    assert all(math.isfinite(curve.losses[0]) for curve in found.curves)
