"""The engines at work on real images: the fast one against Model.fit, and each promise of the design."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import trained

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.replica import Replica, shuffle
from lrbench.plan import Plan, make_plan
from lrbench.runner import conduct
from lrbench.runs import RunResult, Status
from lrbench.schedules import rates
from lrbench.store import load as load_stored

SMALL = {"train_size": 1_000, "val_size": 1_234, "batch_size": 48, "epochs": 3}  # 20 whole batches and one of 40


def plan_of(**options: Any) -> Plan:
    return make_plan(load_config(None, {**SMALL, **options}, {}))


def train_all(plan: Plan) -> list[RunResult]:
    replica = open_engine(plan.setting, plan.problem).replica()
    return [trained(replica, run) for run in plan.runs]


def figures(result: RunResult) -> np.ndarray:
    assert result.test
    return np.array([*((*row.train, *(row.val or ())) for row in result.rows), result.test * 2], float)


@pytest.mark.parametrize(
    ("optimizer", "lr"),
    [
        ("sgd(momentum=0.9)", 0.02),
        ("adam", 0.001),
        ("rmsprop(centered=true)", 0.001),
        ("adamw(clipnorm=1)", 0.001),
    ],
)
def test_the_compiled_engine_follows_model_fit(optimizer: str, lr: float) -> None:
    options = {"optimizer": optimizer, "lr": lr, "schedulers": "cyclical(warmup=10%)"}
    ours, theirs = [train_all(plan_of(engine=engine, **options)) for engine in ("compiled", "fit")]
    for a, b in zip(ours, theirs, strict=True):
        assert figures(a) == pytest.approx(figures(b), rel=1e-4)
        assert [(row.step, row.lr_first, row.lr) for row in a.rows] == [
            (row.step, row.lr_first, row.lr) for row in b.rows
        ]


def logging_network(setting: Any, steps: int) -> Any:
    """A network whose optimizer writes down the rate of every update that it makes."""
    import keras
    import tensorflow as tf

    from lrbench.engine.network import Network
    from lrbench.problems import find

    class Logging(keras.optimizers.SGD):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seen = tf.Variable(tf.zeros(steps))
            self.count = tf.Variable(0)

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            at = tf.reshape(self.count, [1, 1])
            rate = tf.reshape(tf.convert_to_tensor(self.learning_rate), [1])
            self.seen.assign(tf.tensor_scatter_nd_update(self.seen, at, rate))
            self.count.assign_add(1)
            return super().apply(grads, trainable_variables)

    return Network(find(setting.subject.spec), Logging())


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_every_update_uses_the_rate_of_the_schedule_s_table(engine: str) -> None:
    import tensorflow as tf

    from lrbench.engine.compiled import CompiledReplica, _tensors
    from lrbench.engine.fit import FitReplica
    from lrbench.problems import Sizes, split

    schedulers = "constant,step,exponential,cosine,cyclical,plateau(patience=1 epoch, min_delta=9)"
    plan = plan_of(schedulers=schedulers, engine=engine)
    steps = plan.setting.horizon.steps
    network = logging_network(plan.setting, steps)
    splits = split(plan.problem, Sizes(plan.setting.train_size, plan.setting.val_size, plan.setting.validate_on))
    replica: Replica
    if engine == "fit":
        replica = FitReplica(network, ["loss", "accuracy"], 48, splits)
    else:
        tensors = [_tensors(part) for part in (splits.train, splits.val, splits.test) if part]
        replica = CompiledReplica(network, 48, tensors[0], tensors[1], tensors[2])
    replica.compile()
    for run in plan.runs:
        network.optimizer.count.assign(0)
        network.optimizer.seen.assign(tf.zeros(steps))
        result = trained(replica, run)
        table = rates(run.schedule, run.setting.horizon)
        if run.schedule.name == "plateau":
            assert [row.lr for row in result.rows] == [0.1, 0.1, 0.05]  # it was scaled, and so were the updates
            table = np.repeat([row.lr for row in result.rows], run.setting.horizon.steps_per_epoch)
        assert int(network.optimizer.count.numpy()) == steps
        assert np.array_equal(network.optimizer.seen.numpy(), table.astype(np.float32)), run.run_id


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_the_first_batch_s_loss_is_the_same_for_all_schedules_of_a_seed(engine: str) -> None:
    schedulers = "constant,cyclical,plateau"
    results = train_all(plan_of(engine=engine, schedulers=schedulers, train_size=48, epochs=1, seeds=2))
    losses = {seed: {r.rows[0].train[0] for r in results if r.rows[0].seed == seed} for seed in (0, 1)}
    assert len(results) == 6
    assert len(losses[0]) == len(losses[1]) == 1
    assert losses[0] != losses[1]


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_every_training_validation_and_test_example_is_counted(engine: str) -> None:
    from lrbench.problems import Sizes, split

    plan = plan_of(engine=engine, schedulers="constant", epochs=1)
    replica: Any = open_engine(plan.setting, plan.problem).replica()
    replica.compile()
    replica.reset(0)
    base_rates = np.zeros(plan.setting.horizon.steps)
    splits = split(plan.problem, Sizes(plan.setting.train_size, plan.setting.val_size, plan.setting.validate_on))
    weights = [np.asarray(weight, np.float64) for weight in replica.network.model.trainable_variables]

    def by_hand(examples: Any) -> tuple[float, int]:
        x = examples.x.reshape(len(examples), -1) / 255
        logits = np.maximum(x @ weights[0] + weights[1], 0) @ weights[2] + weights[3]
        right = int((logits.argmax(axis=1) == examples.y).sum())
        chosen = logits[np.arange(len(logits)), examples.y]
        return float((np.log(np.exp(logits).sum(axis=1)) - chosen).mean()), right

    measured = [replica.train_epoch(1, base_rates), replica.validate(), replica.test()]
    for found, examples in zip(measured, (splits.train, splits.val, splits.test), strict=True):
        loss, right = by_hand(examples)
        assert found[0] == pytest.approx(loss, rel=1e-5)
        assert round(found[1] * len(examples), 2) == right


def test_a_used_replica_gives_the_bits_of_a_new_one() -> None:
    """Also its optimizer's: adam remembers two tables and a count."""
    used = train_all(plan_of(optimizer="adam", lr=0.01, schedulers="cosine,step"))[1]
    (new,) = train_all(plan_of(optimizer="adam", lr=0.01, schedulers="step"))
    assert used.rows == new.rows
    assert used.test == new.test


def test_training_learns(tmp_path: Path) -> None:
    (result,) = train_all(plan_of(train_size=10_000, schedulers="constant", batch_size=32))
    assert result.status is Status.DONE
    assert result.test
    assert 0.9 < result.test[1] < 0.97
    assert result.rows[-1].train[0] < result.rows[0].train[0]


def test_a_run_whose_loss_is_not_finite_is_stored_as_diverged_and_the_others_go_on(tmp_path: Path) -> None:
    schedulers = "hot=constant(lr=1e30),constant"
    config = load_config(None, {**SMALL, "schedulers": schedulers, "out": tmp_path}, {})
    outcome = conduct(config)
    found = {one.schedule.words: one.result for one in load_stored(outcome.experiment.folder).finished}
    assert found["hot"].status is Status.DIVERGED
    assert len(found["hot"].rows) == 1
    assert found["hot"].test is None
    assert found["constant"].status is Status.DONE


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_without_validation_and_with_the_test_set_as_validation(engine: str) -> None:
    (without,) = train_all(plan_of(engine=engine, schedulers="constant", val_size=0, epochs=1))
    assert without.rows[0].val is None
    on_test = {"validate_on": "test", "val_size": None}
    (tutorial,) = train_all(plan_of(engine=engine, schedulers="constant", epochs=1, **on_test))
    assert tutorial.rows[0].val == tutorial.test


def test_a_batch_larger_than_the_data_is_one_update_per_epoch() -> None:
    (result,) = train_all(plan_of(train_size=30, batch_size=64, schedulers="constant"))
    assert [row.step for row in result.rows] == [1, 2, 3]


def test_shuffles_depend_on_seed_and_epoch_alone() -> None:
    assert np.array_equal(shuffle(3, 1, 100), shuffle(3, 1, 100))
    assert not np.array_equal(shuffle(3, 1, 100), shuffle(3, 2, 100))
    assert not np.array_equal(shuffle(3, 1, 100), shuffle(4, 1, 100))
    assert sorted(shuffle(3, 1, 100)) == list(range(100))
