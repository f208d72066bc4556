"""A model and data for every kind of targets that lrbench tells apart: what a user would bring for each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
EXAMPLES, INPUTS, TIMES = 96, 6, 5
RNG = np.random.default_rng(11)
X = RNG.normal(size=(EXAMPLES, INPUTS)).astype(np.float32)
STEPS = RNG.normal(size=(EXAMPLES, TIMES, INPUTS)).astype(np.float32)
TRUTH = X @ RNG.normal(size=(INPUTS, 3)).astype(np.float32)
TRUTHS = STEPS @ RNG.normal(size=(INPUTS, 3)).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind's example."""

    kind: str  # the name in lrbench.problems.kinds.KINDS
    layers: str  # the model's layers behind its input, as Python
    x: Array
    y: Array
    loss: tuple[str, dict[str, Any]]  # the class of keras.losses that Model.fit needs, and its options
    metric: tuple[str, dict[str, Any]]  # the same of keras.metrics
    shape: tuple[int, ...] = (INPUTS,)

    @property
    def module(self) -> str:
        """The file that a user would write."""
        return (
            "import keras\nfrom keras import layers\n\n"
            f"def make():\n    return keras.Sequential([keras.Input({self.shape}), {self.layers}])\n"
        )

    @property
    def make(self) -> Callable[[], Any]:
        names: dict[str, Any] = {}
        exec(self.module, names)
        made: Callable[[], Any] = names["make"]
        return made

    def written(self, folder: Path) -> list[str]:
        """Write the file and the data; return what a command is told to find them by."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "own.py").write_text(self.module)
        np.savez(folder / "data.npz", x_train=self.x, y_train=self.y)
        return ["--problem", f"{folder / 'own.py'}:make", "--data", str(folder / "data.npz")]


CASES = {
    "classes": Case(
        kind="classes",
        layers="layers.Dense(8, activation='tanh'), layers.Dense(3, activation='softmax')",
        x=X,
        y=TRUTH.argmax(-1),
        loss=("SparseCategoricalCrossentropy", {}),
        metric=("SparseCategoricalAccuracy", {}),
    ),
    "tagger": Case(
        kind="a class for each position",
        layers="layers.Dense(3)",
        x=STEPS,
        y=TRUTHS.argmax(-1),
        loss=("SparseCategoricalCrossentropy", {"from_logits": True}),
        metric=("SparseCategoricalAccuracy", {}),
        shape=(TIMES, INPUTS),
    ),
    "segmentation": Case(
        kind="a class for each position",
        layers="layers.Reshape((5, 6, 1)), layers.Conv2D(3, 2, padding='same', activation='softmax')",
        x=STEPS,
        y=(STEPS[..., None] > 0).astype(np.uint8) + (STEPS[..., None] > 1),
        loss=("SparseCategoricalCrossentropy", {}),
        metric=("SparseCategoricalAccuracy", {}),
        shape=(TIMES, INPUTS),
    ),
    "one-hot": Case(
        kind="one-hot classes",
        layers="layers.Dense(3, activation='softmax')",
        x=X,
        y=np.eye(3)[TRUTH.argmax(-1)],
        loss=("CategoricalCrossentropy", {}),
        metric=("CategoricalAccuracy", {}),
    ),
    "one-hot steps": Case(
        kind="one-hot classes for each position",
        layers="layers.Dense(3, activation='softmax')",
        x=STEPS,
        y=np.eye(3, dtype=int)[TRUTHS.argmax(-1)],
        loss=("CategoricalCrossentropy", {}),
        metric=("CategoricalAccuracy", {}),
        shape=(TIMES, INPUTS),
    ),
    "two classes": Case(
        kind="two classes",
        layers="layers.Dense(1)",
        x=X,
        y=TRUTH[:, 0] > 0,
        loss=("BinaryCrossentropy", {"from_logits": True}),
        metric=("BinaryAccuracy", {"threshold": 0.0}),
    ),
    "two classes as floats": Case(
        kind="two classes",
        layers="layers.Dense(1, activation='sigmoid')",
        x=X,
        y=(TRUTH[:, 0] > 0).astype(float),
        loss=("BinaryCrossentropy", {}),
        metric=("BinaryAccuracy", {}),
    ),
    "multi-label": Case(
        kind="several labels",
        layers="layers.Dense(3, activation='sigmoid')",
        x=X,
        y=(TRUTH > 0).astype(np.float32),
        loss=("BinaryCrossentropy", {}),
        metric=("BinaryAccuracy", {}),
    ),
    "mask": Case(
        kind="several labels",
        layers="layers.Dense(1)",
        x=STEPS,
        y=(TRUTHS[..., 0] > 0).astype(int),
        loss=("BinaryCrossentropy", {"from_logits": True}),
        metric=("BinaryAccuracy", {"threshold": 0.0}),
        shape=(TIMES, INPUTS),
    ),
    "number": Case(
        kind="numbers",
        layers="layers.Dense(1)",
        x=X,
        y=TRUTH[:, 0],
        loss=("MeanSquaredError", {}),
        metric=("MeanAbsoluteError", {}),
    ),
    "numbers": Case(
        kind="numbers",
        layers="layers.Dense(3)",
        x=X,
        y=TRUTH,
        loss=("MeanSquaredError", {}),
        metric=("MeanAbsoluteError", {}),
    ),
    "autoencoder": Case(
        kind="numbers",
        layers="layers.Dense(2, activation='tanh'), layers.Dense(6)",
        x=STEPS,
        y=STEPS,
        loss=("MeanSquaredError", {}),
        metric=("MeanAbsoluteError", {}),
        shape=(TIMES, INPUTS),
    ),
}
