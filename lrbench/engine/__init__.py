"""Trains one run. `open_engine` is the door; each engine is one file and one line of ENGINES."""

import importlib
import os
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lrbench.engine.data import load_splits
from lrbench.engine.imports import on_tensorflow, uncollected
from lrbench.engine.replica import Engine
from lrbench.errors import EngineUnavailable
from lrbench.runs import Setting

ENGINES = {
    "compiled": "lrbench.engine.compiled:CompiledEngine",
    "fit": "lrbench.engine.fit:FitEngine",
    "fake": "lrbench.engine.fake:FakeEngine",
}
WITHOUT_DATA = {"fake"}
READ_KERAS_JSON = ("/keras/src/backend/config.py", "/tensorflow/python/keras/backend.py")


def open_engine(setting: Setting) -> Engine:
    """Import the setting's engine and load the data beside it. Whoever opens it closes it.

    Raises BadData, EngineUnavailable.
    """
    if setting.engine in WITHOUT_DATA:
        without: Engine = _find(setting.engine)(setting)
        return without
    with ThreadPoolExecutor(1) as beside, uncollected(), on_tensorflow():
        splits = beside.submit(load_splits, setting)  # zlib lets the import go on
        engine = _find(setting.engine)
    opened: Engine = engine(setting, splits.result())
    return opened


def _find(name: str) -> Any:
    """Import an engine's class. Raises EngineUnavailable."""
    module, _, found = ENGINES[name].partition(":")
    try:
        return getattr(importlib.import_module(module), found)
    except Exception as error:  # whatever a broken installation of TensorFlow raises
        frames = traceback.extract_tb(error.__traceback__)
        if any(frame.filename.endswith(READ_KERAS_JSON) for frame in frames):
            raise EngineUnavailable(
                f"Keras refuses its configuration: {str(error) or frames[-1].line}",
                f"Correct {Path(os.environ.get('KERAS_HOME', '~/.keras'), 'keras.json')}, or move it away.",
            ) from error
        raise EngineUnavailable(
            f"The engine {name!r} cannot be imported: {type(error).__name__}: {error}",
            "Install TensorFlow again: python -m pip install --force-reinstall tensorflow",
        ) from error
