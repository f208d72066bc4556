"""What a model is compiled with: its loss and the weight are taken, metrics too if they are means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lrbench
from lrbench.errors import BadConfig
from lrbench.problems import Beside, Problem, problem_of

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).uniform(-1, 1, (60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3


def compiled(units: int = 3, **arguments: Any) -> Callable[[], Any]:
    import keras

    def make() -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
        model.compile(**{"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), **arguments})
        return model

    return make


def problem(y: Any = CLASSES, **arguments: Any) -> Problem:
    return problem_of(compiled(3 if y.ndim == 1 else y.shape[1], **arguments), Beside(data=(X, y)), "model")


def test_metrics_that_are_means_are_figures_and_others_are_named() -> None:
    import keras

    def right_sum(y: Any, outputs: Any) -> Any:
        return keras.ops.sum(outputs, -1)

    def of_the_batch(y: Any, outputs: Any) -> Any:
        return keras.ops.mean(outputs)

    metrics = [
        "accuracy",
        keras.metrics.SparseTopKCategoricalAccuracy(2, name="top-2 accuracy"),
        right_sum,
        of_the_batch,
        keras.metrics.AUC(name="auc"),
        keras.metrics.Precision(),
    ]
    made = problem(metrics=metrics)
    assert [(each.name, each.better, each.is_share) for each in made.subject.figures] == [
        ("loss", "lower", False),
        ("accuracy", "higher", True),
        ("top_2_accuracy", "higher", True),
        ("right_sum", "neither", False),
    ]
    (note,) = [note for note in made.notes if "left out" in note]
    assert "compiles with of_the_batch, auc, precision, left out" in note
    assert "accuracy and top 2 accuracy and right sum are measured" in made.notes[0]


@pytest.mark.parametrize(
    "metrics", [["accuracy"], ["acc"], {"dense": ["accuracy"]}, [["accuracy"]], ["sparse_categorical_accuracy"]]
)
def test_what_is_measured_anyway_is_measured_once(metrics: Any) -> None:
    if isinstance(metrics, dict):  # by the name of the output, which Keras counts up
        made = problem_of(lambda: compiled(metrics=[metrics["dense"]])(), Beside(data=(X, CLASSES)), "model")
    else:
        made = problem(metrics=metrics)
    assert [figure.name for figure in made.subject.figures] == ["loss", "accuracy"]
    assert not any("left out" in note for note in made.notes)


def test_a_metric_that_keras_does_not_know_is_said() -> None:
    with pytest.raises(BadConfig, match="Unknown metric 'acuracy' in compile"):
        problem(metrics=["acuracy"])


@pytest.mark.parametrize("loss", ["mse", "MeanSquaredError", ["mse"], "mean_squared_error"])
def test_a_loss_may_be_named_in_all_of_keras_s_ways(loss: Any) -> None:
    made = problem(X[:, :2], loss=loss)
    assert made.loss().name == "mean_squared_error"
    assert "mean squared error, which model compiles with" in made.notes[0]


def test_crossentropy_is_the_one_that_fits() -> None:
    assert problem(loss="crossentropy").loss().name == "sparse_categorical_crossentropy"
    assert problem(np.eye(3)[CLASSES], loss="crossentropy").loss().name == "categorical_crossentropy"


def test_two_losses_of_one_output_are_refused() -> None:
    with pytest.raises(BadConfig, match="compiles with 2 losses"):
        problem(X[:, :2], loss=["mse", "mae"])


@pytest.mark.parametrize("engine", ["compiled", "fit"])
def test_weight_and_metrics_are_those_of_model_fit(engine: str, tmp_path: Path) -> None:
    import keras

    from lrbench.engine.network import initial_weights
    from lrbench.engine.replica import shuffle

    make = compiled(3, loss="mse", loss_weights=[2.5], metrics=["mae", "cosine_similarity"])
    y = X @ np.float32([[1, 2, 0], [0, 1, 1], [1, 0, 0], [2, 0, 1]])
    results = lrbench.compare(
        model=make, data=(X, y), schedulers="constant", epochs=2, val_size=0, lr=0.1, out=tmp_path, engine=engine
    )
    (run,) = results.experiments[0].finished
    assert [figure.name for figure in run.setting.subject.figures] == [
        "loss",
        "mean_absolute_error",
        "cosine_similarity",
    ]
    model, train = make(), problem_of(make, Beside(data=(X, y)), "model").load().train
    for variable, value in zip(model.variables, initial_weights(make, 0), strict=True):
        variable.assign(value)
    model.optimizer = keras.optimizers.SGD(0.1)
    for epoch, row in enumerate(run.result.rows, 1):
        batch = train.take(shuffle(0, epoch, len(train)))
        history = model.fit(batch.x, batch.y, batch_size=32, shuffle=False, verbose=0).history
        expected = [history[name][0] for name in ("loss", "mae", "cosine_similarity")]
        assert list(row.train) == pytest.approx(expected, rel=2e-4)
