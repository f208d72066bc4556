"""What was declared of an experiment and when it was looked at: history/*.json, a sealed file each, never changed.

A file's name is the digest of what it says, so that folders are merged by adding the files that are not there.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lrbench.designs import Arm, Declared, History, Looked
from lrbench.files import Damaged, digest, make_folder
from lrbench.store import schema
from lrbench.store.records import Count, Label

HISTORY = "history"
ASIDE = "quarantine"
KINDS = ("declared", "looked")
Entry = Declared | Looked


class _Arm(BaseModel):
    label: Label
    identity: str


class _Declared(BaseModel):
    arms: list[_Arm]
    seeds: list[Count]
    until_settled: bool = False


class _Looked(BaseModel):
    seeds: list[tuple[str, list[Count]]]


def path_of(folder: Path, entry: Entry) -> Path:
    """Return where an entry is kept: by the digest of all that it says."""
    return folder / HISTORY / f"{_kind(entry)}-{digest(asdict(entry))[:12]}.json"


def write_entry(folder: Path, entry: Entry) -> None:
    """Keep an entry, if it is not kept already; what is damaged in its place is set aside. Raises OSError."""
    time = datetime.now(UTC).isoformat(timespec="microseconds")
    write_once(folder, path_of(folder, entry), {_kind(entry): asdict(entry), "time": time}, read_entry)


def write_once(folder: Path, path: Path, record: dict[str, Any], read: Callable[[Path], Any]) -> None:
    """Write a note of an experiment's folder whose name says what it holds, unless it can be read there already.

    What is damaged in its place is set aside, what a later version wrote stays. Raises OSError.
    """
    if path.exists():
        try:
            read(path)
        except schema.TooNew:
            return
        except Damaged:
            set_aside(folder, path)
        else:
            return
    make_folder(path.parent)
    schema.write_record(path, record)


def is_note(path: Path) -> bool:
    """Whether a file in quarantine was of the history: that one looked is not forgotten by tidying up."""
    return path.name.startswith(("declared-", "looked-"))


def set_aside(folder: Path, path: Path) -> None:
    """Move a damaged file to quarantine/, under a name that nothing there has."""
    aside = folder / ASIDE
    make_folder(aside)
    path.rename(aside / f"{path.stem}-{sum(1 for _ in aside.iterdir()) + 1}.json")


def read_history(folder: Path) -> tuple[History, list[Damaged]]:
    """Read all that was declared and looked at, and what cannot be read of it.

    What was damaged and set aside is lost until the same is noted again.
    """
    declared, looked, broken = [], [], []
    kept = set()
    for path in sorted((folder / HISTORY).glob("*.json")):
        try:
            time, entry = read_entry(path)
        except Damaged as error:
            broken.append(error)
        else:
            kept.add(path.stem)
            if isinstance(entry, Declared):
                declared.append((time, entry))
            else:
                looked.append((time, entry))
    aside = {path.stem.rpartition("-")[0] for kind in KINDS for path in (folder / ASIDE).glob(f"{kind}-*.json")}
    history = History(
        declared=tuple(sorted(declared, key=_time)),
        looked=tuple(sorted(looked, key=_time)),
        is_torn=bool(broken or aside - kept),
    )
    return history, broken


def read_entry(path: Path) -> tuple[str, Entry]:
    """Read an entry and when it was made. Raises Damaged."""
    record = schema.read_sealed(path)
    try:
        entry = _read(record)
    except ValidationError as error:
        raise Damaged(f"{path}: no entry of a history: {error.errors()[0]['msg']}") from error
    return str(record.get("time")), entry


def _read(record: dict[str, Any]) -> Entry:
    if "looked" in record:
        looked = _Looked.model_validate(record["looked"])
        return Looked(seeds=tuple((arm, tuple(seeds)) for arm, seeds in looked.seeds))
    read = _Declared.model_validate(record.get("declared"))
    arms = tuple(Arm(each.label, each.identity) for each in read.arms)
    return Declared(arms=arms, seeds=tuple(read.seeds), until_settled=read.until_settled)


def _kind(entry: Entry) -> str:
    return "looked" if isinstance(entry, Looked) else "declared"


def _time(entry: tuple[str, Entry]) -> str:
    return entry[0]
