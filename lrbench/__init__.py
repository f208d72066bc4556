"""lrbench: which learning-rate schedule should I use, and is the difference real or noise?

    results = lrbench.compare(schedulers=["step", "cosine"], seeds=10)   train what is missing
    results = lrbench.compare(model=make, data=(x, y))      the same for a model of your own
    results = lrbench.load("results/")                      all experiments of a results folder
    results.summary(), .runs, .epochs                       pandas tables
    results.judge(baseline="step"), .plot(), .report("report.html")
    lrbench.parse("cosine(warmup=5%)", lr=0.1)              a schedule, to draw, tabulate or take home
    lrbench.Horizon(epochs=15, steps_per_epoch=1719)        how long a training is

Nothing is imported before it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what _PUBLIC says, for editors and type checkers
    from lrbench.api import Results, compare, judge, load, problem, summarize
    from lrbench.errors import LrbenchError
    from lrbench.schedules import Horizon, parse

__version__ = "0.1.0"

_PUBLIC = {
    "Results": "lrbench.api",
    "compare": "lrbench.api",
    "load": "lrbench.api",
    "problem": "lrbench.api",
    "summarize": "lrbench.api",
    "judge": "lrbench.api",
    "parse": "lrbench.schedules",
    "Horizon": "lrbench.schedules",
    "LrbenchError": "lrbench.errors",
}
__all__ = [
    "Horizon",
    "LrbenchError",
    "Results",
    "__version__",
    "compare",
    "judge",
    "load",
    "parse",
    "problem",
    "summarize",
]

if not TYPE_CHECKING:  # a checker would take any name for known

    def __getattr__(name: str) -> Any:
        if name not in _PUBLIC:
            raise AttributeError(f"module 'lrbench' has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
