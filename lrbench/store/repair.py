"""What puts an experiment's folder right: each thing is said before it is done, and nothing is deleted."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lrbench.files import Damaged, make_folder, read_json, sync_folder
from lrbench.foreign import place
from lrbench.runs import Setting
from lrbench.store.checkpoints import NAME, check_whole
from lrbench.store.history import HISTORY, read_entry, set_aside
from lrbench.store.locks import Locks
from lrbench.store.read import read_run
from lrbench.store.schema import TooNew

RUN_ID = re.compile(r"[a-z0-9][a-z0-9.-]*-s[0-9]+-[0-9a-f]{8}")
TABLES = ("epochs.csv", "summary.csv")  # of all runs; they can be written again at any time


@dataclass(frozen=True, slots=True)
class Move:
    """Something that cannot be used where it stands."""

    path: Path  # a run's folder, its checkpoint, a file of the history, or what stands in a table's place
    reason: str
    name: str | None = None  # of the run whose folder it is, as its record proves; None: it goes to quarantine

    def __str__(self) -> str:
        return f"{self.path} -> {self.name or 'quarantine'}: {self.reason}"


def find_moves(folder: Path, setting: Setting) -> list[Move]:
    """Return what is to be moved in an experiment's folder so that all that stays can be read.

    A copy takes the place of the run that it is of if nothing stands there, or what is to go to quarantine. What a
    later version wrote stays. Raises BadResults.
    """
    found = [Move(folder / name, "not a file") for name in TABLES if (folder / name).is_dir()]
    with place(folder, "read"):
        for run in sorted(path for path in (folder / "runs").glob("*") if path.is_dir()):
            move = _move_of_run(run, setting)
            found += [move] if move else []
        noted = (_move_of_note(path) for path in sorted((folder / HISTORY).glob("*.json")))
        found += [move for move in noted if move]
    leaving = {move.path for move in found if move.name is None}
    taken: set[Path] = set()
    for i, move in enumerate(found):
        target = move.path.parent / (move.name or "")
        if move.name and (target in taken or (_is_taken(target) and target not in leaving)):
            found[i] = replace(move, name=None)
        taken.add(target)
    return sorted(found, key=lambda move: move.name is not None)  # what is in the way goes first


def carry_out(moves: list[Move], folder: Path, setting: Setting, locks: Locks) -> Iterator[Move]:
    """Do what `find_moves` found, and yield what was done.

    What another command is at work on, or has put right meanwhile, stays. Raises BadResults.
    """
    with place(folder, "written"):
        for move in moves:
            if move.path.parent.name == HISTORY:
                if _move_of_note(move.path):
                    set_aside(folder, move.path)
                    yield move
                continue
            run = move.path.parent if move.path.name == NAME else move.path
            with _claimed(locks, run.name, move.name or run.name) as ours:
                now = move if move.path.name in TABLES else _move_of_run(run, setting)
                if not ours or now is None or now.path != move.path:
                    continue
                target = run.parent / move.name if move.name else _place_in_quarantine(folder, run.name)
                if move.name and _is_taken(target):
                    continue
                if move.path.name == NAME:
                    make_folder(target)
                    target /= NAME
                make_folder(target.parent)
                move.path.rename(target)
                for each in (target.parent, move.path.parent):
                    sync_folder(each)
            yield move


@contextlib.contextmanager
def _claimed(locks: Locks, *names: str) -> Iterator[bool]:
    """Hold runs' locks; whether all of them were free. Raises BadResults."""
    held: list[str] = []
    try:
        for name in dict.fromkeys(names):
            if locks.claim(name):
                held.append(name)
        yield len(held) == len(set(names))
    finally:
        for name in held:
            locks.release(name)


def _move_of_run(run: Path, setting: Setting) -> Move | None:
    """Return what is to be done with a run's folder, or only its checkpoint; None if all can be read."""
    if (run / "run.json").exists():
        try:
            read_run(run, setting)
        except TooNew:
            return None
        except Damaged as error:
            return Move(run, str(error), _proven_name(run, setting))
    if (run / NAME).exists():
        try:
            check_whole(run / NAME)
        except Damaged as error:
            return Move(run / NAME, str(error))
    return None


def _move_of_note(path: Path) -> Move | None:
    """Return what is to be done with a file of the history; None if it can be read."""
    try:
        read_entry(path)
    except TooNew:
        return None
    except Damaged as error:
        return Move(path, str(error))
    return None


def _proven_name(run: Path, setting: Setting) -> str | None:
    """Return the name that a run's folder should have, if all that is in it is whole and proves it."""
    try:
        name = read_json(run / "run.json").get("run_id")
        if isinstance(name, str) and RUN_ID.fullmatch(name) and name != run.name:
            return read_run(run, setting, name).run_id
    except Damaged:
        pass
    return None


def _is_taken(run: Path) -> bool:
    """Whether anything stands under a run's name; an empty folder is nothing."""
    return run.exists() and (not run.is_dir() or any(run.iterdir()))


def _place_in_quarantine(folder: Path, name: str) -> Path:
    places = (folder / "quarantine" / f"{name}-{n}" for n in range(1, 1_000_000))
    return next(path for path in places if not path.exists())
