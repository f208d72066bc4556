"""MNIST with a two-layer dense model: where a newcomer starts. The data come with lrbench."""

from pathlib import Path

from lrbench.problems.base import Problem, problem
from lrbench.problems.idx import DataSet, File
from lrbench.problems.images import Activation, dense, dense_words, image_problem

MNIST = DataSet(
    name="mnist",
    folders=(Path(__file__).parent.parent / "data" / "mnist",),
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
    how_to_get="Install lrbench again: its own copy of mnist must be whole.",
)


@problem("mnist")
def mnist(*, hidden: tuple[int, ...] = (128,), activation: Activation = "relu") -> Problem:
    """784-hidden(ReLU)-10 on all of MNIST, cross-entropy of the logits, stratified splits. Raises BadConfig."""
    words, layers = dense_words(hidden, activation)
    return image_problem(MNIST, f"mnist({words})", f"MNIST {layers}", lambda: dense(hidden, activation))
