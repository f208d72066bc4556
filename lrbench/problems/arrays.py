"""The user's own examples: from an .npz file or from arrays, checked whole before anything is trained."""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig
from lrbench.foreign import place
from lrbench.problems.base import Examples, Splits
from lrbench.problems.forms import HINT, KEYS, check_keys, check_npz, from_form, not_numbers
from lrbench.problems.memory import check_room
from lrbench.problems.splits import SPLIT_SEED, balanced_order

TEST_SHARE = 6  # one example in so many is held out for the test where there are none for it
LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Data:
    """Checked examples. `holds_out` says that the test examples were taken off the training set."""

    splits: Splits
    sha256: str
    name: str  # what people call it
    holds_out: bool

    @property
    def has_classes(self) -> bool:
        """Whether the targets are whole numbers, one for each example."""
        return is_labels(self.splits.train.y)


def is_labels(y: NDArray[Any]) -> bool:
    """Whether targets are whole numbers, one for each example."""
    return y.ndim == 1 and bool(np.issubdtype(y.dtype, np.integer))


def from_file(path: Path, memory_share: float) -> Data:
    """Read an .npz file with x_train, y_train and perhaps x_val, y_val, x_test, y_test. Raises BadConfig."""
    check_npz(path)
    with place(path, "read", BadConfig):
        try:
            with zipfile.ZipFile(path) as archive:
                check_room(
                    str(path), sum(_needed(*_header(archive, name)) for name in archive.namelist()), memory_share
                )
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
        except (BadConfig, OSError):
            raise
        except (
            Exception
        ) as error:  # whatever zipfile, zlib and numpy raise where bytes are not what they should be
            why = "it contains objects, not numbers" if "pickle" in str(error) else str(error)
            raise BadConfig(f"{path} is not an .npz file of numbers: {why}.", HINT) from error
    return checked(arrays, path.name)


def from_arrays(data: Any, memory_share: float) -> Data:
    """Take arrays in one of the forms of `from_form`. Raises BadConfig."""
    found = from_form(data)
    check_room("data", sum(_needed(array.shape, array.dtype) for array in found.values()), memory_share)
    return checked(found, "data")


def checked(arrays: Mapping[str, NDArray[Any]], name: str) -> Data:
    """Check arrays by their keys, and take test examples off the training set where there are none.

    Raises BadConfig.
    """
    check_keys(arrays, name)
    splits = {part: _examples(arrays, part, name) for part in ("train", "val", "test")}
    train, test = splits["train"], splits["test"]
    if train is None:
        raise BadConfig(f"{name} has no x_train and y_train.", HINT)
    for part, those in splits.items():
        if those is not None and those.x.shape[1:] != train.x.shape[1:]:
            raise BadConfig(
                f"{name}: an example of x_{part} is {shape(those.x)}, one of x_train {shape(train.x)}.",
                "Give all of them the same shape.",
            )
        if those is not None and those.y.shape[1:] != train.y.shape[1:]:
            raise BadConfig(
                f"{name}: a target of y_{part} is {shape(those.y)}, one of y_train {shape(train.y)}.",
                "Give all of them the same shape.",
            )
    sha256 = hashlib.sha256()
    for key in KEYS:
        if key in arrays:
            examples = splits[key[2:]]
            assert examples is not None
            array = np.ascontiguousarray(examples.x if key[0] == "x" else examples.y)
            sha256.update(f"{key}{array.dtype.str}{array.shape}".encode())
            sha256.update(array.data)
    if test is None:
        train, test = _held_out(train, name)
    return Data(Splits(train, splits["val"], test), sha256.hexdigest(), name, splits["test"] is None)


def shape(array: NDArray[Any]) -> str:
    """Return the shape of one of an array's rows, for messages."""
    return str(array.shape[1:])


def _examples(arrays: Mapping[str, NDArray[Any]], part: str, name: str) -> Examples | None:
    x, y = arrays.get(f"x_{part}"), arrays.get(f"y_{part}")
    if x is None and y is None:
        return None
    if x is None or y is None:
        there, missing = ("y", "x") if x is None else ("x", "y")
        raise BadConfig(f"{name} has {there}_{part} without {missing}_{part}.", f"Add {missing}_{part}.")
    for key, array in ((f"x_{part}", x), (f"y_{part}", y)):
        if array.ndim == 0 or len(array) == 0:
            raise BadConfig(f"{name}: {key} is empty.", "Give at least one example, or leave it out.")
    if len(x) != len(y):
        raise BadConfig(f"{name}: {len(x):,} x_{part} and {len(y):,} y_{part}.", "Give a target for each example.")
    return Examples(_numbers(x, f"{name}: x_{part}"), _targets(y, f"{name}: y_{part}"))


def _numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array as it is trained on: uint8 as it is, other whole numbers int32, the rest float32."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.int32)
    if np.issubdtype(array.dtype, np.integer):
        if array.size and (array.min() < -LARGEST_LABEL or array.max() > LARGEST_LABEL):
            raise BadConfig(f"{name} has numbers beyond {LARGEST_LABEL:,}.", "Give float32, or smaller numbers.")
        return array.astype(np.int32)
    if not np.issubdtype(array.dtype, np.floating):
        not_numbers(array, name)
    with np.errstate(over="ignore"):
        found = array.astype(np.float32, copy=False)
    finite = np.isfinite(found)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        raise BadConfig(
            f"{name} has {int((~finite).sum()):,} values that are no finite float32; the first is in row {row}.",
            "Remove or replace them: np.nan_to_num, or leave those examples out.",
        )
    return found


def _targets(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return targets: labels int32 (n,), numbers float32 (n,) or (n, ...)."""
    found = _numbers(array, name)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    return found.astype(np.int32) if np.issubdtype(found.dtype, np.integer) else found


def _held_out(train: Examples, name: str) -> tuple[Examples, Examples]:
    """Take one example in TEST_SHARE off for the test, always the same ones; classes in equal shares."""
    count = len(train) // TEST_SHARE
    if not count:
        raise BadConfig(
            f"{name} has {len(train)} examples and none for the test.", "Add x_test and y_test, or more examples."
        )
    rng = np.random.default_rng(SPLIT_SEED)
    order = balanced_order(train.y, rng) if is_labels(train.y) else rng.permutation(len(train))
    return train.take(np.sort(order[count:])), train.take(np.sort(order[:count]))


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and the type of an array in an .npz file, not the array."""
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        found, _, dtype = read(member)
    return found, dtype


def _needed(found: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return the bytes that an array takes: as it is stored, as it is trained on, and as the engine holds it."""
    count = int(np.prod(found, dtype=object)) if found else 1
    trained = 1 if dtype == np.uint8 else 4
    return count * (dtype.itemsize + 2 * trained)
