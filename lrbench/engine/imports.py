"""How the engines import Keras and TensorFlow, which makes some two million objects on its way."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator

from lrbench.errors import EngineUnavailable


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's cyclic garbage collector off while TensorFlow is imported in here for the first time.

    The collector would look again and again at modules and classes that live as long as the process. Afterwards
    it is as it was, also after an exception, but leaves alone all that there is by then (`gc.freeze`).
    Saves about a third of the import's time.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def on_tensorflow() -> Iterator[None]:
    """Have Keras take TensorFlow as its backend if it is imported in here for the first time.

    It reads that once, from KERAS_BACKEND before keras.json. The variable is put back for the processes that
    this one starts. Raises EngineUnavailable if Keras is at work on another backend already.
    """
    if "keras" in sys.modules:
        backend = sys.modules["keras"].config.backend()
        if backend != "tensorflow":
            raise EngineUnavailable(
                f"Keras is already at work in this process, on {backend}.",
                "Let lrbench come first, or set KERAS_BACKEND=tensorflow: start a new Python process.",
            )
        yield
        return
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        yield
    finally:
        if before is None:
            del os.environ["KERAS_BACKEND"]
        else:
            os.environ["KERAS_BACKEND"] = before
