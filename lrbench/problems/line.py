"""The first example of many tutorials: four points on the line y = 2x + 1, one weight, one bias."""

import hashlib
from typing import Any

import numpy as np

from lrbench.problems.base import Examples, Problem, Splits, problem
from lrbench.problems.tasks import absolute_error, mean_prediction
from lrbench.runs import Figure, Subject

POINTS = {"train": (1.0, 2.0, 3.0, 4.0), "val": (1.5, 2.5, 3.5), "test": (5.0,)}  # x


@problem("line")
def line() -> Problem:
    """Dense(1) on four points of y = 2x + 1, mean squared error; validated between them, tested at x = 5.

    Gradient descent on all four points diverges at rates above 0.119, and is quickest near it. The test's figures
    are those of one point, so `test_prediction` is the prediction at x = 5, where 11 is right.
    """
    return Problem(
        subject=Subject(
            spec="line",
            title="y = 2x + 1",
            noun="points",
            figures=(
                Figure("loss", "", "lower"),
                Figure("mean_absolute_error", "", "lower"),
                Figure("prediction", "", "neither"),
            ),
            examples=len(POINTS["train"]),
            validation=len(POINTS["val"]),
            data_sha256=hashlib.sha256(repr(POINTS).encode()).hexdigest(),
        ),
        load=lambda: Splits(*(_on_line(*xs) for xs in POINTS.values())),
        model=_one_weight,
        loss=_mean_squared_error,
        measures=(absolute_error, mean_prediction),
    )


def _on_line(*xs: float) -> Examples:
    x = np.array(xs, np.float32)
    return Examples(x[:, None], 2 * x + 1)


def _one_weight() -> Any:
    import keras

    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])


def _mean_squared_error() -> Any:
    import keras

    return keras.losses.MeanSquaredError()
