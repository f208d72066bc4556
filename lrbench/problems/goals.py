"""What a model is to learn, told from its outputs and the targets: classes or numbers, loss and figures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig
from lrbench.problems import tasks
from lrbench.problems.arrays import Data, shape
from lrbench.problems.base import Examples
from lrbench.problems.compile_arguments import compile_arguments, measurable, weighted
from lrbench.problems.kinds import Evidence, Kind, is_binary, is_one_hot, kind_of
from lrbench.runs import Figure

Outputs = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The loss, the figures, and how they were told."""

    kind: Kind
    loss: Callable[[], Any]  # makes a keras.losses.Loss
    figures: tuple[Figure, ...]  # the loss first
    measures: tuple[tasks.Measure, ...]  # of those after the loss
    classes: int  # how many classes a target can name; 0: these are numbers
    notes: tuple[str, ...]  # for people

    @property
    def has_classes(self) -> bool:
        return self.classes > 0


def tell(model: Any, outputs: Outputs, data: Data, loss: Any, metric: str | None, name: str) -> Goal:
    """Tell the goal of a model from its outputs (n, ...) on the first examples and from all training targets.

    A loss that is given, or that the model is compiled with, is taken instead of the one that the targets ask for;
    metrics that it is compiled with are figures if they are means over examples. Raises BadConfig.
    """
    y = data.splits.train.y
    compiled = compile_arguments(model, name)
    chosen = compiled.loss if loss is None else loss
    evidence = Evidence(y=y, outputs=outputs, activation=_last_activation(model), loss=_loss_name(chosen))
    kind = kind_of(evidence)
    if kind is None:
        raise BadConfig(
            f"{name} outputs shape {outputs.shape[1:]} per example, but the targets of {data.name} have shape "
            f"{shape(y)}.",
            "Expected one unit for each number of a target, or for each class if targets are whole numbers "
            "(y.astype(int)) or one-hot.",
        )
    scale = kind.scale(evidence)
    if kind.accuracy and _loss_name(chosen) in ("crossentropy", "ce"):  # Keras's words for the one that fits
        chosen, loss = kind.loss, loss and kind.loss
    if chosen is None:
        of = f" of {scale}" if scale else ""
        make, said = tasks.loss_by_name(kind.loss, scale == "logits"), kind.loss.replace("_", " ") + of
    elif loss is not None:
        make, said = _given(loss, scale == "logits")
    else:
        make, said = _given(chosen, False)  # as Model.fit takes it: by name, a cross-entropy is of probabilities
        make = weighted(make, compiled.weight)
        times = "" if compiled.weight == 1 else f" times {compiled.weight:g}"
        said += f"{times}, which {name} compiles with"
    figures, measures = _figures(metric, kind, scale, said)
    extra, others = measurable(
        compiled.metrics, measures[0] if kind.accuracy else None, y[: len(outputs)], outputs
    )
    for figure, measure in extra:
        if figure.name not in [each.name for each in figures]:
            figures.append(figure)
            measures.append(measure)
    beside = " and ".join(figure.title for figure in figures[1:])
    verb = "is" if len(figures) == 2 else "are"
    notes = [f"{data.name}: {kind.words(y)}; the loss is {said}; {beside} {verb} measured beside it."]
    if others:
        notes.append(f"{name} compiles with {', '.join(others)}, left out: no mean over examples.")
    return Goal(
        kind=kind,
        loss=make,
        figures=tuple(figures),
        measures=tuple(measures),
        classes=kind.classes(evidence.units),
        notes=tuple(notes),
    )


def check_targets(goal: Goal, part: str, examples: Examples, data: Data, name: str) -> None:
    """Raise BadConfig unless the targets of a split ("train", "val", "test") are of the goal's kind."""
    if not goal.classes:
        return
    y, train = examples.y, data.splits.train.y
    one_hot = not goal.kind.two_classes and y.shape[1:] != () and y.shape[-1] == goal.classes
    if np.issubdtype(train.dtype, np.integer) and not (one_hot and is_one_hot(train)):
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= goal.classes:
            raise BadConfig(
                f"The labels y_{part} of {data.name} go from {low} to {high}; {name} tells classes "
                f"0 to {goal.classes - 1} apart.",
                "Number the classes from 0."
                if low < 0
                else f"Give the last layer {high + 1} units, or number the classes from 0.",
            )
    elif one_hot and is_one_hot(train) and not is_one_hot(y):
        raise BadConfig(f"y_{part} of {data.name} is not one-hot, as y_train is.", "Give all of them one kind.")
    elif goal.kind.two_classes and not is_binary(y):
        raise BadConfig(
            f"y_{part} of {data.name} has values other than 0 and 1, unlike y_train.", "Give all of them one kind."
        )


def _figures(metric: str | None, kind: Kind, scale: str, loss: str) -> tuple[list[Figure], list[tasks.Measure]]:
    """Return the loss and the figure that runs are compared by, and what measures the latter."""
    accuracy = kind.accuracy(scale) if kind.accuracy else None
    name, measure = tasks.measure_by_name(metric or ("accuracy" if accuracy else "mae"), accuracy)
    is_share = name == "accuracy"
    nats = "crossentropy" in loss.replace(" ", "")
    compared = Figure(name, "", "higher" if is_share else "lower", is_share=is_share)
    return [Figure("loss", "nats" if nats else "", "lower"), compared], [measure]


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


def _loss_name(loss: Any) -> str:
    """Return the snake-case name of a loss, however it is given; "" for none."""
    if loss is None:
        return ""
    word = loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
    return tasks.snake_case(word)


def _given(loss: Any, from_logits: bool) -> tuple[Callable[[], Any], str]:
    """Return what makes a loss that the user named or wrote, and what it is called.

    `from_logits`: what a cross-entropy that is given by name is of.
    """
    import keras

    if isinstance(loss, str):
        name = tasks.snake_case(loss)
        of = f" of {'logits' if from_logits else 'probabilities'}" if "crossentropy" in name else ""
        return tasks.loss_by_name(loss, from_logits), name.replace("_", " ") + of
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
