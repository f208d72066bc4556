"""What a cluster executor places on a node: one engine with one replica, and one run at a time.

Its methods are called from the driver's machine. The run goes on in a thread of its own, so that the worker can
always be asked what happened since, and be told to stop.
"""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from queue import Empty, Queue
from typing import Any

import numpy as np

from lrbench import environment
from lrbench.engine import open_engine
from lrbench.engine.events import Ended, Event, Kept, Refused
from lrbench.engine.executor import attempt
from lrbench.engine.replica import Engine, Replica
from lrbench.engine.train import Pace
from lrbench.errors import LrbenchError
from lrbench.problems import Problem, Splits
from lrbench.runs import Setting, Task
from lrbench.store.checkpoints import made_on

GATHERING = 0.003  # seconds that what happens is gathered, so that many small events are one message


@dataclass(frozen=True, slots=True)
class Free:
    """The worker has nothing to do any more; with a problem and a hint, it has no replica to train on."""

    problem: str = ""
    hint: str = ""


class Worker:
    """Opens in two steps: first it says what it is, and only if that is right it gets anything of lrbench's."""

    def __init__(self) -> None:
        self._environment = environment.describe()
        self._told: Queue[Event | Free] = Queue()
        self._tasks: Queue[Task] = Queue()
        self._engine: Engine | None = None
        self._replica: Replica | None = None

    def describe(self) -> dict[str, Any]:
        """Return versions, host and variables as JSON values."""
        return self._environment

    def open(
        self, setting: Setting, problem: Problem, splits: Splits | None, every: int | None, on_gpu: bool
    ) -> str:
        """Open the engine, and return the digest of the examples as they arrived here."""
        if not on_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # Ray leaves them visible to who asked for none
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # others may share the GPU
        self._pace = Pace(every)
        self._engine = open_engine(setting, problem, splits)
        threading.Thread(target=self._work, daemon=True).start()
        return sha256_of(splits)

    def begin(self, task: Task) -> None:
        """Train a run; `events` tells of it."""
        self._tasks.put(task)

    def events(self, seconds: float) -> list[Event | Free]:
        """Return what happened since the last call, waiting at most so long for something."""
        try:
            told = [self._told.get(timeout=seconds)]
        except Empty:
            return []
        if not isinstance(told[0], Free):
            time.sleep(GATHERING)
        while not self._told.empty():
            told.append(self._told.get())
        return told

    def stop(self) -> None:
        """End the run after its epoch under way."""
        self._pace.stop.set()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            free = Free()
            try:
                for event in attempt(self._its_replica, self._checked(task), self._pace):
                    self._told.put(self._signed(event))
            except LrbenchError as error:
                free = Free(error.problem, error.hint)
            finally:
                self._told.put(free)

    def _checked(self, task: Task) -> Task:
        """Leave out a checkpoint of another kind of machine: the same bytes are promised for nothing else."""
        if task.checkpoint and task.checkpoint.made_on not in (None, made_on(self._environment)):
            self._told.put(Refused(task.run.run_id, "it was made with other versions or on another processor"))
            return Task(task.run)
        return task

    def _signed(self, event: Event) -> Event:
        """Say of what will be stored where it was made."""
        match event:
            case Kept():
                return Kept(event.run_id, replace(event.checkpoint, made_on=made_on(self._environment)))
            case Ended():
                if event.result.error:
                    self._replica = None  # whatever state it is in, the next run gets a new one
                return replace(event, environment=self._environment)
        return event

    def _its_replica(self) -> Replica:
        assert self._engine
        self._replica = self._replica or self._engine.replica()
        return self._replica


def sha256_of(splits: Splits | None) -> str:
    """Return the digest of every example, in hex; of none, that of nothing."""
    sha256 = hashlib.sha256()
    for part in (splits.train, splits.val, splits.test) if splits else ():
        for array in (part.x, part.y) if part else ():
            sha256.update(f"{array.dtype.str}{array.shape}".encode())
            sha256.update(np.ascontiguousarray(array).view(np.uint8).data)
    return sha256.hexdigest()


def differing(here: Mapping[str, Any], there: Mapping[str, Any]) -> str:
    """Say where a worker's versions are not the driver's; empty if they are."""
    ours, theirs = here["versions"], there["versions"]
    for name, version in ours.items():
        if theirs.get(name) != version:
            return f"{name} {theirs.get(name) or 'is not there'}, and this machine {version or 'has none'}"
    return ""
