"""Schedules in the user's own script: Keras objects, PyTorch's factor, snippets that run as they are."""

import contextlib
import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from drawn import OPEN_LOOP, drawn_specs

from lrbench.errors import BadSpec
from lrbench.schedules import Horizon, Schedule, parse
from lrbench.schedules.feedback import PlateauState, after_epoch, direction
from lrbench.show.formulas import lines_of
from lrbench.show.keras_own import keras_own
from lrbench.show.take_home import script, script_with_lrbench

HORIZON = Horizon(epochs=4, steps_per_epoch=5)
FINE = Horizon(epochs=7, steps_per_epoch=100)


@pytest.mark.parametrize("name", OPEN_LOOP)
def test_the_factor_for_pytorch_s_lambda_lr(name: str) -> None:
    schedule = parse(name, lr=0.2)
    factor = schedule.to_lambda(HORIZON)
    assert [0.2 * factor(t) for t in range(20)] == pytest.approx(schedule.table(HORIZON))
    assert factor(20) == factor(10_000)  # LambdaLR asks once more, after the last update


def test_a_feedback_schedule_is_no_function_of_the_step() -> None:
    with pytest.raises(BadSpec, match="looks at the training"):
        parse("plateau").to_lambda(HORIZON)


def rates_of_a_real_fit(schedule: Any, callbacks: list[Any], **fit: Any) -> list[float]:
    """Train a tiny model with Model.fit for the horizon; return the rate that each update used."""
    import keras
    import tensorflow as tf

    class Spy(keras.optimizers.SGD):  # type: ignore[misc]
        seen = tf.Variable(tf.zeros(HORIZON.steps))

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            rate = tf.reshape(tf.cast(self.learning_rate, tf.float32), [1])
            at = tf.reshape(tf.cast(self.iterations, tf.int32), [1, 1])
            self.seen.assign(tf.tensor_scatter_nd_update(self.seen, at, rate))
            return super().apply(grads, trainable_variables)

    keras.utils.set_random_seed(1)  # a plateau looks at what the training makes of these weights
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    spy = Spy(schedule)
    model.compile(optimizer=spy, loss="mse", metrics=["accuracy"])
    x, y = np.ones((20, 2), np.float32), np.zeros((20, 1), np.float32)
    val = (x, y) if callbacks else None  # only a callback looks at it
    fit = {"epochs": 4, "validation_data": val, "callbacks": callbacks, **fit}
    model.fit(x, y, batch_size=4, verbose=0, shuffle=False, **fit)
    return [float(rate) for rate in spy.seen.numpy()]


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", OPEN_LOOP)
def test_the_keras_schedule_gives_every_rate_and_then_the_last(name: str) -> None:
    schedule = parse(name, lr=0.2)
    found = np.asarray(schedule.to_keras(HORIZON)(np.arange(HORIZON.steps + 5)))
    table = schedule.table(HORIZON).astype(np.float32)
    assert np.array_equal(found, [*table, *table[-1:].repeat(5)])


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "spec",
    [
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
    assert rates == pytest.approx([0.01, 0.005, 0.0025, 0.00125]), "of the next update, as with Keras's own"


@pytest.mark.tensorflow
def test_the_plateau_callback_warns_of_an_epoch_without_its_value_as_keras_s_own_does() -> None:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    with pytest.warns(UserWarning, match="plateau looks at val_loss, and this epoch reports only loss"):
        model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[parse("plateau").to_keras(HORIZON)])


def printed_callback(schedule: Schedule, horizon: Horizon) -> Any:
    found: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(script(schedule, "keras", horizon), found)
    return found["callback"]


FORMS = [lambda schedule, horizon: schedule.to_keras(horizon), printed_callback]
forms = pytest.mark.parametrize("form", FORMS, ids=["to_keras", "printed"])
no_array_warning = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own


def driven(callback: Any, model: Any, logs: list[dict[str, float]], batches: int = 5) -> list[float]:
    """Train as Model.fit does, an epoch for each of `logs`; return the rate that each batch used."""
    rates = []
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, log in enumerate(logs):
        for batch in range(batches):
            callback.on_train_batch_begin(batch)
            rates.append(float(np.asarray(model.optimizer.learning_rate.numpy())))
            model.optimizer.apply([0 * each for each in model.trainable_variables], model.trainable_variables)
        callback.on_epoch_end(epoch, dict(log))
    return rates


def with_optimizer(rate: Any, **given: Any) -> Any:
    """What a callback asks of a model: its optimizer; and a variable to train."""
    import keras

    return SimpleNamespace(
        optimizer=keras.optimizers.SGD(rate, **given), trainable_variables=[keras.Variable(np.ones(2, np.float32))]
    )


@pytest.mark.tensorflow
@no_array_warning
def test_with_accumulated_gradients_it_counts_batches_as_keras_s_own_schedules_do() -> None:
    import keras

    epochs = [{"val_loss": 1.0}] * 3
    climb = with_optimizer(parse("constant(warmup=2 epochs)").to_keras(HORIZON), gradient_accumulation_steps=2)
    keras_s = driven(keras.callbacks.Callback(), climb, epochs)
    assert len(set(keras_s)) == 11, "ten of them climb"
    for form in FORMS:
        callback = form(parse("plateau(patience=3 epochs, warmup=2 epochs)"), HORIZON)
        model = with_optimizer(0.1, gradient_accumulation_steps=2)
        assert driven(callback, model, epochs) == pytest.approx(keras_s)
        assert int(model.optimizer.iterations) == 7, "fewer than the 15 batches"


@pytest.mark.tensorflow
@no_array_warning
@pytest.mark.filterwarnings("ignore:plateau|Learning rate reduction:UserWarning")
def test_epochs_without_validation_do_not_count_as_with_keras_s_own() -> None:
    import keras

    every_second = [{"loss": 1.0}, {"val_loss": 1.0}] * 4
    own = keras.callbacks.ReduceLROnPlateau("val_loss", 0.5, 1, mode="min", min_delta=1000, min_lr=1e-6)
    keras_s = driven(own, with_optimizer(0.1), every_second)
    assert keras_s[::5] == pytest.approx([0.1] * 4 + [0.05] * 2 + [0.025] * 2)
    for form, warmup in zip(FORMS, ("", ", warmup=1 step"), strict=True):
        callback = form(parse(f"plateau(patience=1 epoch, min_delta=1000{warmup})"), HORIZON)
        assert driven(callback, with_optimizer(0.1), every_second)[1:] == pytest.approx(keras_s[1:])
    callback = parse("plateau(patience=1 epoch, min_delta=1000)", 0.01).to_keras(HORIZON)
    fitted = rates_of_a_real_fit(0.01, [callback], validation_freq=2)
    assert fitted == pytest.approx([0.01] * 20), "the second value comes after the last update"
    assert callback.state_dict()["scale"] == 0.5


def saved_and_loaded(model: Any, path: Path) -> Any:
    import keras

    model.save(path)
    return keras.saving.load_model(path)


@pytest.mark.tensorflow
@no_array_warning
@forms
def test_a_loaded_model_goes_on_at_the_rate_that_it_was_saved_with(form: Any, tmp_path: Path) -> None:
    """Three epochs with two cuts: 0.025 stands then, and with a warm-up a quarter of what it has reached."""
    import keras

    horizon, flat = Horizon(9, 5), [{"val_loss": 1.0}] * 3
    for warmup in ("", ", warmup=1 step", ", warmup=6 epochs"):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
        schedule = parse(f"plateau(patience=1 epoch, min_delta=1000{warmup})")
        driven(form(schedule, horizon), model, flat)
        loaded = saved_and_loaded(model, tmp_path / "model.keras")
        callback = form(schedule, horizon)
        assert driven(callback, loaded, flat) == pytest.approx(
            (schedule.table(horizon)[15:30] * np.repeat([0.25, 0.25, 0.125], 5)).tolist()
        )


@pytest.mark.tensorflow
@no_array_warning
def test_a_model_that_was_saved_within_an_epoch_goes_on_too() -> None:
    """Its optimizer has the rate of the last update, and not yet that of the next."""
    horizon, flat = Horizon(9, 5), [{"val_loss": 1.0}] * 3
    schedule = parse("plateau(patience=1 epoch, min_delta=1000, warmup=6 epochs)")
    for form in FORMS:
        model = with_optimizer(0.1)
        callback = form(schedule, horizon)
        driven(callback, model, flat)
        callback.on_train_batch_begin(0)
        model.optimizer.apply([0 * model.trainable_variables[0]])
        rate = driven(form(schedule, horizon), model, flat[:1])[0]
        assert rate == pytest.approx(schedule.table(horizon)[16] / 4)


@pytest.mark.tensorflow
def test_an_optimizer_that_another_schedule_has_left_starts_at_the_peak() -> None:
    import keras

    flat = [{"val_loss": 1.0}]
    for form in FORMS:
        model = with_optimizer(0.1)
        driven(keras.callbacks.Callback(), model, flat * 2)
        callback = form(parse("plateau(patience=1 epoch, warmup=1 step)", 0.3), Horizon(9, 5))
        assert driven(callback, model, flat) == pytest.approx([0.3] * 5)


@pytest.mark.tensorflow
def test_a_callback_that_serves_another_model_begins_anew() -> None:
    callback = parse("plateau(patience=1 epoch, min_delta=1000)").to_keras(HORIZON)
    for _ in range(2):
        rates = driven(callback, with_optimizer(0.1), [{"val_loss": 1.0}] * 3)
        assert rates[::5] == pytest.approx([0.1, 0.1, 0.05])


STATES = [
    "plateau(patience=3 epochs, min_delta=0.1, threshold=relative, cooldown=2 epochs)",
    "plateau(patience=2 epochs, min_delta=0.1, threshold=relative, mode=max, warmup=2 epochs, min_lr=30%)",
]
FIGURES = [-1.0, -1.05, -0.5, -1.2, -1.2, -1.25, -1.3, -1.31, -1.32, 0.2, 0.2, 0.21, -0.1, 0.3, 0.3, 0.3]


@pytest.mark.tensorflow
@forms
@pytest.mark.parametrize("spec", STATES)
def test_the_state_of_a_callback_goes_on_as_if_nothing_had_happened(form: Any, spec: str) -> None:
    horizon = Horizon(len(FIGURES), 2)
    schedule = parse(spec, 0.1)

    def rates(stop: int) -> list[float]:
        model, callback = with_optimizer(0.1), form(schedule, horizon)
        logs = [{schedule.parameters["monitor"]: figure} for figure in FIGURES]
        found = driven(callback, model, logs[:stop], 2)
        state = json.loads(json.dumps(callback.state_dict()))
        callback = form(schedule, horizon)
        callback.load_state_dict(state)
        return found + driven(callback, model, logs[stop:], 2)

    whole = rates(stop=len(FIGURES))
    expected = schedule.table(horizon) * np.repeat(scales_by_the_sentence(spec, FIGURES), 2)
    assert whole == pytest.approx(expected.tolist())
    assert len(set(whole)) > 2
    for stop in range(2, len(FIGURES), 3):
        assert rates(stop) == whole


@pytest.mark.parametrize("spec", STATES)
def test_the_state_of_the_class_for_pytorch_goes_on_as_if_nothing_had_happened(spec: str) -> None:
    """Its state is loaded after the optimizer's, which has the groups with what else stands in them."""
    horizon = Horizon(len(FIGURES), 2)
    schedule = parse(spec, 0.1)
    found: dict[str, Any] = {}
    exec(functions_of(script(schedule, "torch", horizon)), found)
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.1}, {"lr": 0.01}])
    scheduler = found["Plateau"](optimizer)
    rates = []
    for figure in FIGURES:
        groups, state = json.loads(json.dumps([optimizer.param_groups, scheduler.state_dict()]))
        optimizer = SimpleNamespace(param_groups=[{"lr": 0.1}, {"lr": 0.01}])
        early = len(rates) % 4 == 0  # a scheduler made before its optimizer's state is loaded, or after
        scheduler = found["Plateau"](optimizer) if early else None
        optimizer.param_groups[:] = groups
        scheduler = scheduler or found["Plateau"](optimizer)
        scheduler.load_state_dict(state)
        for _ in range(2):
            rates.append([group["lr"] for group in optimizer.param_groups])
            scheduler.step()
        scheduler.after_epoch(figure)
    expected = schedule.table(horizon) * np.repeat(scales_by_the_sentence(spec, FIGURES), 2)
    assert np.allclose(rates, np.stack([expected, expected / 10], 1), rtol=1e-12)


def scales_by_the_sentence(spec: str, values: list[float]) -> list[float]:
    """The scale of each epoch, by what the words of a spec say: a gain goes beyond best -+ min_delta * |best|."""
    given = dict(re.findall(r"(\w+)=([\w.]+)", spec))
    patience, rest = int(given["patience"]), int(given.get("cooldown", 0))
    delta, low = float(given["min_delta"]), float(given.get("min_lr", 0)) / 100
    sign = -1 if given.get("mode") == "max" else 1
    best, since, calm, scale, scales = None, 0, 0, 1.0, []
    for value in values:
        scales.append(scale)
        calm = max(calm - 1, 0)
        if best is None or sign * (best - value) > delta * abs(best):
            best, since = value, 0
        elif not calm:
            since += 1
        if calm:
            since = 0
        if since == patience:
            scale, since, calm = max(scale / 2, low), 0, rest
    return scales


RISING = [0.5 + 0.05 * epoch for epoch in range(10)]


@pytest.mark.tensorflow
@no_array_warning
@forms
def test_a_figure_that_is_better_when_higher_is_not_cut_while_it_rises(form: Any) -> None:
    """Fed 0.5 to 0.95, the rate stays 0.1; fed as much of a loss, it falls."""

    def last_rate(spec: str) -> float:
        schedule, model = parse(spec), with_optimizer(0.1)
        logs = [{schedule.parameters["monitor"]: figure} for figure in RISING]
        driven(form(schedule, Horizon(10, 5)), model, logs, batches=1)
        return float(model.optimizer.learning_rate.numpy())

    for name in ("precision", "recall", "f1_score", "r2_score", "auc", "mean_io_u"):
        assert last_rate(f"plateau(patience=1 epoch, monitor=val_{name})") == pytest.approx(0.1), name
    assert last_rate("plateau(patience=1 epoch, monitor=val_precision, mode=min)") < 0.001
    assert last_rate("plateau(patience=1 epoch, monitor=val_signal, mode=max)") == pytest.approx(0.1)


@pytest.mark.tensorflow
def test_a_figure_whose_name_does_not_say_is_refused_without_a_mode() -> None:
    schedule = parse("plateau(monitor=val_signal)")
    for take in (
        schedule.to_keras,
        *(
            lambda horizon, write=write, kind=kind: write(schedule, kind, horizon)
            for write in (script, script_with_lrbench)
            for kind in ("keras", "torch")
        ),
    ):
        with pytest.raises(BadSpec, match="mode=max or mode=min"):
            take(HORIZON)


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


# ---- the printed scripts


@pytest.mark.parametrize("horizon", [Horizon(4, 25), FINE, Horizon(7, 143)], ids=str)
def test_the_printed_functions_give_every_rate_of_the_table(horizon: Horizon) -> None:
    for spec in drawn_specs(horizon, 0.3, each=8):
        schedule = parse(spec, 0.3)
        code = functions_of(script(schedule, "torch", horizon))
        assert "\n".join(lines_of(schedule, horizon)) in code
        found: dict[str, Any] = {}
        exec(code, found)
        rates = np.array([found["rate"](step) for step in range(horizon.steps)])
        assert np.allclose(rates, schedule.table(horizon), rtol=1e-9, atol=1e-13), spec


def functions_of(torch_script: str) -> str:
    """What stands before PyTorch is needed."""
    return torch_script.partition("\nmodel = ")[0].replace("import torch\n", "")


def rates_of_the_printed(code: str, steps: int) -> Any:
    """Run a script for Keras; return the rates that its optimizer has: float32 (steps,)."""
    import keras
    import tensorflow as tf

    found: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, found)
    assert out.getvalue() == f"first rate: {float(found['optimizer'].learning_rate)}\n"
    rate = found["optimizer"]._learning_rate
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return np.full(steps, float(rate), np.float32)
    if getattr(rate, "warmup_target", None) is not None:  # this one asks a single step
        every = tf.function(lambda at: tf.map_fn(rate, at, fn_output_signature=tf.float32))
        return every(tf.range(steps)).numpy()
    return rate(tf.range(steps)).numpy()


@pytest.mark.tensorflow
def test_what_is_printed_for_keras_gives_every_rate_of_the_table() -> None:
    """Keras's own schedules count in float32, whose rounding is 6e-8 of the peak rate for each operation."""
    used = set()
    for spec in [*drawn_specs(FINE, 0.3, each=6), *OWN]:
        schedule = parse(spec, 0.3)
        found = rates_of_the_printed(script(schedule, "keras", FINE), FINE.steps)
        own = keras_own(schedule, FINE)
        used.add(own[0] if own else "a function")
        off = np.abs(found - schedule.table(FINE)).max() / schedule.table(FINE).max()
        assert off < (1e-6 if own else 7e-8), spec
    assert used == {*OWN.values(), "a function"}


OWN = {
    "step": "ExponentialDecay",
    "step(every=30 steps, gamma=0.9)": "ExponentialDecay",
    "exponential(gamma=0.5)": "ExponentialDecay",
    "exponential(every=7 steps, staircase=true)": "ExponentialDecay",
    "inverse_time(gamma=0.3)": "InverseTimeDecay",
    "inverse_time(every=3 steps, staircase=true)": "InverseTimeDecay",
    "multistep": "PiecewiseConstantDecay",
    "multistep(at=100.5 steps;333 steps)": "PiecewiseConstantDecay",
    "piecewise(at=1 step;33.3%, rates=0.1;50%;0)": "PiecewiseConstantDecay",
    "linear(to=200%)": "PolynomialDecay",
    "polynomial(to=3%)": "PolynomialDecay",
    "cosine(floor=0%)": "CosineDecay",
    "cosine(warmup=5%)": "CosineDecay",
    "cosine(warmup=33 steps, warmup_start=10%)": "CosineDecay",
    "restarts(first=20%, mult=1)": "CosineDecayRestarts",
    "restarts(first=20%, mult=1, floor=5%)": "CosineDecayRestarts",
    "restarts(first=20%, mult=1, shrink=0.5)": "CosineDecayRestarts",
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("spec", ["step", "cosine(warmup=5%)", "restarts(first=1 epoch, mult=1)", "exponential"])
def test_keras_s_own_schedules_are_the_same_on_a_usual_horizon_too(spec: str) -> None:
    horizon, schedule = Horizon(15, 1719), parse(spec, 0.1)
    assert keras_own(schedule, horizon)
    found = rates_of_the_printed(script(schedule, "keras", horizon), horizon.steps)
    assert np.abs(found - schedule.table(horizon)).max() < 1e-7


@pytest.mark.parametrize(
    "spec",
    [
        "step(every=33.3 steps)",
        "restarts",
        "restarts(first=20%, mult=1, shrink=0.5, floor=1%)",
        "inverse_time(power=0.7)",
        "polynomial(power=0.5)",
        "cosine(k=2)",
        "cosine(warmup=5%, warmup_shape=cosine)",
        "cosine(per=epoch)",
        "linear(warmup=5%)",
        "rex",
    ],
)
def test_where_keras_has_another_curve_the_function_is_printed(spec: str) -> None:
    assert keras_own(parse(spec), FINE) is None
    assert "def rate(step):" in script(parse(spec), "keras", FINE)
    assert "lrbench" not in script(parse(spec), "keras", FINE)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, under numpy 2
@pytest.mark.parametrize(
    "spec",
    [
        "plateau(patience=1 epoch, min_delta=1000)",
        "plateau(patience=1 epoch, min_delta=0.9, threshold=relative, monitor=val_accuracy, min_lr=30%)",
        "plateau(patience=1 epoch, min_delta=1000, warmup=1 epoch)",
        "plateau(lr=1, patience=1 epoch, min_delta=1000)",
        "plateau(patience=1 epoch, min_delta=1000, cooldown=2 epochs, warmup=1 epoch)",
    ],
)
def test_the_printed_callback_does_what_lrbench_s_own_does(spec: str) -> None:
    schedule = parse(spec, 0.01)
    found: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(script(schedule, "keras", HORIZON), found)
    own = rates_of_a_real_fit(schedule.lr, [schedule.to_keras(HORIZON)])
    assert len(set(own)) > 2
    assert rates_of_a_real_fit(
        found["optimizer"].learning_rate.numpy().item(), [found["callback"]]
    ) == pytest.approx(own)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, under numpy 2
def test_the_printed_class_is_saved_with_the_optimizer() -> None:
    import keras

    found: dict[str, Any] = {"__name__": "mine"}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(script(parse("rex"), "keras", HORIZON), found)
    loaded = keras.optimizers.SGD.from_config(found["optimizer"].get_config())
    assert float(loaded._learning_rate(7)) == pytest.approx(parse("rex").table(HORIZON)[7])


@pytest.mark.tensorflow
@pytest.mark.apart
def test_the_keras_scripts_run_as_they_are(tmp_path: Path) -> None:
    """One after the other: what the first needs, it loads itself."""
    files = [tmp_path / "alone.py", tmp_path / "with_lrbench.py"]
    for file, write in zip(files, (script, script_with_lrbench), strict=True):
        file.write_text(write(parse("rex(warmup=20%)"), "keras", HORIZON))
    program = "import runpy, sys\nfor file in sys.argv[1:]: runpy.run_path(file, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first = np.float32(parse("rex(warmup=20%)").table(HORIZON)[0])
    assert done.stdout == f"first rate: {float(first)}\n" * 2


NO_TORCH = "PyTorch is no dependency; install it to run this"


@pytest.mark.parametrize("write", [script, script_with_lrbench])
@pytest.mark.parametrize("spec", ["cosine(warmup=5%)", "plateau", "plateau(warmup=5%)"])
def test_the_torch_script_runs_as_it_is(write: Any, spec: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason=NO_TORCH)
    file = tmp_path / "script.py"
    file.write_text(write(parse(spec), "torch", HORIZON))
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.removeprefix("first rate: ")) == pytest.approx(parse(spec).table(HORIZON)[0])


def rates_by_the_rule(schedule: Schedule, values: list[float]) -> list[float]:
    """The rates of a training on FINE whose epochs end with these validation values, as lrbench has them."""
    rule, state = schedule.feedback(FINE), PlateauState()
    rates: list[float] = []
    for table, value in zip(schedule.table(FINE).reshape(FINE.epochs, -1), values, strict=True):
        rates += (table * state.scale).tolist()
        if rule:
            state = after_epoch(rule, state, value, direction(rule))
    return rates


def rates_in_use(optimizer: Any, after_update: Any, after_epoch: Any, values: list[float]) -> list[float]:
    """The rates that an optimizer of PyTorch's kind has before every update of such a training."""
    rates = []
    for value in values:
        for _ in range(FINE.steps_per_epoch):
            rates.append(optimizer.param_groups[0]["lr"])
            after_update()
        after_epoch(value)
    return rates


VALUES = [[0.9, 0.8, 0.8, 0.81, 0.79, 0.79, 0.79], [1.0] * 7, [0.5, float("nan"), 0.6, 0.4, 0.4, 0.4, 0.4]]
WARMED_UP = [
    "plateau(warmup=5%)",
    "plateau(patience=2 epochs, warmup=1 step)",
    "plateau(patience=1 epoch, cooldown=2 epochs, warmup=2.5 epochs)",  # cut while it climbs
    "plateau(warmup=1 epoch, monitor=val_accuracy, min_lr=30%, threshold=relative, min_delta=0.1)",
    "plateau(warmup=20%, warmup_shape=cosine, warmup_start=1%, hold=1 epoch, per=epoch)",
    "plateau(warmup=2 epochs, per=epoch)",
]
RELATIVE = [  # PyTorch's own class is wrong below 0
    "plateau(patience=2 epochs, min_delta=0.1, threshold=relative, min_lr=0)",
    "plateau(patience=1 epoch, min_delta=0.1, threshold=relative, mode=max, cooldown=2 epochs, min_lr=0)",
]


@pytest.mark.parametrize("spec", RELATIVE)
def test_the_printed_class_for_pytorch_takes_a_relative_gain_of_any_sign(spec: str) -> None:
    schedule, horizon = parse(spec, 0.3), Horizon(len(FIGURES), 100)
    found: dict[str, Any] = {}
    exec(functions_of(script(schedule, "torch", horizon)), found)
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.3}])
    scheduler = found["Plateau"](optimizer)
    rates = rates_in_use(optimizer, scheduler.step, scheduler.after_epoch, FIGURES)
    assert rates[::100] == pytest.approx([0.3 * scale for scale in scales_by_the_sentence(spec, FIGURES)])
    assert rates[-1] < 0.1


class PyTorchsOwn:
    """ReduceLROnPlateau.step of PyTorch 2, written out: a change of at most eps is not made."""

    def __init__(self, optimizer: Any, eps: float = 1e-8, **given: Any) -> None:
        self.optimizer, self.eps = optimizer, eps
        vars(self).update(given)
        self.lower = self.mode == "min"
        self.best, self.bad, self.cooling = math.inf if self.lower else -math.inf, 0, 0
        assert self.threshold_mode == "abs"

    def step(self, value: float) -> None:
        ahead = value < self.best - self.threshold if self.lower else value > self.best + self.threshold
        self.best, self.bad = (value, 0) if ahead else (self.best, self.bad + 1)
        if self.cooling:
            self.cooling, self.bad = self.cooling - 1, 0
        if self.bad > self.patience:
            (group,) = self.optimizer.param_groups
            rate = max(group["lr"] * self.factor, self.min_lr)
            group["lr"] = rate if group["lr"] - rate > self.eps else group["lr"]
            self.cooling, self.bad = self.cooldown, 0


@pytest.mark.parametrize(
    "spec",
    [
        "plateau",
        "plateau(lr=1e-7, patience=1 epoch, min_lr=0)",
        "plateau(patience=2 epochs, cooldown=1 epoch)",
        "plateau(cooldown=2 epochs, hold=1 epoch)",
        "plateau(monitor=val_f1_score, min_lr=30%)",
    ],
)
@pytest.mark.parametrize("values", [[0.9, 0.8, 0.8, 0.81, 0.79, 0.79, 0.79], [1.0] * 7], ids=str)
def test_the_printed_call_of_pytorch_s_own_class_follows_the_rule(spec: str, values: list[float]) -> None:
    schedule = parse(spec, 0.3)
    code = "scheduler = " + script(schedule, "torch", FINE).partition("scheduler = ")[2].partition("\n)")[0] + ")"
    optimizer = SimpleNamespace(param_groups=[{"lr": schedule.lr}])
    namespace = SimpleNamespace(optim=SimpleNamespace(lr_scheduler=SimpleNamespace(ReduceLROnPlateau=PyTorchsOwn)))
    found: dict[str, Any] = {"optimizer": optimizer, "torch": namespace}
    exec(code, found)
    rates = rates_in_use(optimizer, lambda: None, found["scheduler"].step, values)
    assert rates == pytest.approx(rates_by_the_rule(schedule, values), rel=1e-9)


@pytest.mark.parametrize("spec", WARMED_UP)
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_the_printed_class_for_pytorch_follows_the_rule(spec: str, values: list[float]) -> None:
    """It asks of its optimizer only the groups; those with a rate of their own keep their share."""
    schedule = parse(spec, 0.3)
    code = script(schedule, "torch", FINE)
    found: dict[str, Any] = {}
    exec(functions_of(code), found)
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.3}, {"lr": 0.03}])
    scheduler = found["Plateau"](optimizer)
    rates = rates_in_use(optimizer, scheduler.step, scheduler.after_epoch, values)
    assert rates == pytest.approx(rates_by_the_rule(schedule, values), rel=1e-12)
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.1 * optimizer.param_groups[0]["lr"])
    assert "lrbench" not in code


@pytest.mark.parametrize(
    "spec",
    [
        *OPEN_LOOP,
        "cosine(warmup=20%, warmup_shape=cosine, warmup_start=1%, cooldown=40%, cooldown_shape=sqrt)",
        "join(linear(to=50%); cosine(lr=50%), at=6 steps, per=epoch)",
        "plateau",
        "plateau(patience=2 epochs)",
        "plateau(cooldown=2 epochs, hold=1 epoch)",
        "plateau(monitor=val_accuracy, min_lr=30%, threshold=relative, min_delta=0.1)",
        *RELATIVE,
        *WARMED_UP,
    ],
)
def test_a_loop_of_pytorch_with_the_printed_script_applies_the_rates_that_lrbench_logs(spec: str) -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH)
    schedule = parse(spec, 0.3)
    for values in VALUES:
        found: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()):
            exec(script(schedule, "torch", FINE), found)
        optimizer, scheduler = found["optimizer"], found["scheduler"]
        by_epoch = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        own = getattr(scheduler, "after_epoch", scheduler.step if by_epoch else lambda value: None)

        def update(optimizer: Any = optimizer, step: Any = (lambda: None) if by_epoch else scheduler.step) -> None:
            optimizer.step()
            step()

        rates = rates_in_use(optimizer, update, own, values)
        assert rates == pytest.approx(rates_by_the_rule(schedule, values), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("kind", ["keras", "torch"])
def test_a_function_of_the_user_s_own_is_refused_unless_lrbench_may_be_imported(kind: str) -> None:
    with pytest.raises(BadSpec, match="its code is not copied"):
        script(parse("mine.py:f"), kind, HORIZON)
    assert "parse('mine.py:f(lr=0.1)')" in script_with_lrbench(parse("mine.py:f"), kind, HORIZON)


def test_the_torch_script_compiles_and_uses_only_what_is_tested_here() -> None:
    code = script(parse("cosine(warmup=5%)"), "torch", HORIZON)
    compile(code, "script", "exec")
    assert "LambdaLR(optimizer, lambda step: rate(min(step, 19)) / 0.1)" in code
    with_lrbench = script_with_lrbench(parse("cosine(warmup=5%)"), "torch", HORIZON)
    assert "LambdaLR(optimizer, schedule.to_lambda(horizon))" in with_lrbench
    plateau = script(parse("plateau(patience=2 epochs, cooldown=3 epochs)"), "torch", HORIZON)
    compile(plateau, "script", "exec")
    assert "patience=1" in plateau
    assert "cooldown=2" in plateau
    assert 'threshold_mode="abs"' in plateau
    assert "eps=0," in plateau
    relative = script(parse("plateau(threshold=relative)"), "torch", HORIZON)
    compile(relative, "script", "exec")
    assert "ReduceLROnPlateau" not in relative
    warmed_up = script(parse("plateau(warmup=1 epoch)"), "torch", HORIZON)
    compile(warmed_up, "script", "exec")
    assert "# after every update: optimizer.step(), then scheduler.step()\n" in warmed_up
    assert "# after every epoch: scheduler.after_epoch(val_loss)\n" in warmed_up
