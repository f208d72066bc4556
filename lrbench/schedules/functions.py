"""The user's own functions as schedules: `module:function` or `file.py:function`.

They are imported only when their rates are asked for, and only because the user named them. A function is told
apart by its parameter names, and nothing else about it is guessed:

    (step)          the rate of update `step`, from 0
    (step, total)   the same, with the horizon's steps
    (epoch)         the rate of a whole epoch, from 0
    (epoch, lr)     the next rate from the last one, the first being the peak rate: what Keras's
                    LearningRateScheduler takes, from any tutorial unchanged
"""

import contextlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from lrbench.errors import BadSpec
from lrbench.schedules.base import Curve, Entry, Horizon, Rates, Steps
from lrbench.users import Function, find, theirs

SIGNATURES = "(step), (step, total), (epoch) or (epoch, lr)"


def entry(name: str) -> Entry:
    """Return the registry's line for a user's function, without importing it."""
    return Entry(name, lambda horizon, *, lr: curve_of(name, horizon, lr), {})


def curve_of(name: str, horizon: Horizon, lr: float) -> Curve:
    """Import the function and return the curve that it draws. Raises BadSpec, also for an exception inside it."""
    function = find(name, "step")
    parameters = tuple(inspect.signature(function).parameters)
    if parameters not in CURVES:
        raise BadSpec(
            f"{name} takes ({', '.join(parameters)}), which is none of {SIGNATURES}.",
            "Name its parameters so; they say what it is called with.",
        )
    return CURVES[parameters](name, function, horizon, lr)


def _called(name: str, function: Function, *arguments: Any) -> float:
    """Call the user's function; whatever goes wrong in it is said with its line."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return float(function(*arguments))
    except (Exception, SystemExit) as error:
        shown = ", ".join(
            f"{argument:g}" if isinstance(argument, float) else str(argument) for argument in arguments
        )
        raise theirs(name, error, f"failed at ({shown})") from error


def _by_step(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    def rate(t: Steps) -> Rates:
        return np.array([_called(name, function, int(step)) for step in t], float)

    return rate


def _by_step_of_total(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    return _by_step(name, lambda step: _called(name, function, step, horizon.steps), horizon, lr)


def _by_epoch(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    def rate(t: Steps) -> Rates:
        epochs, back = np.unique(t // horizon.steps_per_epoch, return_inverse=True)
        return np.array([_called(name, function, int(epoch)) for epoch in epochs], float)[back]

    return rate


def _by_epoch_from_last(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    epochs = -(-horizon.steps // horizon.steps_per_epoch)
    chain = []
    last = lr
    for epoch in range(epochs):
        last = _called(name, function, epoch, last)
        chain.append(last)
    values = np.array(chain)
    return lambda t: values[t // horizon.steps_per_epoch]


CURVES: dict[tuple[str, ...], Callable[[str, Function, Horizon, float], Curve]] = {
    ("step",): _by_step,
    ("step", "total"): _by_step_of_total,
    ("epoch",): _by_epoch,
    ("epoch", "lr"): _by_epoch_from_last,
}
