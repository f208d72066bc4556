"""Stored runs for other programs: JSON, Parquet, TensorBoard. pyarrow and tensorboard are extras.

JSON and Parquet are whole files. TensorBoard reads a folder per run; all of them are replaced together, so that a
second export does not draw every curve twice.
"""

import contextlib
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from lrbench.files import TEMPORARY, json_bytes
from lrbench.folders import Tree
from lrbench.foreign import finite, place, require
from lrbench.judging.exports import KEY, note_of
from lrbench.outputs import check_output, check_output_folder, write_output
from lrbench.runs import Experiment, Finished, Seconds
from lrbench.store.tables import KINDS, cells_of, columns_of

FOLDER = "export"  # in the experiment's folder
EVENTS = "events.out.tfevents.0.lrbench"  # the one file of a run; TensorBoard wants "tfevents" in its name
RUN_COLUMNS = {
    "run_id": str,
    "scheduler": str,
    "spec": str,
    "seed": int,
    "lr": float,
    "status": str,
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the type of each column: str, int, or float, where a cell may be None."""

    kinds: Mapping[str, type]
    rows: list[dict[str, Any]]


def write(experiment: Experiment, form: str, out: Path | None = None) -> list[Path]:
    """Write an experiment's runs into `out` (default: its export/) in one of the WRITERS. Return what was written.

    Raises MissingExtra, or BadResults if the place cannot be written or holds something else.
    """
    folder = out or experiment.folder / FOLDER
    with place(folder, "written"):
        return WRITERS[form](experiment, folder, experiment.folder if out is None else None)


def as_record(experiment: Experiment) -> dict[str, Any]:
    """Return every run and every epoch as JSON values; what is absent or not finite is null."""
    runs = [
        _run(name, one) | {"seconds": asdict(one.result.seconds), "rows": _rows(name, one)}
        for name, one in _named(experiment)
    ]
    record = {"experiment": _name(experiment), "setting": experiment.record(), "runs": runs}
    return dict(finite({KEY: note_of(experiment), **record}))


def epochs_of(experiment: Experiment) -> Table:
    """Return the experiment's epochs.csv: a row per epoch of every run."""
    columns = {"run_id": str} | {name: KINDS.get(name, float) for name in columns_of(experiment.setting.subject)}
    rows = [{"run_id": one.run_id} | row for name, one in _named(experiment) for row in _rows(name, one)]
    return Table(columns, rows)


def runs_of(experiment: Experiment) -> Table:
    """Return a row per run: what it was, how it ended, its test figures, its seconds."""
    figures = {f"test_{figure.name}": float for figure in experiment.setting.subject.figures}
    seconds = {f"seconds_{field.name}": float for field in fields(Seconds)}
    rows = [
        _run(name, one) | {f"seconds_{key}": value for key, value in asdict(one.result.seconds).items()}
        for name, one in _named(experiment)
    ]
    return Table(RUN_COLUMNS | figures | seconds, rows)


def _write_json(experiment: Experiment, folder: Path, within: Path | None) -> list[Path]:
    path = folder / f"{_name(experiment)}.json"
    write_output(path, json_bytes(as_record(experiment)), within)
    return [path]


def _write_parquet(experiment: Experiment, folder: Path, within: Path | None) -> list[Path]:
    """Two tables: epochs.parquet as the experiment's epochs.csv, runs.parquet with a row per run."""
    require("pyarrow", "parquet", "This export")
    import pyarrow as pa
    from pyarrow import parquet

    arrow: dict[Any, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    note = json.dumps(finite(note_of(experiment)), ensure_ascii=False, allow_nan=False)
    tables = {"epochs": epochs_of(experiment), "runs": runs_of(experiment)}
    paths = [folder / f"{name}.parquet" for name in tables]
    for path in paths:  # before any is replaced
        check_output(path)
    for path, table in zip(paths, tables.values(), strict=True):
        schema = pa.schema([(key, arrow[kind]) for key, kind in table.kinds.items()], {KEY: note})
        content = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(table.rows, schema), content)
        write_output(path, content.getvalue(), within)
    return paths


def _write_tensorboard(experiment: Experiment, folder: Path, within: Path | None) -> list[Path]:
    """A folder per run that has epochs, all below tensorboard/, which is replaced as a whole."""
    require("tensorboard", "tensorboard", "This export")
    target = folder / "tensorboard"
    check_output_folder(target, EVENTS)
    if within is None:
        folder.mkdir(parents=True, exist_ok=True)
    tree = Tree(within or folder.resolve())  # the user may name a link
    at = folder if within else folder.resolve()
    tree.make(at)
    workshop = tree.new_folder(at, f"{TEMPORARY}tensorboard")
    try:
        new = workshop / "new"
        new.mkdir()  # in what is ours alone; and not flushed file by file, for it can be exported again
        for one in experiment.finished:
            if one.result.rows:
                (new / one.run_id).mkdir()
                (new / one.run_id / EVENTS).write_bytes(_events(one))
        with contextlib.suppress(FileNotFoundError):
            tree.move(at / target.name, workshop / "old")
        tree.move(new, at / target.name)
    finally:
        with contextlib.suppress(OSError):
            tree.remove(workshop)
    return [target]


WRITERS: dict[str, Callable[[Experiment, Path, Path | None], list[Path]]] = {
    "parquet": _write_parquet,
    "tensorboard": _write_tensorboard,
    "json": _write_json,
}


def _events(one: Finished) -> bytes:
    """Return a run's event file: its epochs at their steps, and the test figures at the last.

    When an epoch ended is not stored: the measured training time is spread evenly, and ends now.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter  # EventFileWriter would load TensorFlow

    content = io.BytesIO()
    records = RecordWriter(content)

    def scalars(epoch: int, step: int, found: Mapping[str, float | None]) -> None:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in found.items() if value is not None]
        wall_time = start + seconds * epoch / len(rows)
        records.write(Event(wall_time=wall_time, step=step, summary=Summary(value=values)).SerializeToString())

    rows, seconds = one.result.rows, one.result.seconds.train
    names = [figure.name for figure in one.setting.subject.figures]
    columns = {f"{split}/{name}": one.column(f"{split}_{name}") for split in ("train", "val") for name in names}
    columns["learning_rate"] = one.column("lr")
    start = time.time() - seconds
    records.write(Event(wall_time=start, file_version="brain.Event:2").SerializeToString())
    for i, row in enumerate(rows):
        scalars(row.epoch, row.step, {tag: column[i] for tag, column in columns.items()})
    scalars(rows[-1].epoch, rows[-1].step, {f"test/{name}": one.final(f"test_{name}") for name in names})
    return content.getvalue()


def _named(experiment: Experiment) -> list[tuple[str, Finished]]:
    """Every run with the name of its schedule among all."""
    return [(experiment.names[one.schedule], one) for one in experiment.finished]


def _run(name: str, one: Finished) -> dict[str, Any]:
    return {
        "run_id": one.run_id,
        "scheduler": name,
        "spec": one.schedule.spec,
        "seed": one.seed,
        "lr": one.schedule.lr,
        "status": str(one.result.status),
        **{f"test_{figure.name}": one.final(f"test_{figure.name}") for figure in one.setting.subject.figures},
    }


def _rows(name: str, one: Finished) -> list[dict[str, Any]]:
    """Its epochs as the experiment's epochs.csv has them."""
    columns, cells = columns_of(one.setting.subject), cells_of(one.result.rows, one.setting.subject)
    return [dict(zip(columns, row, strict=True)) | {"scheduler": name} for row in cells]


def _name(experiment: Experiment) -> str:
    return experiment.name or experiment.folder.resolve().name  # "." has no name of its own
