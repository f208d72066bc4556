"""The conductor: skip what is done, train the rest side by side, store each run as it ends, carry on.

It hands runs to an executor, a function that yields finished runs in whatever order they come; threads here.
The conductor alone writes results.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from lrbench import environment
from lrbench.config import Config
from lrbench.engine import open_engine
from lrbench.engine.base import Cancelled, Engine, Replica, train
from lrbench.errors import Stopped
from lrbench.plan import Damage, Experiment, Finished, Plan, Run, make_plan
from lrbench.records import EpochRow
from lrbench.store import Store, load


class Listener(Protocol):
    """Who wants to know how it goes. `on_epoch` is called from the threads that train."""

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None: ...
    def on_damage(self, damage: Damage, moved: bool) -> None: ...
    def on_epoch(self, run: Run, row: EpochRow) -> None: ...
    def on_finished(self, finished: Finished) -> None: ...


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

    Raises BadConfig, BadSpec or BadResults before anything is trained; EngineUnavailable, BadData; Stopped after
    Ctrl-C or SIGTERM, when all that finished is stored.
    """
    plan = make_plan(config)
    store = Store.open(config.out, plan)
    done = {one.run.run_id for one in store.experiment.finished}
    todo = [run for run in plan.runs if run.run_id not in done]
    trained: list[Finished] = []
    listener.on_start(plan, todo, store.folder)
    again = {run.run_id for run in todo}
    for damage in store.experiment.damage:
        moved = damage.run_folder is not None and damage.run_folder.name in again
        if moved:
            store.quarantine(damage)
        listener.on_damage(damage, moved)
    store.describe(environment.describe())
    try:
        if todo:
            engine = open_engine(plan.setting)
            executor = in_threads(engine, todo, config.jobs or engine.jobs, listener.on_epoch)
            with contextlib.closing(executor) as arriving:
                for finished in arriving:
                    store.save(finished)
                    trained.append(finished)
                    listener.on_finished(finished)
    except Signalled as signalled:
        kept = len(done & {run.run_id for run in plan.runs}) + len(trained)
        raise Stopped(
            f"{signalled.name}: {kept} of {len(plan.runs)} runs are finished and kept in {store.folder}.",
            "Give the same command again to go on.",
            signalled.exit_code,
        ) from signalled
    finally:
        experiment = load(store.folder) if trained or store.experiment.damage else store.experiment
        if experiment.finished:  # another command may have finished some as well
            store.write_tables(experiment.finished, tabulate(experiment))
            left = tuple(damage for damage in experiment.damage if damage.run_folder)  # the tables are whole now
            experiment = replace(experiment, damage=left)
    return Outcome(experiment=experiment, plan=plan, trained=tuple(trained))


def in_threads(
    engine: Engine, runs: Sequence[Run], jobs: int, on_epoch: Callable[[Run, EpochRow], None]
) -> Generator[Finished, None, None]:
    """Train runs on `jobs` replicas, one thread each, and yield them as they finish.

    If the consumer stops early, runs under way end with their current epoch and are dropped.
    """
    local = threading.local()  # each thread builds its replica once
    stop = threading.Event()
    numbers = iter(range(jobs))

    def build() -> None:
        local.index = next(numbers)

    def one(run: Run) -> Finished:
        if stop.is_set():
            raise Cancelled
        if not hasattr(local, "replica"):
            local.replica = engine.replica(local.index)
        replica: Replica = local.replica

        def heard(row: EpochRow) -> None:
            if stop.is_set():
                raise Cancelled
            on_epoch(run, row)

        return Finished(run, train(replica, run, heard))

    pool = ThreadPoolExecutor(min(jobs, len(runs)), thread_name_prefix="replica", initializer=build)
    try:
        for future in as_completed([pool.submit(one, run) for run in runs]):
            yield future.result()
    except Exception:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)  # so that what goes wrong in the others is not heard later
        raise
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


class Signalled(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that nobody on the way mistakes it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = "Interrupted" if number == signal.SIGINT else "Terminated"
        self.exit_code = 128 + number


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into Signalled, and that into Stopped; a second one ends the process."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def handle(number: int, frame: Any) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        raise Signalled(number)

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    except Signalled as signalled:
        raise Stopped(
            f"{signalled.name}: what was finished before is kept.",
            "Give the same command again to go on.",
            signalled.exit_code,
        ) from signalled
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)
