"""From a folder to an experiment: every run that can be trusted, and a line for each file that cannot.

Nothing here asks a problem, a schedule or today's defaults: what is stored is read as what it was.
"""

import contextlib
import csv
import hashlib
import io
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lrbench.errors import BadResults, BadSpec
from lrbench.files import Damaged, digest, read_bytes
from lrbench.foreign import place
from lrbench.runs import (
    Damage,
    Experiment,
    Figure,
    Finished,
    RunResult,
    Seconds,
    Setting,
    Status,
    Subject,
    in_order,
)
from lrbench.schedules.names import Named
from lrbench.store import schema
from lrbench.store.history import read_history
from lrbench.store.records import ExperimentRecord, RunRecord
from lrbench.store.searches import read_searches
from lrbench.store.tables import merged_table, read_rows

MOST_FILES, NAMED = 1_000, 3  # of a folder without experiments: looked at, and named
LONGEST_LINE = 12_000  # bytes of epochs.csv
REWRITTEN = "The runs are whole: any `lrbench run` there writes this table again."
AGAIN = "The same `lrbench run` as before trains it again."


def find_experiments(results: Path) -> list[Path]:
    """Return the experiments' folders in a results folder, or the one folder if it is one itself.

    The one may be named by a link: then what that leads to is returned, for nothing is written through links.
    Raises BadResults if there is none.
    """
    hint = "Make one with: lrbench run -o " + str(results)
    with place(results, "read"):
        if not results.exists():
            raise BadResults(f"There is no folder {results}.", hint)
        if not results.is_dir():
            raise BadResults(f"{results} is a file, not a results folder.", "Name the folder that holds it.")
        if (results / "experiment.json").exists():
            return [results.resolve() if results.is_symlink() else results]
        folders = sorted(path.parent for path in results.glob("*/experiment.json"))
        if not folders:
            raise _no_experiment(results, hint)
    return folders


def _no_experiment(results: Path, hint: str) -> BadResults:
    """The error for a folder without experiments: what it holds instead, and what to name."""
    files: list[str] = []
    if (results.parent / "experiment.json").exists():
        return BadResults(f"{results} is a part of an experiment.", f"Name the whole: {results.parent}")
    for path, below, names in os.walk(results):
        folder = Path(path)
        below.sort()
        if "experiment.json" in names:
            return BadResults(
                f"{results} holds no experiment itself; {folder} is one.",
                f"Name the folder that holds it: {folder.parent}",
            )
        files += [str((folder / name).relative_to(results)) for name in sorted(names) if name[0] != "."]
        if len(files) > MOST_FILES:
            break
    if not files:
        return BadResults(f"{results} holds no results.", hint)
    more = f" and {'over ' * (len(files) > MOST_FILES)}{min(len(files), MOST_FILES) - NAMED:,} more"
    return BadResults(
        f"{results} contains no experiment of lrbench. Its files: "
        f"{', '.join(files[:NAMED])}{more * (len(files) > NAMED)}.",
        "To compare another program's runs, name a table with the columns scheduler, seed and a figure: "
        "lrbench summary TABLE.csv",
    )


def find_setting(results: Path, setting: Setting) -> list[Path]:
    """Return the folders in a results folder whose experiments have this setting."""
    alike = []
    for marker in sorted(results.glob("*/experiment.json")):
        with contextlib.suppress(Damaged):
            if read_setting(marker).identity == setting.identity:
                alike.append(marker.parent)
    return alike


def load_all(results: Path) -> tuple[list[Experiment], list[Damage]]:
    """Read every experiment of a results folder; also return everything that could not be trusted.

    Raises BadResults if there is nothing that can be read.
    """
    experiments: list[Experiment] = []
    damage: list[Damage] = []
    folders = find_experiments(results)
    for folder in folders:
        try:
            experiments.append(load(folder))
        except BadResults as error:
            if len(folders) == 1:
                raise
            damage.append(Damage(error.problem, error.hint))
        else:
            damage += experiments[-1].damage
    return experiments, damage


def load(folder: Path) -> Experiment:
    """Read one experiment: every run that can be trusted, and a line for each file that cannot.

    Raises BadResults if experiment.json itself cannot be read.
    """
    marker = folder / "experiment.json"
    try:
        setting = read_setting(marker)
    except schema.TooNew as error:
        raise BadResults(str(error), schema.UPGRADE) from error
    except Damaged as error:
        raise BadResults(str(error), f"Move {folder} away, or bring the file back from a copy.") from error
    finished: list[Finished] = []
    damage: list[Damage] = []
    try:  # before the runs: another command may be at work, and what a table holds was stored before it
        merged = read_bytes(folder / "epochs.csv") if (folder / "epochs.csv").exists() else None
    except Damaged as error:
        merged = None
        damage.append(Damage(str(error), _mending(folder)))
    for path in sorted((folder / "runs").glob("*/run.json")):  # where it stands, the run claims to be finished
        try:
            finished.append(read_run(path.parent, setting))
        except schema.TooNew as error:
            damage.append(Damage(str(error), schema.UPGRADE, path.parent, is_later=True))
        except Damaged as error:
            if path.exists():  # otherwise another command has just moved it: the run is to be trained again
                damage.append(Damage(str(error), repairing(folder), path.parent))
    searches, broken = read_searches(folder, setting)
    damage += [_damage(error, f"{_mending(folder)} The same `lrbench tune` writes it again.") for error in broken]
    history, illegible = read_history(folder)
    damage += [_damage(error, _mending(folder)) for error in illegible]
    experiment = Experiment(
        name=folder.resolve().name,  # also of "."
        folder=folder,
        setting=setting,
        finished=in_order(_once_each(finished)),
        searches=tuple(searches),
        history=history,
    )
    current = False
    try:
        if merged is not None:
            current = _check_merged(folder / "epochs.csv", merged, table_of_all(experiment), damage)
    except Damaged as error:
        damage.append(Damage(str(error), REWRITTEN))
    return replace(experiment, damage=tuple(damage), table_is_current=current)


def _once_each(finished: Sequence[Finished]) -> list[Finished]:
    """Leave out a failed run that was done in another folder: a later version names folders otherwise."""
    by_key = {one.key: one for one in sorted(finished, key=lambda one: not one.failed)}
    return list(by_key.values())


def _damage(error: Damaged, hint: str) -> Damage:
    """What is told of a file that no run is in; nothing is wrong with one of a later version."""
    is_later = isinstance(error, schema.TooNew)
    return Damage(str(error), schema.UPGRADE if is_later else hint, is_later=is_later)


def repairing(folder: Path) -> str:
    """What to do about damage in an experiment's folder, whether a plan has the run or none."""
    return f"{AGAIN} Or: {_mending(folder)}"


def _mending(folder: Path) -> str:
    return f"`lrbench doctor {shlex.quote(str(folder))} --repair` puts it right or moves it away."


def table_of_all(experiment: Experiment) -> bytes:
    """Return the table of all runs."""
    names = [experiment.names[one.schedule] for one in experiment.finished]
    return merged_table(experiment.finished, names, experiment.setting.subject)


def read_setting(path: Path) -> Setting:
    """Read what an experiment's runs share from its experiment.json. Raises Damaged."""
    stored = schema.read_experiment(path)
    record = _checked(path, ExperimentRecord, stored)
    identity = record.identity
    setting = Setting(
        subject=Subject(
            spec=record.subject.spec,
            title=record.subject.title,
            noun=record.subject.noun,
            figures=tuple(Figure(**dict(each)) for each in record.subject.figures),
            examples=record.subject.examples,
            validation=record.subject.validation,
            data_sha256=record.subject.data_sha256,
        ),
        optimizer=record.optimizer,
        batch_size=identity.batch_size,
        epochs=identity.epochs,
        train_size=identity.train_size,
        val_size=identity.val_size,
        validate_on=identity.validate_on,
        engine=identity.engine,
        jit=identity.jit,
        identity=stored["identity"],
    )
    try:
        setting.horizon  # noqa: B018 # refuses what is too long
    except BadSpec as error:
        raise Damaged(f"{path}: {error}") from error
    return setting


def read_run(folder: Path, setting: Setting, run_id: str | None = None) -> Finished:
    """Read a run and check that its files belong together and into this experiment. Raises Damaged.

    `run_id` is what its folder should be called; None: as it is.
    """
    path = folder / "run.json"
    stored = schema.read_run(path, run_id or folder.name)
    record = _checked(path, RunRecord, stored)
    identity = stored["identity"]
    if identity["setting"] != setting.identity:
        raise Damaged(f"{path}: it is a run of another setting")
    names = [figure.name for figure in setting.subject.figures]
    done = record.status is Status.DONE
    if done != (record.test is not None) or (record.test and sorted(record.test) != sorted(names)):
        raise Damaged(f"{path}: its test figures do not belong to a run that ended {record.status}")
    table = folder / "epochs.csv"
    content = read_bytes(table, LONGEST_LINE * (setting.epochs + 1))
    rows = read_rows(table, content, setting)
    if rows and rows[0].seed != record.identity.seed:
        raise Damaged(f"{table}: line 2: it is not this run's")
    lengths = {Status.DONE: range(setting.epochs, setting.epochs + 1), Status.FAILED: range(1)}
    whole = len(rows) in lengths.get(record.status, range(1, setting.epochs + 1))
    if hashlib.sha256(content).hexdigest() != record.epochs_sha256 or not whole:
        raise Damaged(f"{table}: line 2 to {len(rows) + 1}: its content is not what was stored")
    schedule = record.identity.schedule
    return Finished(
        run_id=record.run_id,
        key=digest(identity),
        schedule=Named(
            words=record.scheduler,
            is_label=record.identity.label is not None,
            name=schedule.name,
            lr=schedule.lr,
            parameters=tuple(sorted(schedule.parameters.items())),
            rates_sha256=record.identity.rates_sha256,
            spec=record.spec,
            feedback=record.feedback,
        ),
        seed=record.identity.seed,
        setting=setting,
        result=RunResult(
            status=record.status,
            rows=rows,
            test=tuple(record.test[name] for name in names) if record.test else None,
            seconds=Seconds(**dict(record.seconds)),
            state_sha256=record.state_sha256,
            error=record.error,
        ),
        curve=tuple(record.curve) if record.curve else None,
        environment={key: stored[key] for key in ("versions", "host", "git", "variables") if key in stored},
    )


def _checked(path: Path, kind: type[Any], record: dict[str, Any]) -> Any:
    """Return a record with its types checked. Raises Damaged."""
    try:
        return kind.model_validate(record)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Damaged(f"{path}: its {where} is not what such a record holds") from error


def _check_merged(path: Path, table: bytes, whole: bytes, damage: Sequence[Damage]) -> bool:
    """The table of all runs is made from the runs and never read back, but people open it. Raises Damaged.

    A line that no run has is damage. A line too few is not, nor a schedule's earlier name: a command may have been
    killed before it wrote the table anew. Returns whether the table is `whole`.
    """
    if table == whole:
        return True
    unreadable = {each.run_folder.name for each in damage if each.run_folder}
    try:
        known = _header(whole)
        columns = [name for name in _header(table) if name in known and name != "scheduler"]
        expected = set(_lines(whole, columns))
        for number, line in enumerate(_lines(table, columns), start=2):
            if line not in expected and line[0] not in unreadable:
                raise Damaged(f"{path}: line {number}: it is not what the runs say")
    except (csv.Error, UnicodeDecodeError, StopIteration, KeyError) as error:
        raise Damaged(f"{path}: no table: {error!r}") from error
    return False


def _header(table: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(table.decode(), newline="")))


def _lines(table: bytes, columns: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield those columns of a table, `run_id` first. A cell that is missing is None, and so equal to no other."""
    for line in csv.DictReader(io.StringIO(table.decode(), newline="")):
        yield (line["run_id"], *(line[name] for name in columns))
