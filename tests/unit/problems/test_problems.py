"""The embedded data: whole, checked at every load, and always split in the same way."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.errors import BadConfig, BadData
from lrbench.problems import find, resolve_sizes, split
from lrbench.problems.idx import DataSet, File
from lrbench.problems.mnist import MNIST
from lrbench.problems.splits import balanced_order

PROBLEM = find("mnist")

FILES = [MNIST.train_x, MNIST.train_y, MNIST.test_x, MNIST.test_y]


def test_all_seventy_thousand_images_are_there() -> None:
    loaded = MNIST.load()
    train, test = loaded.train, loaded.test
    assert (train.x.shape, train.y.shape) == ((60_000, 28, 28), (60_000,))
    assert (test.x.shape, test.y.shape) == ((10_000, 28, 28), (10_000,))
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_a_damaged_file_is_an_error_that_names_it(file: File, harm: str, tmp_path: Path) -> None:
    for each in FILES:
        shutil.copy(MNIST.folders[0] / each.name, tmp_path)
    path = tmp_path / file.name
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
    path.write_bytes(content[:-1] if harm == "cut" else content)
    if harm == "remove":
        path.unlink()
    with pytest.raises(BadData, match=file.name):
        dataclasses.replace(MNIST, folders=(tmp_path,)).load()


@pytest.mark.parametrize(
    ("train_size", "val_size", "on", "sizes"),
    [
        (None, None, "split", (55_000, 5_000)),
        (2_000, None, "split", (2_000, 5_000)),
        (None, 0, "split", (60_000, 0)),
        (None, None, "test", (60_000, 0)),
        (None, 0, "test", (60_000, 0)),
        (1, 59_999, "split", (1, 59_999)),
    ],
)
def test_sizes(train_size: int | None, val_size: int | None, on: str, sizes: tuple[int, int]) -> None:
    found = resolve_sizes(PROBLEM.subject, train_size, val_size, on)
    assert (found.train, found.val) == sizes


@pytest.mark.parametrize(
    ("train_size", "val_size", "on", "word"),
    [
        (None, 60_000, "split", "val_size=60000 leaves none"),
        (60_001, 0, "split", "train_size=60001"),
        (55_001, None, "split", "train_size=55001"),
        (None, 10, "test", "two different validation sets"),
    ],
)
def test_impossible_sizes(train_size: int | None, val_size: int | None, on: str, word: str) -> None:
    with pytest.raises(BadConfig, match=word):
        resolve_sizes(PROBLEM.subject, train_size, val_size, on)


def keys(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_the_splits_are_fixed_disjoint_and_balanced() -> None:
    one = split(PROBLEM, resolve_sizes(PROBLEM.subject, 2_000, 500, "split"))
    two = split(PROBLEM, resolve_sizes(PROBLEM.subject, 2_000, 500, "split"))
    larger = split(PROBLEM, resolve_sizes(PROBLEM.subject, 2_345, 500, "split"))
    assert one.val
    assert larger.val
    assert np.array_equal(one.train.x, two.train.x)
    assert np.array_equal(one.val.x, larger.val.x)
    assert keys(one.train.x) <= keys(larger.train.x)
    assert not keys(one.train.x) & keys(one.val.x)
    assert set(np.bincount(one.train.y)) == {200}
    assert set(np.bincount(one.val.y)) == {50}
    assert set(np.bincount(larger.train.y)) <= {234, 235}
    assert len(one.test) == 10_000


def test_train_and_validation_together_are_all_there_is() -> None:
    whole = MNIST.load().train
    parts = split(PROBLEM, resolve_sizes(PROBLEM.subject, None, None, "split"))
    assert parts.val
    counts = np.bincount(parts.train.y) + np.bincount(parts.val.y)
    assert counts.tolist() == np.bincount(whole.y).tolist()
    assert keys(parts.train.x) | keys(parts.val.x) == keys(whole.x)


def test_validating_on_the_test_set_trains_on_everything() -> None:
    parts = split(PROBLEM, resolve_sizes(PROBLEM.subject, None, None, "test"))
    assert parts.val is parts.test
    assert len(parts.train) == 60_000


def test_without_validation_there_is_no_validation_set() -> None:
    assert split(PROBLEM, resolve_sizes(PROBLEM.subject, 100, 0, "split")).val is None


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(0, 5))
def test_every_beginning_of_the_order_is_as_balanced_as_can_be(labels: list[int], seed: int) -> None:
    y = np.array(labels, np.uint8)
    order = balanced_order(y, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(y)))
    total = np.bincount(y, minlength=5)
    for end in range(len(y) + 1):
        counts = np.bincount(y[order[:end]], minlength=5)
        for a in range(5):
            for b in range(5):
                assert counts[a] <= counts[b] + 1 or counts[b] == total[b]


def test_the_fingerprint_depends_on_every_file() -> None:
    changed = dataclasses.replace(MNIST, test_y=dataclasses.replace(MNIST.test_y, sha256="0" * 64))
    assert isinstance(MNIST, DataSet)
    assert changed.sha256 != MNIST.sha256
