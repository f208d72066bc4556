"""Examples of the user's own: read whole, checked before anything is trained, and told by what they hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadConfig
from lrbench.problems import arrays, memory

X = np.arange(60, dtype=np.float32).reshape(30, 2)
LABELS = np.arange(30) % 3


def saved(tmp_path: Path, **parts: Any) -> Path:
    path = tmp_path / "data.npz"
    np.savez(path, **parts)
    return path


def test_test_examples_are_taken_off_where_there_are_none_and_always_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=X, y_train=LABELS)
    one, two = arrays.from_file(path, 0.5), arrays.from_arrays((X, LABELS), 0.5)
    assert one.holds_out
    assert (len(one.splits.train), len(one.splits.test)) == (25, 5)
    assert np.array_equal(one.splits.test.x, two.splits.test.x)
    assert one.sha256 == two.sha256, "the same numbers are the same data, wherever they come from"
    rows = {tuple(row) for part in (one.splits.train, one.splits.test) for row in part.x}
    assert rows == {tuple(row) for row in X}
    assert sorted(np.bincount(one.splits.test.y)) == [1, 2, 2], "as class-balanced as can be"


def test_what_is_given_is_kept(tmp_path: Path) -> None:
    path = saved(
        tmp_path, x_train=X, y_train=LABELS, x_val=X[:3], y_val=LABELS[:3], x_test=X[:4], y_test=LABELS[:4]
    )
    data = arrays.from_file(path, 0.5)
    assert not data.holds_out
    assert data.splits.val is not None
    assert [len(part) for part in (data.splits.train, data.splits.val, data.splits.test)] == [30, 3, 4]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.zeros(4, np.uint8), np.uint8),
        (np.zeros(4, np.int64), np.int32),
        (np.zeros(4, bool), np.int32),
        (np.zeros(4, np.float64), np.float32),
        (np.zeros(4, np.float16), np.float32),
    ],
)
def test_numbers_have_the_type_that_they_are_trained_in(given: Any, kept: Any) -> None:
    assert arrays.from_arrays((given, np.zeros(4), given, np.zeros(4)), 0.5).splits.train.x.dtype == kept


def test_targets_in_a_column_are_targets() -> None:
    assert arrays.from_arrays((X, LABELS[:, None]), 0.5).has_classes
    assert not arrays.from_arrays((X, LABELS[:, None].astype(float)), 0.5).has_classes


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"x_train": X}, "x_train without y_train"),
        ({"y_train": LABELS}, "y_train without x_train"),
        ({"x": X, "y": LABELS}, "unexpected array 'x'"),
        ({"x_test": X, "y_test": LABELS}, "no x_train and y_train"),
        ({"x_train": X, "y_train": LABELS[:7]}, "30 x_train and 7 y_train"),
        ({"x_train": X[:0], "y_train": LABELS[:0]}, "x_train is empty"),
        ({"x_train": X, "y_train": LABELS, "x_test": X[:0], "y_test": LABELS[:0]}, "x_test is empty"),
        ({"x_train": np.float32(3), "y_train": LABELS}, "x_train is empty"),
        ({"x_train": X, "y_train": LABELS, "x_test": X[:, :1], "y_test": LABELS}, r"one of x_train \(2,\)"),
        ({"x_train": X, "y_train": LABELS, "x_test": X, "y_test": X}, r"one of y_train \(\)"),
        ({"x_train": np.where(X == 7, np.nan, X), "y_train": LABELS}, "1 values .* first is in row 3"),
        ({"x_train": X.astype(float) * 1e300, "y_train": LABELS}, "no finite float32"),
        ({"x_train": X, "y_train": np.where(LABELS == 1, np.inf, 0)}, "y_train has 10 values"),
        ({"x_train": X.astype(str), "y_train": LABELS}, "strings, not numbers"),
        ({"x_train": X, "y_train": LABELS.astype("datetime64[s]")}, "expected numbers"),
        ({"x_train": X.astype(object), "y_train": LABELS}, "objects, not numbers"),
        ({"x_train": X[:3], "y_train": LABELS[:3]}, "3 examples and none for the test"),
        ({"x_train": X, "y_train": LABELS * 10**12}, "beyond 2,147,483,647"),
    ],
)
def test_what_is_wrong_with_data_is_said(parts: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=problem):
        arrays.from_file(saved(tmp_path, **parts), 0.5)


@pytest.mark.parametrize("content", [b"", b"PK", b"x_train", "numbers.npy"])
def test_what_is_no_npz_file_is_said(content: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(tmp_path / content, X)
        (tmp_path / content).rename(path)
    with pytest.raises(BadConfig, match=r"is not an \.npz file of numbers"):
        arrays.from_file(path, 0.5)
    with pytest.raises(BadConfig, match="cannot be read"):
        arrays.from_file(tmp_path / "missing.npz", 0.5)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_said(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    save(path, x_train=X, y_train=LABELS)
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            arrays.from_file(path, 0.5)
        except BadConfig:
            continue  # a clear error; a flip in a date or a name's padding does no harm


def test_no_object_of_a_file_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "went off",))

    path = saved(tmp_path, x_train=np.array([Bomb()] * 30, object), y_train=LABELS)
    with pytest.raises(BadConfig):
        arrays.from_file(path, 0.5)
    assert not (tmp_path / "went off").exists()


def test_data_larger_than_a_share_of_memory_are_refused_by_their_header_alone(tmp_path: Path) -> None:
    path = saved(tmp_path, x_train=X, y_train=LABELS)
    share = 60 * 12 / memory.total_memory()  # type: ignore[operator]
    with pytest.raises(BadConfig, match=r"needs .* GB of memory; memory_share="):
        arrays.from_file(path, share)
    memory.check_room("data", 5, 0.5, total=10)
    with pytest.raises(BadConfig, match=r"needs 6e-09 GB of memory; memory_share=0\.5 of this machine's 1e-08 GB"):
        memory.check_room("data", 6, 0.5, total=10)
