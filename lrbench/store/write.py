"""One experiment's folder, open for writing. Only the runner writes, through this."""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lrbench.errors import BadResults
from lrbench.plan import Checkpoint, Damage, Experiment, Finished, Plan, Run, digest
from lrbench.store.checkpoints import NAME, read_checkpoint, write_checkpoint
from lrbench.store.files import (
    Damaged,
    make_folder,
    read_json,
    remove_leftovers,
    sealed,
    sync_folder,
    table_of,
    unwritable,
    write_json,
    write_whole,
)
from lrbench.store.locks import Locks
from lrbench.store.read import AGAIN, load, merged_table, read_run

WHOLE = "experiment"  # the lock for the files that all runs share


@dataclass(frozen=True, slots=True)
class Store:
    """An experiment's folder, and what stood in it when it was opened."""

    experiment: Experiment
    plan: Plan
    locks: Locks
    stamp: str  # of the runs that stood there
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
        experiment = Experiment(name=plan.experiment, folder=folder, setting=plan.setting, finished=(), damage=())
        try:
            make_folder(folder)
            stamp = _stamp(folder)
            strangers = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
            if (folder / "experiment.json").exists():  # asked last: another command may just have written it
                experiment = load(folder)
                _check_same(experiment, plan)
            elif strangers:
                raise BadResults(
                    f"{folder} is no experiment, and holds {strangers[0]!r}.",
                    "Choose another --name or another folder with -o.",
                )
            with tempfile.TemporaryFile(prefix=".probe-", dir=folder):
                pass  # it can be written
        except OSError as error:
            raise unwritable(folder, error) from error
        return cls(experiment, plan, Locks(folder), stamp)

    def describe(self, environment: dict[str, Any]) -> None:
        """Note where new runs are made; write experiment.json if this is the first command. Raises BadResults."""
        self.environment.update(environment)
        marker = self.folder / "experiment.json"
        with self.alone():
            if not marker.exists():
                remove_leftovers(self.folder)
                write_json(marker, {"setting": asdict(self.experiment.setting), **environment})
            elif not self.experiment.finished:  # perhaps another command's, written since we looked
                _check_same(load(self.folder), self.plan)
            self._reserve_labels()

    def _reserve_labels(self) -> None:
        """Note what the plan's labels stand for, before there is a run: another command may use them too."""
        path = self.folder / "labels.json"
        try:
            known = read_json(path).get("labels") if path.exists() else {}
        except Damaged:
            known = {}  # it only repeats what the runs say
        labels: dict[str, Any] = known if isinstance(known, dict) else {}
        merged = dict(labels)
        for run in self.plan.runs:
            if merged.setdefault(run.schedule.label, _meaning(run)) != _meaning(run):
                raise _other_label(run, self.folder)
        if merged != labels:
            write_json(path, {"labels": merged})

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other command writes the files that all runs share. Raises BadResults."""
        try:
            with self.locks.waiting_for(WHOLE):
                yield
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def claim(self, run: Run) -> bool:
        """Take a run for this command alone; False if another command has it. Raises BadResults."""
        folder = self._folder(run)
        try:
            if not self.locks.claim(run.run_id):
                return False
            make_folder(folder)
            remove_leftovers(folder)
        except OSError as error:
            raise unwritable(folder, error) from error
        return True

    def find(self, run: Run) -> Finished | Damage | None:
        """Return how a claimed run ended, if it did, or what is wrong with what is stored of it."""
        folder = self._folder(run)
        if not (folder / "run.json").exists():
            return None
        try:
            return read_run(folder, run.setting)
        except Damaged as error:
            return Damage(str(error), AGAIN, folder)

    def find_checkpoint(self, run: Run) -> Checkpoint | Damage | None:
        """Return where a claimed run stopped, or why it cannot go on from there."""
        path = self._folder(run) / NAME
        if not path.exists():
            return None
        try:
            return read_checkpoint(path, run, self._made_on)
        except Damaged as error:
            return Damage(str(error), AGAIN, self._folder(run))

    def checkpoint_damage(self, run: Run, reason: str) -> Damage:
        """Return what is said of a claimed run's checkpoint that its model refuses."""
        return Damage(f"{self._folder(run) / NAME}: {reason}", AGAIN, self._folder(run))

    def save_checkpoint(self, run: Run, checkpoint: Checkpoint) -> None:
        """Store where a claimed run stands. Raises BadResults."""
        path = self._folder(run) / NAME
        try:
            write_checkpoint(path, run, checkpoint, self._made_on)
        except OSError as error:
            raise unwritable(path, error) from error

    def save(self, finished: Finished) -> None:
        """Store how a claimed run ended; run.json, written last, is what makes it count. Raises BadResults.

        The checkpoint of a run that failed stays, so that the next attempt goes on from there.
        """
        run, result = finished.run, finished.result
        folder = self._folder(run)
        table = table_of(result.rows)
        record = {
            "run_id": run.run_id,
            "spec": str(run.schedule),
            **run.resolved,
            "status": result.status,
            "test_loss": result.test_loss,
            "test_accuracy": result.test_accuracy,
            "state_sha256": result.state_sha256,
            "seconds": asdict(result.seconds),
            "epochs_sha256": hashlib.sha256(table).hexdigest(),
            **({"error": result.error} if result.error else {}),
            **self.environment,
        }
        try:
            make_folder(folder)
            write_whole(folder / "epochs.csv", table)
            write_json(folder / "run.json", sealed(record))
            if not finished.failed:
                (folder / NAME).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error

    def reload(self) -> Experiment:
        """Return the experiment as it stands now, reading it again only if a run has come or gone."""
        unchanged = self.stamp == _stamp(self.folder) and not self.experiment.damage
        return self.experiment if unchanged else load(self.folder)

    def tidy(self, finished: Sequence[Finished]) -> None:
        """Remove checkpoints and free locks of runs that are done: what a killed command did not come to."""
        done = {one.run.run_id for one in finished if not one.failed}
        try:
            for name in done & self.locks.left():
                if self.locks.claim(name):
                    self.locks.release(name)
            for path in (self.folder / "runs").glob(f"*/{NAME}"):
                if path.parent.name in done:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def retire(self, run: Run) -> None:
        """Keep the record of a claimed run's failure under another name, so that it can be tried again."""
        folder = self._folder(run)
        try:
            before = sum(1 for _ in folder.glob("failed-*.json"))
            (folder / "run.json").rename(folder / f"failed-{before + 1}.json")
            sync_folder(folder)
        except OSError as error:
            raise unwritable(folder, error) from error

    def write_tables(self, experiment: Experiment, summary: bytes) -> None:
        """Write the tables that are made from the runs, if they are not so already. Raises BadResults."""
        path = self.folder / "summary.csv"
        try:
            if not experiment.table_is_current:
                write_whole(self.folder / "epochs.csv", merged_table(experiment.finished))
            if not path.exists() or path.read_bytes() != summary:
                write_whole(path, summary)
            remove_leftovers(self.folder)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def quarantine(self, damage: Damage) -> None:
        """Move what is stored of a claimed, damaged run to quarantine/, so that nothing is lost."""
        if damage.run_folder is None:
            return
        name = damage.run_folder.name
        try:
            before = sum(1 for _ in self.folder.glob(f"quarantine/{name}-*"))
            aside = self.folder / "quarantine" / f"{name}-{before + 1}"
            make_folder(aside)
            for path in damage.run_folder.iterdir():
                path.rename(aside / path.name)
            sync_folder(aside)
            sync_folder(damage.run_folder)
        except OSError as error:
            raise unwritable(self.folder / "quarantine", error) from error

    def _folder(self, run: Run) -> Path:
        return self.folder / "runs" / run.run_id

    @property
    def _made_on(self) -> dict[str, Any]:
        """What must be the same for a run to go on: the same bytes are promised for nothing else."""
        host = {key: value for key, value in self.environment.get("host", {}).items() if key != "cores"}
        return {"versions": self.environment.get("versions"), "host": host}


def _stamp(folder: Path) -> str:
    """A hash that changes whenever a run.json comes, goes or is written."""
    found = [(str(path), path.stat()) for path in (folder / "runs").glob("*/run.json")]
    return digest(sorted((name, status.st_mtime_ns, status.st_size) for name, status in found))


def _check_same(stored: Experiment, plan: Plan) -> None:
    if stored.setting != plan.setting:
        old, new = asdict(stored.setting), asdict(plan.setting)
        key = next(key for key in new if old[key] != new[key])
        raise BadResults(
            f"{stored.folder} holds another setting: {key} is {old[key]} there and {new[key]} here.",
            "Choose another --name; without one, each setting gets its own folder.",
        )
    stood_for = {(one.run.schedule.label, _meaning(one.run)): one.run for one in stored.finished}
    for run in plan.runs:
        for (label, meaning), other in stood_for.items():
            if label == run.schedule.label and meaning != _meaning(run):
                raise _other_label(run, stored.folder, other)


def _meaning(run: Run) -> str:
    """What a run's label stands for, as a hash."""
    return digest([run.schedule.resolved(), run.rates_sha256])


def _other_label(run: Run, folder: Path, other: Run | None = None) -> BadResults:
    """The error for a label that stands for another schedule already."""
    spec = run.schedule.spec
    if other and other.schedule.resolved() == run.schedule.resolved():
        return BadResults(
            f"{spec} gives other rates than it did for the runs in {folder}.",
            f"Give the new version a label of its own: new={spec}.",
        )
    meant = other.schedule.spec if other else "another schedule"
    return BadResults(
        f"The label {run.schedule.label!r} stands for {meant} in {folder} already.",
        f"Choose another label for {spec}.",
    )
