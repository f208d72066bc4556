"""Problems by name: data, model, loss, metric. TensorFlow is imported inside functions only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.datasets import MNIST, DataSet
from lrbench.errors import BadConfig, nearest


@dataclass(frozen=True, slots=True)
class Problem:
    """What is trained. The loss is the cross-entropy of the model's logits, the metric their accuracy."""

    name: str
    dataset: DataSet
    model: Callable[
        [int], Any
    ]  # units of the hidden layer -> keras.Model: uint8 (n, 28, 28) -> logits (n, classes)
    title: Callable[[int], str]


def _two_layers(hidden: int) -> Any:
    """784-hidden(ReLU)-10 logits: Glorot uniform weights, zero biases, as in the tutorials.

    Pixels are scaled to 0..1 inside the model, so the data stay the bytes that they are.
    """
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(10),
        ]
    )


PROBLEMS = {
    "mnist": Problem(
        name="mnist",
        dataset=MNIST,
        model=_two_layers,
        title=lambda hidden: f"MNIST 784-{hidden}-10",
    )
}


def find(name: str) -> Problem:
    """Return the problem of that name. Raises BadConfig."""
    if name not in PROBLEMS:
        raise BadConfig(f"There is no problem called {name!r}.", nearest(name, PROBLEMS))
    return PROBLEMS[name]


def initial_weights(build: Callable[[], Any], seed: int) -> list[NDArray[Any]]:
    """Return the values that a fresh model's variables have for a seed, random-generator states included.

    Keras draws them from the process's global seed, so one thread at a time may call this.
    """
    import keras

    keras.utils.set_random_seed(seed)
    return [np.asarray(variable) for variable in build().variables]
