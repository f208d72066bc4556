"""From a folder to an experiment: every run that can be trusted, and a line for each file that cannot."""

import hashlib
from pathlib import Path

from lrbench.errors import BadResults, BadSpec
from lrbench.plan import Damage, Experiment, Finished, Run, Setting, in_order
from lrbench.records import EpochRow, RunResult, Seconds, Status
from lrbench.schedules import parse
from lrbench.store.files import COLUMNS, MERGED_COLUMNS, Damaged, read_bytes, read_json, read_table


def find_experiments(results: Path) -> list[Path]:
    """Return the experiments' folders in a results folder, or the one folder if it is one itself.

    Raises BadResults if there is none.
    """
    hint = "Make one with: lrbench run -o " + str(results)
    if not results.exists():
        raise BadResults(f"There is no folder {results}.", hint)
    if not results.is_dir():
        raise BadResults(f"{results} is a file, not a results folder.", "Name the folder that holds it.")
    try:
        if (results / "experiment.json").exists():
            return [results]
        found = sorted(path.parent for path in results.glob("*/experiment.json"))
    except OSError as error:
        raise BadResults(f"{results} cannot be read: {error.strerror}.", "Check its rights.") from error
    if not found:
        raise BadResults(f"{results} holds no results.", hint)
    return found


def load_all(results: Path) -> tuple[list[Experiment], list[str]]:
    """Read every experiment of a results folder; also return a line for everything that could not be trusted.

    Raises BadResults if there is nothing that can be read.
    """
    experiments: list[Experiment] = []
    damage: list[str] = []
    folders = find_experiments(results)
    for folder in folders:
        try:
            experiments.append(load(folder))
        except BadResults as error:
            if len(folders) == 1:
                raise
            damage.append(error.problem)
        else:
            damage += [each.text for each in experiments[-1].damage]
    return experiments, damage


def load(folder: Path) -> Experiment:
    """Read one experiment: every run that can be trusted, and a line for each file that cannot.

    Raises BadResults if experiment.json itself cannot be read.
    """
    marker = folder / "experiment.json"
    try:
        head = read_json(marker)
        setting = Setting(**head["setting"])
    except (Damaged, TypeError, KeyError) as error:
        problem = str(error) if isinstance(error, Damaged) else f"{marker} is no experiment of this version."
        raise BadResults(problem, f"Move {folder} away, or bring the file back from a copy.") from error
    finished: list[Finished] = []
    damage: list[Damage] = []
    for path in sorted((folder / "runs").glob("*/run.json")):  # where it stands, the run claims to be finished
        try:
            finished.append(_read_run(path.parent))
        except Damaged as error:
            damage.append(Damage(str(error), path.parent))
    try:
        _check_merged(folder / "epochs.csv")
    except Damaged as error:
        damage.append(Damage(f"{error} (the next `lrbench run` writes this table again)", None))
    return Experiment(
        name=str(head.get("name", folder.name)),
        folder=folder,
        setting=setting,
        finished=in_order(finished),
        damage=tuple(damage),
    )


def _read_run(folder: Path) -> Finished:
    """Read a run and check that its files belong together. Raises Damaged."""
    path = folder / "run.json"
    head = read_json(path)
    try:
        setting = Setting(**head["setting"])
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
    except (KeyError, TypeError, ValueError, AttributeError, BadSpec) as error:
        raise Damaged(f"{path}: {type(error).__name__}: {error}") from error
    if not run.run_id == head.get("run_id") == folder.name:
        raise Damaged(f"{path}: its content does not belong to a run called {folder.name}")
    if not all(value is None or isinstance(value, float) for value in (test_loss, test_accuracy)):
        raise Damaged(f"{path}: its test figures are no numbers")
    table = folder / "epochs.csv"
    content = read_bytes(table)
    rows = tuple(EpochRow(**row) for row in read_table(table, content, COLUMNS))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Damaged(f"{table}: line {_suspect(rows, run)}: its content is not what was stored")
    result = RunResult(status=status, rows=rows, test_loss=test_loss, test_accuracy=test_accuracy, seconds=seconds)
    return Finished(run, result)


def _suspect(rows: tuple[EpochRow, ...], run: Run) -> str:
    """Where a table that does not match its sha256 first says something that its run cannot have said."""
    for i, row in enumerate(rows, start=1):
        expected = (run.schedule.label, run.seed, i, i * run.setting.horizon.steps_per_epoch)
        if (row.scheduler, row.seed, row.epoch, row.step) != expected or not 0 <= row.train_accuracy <= 1:
            return str(i + 1)
    return f"2 to {len(rows) + 1}"


def _check_merged(path: Path) -> None:
    """The table of all runs is made from the runs and never read back, but people open it. Raises Damaged."""
    if path.exists():
        read_table(path, read_bytes(path), MERGED_COLUMNS)
