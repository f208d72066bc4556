"""Tables in files, whoever wrote them: delimited text, also compressed, Parquet, JSON. Cells are text."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrbench.errors import BadResults
from lrbench.foreign import STANDARD, input_name, place, read_input, require
from lrbench.judging.exports import KEY, ExportNote, note_from, rows_of

ENDINGS = (".csv", ".tsv", ".txt", ".psv", ".json", ".jsonl", ".ndjson", ".parquet")  # also with .gz after them
DELIMITERS = ",;\t|"
MOST_NAMED = 20  # columns in a message
_DECIMAL = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
_DECIMAL_COMMA = re.compile(r"([-+]?\d*),(\d+([eE][-+]?\d+)?)")
_RULE = re.compile(r":?-+:?")  # below the header of a Markdown table


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, "" where one is absent, and for each row its place in the file: `line 3`."""

    called: str  # the file, in messages
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    places: Sequence[str]
    note: ExportNote | None = None  # what `lrbench export` noted beside the rows

    def find(self, name: str) -> int | None:
        """Return where a column is; upper and lower case do not matter unless they tell two columns apart."""
        if name in self.columns:
            return self.columns.index(name)
        alike = [i for i, column in enumerate(self.columns) if column.lower() == name.lower()]
        return alike[0] if len(alike) == 1 else None

    def missing(self, name: str, hint: str) -> BadResults:
        """Return the error for a column that is not there; it lists those that are."""
        shown = [column for column in self.columns if column][:MOST_NAMED]
        more = len(self.columns) - len(shown)
        listed = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        return BadResults(f"{self.called} has no column {name!r}. Its columns: {listed}.", hint)

    def error(self, row: int, problem: str, hint: str) -> BadResults:
        """Return the error for a row that cannot be read."""
        return BadResults(f"{self.called}: {self.places[row]}: {problem}.", hint)


def is_table(path: Path) -> bool:
    """Whether a path means a table rather than a results folder: by its name, or because it is a file.

    Raises BadResults for a path that the system refuses.
    """
    name = path.name.lower().removesuffix(".gz")
    with place(path, "read"):
        return str(path) == STANDARD or (not path.is_dir() and (name.endswith(ENDINGS) or path.is_file()))


def read_table(path: Path) -> Table:
    """Read a table; the path `-` is standard input. What a file is, its content says. Raises BadResults."""
    called = input_name(path)
    with place(path, "read"):
        content = read_input(path)
        try:
            if content.startswith(b"\x1f\x8b"):
                content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadResults(f"{called} cannot be decompressed: {error}.", "Make the .gz file again.") from error
        if content.startswith(b"PAR1"):
            table = _of_parquet(called, content)
        else:
            text = _decoded(called, content)
            table = _of_json(called, text) if text.lstrip().startswith(("[", "{")) else _of_text(called, text)
    named = [column for column in table.columns if column]
    if len(set(named)) < len(named):
        twice = next(column for column in named if named.count(column) > 1)
        raise BadResults(f"{called} has two columns of the same name, {twice!r}.", "Rename one of them.")
    return table


def _decoded(called: str, content: bytes) -> str:
    """Return the text; a spreadsheet's "Unicode text" is UTF-16. Raises BadResults."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadResults(
            f"{called}: line {line}: not UTF-8 text.",
            "Save the table as CSV in UTF-8, as Parquet or as JSON.",
        ) from error
    if "\0" in text:
        raise BadResults(f"{called} is not a table.", "Save it as CSV in UTF-8, as Parquet or as JSON.")
    return text


def _of_text(called: str, text: str) -> Table:
    """Read delimited text: commas, semicolons, tabs or pipes, whichever the header has the most of."""
    first = text.lstrip().partition("\n")[0]
    if not first:
        raise BadResults(f"{called} is empty.", "It needs a header line, and a line per run.")
    delimiter = max(DELIMITERS, key=first.count)  # commas where nothing says otherwise
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[tuple[str, tuple[str, ...]]] = []
    try:
        for line in reader:
            if line:
                lines.append((f"line {reader.line_num}", tuple(cell.strip() for cell in line)))
    except csv.Error as error:
        raise BadResults(f"{called}: line {reader.line_num}: {error}.", "Write each cell in one line.") from error
    columns, rows = lines[0][1], lines[1:]
    if delimiter == "|" and columns[:1] == ("",) and columns[-1:] == ("",):  # Markdown
        columns = columns[1:-1]
        rows = [(at, cells[1:-1]) for at, cells in rows if not all(map(_RULE.fullmatch, cells[1:-1]))]
    for at, cells in rows:
        if any(cells[len(columns) :]):
            comma = " (a comma as the decimal point?)" if delimiter == "," else ""
            raise BadResults(f"{called}: {at}: more cells than columns{comma}.", "Give every cell a column.")
    table = [tuple([*cells, *[""] * len(columns)][: len(columns)]) for _, cells in rows]
    if delimiter == ";" and not any(_DECIMAL.fullmatch(cell) for cells in table for cell in cells):
        table = [
            tuple(_DECIMAL_COMMA.sub(r"\1.\2", cell) if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells)
            for cells in table
        ]
    return Table(called, columns, table, [at for at, _ in rows])


def _of_parquet(called: str, content: bytes) -> Table:
    require("pyarrow", "parquet", "Reading Parquet")
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content), use_threads=False, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise BadResults(f"{called} is no whole Parquet file: {error}.", "Write the file again.") from error
    columns = [map(_cell, column.to_pylist()) for column in table.columns]
    rows = list(zip(*columns, strict=True))
    note = (table.schema.metadata or {}).get(KEY.encode())
    return Table(
        called,
        tuple(table.column_names),
        rows,
        [f"row {i}" for i in range(1, len(rows) + 1)],
        note_from(called, _loads(called, note.decode())) if note else None,
    )


def _of_json(called: str, text: str) -> Table:
    """Read a list of records, a line for each record, lists by column, or what `lrbench export` wrote."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()
        if not _is_lines(lines):
            value = _loads(called, text)  # raises with the place of the fault
        value = [_loads(called, line) for line in lines if line.strip()]
    if isinstance(value, dict) and KEY in value:
        note = note_from(called, value[KEY])
        return replace(_of_records(called, rows_of(called, value)), note=note)
    if isinstance(value, dict) and value and all(isinstance(each, list) for each in value.values()):
        if len({len(each) for each in value.values()}) > 1:
            raise BadResults(f"{called}: its columns differ in length.", "Write a list of records.")
        value = [dict(zip(value, cells, strict=True)) for cells in zip(*value.values(), strict=True)]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadResults(
            f"{called} is not a table: expected a list of records.",
            'Write, for example, [{"scheduler": "cosine", "seed": 0, "accuracy": 0.97}].',
        )
    return _of_records(called, value)


def _of_records(called: str, records: Sequence[dict[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    rows = [tuple(_cell(record.get(column)) for column in columns) for record in records]
    return Table(called, columns, rows, [f"record {i}" for i in range(1, len(rows) + 1)])


def _is_lines(lines: Iterable[str]) -> bool:
    """Whether each line that is not empty is a record of its own."""
    whole = [line.strip() for line in lines if line.strip()]
    return len(whole) > 1 and all(line.startswith("{") and line.endswith("}") for line in whole)


def _loads(called: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadResults(f"{called} is no whole JSON: {error}.", "Write the file again.") from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)
