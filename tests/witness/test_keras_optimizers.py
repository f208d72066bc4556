"""Keras as the witness of the table of optimizers: its classes, their parameters, defaults and updates."""

import inspect
from typing import Any

import numpy as np
import pytest
from conftest import trained

from lrbench.backend import optimizers as backend
from lrbench.backend.optimizers import build_optimizer
from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.errors import BadSpec
from lrbench.optimizers import EXPONENTS, FRACTIONS, REFUSED, TABLE, Optimizer, parse_optimizer
from lrbench.plan import make_plan

pytestmark = pytest.mark.tensorflow
CLASSES = {"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap", "Optimizer"}  # they hold others
ALL = {"learning_rate", "gradient_accumulation_steps", "name"}  # what each of them takes and lrbench refuses
OWN = {("Muon", "exclude_layers"), ("ScheduleFreeAdamW", "warmup_steps")}  # and what one of them takes
OTHER = {
    ("Adafactor", "relative_step"): (True, "it has no effect"),
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
        if key not in {*ALL, "kwargs"} and (kind, key) not in OWN
    }
    assert ours | {key: OTHER[kind, key][0] for key in ours if (kind, key) in OTHER} == theirs
    assert all(ours[key] != value for (other, key), (value, _) in OTHER.items() if other == kind)


def test_no_exception_is_out_of_date() -> None:
    import keras

    parameters = {
        kind: inspect.signature(getattr(keras.optimizers, kind)).parameters for kind, _ in TABLE.values()
    }
    assert all(key in each for each in parameters.values() for key in ALL)
    assert all(key in parameters[kind] for kind, key in [*OWN, *OTHER])
    old = {"lr", "decay"}  # of Keras 2
    assert set(REFUSED) == ALL | {key for _, key in OWN} | {"relative_step"} | old


@pytest.fixture
def _unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what this version of Keras has wrong is built."""
    monkeypatch.setattr(backend, "check_optimizer", lambda optimizer: None)


@pytest.mark.usefixtures("_unchecked")
@pytest.mark.parametrize("name", TABLE)
def test_keras_takes_every_parameter(name: str) -> None:
    values = {**dict.fromkeys(FRACTIONS, 0.5), **dict.fromkeys(EXPONENTS, -0.25)}
    for key, default in TABLE[name][1].items():
        value = not default if isinstance(default, bool) else values.get(key, 2)
        built = build_optimizer(Optimizer(name, ((key, value),)))
        for other, wanted in (TABLE[name][1] | {key: value}).items():
            assert getattr(built, other) == wanted, "whatever the default of this version of Keras"


def test_what_keras_refuses_is_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSpec, match="Keras refuses sgd"):
        build_optimizer(Optimizer("sgd", (("momentum", 7.0),)))
    monkeypatch.setitem(TABLE, "sgd", ("Sofia", {}))
    with pytest.raises(BadSpec, match="has no Sofia"):
        build_optimizer(Optimizer("sgd"))


@pytest.mark.usefixtures("_unchecked")
@pytest.mark.parametrize("name", [*TABLE, "adam(use_ema=true, amsgrad=true)"])
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
    "optimizer", ["adafactor", "ftrl", "lamb", "muon", "nadam(loss_scale_factor=64)", "sgd(global_clipnorm=1)"]
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
