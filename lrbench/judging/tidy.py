"""Results from elsewhere: any CSV with the columns `scheduler`, `seed` and a figure, one line per run."""

import csv
import io
import math
from pathlib import Path

from lrbench.errors import BadResults, nearest
from lrbench.foreign import input_name, place, read_input
from lrbench.judging.scores import Scores
from lrbench.judging.scores import lower_is_better as guess_direction

KEYS = ("scheduler", "seed")
LARGEST = 1e100  # so that no square of a difference overflows
REST = "\0"  # the key of the cells for which there is no column


def read_scores(path: Path, metric: str, lower_is_better: bool | None = None) -> Scores:
    """Read a figure of every run; the path `-` is standard input.

    An empty cell, or one that is not finite, is a run that did not finish. With a column `epoch`, the last one
    counts, and a run that ended before it did not finish. `lower_is_better` None: decided by the figure's name.
    Raises BadResults; BadConfig if the name does not say.
    """
    hint = "It needs a header line with the columns scheduler, seed and a figure, and a line per run."
    last: dict[str, dict[int, tuple[float, float | None]]] = {}  # the last epoch of each run, and its figure
    line = 1
    called = input_name(path)
    try:
        with place(path, "read"):
            text = io.StringIO(read_input(path).decode("utf-8-sig"), newline="")
            reader = csv.DictReader(text, restkey=REST, strict=True)
            columns = _check_columns(called, [name.strip() for name in reader.fieldnames or []], metric, hint)
            reader.fieldnames = columns
            for row in reader:
                line = reader.line_num
                label, seed, epoch = _identity(row)
                known = last.setdefault(label, {}).get(seed)
                if known and epoch == known[0]:
                    raise ValueError(f"{label}, seed {seed} stands twice; one line per run, or a column epoch")
                if known is None or epoch > known[0]:
                    last[label][seed] = epoch, _figure(row, metric)
    except (ValueError, csv.Error) as error:  # UnicodeDecodeError is one
        raise BadResults(f"{called}: line {line}: {error}.", hint) from error
    if not last:
        raise BadResults(f"{called} holds no run.", hint)
    end = max(epoch for runs in last.values() for epoch, _ in runs.values())  # who stopped before did not finish
    values = {
        label: {seed: value if epoch == end else None for seed, (epoch, value) in runs.items()}
        for label, runs in last.items()
    }
    lower = guess_direction(metric) if lower_is_better is None else lower_is_better
    figures = [value for runs in values.values() for value in runs.values() if value is not None]
    is_share = "accuracy" in metric and all(0 <= value <= 1 for value in figures)
    return Scores(metric, lower, values, is_share, "nats" if metric.endswith("_loss") else "")


def _check_columns(path: str, columns: list[str], metric: str, hint: str) -> list[str]:
    named = [name for name in columns if name]
    if len(named) == 1 and ";" in named[0]:
        raise BadResults(f"{path} is separated by semicolons.", "Save it with commas.")
    for key in KEYS:
        if key not in columns:
            raise BadResults(f"{path} has no column {key!r}.", hint)
    if metric not in columns:
        figures = [name for name in named if name not in (*KEYS, "epoch")]
        raise BadResults(
            f"{path} has no column {metric!r}.",
            f"{nearest(metric, figures)} Name it with metric={figures[0] if figures else 'NAME'}",
        )
    if len(set(named)) < len(named):
        raise BadResults(f"{path} has two columns of the same name.", "Give each its own.")
    return columns


def _identity(row: dict[str, str | None]) -> tuple[str, int, float]:
    label, seed = row["scheduler"], row["seed"]
    if any(cell.strip() for cell in row.get(REST) or ()):
        raise ValueError("more cells than columns (a comma as the decimal point?)")
    if not label or not label.isprintable() or len(label) > 200:
        raise ValueError("the scheduler is no name")
    if seed is None or not seed.strip().isdecimal():
        raise ValueError(f"the seed {seed!r} is no whole number")
    epoch = float(row.get("epoch") or 0)
    if not math.isfinite(epoch):
        raise ValueError(f"the epoch {row.get('epoch')!r} is no number")
    return label, int(seed), epoch


def _figure(row: dict[str, str | None], metric: str) -> float | None:
    """The figure; None if it, or a loss beside it, is absent or not finite."""
    cell = row[metric]
    value = float(cell) if cell and cell.strip() else math.nan
    for name, other in row.items():
        if name and "loss" in name and other and other.strip().lower() in ("inf", "-inf", "nan"):
            return None
    if math.isfinite(value) and abs(value) > LARGEST:
        raise ValueError(f"{metric} is {cell}, which is too large to compare")
    return value if math.isfinite(value) else None
