"""The table of a run's epochs, as CSV: floats as repr, so that they read back exactly; None as an empty cell."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

from lrbench.files import Damaged
from lrbench.runs import Finished, Row, Setting, Subject


def _optional(cell: str) -> float | None:
    return float(cell) if cell else None


_BY_TYPE: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, float | None: _optional}
KINDS = {name: kind for name, kind in get_type_hints(Row).items() if name not in ("train", "val")}
KEYS = [field.name for field in fields(Row) if field.name not in ("train", "val")]  # the figures come after them


def columns_of(subject: Subject) -> list[str]:
    """Return the columns of epochs.csv."""
    return [*KEYS, *subject.columns]


def table_of(rows: Iterable[Row], subject: Subject) -> bytes:
    """Return the content of a run's epochs.csv."""
    return _csv(columns_of(subject), cells_of(rows, subject))


def merged_table(finished: Sequence[Finished], names: Sequence[str], subject: Subject) -> bytes:
    """Return the table of all runs: each one's rows under its id, and under the name of its schedule among all."""
    whole = io.BytesIO()
    whole.write(_csv(["run_id", *columns_of(subject)], []))
    for one, name in zip(finished, names, strict=True):
        rows = ((one.run_id, name, *cells[1:]) for cells in cells_of(one.result.rows, subject))
        whole.write(_csv(None, rows))
    return whole.getvalue()


def read_rows(path: Path, content: bytes, setting: Setting) -> tuple[Row, ...]:
    """Read a run's table strictly; columns that this version does not know are left out.

    Raises Damaged with the file and the line.
    """
    text = _decoded(path, content)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        row_of = _row_reader(path, next(reader, []), setting.subject)
        for cells in reader:
            rows.append(row_of(cells))
            if len(rows) > setting.epochs:
                raise ValueError(f"a run of {setting.epochs} epochs has no such line")
            _check_place(rows, setting)
    except (csv.Error, ValueError) as error:
        raise Damaged(f"{path}: line {reader.line_num}: {error}") from error
    if not text.endswith("\n"):
        raise Damaged(f"{path}: line {reader.line_num}: the line is cut off")
    return tuple(rows)


def _row_reader(path: Path, header: list[str], subject: Subject) -> Callable[[list[str]], Row]:
    """Return what makes a row of a line's cells. Raises Damaged if the header lacks what a row needs."""
    at = {name: i for i, name in enumerate(header)}
    optional = {field.name for field in fields(Row) if field.default is not MISSING}
    needed = [name for name in columns_of(subject) if name not in optional]
    missing = [name for name in needed if name not in at]
    if missing or len(at) < len(header):
        raise Damaged(f"{path}: line 1: the columns are not {','.join(needed)}")
    keys = [(name, at[name], _BY_TYPE[KINDS[name]]) for name in KEYS if name in at]
    train, val = ([at[f"{split}_{figure.name}"] for figure in subject.figures] for split in ("train", "val"))

    def row_of(cells: list[str]) -> Row:
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} cells instead of {len(header)}")
        validated = any(cells[i] for i in val)
        return Row(
            **{name: read(cells[i]) for name, i, read in keys},
            train=tuple(float(cells[i]) for i in train),
            val=tuple(float(cells[i]) for i in val) if validated else None,
        )

    return row_of


def _check_place(rows: list[Row], setting: Setting) -> None:
    """Check that the last row follows the others. Raises ValueError."""
    row, first, n = rows[-1], rows[0], len(rows)
    place = (row.scheduler, row.seed, row.epoch, row.step)
    if place != (first.scheduler, first.seed, n, n * setting.horizon.steps_per_epoch):
        raise ValueError("it is not this run's")


def cells_of(rows: Iterable[Row], subject: Subject) -> Iterable[tuple[Any, ...]]:
    """Return each row's cells, in the order of the columns."""
    keys = attrgetter(*KEYS)  # ten times faster than dataclasses.astuple
    absent = (None,) * len(subject.figures)
    return ((*keys(row), *row.train, *(absent if row.val is None else row.val)) for row in rows)


def _csv(columns: list[str] | None, rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if columns:
        writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Damaged(f"{path}: line {line}: not UTF-8") from error
