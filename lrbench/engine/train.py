"""The way through one run, which all engines share: from a task to the events of its training."""

import math
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

from lrbench.engine.events import Ended, Epoch, Event, Kept, Refused, Remarked, Resumed
from lrbench.engine.replica import Replica, Unfit, fingerprint
from lrbench.runs import Checkpoint, Row, RunResult, Seconds, Status, Task, is_finite
from lrbench.schedules.feedback import PlateauState, after_epoch, direction

SECONDS_BETWEEN = 1.0  # of a run's time, from one checkpoint to the next


@dataclass(frozen=True, slots=True)
class Pace:
    """When a run is kept: after every so many epochs; None: once a second. Whoever stops it gets one more."""

    every: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def is_due(self, epoch: int, seconds: float) -> bool:
        """Whether to keep a run that goes on after this epoch, so many seconds after it was last kept."""
        return seconds >= SECONDS_BETWEEN if self.every is None else epoch % self.every == 0


def train(replica: Replica, task: Task, pace: Pace | None = None) -> Iterator[Event]:
    """Train a run to its test figures, from its first step or from its checkpoint, and tell how it goes.

    An epoch's checkpoint comes before its row. With `pace.stop` set, it ends after the epoch under way, kept. A
    loss that is not finite ends the run as diverged, after that epoch's row. What the replica raises goes through.
    """
    pace = pace or Pace()
    run, run_id = task.run, task.run.run_id
    horizon = run.setting.horizon
    table = run.rates.reshape(horizon.epochs, horizon.steps_per_epoch)
    rule = run.schedule.feedback(horizon)
    clock = Clock()
    replica.compile()
    compiled = clock.lap()
    if replica.remark:
        yield Remarked(run_id, replica.remark)
    start, refusal = _begin(replica, task)
    if refusal:
        yield Refused(run_id, refusal)
    elif start.rows:
        yield Resumed(run_id, len(start.rows))
    rows, memory = list(start.rows), start.feedback
    compiled, training, evaluating = start.seconds.compile + compiled, start.seconds.train, start.seconds.evaluate
    kept_at = training + evaluating
    finite = True
    for epoch in range(len(rows) + 1, horizon.epochs + 1):
        now = table[epoch - 1] * memory.scale
        clock.lap()
        trained = replica.train_epoch(epoch, now)
        training += clock.lap()
        val = replica.validate()
        evaluating += clock.lap()
        rows.append(
            Row(
                scheduler=run.schedule.label,
                seed=run.seed,
                epoch=epoch,
                step=epoch * horizon.steps_per_epoch,
                lr_first=float(now[0]),
                lr=float(now[-1]),
                train=trained,
                val=val,
            )
        )
        finite = is_finite(trained) and is_finite(val)
        if finite and rule and val:
            figure = run.setting.subject.find(rule.monitor)
            value = val[run.setting.subject.figures.index(figure)]
            known = None if figure.better == "neither" else figure.better
            memory = after_epoch(rule, memory, value, direction(rule, known))
        goes_on = finite and epoch < horizon.epochs
        stopped = pace.stop.is_set()  # asked once, so that a run that ends here is kept here
        if goes_on and (stopped or pace.is_due(epoch, training + evaluating - kept_at)):
            kept_at = training + evaluating
            seconds = Seconds(compile=compiled, train=training, evaluate=evaluating)
            yield Kept(run_id, Checkpoint(tuple(rows), memory, tuple(replica.state()), seconds))
        yield Epoch(run_id, rows[-1])
        if not finite:
            break
        if goes_on and stopped:
            return
    clock.lap()
    test = replica.test() if finite else None
    evaluating += clock.lap()
    done = test is not None and all(map(math.isfinite, test))
    result = RunResult(
        status=Status.DONE if done else Status.DIVERGED,
        rows=tuple(rows),
        test=test if done else None,
        seconds=Seconds(compile=compiled, train=training, evaluate=evaluating),
        state_sha256=fingerprint(replica.state()),
    )
    yield Ended(run_id, result)


def failure(error: BaseException) -> RunResult:
    """Return the result of a run that an exception ended: no rows, no figures, the traceback."""
    text = "".join(traceback.format_exception(error))
    return RunResult(status=Status.FAILED, rows=(), test=None, error=text)


def _begin(replica: Replica, task: Task) -> tuple[Checkpoint, str]:
    """Bring the replica to where the run starts; also say why its checkpoint could not be used, if so."""
    refusal = ""
    if task.checkpoint:
        try:
            replica.restore(task.run.seed, task.checkpoint.state)
        except Unfit as unfit:
            refusal = str(unfit)
        else:
            return task.checkpoint, ""
    replica.reset(task.run.seed)
    return Checkpoint((), PlateauState(), (), Seconds()), refusal


class Clock:
    """A stopwatch: `lap()` returns the wall-clock seconds since the last lap."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        last, self._last = self._last, time.perf_counter()
        return self._last - last
