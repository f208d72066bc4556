"""The plateau rule: by hand, against Keras's callback, and against a rule that is written from its sentence."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbench.errors import BadSpec
from lrbench.schedules import Horizon, parse, warnings
from lrbench.schedules.feedback import PlateauState, after_epoch, direction

HORIZON = Horizon(epochs=20, steps_per_epoch=3)


def scales(text: str, values: list[float], lr: float = 0.1) -> list[float]:
    """The scale of each next epoch, given the values that the epochs end with."""
    rule = parse(text, lr).feedback(HORIZON)
    assert rule
    state, found = PlateauState(), []
    for value in values:
        state = after_epoch(rule, state, value, direction(rule))
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


def by_the_sentence(values: list[float], *, patience: int, delta: float, higher: bool) -> list[float]:
    """The scales of a rule that halves after `patience` epochs without a gain of more than delta * |best|."""
    best, since, scale, found = None, 0, 1.0, []
    for value in values:
        gain = math.inf if best is None else (value - best if higher else best - value)
        if best is None or gain > delta * abs(best):
            best, since = value, 0
        else:
            since += 1
        if since == patience:
            scale, since = scale / 2, 0
        found.append(scale)
    return found


either_sign = st.lists(st.sampled_from([x / 8 for x in range(-24, 25)]), min_size=1, max_size=40)


@given(either_sign, st.sampled_from([0.0, 0.125, 0.5]), st.integers(1, 3), st.sampled_from(["min", "max"]))
def test_a_relative_gain_is_a_share_of_the_size_of_the_best_whatever_its_sign(
    values: list[float], delta: float, patience: int, mode: str
) -> None:
    """Eighths and their shares are exact, so that the sides of every comparison are."""
    spec = f"plateau(patience={patience} epochs, min_delta={delta}, threshold=relative, mode={mode}, min_lr=0)"
    expected = by_the_sentence(values, patience=patience, delta=delta, higher=mode == "max")
    assert scales(spec, values) == expected


def test_a_relative_threshold_cuts_at_a_negative_figure_and_a_loss_of_ground_is_no_gain() -> None:
    spec = "plateau(patience=2 epochs, min_delta=0.1, threshold=relative)"
    assert scales(spec, [-1.0, -1.0, -1.0, -1.05, -1.05]) == [1, 1, 0.5, 0.5, 0.25]
    assert scales(spec, [-1.0, -0.95, -0.91]) == [1, 1, 0.5], "each is worse, and within 10 % of the best"
    assert scales(spec, [-1.0, -1.05, -1.2]) == [1, 1, 1], "11 % better is a gain"


def test_a_positive_figure_is_judged_as_it_was() -> None:
    """Multiplied by 1 -+ min_delta, as PyTorch has it: the same above 0."""
    best, waited, scale, theirs = 0.0, 0, 1.0, []
    figures = [0.5, 0.52, 0.56, 0.56, 0.6, 0.62, 0.61, 0.7]
    for value in figures:
        best, waited = (value, 0) if value > best * 1.1 else (best, waited + 1)
        scale, waited = (scale / 2, 0) if waited == 2 else (scale, waited)
        theirs.append(scale)
    spec = "plateau(patience=2 epochs, min_delta=0.1, threshold=relative, monitor=val_accuracy)"
    assert scales(spec, figures) == theirs


@pytest.mark.parametrize(
    ("monitor", "better"),
    [
        *(
            (f"val_{name}", "higher")
            for name in ("accuracy", "precision", "recall", "f1", "f1_score", "r2", "auc")
        ),
        *((f"val_{name}", "higher") for name in ("mean_io_u", "auc_1", "head_precision", "cosine_similarity")),
        *((f"val_{name}", "lower") for name in ("loss", "mse", "mean_absolute_error", "head_loss", "perplexity")),
        ("val_neg_mean_squared_error", "higher"),
    ],
)
def test_the_direction_of_a_known_figure_is_that_of_its_name(monitor: str, better: str) -> None:
    assert direction(parse(f"plateau(monitor={monitor})").feedback(HORIZON)) == better
    for mode, asked in (("min", "lower"), ("max", "higher")):
        assert direction(parse(f"plateau(monitor={monitor}, mode={mode})").feedback(HORIZON)) == asked
    other = "lower" if better == "higher" else "higher"
    rule = parse(f"plateau(monitor={monitor})").feedback(HORIZON)
    assert direction(rule, other) == other, "a figure whose direction is known is not guessed"


def test_a_name_that_does_not_say_is_refused_with_the_parameter_that_does() -> None:
    with pytest.raises(BadSpec, match=r"val_signal.*\n?.*mode=max or mode=min"):
        direction(parse("plateau(monitor=val_signal)").feedback(HORIZON))
    assert direction(parse("plateau(monitor=val_signal, mode=max)").feedback(HORIZON)) == "higher"
    with pytest.raises(BadSpec, match="value of mode"):
        parse("plateau(mode=higher)")


def test_precision_that_rises_is_never_cut() -> None:
    rising = [0.5 + 0.05 * epoch for epoch in range(10)]
    assert scales("plateau(patience=1 epoch, monitor=val_precision)", rising) == [1] * 10


def test_a_cooldown_of_one_epoch_is_none_and_that_is_said() -> None:
    flat = [1.0] * 12
    one, none = "plateau(patience=2 epochs, cooldown=1 epoch)", "plateau(patience=2 epochs)"
    assert scales(one, flat) == scales(none, flat)
    assert scales("plateau(patience=2 epochs, cooldown=2 epochs)", flat) != scales(none, flat)
    idle, twins = warnings([parse(one), parse(none)], HORIZON)
    assert "cooldown=1 epoch is one epoch" in idle
    assert "are the same curve" in twins
    assert warnings([parse("plateau(patience=2 epochs, cooldown=2 epochs)"), parse(none)], HORIZON) == []


def test_modes_that_say_what_the_name_says_are_twins() -> None:
    (twins,) = warnings([parse("plateau"), parse("plateau(mode=min)")], HORIZON)
    assert "are the same curve" in twins
    assert warnings([parse("plateau"), parse("plateau(mode=max)")], HORIZON) == []


def test_the_mode_changes_an_identity_only_where_it_is_given() -> None:
    assert "mode" not in parse("plateau(monitor=val_accuracy)").resolved()["parameters"]
    assert parse("plateau(mode=max)").resolved()["parameters"]["mode"] == "max"
    assert "relative_to" not in parse("plateau").resolved()["parameters"]
    assert parse("plateau(threshold=relative)").resolved()["parameters"]["relative_to"] == "size"


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
