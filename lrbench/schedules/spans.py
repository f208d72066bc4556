"""Every span of a schedule, with the horizon that its % and epochs count in."""

import math
from collections.abc import Iterator

import numpy as np

from lrbench.schedules.base import PIECES, Horizon, Span, spans_passed
from lrbench.schedules.joins import stretches
from lrbench.schedules.modifiers import modifiers_of, whole_steps
from lrbench.schedules.schedule import Schedule

STAIRS = ("step", "multistep", "piecewise")  # and those with staircase=true


def left_of(schedule: Schedule, horizon: Horizon) -> Horizon:
    """Return what a warm-up and a hold leave of a horizon to the schedule's own parameters."""
    for key in ("warmup", "hold"):  # in the order in which they come
        if key in modifiers_of(schedule.entry):
            horizon = horizon.after(whole_steps(schedule.parameters[key], horizon))
    return horizon


def pieces_of(schedule: Schedule, horizon: Horizon) -> list[tuple[Schedule, Horizon]]:
    """Return the pieces of a join, each with its stretch; none of another schedule. Raises BadSpec."""
    values = schedule.parameters
    if PIECES not in values:
        return []
    left = left_of(schedule, horizon)
    return [(piece, stretch) for _, piece, stretch in stretches(left, schedule.lr, values[PIECES], values["at"])]


def own_spans(schedule: Schedule) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Yield each of a schedule's own parameters that is a span or a list of them."""
    for key in schedule.entry.parameters:
        value = schedule.parameters[key]
        spans = tuple(each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Span))
        if spans:
            yield key, spans


def has_stairs(schedule: Schedule) -> bool:
    """Whether the schedule falls at once where one of its spans ends."""
    return schedule.name in STAIRS or bool(schedule.parameters.get("staircase"))


def were_rounded_otherwise(schedule: Schedule, horizon: Horizon) -> bool:
    """Whether products of floats once put an end of a span on another step: 2.2 epochs of 100 steps were 221.

    Such a schedule has other rates than its runs had that are stored, and so another identity.
    """
    values, left = schedule.parameters, horizon
    for span in (values[key] for key in ("warmup", "hold") if key in modifiers_of(schedule.entry)):
        if round(_then(span, left)) != whole_steps(span, left):
            return True
        left = left.after(whole_steps(span, left))
    own = [span for _, spans in own_spans(schedule) for span in spans]
    if has_stairs(schedule) and any(_stairs_moved(span, left) for span in own):
        return True
    if schedule.entry.feedback:
        return any(_epochs_then(span, left) != span.whole_epochs(left) for span in own)
    if PIECES in values and any(round(_then(span, left)) != round(span.steps(left)) for span in own):
        return True
    return any(were_rounded_otherwise(piece, stretch) for piece, stretch in pieces_of(schedule, horizon))


def _then(span: Span, horizon: Horizon) -> float:
    match span.unit:
        case "epochs":
            return span.value * horizon.steps_per_epoch
        case "steps":
            return span.value
        case "%":
            return span.value * horizon.steps / 100


def _epochs_then(span: Span, horizon: Horizon) -> int:
    nearest = math.floor(_then(span, horizon) / horizon.steps_per_epoch + 0.5)
    return max(1, nearest) if span.value else 0


def _stairs_moved(span: Span, horizon: Horizon) -> bool:
    """Whether a boundary, or a multiple of it on the horizon, was on another step."""
    then, now = _then(span, horizon), span.steps(horizon)
    if math.ceil(then) != math.ceil(now):
        return True
    if now.is_integer():
        return False
    steps = np.arange(horizon.steps)
    return bool((np.floor(steps / then) != spans_passed(steps, now)).any())
