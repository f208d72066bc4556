"""The forms that data come in: those that are taken, and what is said of each of the others."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadConfig
from lrbench.problems import arrays
from lrbench.problems.forms import from_form

X = np.arange(120, dtype=np.float32).reshape(60, 2)
Y = np.arange(60) % 3
PARTS = [(X[:30], Y[:30]), (X[30:40], Y[30:40]), (X[40:], Y[40:])]
SENTENCES = np.empty(2, object)
SENTENCES[:] = [[1, 2], [3]]


def sizes(data: Any) -> list[int | None]:
    splits = arrays.from_arrays(data, 0.5).splits
    return [len(part) if part else None for part in (splits.train, splits.val, splits.test)]


def test_pairs_are_taken_as_keras_s_datasets_have_them() -> None:
    assert sizes((PARTS[0], PARTS[2])) == sizes([PARTS[0], PARTS[2]]) == [30, None, 20]
    assert sizes(tuple(PARTS)) == [30, 10, 20]
    flat = arrays.from_arrays((*PARTS[0], *PARTS[2]), 0.5)
    assert arrays.from_arrays((PARTS[0], PARTS[2]), 0.5).sha256 == flat.sha256


def test_two_examples_in_lists_are_no_pairs() -> None:
    found = from_form(([[1, 2], [3, 4]], [[1, 0], [0, 1]]))
    assert {key: array.tolist() for key, array in found.items()} == {
        "x_train": [[1, 2], [3, 4]],
        "y_train": [[1, 0], [0, 1]],
    }
    assert sizes(([*X], [*Y])) == sizes((X.tolist(), Y.tolist())) == [50, None, 10], "a list of examples"


@pytest.mark.parametrize(
    ("data", "problem", "hint"),
    [
        (({"a": X, "b": X}, Y), r"x_train is a dict of 2 arrays \(a, b\)", "concatenate"),
        (([X, X], Y), "x_train is a list of 2 arrays; expected one", "concatenate"),
        (((X, X[:, :1]), Y), "x_train is a tuple of 2 arrays", "concatenate"),
        ((X, {"a": Y}), r"y_train is a dict of 1 array \(a\)", "Choose one"),
        ((X, [Y, Y]), "y_train is a list of 2 arrays", "Choose one"),
        ({"x_train": {"a": X}, "y_train": Y}, "x_train is a dict", "concatenate"),
        ((X, Y, np.ones(60)), "got 3 arrays", "Weights of examples are not supported"),
        ((X,), "got 1 array", "Give data="),
        ({"x_train": X, "y_train": Y, "sample_weight": Y}, "weights of examples are not supported", "Remove"),
        ({"x": X, "y": Y}, "unexpected array 'x'; expected x_train, y_train", "Rename it to x_train"),
        ({"x_train": X, "y_train": Y, "x_valid": X}, "unexpected array 'x_valid'", "'x_val'"),
        ({"X_train": X, "y_train": Y}, "unexpected array 'X_train'", "'x_train'"),
        ({"data": X, "target": Y}, "unexpected array 'data'", 'bunch["target"]'),
        (([[1, 2], [3]], [0, 1]), "x_train .* different shapes", "pad_sequences"),
        ((SENTENCES, [0, 1]), "x_train contains sequences of different lengths", "pad_sequences"),
        ((X, np.array(["a", "b", "c"])[Y]), "y_train contains strings", "return_inverse=True"),
        ((X, np.array(["a", "b", "c"], object)[Y]), "y_train contains strings", "return_inverse=True"),
        ((X.astype(str), Y), "x_train contains strings", "one-hot"),
        ((X, Y.astype("datetime64[s]")), "y_train has the type datetime64", "integers or floats"),
        ((SimpleNamespace(toarray=lambda: X), Y), "x_train is a sparse matrix", "toarray"),
        ((SimpleNamespace(), Y), "x_train is a SimpleNamespace; expected an array", "Convert"),
        (X, "got ndarray", "Give data="),
        ((batch for batch in [(X, Y)]), "got generator", "Collect its batches"),
        (None, "got NoneType", "Give data="),
        ("x", "x cannot be read", "Check its name"),
    ],
)
def test_what_is_not_taken_is_said_with_what_to_write(data: Any, problem: str, hint: str) -> None:
    read: Callable[..., Any] = arrays.from_arrays
    if isinstance(data, str):
        data, read = Path(data), arrays.from_file
    with pytest.raises(BadConfig, match=problem) as caught:
        read(data, 0.5)
    assert hint in caught.value.hint


def test_a_table_and_a_data_set_are_told_how_to_become_arrays() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b"]).assign(t=Y)
    with pytest.raises(BadConfig, match="got DataFrame") as caught:
        arrays.from_arrays(table, 0.5)
    assert 'table.drop(columns="TARGET"), table["TARGET"]' in caught.value.hint
    assert sizes((table.drop(columns="t"), table["t"])) == [50, None, 10]


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".parquet", ".npy", ".pkl", "", ".npz"])
def test_another_kind_of_file_is_told_how_to_become_one(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_text("a,b,TARGET\n1,2,0\n")
    with pytest.raises(BadConfig, match=r"is not an \.npz file of numbers, the only form") as caught:
        arrays.from_file(path, 0.5)
    words = {".csv": "pandas.read_csv(", ".parquet": "pandas.read_parquet(", ".npy": "numpy.load("}
    assert words.get(suffix.lower(), 'numpy.savez("data.npz", x_train=x, y_train=y)') in caught.value.hint
    with pytest.raises(BadConfig, match="is a folder"):
        arrays.from_file(tmp_path, 0.5)


def test_the_lines_that_are_said_of_a_table_make_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    pandas.DataFrame(X, columns=["a", "b"]).assign(TARGET=Y).to_csv("table.csv", index=False)
    with pytest.raises(BadConfig) as caught:
        arrays.from_file(Path("table.csv"), 0.5)
    exec(caught.value.hint.removeprefix("Convert it: "), {"pandas": pandas, "numpy": np})
    data = arrays.from_file(Path("table.npz"), 0.5)
    assert data.has_classes
    assert data.splits.train.x.shape == (50, 2)
