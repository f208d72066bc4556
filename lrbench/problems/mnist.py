"""MNIST with a two-layer dense model: where a newcomer starts. The data come with lrbench."""

from pathlib import Path
from typing import Any

from lrbench.errors import BadConfig
from lrbench.problems.base import Problem, problem
from lrbench.problems.idx import DataSet, File
from lrbench.runs import Figure, Subject

MNIST = DataSet(
    name="mnist",
    folder=Path(__file__).parent.parent / "data" / "mnist",
    train_x=File(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        (60_000, 28, 28),
    ),
    train_y=File(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        (60_000,),
    ),
    test_x=File(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        (10_000, 28, 28),
    ),
    test_y=File(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        (10_000,),
    ),
)
FIGURES = (Figure("loss", "nats", "lower"), Figure("accuracy", "", "higher", is_share=True))


@problem("mnist")
def mnist(*, hidden: int = 128) -> Problem:
    """784-hidden(ReLU)-10 on all of MNIST, cross-entropy of the logits, stratified splits. Raises BadConfig."""
    if not 1 <= hidden <= MOST_UNITS:
        raise BadConfig(
            f"hidden={hidden} is no width of a layer.", f"Choose from 1 to {MOST_UNITS:,}: hidden=128."
        )
    return Problem(
        subject=Subject(
            spec=f"mnist(hidden={hidden})",
            title=f"MNIST 784-{hidden}-10",
            noun="images",
            figures=FIGURES,
            examples=MNIST.train_examples,
            data_sha256=MNIST.sha256,
        ),
        load=MNIST.load,
        model=lambda: _two_layers(hidden),
        loss=cross_entropy,
        measures=(is_right,),
        stratify=True,
    )


MOST_UNITS = 10**9  # of a layer; the machine's memory ends before


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


def cross_entropy() -> Any:
    """Return the mean cross-entropy, in nats, of logits (n, classes) with labels (n,)."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def is_right(labels: Any, logits: Any) -> Any:
    """Return 1 where the largest logit is the label's, else 0: (n,), (n, classes) -> float32 (n,)."""
    import tensorflow as tf

    return tf.cast(tf.argmax(logits, -1, output_type=tf.int32) == tf.cast(labels, tf.int32), tf.float32)
