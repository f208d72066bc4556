"""The user's own functions as schedules: `module:function` or `file.py:function`.

They are imported only when their rates are asked for, and only because the user named them. What a function takes
by position says what it is called with, and nothing else about it is guessed:

    (step)          the rate of update `step`, from 0
    (step, total)   the same, with the horizon's steps
    (epoch)         the rate of a whole epoch, from 0
    (epoch, lr)     the next rate from the last one, the first being the peak rate: what Keras's
                    LearningRateScheduler takes, from any tutorial unchanged

As Keras does, the last rate is passed by position: its parameter may have any name, and a default. What comes
after it needs a default, which may be that of a `functools.partial`.
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
Made = Callable[[str, Function, Horizon, float], Curve]


def entry(name: str) -> Entry:
    """Return the registry's line for a user's function, without importing it."""
    return Entry(name, lambda horizon, *, lr: curve_of(name, horizon, lr), {})


def curve_of(name: str, horizon: Horizon, lr: float) -> Curve:
    """Import the function and return the curve that it draws. Raises BadSpec, also for an exception inside it."""
    function = find(name, "step")
    return _kind(name, function)(name, function, horizon, lr)


def _kind(name: str, function: Function) -> Made:
    """Tell from a function's parameters how it is called. Raises BadSpec."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise BadSpec(
            f"{name} does not say what it takes: {error}.", f"Write a function of {SIGNATURES} that calls it."
        ) from error
    parameters = signature.parameters.values()
    by_position = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    kind = _by_names([each.name for each in by_position])
    passed = by_position[: PASSED[kind]] if kind else []
    open_kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [
        each
        for each in parameters
        if each not in passed and each.default is each.empty and each.kind not in open_kinds
    ]
    if kind is None or missing:
        which = f", and nothing says what {', '.join(each.name for each in missing)} is" if kind else ""
        raise BadSpec(
            f"{name} takes {signature}, which is none of {SIGNATURES}{which}.",
            "Name the first parameter step or epoch, and give those after it that are not passed a default.",
        )
    return kind


def _by_names(names: list[str]) -> Made | None:
    """The first name says what is counted; a second one is the rate that Keras passes, whatever it is called."""
    match names:
        case ["step", "total", *_]:
            return _by_step_of_total
        case ["step", *_]:
            return _by_step
        case [first, _, *_] if "epoch" in first or names[1] in LAST_RATE:
            return _by_epoch_from_last
        case [first] if "epoch" in first:
            return _by_epoch
    return None


def _called(name: str, function: Function, *arguments: Any) -> float:
    """Call the user's function; whatever goes wrong in it is said with its line."""
    shown = ", ".join(f"{argument:g}" if isinstance(argument, float) else str(argument) for argument in arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            rate = function(*arguments)
            if np.asarray(rate).dtype.kind not in NO_NUMBERS:
                return float(rate)
    except (Exception, SystemExit) as error:
        raise theirs(name, error, f"failed at ({shown})") from error
    raise BadSpec(f"{name} returned {rate!r} at ({shown}), which is no rate.", "Return a number such as 0.1.")


def _by_step(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    def rate(t: Steps) -> Rates:
        return np.array([_called(name, function, int(step)) for step in t], float)

    return rate


def _by_step_of_total(name: str, function: Function, horizon: Horizon, lr: float) -> Curve:
    def rate(t: Steps) -> Rates:
        return np.array([_called(name, function, int(step), horizon.steps) for step in t], float)

    return rate


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


PASSED: dict[Made, int] = {_by_step: 1, _by_step_of_total: 2, _by_epoch: 1, _by_epoch_from_last: 2}
LAST_RATE = ("lr", "rate", "learning_rate", "current_lr", "last_lr", "old_lr")  # beside another word for the epoch
NO_NUMBERS = "bSU"  # numpy's kinds of truth values and texts, which float() would take
