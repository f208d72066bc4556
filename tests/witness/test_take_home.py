"""Schedules in the user's own script: Keras objects, PyTorch's factor, snippets that run as they are."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, parse
from lrbench.show.catalogue import snippet

HORIZON = Horizon(epochs=4, steps_per_epoch=5)
OPEN_LOOP = sorted(name for name, entry in REGISTRY.items() if not entry.feedback)


@pytest.mark.parametrize("name", OPEN_LOOP)
def test_the_factor_for_pytorch_s_lambda_lr(name: str) -> None:
    schedule = parse(name, lr=0.2)
    factor = schedule.to_lambda(HORIZON)
    assert [0.2 * factor(t) for t in range(20)] == pytest.approx(schedule.table(HORIZON))
    assert factor(20) == factor(10_000)  # LambdaLR asks once more, after the last update


def test_a_feedback_schedule_is_no_function_of_the_step() -> None:
    with pytest.raises(BadSpec, match="looks at the training"):
        parse("plateau").to_lambda(HORIZON)


def rates_of_a_real_fit(schedule: Any, callbacks: list[Any], optimizer: str = "SGD") -> list[float]:
    """Train a tiny model with Model.fit for the horizon; return the rate that each update used."""
    import keras
    import tensorflow as tf

    class Spy(getattr(keras.optimizers, optimizer)):  # type: ignore[misc]
        seen = tf.Variable(tf.zeros(HORIZON.steps))

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            rate = tf.reshape(tf.cast(self.learning_rate, tf.float32), [1])
            at = tf.reshape(tf.cast(self.iterations, tf.int32), [1, 1])
            self.seen.assign(tf.tensor_scatter_nd_update(self.seen, at, rate))
            return super().apply(grads, trainable_variables)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    spy = Spy(schedule)
    model.compile(optimizer=spy, loss="mse", metrics=["accuracy"])
    x, y = np.ones((20, 2), np.float32), np.zeros((20, 1), np.float32)
    val = (x, y) if callbacks else None  # only a callback looks at it
    model.fit(x, y, batch_size=4, epochs=4, verbose=0, shuffle=False, validation_data=val, callbacks=callbacks)
    return [float(rate) for rate in spy.seen.numpy()]


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "spec",
    [
        *OPEN_LOOP,
        "cosine(warmup=20%)",
        "exponential(per=epoch, hold=1 epoch)",
        "cosine(warmup=20%, warmup_shape=cosine, warmup_start=1%, cooldown=40%, cooldown_shape=sqrt)",
        "join(linear(to=50%); cosine(lr=50%), at=6 steps)",
    ],
)
def test_model_fit_with_the_keras_schedule_applies_exactly_the_rates_that_lrbench_logs(spec: str) -> None:
    schedule = parse(spec, lr=0.01)
    applied = rates_of_a_real_fit(schedule.to_keras(HORIZON), [])
    assert np.array_equal(applied, schedule.table(HORIZON).astype(np.float32))


@pytest.mark.tensorflow
@pytest.mark.parametrize("warmup", ["", ", warmup=1 epoch"])
def test_model_fit_with_the_plateau_callback_applies_the_rule(warmup: str) -> None:
    schedule = parse(f"plateau(patience=1 epoch, min_delta=1000{warmup})", lr=0.01)
    applied = rates_of_a_real_fit(0.01, [schedule.to_keras(HORIZON)])
    scale = np.repeat([1, 1, 0.5, 0.25], 5)  # the first epoch's value is the best there is
    assert np.array_equal(applied, (schedule.table(HORIZON) * scale).astype(np.float32))


@pytest.mark.tensorflow
def test_a_second_fit_with_the_callback_goes_on_where_the_first_ended() -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    callback = parse("plateau(patience=1 epoch, min_delta=1000, warmup=1 epoch)", lr=0.01).to_keras(HORIZON)
    x, y = np.ones((20, 2), np.float32), np.zeros((20, 1), np.float32)
    rates = []
    for _ in range(4):
        model.fit(x, y, batch_size=4, verbose=0, validation_data=(x, y), callbacks=[callback])
        rates.append(float(model.optimizer.learning_rate))
    assert rates == pytest.approx([0.01 * 5 / 6, 0.01, 0.005, 0.0025])


@pytest.mark.tensorflow
def test_the_plateau_callback_without_its_value_is_an_error() -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    with pytest.raises(BadSpec, match="plateau looks at val_loss"):
        model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[parse("plateau").to_keras(HORIZON)])


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, under numpy 2
def test_an_optimizer_with_the_schedule_is_saved_and_loaded(tmp_path: Path) -> None:
    import keras

    file = tmp_path / "mine.py"
    model_file = tmp_path / "model.keras"
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(parse("cosine", lr=0.5).to_keras(HORIZON)), loss="mse")
    model.save(model_file)
    script = (
        "import keras, lrbench.schedules.for_keras\n"
        f"print(float(keras.saving.load_model({str(model_file)!r}).optimizer.learning_rate))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "0.5\n", done.stderr
    for spec in ("cosine(warmup=20%)", f"{file}:f"):
        file.write_text("def f(step):\n    return 0.1 / (step + 1)\n")
        schedule = parse(spec, lr=0.3)
        expected = schedule.table(HORIZON).astype(np.float32)
        config = keras.optimizers.Adam(schedule.to_keras(HORIZON)).get_config()
        file.unlink()  # loading a model never runs the user's code
        loaded = keras.optimizers.Adam.from_config(config)
        assert [float(loaded._learning_rate(step)) for step in range(20)] == expected.tolist()


@pytest.mark.tensorflow
def test_a_saved_function_without_its_rates_is_refused() -> None:
    from lrbench.schedules.for_keras import TableSchedule

    with pytest.raises(BadSpec, match="its rates are not here"):
        TableSchedule("evil.py:f", 1, 1)


@pytest.mark.tensorflow
@pytest.mark.apart
@pytest.mark.parametrize("spec", ["cosine(warmup=5%)", "plateau(patience=3 epochs)"])
def test_the_keras_snippet_runs_as_it_is(spec: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(snippet(parse(spec), "keras", HORIZON))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first = np.float32(parse(spec).table(HORIZON)[0])
    assert done.stdout == f"first rate: {float(first)}\n"


def test_the_torch_snippet_runs_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is no dependency; install it to run this")
    script = tmp_path / "script.py"
    script.write_text(snippet(parse("cosine(warmup=5%)"), "torch", HORIZON))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"first rate: {parse('cosine(warmup=5%)').table(HORIZON)[0]}\n"


def test_the_torch_snippet_compiles_and_uses_only_what_is_tested_here() -> None:
    code = snippet(parse("cosine(warmup=5%)"), "torch", HORIZON)
    compile(code, "snippet", "exec")
    assert "LambdaLR(optimizer, schedule.to_lambda(horizon))" in code
    plateau = snippet(parse("plateau(patience=2 epochs, cooldown=3 epochs)"), "torch", HORIZON)
    compile(plateau, "snippet", "exec")
    assert "patience=1" in plateau
    assert "cooldown=2" in plateau
    assert "threshold_mode='abs'" in plateau
    assert "threshold_mode='rel'" in snippet(parse("plateau(threshold=relative)"), "torch", HORIZON)
    with pytest.raises(BadSpec, match="PyTorch has no"):
        snippet(parse("plateau(warmup=1 epoch)"), "torch", HORIZON)
