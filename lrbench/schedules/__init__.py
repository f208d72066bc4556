"""Learning-rate schedules: numpy only, no training framework.

>>> from lrbench.schedules import Horizon, parse
>>> parse("step(every=2 epochs)", lr=0.1).table(Horizon(epochs=4, steps_per_epoch=1))
array([0.1 , 0.1 , 0.05, 0.05])
"""

from lrbench.schedules import curves, cycles, feedback, joins  # they register themselves
from lrbench.schedules.advice import warnings
from lrbench.schedules.base import REGISTRY, Horizon, Rate, Span
from lrbench.schedules.names import Named, called, named, names, peak_rates
from lrbench.schedules.schedule import Schedule, rates
from lrbench.schedules.spec import parse, parse_list

__all__ = [
    "REGISTRY",
    "Horizon",
    "Named",
    "Rate",
    "Schedule",
    "Span",
    "called",
    "curves",
    "cycles",
    "feedback",
    "joins",
    "named",
    "names",
    "parse",
    "parse_list",
    "peak_rates",
    "rates",
    "warnings",
]
