"""The plateau rule, by hand and against Keras's callback."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbench.schedules import Horizon, parse
from lrbench.schedules.feedback import PlateauState, after_epoch, better

HORIZON = Horizon(epochs=20, steps_per_epoch=3)


def scales(text: str, values: list[float], lr: float = 0.1) -> list[float]:
    """The scale of each next epoch, given the values that the epochs end with."""
    rule = parse(text, lr).feedback(HORIZON)
    assert rule
    state, found = PlateauState(), []
    for value in values:
        state = after_epoch(rule, state, value, better(rule.monitor))
        found.append(state.scale)
    return found


def test_it_waits_then_cuts_then_waits_again() -> None:
    flat = [1.0] * 7
    assert scales("plateau(patience=2 epochs)", flat) == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_only_a_gain_of_more_than_min_delta_counts() -> None:
    assert scales("plateau(patience=1 epoch, min_delta=0.1)", [1.0, 0.95, 0.85])[-2:] == [0.5, 0.5]


def test_it_never_falls_below_min_lr() -> None:
    assert scales("plateau(patience=1 epoch, factor=0.1, min_lr=0.05)", [1.0] * 4) == [1, 0.5, 0.5, 0.5]


def test_accuracy_is_to_rise() -> None:
    assert scales("plateau(patience=1 epoch, monitor=val_accuracy)", [0.5, 0.6, 0.6]) == [1, 1, 0.5]


def test_patience_is_a_share_of_the_horizon_and_at_least_one_epoch() -> None:
    assert [parse("plateau").feedback(Horizon(n, 9)).patience for n in (3, 15, 20, 50, 100)] == [1, 1, 1, 3, 5]
    assert parse("plateau").feedback(HORIZON).cooldown == 0


@given(st.lists(st.floats(0, 3, width=32), min_size=1, max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_pytorch_s_scheduler_counts_patience_and_cooldown_one_epoch_longer(
    values: list[float], patience: int, cooldown: int
) -> None:
    best, bad, cooling, scale, theirs = float("inf"), 0, 0, 1.0, []
    for value in values:  # ReduceLROnPlateau.step, written out, with one less of each
        if value < best - 0.01:
            best, bad = value, 0
        else:
            bad += 1
        if cooling > 0:
            cooling -= 1
            bad = 0
        if bad > patience - 1:
            scale, cooling, bad = scale * 0.5, cooldown - 1, 0
        theirs.append(scale)
    spec = f"plateau(patience={patience} epochs, cooldown={cooldown} epochs, min_delta=0.01, min_lr=0)"
    assert scales(spec, values) == theirs


@given(
    st.lists(st.floats(0.0625, 3, width=32), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.01, 0.1]),
    st.sampled_from(["val_loss", "val_accuracy"]),
)
def test_a_relative_threshold_is_pytorch_s(values: list[float], threshold: float, monitor: str) -> None:
    lower = monitor == "val_loss"
    best, bad, scale, theirs = float("inf") if lower else -float("inf"), 0, 1.0, []
    for value in values:  # ReduceLROnPlateau.is_better with threshold_mode="rel", written out
        if value < best * (1.0 - threshold) if lower else value > best * (threshold + 1.0):
            best, bad = value, 0
        else:
            bad += 1
        if bad > 1:
            scale, bad = scale * 0.5, 0
        theirs.append(scale)
    spec = f"plateau(patience=2 epochs, min_delta={threshold}, threshold=relative, monitor={monitor}, min_lr=0)"
    assert scales(spec, values) == theirs


values = st.lists(st.floats(0, 3, width=32), min_size=1, max_size=25)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, under numpy 2
@settings(max_examples=50, deadline=None)
@given(values, st.integers(1, 4), st.integers(0, 3), st.sampled_from(["val_loss", "val_accuracy"]))
def test_it_is_keras_s_callback(values: list[float], patience: int, cooldown: int, monitor: str) -> None:
    import keras

    class Model:
        optimizer = keras.optimizers.SGD(0.1)

    callback = keras.callbacks.ReduceLROnPlateau(
        monitor=monitor,
        mode="max" if monitor == "val_accuracy" else "min",
        factor=0.5,
        patience=patience,
        min_delta=0.01,
        cooldown=cooldown,
        min_lr=1e-3,
    )
    callback.set_model(Model())
    Model.optimizer.learning_rate = 0.1
    callback.on_train_begin()
    theirs = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {monitor: value})
        theirs.append(float(Model.optimizer.learning_rate.numpy()))
    spec = (
        f"plateau(patience={patience} epochs, cooldown={cooldown} epochs, min_delta=0.01, "
        f"min_lr=0.001, monitor={monitor})"
    )
    assert [0.1 * scale for scale in scales(spec, values)] == pytest.approx(theirs, rel=1e-6)
