"""The executor: replicas side by side in this process, one thread each."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

from lrbench.engine.base import Cancelled, Engine, Replica, Unfit, train
from lrbench.errors import LrbenchError
from lrbench.plan import Checkpoint, Finished, Run, Task
from lrbench.records import EpochRow, RunResult, Status

POLL = 0.2  # seconds until runs that other commands work on are looked at again


class Threads:
    """Trains runs on `jobs` replicas. When it is left, runs under way end with their current epoch.

    An exception in a run is that run's end; one in the conductor's own calls ends the command.
    """

    def __init__(
        self,
        engine: Engine,
        jobs: int,
        on_epoch: Callable[[Run, EpochRow], None] = lambda run, row: None,
        keep: Callable[[Run, Checkpoint], None] | None = None,
        every: int = 1,
        on_unfit: Callable[[Run, str], None] = lambda run, reason: None,
    ) -> None:
        self._engine = engine
        self._jobs = jobs
        self._on_epoch = on_epoch
        self._keep = keep
        self._every = every  # epochs from one checkpoint to the next
        self._on_unfit = on_unfit  # a checkpoint is of another model: the run begins again
        self._stop = threading.Event()
        self._local = threading.local()  # each thread builds its replica once
        numbers = iter(range(jobs))

        def number() -> None:
            self._local.index = next(numbers)

        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="replica", initializer=number)

    def __enter__(self) -> "Threads":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def train(self, tasks: Iterator[Task | None]) -> Iterator[Finished]:
        """Train tasks as they come and yield them as they finish. None: nothing now, but perhaps later."""
        pending: set[Future[Finished]] = set()
        more = True
        while more or pending:
            waiting = False
            while more and not waiting and len(pending) < self._jobs:
                try:
                    task = next(tasks)
                except StopIteration:
                    more = False
                else:
                    waiting = task is None
                    if task:
                        pending.add(self._pool.submit(self._one, task))
            if pending:
                done, pending = wait(pending, POLL if waiting else None, FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            elif waiting:
                time.sleep(POLL)

    def _one(self, task: Task) -> Finished:
        run = task.run
        try:
            if not hasattr(self._local, "replica"):
                self._local.replica = self._engine.replica(self._local.index)
            replica: Replica = self._local.replica
            result = train(
                replica,
                run,
                lambda row: self._ours(self._on_epoch, run, row),
                checkpoint=task.checkpoint,
                every=self._every,
                keep=(lambda checkpoint: self._ours(self._keep, run, checkpoint)) if self._keep else None,
            )
        except _Ours as ours:
            raise ours.error from None
        except Cancelled:
            raise
        except Unfit as unfit:
            self._on_unfit(run, str(unfit))
            return self._one(Task(run))
        except Exception as error:
            if isinstance(error, LrbenchError) and not hasattr(self._local, "replica"):
                raise  # no run's fault: the engine cannot be had
            vars(self._local).pop("replica", None)  # whatever state it is in, the next run gets a new one
            return Finished(run, failure(error))
        return Finished(run, result)

    def _ours(self, call: Any, run: Run, value: Any) -> None:
        """Tell the conductor something; what goes wrong there is not the run's failure."""
        try:
            call(run, value)
        except Exception as error:
            raise _Ours(error) from error
        if self._stop.is_set() and isinstance(value, EpochRow):
            raise Cancelled


class _Ours(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


def failure(error: Exception) -> RunResult:
    """Return the result of a run that an exception ended: no rows, no figures, the traceback."""
    return RunResult(
        status=Status.FAILED,
        rows=(),
        test_loss=None,
        test_accuracy=None,
        error="".join(traceback.format_exception(error)),
    )
