"""What can be removed of an experiment's folder without losing anything that is finished."""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrbench.files import TEMPORARY, Damaged, read_bytes
from lrbench.folders import Tree
from lrbench.foreign import place
from lrbench.store import schema
from lrbench.store.history import ASIDE, is_note
from lrbench.store.locks import Locks
from lrbench.store.read import read_setting
from lrbench.store.write import WHOLE

ABANDONED = 3600  # seconds after which a half-written file that no lock guards is nobody's any more


@dataclass(frozen=True, slots=True)
class Left:
    """What looks as if it could go, and stays."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rest:
    """What is nothing finished in an experiment's folder, as it stood when it was looked at."""

    folder: Path
    unfinished: tuple[Path, ...]  # folders of runs without run.json
    quarantined: tuple[Path, ...]
    leftovers: tuple[Path, ...]  # half-written files
    left: tuple[Left, ...]  # runs that are whole, and links in the place of folders

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*self.unfinished, *self.quarantined, *self.leftovers)


def rest_of(folder: Path) -> Rest:
    """Look at an experiment's folder. Raises BadResults if it cannot be read."""
    tree = Tree(folder)
    with place(folder, "read"):
        links = [path for path in (folder, folder / "runs", folder / ASIDE) if path.is_symlink()]
        runs = [path for path in tree.entries(folder / "runs") if path.is_dir()]
        unfinished = [path for path in runs if not (path / "run.json").exists()]
        quarantined = [path for path in tree.entries(folder / ASIDE) if not is_note(path)]
        gone = (*unfinished, *quarantined)
        leftovers = [
            path
            for path in ([] if folder in links else sorted(folder.rglob(f"{TEMPORARY}*")))
            if not any(path.is_relative_to(each) for each in gone)
            and (_is_guarded(folder, path) or time.time() - path.lstat().st_mtime > ABANDONED)
        ]
        whole = {path: found for path in (*gone, *leftovers) if (found := list(whole_runs(path)))}
    return Rest(
        folder=folder,
        unfinished=tuple(path for path in unfinished if path not in whole),
        quarantined=tuple(path for path in quarantined if path not in whole),
        leftovers=tuple(path for path in leftovers if path not in whole),
        left=(
            *(Left(path, "it is a link, and what it leads to is left alone") for path in links),
            *(Left(run, where_of(record, folder)) for found in whole.values() for run, record in found),
        ),
    )


def remove(rest: Rest) -> tuple[list[Path], list[Path]]:
    """Remove it; return what is gone, and what was left because a command is at work on it.

    A run that was finished meanwhile is left too. Raises BadResults if something cannot be removed.
    """
    gone: list[Path] = []
    kept: list[Path] = []
    locks, tree = Locks(rest.folder), Tree(rest.folder)
    with place(rest.folder, "written", hint="Check its rights."), locks.waiting_for(WHOLE):
        for path in rest.paths:
            with _claimed(locks, rest.folder, path) as ours:
                finished = path in rest.unfinished and (path / "run.json").exists()
                if ours and not finished and not any(whole_runs(path)):
                    tree.remove(path)
                    gone.append(path)
                else:
                    kept.append(path)
    return gone, kept


def whole_runs(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder and the record of every run at a path, or below it, whose own seals are whole.

    No link is followed: only the link itself would be removed.
    """
    if path.is_symlink():
        return
    for folder, _, files in os.walk(path):
        if "run.json" in files:
            with contextlib.suppress(Damaged):
                record = schema.read_whole_run(Path(folder, "run.json"))
                table = read_bytes(Path(folder, "epochs.csv"))
                if record.get("epochs_sha256") == hashlib.sha256(table).hexdigest():
                    yield Path(folder), record


def where_of(record: Mapping[str, Any], folder: Path) -> str:
    """Say where a whole run belongs that lies where none is looked for: here, or in an experiment beside."""
    identity = record.get("identity")
    setting = identity.get("setting") if isinstance(identity, dict) else None
    for marker in (folder / "experiment.json", *sorted(folder.absolute().parent.glob("*/experiment.json"))):
        with contextlib.suppress(Damaged):
            if read_setting(marker).identity == setting:
                home = marker.parent / "runs" / record["run_id"]
                return f"a whole run of {home}" + (", where there is one already" if home.exists() else "")
    return "a whole run of an experiment that is not here"


@contextlib.contextmanager
def _claimed(locks: Locks, folder: Path, path: Path) -> Iterator[bool]:
    """Hold the lock of the run that a path belongs to, if it belongs to one; yields whether nobody else has it."""
    kind, *inside = path.relative_to(folder).parts
    if kind not in ("runs", ASIDE):
        yield True
        return
    run_id = inside[0] if kind == "runs" else inside[0].rpartition("-")[0]  # aside, it has a time behind it
    ours = locks.claim(run_id)
    try:
        yield ours
    finally:
        if ours:
            locks.release(run_id)


def _is_guarded(folder: Path, path: Path) -> bool:
    """Whether who writes there holds a lock that we shall hold: the experiment's, or a run's."""
    return path.parent == folder or path.is_relative_to(folder / "runs")
