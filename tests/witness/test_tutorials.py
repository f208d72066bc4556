"""The tutorials in configs/: what they say is what their tutorials did."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from lrbench.config import load_config, presets
from lrbench.plan import Plan, make_plan
from lrbench.runner import conduct

TUTORIALS = sorted(name for name in presets() if name.startswith("tutorial-"))


def plan_of(name: str) -> Plan:
    return make_plan(load_config(name, {}, {}))


def table_of(plan: Plan, label: str) -> np.ndarray:
    (schedule,) = [each for each in plan.schedules if each.label == label]
    return schedule.table(plan.setting.horizon)


def test_all_five_are_there() -> None:
    assert len(TUTORIALS) == 5


@pytest.mark.parametrize("name", TUTORIALS)
def test_each_runs_by_name(cli: Callable[..., Result], name: str) -> None:
    result = cli("run", "-c", name, "--engine", "fake")
    assert result.exit_code == 0, result.output


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", TUTORIALS)
def test_each_trains_for_real_on_a_few_images(name: str, tmp_path: Path) -> None:
    few = {"train_size": 64, "validate_on": "split", "val_size": 64}  # not 10,000 images after each epoch
    config = load_config(name, {**few, "out": tmp_path}, {})
    outcome = conduct(config)
    assert len(outcome.trained) == len(config.schedulers)


def test_each_file_is_commented() -> None:
    for name in TUTORIALS:
        assert presets()[name].read_text().startswith("# ")


@pytest.mark.tensorflow
def test_the_keras_schedules_are_keras_s() -> None:
    from keras.optimizers.schedules import CosineDecay, ExponentialDecay, PiecewiseConstantDecay

    plan = plan_of("tutorial-keras-schedules")
    assert plan.setting.horizon.steps == 10_000
    theirs = {
        "ExponentialDecay 0.96": ExponentialDecay(0.1, 10_000, 0.96, staircase=True),
        "ExponentialDecay 0.9": ExponentialDecay(0.01, 1000, 0.9),
        "PiecewiseConstantDecay": PiecewiseConstantDecay([1000, 2000], [0.1, 0.01, 0.001]),
        "CosineDecay": CosineDecay(0.1, 10_000),
    }
    steps = [0, 1, 999, 1000, 1001, 1999, 2000, 2001, 5000, 9000]
    for label, schedule in theirs.items():
        mine = table_of(plan, label)[steps]
        assert mine == pytest.approx([float(schedule(step)) for step in steps], rel=1e-5), label


def test_the_exponential_tutorial_s_callback_is_followed_to_the_epoch() -> None:
    plan = plan_of("tutorial-exponential")
    assert (plan.setting.train_size, plan.setting.validate_on) == (60_000, "test")

    def scheduler(epoch: int, lr: float) -> float:
        return lr if epoch < 10 else lr * math.exp(-0.1)

    rates, lr = [], 0.1
    for epoch in range(15):
        lr = scheduler(epoch, lr)
        rates.append(lr)
    assert table_of(plan, "callback") == pytest.approx(np.repeat(rates, 1875))
    decay = table_of(plan, "ExponentialDecay")
    assert decay[[0, 999, 1000, 2000]] == pytest.approx([0.1, 0.1, 0.096, 0.1 * 0.96**2])


def test_the_families_are_the_tutorial_s_whatever_the_defaults_are() -> None:
    plan = plan_of("tutorial-families")
    per_epoch = plan.setting.horizon.steps_per_epoch
    cyclical = table_of(plan, "cyclical(half=20%)")
    assert cyclical[[0, 3 * per_epoch, 6 * per_epoch, 9 * per_epoch]] == pytest.approx([0.001, 0.1, 0.001, 0.1])
    assert table_of(plan, "restarts(first=10%)")[: 3 * per_epoch].argmin() == math.floor(1.5 * per_epoch)


def test_the_five_schedules_are_per_epoch() -> None:
    plan = plan_of("tutorial-five")
    per_epoch = plan.setting.horizon.steps_per_epoch
    epochs = np.arange(100)
    expected = {
        "step(every=20 epochs)": 0.1 * 0.5 ** (epochs // 20),
        "exponential(per=epoch, every=1 epoch)": 0.1 * 0.95**epochs,
        "cosine(per=epoch, floor=0.001)": 0.001 + 0.0495 * (1 + np.cos(np.pi * epochs / 100)),
        "cyclical(per=epoch, half=20 epochs, floor=0.001)": 0.001 + 0.099 * (1 - np.abs(epochs / 20 % 2 - 1)),
    }
    for label, rates in expected.items():
        assert table_of(plan, label)[::per_epoch] == pytest.approx(rates), label
        assert table_of(plan, label).reshape(100, per_epoch).std(axis=1).max() < 1e-15
