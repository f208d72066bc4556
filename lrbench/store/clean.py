"""What can be removed of an experiment's folder without losing anything that is finished."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lrbench.files import TEMPORARY
from lrbench.foreign import place
from lrbench.store.history import is_note
from lrbench.store.locks import Locks
from lrbench.store.write import WHOLE

ABANDONED = 3600  # seconds after which a half-written file that no lock guards is nobody's any more


@dataclass(frozen=True, slots=True)
class Rest:
    """What is nothing finished in an experiment's folder, as it stood when it was looked at."""

    folder: Path
    unfinished: tuple[Path, ...]  # folders of runs without run.json
    quarantined: tuple[Path, ...]
    leftovers: tuple[Path, ...]  # half-written files

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*self.unfinished, *self.quarantined, *self.leftovers)


def rest_of(folder: Path) -> Rest:
    """Look at an experiment's folder. Raises BadResults if it cannot be read."""
    with place(folder, "read"):
        runs = sorted(path for path in (folder / "runs").glob("*") if path.is_dir())
        unfinished = [path for path in runs if not (path / "run.json").exists()]
        quarantined = sorted(path for path in folder.glob("quarantine/*") if not is_note(path))
        gone = (*unfinished, *quarantined)
        leftovers = [
            path
            for path in sorted(folder.rglob(f"{TEMPORARY}*"))
            if not any(path.is_relative_to(each) for each in gone)
            and (_is_guarded(folder, path) or time.time() - path.lstat().st_mtime > ABANDONED)
        ]
    return Rest(folder, tuple(unfinished), tuple(quarantined), tuple(leftovers))


def remove(rest: Rest) -> tuple[list[Path], list[Path]]:
    """Remove it; return what is gone, and what was left because a command is at work on it.

    A run that was finished meanwhile is left too. Raises BadResults if something cannot be removed.
    """
    gone: list[Path] = []
    kept: list[Path] = []
    locks = Locks(rest.folder)
    with place(rest.folder, "written", hint="Check its rights."), locks.waiting_for(WHOLE):
        for path in rest.paths:
            with _claimed(locks, rest.folder, path) as ours:
                finished = path in rest.unfinished and (path / "run.json").exists()
                if ours and not finished:
                    _remove(path)
                    gone.append(path)
                else:
                    kept.append(path)
    return gone, kept


@contextlib.contextmanager
def _claimed(locks: Locks, folder: Path, path: Path) -> Iterator[bool]:
    """Hold the lock of the run that a path belongs to, if it belongs to one; yields whether nobody else has it."""
    kind, *inside = path.relative_to(folder).parts
    if kind not in ("runs", "quarantine"):
        yield True
        return
    run_id = inside[0] if kind == "runs" else inside[0].rpartition("-")[0]  # aside, it has a number behind it
    ours = locks.claim(run_id)
    try:
        yield ours
    finally:
        if ours:
            locks.release(run_id)


def _is_guarded(folder: Path, path: Path) -> bool:
    """Whether who writes there holds a lock that we shall hold: the experiment's, or a run's."""
    return path.parent == folder or path.is_relative_to(folder / "runs")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
