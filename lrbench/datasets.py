"""Data sets by name: the embedded files, checked by sha256, and fixed splits of them. numpy only, no network."""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig, BadData

HERE = Path(__file__).parent / "data"
SPLIT_SEED = 20_200_607  # one fixed split for every run: seeds vary the training, never the data


@dataclass(frozen=True, slots=True)
class File:
    """One IDX file, gzipped: its name, sha256, the length of its header and the shape of what follows."""

    name: str
    sha256: str
    shape: tuple[int, ...]

    @property
    def header(self) -> bytes:
        """The IDX header: 0, 0, 8 (unsigned bytes), the number of axes, then each axis as a big-endian int32."""
        return bytes([0, 0, 8, len(self.shape)]) + np.array(self.shape, ">i4").tobytes()


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and labels: x uint8 (n, height, width), y uint8 (n,)."""

    x: NDArray[np.uint8]
    y: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(self.x[rows], self.y[rows])


@dataclass(frozen=True, slots=True)
class Splits:
    """What one setting trains on, validates on (None: nothing) and is tested on."""

    train: Examples
    val: Examples | None
    test: Examples


@dataclass(frozen=True, slots=True)
class DataSet:
    """A named data set: where its files lie, and what is known without reading them."""

    name: str
    folder: Path
    train_x: File
    train_y: File
    test_x: File
    test_y: File

    @property
    def train_examples(self) -> int:
        return self.train_y.shape[0]

    @property
    def sha256(self) -> str:
        """One fingerprint of all files."""
        files = (self.train_x, self.train_y, self.test_x, self.test_y)
        return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()

    def load(self) -> tuple[Examples, Examples]:
        """Read training and test examples from the four files. Raises BadData if one is damaged."""
        return (
            Examples(self._read(self.train_x), self._read(self.train_y)),
            Examples(self._read(self.test_x), self._read(self.test_y)),
        )

    def _read(self, file: File) -> NDArray[np.uint8]:
        path = self.folder / file.name
        hint = f"Install lrbench again: its own copy of {self.name} must be whole."
        try:
            packed = path.read_bytes()
        except OSError as error:
            raise BadData(f"The data file {path} cannot be read: {error.strerror}.", hint) from error
        if hashlib.sha256(packed).hexdigest() != file.sha256:
            raise BadData(f"The data file {path} is damaged: its sha256 is not the published file's.", hint)
        start = len(file.header)
        size = start + int(np.prod(file.shape))
        plain = zlib.decompress(packed, wbits=31, bufsize=size)  # the hint spares zlib every reallocation
        if len(plain) != size or plain[:start] != file.header:
            raise BadData(f"The data file {path} does not hold uint8 {file.shape}.", hint)
        return np.frombuffer(plain, np.uint8, offset=start).reshape(file.shape)


MNIST = DataSet(
    name="mnist",
    folder=HERE / "mnist",
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


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many examples are trained on and validated on, and where the latter come from."""

    train: int
    val: int
    validate_on: str  # "split": off the training set; "test": the test set itself


def resolve_sizes(dataset: DataSet, train_size: int | None, val_size: int | None, validate_on: str) -> Sizes:
    """Turn the user's wishes into sizes; the validation set comes off first. Raises BadConfig."""
    whole = dataset.train_examples
    if validate_on == "test":
        if val_size:
            raise BadConfig(
                f"--val-size {val_size} and --validate-on test are two different validation sets.",
                "Leave one of them out.",
            )
        val_size = 0
    val = 5_000 if val_size is None else val_size
    if val >= whole:
        raise BadConfig(
            f"--val-size {val:,} leaves none of the {whole:,} examples of {dataset.name} to train on.",
            f"Choose a number below {whole:,}, for example --val-size 5000.",
        )
    train = whole - val if train_size is None else train_size
    if train + val > whole:
        raise BadConfig(
            f"--train-size {train:,} with --val-size {val:,} is more than the {whole:,} of {dataset.name}.",
            f"Choose --train-size up to {whole - val:,}.",
        )
    return Sizes(train, val, validate_on)


def split(dataset: DataSet, sizes: Sizes) -> Splits:
    """Load a data set and split it, always in the same way for the same sizes.

    The validation set is as class-balanced as can be and the same for every `train` size; the training set is
    as class-balanced as can be and grows with `train`: a smaller one is part of a larger one.
    """
    whole, test = dataset.load()
    rng = np.random.default_rng(SPLIT_SEED)
    order = balanced_order(whole.y, rng)
    rest = order[sizes.val :]
    rest = rest[balanced_order(whole.y[rest], rng)]
    train = whole.take(np.sort(rest[: sizes.train]))
    if sizes.validate_on == "test":
        return Splits(train, test, test)
    return Splits(train, whole.take(np.sort(order[: sizes.val])) if sizes.val else None, test)


def balanced_order(y: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return all rows, shuffled so that every beginning of it holds the classes as equally as can be.

    y: uint8 (n,) -> int64 (n,). A class that runs out leaves its turns to the others.
    """
    shuffled = rng.permutation(len(y))
    turn = np.empty(len(y), np.int64)  # how many of its class come before it
    for label in np.unique(y):
        members = np.flatnonzero(y[shuffled] == label)
        turn[members] = np.arange(len(members))
    return shuffled[np.argsort(turn, kind="stable")]
