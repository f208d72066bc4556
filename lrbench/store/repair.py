"""What puts an experiment's folder right: each thing is said before it is done, and nothing is deleted."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lrbench.files import Damaged, read_json
from lrbench.folders import Tree
from lrbench.foreign import place
from lrbench.runs import Setting
from lrbench.store.checkpoints import NAME, check_whole
from lrbench.store.history import ASIDE, set_aside
from lrbench.store.locks import Locks
from lrbench.store.notes import check_note, notes_in
from lrbench.store.read import read_run
from lrbench.store.schema import TooNew
from lrbench.store.write import WHOLE

RUN_ID = re.compile(r"[a-z0-9][a-z0-9.-]*-s[0-9]+-[0-9a-f]{8}")
TABLES = ("epochs.csv", "summary.csv")  # of all runs; they can be written again at any time


@dataclass(frozen=True, slots=True)
class Move:
    """Something that cannot be used where it stands."""

    path: Path  # a run's folder, its checkpoint, a note, or what stands in a table's place
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
        for run in Tree(folder).entries(folder / "runs"):
            move = _move_of_run(run, setting) if run.is_dir() and not run.is_symlink() else None
            found += [move] if move else []
        found += [Move(note, reason) for note in notes_in(folder) if (reason := _broken(note, setting))]
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
    notes, tree = set(notes_in(folder)), Tree(folder)
    with place(folder, "written"):
        for move in moves:
            if move.path in notes:
                with locks.waiting_for(WHOLE):
                    broken = move.path.exists() and _broken(move.path, setting)
                    if broken:
                        set_aside(folder, move.path)
                if broken:
                    yield move
                continue
            run = move.path.parent if move.path.name == NAME else move.path
            with _claimed(locks, run.name, move.name or run.name) as ours:
                now = move if move.path.name in TABLES else _move_of_run(run, setting)
                if not ours or now is None or now.path != move.path:
                    continue
                if move.name is None:
                    _set_aside(tree, move.path)
                else:
                    try:
                        tree.move(move.path, run.parent / move.name)
                    except FileExistsError:
                        continue
            yield move


def _set_aside(tree: Tree, path: Path) -> None:
    """Move a run's folder to quarantine/, or only its checkpoint into a folder there."""
    if path.name != NAME:
        tree.set_aside(path, tree.root / ASIDE, path.name)
        return
    tree.move(path, tree.new_folder(tree.root / ASIDE, path.parent.name) / NAME)


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


def _broken(note: Path, setting: Setting) -> str:
    """Say why a note cannot be used; empty if it can, or a later version wrote it."""
    try:
        check_note(note, setting)
    except TooNew:
        return ""
    except Damaged as error:
        return str(error)
    return ""


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
