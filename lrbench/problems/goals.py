"""What a model is to learn, told from its outputs and the targets: classes or numbers, loss and figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig
from lrbench.problems import tasks
from lrbench.problems.arrays import Data, shape
from lrbench.runs import Figure

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The loss, the figures, and how they were told."""

    loss: Callable[[], Any]  # makes a keras.losses.Loss
    figures: tuple[Figure, ...]  # the loss first
    measures: tuple[tasks.Measure, ...]  # of those after the loss
    classes: int  # how many outputs tell classes apart; 0: these are numbers
    note: str  # for people

    @property
    def has_classes(self) -> bool:
        return self.classes > 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the targets are."""

    what: str  # "10 classes (labels are whole numbers 0 to 9)"
    loss: str  # the name of Keras's loss
    classes: int
    accuracy: tasks.Measure | None
    of: str = ""  # what the loss is of: "logits", "probabilities"


def tell(model: Any, outputs: Outputs, data: Data, loss: Any, metric: str | None, name: str) -> Goal:
    """Tell the goal of a model from its outputs (n, ...) on the first examples and from all training targets.

    A loss that is given, or that the model is compiled with, is taken instead of the one that the targets ask for.
    Raises BadConfig.
    """
    kind = _kind(model, outputs, data, name)
    compiled = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    if loss is not None:
        make, said = _given(loss, kind)
    elif compiled is not None:
        make, said = _given(compiled, None)
        said += f", which {name} compiles with"
    else:
        of = f" of {kind.of}" if kind.of else ""
        make, said = tasks.loss_by_name(kind.loss, kind.of == "logits"), kind.loss.replace("_", " ") + of
    figure, measure = tasks.measure_by_name(metric or ("accuracy" if kind.accuracy else "mae"), kind.accuracy)
    is_share = figure == "accuracy"
    figures = [Figure("loss", "nats" if "crossentropy" in said.replace(" ", "") else "", "lower")]
    measures = []
    figures.append(Figure(figure, "", "higher" if is_share else "lower", is_share=is_share))
    measures.append(measure)
    note = f"{data.name}: {kind.what}; the loss is {said}; {figure.replace('_', ' ')} is measured beside it."
    return Goal(loss=make, figures=tuple(figures), measures=tuple(measures), classes=kind.classes, note=note)


def _kind(model: Any, outputs: Outputs, data: Data, name: str) -> _Kind:
    y = data.splits.train.y
    units = outputs.shape[-1] if outputs.ndim > 1 else 1
    if data.has_classes and outputs.ndim == 2 and units > 1:
        what = f"classification, labels are whole numbers {y.min()} to {y.max()}"
        of = _scale(model, outputs)
        return _Kind(what, "sparse_categorical_crossentropy", units, tasks.is_right, of)
    if data.has_classes and units == 1 and set(np.unique(y)) <= {0, 1}:
        of = _scale(model, outputs)
        threshold = 0.0 if of == "logits" else 0.5
        what = "classification, labels are 0 and 1"
        return _Kind(what, "binary_crossentropy", 2, tasks.is_right_above(threshold), of)
    if outputs.shape[1:] == y.shape[1:] and units > 1 and is_one_hot(y):
        of = _scale(model, outputs)
        what = f"classification, targets are one-hot of {units} classes"
        return _Kind(what, "categorical_crossentropy", units, tasks.is_right_of_one_hot, of)
    if outputs.shape[1:] in (y.shape[1:], (*y.shape[1:], 1)):
        whole = ", all of them whole" if data.has_classes else ""
        if not data.has_classes and np.isin(y, (0, 1)).all():
            whole = " (0 and 1 as floats; whole numbers would be classes)"
        return _Kind(f"regression, targets are numbers{whole}", "mean_squared_error", 0, None)
    raise BadConfig(
        f"{name} answers an example with shape {outputs.shape[1:]}; a target of {data.name} is {shape(y)}.",
        "Give the last layer one unit for each number or class; classes are whole numbers, y.astype(int).",
    )


def is_one_hot(y: NDArray[Any]) -> bool:
    """Whether each row of targets is 1 for one class and 0 for the others."""
    return bool(y.ndim == 2 and ((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all())


def _scale(model: Any, outputs: Outputs) -> str:
    """Tell logits from probabilities: by the last activation where it is known, else by the outputs themselves."""
    activation = _last_activation(model)
    if activation is not None:
        return "probabilities" if activation in ("softmax", "sigmoid") else "logits"
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    sums = np.abs(outputs.sum(-1) - 1) < 1e-3 if outputs.shape[-1] > 1 else np.array([True])
    return "probabilities" if inside and bool(sums.all()) else "logits"


def _last_activation(model: Any) -> str | None:
    """Return the name of what makes a model's outputs; None where it does not say."""
    outputs = getattr(model, "outputs", None)
    if not outputs:  # a class of the user's calls its layers in its own order
        return None
    last = outputs[0]._keras_history.operation
    if hasattr(last, "layers") and getattr(last, "outputs", None):
        return _last_activation(last)
    kind = type(last).__name__
    if kind in ("Softmax", "Sigmoid"):  # a layer, or one of keras.ops
        return kind.lower()
    if not hasattr(last, "activation"):
        return None
    return getattr(last.activation, "__name__", None)


def _given(loss: Any, kind: _Kind | None) -> tuple[Callable[[], Any], str]:
    """Return what makes a loss that the user named or wrote, and what it is called.

    `kind` is None where Model.fit would take it as it is: a cross-entropy by name is then of probabilities.
    """
    import keras

    if isinstance(loss, str):
        from_logits = kind is not None and kind.of == "logits"
        of = f" of {'logits' if from_logits else 'probabilities'}" if "crossentropy" in loss else ""
        return tasks.loss_by_name(loss, from_logits), tasks.SHORT.get(loss, loss).replace("_", " ") + of
    if isinstance(loss, keras.losses.Loss):
        if loss.reduction not in ("sum_over_batch_size", "mean"):
            raise BadConfig(
                f"The loss {loss.name} has the reduction {loss.reduction!r}; its mean over a batch is wanted.",
                'Make it with reduction="sum_over_batch_size".',
            )
        return lambda: tasks.loss_of_users(loss), loss.name.replace("_", " ")
    if callable(loss):
        named = getattr(loss, "__name__", type(loss).__name__)
        return lambda: tasks.loss_of_users(loss), named
    raise BadConfig(
        f"loss={loss!r} is no loss.", "Give a name, a keras.losses.Loss, or a function(targets, outputs)."
    )
