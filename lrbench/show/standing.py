"""The standing while runs are still training: a small table below the bars, the best mean first."""

import math
from collections import defaultdict
from dataclasses import dataclass

from rich.table import Column, Table
from rich.text import Text

from lrbench.judging.statistics import mean_interval
from lrbench.runs import Figure, Finished
from lrbench.show import numbers, printable

MOST_ROWS = 8  # so that the bars and what was said before stay in sight
LABEL_WIDTH = 28  # cells


@dataclass(frozen=True, slots=True)
class Row:
    """How a schedule stands, by its figure's mean: nan where there is none yet."""

    label: str
    n: int  # runs that finished: the mean is over these
    lost: int  # runs that diverged or failed
    mean: float
    half: float  # of the 95 % t interval; nan with fewer than two runs
    is_share: bool

    @property
    def cells(self) -> tuple[str, str, str]:
        """The label, n and the mean, for people."""
        mean = numbers.with_spread(self.mean, self.half, self.n, self.is_share)
        return printable(self.label), f"{self.n}, {self.lost} lost" if self.lost else str(self.n), mean


class Standing:
    """Counts finished runs. One thread adds, another may draw meanwhile."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure  # of the test examples
        self._values: dict[str, list[float]] = defaultdict(list)
        self._lost: dict[str, int] = defaultdict(int)
        self._by_label: dict[str, Row] = {}
        self.rows: tuple[Row, ...] = ()  # replaced whole, never changed: a drawing thread sees the old or the new

    def add(self, label: str, finished: Finished) -> None:
        """Take in a run that ended, of the schedule that is called so."""
        values = self._values[label]
        value = finished.final(f"test_{self._figure.name}")
        if value is None:
            self._lost[label] += 1
        else:
            values.append(value)
        low, high = mean_interval(values)
        mean = sum(values) / len(values) if values else math.nan
        half = (high - low) / 2
        self._by_label[label] = Row(label, len(values), self._lost[label], mean, half, self._figure.is_share)
        sign = 1 if self._figure.better == "lower" else -1
        best_first = sorted(
            self._by_label.values(), key=lambda row: (math.isnan(row.mean), sign * row.mean, row.label)
        )
        self.rows = tuple(best_first)

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
            Column(f"test {self._figure.title} so far", justify="right", no_wrap=True),
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
