"""Single files: written whole, read strictly.

Every file is written to a temporary one in the same folder, flushed to the disk, and renamed: at every moment
either the old or the new content stands there. CSV floats are `repr`, so that they read back exactly.
"""

import contextlib
import csv
import io
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

from lrbench.errors import BadResults
from lrbench.plan import SCHEMA_VERSION, Run, digest
from lrbench.records import EpochRow, Seconds

MOST_BYTES = 2**34  # of any file, MOST_JSON of a record: more is no file of ours
MOST_JSON = 2**24
SEAL = "record_sha256"  # the key of a record's own checksum
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
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder that survives a power cut, with those above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written. Only who holds the folder's lock may call this."""
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole, with its schema's version."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **value}, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, (text + "\n").encode())


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with its own sha256 at its end."""
    return {**record, SEAL: digest({"schema_version": SCHEMA_VERSION, **record})}


def check_record(path: Path, record: dict[str, Any]) -> None:
    """Check the sha256 of a record that `sealed` made. Raises Damaged."""
    rest = {key: value for key, value in record.items() if key != SEAL}
    if record.get(SEAL) != digest(rest):
        raise Damaged(f"{path}: its content is not what was stored: its {SEAL} does not match")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
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


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a stored file of at most so many bytes. Raises Damaged."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Damaged(f"{path}: not a file")
        if found.st_size > most:
            raise Damaged(f"{path}: {found.st_size:,} bytes are more than it can hold")
        return path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error
    except MemoryError as error:
        raise Damaged(f"{path}: too large for this machine's memory") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a record that write_json wrote. Raises Damaged."""
    try:
        value = json.loads(read_bytes(path, MOST_JSON), parse_constant=_no_constant)
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


def read_table(path: Path, content: bytes, columns: list[str], most: int) -> list[dict[str, Any]]:
    """Read a table of at most so many epochs strictly. Raises Damaged with the file and the line."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Damaged(f"{path}: line {line}: not UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    readers = [_READERS[name] for name in columns]
    rows: list[dict[str, Any]] = []
    try:
        header = next(reader, None)
        if header != columns:
            raise Damaged(f"{path}: line 1: the columns are not {','.join(columns)}")
        for cells in reader:
            if len(rows) == most:
                raise ValueError(f"a run of {most} epochs has no such line")
            if len(cells) != len(columns):
                raise ValueError(f"{len(cells)} cells instead of {len(columns)}")
            rows.append({name: read(cell) for name, read, cell in zip(columns, readers, cells, strict=True)})
    except (csv.Error, ValueError) as error:
        raise Damaged(f"{path}: line {reader.line_num}: {error}") from error
    if not text.endswith("\n"):
        raise Damaged(f"{path}: line {reader.line_num}: the line is cut off")
    return rows


def check_rows(path: Path, rows: Sequence[EpochRow], run: Run) -> None:
    """Check that rows are the first epochs of this run. Raises Damaged."""
    steps = run.setting.horizon.steps_per_epoch
    for i, row in enumerate(rows, start=1):
        if (row.scheduler, row.seed, row.epoch, row.step) != (run.schedule.label, run.seed, i, i * steps):
            raise Damaged(f"{path}: line {i + 1}: it is not this run's")


def seconds_of(record: dict[str, Any]) -> Seconds:
    """Read a record's seconds. Raises ValueError, or what a record of another shape leads to."""
    seconds = Seconds(**{key: float(value) for key, value in record["seconds"].items()})
    if not all(0 <= value < float("inf") for value in (seconds.compile, seconds.train, seconds.evaluate)):
        raise ValueError("its seconds are no seconds")
    return seconds


def _optional(cell: str) -> float | None:
    return float(cell) if cell else None


_BY_TYPE: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, float | None: _optional}
_READERS = {name: _BY_TYPE[kind] for name, kind in get_type_hints(EpochRow).items()}
