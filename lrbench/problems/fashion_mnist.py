"""Fashion-MNIST (Xiao et al. 2017): ten kinds of clothes in MNIST's shape. The data do not come with lrbench."""

import os
from pathlib import Path

from lrbench.problems.base import Problem, problem
from lrbench.problems.idx import DataSet, File
from lrbench.problems.images import Activation, dense, dense_words, image_problem

KERAS_CACHE = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets" / "fashion-mnist"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")

FASHION_MNIST = DataSet(
    name="fashion-mnist",
    folders=(KERAS_CACHE, DEBIAN),
    train_x=File(  # Debian has packed the files again: what is in them is checked
        "train-images-idx3-ubyte.gz",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        (60_000, 28, 28),
        unpacked=True,
    ),
    train_y=File(
        "train-labels-idx1-ubyte.gz",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        (60_000,),
        unpacked=True,
    ),
    test_x=File(
        "t10k-images-idx3-ubyte.gz",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        (10_000, 28, 28),
        unpacked=True,
    ),
    test_y=File(
        "t10k-labels-idx1-ubyte.gz",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        (10_000,),
        unpacked=True,
    ),
    how_to_get=(
        "Where there is internet: `apt-get install dataset-fashion-mnist`, or `python -c 'import keras; "
        "keras.datasets.fashion_mnist.load_data()'`. Or name a folder that has the four files: data_dir=PATH"
    ),
)


@problem("fashion-mnist")
def fashion_mnist(
    *, hidden: tuple[int, ...] = (128,), activation: Activation = "relu", data_dir: Path | None = None
) -> Problem:
    """784-hidden(ReLU)-10 on all of Fashion-MNIST, cross-entropy of the logits, stratified splits.

    `data_dir`: a folder to look for the files in first. Raises BadConfig where no folder has them.
    """
    folders = [data_dir] if data_dir else []
    FASHION_MNIST.find(folders)  # before anything is trained
    words, layers = dense_words(hidden, activation)
    return image_problem(
        FASHION_MNIST,
        f"fashion-mnist({words})",
        f"Fashion-MNIST {layers}",
        lambda: dense(hidden, activation),
        folders,
    )
