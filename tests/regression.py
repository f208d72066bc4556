"""A problem that is nothing like MNIST: real numbers in and out, errors for figures, no classes, no images."""

from typing import Any

import numpy as np

from lrbench.problems.base import Examples, Problem, Splits
from lrbench.runs import Figure, Subject


def tides(*, harbours: int = 3) -> Problem:
    """The height of water, in metres, from the phases of three waves: 600 examples to train on, 200 to test."""
    return Problem(
        subject=Subject(
            spec=f"tides(harbours={harbours})",
            title=f"Tides of {harbours} harbours",
            noun="tides",
            figures=(Figure("loss", "m²", "lower"), Figure("mean_absolute_error", "m", "lower")),
            examples=600,
            data_sha256="0" * 64,
        ),
        load=lambda: Splits(_drawn(600, 1, harbours), None, _drawn(200, 2, harbours)),
        model=_linear,
        loss=_squared,
        measures=(lambda heights, found: abs(heights - found[:, 0]),),
    )


def _drawn(n: int, seed: int, harbours: int) -> Examples:
    phases = np.random.default_rng(seed).uniform(-1, 1, (n, 3)).astype(np.float32)
    return Examples(phases, (phases @ np.float32([1, -2, 0.5]) + harbours).astype(np.float32))


def _linear() -> Any:
    import keras

    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def _squared() -> Any:
    import keras

    return keras.losses.MeanSquaredError()
