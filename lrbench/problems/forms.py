"""The forms that data come in: which ones are taken, and what to do with the others."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig, nearest
from lrbench.foreign import place

KEYS = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")
SAVE = 'numpy.savez("data.npz", x_train=x, y_train=y)'
HINT = f"Make one with {SAVE}; x_val, y_val, x_test and y_test can be added."
EXPECTED = (
    "Expected (x, y), (x, y, x_test, y_test), ((x, y), (x_test, y_test)), a dict or the path of an .npz file"
)
ALIASES = {"x": "x_train", "y": "y_train", "arr_0": "x_train", "arr_1": "y_train"}  # of keys, as others call them
TABLES = {  # how pandas reads a table, by the file's suffix
    ".csv": "read_csv",
    ".tsv": "read_table",
    ".parquet": "read_parquet",
    ".feather": "read_feather",
    ".json": "read_json",
    ".xlsx": "read_excel",
}


def from_form(data: Any) -> dict[str, NDArray[Any]]:
    """Return arrays by their KEYS; nothing but the form is checked. Raises BadConfig.

    Taken are (x, y), (x, y, x_test, y_test), (x, y, x_val, y_val, x_test, y_test), pairs of these, as
    `keras.datasets` has them, and a mapping with KEYS.
    """
    if isinstance(data, Mapping):
        check_keys(data, "data")
        given = {str(key): value for key, value in data.items()}
    else:
        given = _by_place(data)
    for key in KEYS:
        if key in given:
            _check_one_array(key, given[key], given.get(("y" if key[0] == "x" else "x") + key[1:]))
    return {key: _array(key, value) for key, value in given.items()}


def check_keys(given: Mapping[Any, Any], name: str) -> None:
    """Raise BadConfig if there is a key that is none of KEYS."""
    for key in map(str, given):
        if key in KEYS:
            continue
        if "weight" in key:
            raise BadConfig(f"{name} contains {key!r}: weights of examples are not supported.", f"Remove {key}.")
        if {"data", "target"} <= set(given):  # of scikit-learn
            hint = 'Give data=(bunch["data"], bunch["target"]).'
        else:
            hint = f"Rename it to {ALIASES[key.lower()]}." if key.lower() in ALIASES else nearest(key, KEYS)
        raise BadConfig(f"{name} contains an unexpected array {key!r}; expected {', '.join(KEYS)}.", hint)


def check_npz(path: Path) -> None:
    """Raise BadConfig, with how to make one, if a file is not an .npz file."""
    with place(path, "read", BadConfig, hint="Check its name: data is the path of an .npz file."):
        if path.is_dir():
            raise BadConfig(f"{path} is a folder; data must be one .npz file of numbers.", HINT)
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                return
    read, suffix = TABLES.get(path.suffix.lower()), path.suffix.lower()
    new = f'"{path.stem}.npz"'
    if read:
        hint = (
            f'Convert it: t = pandas.{read}("{path}"); '
            f'numpy.savez({new}, x_train=t.drop(columns="TARGET"), y_train=t["TARGET"])'
        )
    elif suffix == ".npy":
        hint = f'Convert it: numpy.savez({new}, x_train=numpy.load("{path}"), y_train=y)'
    else:
        hint = HINT
    raise BadConfig(f"{path} is not an .npz file of numbers, the only form that is read from a file.", hint)


def not_numbers(array: NDArray[Any], name: str) -> NoReturn:
    """Raise BadConfig for an array that holds something else than numbers."""
    first = next(iter(array.ravel()), None) if array.dtype == object else None
    if array.dtype.kind in "US" or isinstance(first, str | bytes):
        labels = f"{name.split()[-1]} = numpy.unique(labels, return_inverse=True)[1]"
        is_target = name.split()[-1].startswith("y_")
        raise BadConfig(
            f"{name} contains strings, not numbers.",
            f"Number the classes: {labels}"
            if is_target
            else "Encode them as numbers before, for example one-hot.",
        )
    if isinstance(first, Sequence | np.ndarray):
        raise BadConfig(
            f"{name} contains sequences of different lengths.",
            "Make them equally long: keras.utils.pad_sequences(x, maxlen=200)",
        )
    raise BadConfig(f"{name} has the type {array.dtype}; expected numbers.", "Convert it to integers or floats.")


def _by_place(data: Any) -> dict[str, Any]:
    """Name arrays by their places."""
    if not isinstance(data, list | tuple):
        raise BadConfig(f"{EXPECTED}; got {type(data).__name__}.", _collected(data))
    if len(data) in (2, 3) and all(map(_is_pair, data)):
        data = [each for pair in data for each in pair]
    if len(data) not in (2, 4, 6):
        weighed = len(data) == 3 and len({_length(each) for each in data}) == 1
        raise BadConfig(
            f"{EXPECTED}; got {len(data)} {'array' if len(data) == 1 else 'arrays'}.",
            "Weights of examples are not supported: give data=(x, y)." if weighed else "Give data=(x, y).",
        )
    keys = KEYS if len(data) == 6 else (*KEYS[:2], *KEYS[4:])
    return dict(zip(keys, data, strict=False))


def _collected(data: Any) -> str:
    """Return how to make arrays of what is none."""
    if hasattr(data, "as_numpy_iterator"):
        return "Collect its batches: x, y = map(numpy.concatenate, zip(*data.as_numpy_iterator())); data=(x, y)"
    if hasattr(data, "columns"):
        return 'Take it apart: data=(table.drop(columns="TARGET"), table["TARGET"])'
    if isinstance(data, Iterator) or (hasattr(data, "__getitem__") and not hasattr(data, "shape")):
        return "Collect its batches: x, y = map(numpy.concatenate, zip(*data)); data=(x, y)"
    return "Give data=(x, y)."


def _is_pair(value: Any) -> bool:
    """Return whether a value is (x, y), each an array: a tuple, for a list of two can be two examples."""
    return isinstance(value, tuple) and len(value) == 2 and all(hasattr(each, "shape") for each in value)


def _check_one_array(key: str, value: Any, other: Any) -> None:
    """Raise BadConfig for several arrays where one is expected: a model has one input and one output here.

    `other` are the targets that belong to inputs, or the inputs that belong to targets.
    """
    is_mapping = isinstance(value, Mapping)
    parts = list(value.values() if is_mapping else value if isinstance(value, list | tuple) else ())
    lengths = {_length(part) for part in parts if hasattr(part, "shape")}
    if is_mapping or (lengths == {_length(other)} and _length(other) not in (None, len(parts))):
        names = f" ({', '.join(map(str, value))[:60]})" if is_mapping else ""
        parts_of = f"{type(value).__name__} of {len(parts)} array{'s' * (len(parts) != 1)}{names}"
        join = f"{key}=numpy.concatenate([a, b], axis=1)"
        raise BadConfig(
            f"{key} is a {parts_of}; expected one: a model has one input and one output here.",
            f"Join them, {join}, and let the model's first layers split them again."
            if key[0] == "x"
            else "Choose one of them.",
        )


def _length(value: Any) -> int | None:
    try:
        return len(value)
    except TypeError:
        return None


def _array(key: str, value: Any) -> NDArray[Any]:
    if hasattr(value, "toarray"):  # scipy's sparse matrices
        raise BadConfig(f"{key} is a sparse matrix; expected an array.", f"Give {key}.toarray()")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:  # lists of different lengths
        raise BadConfig(
            f"{key} is not an array of numbers: its examples have different shapes.",
            "Give all examples the same shape; for sequences: keras.utils.pad_sequences(x, maxlen=200)",
        ) from error
    if array.dtype == object and array.ndim == 0:
        raise BadConfig(
            f"{key} is a {type(value).__name__}; expected an array of numbers.", "Convert it to an array."
        )
    return array
