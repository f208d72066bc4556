"""The kinds of targets: how each is recognised, and the loss and the accuracy that fit it.

The first kind that fits is taken. `tests/real/test_kinds.py` trains each of them, in every engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.problems import tasks

Array = NDArray[Any]
CROSSENTROPIES = {  # what people call a loss that reads 0 and 1 as classes
    "binary": ("binary_crossentropy", "binary_focal_crossentropy"),
    "one-hot": ("categorical_crossentropy", "categorical_focal_crossentropy"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the kind of targets is told from."""

    y: Array  # all training targets: (n, ...)
    outputs: Array  # float32 (m, ...), the model's on its first examples
    activation: str | None  # the one that makes the outputs; None: unknown
    loss: str = ""  # the snake-case name of the loss that is given or compiled with, if any

    @property
    def units(self) -> int:
        """The size of the outputs' last axis."""
        return self.outputs.shape[-1] if self.outputs.ndim > 1 else 1

    @property
    def is_whole(self) -> bool:
        return bool(np.issubdtype(self.y.dtype, np.integer))

    @property
    def is_elementwise(self) -> bool:
        """Whether there is one output for each number of a target, a last axis of 1 left out."""
        return self.outputs.shape[1:] in (self.y.shape[1:], (*self.y.shape[1:], 1))

    @property
    def is_a_class_each(self) -> bool:
        """Whether a target holds one whole number where the outputs hold several."""
        shape = self.y.shape[1:]
        positions = self.outputs.shape[1:-1]
        return self.is_whole and self.units > 1 and shape in (positions, (*positions, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of targets."""

    name: str
    fits: Callable[[Evidence], bool]
    words: Callable[[Array], str]  # of all training targets, for people
    loss: str  # the name of Keras's loss
    accuracy: Callable[[str], tasks.Measure] | None = (
        None  # of "logits" or "probabilities"; None: errors are measured
    )
    sums_to_one: bool = False  # the probabilities of the outputs' last axis
    two_classes: bool = False  # targets are 0 or 1; otherwise the outputs' last axis tells classes apart

    def classes(self, units: int) -> int:
        """Return how many classes a target can name; 0 for numbers."""
        if self.accuracy is None:
            return 0
        return 2 if self.two_classes else units

    def scale(self, evidence: Evidence) -> str:
        """Tell "logits" from "probabilities": by the last activation if it is known, else by the outputs.

        Numbers have neither: "".
        """
        if self.accuracy is None:
            return ""
        if evidence.activation is not None:
            return "probabilities" if evidence.activation in ("softmax", "sigmoid") else "logits"
        return "probabilities" if _are_shares(evidence.outputs, self.sums_to_one) else "logits"


def kind_of(evidence: Evidence) -> Kind | None:
    """Return the first kind that fits; None if targets and outputs do not go together."""
    return next((kind for kind in KINDS if kind.fits(evidence)), None)


def is_one_hot(y: Array) -> bool:
    """Return whether targets (n, ..., classes) are 1 for one class of the last axis and 0 for the others."""
    return bool(y.ndim > 1 and is_binary(y) and (y.sum(-1) == 1).all())


def is_binary(y: Array) -> bool:
    """Return whether targets are 0 and 1, and nothing else."""
    return bool(((y == 0) | (y == 1)).all())


def _are_shares(outputs: Array, sum_to_one: bool) -> bool:
    """Return whether outputs lie in 0..1, and along the last axis sum to 1 if they should."""
    inside = bool(((outputs >= 0) & (outputs <= 1)).all())
    return inside and (not sum_to_one or bool((np.abs(outputs.sum(-1) - 1) < 1e-3).all()))


def _fits_one_hot(evidence: Evidence) -> bool:
    """Rows of shares are classes, too, for a loss that reads them so: label smoothing, mixed examples."""
    if evidence.units < 2 or evidence.outputs.shape[1:] != evidence.y.shape[1:]:
        return False
    if evidence.activation == "sigmoid" or evidence.loss in CROSSENTROPIES["binary"]:
        return False
    return evidence.loss in CROSSENTROPIES["one-hot"] or is_one_hot(evidence.y)


def _fits_binary(evidence: Evidence) -> bool:
    """Floats of 0 and 1 are classes only where the model or the loss says so."""
    if not (evidence.is_elementwise and is_binary(evidence.y)):
        return False
    ends_in_shares = evidence.activation == "sigmoid" or (
        evidence.activation is None and _are_shares(evidence.outputs, sum_to_one=False)
    )
    return evidence.is_whole or ends_in_shares or evidence.loss in CROSSENTROPIES["binary"]


def _numbers(y: Array) -> str:
    if np.issubdtype(y.dtype, np.integer):
        return "regression, targets are numbers, all of them whole"
    if is_binary(y):
        return "regression, targets are numbers (0 and 1 as floats; whole numbers would be classes)"
    return "regression, targets are numbers"


KINDS = (
    Kind(
        name="classes",
        fits=lambda evidence: evidence.is_a_class_each and evidence.outputs.ndim == 2,
        words=lambda y: f"classification, labels are whole numbers {y.min()} to {y.max()}",
        loss="sparse_categorical_crossentropy",
        accuracy=lambda scale: tasks.is_right,
        sums_to_one=True,
    ),
    Kind(
        name="a class for each position",
        fits=lambda evidence: evidence.is_a_class_each,
        words=lambda y: f"classification of each position, labels are whole numbers {y.min()} to {y.max()}",
        loss="sparse_categorical_crossentropy",
        accuracy=lambda scale: tasks.is_right,
        sums_to_one=True,
    ),
    Kind(
        name="one-hot classes",
        fits=lambda evidence: evidence.outputs.ndim == 2 and _fits_one_hot(evidence),
        words=lambda y: f"classification, targets are one-hot of {y.shape[-1]} classes",
        loss="categorical_crossentropy",
        accuracy=lambda scale: tasks.is_right_of_one_hot,
        sums_to_one=True,
    ),
    Kind(
        name="one-hot classes for each position",
        fits=_fits_one_hot,
        words=lambda y: f"classification of each position, targets are one-hot of {y.shape[-1]} classes",
        loss="categorical_crossentropy",
        accuracy=lambda scale: tasks.is_right_of_one_hot,
        sums_to_one=True,
    ),
    Kind(
        name="two classes",
        fits=lambda evidence: evidence.units == 1 and evidence.y.ndim == 1 and _fits_binary(evidence),
        words=lambda y: "classification, labels are 0 and 1",
        loss="binary_crossentropy",
        accuracy=tasks.is_on_the_right_side,
        two_classes=True,
    ),
    Kind(
        name="several labels",
        fits=_fits_binary,
        words=lambda y: f"classification, a target is {' x '.join(map(str, y.shape[1:]))} labels 0 or 1",
        loss="binary_crossentropy",
        accuracy=tasks.is_on_the_right_side,
        two_classes=True,
    ),
    Kind(
        name="numbers",
        fits=lambda evidence: evidence.is_elementwise,
        words=_numbers,
        loss="mean_squared_error",
    ),
)
