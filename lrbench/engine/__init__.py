"""Trains one run. `open_engine` is the door; each engine is one file and one line of ENGINES."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from lrbench.backend import bring_in
from lrbench.engine.replica import Engine, StepwiseEngine
from lrbench.problems import Problem, Sizes, Splits, split
from lrbench.runs import Setting

ENGINES = {
    "compiled": "lrbench.engine.compiled:CompiledEngine",
    "fit": "lrbench.engine.fit:FitEngine",
    "fake": "lrbench.engine.fake:FakeEngine",
}
WITHOUT_DATA = {"fake"}
STEPWISE = {"compiled", "fake"}  # they can train step by step


def open_engine(setting: Setting, problem: Problem, splits: Splits | None = None) -> Engine:
    """Import the setting's engine and load the problem's data beside it. Whoever opens it closes it.

    `splits` are taken instead of the problem's data, if they are given. Raises BadData, EngineUnavailable.
    """
    if setting.engine in WITHOUT_DATA:
        without: Engine = _find(setting.engine)(setting)
        return without
    sizes = Sizes(setting.train_size, setting.val_size, setting.validate_on)
    with ThreadPoolExecutor(1) as beside:
        loaded = beside.submit(split, problem, sizes) if splits is None else None  # zlib lets the import go on
        engine = _find(setting.engine)
    opened: Engine = engine(setting, problem, loaded.result() if loaded else splits)
    return opened


def open_stepwise(setting: Setting, problem: Problem) -> StepwiseEngine:
    """As `open_engine`, for who wants every step's loss. The setting's engine is one of STEPWISE."""
    return cast(StepwiseEngine, open_engine(setting, problem))


def _find(name: str) -> Any:
    """Import an engine's class. Raises EngineUnavailable."""
    module, _, found = ENGINES[name].partition(":")
    return getattr(bring_in(module), found)
