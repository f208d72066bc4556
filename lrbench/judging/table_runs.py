"""From the rows of a table to its runs: each one's last value of a figure, and how it ended."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lrbench.judging.table_files import Table

KEYS = ("scheduler", "seed")
PLACES = ("epoch", "step")  # what orders the rows of a run
STATUS = ("status", "state")
HINT = "It needs a header line with the columns scheduler, seed and a figure, and a line per run."
LOST = frozenset(["failed", "fail", "failure", "error", "crashed", "killed", "aborted", "pruned", "diverged"])
TRAIN_LOSSES = frozenset(["loss", "train_loss", "training_loss", "train/loss", "loss/train", "train_loss_epoch"])
NO_FIGURE = frozenset([*KEYS, *PLACES, *STATUS, "run_id", "spec", "lr", "lr_first", "experiment"])
LARGEST = 1e100  # so that no square of a difference overflows
NUMBERS = 50  # rows that are looked at for what is a number

Place = tuple[float, ...]  # epoch, step
Key = tuple[str, int]  # the schedule's label, the seed


@dataclass(slots=True)
class RunOfTable:
    """What the rows of a run say, up to the one that was read last."""

    end: Place | None = None  # where its last row stands; None before the first
    value: float | None = None  # the last one that was logged; it need not be finite
    value_at: Place | None = None
    losses: dict[int, tuple[Place, float]] = field(default_factory=dict)  # by column: the last training loss
    status: str = ""

    @property
    def final(self) -> float | None:
        """The figure at the end of the run; None if the run is lost."""
        diverged = any(not math.isfinite(loss) for _, loss in self.losses.values())
        if self.value is None or not math.isfinite(self.value) or diverged or self.status in LOST:
            return None
        return self.value


def runs_of(table: Table, metric: str, losses: frozenset[str] = TRAIN_LOSSES) -> Mapping[Key, RunOfTable]:
    """Return the runs of a table. `losses` are the columns that tell of a divergence. Raises BadResults."""
    for key in KEYS:
        if table.find(key) is None:
            raise table.missing(key, HINT)
    figure = table.find(metric)
    if figure is None:
        known = figures_of(table)
        near = difflib.get_close_matches(metric, known, n=1, cutoff=0.5)
        example = [*near, *known, "NAME"][0]
        raise table.missing(metric, f"{f'Did you mean {example!r}? ' if near else ''}Write metric={example}")
    labels, seeds = _indices(table, KEYS)
    places, states = _indices(table, PLACES), _indices(table, STATUS)
    of_loss = [i for i, name in enumerate(table.columns) if name.lower() in losses]
    runs: dict[Key, RunOfTable] = {}
    for number, cells in enumerate(table.rows):
        try:
            label, seed = _label(cells[labels]), _seed(cells[seeds])
            run = runs.setdefault((label, seed), RunOfTable())
            at = _place(run, [cells[i] for i in places])
            value = _value(metric, cells[figure])
            if run.end is not None and (not places or (value is not None and at == run.value_at)):
                one_each = "one line per run, or a column epoch" if not places else "one line per run and epoch"
                raise ValueError(f"{label}, seed {seed} stands twice; {one_each}")
            if value is not None and (run.value_at is None or at > run.value_at):
                run.value, run.value_at = value, at
            for i in of_loss:
                if cells[i] and (i not in run.losses or at >= run.losses[i][0]):
                    run.losses[i] = at, float(cells[i])
            run.status = next((cells[i].lower() for i in states if cells[i]), run.status)
            run.end = max(run.end or at, at)
        except ValueError as error:
            raise table.error(number, str(error), HINT) from error
    return runs


def _indices(table: Table, names: Iterable[str]) -> list[int]:
    """Where those of the columns are that there are."""
    return [i for i in map(table.find, names) if i is not None]


def figures_of(table: Table) -> list[str]:
    """Return the columns that hold numbers and may be asked for."""
    numbers = [
        any(_is_number(cells[i]) for cells in table.rows[:NUMBERS]) and name.lower() not in NO_FIGURE
        for i, name in enumerate(table.columns)
    ]
    return [name for name, is_figure in zip(table.columns, numbers, strict=True) if name and is_figure]


def _label(cell: str) -> str:
    if not cell or not cell.isprintable() or len(cell) > 200:
        raise ValueError("the scheduler is no name")
    return cell


def _seed(cell: str) -> int:
    """Read a whole number; programs that know only floats write 0.0."""
    if cell.isdecimal():
        return int(cell)
    if _is_number(cell) and float(cell).is_integer() and float(cell) >= 0:
        return int(float(cell))
    raise ValueError(f"the seed {cell!r} is no whole number")


def _place(run: RunOfTable, cells: list[str]) -> Place:
    """Where a row stands in its run; what it leaves out is that of the row before."""
    at = tuple(float(cell) if cell else run.end[i] if run.end is not None else 0.0 for i, cell in enumerate(cells))
    if not all(map(math.isfinite, at)):
        raise ValueError(f"the epoch {' '.join(cells)!r} is no number")
    return at


def _value(metric: str, cell: str) -> float | None:
    """The figure that was logged, finite or not; None of an empty cell."""
    if not cell:
        return None
    value = float(cell)
    if math.isfinite(value) and abs(value) > LARGEST:
        raise ValueError(f"{metric} is {cell}, which is too large to compare")
    return value


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
