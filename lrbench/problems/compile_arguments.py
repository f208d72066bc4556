"""What a model of the user's is compiled with: a loss, its weight, and metrics that can be figures.

TensorFlow and Keras are imported in functions only.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.directions import higher_is_better
from lrbench.errors import BadConfig
from lrbench.problems import tasks
from lrbench.runs import Figure

ACCURACIES = {"accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"}
DIRECTIONS = {"up": "higher", "down": "lower"}  # Keras's words


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileArguments:
    """The arguments of `Model.compile` that decide what is minimised and measured."""

    loss: Any = None
    weight: float = 1.0
    metrics: tuple[Any, ...] = ()


def compile_arguments(model: Any, name: str) -> CompileArguments:
    """Read what a model of one output is compiled with. Raises BadConfig."""
    if not getattr(model, "compiled", False):
        return CompileArguments()
    loss = _only(model.loss, f"{name} compiles with", "losses")
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    weight = _only(weights, f"{name} compiles with", "loss_weights")
    held = getattr(model, "_compile_metrics", None)
    given = [getattr(held, each, None) for each in ("_user_metrics", "_user_weighted_metrics")]
    return CompileArguments(
        loss=loss, weight=1.0 if weight is None else float(weight), metrics=tuple(_flat(given))
    )


def measurable(
    metrics: Sequence[Any], accuracy: tasks.Measure | None, y: NDArray[Any], outputs: NDArray[Any]
) -> tuple[list[tuple[Figure, tasks.Measure]], list[str]]:
    """Split compile's metrics into figures, with their measures, and the names of those that are no means.

    y (n, ...) and outputs (n, ...) are the first examples', on which each is tried.
    """
    figures: list[tuple[Figure, tasks.Measure]] = []
    others = []
    for metric in metrics:
        name, function, better = _described(metric, accuracy)
        if function is None or not _is_by_example(function, y, outputs):
            others.append(name)
        else:
            share = "accuracy" in name
            figures.append((Figure(name, "", "higher" if share else better, is_share=share), function))
    return figures, others


def weighted(make: Callable[[], Any], weight: float) -> Callable[[], Any]:
    """Return what makes a loss that is multiplied by a weight, as `loss_weights` of Model.compile does."""
    import keras

    if weight == 1:
        return make

    class Weighted(keras.losses.Loss):  # type: ignore[misc]  # Keras carries no types
        """A loss times its weight."""

        def __init__(self, loss: Any) -> None:
            super().__init__(name=loss.name)
            self.loss = loss

        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return weight * self.loss(y_true, y_pred, sample_weight)

        def get_config(self) -> dict[str, Any]:
            return {"weight": weight, "loss": self.loss.get_config()}

    return lambda: Weighted(make())


def _described(metric: Any, accuracy: tasks.Measure | None) -> tuple[str, tasks.Measure | None, Any]:
    """Return a metric's name, what measures it for each example if it is a mean over them, and its direction."""
    import keras

    word = metric if isinstance(metric, str) else getattr(metric, "name", None) or getattr(metric, "__name__", "")
    name = re.sub(r"\W+", "_", tasks.snake_case(word or type(metric).__name__))
    if isinstance(metric, str):
        if name in ACCURACIES:
            return "accuracy", accuracy, "higher"
        try:
            metric = keras.metrics.get(metric)
        except ValueError as error:
            raise BadConfig(f"Unknown metric {word!r} in compile.", "Use a name of keras.metrics.") from error
    better: Any = DIRECTIONS.get(getattr(metric, "_direction", None) or "", _usual_direction(name))
    if isinstance(metric, keras.metrics.MeanMetricWrapper):
        if type(metric).update_state is not keras.metrics.MeanMetricWrapper.update_state:
            return name, None, better
        function, options = metric._fn, metric._fn_kwargs
        return name, lambda y, outputs: tasks.mean_of_positions(function(y, outputs, **options), outputs), better
    if callable(metric) and not isinstance(metric, keras.metrics.Metric | keras.losses.Loss):
        return name, lambda y, outputs: tasks.mean_of_positions(metric(y, outputs), outputs), better
    return name, None, better


def _usual_direction(name: str) -> str:
    """Return what is better of a metric that does not say so itself; "neither" if its name does not tell."""
    return {True: "higher", False: "lower", None: "neither"}[higher_is_better(name)]


def _is_by_example(function: tasks.Measure, y: NDArray[Any], outputs: NDArray[Any]) -> bool:
    """Return whether a function answers with a number for each example, and not with one for all of them."""
    import keras

    targets, found = keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(outputs)
    halves = [slice(len(y) // 2), slice(len(y) // 2, None)] if len(y) > 1 else [slice(None)]
    try:
        whole = np.asarray(function(targets, found))
        parts = [np.asarray(function(targets[each], found[each])) for each in halves]
    except Exception:  # whatever a function of the user's raises: it is named as not measured
        return False
    return whole.shape == (len(y),) and np.allclose(np.concatenate(parts), whole, rtol=1e-4, equal_nan=True)


def _only(given: Any, who: str, what: str) -> Any:
    """Return the one entry of what may be a list or a dict by output. Raises BadConfig for more."""
    entries = [each for each in _flat([given]) if each is not None]
    if len(entries) > 1:
        raise BadConfig(f"{who} {len(entries)} {what}; lrbench trains one output.", f"Give one of the {what}.")
    return entries[0] if entries else None


def _flat(given: Any) -> list[Any]:
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list | tuple):
        return [one for each in given for one in _flat(each)]
    return [] if given is None else [given]
