"""What decides numbers is lrbench's while an engine is open, and the caller's afterwards."""

import os
import sys
from weakref import WeakSet

import pytest

from lrbench.backend.imports import on_tensorflow


@pytest.mark.parametrize("before", [None, "jax"])
def test_keras_is_imported_on_tensorflow_and_the_variable_put_back(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if before:
        monkeypatch.setenv("KERAS_BACKEND", before)
    with on_tensorflow():
        assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ.get("KERAS_BACKEND") == before


@pytest.mark.tensorflow
def test_the_last_engine_that_closes_puts_the_caller_s_values_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from lrbench.backend.process import Settled

    monkeypatch.setattr(Settled, "_standing", WeakSet())  # engines of other tests may be open
    keras.config.set_epsilon(0.5)
    try:
        one, other = Settled(), Settled()
        one.undo()
        one.undo()
        assert keras.config.epsilon() == 1e-7
        other.undo()
        assert keras.config.epsilon() == 0.5
    finally:
        keras.config.set_epsilon(1e-7)
