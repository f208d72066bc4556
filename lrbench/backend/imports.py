"""How Keras and TensorFlow are imported, which makes some two million objects on its way."""

import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrbench.errors import EngineUnavailable

READ_KERAS_JSON = ("/keras/src/backend/config.py", "/tensorflow/python/keras/backend.py")


def bring_in(module: str = "keras") -> Any:
    """Import a module that needs Keras on TensorFlow, and return it. Raises EngineUnavailable."""
    try:
        with uncollected(), on_tensorflow():
            return importlib.import_module(module)
    except EngineUnavailable:
        raise
    except Exception as error:  # whatever a broken installation of TensorFlow raises
        frames = traceback.extract_tb(error.__traceback__)
        if any(frame.filename.endswith(READ_KERAS_JSON) for frame in frames):
            raise EngineUnavailable(
                f"Keras refuses its configuration: {str(error) or frames[-1].line}",
                f"Correct {Path(os.environ.get('KERAS_HOME', '~/.keras'), 'keras.json')}, or move it away.",
            ) from error
        raise EngineUnavailable(
            f"{module} cannot be imported: {type(error).__name__}: {error}",
            "Install TensorFlow again: python -m pip install --force-reinstall tensorflow",
        ) from error


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


def threads_of_others() -> str:
    """Say how many threads TensorFlow computes with where it was at work before lrbench came; else return "".

    TensorFlow is not imported for this.
    """
    if "tensorflow" not in sys.modules:
        return ""
    from lrbench.backend.process import use_one_thread_per_replica

    if use_one_thread_per_replica():
        return ""
    count = sys.modules["tensorflow"].config.threading.get_intra_op_parallelism_threads()
    return str(count) if count else "one per core"
