"""lrbench: which learning-rate schedule should I use, and is the difference real or noise?

    lrbench.compare(schedulers="step,cosine", seeds=5)      train what is missing; a row per schedule
    lrbench.load("results/")                                all experiments of a results folder
    lrbench.summarize(experiment)                           a row per schedule
    lrbench.parse("cosine(warmup=5%)", lr=0.1)              a schedule, to draw, tabulate or take home
    lrbench.Horizon(epochs=15, steps_per_epoch=1719)        how long a training is

Nothing is imported before it is asked for.
"""

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "compare": "lrbench.api",
    "load": "lrbench.api",
    "summarize": "lrbench.api",
    "judge": "lrbench.api",
    "parse": "lrbench.schedules",
    "Horizon": "lrbench.schedules",
    "LrbenchError": "lrbench.errors",
}
__all__ = ["Horizon", "LrbenchError", "__version__", "compare", "judge", "load", "parse", "summarize"]  # lazy


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'lrbench' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)
