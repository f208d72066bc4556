"""Keras as the witness of the table of optimizers: its classes, their parameters, defaults and updates."""

import inspect
from typing import Any

import numpy as np
import pytest
from conftest import trained

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.errors import BadSpec
from lrbench.optimizers import EXPONENTS, FRACTIONS, TABLE, Optimizer, build_optimizer, parse_optimizer
from lrbench.plan import make_plan

pytestmark = pytest.mark.tensorflow
CLASSES = {"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "Optimizer"}  # they hold others
ELSEWHERE = {
    "learning_rate": "the schedule's",
    "name": "decides no number",
    "use_ema": "the weights that are evaluated are those that are trained",
    "ema_momentum": "as use_ema",
    "ema_overwrite_frequency": "as use_ema",
    "loss_scale_factor": "nothing is trained in float16",
    "gradient_accumulation_steps": "batch_size; an update is an update",
    "kwargs": "no parameter",
}
LEFT_OUT = {
    ("Muon", "exclude_layers"): "names of layers, which differ from model to model",
    ("ScheduleFreeAdamW", "warmup_steps"): "a schedule of its own beside the schedule: warmup=... is there",
}
OTHER = {
    ("Adafactor", "relative_step"): (True, "a schedule of its own beside the schedule"),
    ("Adafactor", "epsilon_1"): (1e-30, "its square is 0 in float32"),
}


def test_every_class_of_keras_s_stands_in_the_table() -> None:
    import keras

    theirs = {
        name
        for name, kind in vars(keras.optimizers).items()
        if inspect.isclass(kind) and issubclass(kind, keras.optimizers.Optimizer)
    }
    assert {kind for kind, _ in TABLE.values()} == theirs - CLASSES
    assert all(name == kind.lower() for name, (kind, _) in TABLE.items())


@pytest.mark.parametrize("name", TABLE)
def test_names_and_defaults_of_parameters_are_the_signature_s(name: str) -> None:
    import keras

    kind, ours = TABLE[name]
    theirs = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(keras.optimizers, kind)).parameters.items()
        if key not in ELSEWHERE and (kind, key) not in LEFT_OUT
    }
    assert ours | {key: OTHER[kind, key][0] for key in ours if (kind, key) in OTHER} == theirs
    assert all(ours[key] != value for (other, key), (value, _) in OTHER.items() if other == kind)


def test_no_exception_is_out_of_date() -> None:
    import keras

    parameters = {
        kind: inspect.signature(getattr(keras.optimizers, kind)).parameters for kind, _ in TABLE.values()
    }
    assert all(any(key in each for each in parameters.values()) for key in ELSEWHERE)
    assert all(key in parameters[kind] for kind, key in [*LEFT_OUT, *OTHER])


@pytest.mark.parametrize("name", TABLE)
def test_keras_takes_every_parameter(name: str) -> None:
    values = {**dict.fromkeys(FRACTIONS, 0.5), **dict.fromkeys(EXPONENTS, -0.25)}
    for key, default in TABLE[name][1].items():
        value = not default if isinstance(default, bool) else values.get(key, 2)
        assert getattr(build_optimizer(Optimizer(name, ((key, value),))), key) == value


def test_what_keras_refuses_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSpec, match="Keras refuses sgd"):
        build_optimizer(Optimizer("sgd", (("momentum", 7.0),)))
    monkeypatch.setitem(TABLE, "sgd", ("Sofia", {}))
    with pytest.raises(BadSpec, match="has no Sofia"):
        build_optimizer(Optimizer("sgd"))


@pytest.mark.parametrize("name", TABLE)
def test_a_reset_network_has_the_optimizer_that_keras_would_build_on_its_weights(name: str) -> None:
    from lrbench.engine.network import Network
    from lrbench.problems import find

    network = Network(find("mnist(hidden=4)"), build_optimizer(parse_optimizer(name)))
    for variable in network.variables:
        variable.assign(np.asarray(variable) + 1)
    network.reset(3)
    fresh = build_optimizer(parse_optimizer(name))
    fresh.build(network.model.trainable_variables)
    for ours, theirs in zip(network.optimizer.variables, fresh.variables, strict=True):
        assert np.array_equal(ours, theirs), ours.path


@pytest.mark.parametrize(
    "optimizer", ["adafactor", "ftrl", "lamb", "muon", "schedulefreeadamw", "sgd(global_clipnorm=1)"]
)
def test_the_compiled_engine_follows_model_fit_on_every_replica(optimizer: str) -> None:
    small = {"train_size": 150, "val_size": 100, "batch_size": 48, "epochs": 2, "schedulers": "cosine"}
    found: list[Any] = []
    for engine, replicas in (("compiled", 2), ("fit", 1)):
        plan = make_plan(load_config(None, {**small, "optimizer": optimizer, "engine": engine}, {}))
        opened = open_engine(plan.setting, plan.problem)
        found += [trained(opened.replica(), plan.runs[0]) for _ in range(replicas)]
        opened.close()
    ours, another, theirs = found
    assert ours.state_sha256 == another.state_sha256
    assert ours.test == pytest.approx(theirs.test, rel=1e-4)
    assert [row.train for row in ours.rows] == [pytest.approx(row.train, rel=1e-4) for row in theirs.rows]
    assert ours.rows[-1].train[0] < ours.rows[0].train[0], "it learns"
