"""What was declared of an experiment: history/*.json, a sealed file each, written once and never again.

A file's name is the digest of what it says, so that folders are merged by adding the files that are not there.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lrbench.designs import Arm, Declared
from lrbench.files import Damaged, digest, make_folder
from lrbench.store import schema
from lrbench.store.records import Count, Label

HISTORY = "history"


class _Arm(BaseModel):
    label: Label
    identity: str


class _Declared(BaseModel):
    arms: list[_Arm]
    seeds: list[Count]


def path_of(folder: Path, declared: Declared) -> Path:
    """Return where a declaration is kept: by the digest of all that it says."""
    return folder / HISTORY / f"declared-{digest(_record(declared))[:12]}.json"


def write_declared(folder: Path, declared: Declared) -> None:
    """Keep a declaration, if it is not kept already; what is damaged in its place is set aside. Raises OSError."""
    path = path_of(folder, declared)
    if path.exists():
        try:
            read_declared(path)
        except schema.TooNew:
            return  # a later version keeps it
        except Damaged:
            set_aside(folder, path)
        else:
            return
    make_folder(path.parent)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    schema.write_record(path, {"declared": _record(declared), "time": time})


def set_aside(folder: Path, path: Path) -> None:
    """Move a damaged file to quarantine/, under a name that nothing there has."""
    aside = folder / "quarantine"
    make_folder(aside)
    path.rename(aside / f"{path.stem}-{sum(1 for _ in aside.iterdir()) + 1}.json")


def read_history(folder: Path) -> tuple[list[Declared], list[Damaged]]:
    """Read all that was declared, the earliest first, and what cannot be read of it."""
    found, broken = [], []
    for path in sorted((folder / HISTORY).glob("declared-*.json")):
        try:
            found.append(read_declared(path))
        except Damaged as error:
            broken.append(error)
    return [declared for _, declared in sorted(found, key=lambda one: one[0])], broken


def read_declared(path: Path) -> tuple[str, Declared]:
    """Read a declaration and when it was made. Raises Damaged."""
    record = schema.read_sealed(path)
    try:
        read = _Declared.model_validate(record.get("declared"))
    except ValidationError as error:
        raise Damaged(f"{path}: nothing is declared in it: {error.errors()[0]['msg']}") from error
    if not read.arms or not read.seeds:
        raise Damaged(f"{path}: nothing is declared in it")
    arms = tuple(Arm(each.label, each.identity) for each in read.arms)
    return str(record.get("time")), Declared(arms=arms, seeds=tuple(read.seeds))


def _record(declared: Declared) -> dict[str, Any]:
    return asdict(declared)
