"""Schedules before any training: curves in the terminal, first, mean and last rate, warnings, the table itself."""

import csv
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import plotille
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lrbench.schedules import Horizon, Schedule, called, warnings
from lrbench.schedules.base import Rates
from lrbench.show import PIPE_WIDTH
from lrbench.show.labels import Label
from lrbench.show.styles import styles

POINTS = 120  # of a curve in the terminal
LEVELS = "▁▂▃▄▅▆▇█"
NARROWEST = 40  # columns for a label beside its first and last rate; a narrower terminal wraps the lines
WIDEST = 100  # columns of the curves
BESIDE = 13  # columns left of the curves
ARROW = "->"  # at the end of their x axis
SPARE = ("curve", "mean")  # what the table can do without, the first to go first


def sparkline(table: Rates, width: int = 16) -> str:
    """Draw a curve in one line of block characters, its highest rate at full height."""
    columns = np.array([part.mean() for part in np.array_split(table, min(width, len(table)))])
    top = columns.max() or 1
    return "".join(LEVELS[round(value / top * (len(LEVELS) - 1))] for value in columns)


def console_on(stream: TextIO) -> Console:
    """Return a console as wide as COLUMNS says, or else the terminal; elsewhere, as wide as a pipe."""
    width, height = shutil.get_terminal_size((PIPE_WIDTH, 24))
    return Console(file=stream, highlight=False, markup=False, width=width, height=height)


def write_terminal(
    tables: Mapping[str, Rates], warned: Sequence[str], stream: TextIO, *, x_label: str, x_end: float
) -> None:
    """Draw the curves, a table of their rates, and the warnings."""
    console = console_on(stream)
    console.width = max(console.width, NARROWEST)
    colourful = console.is_terminal and not console.no_color and not console.is_dumb_terminal
    marks = {label: "•" if colourful else chr(ord("a") + i % 26) for i, label in enumerate(tables)}
    console.print(Text.from_ansi(_figure(tables, marks, colourful, min(console.width, WIDEST), x_label, x_end)))
    console.print(_fitting(tables, marks, colourful, console))
    for warning in warned:
        console.print(f"Warning: {warning}")


def _fitting(tables: Mapping[str, Rates], marks: Mapping[str, str], colourful: bool, console: Console) -> Table:
    """The table of the rates, and below it the names of the columns that the terminal has no room for."""
    for n in range(len(SPARE) + 1):
        listing = _listing(tables, marks, colourful, SPARE[:n])
        if _least_width(listing, console) <= console.width:
            break
    return listing


def _least_width(listing: Table, console: Console) -> int:
    """The columns that a table takes with its labels wrapped."""
    boundless = console.options.update(max_width=PIPE_WIDTH * 10)  # a measure never exceeds its options' width
    return Measurement.get(console, boundless, listing).minimum


def _listing(
    tables: Mapping[str, Rates], marks: Mapping[str, str], colourful: bool, left_out: Sequence[str]
) -> Table:
    """The table without some of its columns."""
    caption = f"Left out for want of room: {', '.join(left_out)}." if left_out else None
    listing = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=caption, caption_justify="left")
    listing.add_column()
    listing.add_column("scheduler", min_width=len("scheduler"))
    shown = [name for name in ("curve", "first", "mean", "last") if name not in left_out]
    drawn = styles(tables)
    for name in shown:
        listing.add_column(name, justify="left" if name == "curve" else "right", no_wrap=True)
    for label, table in tables.items():
        mark = Text(marks[label], style=f"color({drawn[label].terminal})" if colourful else "")
        ends = {"first": table[0], "mean": table.mean(), "last": table[-1]}
        cells = {"curve": sparkline(table)} | {name: f"{value:.4g}" for name, value in ends.items()}
        listing.add_row(mark, Label(label), *(cells[name] for name in shown))
    return listing


def _figure(
    tables: Mapping[str, Rates],
    marks: Mapping[str, str],
    colourful: bool,
    columns: int,
    x_label: str,
    x_end: float,
) -> str:
    """The curves and their axes, in so many columns."""
    figure = plotille.Figure()
    room = columns - BESIDE - max(len(_tick(x_end)), len(ARROW))
    figure.width, figure.height = room - room % 10, 16  # so that the last tick, one of every ten, is the end
    figure.color_mode = "byte"
    figure.with_colors = colourful
    figure.x_label, figure.y_label = "", "rate"
    figure.x_ticks_fkt = lambda value, _: _tick(value)
    figure.y_ticks_fkt = lambda value, _: f"{value:.4g}"
    figure.set_x_limits(0, x_end)
    figure.set_y_limits(0, 1.05 * max(float(table.max()) for table in tables.values()) or 1)
    drawn = styles(tables)
    for label, table in tables.items():
        steps = np.unique(np.linspace(0, len(table) - 1, POINTS).astype(int))
        x = [float(step) * x_end / len(table) for step in steps]
        y = [float(rate) for rate in table[steps]]
        if colourful:
            figure.plot(x, y, lc=drawn[label].terminal)
        else:
            figure.plot(x, y, interp=None, marker=marks[label])
    lines = str(figure.show()).replace("-> ()", ARROW).splitlines()
    return "\n".join([*map(str.rstrip, lines), " " * BESIDE + x_label])  # beside the arrow is no room for a label


def _tick(value: float) -> str:
    """A number on the x axis, in at most the nine characters that stand there."""
    return f"{value:,.0f}" if value < 1e7 else f"{value:.3g}"


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
