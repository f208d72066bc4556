"""Models of all kinds train in the compiled engine as they do in `Model.fit`."""

from collections.abc import Callable
from functools import cache
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended, Remarked
from lrbench.engine.train import train
from lrbench.plan import Plan, make_plan
from lrbench.problems import Beside, problem_of
from lrbench.runs import RunResult, Task

RNG = np.random.default_rng(7)
X = RNG.normal(size=(220, 8)).astype(np.float32)
IMAGES = RNG.uniform(size=(220, 8, 8, 1)).astype(np.float32)
WORDS = RNG.integers(0, 6, (220, 8)) * (np.arange(8) < RNG.integers(2, 9, (220, 1)))
CLASSES = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int) + (X[:, 2] > 0)
NUMBERS = X @ np.arange(8, dtype=np.float32) + 1

Make = Callable[[], Any]


def plan_of(make: Make, data: Any, **options: Any) -> Plan:
    problem = problem_of(make, Beside(data=data), "model")
    wishes = {"schedulers": "cosine", "epochs": 3, "batch_size": 24, "lr": 0.05, "train_size": 150, **options}
    return make_plan(load_config(None, wishes, {}), problem)


def results(plan: Plan) -> list[RunResult]:
    engine = open_engine(plan.setting, plan.problem)
    try:
        replica = engine.replica()
        ended = [[*train(replica, Task(run))][-1] for run in plan.runs]
    finally:
        engine.close()
    return [event.result for event in ended if isinstance(event, Ended)]


def figures(result: RunResult) -> list[float]:
    return [value for row in result.rows for value in (*row.train, *(row.val or ()))] + list(result.test or ())


def branches() -> Any:
    """Two ways through, joined again: L2 on one, a batch normalisation on the other, and a frozen layer."""
    import keras

    x = keras.Input((8,))
    one = keras.layers.Dense(12, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01))(x)
    two = keras.layers.BatchNormalization(momentum=0.8)(keras.layers.Dense(12)(x))
    joined = keras.layers.Concatenate()([one, two, keras.layers.Dense(4, trainable=False)(x)])
    return keras.Model(x, keras.layers.Dense(3)(joined))


def penalised() -> Any:
    """A layer of the user's that adds a loss of its own, and a step that knows training from evaluation."""
    import keras

    class Shifted(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any, training: bool = False) -> Any:
            self.add_loss(0.1 * keras.ops.mean(x**2))
            return x + 0.1 if training else x

    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(6), Shifted(), keras.layers.Dense(1)])


def convolutions() -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


def looked_up() -> Any:
    """A table of words, which never changes: nothing that a reset would have to undo."""
    import keras

    x = keras.Input((8,), dtype="int32")
    found = keras.layers.Embedding(9, 4)(keras.layers.IntegerLookup(vocabulary=[*range(-3, 4)])(x))
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(found)))


def dense(units: int = 3, policy: str | None = None) -> Make:
    def make() -> Any:
        import keras

        if policy:
            keras.config.set_dtype_policy(policy)
        return keras.Sequential(
            [
                keras.Input((8,)),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(units, dtype="float32"),
            ]
        )

    return make


def tagger() -> Any:
    """A class for each word of a sentence; 0 stands for no word."""
    import keras

    return keras.Sequential(
        [
            keras.Input((8,), dtype="int32"),
            keras.layers.Embedding(6, 4, mask_zero=True),
            keras.layers.LSTM(5, return_sequences=True),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def dropping() -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ]
    )


@pytest.mark.parametrize(
    ("make", "data", "options"),
    [
        (branches, (X, CLASSES), {}),
        (branches, (X, CLASSES), {"jit": "off", "optimizer": "adam", "lr": 0.003}),
        (penalised, (X, NUMBERS), {"lr": 0.01}),
        (tagger, (WORDS, WORDS % 3), {}),
        (looked_up, (X.round().astype(int), CLASSES), {}),
        (convolutions, (IMAGES, CLASSES), {}),
        (convolutions, (IMAGES, CLASSES), {"jit": "on"}),
        (dense(), (X, CLASSES), {"optimizer": "sgd(momentum=0.9, clipnorm=0.3)"}),
        (dense(), (X, CLASSES), {"optimizer": "adamw(weight_decay=0.01, clipvalue=0.01)", "lr": 0.01}),
    ],
    ids=[
        "branches",
        "branches, graph, adam",
        "own loss",
        "lookup",
        "masked",
        "convolutions",
        "convolutions, XLA",
        "clipnorm",
        "adamw",
    ],
)
def test_every_figure_is_that_of_model_fit(make: Make, data: Any, options: dict[str, Any]) -> None:
    (ours,) = results(plan_of(make, data, **options))
    (theirs,) = results(plan_of(make, data, **{**options, "jit": "auto", "engine": "fit"}))
    assert figures(ours) == pytest.approx(figures(theirs), rel=2e-4, abs=1e-6)


def test_positions_that_a_model_masks_do_not_count() -> None:
    plan = plan_of(tagger, (WORDS, WORDS % 3), epochs=1)
    engine = open_engine(plan.setting, plan.problem)
    replica: Any = engine.replica()
    (*_, ended) = train(replica, Task(plan.runs[0]))
    engine.close()
    assert isinstance(ended, Ended)
    assert ended.result.test is not None
    test = plan.problem.load().test
    outputs = np.asarray(replica.network.model(test.x, training=False))
    there = test.x != 0
    right = (outputs.argmax(-1) == test.y) & there
    of_each = right.sum(1) / np.maximum(there.sum(1), 1)
    assert ended.result.test[1] == pytest.approx(of_each.mean(), rel=1e-5)
    of_words = -np.log(np.take_along_axis(outputs, test.y[..., None], -1)[..., 0])[there]
    assert ended.result.test[0] == pytest.approx(of_words.mean(), rel=1e-4)


@cache
def dense_figures(policy: str | None, **options: str) -> list[float]:
    """What one setting gives, trained once for all that compare with it."""
    (result,) = results(plan_of(dense(policy=policy), (X, CLASSES), **options))
    return figures(result)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("jit", ["on", "off"])
def test_mixed_precision_follows_model_fit(policy: str, jit: str) -> None:
    ours = dense_figures(policy, jit=jit)
    assert ours == pytest.approx(dense_figures(policy, engine="fit"), rel=0.05, abs=0.02)
    assert ours != dense_figures(None, jit=jit), "it does compute otherwise"
    plan = plan_of(dense(policy=policy), (X, CLASSES), jit=jit)
    network = open_engine(plan.setting, plan.problem).replica().network  # type: ignore[attr-defined]
    assert (type(network.optimizer).__name__ == "LossScaleOptimizer") == (policy == "mixed_float16")


def test_dropout_gives_the_same_figures_in_distribution() -> None:
    """Its random numbers are drawn otherwise by XLA, so single figures differ; their means over seeds do not.

    One long epoch has as many updates as several short ones, and Model.fit begins only once.
    """
    seeds = 12
    x = np.random.default_rng(7).normal(size=(1200, 8)).astype(np.float32)
    data = (x, (x[:, 0] + x[:, 1] ** 2 > 1).astype(int) + (x[:, 2] > 0))
    found = {
        name: [
            [result.test[0], *result.rows[-1].train]
            for result in results(plan_of(dropping, data, seeds=seeds, epochs=1, train_size=800, **options))
            if result.test
        ]
        for name, options in {"xla": {"jit": "on"}, "graph": {"jit": "off"}, "fit": {"engine": "fit"}}.items()
    }
    for ours in ("xla", "graph"):
        for one, two in zip(zip(*found[ours], strict=True), zip(*found["fit"], strict=True), strict=True):
            differences = [a - b for a, b in zip(one, two, strict=True)]
            assert len(differences) == seeds
            noise = max(stdev(differences), 1e-4) / seeds**0.5
            assert abs(mean(differences)) < 4 * noise


def test_convolutions_run_as_a_graph_on_a_cpu_and_dense_models_are_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not plan_of(convolutions, (IMAGES, CLASSES)).setting.jit
    assert plan_of(dense(), (X, CLASSES)).setting.jit
    assert not plan_of(dropping, (X, CLASSES)).setting.jit, "XLA draws random numbers slowly there"
    assert plan_of(convolutions, (IMAGES, CLASSES), jit="on").setting.jit
    assert not plan_of(dense(), (X, CLASSES), jit="off").setting.jit
    monkeypatch.setattr("lrbench.plan.has_gpu", lambda: True)
    assert plan_of(convolutions, (IMAGES, CLASSES)).setting.jit


def test_how_it_is_compiled_is_part_of_what_a_run_is() -> None:
    on, off = (plan_of(dense(), (X, CLASSES), jit=jit) for jit in ("on", "off"))
    auto = plan_of(dense(), (X, CLASSES))
    assert auto.runs[0].key == on.runs[0].key != off.runs[0].key


def test_a_model_that_xla_refuses_trains_as_a_graph_and_says_so() -> None:
    import keras
    import tensorflow as tf

    class Words(keras.layers.Layer):  # type: ignore[misc]
        """Text is nothing that XLA knows of."""

        def call(self, x: Any) -> Any:
            lengths = tf.strings.length(tf.strings.as_string(x))
            return x + 0.0 * tf.cast(lengths, tf.float32)

    def refused() -> Any:
        return keras.Sequential([keras.Input((8,)), Words(), keras.layers.Dense(3)])

    plan = plan_of(refused, (X, CLASSES), seeds=2)
    assert plan.setting.jit
    engine = open_engine(plan.setting, plan.problem)
    one, two = engine.replica(), engine.replica()
    events = [[*train(replica, Task(run))] for replica, run in zip((one, two), plan.runs, strict=True)]
    for told in events:
        (remark,) = [event.text for event in told if isinstance(event, Remarked)]
        assert "XLA cannot compile this model" in remark
        assert "AsString" in remark or "StringLength" in remark, "it names what is refused"
        assert isinstance(told[-1], Ended)
        assert told[-1].result.status == "done"
    graph = results(plan_of(refused, (X, CLASSES), seeds=2, jit="off"))
    assert [told[-1].result.state_sha256 for told in events] == [each.state_sha256 for each in graph]  # type: ignore[attr-defined]


def test_a_model_that_fails_in_every_way_fails_with_its_own_error() -> None:
    import keras
    import tensorflow as tf

    class Checked(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                with tf.control_dependencies([tf.debugging.assert_less(x, -100.0, message="too large")]):
                    return tf.identity(x)
            return x

    def make() -> Any:
        return keras.Sequential([keras.Input((8,)), keras.layers.Dense(3), Checked()])

    with pytest.raises(Exception, match="too large"):
        results(plan_of(make, (X, CLASSES), jit="off"))


def below_zero() -> Any:
    """A loss below 0, as the negative logarithm of a density can be."""
    import keras

    def squared_error_less_10(targets: Any, outputs: Any) -> Any:
        return keras.ops.mean((targets - outputs) ** 2, -1) - 10

    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
    model.compile(loss=squared_error_less_10)
    return model


@pytest.mark.parametrize("mode", ["auto", "max"])
def test_a_run_cuts_by_a_relative_gain_where_its_loss_is_negative(mode: str) -> None:
    """Every rate follows from the figures by the rule: a gain is more than 1 % of the size of the best."""
    spec = f"plateau(patience=1 epoch, min_delta=0.01, threshold=relative, min_lr=0, mode={mode})"
    (result,) = results(plan_of(below_zero, (X, X[:, 0]), schedulers=spec, epochs=8, lr=0.1))
    best, scale, sign = None, 1.0, 1 if mode == "auto" else -1
    for row in result.rows:
        assert row.lr == pytest.approx(0.1 * scale)
        assert row.val
        cost = sign * row.val[0]
        if best is None or cost < best - 0.01 * abs(best):
            best = cost
        else:
            scale /= 2
    assert scale < 1
    assert all(row.val and row.val[0] < 0 for row in result.rows)
