"""`lrbench` with one more problem, `noisy`: Dropout and BatchNormalization, so random and moving state."""

from typing import Any

from lrbench.cli import main
from lrbench.datasets import MNIST
from lrbench.problems import PROBLEMS, Problem


def model(hidden: int) -> Any:
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10),
        ]
    )


PROBLEMS["noisy"] = Problem("noisy", MNIST, model, lambda hidden: f"noisy MNIST 784-{hidden}-10")

if __name__ == "__main__":
    main()
