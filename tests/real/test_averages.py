"""use_ema: what is evaluated is the average of the weights, as in numpy and as `Model.fit` has it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended, Kept
from lrbench.engine.replica import Replica, shuffle
from lrbench.engine.train import Pace, train
from lrbench.plan import Plan, make_plan
from lrbench.problems import Beside, problem_of
from lrbench.runs import RunResult, Task

RNG = np.random.default_rng(11)
X = RNG.normal(size=(100, 3)).astype(np.float32)
Y = (X @ np.float32([[1, -2, 3]]).T + RNG.normal(size=(100, 1)).astype(np.float32))[:, 0]
TRAIN, VAL, TEST = slice(0, 50), slice(50, 70), slice(70, 100)
DATA = (X[TRAIN], Y[TRAIN], X[VAL], Y[VAL], X[TEST], Y[TEST])
BATCH, EPOCHS = 16, 3  # three whole batches and one of 2
Array = NDArray[np.float64]


def linear(policy: str | None = None) -> Any:
    import keras

    if policy:
        keras.config.set_dtype_policy(policy)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False, dtype=policy)])


def plan_of(optimizer: str, policy: str | None = None, **options: Any) -> Plan:
    problem = problem_of(lambda: linear(policy), Beside(data=DATA, loss="mse"), "linear")
    wishes = {"schedulers": "cosine(lr=0.05)", "epochs": EPOCHS, "batch_size": BATCH}
    return make_plan(load_config(None, {**wishes, "optimizer": optimizer, **options}, {}), problem)


def told(replica: Replica, task: Task, pace: Pace | None = None) -> tuple[list[Kept], RunResult]:
    events = [*train(replica, task, pace)]
    ended = events[-1]
    assert isinstance(ended, Ended)
    return [event for event in events if isinstance(event, Kept)], ended.result


def opened(plan: Plan) -> tuple[Replica, Any, list[Array]]:
    """A replica, its network and the initial weights of its first run."""
    replica: Any = open_engine(plan.setting, plan.problem).replica()
    replica.reset(plan.runs[0].seed)
    return replica, replica.network, [np.asarray(each, np.float64) for each in replica.network.model.weights]


def batches(seed: int, epoch: int) -> Iterator[tuple[Array, Array]]:
    order = shuffle(seed, epoch, 50)
    for start in range(0, 50, BATCH):
        rows = order[start : start + BATCH]
        yield X[rows], Y[rows]


def by_hand(
    w: Array, seed: int, rates: Array, momentum: float, every: int | None = None
) -> tuple[list[float], float]:
    """The mean squared errors of the averages: of validation after each epoch, of the test at the end."""
    average, t, val = w, 0, []

    def error(part: slice) -> float:
        return float(np.mean((X[part] @ average[:, 0] - Y[part]) ** 2))

    for epoch in range(1, EPOCHS + 1):
        for x, y in batches(seed, epoch):
            w = w - rates[t] * 2 / len(x) * x.T @ (x @ w - y[:, None])
            average = momentum * average + (1 - momentum) * w if t else w
            t += 1
            w = average if every and t % every == 0 else w
        val.append(error(VAL))
    return val, error(TEST)


@pytest.mark.parametrize("every", [None, 3])
@pytest.mark.parametrize("options", [{}, {"jit": "off"}, {"engine": "fit"}], ids=["xla", "graph", "fit"])
def test_what_is_evaluated_is_the_average_that_numpy_finds(every: int | None, options: dict[str, Any]) -> None:
    overwrite = f", ema_overwrite_frequency={every}" if every else ""
    plan = plan_of(f"sgd(use_ema=true, ema_momentum=0.9{overwrite})", **options)
    (run,) = plan.runs
    replica, _, (weights,) = opened(plan)
    _, result = told(replica, Task(run))
    val, test = by_hand(weights, run.seed, run.rates, 0.9, every)
    assert [row.val[0] for row in result.rows if row.val] == pytest.approx(val, rel=1e-5)
    assert result.test
    assert result.test[0] == pytest.approx(test, rel=1e-5)
    assert val != pytest.approx(by_hand(weights, run.seed, run.rates, 0, every)[0], rel=1e-2), "not the weights'"


def test_model_fit_in_one_call_gives_the_same_figures() -> None:
    """With Keras's own callback for validation; the test measures what is left in the model at the end."""
    import keras

    plan = plan_of("adam(use_ema=true, ema_momentum=0.8)")
    (run,) = plan.runs
    replica, network, weights = opened(plan)
    _, result = told(replica, Task(run))
    model = linear()
    model.set_weights(weights)
    optimizer = keras.optimizers.Adam(use_ema=True, ema_momentum=0.8)
    model.compile(optimizer, "mse")

    class Rates(keras.callbacks.Callback):  # type: ignore[misc]
        at = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            optimizer.learning_rate = run.rates[self.at]
            self.at += 1

    given = (batch for epoch in range(1, EPOCHS + 1) for batch in batches(run.seed, epoch))
    history = model.fit(
        given,
        shuffle=False,
        epochs=EPOCHS,
        steps_per_epoch=-(-50 // BATCH),
        validation_data=(X[VAL], Y[VAL]),
        callbacks=[Rates(), keras.callbacks.SwapEMAWeights()],
        verbose=0,
    ).history
    assert [row.val[0] for row in result.rows if row.val] == pytest.approx(history["val_loss"], rel=1e-5)
    assert [row.train[0] for row in result.rows] == pytest.approx(history["loss"], rel=1e-5)
    assert result.test
    assert result.test[0] == pytest.approx(model.evaluate(X[TEST], Y[TEST], verbose=0), rel=1e-5)
    averaged = [np.asarray(each) for each in network.optimizer._model_variables_moving_average]
    assert model.get_weights()[0] == pytest.approx(averaged[0], rel=1e-5)


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_a_run_that_goes_on_from_a_checkpoint_ends_with_the_same_bytes(engine: str) -> None:
    plan = plan_of("adam(use_ema=true, ema_momentum=0.8)", engine=engine)
    (run,) = plan.runs
    kept, whole = told(opened(plan)[0], Task(run), Pace(every=1))
    _, rest = told(opened(plan)[0], dataclasses.replace(Task(run), checkpoint=kept[0].checkpoint))
    assert (rest.rows, rest.test, rest.state_sha256) == (whole.rows, whole.test, whole.state_sha256)


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_half_precision_has_averages_and_takes_a_loss_scale(engine: str) -> None:
    """Within LossScaleOptimizer, unless the user gives a scale: then as with auto_scale_loss=False."""
    figures = {}
    for optimizer in ("sgd(use_ema=true)", "sgd(use_ema=true, loss_scale_factor=64)"):
        plan = plan_of(optimizer, policy="mixed_float16", engine=engine)
        replica, network, (weights,) = opened(plan)
        assert (type(network.optimizer).__name__ == "LossScaleOptimizer") == ("scale" not in optimizer)
        _, result = told(replica, Task(plan.runs[0]))
        val, _ = by_hand(weights, 0, plan.runs[0].rates, 0.99)
        figures[optimizer] = [row.val[0] for row in result.rows if row.val]
        assert figures[optimizer] == pytest.approx(val, rel=0.05)
