"""What trains tasks and tells of it as one stream of events. Where they are trained is its own affair."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from lrbench.engine.events import Ended, Event
from lrbench.engine.replica import Engine, Replica
from lrbench.engine.train import Pace, failure, train
from lrbench.errors import LrbenchError
from lrbench.runs import Task

POLL = 0.2  # seconds until runs that other commands work on are looked at again


class Executor(Protocol):
    """Lives as long as a session, and its replicas with it. It never touches the results folder.

    Its events can be sent from anywhere. Where runs train in other places, `elsewhere`, it has them check what a
    checkpoint was made on; otherwise that is this process, and who hands out the tasks checks it.
    """

    elsewhere: bool

    def train(self, tasks: Iterator[Task | None]) -> Iterator[Event | None]:
        """Train tasks as they come. None: nothing now, but perhaps later. A run that fails is an event.

        Where nothing happens for a while, None is yielded, so that the caller can look around.

        Raises LrbenchError if there is no engine to train with.
        """

    def stop(self) -> Iterator[Event]:
        """End every run after its epoch under way; yield what is still to be told, its checkpoint above all."""

    def close(self) -> None:
        """Free what it holds, and close its engine; what is under way is forgotten."""


def attempt(replica_of: Callable[[], Replica], task: Task, pace: Pace) -> Iterator[Event]:
    """As `train`, but an exception is the run's end: it has failed.

    Raises LrbenchError if there is no replica to be had, which is no run's fault.
    """
    try:
        replica = replica_of()
    except LrbenchError:
        raise
    except (Exception, SystemExit) as error:
        yield Ended(task.run.run_id, failure(error))
        return
    try:
        yield from train(replica, task, pace)
    except (Exception, SystemExit) as error:
        yield Ended(task.run.run_id, failure(error))


class InTurn:
    """One run after the other, on one replica, in the caller's own thread."""

    elsewhere = False

    def __init__(self, engine: Engine, every: int | None = None) -> None:
        self._engine = engine
        self._pace = Pace(every)
        self._replica: Replica | None = None
        self._under_way: Iterator[Event] = iter(())

    def train(self, tasks: Iterator[Task | None]) -> Iterator[Event | None]:
        for task in tasks:
            if task is None:
                time.sleep(POLL)
                yield None
                continue
            self._under_way = attempt(self._its_replica, task, self._pace)
            for event in self._under_way:
                if isinstance(event, Ended) and event.result.error:
                    self._replica = None  # whatever state it is in, the next run gets a new one
                yield event

    def stop(self) -> Iterator[Event]:
        self._pace.stop.set()
        yield from self._under_way

    def close(self) -> None:
        self._pace.stop.set()
        self._engine.close()

    def _its_replica(self) -> Replica:
        self._replica = self._replica or self._engine.replica()
        return self._replica
