"""From a folder to an experiment: every run that can be trusted, and a line for each file that cannot."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrbench.config import Config
from lrbench.datasets import resolve_sizes
from lrbench.errors import BadResults, BadSpec, LrbenchError
from lrbench.plan import Damage, Experiment, Finished, Run, Setting, digest, in_order
from lrbench.problems import PROBLEMS
from lrbench.records import EpochRow, RunResult, Status
from lrbench.schedules import parse
from lrbench.store.files import (
    COLUMNS,
    Damaged,
    cells,
    check_record,
    check_rows,
    read_bytes,
    read_json,
    read_table,
    seconds_of,
    table_bytes,
)

SETTING = TypeAdapter(Setting)
ENVIRONMENT = TypeAdapter(dict[str, dict[str, str | int | bool | None] | None])
_DESCRIBED = ("versions", "host", "git")  # of environment.describe
LONGEST_LINE = 2_000  # bytes of epochs.csv; a label has up to some hundred characters
SHARED = ("problem", "hidden", "optimizer", "lr", "batch_size", "epochs", "engine")  # of Config and Setting
REWRITTEN = "The runs are whole: any `lrbench run` there writes this table again."
AGAIN = "The same `lrbench run` as before trains it again."


def find_experiments(results: Path) -> list[Path]:
    """Return the experiments' folders in a results folder, or the one folder if it is one itself.

    Raises BadResults if there is none.
    """
    hint = "Make one with: lrbench run -o " + str(results)
    try:
        if not results.exists():
            raise BadResults(f"There is no folder {results}.", hint)
        if not results.is_dir():
            raise BadResults(f"{results} is a file, not a results folder.", "Name the folder that holds it.")
        if (results / "experiment.json").exists():
            return [results]
        found = sorted(path.parent for path in results.glob("*/experiment.json"))
    except OSError as error:
        raise BadResults(f"{results} cannot be read: {error.strerror}.", "Check its name and rights.") from error
    if not found:
        raise BadResults(f"{results} holds no results.", hint)
    return found


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
        setting = _setting(marker, read_json(marker))
    except Damaged as error:
        raise BadResults(str(error), f"Move {folder} away, or bring the file back from a copy.") from error
    tables: dict[str, bytes] = {}
    finished: list[Finished] = []
    damage: list[Damage] = []
    try:  # before the runs: another command may be at work, and what a table holds was stored before it
        merged = read_bytes(folder / "epochs.csv") if (folder / "epochs.csv").exists() else None
    except Damaged as error:
        merged = None
        damage.append(Damage(str(error), REWRITTEN))
    for path in sorted((folder / "runs").glob("*/run.json")):  # where it stands, the run claims to be finished
        try:
            one, tables[path.parent.name] = _read(path.parent, setting)
            finished.append(one)
        except Damaged as error:
            if path.exists():  # otherwise another command has just moved it: the run is to be trained again
                damage.append(Damage(str(error), AGAIN, path.parent))
    everything = in_order(finished)
    damage += _ambiguous(folder, everything)
    current = False
    try:
        if merged is not None:
            current = _check_merged(folder / "epochs.csv", merged, _merge(everything, tables), damage)
    except Damaged as error:
        damage.append(Damage(str(error), REWRITTEN))
    return Experiment(
        name=folder.resolve().name,  # also of "."
        folder=folder,
        setting=setting,
        finished=everything,
        damage=tuple(damage),
        table_is_current=current,
    )


def merged_table(finished: Sequence[Finished]) -> bytes:
    """Return the table of all runs: each one's rows under its id."""
    ids = [one.run.run_id for one in finished]  # a hash, so not once per row
    rows = ((run_id, *cells(row)) for run_id, one in zip(ids, finished, strict=True) for row in one.result.rows)
    return table_bytes(["run_id", *COLUMNS], rows)


def _merge(finished: Sequence[Finished], tables: dict[str, bytes]) -> bytes:
    """As `merged_table`, from the runs' own files: their bytes are already those of their rows."""
    parts = [table_bytes(["run_id", *COLUMNS], [])]
    for one in finished:
        prefix = one.run.run_id.encode() + b","
        rows = tables[one.run.run_id].partition(b"\n")[2]
        parts += [prefix, rows[:-1].replace(b"\n", b"\n" + prefix), b"\n"] if rows else []
    return b"".join(parts)


def _setting(path: Path, head: dict[str, Any]) -> Setting:
    try:
        setting = SETTING.validate_python(head.get("setting"))
    except ValidationError as error:
        first = error.errors()[0]
        raise Damaged(
            f"{path}: its setting is none: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    if setting.problem not in PROBLEMS:
        raise Damaged(f"{path}: this lrbench knows no problem {setting.problem!r}")
    try:
        _check_setting(setting)
    except (ValidationError, LrbenchError, ValueError) as error:
        why = f": {error}" if isinstance(error, LrbenchError) else ""
        raise Damaged(f"{path}: no command gives its setting{why}") from error
    return setting


def _check_setting(setting: Setting) -> None:
    """A stored setting must be one that some command gives: sizes, ranges and names."""
    stored = asdict(setting)
    config = Config(**{key: stored[key] for key in SHARED})
    sizes = resolve_sizes(PROBLEMS[setting.problem].dataset, setting.train_size, setting.val_size, "split")
    setting.horizon  # noqa: B018 # refuses what is too long
    known = setting.validate_on in ("split", "test", "none") and re.fullmatch("[0-9a-f]{64}", setting.data_sha256)
    if config.optimizer != setting.optimizer or sizes.train != setting.train_size or not known:
        raise ValueError


def read_run(folder: Path, setting: Setting) -> Finished:
    """Read a run and check that its files belong together and into this experiment. Raises Damaged."""
    return _read(folder, setting)[0]


def _read(folder: Path, setting: Setting) -> tuple[Finished, bytes]:
    """Return a run and the content of its epochs.csv."""
    path = folder / "run.json"
    head = read_json(path)
    check_record(path, head)
    if head.get("setting") != asdict(setting) and _setting(path, head) != setting:
        raise Damaged(f"{path}: it is a run of another setting")
    try:
        run = Run(
            schedule=parse(head["spec"], setting.lr),  # never imports a user's function
            seed=head["seed"],
            setting=setting,
            rates_sha256=head.get("rates_sha256", ""),
        )
        status = Status(head["status"])
        seconds = seconds_of(head)
        sha256 = head["epochs_sha256"]
        test_loss, test_accuracy = head["test_loss"], head["test_accuracy"]
        state_sha256, failure = head.get("state_sha256"), head.get("error")
        environment = ENVIRONMENT.validate_python({key: head[key] for key in _DESCRIBED if key in head})
    except (KeyError, TypeError, ValueError, AttributeError, BadSpec) as error:
        raise Damaged(f"{path}: {type(error).__name__}: {error}") from error
    if type(run.seed) is not int or not 0 <= run.seed < 2**32:
        raise Damaged(f"{path}: its seed is {run.seed!r}")
    if not run.run_id == head.get("run_id") == folder.name:
        raise Damaged(f"{path}: its content does not belong to a run called {folder.name}")
    kind = float if status is Status.DONE else type(None)
    figures = (test_loss, test_accuracy)
    if not all(isinstance(value, kind) and (value is None or math.isfinite(value)) for value in figures):
        raise Damaged(f"{path}: its test figures do not belong to a run that ended {status}")
    if not all(text is None or isinstance(text, str) for text in (state_sha256, failure)):
        raise Damaged(f"{path}: its state_sha256 or error is no text")
    table = folder / "epochs.csv"
    content = read_bytes(table, LONGEST_LINE * (setting.epochs + 1))
    rows = tuple(EpochRow(**row) for row in read_table(table, content, COLUMNS, setting.epochs))
    check_rows(table, rows, run)
    lengths = {Status.DONE: range(setting.epochs, setting.epochs + 1), Status.FAILED: range(1)}
    whole = len(rows) in lengths.get(status, range(1, setting.epochs + 1))
    if hashlib.sha256(content).hexdigest() != sha256 or not whole:
        raise Damaged(f"{table}: line 2 to {len(rows) + 1}: its content is not what was stored")
    result = RunResult(
        status=status,
        rows=rows,
        test_loss=test_loss,
        test_accuracy=test_accuracy,
        seconds=seconds,
        state_sha256=state_sha256,
        error=failure,
    )
    return Finished(run, result, environment), content


def _ambiguous(folder: Path, finished: Sequence[Finished]) -> list[Damage]:
    """A label that stands for two schedules: no command makes it so, but a copy from elsewhere can."""
    meanings: dict[str, set[str]] = {}
    for one in finished:
        meaning = digest([one.run.schedule.resolved(), one.run.rates_sha256])
        meanings.setdefault(one.run.schedule.label, set()).add(meaning)
    hint = "Move the runs of one of them to another results folder."
    return [
        Damage(f"{folder / 'runs'}: the label {label!r} stands for two schedules", hint)
        for label, found in meanings.items()
        if len(found) > 1
    ]


def _check_merged(path: Path, found: bytes, whole: bytes, damage: Sequence[Damage]) -> bool:
    """The table of all runs is made from the runs and never read back, but people open it. Raises Damaged.

    A line that no run has is damage. A line too few is not: a command may have been killed before it wrote them.
    Returns whether the table is `whole`.
    """
    if found == whole:
        return True
    expected = set(whole.splitlines())
    unreadable = tuple(each.run_folder.name.encode() + b"," for each in damage if each.run_folder)
    for number, line in enumerate(found.splitlines(), start=1):
        if line not in expected and not line.startswith(unreadable):
            raise Damaged(f"{path}: line {number}: it is not what the runs say")
    return False
