"""One experiment's folder, open for writing. Only the session writes, through this."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lrbench.designs import MOST_RUNS, Declared, History
from lrbench.errors import BadResults
from lrbench.files import Damaged, digest, make_folder
from lrbench.folders import Tree
from lrbench.foreign import place
from lrbench.runs import Checkpoint, Damage, Experiment, Finished, Run, Setting
from lrbench.searches import Search
from lrbench.store import labels, schema
from lrbench.store.checkpoints import NAME, made_on, read_checkpoint, write_checkpoint
from lrbench.store.history import ASIDE, HISTORY, Entry, read_history, write_entry
from lrbench.store.labels import LABELS
from lrbench.store.locks import LOCKS, Locks
from lrbench.store.log import LOG, append
from lrbench.store.read import AGAIN, load, read_run, table_of_all
from lrbench.store.searches import write_search
from lrbench.store.tables import table_of

WHOLE = "experiment"  # the lock for the files that all runs share
FOLDERS = ("runs", HISTORY, ASIDE, LOCKS)  # what every command may write into
FILES = (LABELS, "epochs.csv", "summary.csv")  # what every command may replace


@dataclass(frozen=True, slots=True)
class Store:
    """An experiment's folder, and what stood in it when it was opened."""

    experiment: Experiment
    locks: Locks
    stamp: str  # of the runs that stood there
    environment: dict[str, Any] = field(default_factory=dict)  # where new runs are made

    @property
    def folder(self) -> Path:
        return self.experiment.folder

    @property
    def tree(self) -> Tree:
        """Whatever is written, moved or removed here goes through it."""
        return Tree(self.folder)

    @classmethod
    def open(cls, folder: Path, setting: Setting) -> "Store":
        """Open an experiment, making its folder if need be.

        Raises BadResults if it or something in it cannot be written, or it holds another setting.
        """
        experiment = Experiment(name=folder.name, folder=folder, setting=setting, finished=())
        if (folder.absolute().parent / "experiment.json").exists():
            raise BadResults(
                f"{folder.parent} is an experiment itself, and not a folder of experiments.",
                f"Write out={folder.parent.parent} name={folder.parent.name}",
            )
        tree = Tree(folder)
        with _writing(folder):
            if not folder.is_symlink():
                make_folder(folder)
            tree.check_folder(folder)
            stamp = _stamp(folder)
            strangers = [path.name for path in folder.iterdir() if path.name != LABELS and path.name[0] != "."]
            if (folder / "experiment.json").exists():  # asked last: another command may just have written it
                experiment = load(folder)
                _check_same(experiment, setting)
            elif strangers:
                raise BadResults(
                    f"{folder} is no experiment, and holds {strangers[0]!r}.",
                    "Choose another name=NAME, or another folder: out=PATH",
                )
        return cls(experiment, Locks(folder), stamp)

    def describe(self, environment: Mapping[str, Any]) -> None:
        """Note where new runs are made; write experiment.json if this is the first command. Raises BadResults."""
        self.check_rights()
        self.environment.update(environment)
        marker = self.folder / "experiment.json"
        setting = self.experiment.setting
        with self.alone():
            if not marker.exists():
                self.tree.remove_leftovers(self.folder)
                record = {
                    "identity": dict(setting.identity),
                    "optimizer": setting.optimizer,
                    "subject": asdict(setting.subject),
                }
                with _writing(marker):
                    schema.write_record(self.tree, marker, {**record, **environment})
            elif not self.experiment.finished:  # perhaps another command's, written since we looked
                _check_same(load(self.folder), setting)

    def check_rights(self) -> None:
        """Check, before anything is trained, that all can be written that will have to be. Raises BadResults."""
        with _writing(self.folder):
            for name in FOLDERS:
                self.tree.check_folder(self.folder / name)
            for name in FILES:
                self.tree.check_file(self.folder / name)
            self.tree.check_file(self.folder / LOG, grows=True)

    def check_labels(self, runs: Iterable[Run]) -> dict[str, str]:
        """Return what labels stand for here, those of the runs included.

        Raises BadResults if one would stand for two schedules, or a later version noted them.
        """
        first = {run.schedule: run for run in runs}
        return labels.check(self.folder, self.experiment.names, [run.named for run in first.values()])

    def reserve(self, runs: Iterable[Run]) -> None:
        """Note what labels of the user's stand for, before there is a run: another command may use them too.

        Raises BadResults as `check_labels` does, and if what is stored of one of the runs cannot be written.
        """
        runs = list(runs)
        with _writing(self.folder):
            for run in runs:
                self.tree.check_folder(self._folder(run))
        with self.alone():
            self.note_labels(self.check_labels(runs))

    def note_labels(self, meanings: Mapping[str, str]) -> None:
        """Write what labels stand for, if it is not written so already. Only inside `alone`. Raises BadResults."""
        path = self.folder / LABELS
        if meanings and meanings != labels.read(path):
            with _writing(path):
                schema.write_record(self.tree, path, {"labels": dict(meanings)})

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other command writes the files that all runs share. Raises BadResults."""
        with _writing(self.folder), self.locks.waiting_for(WHOLE):
            yield

    def claim(self, run: Run) -> bool:
        """Take a run for this command alone; False if another command has it. Raises BadResults."""
        folder = self._folder(run)
        with _writing(folder):
            if not self.locks.claim(run.run_id):
                return False
            self.tree.make(folder)
            self.tree.remove_leftovers(folder)
        return True

    def find(self, run: Run) -> Finished | Damage | None:
        """Return how a claimed run ended, if it did, or what is wrong with what is stored of it.

        Raises BadResults if a later version stored it.
        """
        folder = self._folder(run)
        if not (folder / "run.json").exists():
            return None
        try:
            return read_run(folder, self.experiment.setting)
        except schema.TooNew as error:
            raise BadResults(str(error), schema.UPGRADE) from error
        except Damaged as error:
            return Damage(str(error), AGAIN, folder)

    def find_checkpoint(self, run: Run, anywhere: bool = False) -> Checkpoint | Damage | None:
        """Return where a claimed run stopped, or why it cannot go on from there.

        `anywhere`: also one that was made on another machine.
        """
        path = self._folder(run) / NAME
        if not path.exists():
            return None
        try:
            return read_checkpoint(path, run, None if anywhere else made_on(self.environment))
        except Damaged as error:
            return Damage(str(error), AGAIN, self._folder(run))

    def checkpoint_damage(self, run: Run, reason: str) -> Damage:
        """Return what is said of a claimed run's checkpoint that its model refuses."""
        return Damage(f"{self._folder(run) / NAME}: {reason}", AGAIN, self._folder(run))

    def save_checkpoint(self, run: Run, checkpoint: Checkpoint) -> None:
        """Store where a claimed run stands. Raises BadResults."""
        path = self._folder(run) / NAME
        with _writing(path):
            write_checkpoint(self.tree, path, run, checkpoint, made_on(self.environment))

    def save(self, run: Run, finished: Finished) -> None:
        """Store how a claimed run ended; run.json, written last, is what makes it count. Raises BadResults.

        The checkpoint of a run that failed stays, so that the next attempt goes on from there.
        """
        result, subject = finished.result, finished.setting.subject
        folder = self._folder(run)
        table = table_of(result.rows, subject)
        names = [figure.name for figure in subject.figures]
        record = {
            "run_id": finished.run_id,
            "identity": run.identity,
            "scheduler": finished.schedule.words,
            "spec": finished.schedule.spec,
            "feedback": finished.schedule.feedback,
            "status": result.status,
            "test": dict(zip(names, result.test, strict=True)) if result.test else None,
            "state_sha256": result.state_sha256,
            "seconds": asdict(result.seconds),
            "epochs_sha256": hashlib.sha256(table).hexdigest(),
            **({"error": result.error} if result.error else {}),
            "curve": finished.curve,
            **finished.environment,
        }
        with _writing(folder):
            self.tree.make(folder)
            self.tree.write(folder / "epochs.csv", table)
            schema.write_record(self.tree, folder / "run.json", record)
            if not finished.failed:
                self.tree.remove(folder / NAME)

    def reload(self) -> Experiment:
        """Return the experiment as it stands now, reading it again only if a run has come or gone."""
        unchanged = self.stamp == _stamp(self.folder) and not self.experiment.damage
        return self.experiment if unchanged else load(self.folder)

    def tidy(self, finished: Sequence[Finished]) -> None:
        """Remove checkpoints and free locks of runs that are done: what a killed command did not come to."""
        done = {one.run_id for one in finished if not one.failed}
        with _writing(self.folder):
            for name in done & self.locks.left():
                if self.locks.claim(name):
                    self.locks.release(name)
            for path in (self.folder / "runs").glob(f"*/{NAME}"):
                if path.parent.name in done and not path.parent.is_symlink():
                    self.tree.remove(path)

    def retire(self, run: Run) -> None:
        """Keep the record of a claimed run's failure under another name, so that it can be tried again."""
        folder = self._folder(run)
        with _writing(folder):
            self.tree.set_aside(folder / "run.json", folder, "failed", ".json")

    def write_tables(self, experiment: Experiment, summary: bytes) -> None:
        """Write the tables that are made from the runs, if they are not so already. Raises BadResults."""
        path = self.folder / "summary.csv"
        with _writing(self.folder):
            if not experiment.table_is_current:
                self.tree.write(self.folder / "epochs.csv", table_of_all(experiment))
            if not path.exists() or path.read_bytes() != summary:
                self.tree.write(path, summary)
            for folder in (self.folder, self.folder / HISTORY):
                self.tree.remove_leftovers(folder)

    def log(self, entry: dict[str, Any]) -> None:
        """Note what a command did, if there is an experiment by now. Raises BadResults."""
        if (self.folder / "experiment.json").exists():
            with self.alone():
                append(self.folder, entry)

    def keep_search(self, search: Search) -> None:
        """Keep what is searched for, before its first run. Raises BadResults."""
        if search not in self.experiment.searches:
            with self.alone(), _writing(self.folder):
                write_search(self.folder, search, self.experiment.setting)

    def history(self) -> History:
        """Return what was declared and looked at by now."""
        return read_history(self.folder)[0]

    def note(self, *entries: Entry) -> None:
        """Keep what is declared or was looked at, if it is not kept already. Raises BadResults."""
        for entry in entries:
            if isinstance(entry, Declared) and len(entry.arms) * len(entry.seeds) > MOST_RUNS:
                raise BadResults(f"The plan has more than {MOST_RUNS:,} runs.", "Train fewer seeds: seeds=5")
        with self.alone(), _writing(self.folder):
            for entry in entries:
                write_entry(self.folder, entry)

    def quarantine(self, damage: Damage) -> None:
        """Move what is stored of a claimed, damaged run to quarantine/, so that nothing is lost."""
        run = damage.run_folder
        if run is None:
            return
        with _writing(self.folder):
            self.tree.set_aside(run, self.folder / ASIDE, run.name)
            self.tree.make(run)

    def _folder(self, run: Run) -> Path:
        return self.folder / "runs" / run.run_id


def _writing(path: Path) -> contextlib.AbstractContextManager[None]:
    return place(path, "written", hint="Choose another results folder, out=PATH, or free the place.")


def _stamp(folder: Path) -> str:
    """A hash that changes whenever a run.json, or what was declared, comes, goes or is written."""
    records = []
    for path in (*(folder / "runs").glob("*/run.json"), *(folder / HISTORY).glob("*.json")):
        with contextlib.suppress(FileNotFoundError):  # another command has just moved it
            status = path.stat()
            records.append((str(path), status.st_mtime_ns, status.st_size))
    return digest(sorted(records))


def _check_same(stored: Experiment, setting: Setting) -> None:
    old, new = stored.setting.identity, setting.identity
    if old == new:
        return
    there, here = ({**each.identity, "optimizer": each.optimizer} for each in (stored.setting, setting))
    differing = [key for key in (*here, *there) if here.get(key, "absent") != there.get(key, "absent")]
    key = differing[0] if differing else "optimizer"
    raise BadResults(
        f"{stored.folder} holds another setting: {key} is {there.get(key, 'absent')} there and "
        f"{here.get(key, 'absent')} here.",
        "Choose another name=NAME; without one, each setting gets its own folder.",
    )
