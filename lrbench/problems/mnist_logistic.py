"""MNIST with logistic regression: one dense layer, a convex problem, so that only the way down differs."""

from typing import Any

from lrbench.problems.base import Problem, problem
from lrbench.problems.images import image_problem
from lrbench.problems.mnist import MNIST


@problem("mnist-logistic")
def mnist_logistic() -> Problem:
    """784-10 on all of MNIST, cross-entropy of the logits, stratified splits."""
    return image_problem(MNIST, "mnist-logistic", "MNIST 784-10", _softmax_regression)


def _softmax_regression() -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
