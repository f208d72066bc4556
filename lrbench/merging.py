"""Several results folders made into one, whoever trained what: first a pure look, then what is missing is added.

Nothing that stands in the target is ever changed, so that merging again adds nothing. In whatever order the
folders are named, the same files come to stand there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrbench import summary
from lrbench.designs import Looked
from lrbench.errors import BadResults
from lrbench.files import digest
from lrbench.judging.designs import looked
from lrbench.runs import Damage, Experiment, Finished, Setting
from lrbench.store import Store, find_experiments, find_setting, load
from lrbench.store.adding import add, labels_of
from lrbench.store.read import REWRITTEN

VERSIONS = ("lrbench", "python", "tensorflow", "keras", "numpy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """What the experiments of one setting come to in the target."""

    folder: Path
    setting: Setting
    sources: tuple[Experiment, ...]
    there: Experiment | None  # what is in the target already
    added: tuple[tuple[Finished, Path], ...]  # each with the experiment's folder that it is in
    labels: Mapping[str, str]  # what each stands for
    warnings: tuple[str, ...]

    @property
    def stored(self) -> tuple[Finished, ...]:
        """The runs that are in the target already."""
        return self.there.finished if self.there else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What is to be done, and what could not be read and stays where it is."""

    joints: tuple[Joint, ...]
    damage: tuple[Damage, ...]


def look(sources: Sequence[Path], out: Path) -> Merge:
    """Read results folders and say what would be added to `out`. Nothing is written.

    Raises BadResults if a folder cannot be read or written by a later version, if two runs of one identity gave
    other figures, if a label stands for two schedules, or if a name is taken by another setting; also if `out` can
    hold no experiments.
    """
    _refuse_place(out)
    read = [load(folder) for source in sources for folder in find_experiments(source)]
    for experiment in read:
        for later in (each for each in experiment.damage if each.is_later):
            raise BadResults(later.text, later.hint)
    groups: dict[str, list[Experiment]] = {}
    for experiment in sorted(read, key=lambda each: str(each.folder)):
        groups.setdefault(digest(dict(experiment.setting.identity)), []).append(experiment)
    joints = [_joint(group, out) for group in groups.values()]
    _refuse_one_place(joints)
    damage = tuple(each for experiment in read for each in experiment.damage if each.hint != REWRITTEN)
    return Merge(joints=tuple(_with_other_data(joints)), damage=damage)


def carry_out(merge: Merge) -> int:
    """Add what is missing, under the target's locks, and bring its tables up to date.

    Returns how many runs were left because a command is training them there just now. Raises BadResults.
    """
    left = 0
    for joint in merge.joints:
        store = Store.open(joint.folder, joint.setting)
        try:
            left += add(store, joint.added, [each.folder for each in joint.sources], joint.labels)
            if unnoted := _unnoted(joint):
                store.note(*unnoted)
        finally:
            store.locks.release_all()
        with store.alone():
            now = load(joint.folder)
            if now.finished:
                store.write_tables(now, summary.tabulated(now))
    return left


def _refuse_place(out: Path) -> None:
    """Raise BadResults for a file, and for a place in an experiment's folder: nobody looks for others there."""
    if out.exists() and not out.is_dir():
        raise BadResults(f"{out} is a file, not a results folder.", "Choose another folder: out=PATH")
    for folder in (out, *out.parents, *out.resolve().parents):
        if (folder / "experiment.json").exists():
            where = "is an experiment itself" if folder == out else f"lies in the experiment {folder}"
            raise BadResults(f"{out} {where}, and not in a folder of experiments.", f"Write out={_parent(folder)}")


def _parent(folder: Path) -> Path:
    """The folder above, also of `.`."""
    return folder.parent if folder.name else folder.resolve().parent


def _unnoted(joint: Joint) -> list[Looked]:
    """The looks at folders of earlier versions, which noted none, where another folder notes its own."""
    parts = [*([joint.there] if joint.there else []), *joint.sources]
    if not any(each.history.is_kept for each in parts):
        return []
    seen = [looked(each) for each in parts if not each.history.is_kept]
    return [each for each in seen if each]


def _joint(group: Sequence[Experiment], out: Path) -> Joint:
    setting = group[0].setting
    folder = _target(group, out)
    there = load(folder) if (folder / "experiment.json").exists() else None
    if there and there.setting.identity != setting.identity:
        key = next(key for key in setting.identity if there.setting.identity.get(key) != setting.identity[key])
        raise BadResults(
            f"{folder} holds another setting than {group[0].folder}: {key} is "
            f"{there.setting.identity.get(key, 'absent')} there and {setting.identity[key]} here.",
            "Merge into another folder, or give one of the two another name.",
        )
    parts = [*([there] if there else []), *group]
    chosen = _chosen(parts)
    return Joint(
        folder=folder,
        setting=setting,
        sources=tuple(group),
        there=there,
        added=tuple((one, where) for one, where in chosen.values() if where != folder),
        labels=labels_of(parts),
        warnings=tuple(_mixed(parts)),
    )


def _target(group: Sequence[Experiment], out: Path) -> Path:
    """The folder of the setting in `out`, or where it is to be."""
    if out.is_dir():
        alike = find_setting(out, group[0].setting)
        if alike:
            return alike[0]
    return out / min(each.name for each in group)


def _chosen(parts: Sequence[Experiment]) -> dict[str, tuple[Finished, Path]]:
    """Return of every run the one to keep, and the experiment's folder that it is in.

    What stands in the target stays, unless it failed and was done elsewhere. Raises BadResults for other figures.
    """
    chosen: dict[str, tuple[Finished, Path]] = {}
    for part in parts:
        for one in part.finished:
            if one.key not in chosen:
                chosen[one.key] = (one, part.folder)
                continue
            before, where = chosen[one.key]
            if before.failed and not one.failed:
                chosen[one.key] = (one, part.folder)
            elif not before.failed and not one.failed:
                _refuse_other_figures(before, where, one, part.folder)
    return chosen


def _refuse_other_figures(a: Finished, at: Path, b: Finished, bt: Path) -> None:
    """Raise BadResults unless two trainings of one run gave the same figures."""
    one, two = a.result, b.result
    same = (one.status, one.test) == (two.status, two.test) and [
        replace(row, scheduler="") for row in one.rows
    ] == [replace(row, scheduler="") for row in two.rows]
    if same:
        return
    made = [", ".join(f"{key} {value}" for key, value in _facts(each)) for each in (a, b)]
    differ = f" ({made[0]}; {made[1]})" if made[0] != made[1] else ""
    raise BadResults(
        f"{at / 'runs' / a.run_id} and {bt / 'runs' / b.run_id} are the same run with other figures{differ}.",
        "Leave one of the two folders out, or move one of the two runs out of its results folder.",
    )


def _facts(one: Finished) -> list[tuple[str, Any]]:
    versions = one.environment.get("versions") or {}
    host = one.environment.get("host") or {}
    return [*((name, versions.get(name)) for name in VERSIONS if versions.get(name)), ("on", host.get("cpu"))]


def _mixed(parts: Sequence[Experiment]) -> Iterator[str]:
    """Say where runs were made with other versions, or on another processor, than those of another folder."""
    for name, word in (*((each, each) for each in VERSIONS), ("on", "processor")):
        found: dict[Any, Path] = {}
        for part in parts:
            for one in part.finished:
                value = dict(_facts(one)).get(name)
                if value is not None:
                    found.setdefault(value, part.folder)
        if len(found) > 1:
            said = "; ".join(f"{value} in {folder}" for value, folder in found.items())
            yield f"{word} differs: {said}. The same seed may give other last digits there."


def _refuse_one_place(joints: Sequence[Joint]) -> None:
    """Raise BadResults if two settings would come to stand in one folder."""
    for i, one in enumerate(joints):
        for other in joints[:i]:
            if one.folder == other.folder:
                raise BadResults(
                    f"{other.sources[0].folder} and {one.sources[0].folder} have one name and two settings.",
                    "Merge them into two folders, or rename one.",
                )


def _with_other_data(joints: Sequence[Joint]) -> Iterator[Joint]:
    """Warn of settings that differ in nothing but their data: somebody's file is another one."""
    for one in joints:
        alike = [
            other
            for other in joints
            if other is not one
            and {
                key for key in one.setting.identity if other.setting.identity.get(key) != one.setting.identity[key]
            }
            == {"data_sha256"}
        ]
        said = [f"its data are not those of {other.folder.name}, and all else is the same." for other in alike]
        yield replace(one, warnings=(*one.warnings, *said))
