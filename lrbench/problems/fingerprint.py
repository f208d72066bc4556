"""What a user's model does, as a digest: the same whatever its file is called and however it is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrbench.files import digest
from lrbench.problems.base import Examples

FIRST_BATCH = 32  # examples
STEPS = 2  # of plain gradient descent on them
RATE = 0.01  # of these
DIGITS = 3  # significant ones of a loss: other processors compute the same ones, other models hardly do
ELSEWHERE = {"module", "registered_name", "build_config", "compile_config"}  # of a configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a model was seen to be and to do."""

    record: Mapping[str, Any]  # as JSON values: what the fingerprint is made of
    losses: tuple[float, ...]  # on the first examples: in evaluation, in training, and before each small step

    @property
    def said(self) -> str:
        """The losses, for people."""
        return ", ".join(f"{loss:.6g}" for loss in self.losses)


def observe(model: Any, loss: Any, first: Examples) -> Observed:
    """Observe what decides the numbers of a model as it was made for seed 0.

    That is each of its layers with its configuration and what of it is trained, its initial weights, the loss on
    the first examples in evaluation, in training and after two small steps. Names that Keras counts up
    (`dense_3`), where the code stands and how it is written are no part of it, nor is the last digit that another
    processor may see otherwise. The model is trained on here, and of no other use afterwards.
    """
    layers = configurations(model)
    weights = [_weight(variable) for variable in model.variables]
    losses = [first_loss(model, loss, first, training) for training in (False, True)]
    for _ in range(STEPS):
        losses.append(_small_step(model, loss, first))
    record = {
        "layers": layers,
        "weights": weights,
        "loss": _unnamed(_configuration(loss)),
        "first_losses": [_rounded(each, DIGITS) for each in losses],
        "after": [_weight(variable)[3:] for variable in model.trainable_variables],
    }
    return Observed(record=record, losses=tuple(losses))


def fingerprint(observed: Observed, figures: list[str]) -> str:
    """Return the sha256 of what a model does and of what is measured of it."""
    return digest({**observed.record, "figures": figures})


def configurations(model: Any) -> Any:
    """Return the configurations of a model's layers as JSON values, without the names that Keras counts up."""
    return _unnamed([_configuration(layer) for layer in model._flatten_layers()])


def _weight(variable: Any) -> list[Any]:
    """Return what tells a variable from another, as JSON values: shape, type, whether it is trained, its size."""
    array = np.asarray(variable)
    return [list(array.shape), str(array.dtype), variable.trainable, *(_rounded(each, 4) for each in _sums(array))]


def _small_step(model: Any, loss: Any, first: Examples) -> float:
    """Train one step of plain gradient descent; return the loss before it."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(first.y, model(first.x, training=True))
        value = tf.add_n([value, *(tf.cast(each, value.dtype) for each in model.losses)])
    weights = model.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(value, weights), strict=True):
        if gradient is not None:
            weight.assign_sub(RATE * tf.cast(tf.convert_to_tensor(gradient), weight.dtype))
    return float(value)


def first_loss(model: Any, loss: Any, first: Examples, training: bool) -> float:
    """Return the loss of a model on a few examples, penalties of its layers included."""
    value = float(loss(first.y, model(first.x, training=training)))
    return value + sum(float(each) for each in model.losses)


def _sums(array: np.ndarray[Any, Any]) -> tuple[float, float]:
    values = np.abs(array.astype(np.float64))
    return float(values.sum()), float((values**2).sum())


def _rounded(value: float, digits: int) -> str:
    return f"{value:.{digits - 1}e}" if math.isfinite(value) else str(value)


def _configuration(what: Any) -> Any:
    """Return Keras's description of a layer or loss as JSON values; without one, what its attributes are."""
    try:
        described = what.get_config()
        digest(described)
    except Exception:  # whatever a class of the user's raises, or holds that is no JSON
        described = {
            key: value
            for key, value in sorted(vars(what).items())
            if not key.startswith("_") and isinstance(value, int | float | str | bool | None)
        }
    trains = [bool(each.trainable) for each in getattr(what, "variables", ())]
    return [type(what).__name__, _plain(described), trains]


def _plain(value: Any) -> Any:
    """Leave out where code stands, what stands elsewhere, and a lambda's bytes, which hold its line numbers."""
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            return "lambda"
        return {key: _plain(each) for key, each in value.items() if key not in ELSEWHERE}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _unnamed(configuration: Any) -> Any:
    """Replace the names of layers, which Keras counts up in a process, by the order in which they come."""
    names: dict[str, str] = {}

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            name = value.get("name")
            if isinstance(name, str):
                names.setdefault(name, f"#{len(names)}")
            for each in value.values():
                collect(each)
        elif isinstance(value, list | tuple):
            for each in value:
                collect(each)

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [replaced(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    collect(configuration)
    return replaced(configuration)
