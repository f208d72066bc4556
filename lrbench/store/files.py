"""Single files: written whole, read strictly.

Every file is written to a temporary one in the same folder, flushed to the disk, and renamed: at every moment
either the old or the new content stands there. CSV floats are `repr`, so that they read back exactly.
"""

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

from lrbench.errors import BadResults
from lrbench.plan import SCHEMA_VERSION
from lrbench.records import EpochRow

TEMPORARY = ".tmp-"  # how the name of a file begins that is not whole yet
COLUMNS = [field.name for field in fields(EpochRow)]


class Damaged(Exception):
    """A stored file cannot be trusted: which file, where in it, and why, in one line."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole: old content or new, never half, whatever happens in between."""
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.chmod(temporary, 0o644)  # noqa: PTH101 # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    _sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written. Only who holds the folder's lock may call this."""
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole, with its schema's version."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **value}, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, (text + "\n").encode())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def table_bytes(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> bytes:
    """CSV with one header line; floats as repr, so that they read back exactly; None as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


cells = attrgetter(*COLUMNS)  # of a row, in the order of the columns; ten times faster than dataclasses.astuple


def table_of(rows: Iterable[EpochRow]) -> bytes:
    """Return the content of a run's epochs.csv."""
    return table_bytes(COLUMNS, map(cells, rows))


def unwritable(path: Path, error: OSError) -> BadResults:
    """Return the error for a place that cannot be written."""
    return BadResults(
        f"{path} cannot be written: {error.strerror or error}.",
        "Choose another results folder with -o, or free the place.",
    )


def read_bytes(path: Path) -> bytes:
    """Read a stored file. Raises Damaged."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a record that write_json wrote. Raises Damaged."""
    try:
        value = json.loads(read_bytes(path), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Damaged(f"{path}: not the JSON of a record")
    if value.get("schema_version") != SCHEMA_VERSION:
        raise Damaged(
            f"{path}: schema_version is {value.get('schema_version')}, this lrbench reads {SCHEMA_VERSION}"
        )
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read_table(path: Path, content: bytes, columns: list[str]) -> list[dict[str, Any]]:
    """Read a table of epochs strictly. Raises Damaged with the file and the line."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Damaged(f"{path}: line {line}: not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    readers = [_READERS[name] for name in columns]
    rows = []
    try:
        header = next(reader, None)
        if header != columns:
            raise Damaged(f"{path}: line 1: the columns are not {','.join(columns)}")
        for cells in reader:
            if len(cells) != len(columns):
                raise ValueError(f"{len(cells)} cells instead of {len(columns)}")
            rows.append({name: read(cell) for name, read, cell in zip(columns, readers, cells, strict=True)})
    except (csv.Error, ValueError) as error:
        raise Damaged(f"{path}: line {reader.line_num}: {error}") from error
    if not text.endswith("\n"):
        raise Damaged(f"{path}: line {reader.line_num}: the line is cut off")
    return rows


def _optional(cell: str) -> float | None:
    return float(cell) if cell else None


_BY_TYPE: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, float | None: _optional}
_READERS = {name: _BY_TYPE[kind] for name, kind in get_type_hints(EpochRow).items()}
