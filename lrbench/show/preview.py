"""Schedules before any training: curves in the terminal, first, mean and last rate, warnings, the table itself."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import plotille
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrbench.schedules import Horizon, Schedule, called, warnings
from lrbench.schedules.base import Rates
from lrbench.show import NARROWEST, PIPE_WIDTH

POINTS = 120  # of a curve in the terminal
COLOURS = ("white", "yellow", "bright_blue", "red", "green", "magenta", "cyan")
LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(table: Rates, width: int = 16) -> str:
    """Draw a curve in one line of block characters, its highest rate at full height."""
    columns = np.array([part.mean() for part in np.array_split(table, min(width, len(table)))])
    top = columns.max() or 1
    return "".join(LEVELS[round(value / top * (len(LEVELS) - 1))] for value in columns)


def write_terminal(
    tables: Mapping[str, Rates], warned: Sequence[str], stream: TextIO, *, x_label: str, x_end: float
) -> None:
    """Draw the curves, a table of their rates, and the warnings."""
    width = None if stream.isatty() else PIPE_WIDTH
    console = Console(file=stream, highlight=False, markup=False, width=width)
    console.width = max(console.width, NARROWEST)
    colourful = console.is_terminal and not console.no_color and not console.is_dumb_terminal
    marks = {label: "•" if colourful else chr(ord("a") + i % 26) for i, label in enumerate(tables)}
    console.print(Text.from_ansi(_figure(tables, marks, colourful, min(console.width, 100), x_label, x_end)))
    listing = Table("", "scheduler", "curve", "first", "mean", "last", box=box.SIMPLE_HEAD)
    for column in listing.columns[3:]:
        column.justify = "right"
    for i, (label, table) in enumerate(tables.items()):
        mark = Text(marks[label], style=COLOURS[i % len(COLOURS)] if colourful else "")
        figures = [f"{value:.4g}" for value in (table[0], table.mean(), table[-1])]
        listing.add_row(mark, Text(label, overflow="fold"), sparkline(table), *figures)
    console.print(listing)
    for warning in warned:
        console.print(f"Warning: {warning}")


def _figure(
    tables: Mapping[str, Rates],
    marks: Mapping[str, str],
    colourful: bool,
    columns: int,
    x_label: str,
    x_end: float,
) -> str:
    figure = plotille.Figure()
    figure.width, figure.height = max(columns - 20, 20), 16
    figure.color_mode = "names"
    figure.with_colors = colourful
    figure.x_label, figure.y_label = x_label, "rate"
    figure.x_ticks_fkt = lambda value, _: f"{value:,.0f}"
    figure.y_ticks_fkt = lambda value, _: f"{value:.4g}"
    figure.set_x_limits(0, x_end)
    figure.set_y_limits(0, 1.05 * max(float(table.max()) for table in tables.values()) or 1)
    for i, (label, table) in enumerate(tables.items()):
        steps = np.unique(np.linspace(0, len(table) - 1, POINTS).astype(int))
        x = [float(step) * x_end / len(table) for step in steps]
        y = [float(rate) for rate in table[steps]]
        if colourful:
            figure.plot(x, y, lc=COLOURS[i % len(COLOURS)])
        else:
            figure.plot(x, y, interp=None, marker=marks[label])
    return str(figure.show())


def write_csv(schedules: Sequence[Schedule], horizon: Horizon, stream: TextIO) -> None:
    """Write every rate as a tidy table: scheduler, epoch (from 1), step (from 0), lr."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["scheduler", "epoch", "step", "lr"])
    for name, schedule in zip(called(schedules), schedules, strict=True):
        for step, rate in enumerate(schedule.table(horizon).tolist()):
            writer.writerow([name, step // horizon.steps_per_epoch + 1, step, rate])


def write_json(schedules: Sequence[Schedule], horizon: Horizon, stream: TextIO) -> None:
    """Write every rate, with what is said about it, as one JSON object."""
    record = {
        "epochs": horizon.epochs,
        "steps_per_epoch": horizon.steps_per_epoch,
        "warnings": warnings(schedules, horizon),
        "schedulers": [
            _record(name, schedule, schedule.table(horizon))
            for name, schedule in zip(called(schedules), schedules, strict=True)
        ],
    }
    json.dump(record, stream, allow_nan=False)
    stream.write("\n")


def _record(name: str, schedule: Schedule, table: Rates) -> dict[str, Any]:
    ends = {"first": float(table[0]), "mean": float(table.mean()), "last": float(table[-1])}
    return {"scheduler": name, "spec": schedule.spec, **ends, "rates": table.tolist()}


WRITERS: dict[str, Callable[[Sequence[Schedule], Horizon, TextIO], None]] = {"csv": write_csv, "json": write_json}
