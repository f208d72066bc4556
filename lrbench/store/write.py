"""One experiment's folder, open for writing. Only the runner writes, through this."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

from lrbench.errors import BadResults
from lrbench.plan import Damage, Experiment, Finished, Plan
from lrbench.store.files import COLUMNS, table_bytes, unwritable, write_json, write_whole
from lrbench.store.read import load, merged_table


@dataclass(frozen=True, slots=True)
class Store:
    """An experiment's folder, and what stood in it when it was opened."""

    experiment: Experiment
    environment: dict[str, Any] = field(default_factory=dict)  # where new runs are made

    @property
    def folder(self) -> Path:
        return self.experiment.folder

    @classmethod
    def open(cls, results: Path, plan: Plan) -> "Store":
        """Open the plan's experiment, making it if need be.

        Raises BadResults if it cannot be written, holds another setting, or uses a label for another schedule.
        """
        folder = results / plan.experiment
        try:
            if (folder / "experiment.json").exists():
                stored = load(folder)
                _check_same(stored, plan)
                with tempfile.TemporaryFile(prefix=".tmp-", dir=folder):
                    pass  # it can be written
                return cls(stored)
            folder.mkdir(parents=True, exist_ok=True)
            strangers = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
            if strangers:
                raise BadResults(
                    f"{folder} is no experiment, and holds {strangers[0]!r}.",
                    "Choose another --name or another folder with -o.",
                )
            with tempfile.TemporaryFile(prefix=".tmp-", dir=folder):
                pass
        except OSError as error:
            raise unwritable(folder, error) from error
        empty = Experiment(name=plan.experiment, folder=folder, setting=plan.setting, finished=(), damage=())
        return cls(empty)

    def describe(self, environment: dict[str, Any]) -> None:
        """Note where new runs are made; write experiment.json if this is the first command. Raises BadResults."""
        self.environment.update(environment)
        marker = self.folder / "experiment.json"
        try:
            if not marker.exists():
                write_json(marker, {"setting": asdict(self.experiment.setting), **environment})
        except OSError as error:
            raise unwritable(marker, error) from error

    def save(self, finished: Finished) -> None:
        """Store a finished run; run.json, written last, is what makes it count. Raises BadResults."""
        run, result = finished.run, finished.result
        folder = self.folder / "runs" / run.run_id
        table = table_bytes(COLUMNS, (astuple(row) for row in result.rows))
        record = {
            "run_id": run.run_id,
            "spec": str(run.schedule),
            **run.resolved,
            "status": result.status,
            "test_loss": result.test_loss,
            "test_accuracy": result.test_accuracy,
            "seconds": asdict(result.seconds),
            "epochs_sha256": hashlib.sha256(table).hexdigest(),
            **self.environment,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "epochs.csv", table)
            write_json(folder / "run.json", record)
        except OSError as error:
            raise unwritable(folder, error) from error

    def write_tables(self, finished: Sequence[Finished], summary: bytes) -> None:
        """Write the tables that are made from the runs, if they are not so already. Raises BadResults."""
        try:
            for name, content in (("epochs.csv", merged_table(finished)), ("summary.csv", summary)):
                path = self.folder / name
                if not path.exists() or path.read_bytes() != content:
                    write_whole(path, content)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def quarantine(self, damage: Damage) -> None:
        """Move a damaged run to quarantine/, so that it is trained again and nothing is lost."""
        if damage.run_folder is None:
            return
        aside = self.folder / "quarantine"
        try:
            aside.mkdir(exist_ok=True)
            before = sum(1 for path in aside.iterdir() if path.name.startswith(damage.run_folder.name))
            damage.run_folder.rename(aside / f"{damage.run_folder.name}-{before + 1}")
        except OSError as error:
            raise unwritable(aside, error) from error


def _check_same(stored: Experiment, plan: Plan) -> None:
    if stored.setting != plan.setting:
        old, new = asdict(stored.setting), asdict(plan.setting)
        key = next(key for key in new if old[key] != new[key])
        raise BadResults(
            f"{stored.folder} holds another setting: {key} is {old[key]} there and {new[key]} here.",
            "Choose another --name; without one, each setting gets its own folder.",
        )
    known = {one.run.schedule.label: one.run for one in stored.finished}
    for run in plan.runs:
        other = known.get(run.schedule.label, run)
        if other.schedule.resolved() != run.schedule.resolved():
            raise BadResults(
                f"The label {run.schedule.label!r} stands for {other.schedule.spec} in {stored.folder} already.",
                f"Choose another label for {run.schedule.spec}.",
            )
        if other.rates_sha256 != run.rates_sha256:
            raise BadResults(
                f"{run.schedule.spec} gives other rates than it did for the runs in {stored.folder}.",
                f"Give the new version a label of its own: new={run.schedule.spec}.",
            )
