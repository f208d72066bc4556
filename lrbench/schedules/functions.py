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
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lrbench.errors import BadSpec
from lrbench.schedules.base import Curve, Entry, Horizon, Rates, Steps

Function = Callable[..., Any]
SIGNATURES = "(step), (step, total), (epoch) or (epoch, lr)"


def entry(name: str) -> Entry:
    """Return the registry's line for a user's function, without importing it."""
    return Entry(name, lambda horizon, *, lr: curve_of(name, horizon, lr), {})


def curve_of(name: str, horizon: Horizon, lr: float) -> Curve:
    """Import the function and return the curve that it draws. Raises BadSpec, also for an exception inside it."""
    function = find(name)
    parameters = tuple(inspect.signature(function).parameters)
    if parameters not in CURVES:
        raise BadSpec(
            f"{name} takes ({', '.join(parameters)}), which is none of {SIGNATURES}.",
            "Name its parameters so; they say what it is called with.",
        )
    return CURVES[parameters](name, function, horizon, lr)


def find(name: str) -> Function:
    """Import `module:function` or `file.py:function`, relative to the current folder. Raises BadSpec."""
    where, _, attribute = name.rpartition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for what the command was asked for
            module = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    except (Exception, SystemExit) as error:
        raise _theirs(name, error, "cannot be imported") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise BadSpec(f"{where} has no function {attribute!r}.", f"Define it there: def {attribute}(step): ...")
    return function


def _from_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"lrbench_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    with _looking_in(path.parent):
        spec.loader.exec_module(module)
    return module


def _from_module(name: str) -> Any:
    with _looking_in(Path.cwd()):
        return importlib.import_module(name)


@contextlib.contextmanager
def _looking_in(folder: Path) -> Iterator[None]:
    """Let imports look in a folder first, as `python` itself would."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _called(name: str, function: Function, *arguments: Any) -> float:
    """Call the user's function; whatever goes wrong in it is said with its line."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return float(function(*arguments))
    except (Exception, SystemExit) as error:
        shown = ", ".join(
            f"{argument:g}" if isinstance(argument, float) else str(argument) for argument in arguments
        )
        raise _theirs(name, error, f"failed at ({shown})") from error


def _theirs(name: str, error: BaseException, what: str) -> BadSpec:
    """The error for an exception in the user's code, with the last line of theirs that it went through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    where = f" in {frames[-1].filename}, line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f" in {error.filename}, line {error.lineno}"
    return BadSpec(f"{name} {what}: {type(error).__name__}: {error}{where}", "Mend the function, then try again.")


def _is_theirs(filename: str) -> bool:
    ours = str(Path(__file__).parent.parent)
    return not filename.startswith((ours, "<frozen")) and filename not in (
        importlib.__file__,
        importlib.util.__file__,
    )


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
