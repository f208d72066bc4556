"""The executor of one machine: replicas side by side in this process, one thread each."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, Queue

from lrbench.engine.events import Ended, Event
from lrbench.engine.executor import POLL, attempt
from lrbench.engine.replica import Engine, Replica
from lrbench.engine.train import Pace
from lrbench.errors import LrbenchError
from lrbench.runs import Task

MOST_WAITING = 16  # events that nobody has taken yet; then the replicas wait


@dataclass(frozen=True, slots=True)
class _Free:
    """A thread has nothing to do any more; with an error, there is no replica to be had."""

    error: LrbenchError | None = None


class Threads:
    """Trains on up to `jobs` replicas, each built by its thread when there is a task for it."""

    elsewhere = False

    def __init__(self, engine: Engine, jobs: int, every: int | None = None) -> None:
        self._engine = engine
        self._jobs = jobs
        self._pace = Pace(every)
        self._events: Queue[Event | _Free] = Queue(MOST_WAITING)
        self._local = threading.local()  # each thread's replica
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="replica")
        self._futures: set[Future[None]] = set()

    def train(self, tasks: Iterator[Task | None]) -> Iterator[Event | None]:
        busy = 0
        more = True
        while more or busy:
            waiting = False
            while more and not waiting and busy < self._jobs:
                try:
                    task = next(tasks)
                except StopIteration:
                    more = False
                else:
                    waiting = task is None
                    if task:
                        self._futures.add(self._pool.submit(self._work, task))
                        busy += 1
            if busy:
                try:
                    event = self._events.get(timeout=POLL)
                except Empty:
                    yield None
                    continue
                if isinstance(event, Event):
                    yield event
                    continue
                busy -= 1
                self._futures = {future for future in self._futures if not future.done()}
                if event.error:
                    raise event.error
            elif waiting:
                time.sleep(POLL)
                yield None

    def stop(self) -> Iterator[Event]:
        self._pace.stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        while not (all(future.done() for future in self._futures) and self._events.empty()):
            try:
                event = self._events.get(timeout=0.02)
            except Empty:
                continue
            if isinstance(event, Event):
                yield event

    def close(self) -> None:
        for _ in self.stop():
            pass
        self._engine.close()

    def _work(self, task: Task) -> None:
        free = _Free()  # also if something unheard of ends this, or the conductor would wait for ever
        try:
            for event in attempt(self._replica, task, self._pace):
                if isinstance(event, Ended) and event.result.error:
                    self._local.replica = None  # whatever state it is in, the next run gets a new one
                self._events.put(event)
        except LrbenchError as error:
            free = _Free(error)
        finally:
            self._events.put(free)

    def _replica(self) -> Replica:
        """Return this thread's replica."""
        replica: Replica | None = getattr(self._local, "replica", None)
        if replica is None:
            replica = self._local.replica = self._engine.replica()
        return replica
