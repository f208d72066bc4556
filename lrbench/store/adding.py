"""Runs of other folders, added to an experiment: copies of their files as they are, never in another's place."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lrbench.errors import BadResults
from lrbench.files import Damaged, read_bytes
from lrbench.foreign import place
from lrbench.runs import Damage, Experiment, Finished, Setting
from lrbench.store import labels
from lrbench.store.checkpoints import NAME
from lrbench.store.history import HISTORY, set_aside
from lrbench.store.labels import LABELS
from lrbench.store.log import LOG, append
from lrbench.store.notes import check_note, notes_in
from lrbench.store.read import AGAIN, read_run
from lrbench.store.schema import TooNew
from lrbench.store.write import Store


def labels_of(experiments: Iterable[Experiment]) -> dict[str, str]:
    """Return what the labels of several folders stand for. Raises BadResults for one that is two schedules."""
    taken: dict[str, str] = {}
    for each in experiments:
        for label, meaning in labels.check(each.folder, each.names, ()).items():
            if taken.setdefault(label, meaning) != meaning:
                raise BadResults(
                    f"The label {label!r} stands for another schedule in {each.folder} than in the other folders.",
                    "Leave that folder out: under one label, runs of two schedules would be one.",
                )
    return taken


def add(
    store: Store,
    runs: Sequence[tuple[Finished, Path]],
    folders: Sequence[Path],
    meanings: Mapping[str, str],
) -> int:
    """Add runs, each with the folder of the experiment that it is in, and what those folders note beside them.

    Returns how many were left because a command is training them in the target just now.
    Raises BadResults if the target cannot be written, or a source changed meanwhile; what is there by then stays,
    and the same again adds the rest.
    """
    try:
        return _add(store, runs, folders, meanings)
    except Damaged as error:
        raise BadResults(str(error), "Somebody is at work there: merge once more when it is done.") from error


def _add(
    store: Store, runs: Sequence[tuple[Finished, Path]], folders: Sequence[Path], meanings: Mapping[str, str]
) -> int:
    target, tree = store.folder, store.tree
    store.check_rights()
    with place(target, "written"):
        with store.alone():
            for folder in (target, target / HISTORY):
                tree.remove_leftovers(folder)  # of a merge that was killed
            if not (target / "experiment.json").exists():
                tree.write(target / "experiment.json", read_bytes(folders[0] / "experiment.json"))
            for folder in folders:
                for path in notes_in(folder):
                    _add_note(store, path, target / path.relative_to(folder))
            _add_lines(target, folders)
            if store.experiment.names or runs:
                store.note_labels({**labels.read(target / LABELS), **meanings})
        left = 0
        for one, folder in runs:
            if not store.locks.claim(one.run_id):  # a command is just training it
                left += 1
                continue
            _add_run(store, folder / "runs" / one.run_id, target / "runs" / one.run_id)
            store.locks.release(one.run_id)
    return left


def _add_run(store: Store, source: Path, target: Path) -> None:
    """Copy a finished run; run.json, written last, makes it count. What failed or is damaged is kept aside."""
    tree = store.tree
    tree.make(target)
    tree.remove_leftovers(target)
    record = target / "run.json"
    if record.exists():
        try:
            there = read_run(target, store.experiment.setting)
        except TooNew:
            return
        except Damaged as error:
            store.quarantine(Damage(str(error), AGAIN, target))
        else:
            if not there.failed:  # somebody has just finished it
                return
            tree.set_aside(record, target, "failed", ".json")
    for name in ("epochs.csv", "run.json"):
        tree.write(target / name, read_bytes(source / name))
    if not read_run(target, store.experiment.setting).failed:  # who failed goes on from there another time
        tree.remove(target / NAME)


def _add_note(store: Store, source: Path, target: Path) -> None:
    """Copy a note that can be used and is not there yet; what is damaged in its place is set aside."""
    setting = store.experiment.setting
    if not _is_whole(source, setting):
        return
    if target.exists():
        if _is_whole(target, setting):
            return
        set_aside(store.folder, target)
    store.tree.make(target.parent)
    store.tree.write(target, read_bytes(source))


def _is_whole(note: Path, setting: Setting) -> bool:
    try:
        check_note(note, setting)
    except TooNew:
        return True  # and stays as it is
    except Damaged:
        return False
    return True


def _add_lines(target: Path, folders: Sequence[Path]) -> None:
    """Add what the logs of other folders say and this one's does not, in the order of its times."""
    known = set(_lines(target))
    new = {line for folder in folders for line in _lines(folder)} - known
    for _, line in sorted((_time(line), line) for line in new):
        append(target, json.loads(line))


def _lines(folder: Path) -> list[str]:
    path = folder / LOG
    text = read_bytes(path).decode(errors="replace") if path.exists() else ""
    return [line for line in text.splitlines() if _time(line)]


def _time(line: str) -> str:
    """When a line was added; empty where it is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    return str(entry.get("time", "")) if isinstance(entry, dict) else ""
