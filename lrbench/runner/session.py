"""A session on one experiment: it trains batches of runs, and it alone touches the results folder.

    with Session(setting, folder, threads(problem)) as session:
        while batch := policy(session.experiment):
            session.train(batch)

Engine, replicas and locks live as long as the session. Each run is claimed before it is trained, so that several
commands can share a folder; what an executor tells of a run is stored as it comes.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import lrbench
from lrbench import environment
from lrbench.designs import Declared
from lrbench.engine.events import Ended, Epoch, Event, Kept, Refused, Remarked, Resumed
from lrbench.engine.executor import Executor
from lrbench.errors import BadResults, LrbenchError
from lrbench.judging.designs import looked
from lrbench.runner.listener import Listener
from lrbench.runner.signals import Signalled, held, raise_held
from lrbench.runs import Checkpoint, Damage, Experiment, Finished, Run, Setting, Task, in_order
from lrbench.schedules import Schedule
from lrbench.schedules.knots import Knots, knots
from lrbench.searches import Search
from lrbench.store import Store
from lrbench.store.read import REWRITTEN

OpenExecutor = Callable[[Setting], Executor]


OTHER_THREADS = (
    "TensorFlow was at work in this process before lrbench, with its own threads: figures are right, "
    "but the same bytes next time, or with other jobs, are not promised."
)


class Session:
    """An experiment's folder, open for training. `listener` hears how it goes.

    Raises BadResults if the folder cannot be written or holds another setting.
    """

    def __init__(
        self,
        setting: Setting,
        folder: Path,
        executor: OpenExecutor,
        listener: Listener | None = None,
    ) -> None:
        self._listener = listener or Listener()
        self._open_executor = executor
        self._remarks: set[str] = set()
        self._store = Store.open(folder, setting)
        self._executor: Executor | None = None
        self._history = self._store.experiment.history
        self._curves: dict[Schedule, Knots] = {}
        self.ended: list[Finished] = []  # in this session, whoever trained them
        self.trained: list[Finished] = []  # by this session

    @property
    def folder(self) -> Path:
        return self._store.folder

    @property
    def experiment(self) -> Experiment:
        """All that is finished, whether before or in this session."""
        stood = replace(self._store.experiment, history=self._history)
        if not self.ended:
            return stood
        again = {one.key for one in self.ended}
        return replace(
            stood, finished=in_order([*(one for one in stood.finished if one.key not in again), *self.ended])
        )

    def todo(self, batch: Sequence[Run]) -> list[Run]:
        """Return which of these runs are still to be trained; those that failed before this session are."""
        stood = {one.key for one in self._store.experiment.finished if not one.failed}
        done = stood | {one.key for one in self.ended}
        return [run for run in batch if run.key not in done]

    def check(self, batch: Sequence[Run]) -> None:
        """Raise BadResults if these runs' labels are taken here, or a later version stored one of them."""
        self._store.check_labels(batch)
        ids = {run.run_id for run in batch}
        for damage in self._store.experiment.damage:
            if damage.is_later and damage.run_folder and damage.run_folder.name in ids:
                raise BadResults(damage.text, damage.hint)

    def train(self, batch: Sequence[Run]) -> None:
        """Train what of these runs is missing, and store each as it ends. A run that fails is stored as failed.

        Raises BadResults, EngineUnavailable or BadData; Signalled after Ctrl-C or SIGTERM, when all that finished
        is stored, and the rest up to its last epoch.
        """
        todo = self.todo(batch)
        if not todo:
            return
        self.check(todo)
        self._describe()
        self._store.reserve(todo)
        with held():  # a signal inside the import of a native library would break that for the whole process
            self._executor = self._executor or self._open_executor(self._store.experiment.setting)
        runs = {run.run_id: run for run in todo}
        with held():
            try:
                for event in self._executor.train(self._tasks(todo)):
                    if event:
                        self._take(runs[event.run_id], event)
                    raise_held()
            except Signalled as signalled:
                self._listener.on_signal(signalled.name)
                for event in self._executor.stop():
                    self._take(runs[event.run_id], event)
                raise

    def keep(self, search: Search) -> None:
        """Keep what is searched for, before its first run. Raises BadResults."""
        self._describe()
        self._store.keep_search(search)

    def declare(self, declared: Declared) -> None:
        """Keep what one sets out to train, before the first run of it. Raises BadResults.

        What an earlier version stored, and noted nothing of, counts as looked at.
        """
        self._describe()
        stood = self._store.experiment
        before = None if stood.history.is_kept or not stood.finished else looked(stood)
        self._store.note(*([before] if before else []), declared)
        self._history = self._store.history()

    def tabulate(self) -> Experiment:
        """Bring the tables up to date with all runs, this session's and others', and return the experiment."""
        from lrbench import summary  # pandas: not before something is to be tabulated

        store = self._store
        with store.alone():
            experiment = store.reload()
            if not experiment.finished:
                return experiment
            store.write_tables(experiment, summary.tabulated(experiment))
            store.tidy(experiment.finished)
        left = tuple(
            damage for damage in experiment.damage if damage.hint != REWRITTEN
        )  # the tables are whole now
        return replace(experiment, damage=left)

    def log(self, entry: dict[str, Any]) -> None:
        """Add a line to the experiment's log, with the time and how many runs were trained. Raises BadResults."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        self._store.log(
            {"time": time, "lrbench": lrbench.__version__, **entry, "trained": len(self.trained)},
        )

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._executor:
                self._executor.close()
        finally:
            self._store.locks.release_all()  # nobody trains any more
        if error:
            with contextlib.suppress(LrbenchError):  # the tables can be made again at any time
                self.tabulate()

    def _take(self, run: Run, event: Event) -> None:
        """Store and tell what became of a run."""
        match event:
            case Resumed():
                self._listener.on_resume(run, event.epochs)
            case Remarked():
                self._remark(event.text)
            case Refused():
                self._set_aside(self._store.checkpoint_damage(run, event.reason))
            case Kept():
                self._store.save_checkpoint(run, event.checkpoint)
            case Epoch():
                self._listener.on_epoch(run, event.row)
            case Ended():
                finished = self._finished(run, event)
                self._store.save(run, finished)
                self._store.locks.release(run.run_id)
                self.ended.append(finished)
                self.trained.append(finished)
                self._listener.on_finished(run, finished)

    def _describe(self) -> None:
        """Note where runs are made, before the first of them."""
        if not self._store.environment:
            self._store.describe(environment.describe())
            if environment.THREADS in self._store.environment["variables"]:
                self._remark(OTHER_THREADS)

    def _remark(self, text: str) -> None:
        """Tell it, once."""
        if text not in self._remarks:
            self._remarks.add(text)
            self._listener.on_remark(text)

    def _finished(self, run: Run, ended: Ended) -> Finished:
        if run.schedule not in self._curves:
            self._curves[run.schedule] = knots(run.rates)
        environment = ended.environment or self._store.environment
        return Finished.of(run, ended.result, self._curves[run.schedule], environment)

    def _tasks(self, todo: list[Run]) -> Iterator[Task | None]:
        """Yield each run once it is ours alone; None while other commands are at work on all that are left."""
        failed_before = {one.key: one for one in self._store.experiment.finished if one.failed}
        left = {run.run_id: run for run in todo}
        anywhere = self._executor is not None and self._executor.elsewhere
        waiting = False
        while left:
            run = next((run for run in left.values() if self._store.claim(run)), None)
            if run is None:
                if not waiting:
                    self._listener.on_wait(len(left))
                waiting = True
                yield None
                continue
            waiting = False
            del left[run.run_id]
            stored = self._store.find(run)
            if isinstance(stored, Finished) and not (stored.failed and stored == failed_before.get(run.key)):
                self._store.locks.release(run.run_id)
                self.ended.append(stored)
                self._listener.on_elsewhere(run, stored)
                continue
            if isinstance(stored, Finished):
                self._store.retire(run)
            if isinstance(stored, Damage):
                self._set_aside(stored)  # with its checkpoint
            checkpoint = self._store.find_checkpoint(run, anywhere)
            if isinstance(checkpoint, Damage):
                self._set_aside(checkpoint)
            yield Task(run, checkpoint if isinstance(checkpoint, Checkpoint) else None)

    def _set_aside(self, damage: Damage) -> None:
        """Move what cannot be trusted of a claimed run out of its way, and say so."""
        self._store.quarantine(damage)
        self._listener.on_damage(damage, True)
