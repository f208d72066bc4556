"""Results from elsewhere: any CSV with the columns `scheduler`, `seed` and a figure, one line per run."""

import csv
import math
from pathlib import Path

from lrbench.comparisons import COSTS, Scores
from lrbench.errors import BadResults, nearest

KEYS = ("scheduler", "seed")


def read_scores(path: Path, metric: str, lower_is_better: bool | None = None) -> Scores:
    """Read a figure of every run. An empty cell, or one that is not finite, is a run that did not finish.

    With a column `epoch`, the last epoch of each run counts. `lower_is_better` None: decided by the figure's name.
    Raises BadResults.
    """
    hint = "It needs a header line with the columns scheduler, seed and a figure, and a line per run."
    values: dict[str, dict[int, float | None]] = {}
    epochs: dict[tuple[str, int], float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = list(reader.fieldnames or [])
            missing = [key for key in KEYS if key not in columns]
            if missing:
                raise BadResults(f"{path} has no column {missing[0]!r}.", hint)
            if metric not in columns:
                figures = [name for name in columns if name not in (*KEYS, "epoch")]
                raise BadResults(
                    f"{path} has no column {metric!r}.", f"{nearest(metric, figures)} Give it as --metric."
                )
            for row in reader:
                label, seed, epoch = _identity(row)
                known = epochs.get((label, seed))
                if known is not None and epoch == known:
                    raise ValueError(f"{label}, seed {seed} stands twice; one line per run, or a column epoch")
                if known is None or epoch > known:
                    epochs[label, seed] = epoch
                    values.setdefault(label, {})[seed] = _figure(row[metric])
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {error.strerror}.", "Check its name and rights.") from error
    except (ValueError, csv.Error) as error:  # UnicodeDecodeError is one
        raise BadResults(f"{path}: line {reader.line_num}: {error}.", hint) from error
    if not values:
        raise BadResults(f"{path} holds no run.", hint)
    words = metric.lower().replace("-", "_").split("_")
    lower = any(word in COSTS for word in words) if lower_is_better is None else lower_is_better
    return Scores(metric, lower, values)


def _identity(row: dict[str, str | None]) -> tuple[str, int, float]:
    label, seed = row["scheduler"], row["seed"]
    if not label or not label.isprintable() or len(label) > 200:
        raise ValueError("the scheduler is no name")
    if seed is None or not seed.strip().isdecimal():
        raise ValueError(f"the seed {seed!r} is no whole number")
    epoch = float(row.get("epoch") or 0)
    if not math.isfinite(epoch):
        raise ValueError(f"the epoch {row.get('epoch')!r} is no number")
    return label, int(seed), epoch


def _figure(cell: str | None) -> float | None:
    value = float(cell) if cell and cell.strip() else math.nan
    return value if math.isfinite(value) else None
