"""`lrbench` with one more problem, `noisy`: Dropout and BatchNormalization, so random and moving state."""

from typing import Any

from lrbench.cli import main
from lrbench.problems.base import Problem, problem
from lrbench.problems.images import FIGURES
from lrbench.problems.mnist import MNIST
from lrbench.problems.tasks import cross_entropy, is_right
from lrbench.runs import Subject


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


@problem("noisy")
def noisy(*, hidden: int = 128) -> Problem:
    """MNIST again, on another model."""
    return Problem(
        subject=Subject(
            spec=f"noisy(hidden={hidden})",
            title=f"noisy MNIST 784-{hidden}-10",
            noun="images",
            figures=FIGURES,
            examples=MNIST.train_examples,
            data_sha256=MNIST.sha256,
        ),
        load=MNIST.load,
        model=lambda: model(hidden),
        loss=cross_entropy,
        measures=(is_right,),
        stratify=True,
    )


if __name__ == "__main__":
    main()
