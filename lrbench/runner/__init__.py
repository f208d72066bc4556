"""The conductor: skip what is done, train the rest side by side, store each run as it ends, carry on.

It hands tasks to an executor, which yields finished runs in whatever order they come; threads here. The conductor
alone writes results. Each run is claimed before it is trained, so that several commands can share a folder.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from lrbench import environment
from lrbench.config import Config
from lrbench.engine import open_engine
from lrbench.errors import LrbenchError, Stopped
from lrbench.plan import Checkpoint, Damage, Experiment, Finished, Plan, Run, Task, make_plan
from lrbench.records import EpochRow
from lrbench.runner.signals import Signalled, signals_raise
from lrbench.runner.threads import Threads
from lrbench.runner.verify import Verified, verify
from lrbench.store import Store

__all__ = ["Listener", "Outcome", "Threads", "Verified", "conduct", "signals_raise", "verify"]


class Listener(Protocol):
    """Who wants to know how it goes. `on_epoch` is called from the threads that train."""

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None: ...
    def on_stored(self, finished: Finished) -> None: ...  # of the plan, by an earlier command
    def on_damage(self, damage: Damage, moved: bool) -> None: ...
    def on_resume(self, run: Run, epochs: int) -> None: ...
    def on_epoch(self, run: Run, row: EpochRow) -> None: ...
    def on_finished(self, finished: Finished) -> None: ...
    def on_elsewhere(self, finished: Finished) -> None: ...
    def on_wait(self, runs: int) -> None: ...
    def on_signal(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command left: the experiment as it stands now, and how much of the plan was trained just now."""

    experiment: Experiment
    plan: Plan
    trained: tuple[Finished, ...]

    @property
    def planned(self) -> list[Finished]:
        """The plan's own runs, whether trained now or before."""
        ids = {run.run_id for run in self.plan.runs}
        return [one for one in self.experiment.finished if one.run.run_id in ids]


def conduct(config: Config, listener: Listener, tabulate: Callable[[Experiment], bytes]) -> Outcome:
    """Train what is missing of a config's plan and store it. `tabulate` makes summary.csv of an experiment.

    A run that an exception ends is stored as failed, and the rest goes on.
    Raises BadConfig, BadSpec or BadResults before anything is trained; EngineUnavailable, BadData; Stopped after
    Ctrl-C or SIGTERM, when all that finished is stored, and the rest up to its last checkpoint.
    """
    plan = make_plan(config)
    store = Store.open(config.out, plan)
    done = {one.run.run_id for one in store.experiment.finished if not one.failed}
    todo = [run for run in plan.runs if run.run_id not in done]
    listener.on_start(plan, todo, store.folder)
    planned = {run.run_id for run in plan.runs}
    for one in store.experiment.finished:
        if not one.failed and one.run.run_id in planned:
            listener.on_stored(one)
    again = {run.run_id for run in todo}
    for damage in store.experiment.damage:
        if damage.run_folder is None or damage.run_folder.name not in again:  # the others when they are claimed
            listener.on_damage(damage, False)
    store.describe(environment.describe())
    ended = _Ended([], [])
    try:
        if todo:
            _train(config, store, todo, listener, ended)
    except Signalled as signalled:
        with contextlib.suppress(LrbenchError):  # the tables can be made again at any time
            _tabulated(store, tabulate)
        kept = len(done & planned) + len(ended)
        raise Stopped(
            f"{signalled.name}: {kept} of {len(plan.runs)} runs are finished and kept in {store.folder}.",
            "Give the same command again to go on.",
            signalled.exit_code,
        ) from signalled
    except BaseException:
        with contextlib.suppress(LrbenchError):
            _tabulated(store, tabulate)
        raise
    return Outcome(experiment=_tabulated(store, tabulate), plan=plan, trained=tuple(ended.here))


@dataclass(frozen=True, slots=True)
class _Ended:
    """The runs of this command that ended since it began."""

    here: list[Finished]
    elsewhere: list[Finished]  # trained by another command

    def __len__(self) -> int:
        return sum(not one.failed for one in [*self.here, *self.elsewhere])


def _train(config: Config, store: Store, todo: list[Run], listener: Listener, ended: _Ended) -> None:
    """Train and store `todo`, adding to `ended`."""
    engine = open_engine(store.plan.setting)
    jobs = min(config.jobs or engine.jobs, len(todo))

    def refuse(run: Run, reason: str) -> None:
        set_aside(store.checkpoint_damage(run, reason), store, listener)

    every = config.checkpoint_every
    executor = Threads(engine, jobs, listener.on_epoch, store.save_checkpoint, every, refuse)
    try:
        with executor:
            try:
                for finished in executor.train(_tasks(store, todo, listener, ended)):
                    store.save(finished)
                    store.locks.release(finished.run.run_id)
                    ended.here.append(finished)
                    listener.on_finished(finished)
            except Signalled as signalled:
                listener.on_signal(signalled.name)
                raise
    finally:
        store.locks.release_all()  # no thread writes any more


def _tasks(store: Store, todo: list[Run], listener: Listener, ended: _Ended) -> Iterator[Task | None]:
    """Yield each run once it is ours alone; None while other commands are at work on all that are left."""
    failed_before = {one.run.run_id: one for one in store.experiment.finished if one.failed}
    left = {run.run_id: run for run in todo}
    waiting = False
    while left:
        run = next((run for run in left.values() if store.claim(run)), None)
        if run is None:
            if not waiting:
                listener.on_wait(len(left))
            waiting = True
            yield None
            continue
        waiting = False
        del left[run.run_id]
        found = store.find(run)
        if isinstance(found, Finished) and not (found.failed and found == failed_before.get(run.run_id)):
            store.locks.release(run.run_id)
            ended.elsewhere.append(found)
            listener.on_elsewhere(found)
            continue
        if isinstance(found, Finished):
            store.retire(run)
        if isinstance(found, Damage):
            set_aside(found, store, listener)  # with its checkpoint
        checkpoint = store.find_checkpoint(run)
        if isinstance(checkpoint, Damage):
            set_aside(checkpoint, store, listener)
        if isinstance(checkpoint, Checkpoint):
            listener.on_resume(run, len(checkpoint.rows))
            yield Task(run, checkpoint)
        else:
            yield Task(run)


def set_aside(damage: Damage, store: Store, listener: Listener) -> None:
    """Move what cannot be trusted of a claimed run out of its way, and say so."""
    store.quarantine(damage)
    listener.on_damage(damage, True)


def _tabulated(store: Store, tabulate: Callable[[Experiment], bytes]) -> Experiment:
    """Bring the tables up to date with all runs, this command's and others', and return the experiment."""
    with store.alone():
        experiment = store.reload()
        if not experiment.finished:
            return experiment
        store.write_tables(experiment, tabulate(experiment))
        store.tidy(experiment.finished)
    left = tuple(damage for damage in experiment.damage if damage.run_folder)  # the tables are whole now
    return replace(experiment, damage=left)
