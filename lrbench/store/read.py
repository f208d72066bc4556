"""From a folder to an experiment: every run that can be trusted, and a line for each file that cannot."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrbench.config import Config
from lrbench.datasets import resolve_sizes
from lrbench.errors import BadResults, BadSpec, LrbenchError
from lrbench.plan import Damage, Experiment, Finished, Run, Setting, in_order
from lrbench.problems import PROBLEMS
from lrbench.records import EpochRow, RunResult, Seconds, Status
from lrbench.schedules import parse
from lrbench.store.files import COLUMNS, Damaged, cells, read_bytes, read_json, read_table, table_bytes

SETTING = TypeAdapter(Setting)
ENVIRONMENT = TypeAdapter(dict[str, dict[str, str | int | bool | None] | None])
_DESCRIBED = ("versions", "host", "git")  # of environment.describe
SHARED = ("problem", "hidden", "optimizer", "lr", "batch_size", "epochs", "engine")  # of Config and Setting
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
    for path in sorted((folder / "runs").glob("*/run.json")):  # where it stands, the run claims to be finished
        try:
            one, tables[path.parent.name] = _read(path.parent, setting)
            finished.append(one)
        except Damaged as error:
            damage.append(Damage(str(error), AGAIN, path.parent))
    everything = in_order(finished)
    current = False
    try:
        current = _check_merged(folder / "epochs.csv", _merge(everything, tables), damage)
    except Damaged as error:
        damage.append(Damage(str(error), "The runs are whole: any `lrbench run` there writes this table again."))
    return Experiment(
        name=folder.name,
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
        seconds = Seconds(**head["seconds"])
        sha256 = head["epochs_sha256"]
        test_loss, test_accuracy = head["test_loss"], head["test_accuracy"]
        state_sha256, failure = head.get("state_sha256"), head.get("error")
        environment = ENVIRONMENT.validate_python({key: head[key] for key in _DESCRIBED if key in head})
    except (KeyError, TypeError, ValueError, AttributeError, BadSpec) as error:
        raise Damaged(f"{path}: {type(error).__name__}: {error}") from error
    if not run.run_id == head.get("run_id") == folder.name:
        raise Damaged(f"{path}: its content does not belong to a run called {folder.name}")
    kind = float if status is Status.DONE else type(None)
    if not isinstance(test_loss, kind) or not isinstance(test_accuracy, kind):
        raise Damaged(f"{path}: its test figures do not belong to a run that ended {status}")
    if not all(text is None or isinstance(text, str) for text in (state_sha256, failure)):
        raise Damaged(f"{path}: its state_sha256 or error is no text")
    table = folder / "epochs.csv"
    content = read_bytes(table)
    rows = tuple(EpochRow(**row) for row in read_table(table, content, COLUMNS))
    lengths = {Status.DONE: range(setting.epochs, setting.epochs + 1), Status.FAILED: range(1)}
    whole = len(rows) in lengths.get(status, range(1, setting.epochs + 1))
    if hashlib.sha256(content).hexdigest() != sha256 or not whole:
        raise Damaged(f"{table}: line {_suspect(rows, run)}: its content is not what was stored")
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


def _suspect(rows: tuple[EpochRow, ...], run: Run) -> str:
    """Where a table that does not match its sha256 first says something that its run cannot have said."""
    for i, row in enumerate(rows, start=1):
        expected = (run.schedule.label, run.seed, i, i * run.setting.horizon.steps_per_epoch)
        if (row.scheduler, row.seed, row.epoch, row.step) != expected or not 0 <= row.train_accuracy <= 1:
            return str(i + 1)
    return f"2 to {len(rows) + 1}"


def _check_merged(path: Path, whole: bytes, damage: Sequence[Damage]) -> bool:
    """The table of all runs is made from the runs and never read back, but people open it. Raises Damaged.

    A line that no run has is damage. A line too few is not: a command may have been killed before it wrote them.
    Returns whether the table is `whole`.
    """
    if not path.exists():
        return False
    found = read_bytes(path)
    if found == whole:
        return True
    expected = set(whole.splitlines())
    unreadable = tuple(each.run_folder.name.encode() + b"," for each in damage if each.run_folder)
    for number, line in enumerate(found.splitlines(), start=1):
        if line not in expected and not line.startswith(unreadable):
            raise Damaged(f"{path}: line {number}: it is not what the runs say")
    return False
