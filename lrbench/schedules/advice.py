"""What is odd about a schedule on a horizon: what was seen, its likely cause, and what to do."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lrbench.schedules.base import Horizon, Rates, Span, text_of
from lrbench.schedules.schedule import Schedule, rates

ENDS_HIGH = 0.5  # of its own highest rate: a curve that fell below that and ends above it did not arrive
TINY = 1e-5  # of the peak: what is learnt below it cannot be seen


def warnings(schedules: Sequence[Schedule], horizon: Horizon) -> list[str]:
    """Return a line for everything odd about schedules that are to be compared on one horizon. Raises BadSpec."""
    tables = [rates(schedule, horizon) for schedule in schedules]
    found = []
    for schedule, table in zip(schedules, tables, strict=True):
        found += list(_beyond(schedule, horizon))
        found += list(_ends_high(schedule, table, horizon))
        found += list(_flat_tail(schedule, table, horizon))
    return found + list(_twins(schedules, tables, horizon))


def _beyond(schedule: Schedule, horizon: Horizon) -> Iterator[str]:
    """Spans beyond the horizon: a boundary that never comes, a decay that has hardly begun."""
    for key, value in schedule.parameters.items():
        for span in value if isinstance(value, tuple) else (value,):
            if isinstance(span, Span) and span.steps(horizon) > horizon.steps:
                yield (
                    f"{schedule.label}: {key}={text_of(value)} reaches beyond the {horizon.steps:,} steps "
                    f"({horizon.epochs} epochs), so the schedule is cut off; train longer, or write {key} in %."
                )
                break


def _ends_high(schedule: Schedule, table: Rates, horizon: Horizon) -> Iterator[str]:
    """A curve that rises again after its low and ends high: its last cycle is cut off."""
    end, highest = float(table[-1]), float(table.max())
    low = float(table[int(np.argmax(table)) :].min())
    if end > ENDS_HIGH * highest and end > 2 * low:
        yield (
            f"{schedule.label} ends at the rate {end:.3g}, {100 * end / highest:.0f} % of its highest: its last "
            "cycle is cut off; choose cycles that fill the horizon, or take its result as one at a high rate."
        )


def _flat_tail(schedule: Schedule, table: Rates, horizon: Horizon) -> Iterator[str]:
    """Whole epochs at rates so low that they change nothing."""
    by_epoch = table.reshape(horizon.epochs, horizon.steps_per_epoch).max(axis=1)
    tail = int(np.argmax(by_epoch[::-1] >= TINY * table.max()))
    if tail:
        yield (
            f"{schedule.label} falls to the rate {table[-1]:.1g}, so the last {tail} of {horizon.epochs} epochs "
            "change nothing; let it fall more slowly, or train for fewer epochs."
        )


def _twins(schedules: Sequence[Schedule], tables: Sequence[Rates], horizon: Horizon) -> Iterator[str]:
    """Schedules that are the same curve: their difference is 0 by construction."""
    seen: dict[Any, str] = {}
    for schedule, table in zip(schedules, tables, strict=True):
        key = (table.tobytes(), schedule.feedback(horizon))
        if key in seen:
            yield (
                f"{schedule.label} and {seen[key]} are the same curve over {horizon.epochs} epochs, "
                "so their difference is 0; leave one out."
            )
        seen.setdefault(key, schedule.label)
