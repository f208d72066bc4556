"""The summary as a table: for a terminal, or as CSV, JSON and Markdown for other programs."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from lrbench import summary
from lrbench.plan import Experiment
from lrbench.show import NARROWEST, PIPE_WIDTH, SummaryFormat, printable

HEADINGS = (
    "scheduler",
    "n",
    "test accuracy",
    "validation accuracy",
    "test loss",
    "final rate",
    "diverged",
    "failed",  # shown only where a run did
)


def write(experiments: Sequence[Experiment], form: SummaryFormat, stream: TextIO) -> None:
    """Write the summaries of experiments to a stream in the given format."""
    WRITERS[form](experiments, stream)


def _write_tables(experiments: Sequence[Experiment], stream: TextIO) -> None:
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)
    console.width = max(console.width, NARROWEST)
    for experiment in experiments:
        headings, rows = _rows(experiment)
        table = Table(
            *[heading.replace(" ", "\n") for heading in headings],  # two lines, to fit 80 columns
            title=Text(printable(f"{experiment.name}: {experiment.setting.describe()}")),
            title_justify="left",
            title_style="bold",
            caption=Text(_caption(experiment)),
            caption_justify="left",
            box=box.SIMPLE_HEAD if console.encoding.startswith("utf") else box.ASCII,
        )
        table.columns[0].overflow = "fold"
        table.columns[0].min_width = 10
        for column in table.columns[1:]:
            column.justify = "right"
            column.no_wrap = True
        for row in rows:
            table.add_row(*[Text(cell) for cell in row])
        console.print(table)


def _write_csv(experiments: Sequence[Experiment], stream: TextIO) -> None:
    stream.write(summary.as_csv(summary.summarize_all(experiments)))


def _write_json(experiments: Sequence[Experiment], stream: TextIO) -> None:
    records = [summary.as_record(experiment) for experiment in experiments]
    json.dump(records, stream, indent=2, allow_nan=False)
    stream.write("\n")


def _write_markdown(experiments: Sequence[Experiment], stream: TextIO) -> None:
    for experiment in experiments:
        headings, found = _rows(experiment)
        rows = [[_plain(cell) for cell in row] for row in found]
        right = ("left", *["right"] * (len(headings) - 1))
        stream.write(f"### {_plain(experiment.name)}\n\n{_plain(experiment.setting.describe())}\n\n")
        stream.write(tabulate(rows, headings, tablefmt="pipe", colalign=right, disable_numparse=True))
        stream.write(f"\n\n{_caption(experiment)}\n\n")


WRITERS: dict[SummaryFormat, Callable[[Sequence[Experiment], TextIO], None]] = {
    "table": _write_tables,
    "csv": _write_csv,
    "json": _write_json,
    "markdown": _write_markdown,
}


def _rows(experiment: Experiment) -> tuple[Sequence[str], list[list[str]]]:
    """Return the headings and the cells that people see."""
    rows = [_cells(row) for row in summary.summarize(experiment).to_dict(orient="records")]
    shown = len(HEADINGS) if any(row[-1] for row in rows) else len(HEADINGS) - 1
    return HEADINGS[:shown], [row[:shown] for row in rows]


def _cells(row: dict[Any, Any]) -> list[str]:
    half = (row["test_accuracy_high"] - row["test_accuracy_low"]) / 2
    accuracy = percent(row["test_accuracy_mean"])
    return [
        row["scheduler"],
        str(row["n"]),
        accuracy if math.isnan(half) else f"{accuracy.removesuffix(' %')} ± {100 * half:.2f} %",
        percent(row["val_accuracy_mean"]),
        "–" if math.isnan(row["test_loss_mean"]) else f"{row['test_loss_mean']:.4f}",
        "–" if math.isnan(row["final_rate_mean"]) else f"{row['final_rate_mean']:.3g}",
        str(row["diverged"] or ""),
        str(row["failed"] or ""),
    ]


def percent(fraction: float | None) -> str:
    """Write a fraction 0..1 as a percentage; absent or nan is a dash."""
    return "–" if fraction is None or math.isnan(fraction) else f"{100 * fraction:.2f} %"


def _caption(experiment: Experiment) -> str:
    seeds = {one.run.seed for one in experiment.finished}
    if len(seeds) < 2:
        said = "n = finished runs. One seed: a difference may be noise; add seeds, for example --seeds 10."
    else:
        said = "n = finished runs; ± is the 95 % t interval of the mean over them."
    if experiment.setting.validate_on == "test":
        said += " The validation figures are those of the TEST SET: nothing may be chosen by them."
    return said


def _plain(text: str) -> str:
    """Escape what Markdown and HTML would take for markup."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text
