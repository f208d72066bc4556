"""What is odd about a schedule on a horizon: what was seen, its likely cause, and what to do."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lrbench.schedules.base import Horizon, Rates, text_of
from lrbench.schedules.feedback import same_rule
from lrbench.schedules.names import called
from lrbench.schedules.schedule import Schedule, rates
from lrbench.schedules.spans import has_stairs, left_of, own_spans, pieces_of

ENDS_HIGH = 0.5  # of its own highest rate: a curve that fell below that and ends above it did not arrive
TINY = 1e-5  # of the peak: what is learnt below it cannot be seen
LOW = 1e-3  # of the peak: a whole first epoch below it is spent on hardly anything


def warnings(schedules: Sequence[Schedule], horizon: Horizon) -> list[str]:
    """Return a line for everything odd about schedules that are to be compared on one horizon. Raises BadSpec."""
    tables = [rates(schedule, horizon) for schedule in schedules]
    names = called(schedules)
    lines = []
    for name, schedule, table in zip(names, schedules, tables, strict=True):
        lines += list(_beyond(name, schedule, horizon))
        lines += list(_low_head(name, table, horizon))
        lines += list(_ends_high(name, schedule, table))
        lines += list(_flat_tail(name, table, horizon))
        lines += list(_idle_cooldown(name, schedule, horizon))
    return lines + list(_twins(names, schedules, tables, horizon))


def _beyond(name: str, schedule: Schedule, horizon: Horizon) -> Iterator[str]:
    """Spans beyond the horizon: a boundary that never comes, a decay that has hardly begun.

    A modifier that does not fit is an error already.
    """
    left = left_of(schedule, horizon)
    for piece, stretch in pieces_of(schedule, horizon):
        yield from _beyond(f"{name}: {piece.written(schedule.lr)}", piece, stretch)
    for key, spans in own_spans(schedule):
        longest = max(span.steps(left) for span in spans)
        if longest > left.steps or (has_stairs(schedule) and longest == left.steps):
            reaches = "reaches beyond" if longest > left.steps else "comes only after"
            yield (
                f"{name}: {key}={text_of(schedule.parameters[key])} {reaches} the {left.steps:,} steps that "
                f"it has ({horizon.epochs} epochs), so it is cut off or never seen; train longer, or "
                f"write {key} in %."
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


def _low_head(name: str, table: Rates, horizon: Horizon) -> Iterator[str]:
    """Whole epochs at the beginning at rates so low that they change next to nothing."""
    by_epoch = table.reshape(horizon.epochs, horizon.steps_per_epoch).max(axis=1)
    head = int(np.argmax(by_epoch >= LOW * table.max()))
    if head:
        yield (
            f"{name} begins at the rate {table[0]:.2g}, and its first {head} of {horizon.epochs} epochs stay "
            f"below {100 * LOW:g} % of its highest rate, so they change next to nothing; let it begin higher, "
            "or climb sooner."
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


def _idle_cooldown(name: str, schedule: Schedule, horizon: Horizon) -> Iterator[str]:
    """A cooldown of plateau that is over before it has kept anything from being counted."""
    rule = schedule.feedback(horizon)
    asked = schedule.parameters["cooldown"]
    if rule and asked.value and not rule.cooldown:
        yield (
            f"{name}: cooldown={asked} is one epoch, and the last epoch of a cooldown counts, as in Keras, so it "
            "changes nothing; write 2 epochs or more, or leave it out."
        )


def _twins(
    names: Sequence[str], schedules: Sequence[Schedule], tables: Sequence[Rates], horizon: Horizon
) -> Iterator[str]:
    """Schedules that are the same curve: their difference is 0 by construction."""
    seen: dict[Any, str] = {}
    for name, schedule, table in zip(names, schedules, tables, strict=True):
        rule = schedule.feedback(horizon)
        key = (table.astype(np.float32).tobytes(), rule and same_rule(rule))  # as an optimizer uses them
        if key in seen:
            yield (
                f"{name} and {seen[key]} are the same curve over {horizon.epochs} epochs, "
                "so their difference is 0; leave one out."
            )
        seen.setdefault(key, name)
