"""A run under way, between two epochs: one .npz without pickle, written whole.

It holds a record (which run, made on what, the feedback's memory), the rows so far as CSV, and every variable of
model and optimizer. Members are stored, not deflated, so that nothing in it is larger than the file.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from lrbench.files import Damaged, read_bytes
from lrbench.folders import Tree
from lrbench.runs import Checkpoint, Run, Seconds
from lrbench.schedules.feedback import PlateauState
from lrbench.store.records import SecondsRecord
from lrbench.store.schema import SCHEMA_VERSION
from lrbench.store.tables import read_rows, table_of

NAME = "checkpoint.npz"


def write_checkpoint(tree: Tree, path: Path, run: Run, checkpoint: Checkpoint, here: Mapping[str, Any]) -> None:
    """Write a checkpoint whole. `here` is what it was made on, if it does not say so itself."""
    record = {
        **_identity(run, checkpoint.made_on or here),
        "feedback": {key: repr(value) for key, value in asdict(checkpoint.feedback).items()},  # best may be inf
        "seconds": asdict(checkpoint.seconds),
    }
    rows = table_of(checkpoint.rows, run.setting.subject)
    arrays: dict[str, Any] = {
        "record": np.frombuffer(json.dumps(record).encode(), np.uint8),
        "rows": np.frombuffer(rows, np.uint8),
        **{f"variable-{i}": array for i, array in enumerate(checkpoint.state)},
    }
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    tree.write(path, packed.getvalue())


def made_on(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be the same for a run to go on: the same bytes are promised for nothing else."""
    host = {key: value for key, value in environment.get("host", {}).items() if key != "cores"}
    variables = environment.get("variables", {})  # beside the host: most have none, and did not before
    return {"versions": environment.get("versions"), "host": {**host, **variables}}


def read_checkpoint(path: Path, run: Run, here: Mapping[str, Any] | None) -> Checkpoint:
    """Read a run's checkpoint. Raises Damaged if it is not whole, or of another run, version or machine.

    `here` is what it must be made on; None: anything, for who trains it to check.
    """
    content = read_bytes(path)
    try:
        arrays = _unpack(content)
        record = json.loads(arrays.pop("record").tobytes())
        kept_on = {key: record[key] for key in ("versions", "host")}
        for key, value in _identity(run, kept_on if here is None else here).items():
            if record[key] != value:
                raise Damaged(f"{path}: its {key} is {record[key]!r}; this run's is {value!r}")
        table = arrays.pop("rows").tobytes()
        feedback = {key: type(value)(record["feedback"][key]) for key, value in asdict(PlateauState()).items()}
        seconds = _seconds(path, record["seconds"])
        state = tuple(arrays.pop(f"variable-{i}") for i in range(len(arrays)))
    except Damaged:
        raise
    except Exception as error:  # zipfile and numpy raise whatever the bytes lead them to
        raise Damaged(f"{path}: no checkpoint: {type(error).__name__}: {error}") from error
    rows = read_rows(path, table, run.setting)
    if any((row.scheduler, row.seed) != (run.schedule.label, run.seed) for row in rows[:1]):
        raise Damaged(f"{path}: line 2: it is not this run's")
    if not 1 <= len(rows) < run.setting.epochs:
        raise Damaged(f"{path}: it stands after epoch {len(rows)} of {run.setting.epochs}")
    return Checkpoint(rows, PlateauState(**feedback), state, seconds, kept_on)


def _seconds(path: Path, seconds: Any) -> Seconds:
    try:
        return Seconds(**dict(SecondsRecord.model_validate(seconds)))
    except ValidationError as error:
        raise Damaged(f"{path}: its seconds are none") from error


def check_whole(path: Path) -> None:
    """Check that a checkpoint can be read, whosever it is. Raises Damaged."""
    try:
        arrays = _unpack(read_bytes(path))
        json.loads(arrays["record"].tobytes())
        if not arrays["rows"].tobytes().startswith(b"scheduler,") or len(arrays) < 3:
            raise ValueError("it holds no rows or no variables")
    except Damaged:
        raise
    except Exception as error:
        raise Damaged(f"{path}: no checkpoint: {type(error).__name__}: {error}") from error


def _identity(run: Run, here: Mapping[str, Any]) -> dict[str, Any]:
    identity = {
        "schema_version": SCHEMA_VERSION,
        "data_sha256": run.setting.subject.data_sha256,
        "run_sha256": run.key,
        **here,
    }
    return dict(json.loads(json.dumps(identity)))  # as it reads back


def _unpack(content: bytes) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz; every size is checked before anything is made of it."""
    arrays: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(member.file_size for member in packed.infolist()) > len(content):
            raise ValueError("its members are larger than the file")
        for member in packed.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename!r} is not stored as it is")
            arrays[member.filename.removesuffix(".npy")] = _array(packed.read(member))
    return arrays


def _array(content: bytes) -> NDArray[Any]:
    stream = io.BytesIO(content)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = readers[np.lib.format.read_magic(stream)](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    flat = np.frombuffer(content, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")  # raises if the shape is not that of the bytes
