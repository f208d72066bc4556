"""What is odd about a schedule on a horizon: what was seen, its likely cause, and what to do."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lrbench.schedules.base import PIECES, Horizon, Rates, Span, text_of
from lrbench.schedules.joins import stretches
from lrbench.schedules.modifiers import whole_steps
from lrbench.schedules.names import called
from lrbench.schedules.schedule import Schedule, rates

ENDS_HIGH = 0.5  # of its own highest rate: a curve that fell below that and ends above it did not arrive
TINY = 1e-5  # of the peak: what is learnt below it cannot be seen


def warnings(schedules: Sequence[Schedule], horizon: Horizon) -> list[str]:
    """Return a line for everything odd about schedules that are to be compared on one horizon. Raises BadSpec."""
    tables = [rates(schedule, horizon) for schedule in schedules]
    names = called(schedules)
    lines = []
    for name, schedule, table in zip(names, schedules, tables, strict=True):
        lines += list(_beyond(name, schedule, horizon))
        lines += list(_ends_high(name, schedule, table))
        lines += list(_flat_tail(name, table, horizon))
    return lines + list(_twins(names, schedules, tables, horizon))


def _beyond(name: str, schedule: Schedule, horizon: Horizon) -> Iterator[str]:
    """Spans beyond the horizon: a boundary that never comes, a decay that has hardly begun.

    A modifier that does not fit is an error already.
    """
    parameters = schedule.parameters
    left = horizon
    for key in ("warmup", "hold"):  # in the order in which they come
        left = left.after(whole_steps(parameters[key], left))
    if PIECES in parameters:
        for _, piece, stretch in stretches(left, schedule.lr, parameters[PIECES], parameters["at"]):
            yield from _beyond(f"{name}: {piece.written(schedule.lr)}", piece, stretch)
    stairs = schedule.name in ("step", "multistep", "piecewise") or parameters.get("staircase")
    for key in schedule.entry.parameters:
        value = parameters[key]
        spans = [span for span in (value if isinstance(value, tuple) else (value,)) if isinstance(span, Span)]
        longest = max((span.steps(left) for span in spans), default=0)
        if longest > left.steps or (stairs and longest == left.steps):
            reaches = "reaches beyond" if longest > left.steps else "comes only after"
            yield (
                f"{name}: {key}={text_of(value)} {reaches} the {left.steps:,} steps that it has "
                f"({horizon.epochs} epochs), so it is cut off or never seen; train longer, or write {key} in %."
            )


def _ends_high(name: str, schedule: Schedule, table: Rates) -> Iterator[str]:
    """A curve that rises again after its low, or still rises at its end, and ends high."""
    end, highest = float(table[-1]), float(table.max())
    low = float(table[int(np.argmax(table)) :].min())
    cycles = schedule.name in ("cyclical", "restarts")
    unfinished = end > 2 * table.min() and (cycles or (table.size > 1 and table[-1] > table[-2]))
    if end > ENDS_HIGH * highest and (end > 2 * low or unfinished):
        cause = "its last cycle is cut off" if cycles else "it rises towards its end"
        yield (
            f"{name} ends at the rate {end:.3g}, {100 * end / highest:.0f} % of its highest: {cause}; "
            "let it end low, or take its result as one at a high rate."
        )


def _flat_tail(name: str, table: Rates, horizon: Horizon) -> Iterator[str]:
    """Whole epochs at rates so low that they change nothing."""
    by_epoch = table.reshape(horizon.epochs, horizon.steps_per_epoch).max(axis=1)
    tail = int(np.argmax(by_epoch[::-1] >= TINY * table.max()))
    if tail:
        yield (
            f"{name} falls to the rate {table[-1]:.1g}, so the last {tail} of {horizon.epochs} epochs "
            "change nothing; let it fall more slowly, or train for fewer epochs."
        )


def _twins(
    names: Sequence[str], schedules: Sequence[Schedule], tables: Sequence[Rates], horizon: Horizon
) -> Iterator[str]:
    """Schedules that are the same curve: their difference is 0 by construction."""
    seen: dict[Any, str] = {}
    for name, schedule, table in zip(names, schedules, tables, strict=True):
        key = (table.astype(np.float32).tobytes(), schedule.feedback(horizon))  # as an optimizer uses them
        if key in seen:
            yield (
                f"{name} and {seen[key]} are the same curve over {horizon.epochs} epochs, "
                "so their difference is 0; leave one out."
            )
        seen.setdefault(key, name)
