"""What the problems with MNIST's shape share: 28x28 grey images of ten classes, models and figures for them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from lrbench.errors import BadConfig, nearest
from lrbench.problems.base import Problem
from lrbench.problems.idx import DataSet
from lrbench.problems.tasks import cross_entropy, is_right
from lrbench.runs import Figure, Subject

Activation = Literal["relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "linear"]
FIGURES = (Figure("loss", "nats", "lower"), Figure("accuracy", "", "higher", is_share=True))
MOST_UNITS = 10**9  # of a layer; the machine's memory ends before
MOST_LAYERS = 100


def image_problem(
    data: DataSet, spec: str, title: str, model: Callable[[], Any], folders: Sequence[Path] = (), **more: Any
) -> Problem:
    """Return the problem of telling ten classes of images apart: stratified splits, cross-entropy of the logits.

    `folders` are looked into before those of the data set, when it is loaded.
    """
    return Problem(
        subject=Subject(
            spec=spec,
            title=title,
            noun="images",
            figures=FIGURES,
            examples=data.train_examples,
            data_sha256=data.sha256,
        ),
        load=lambda: data.load(folders),
        model=model,
        loss=cross_entropy,
        measures=(is_right,),
        stratify=True,
        **more,
    )


def dense_words(hidden: tuple[int, ...], activation: str) -> tuple[str, str]:
    """Return a dense model's parameters as a spec has them, and its layers: `784-128-10`. Raises BadConfig.

    What is as it always was is not written, so that the identity of its runs stays what it was.
    """
    if activation not in get_args(Activation):
        raise BadConfig(
            f"activation={activation} is none that lrbench knows.", nearest(activation, get_args(Activation))
        )
    if not hidden or len(hidden) > MOST_LAYERS or not all(1 <= units <= MOST_UNITS for units in hidden):
        widths = ",".join(map(str, hidden))
        raise BadConfig(
            f"hidden={widths} is no width of a layer.",
            f"Choose from 1 to {MOST_UNITS:,}, one for each of at most {MOST_LAYERS} layers: hidden=128.",
        )
    other = "" if activation == "relu" else f", activation={activation}"
    layers = "-".join(map(str, (784, *hidden, 10)))
    return f"hidden={';'.join(map(str, hidden))}{other}", layers + (
        "" if activation == "relu" else f" {activation}"
    )


def dense(hidden: tuple[int, ...], activation: str) -> Any:
    """784-hidden-10 logits: Glorot uniform weights, zero biases, as in the tutorials.

    Pixels are scaled to 0..1 inside the model, so the data stay the bytes that they are.
    """
    import keras

    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            *(keras.layers.Dense(units, activation=activation) for units in hidden),
            keras.layers.Dense(10),
        ]
    )
