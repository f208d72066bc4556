"""What a user's model does, as a digest: the same whatever its file is called and however it is written."""

import math
from typing import Any

import numpy as np

from lrbench.files import digest
from lrbench.problems.base import Examples

FIRST_BATCH = 32  # examples
DIGITS = 3  # significant ones of a loss: other processors compute the same ones, other models hardly do


def fingerprint(model: Any, loss: Any, figures: list[str], first: Examples) -> str:
    """Return the sha256 of what decides the numbers of a model as it was made for seed 0.

    That is the configuration of its layers, its initial weights, the loss on the first examples in evaluation and
    in training, and what is measured. Names that Keras counts up (`dense_3`) are no part of it, nor is the last
    digit that another processor may see otherwise.
    """
    weights = [
        [list(array.shape), str(array.dtype), *(_rounded(total, 5) for total in _sums(array))]
        for array in (np.asarray(variable) for variable in model.variables)
    ]
    return digest(
        {
            "layers": _unnamed(_configuration(model)),
            "weights": weights,
            "loss": _configuration(loss),
            "first_losses": [
                _rounded(first_loss(model, loss, first, training), DIGITS) for training in (False, True)
            ],
            "figures": figures,
        }
    )


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
    """Return Keras's description of a model or loss as JSON values; without one, the name of its class."""
    try:
        described = what.get_config()
        digest(described)
    except Exception:  # whatever a class of the user's raises, or holds that is no JSON
        described = None
    return [type(what).__name__, described]


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
