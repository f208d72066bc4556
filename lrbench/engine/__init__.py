"""Trains one run. `open_engine` is the door; each engine is one file and one line of ENGINES."""

import importlib

from lrbench.engine.replica import Engine
from lrbench.errors import EngineUnavailable
from lrbench.runs import Setting

ENGINES = {
    "compiled": "lrbench.engine.compiled:CompiledEngine",
    "fit": "lrbench.engine.fit:FitEngine",
    "fake": "lrbench.engine.fake:FakeEngine",
}


def open_engine(setting: Setting) -> Engine:
    """Import the setting's engine and let it load the data. Raises BadData, EngineUnavailable."""
    module, _, name = ENGINES[setting.engine].partition(":")
    try:
        engine = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a broken installation of TensorFlow raises
        raise EngineUnavailable(
            f"The engine {setting.engine!r} cannot be imported: {type(error).__name__}: {error}",
            "Install TensorFlow again: python -m pip install --force-reinstall tensorflow",
        ) from error
    opened: Engine = engine(setting)
    return opened
