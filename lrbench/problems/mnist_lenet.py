"""MNIST with LeNet-5, the convolutional network that it became known with."""

from typing import Any

from lrbench.problems.base import Problem, problem
from lrbench.problems.images import image_problem
from lrbench.problems.mnist import MNIST


@problem("mnist-lenet")
def mnist_lenet() -> Problem:
    """LeNet-5 on all of MNIST, cross-entropy of the logits, stratified splits."""
    return image_problem(MNIST, "mnist-lenet", "MNIST LeNet-5", _lenet_5, prefers_graph=True)


def _lenet_5() -> Any:
    """Two convolutions with pooling, then 120-84-10: the layers of LeCun et al. 1998, as they are built today.

    tanh and average pooling are theirs; the output is a plain dense layer of logits, and C3 sees all maps of S2.
    """
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(6, 5, padding="same", activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Conv2D(16, 5, activation="tanh"),
            keras.layers.AveragePooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="tanh"),
            keras.layers.Dense(84, activation="tanh"),
            keras.layers.Dense(10),
        ]
    )
