"""What was declared of an experiment and when it was looked at: history/*.json, a sealed file each, never changed.

A file's name is the digest of what it says, so that folders are merged by adding the files that are not there.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError, model_validator

from lrbench.designs import MOST_RUNS, MOST_SEEDS, MOST_SEQUENTIAL, Arm, Declared, History, Looked
from lrbench.files import Damaged, canonical, digest
from lrbench.folders import Tree
from lrbench.store import schema
from lrbench.store.records import ArmIdentity, Label, Seed

HISTORY = "history"
ASIDE = "quarantine"
MOST_LETTERS = 100_000  # of an arm's identity
KINDS = ("declared", "looked")
Entry = Declared | Looked


def _distinct(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("something stands there twice")
    return values


def _arm(text: str) -> str:
    """Check what stands for a schedule: as its runs' identities have it, written in the one way."""
    record = json.loads(text)
    if canonical(record) != text or not isinstance(record, dict) or record.keys() - ArmIdentity.model_fields:
        raise ValueError("an arm is no identity of a schedule")
    ArmIdentity.model_validate(record)
    return text


def _instant(text: str) -> str:
    """Check a time: in UTC, written so that times are ordered as texts are."""
    if datetime.fromisoformat(text).utcoffset() != timedelta(0) or not text.endswith("+00:00"):
        raise ValueError("its time is not in UTC")
    return text


Seeds = Annotated[list[Seed], AfterValidator(_distinct)]
Identity = Annotated[str, StringConstraints(max_length=MOST_LETTERS), AfterValidator(_arm)]


class _Arm(BaseModel):
    label: Label
    identity: Identity


class _Declared(BaseModel):
    arms: list[_Arm]
    seeds: Annotated[Seeds, Field(min_length=1, max_length=MOST_SEEDS)]
    until_settled: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.arms) * len(self.seeds) > MOST_RUNS:
            raise ValueError(f"it declares more than {MOST_RUNS:,} runs")
        if self.until_settled and not 2 <= len(self.seeds) <= MOST_SEQUENTIAL:
            raise ValueError(f"it may come to {len(self.seeds):,} seeds")
        return self


class _Looked(BaseModel):
    seeds: list[tuple[Identity, Seeds]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        _distinct([arm for arm, _ in self.seeds])
        return self


class _Entry(BaseModel):
    """A file of the history: one of the two, and when."""

    time: Annotated[str, AfterValidator(_instant)]
    declared: _Declared | None = None
    looked: _Looked | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.declared is None) == (self.looked is None):
            raise ValueError("it is neither a declaration nor a look")
        return self


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
    tree = Tree(folder)
    tree.make(path.parent)
    schema.write_record(tree, path, record)


def is_note(path: Path) -> bool:
    """Whether a file in quarantine was of the history: that one looked is not forgotten by tidying up."""
    return path.name.startswith(("declared-", "looked-"))


def set_aside(folder: Path, path: Path) -> None:
    """Move a damaged note to quarantine/. Raises OSError."""
    Tree(folder).set_aside(path, folder / ASIDE, path.stem, ".json")


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
    try:
        read = _Entry.model_validate(schema.read_sealed(path))
    except (ValidationError, RecursionError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise Damaged(f"{path}: no entry of a history: {said}") from error
    if read.looked:
        return read.time, Looked(seeds=tuple((arm, tuple(seeds)) for arm, seeds in read.looked.seeds))
    assert read.declared is not None
    arms = tuple(Arm(arm.label, arm.identity) for arm in read.declared.arms)
    seeds = tuple(read.declared.seeds)
    return read.time, Declared(arms=arms, seeds=seeds, until_settled=read.declared.until_settled)


def _kind(entry: Entry) -> str:
    return "looked" if isinstance(entry, Looked) else "declared"


def _time(entry: tuple[str, Entry]) -> str:
    return entry[0]
