"""The collector is off while TensorFlow is imported, and afterwards as it was."""

import gc
import sys
from collections.abc import Iterator

import pytest

from lrbench.backend.imports import uncollected


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_is_off_inside_and_on_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_an_import_that_fails_leaves_the_collector_on_and_nothing_frozen() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_where_tensorflow_is_imported_already_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    with uncollected():
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0
