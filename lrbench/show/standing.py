"""The standing while runs are still training: a small table below the bars, the best mean first."""

import math
from collections import defaultdict
from dataclasses import dataclass

from rich.table import Column, Table
from rich.text import Text

from lrbench.judging.statistics import mean_interval
from lrbench.runs import Finished
from lrbench.runs import Status
from lrbench.show import printable

MOST_ROWS = 8  # so that the bars and what was said before stay in sight
LABEL_WIDTH = 28  # cells


@dataclass(frozen=True, slots=True)
class Row:
    """How a schedule stands. Accuracies are fractions 0..1, nan where there is none yet."""

    label: str
    n: int  # runs that finished: the mean is over these
    lost: int  # runs that diverged or failed
    mean: float
    half: float  # of the 95 % t interval; nan with fewer than two runs

    @property
    def cells(self) -> tuple[str, str, str]:
        """The label, n and the accuracy, for people."""
        spread = "" if math.isnan(self.half) else f" ± {100 * self.half:.2f}"
        accuracy = "–" if math.isnan(self.mean) else f"{100 * self.mean:.2f}{spread} %"
        return printable(self.label), f"{self.n}, {self.lost} lost" if self.lost else str(self.n), accuracy


class Standing:
    """Counts finished runs. One thread adds, another may draw meanwhile."""

    def __init__(self) -> None:
        self._accuracies: dict[str, list[float]] = defaultdict(list)
        self._lost: dict[str, int] = defaultdict(int)
        self._by_label: dict[str, Row] = {}
        self.rows: tuple[Row, ...] = ()  # replaced whole, never changed: a drawing thread sees the old or the new

    def add(self, finished: Finished) -> None:
        """Take in a run that ended."""
        label, result = finished.run.schedule.label, finished.result
        values = self._accuracies[label]
        if result.status is Status.DONE and result.test_accuracy is not None:
            values.append(result.test_accuracy)
        else:
            self._lost[label] += 1
        low, high = mean_interval(values)
        mean = sum(values) / len(values) if values else math.nan
        self._by_label[label] = Row(label, len(values), self._lost[label], mean, (high - low) / 2)
        self.rows = tuple(sorted(self._by_label.values(), key=_best_first))

    def table(self, room: int) -> Table | None:
        """Draw the best rows in at most `room` lines; None if there is nothing to draw, or no room for it."""
        rows = self.rows
        most = min(MOST_ROWS, room - 1)  # a line for the heading
        if len(rows) > most:
            most = min(MOST_ROWS, room - 2)  # and one that says how many are left out
        if not rows or most < 1:
            return None
        table = Table(
            Column("scheduler", no_wrap=True),
            Column("n", justify="right", no_wrap=True),
            Column("test accuracy so far", justify="right", no_wrap=True),
            box=None,
            padding=(0, 2, 0, 0),
        )
        for row in rows[:most]:
            label, *figures = [Text(cell) for cell in row.cells]  # Text: a label's [red] is no markup
            label.truncate(LABEL_WIDTH, overflow="ellipsis")
            table.add_row(label, *figures)
        if len(rows) > most:
            table.add_row(Text(f"… and {len(rows) - most} more"))
        return table


def _best_first(row: Row) -> tuple[bool, float, str]:
    return math.isnan(row.mean), -row.mean, row.label
