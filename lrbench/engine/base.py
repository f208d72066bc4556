"""What an engine is, and the way through one run that all engines share."""

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lrbench.plan import Checkpoint, Run
from lrbench.records import EpochRow, RunResult, Seconds, Status
from lrbench.schedules import rates
from lrbench.schedules.base import Rates
from lrbench.schedules.feedback import PlateauState, after_epoch

EVALUATION_BATCH = 1_000  # examples; the same for all engines, and no part of what is trained


@dataclass(frozen=True, slots=True)
class Measured:
    """Means over all examples of a split: loss in nats, accuracy as a fraction."""

    loss: float
    accuracy: float

    @property
    def finite(self) -> bool:
        return math.isfinite(self.loss)


class Replica(Protocol):
    """One model with its optimizer. One thread drives it, one run after the other."""

    def compile(self) -> None:
        """Get ready, so that what follows is only training. The second call does nothing."""

    def reset(self, seed: int) -> None:
        """Go back to the seed's initial weights and an untouched optimizer."""

    def state(self) -> list[NDArray[Any]]:
        """Return copies of every variable of model and optimizer, random generators included."""

    def restore(self, seed: int, state: Sequence[NDArray[Any]]) -> None:
        """Go back to what `state` returned. Raises Unfit if that was another model or optimizer."""

    def train_epoch(self, epoch: int, rates: Rates) -> Measured:
        """Train one epoch (from 1) in the order `shuffle(seed, epoch, n)`; rates: float64 (steps_per_epoch,)."""

    def validate(self) -> Measured | None:
        """Measure the validation split; None if there is none."""

    def test(self) -> Measured:
        """Measure the test split."""


class Engine(Protocol):
    """One setting's data, and the replicas that train on it."""

    @property
    def jobs(self) -> int:
        """How many replicas side by side suit this machine."""

    def replica(self, index: int) -> Replica:
        """Return a new replica. May be called from several threads at once."""


class Cancelled(Exception):
    """Raised inside `train` when the conductor wants no more of this run."""


class Unfit(Exception):
    """A checkpoint's arrays are not those of this model and optimizer."""


def check_fit(state: Sequence[NDArray[Any]], own: Sequence[NDArray[Any]]) -> None:
    """Raise Unfit unless both hold arrays of the same shapes and types."""
    kinds = [[(array.shape, array.dtype) for array in arrays] for arrays in (state, own)]
    if kinds[0] != kinds[1]:
        raise Unfit(f"its {len(state)} arrays are not those of this model and optimizer")


def fingerprint(state: Sequence[NDArray[Any]]) -> str:
    """Return the sha256 of a replica's state, in hex."""
    found = hashlib.sha256()
    for array in state:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def shuffle(seed: int, epoch: int, n: int) -> NDArray[np.int32]:
    """Return the order of the examples: int32 (n,), a function of seed and epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(n).astype(np.int32)


def train(
    replica: Replica,
    run: Run,
    on_epoch: Callable[[EpochRow], None],
    *,
    checkpoint: Checkpoint | None = None,
    every: int = 1,
    keep: Callable[[Checkpoint], None] | None = None,
) -> RunResult:
    """Train one run to its test figures, from its first step or from a checkpoint.

    `keep` gets a checkpoint after every so many epochs but the last; `on_epoch` then gets the epoch's row, and may
    raise Cancelled. A loss that is not finite ends the run as diverged, after that epoch's row.
    Raises Unfit if the checkpoint is of another model or optimizer.
    """
    horizon = run.setting.horizon
    known = run.own_rates  # the user's code was asked when the run was planned
    table = rates(run.schedule, horizon) if known is None else known
    table = table.reshape(horizon.epochs, horizon.steps_per_epoch)
    rule = run.schedule.feedback(horizon)
    clock = Clock()
    replica.compile()
    compiled = clock.lap()
    if checkpoint:
        replica.restore(run.seed, checkpoint.state)
        rows, state, before = list(checkpoint.rows), checkpoint.feedback, checkpoint.seconds
    else:
        replica.reset(run.seed)
        rows, state, before = [], PlateauState(), Seconds()
    compiled, training, evaluating = before.compile + compiled, before.train, before.evaluate
    finite = True
    for epoch in range(len(rows) + 1, horizon.epochs + 1):
        now = table[epoch - 1] * state.scale
        clock.lap()
        trained = replica.train_epoch(epoch, now)
        training += clock.lap()
        val = replica.validate()
        evaluating += clock.lap()
        row = EpochRow(
            scheduler=run.schedule.label,
            seed=run.seed,
            epoch=epoch,
            step=epoch * horizon.steps_per_epoch,
            lr_first=float(now[0]),
            lr=float(now[-1]),
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            val_loss=val.loss if val else None,
            val_accuracy=val.accuracy if val else None,
        )
        rows.append(row)
        finite = trained.finite and (val is None or val.finite)
        if finite and rule and val:
            state = after_epoch(rule, state, val.loss if rule.monitor == "val_loss" else val.accuracy)
        if keep and finite and epoch % every == 0 and epoch < horizon.epochs:
            seconds = Seconds(compile=compiled, train=training, evaluate=evaluating)
            keep(Checkpoint(tuple(rows), state, tuple(replica.state()), seconds))
        on_epoch(row)
        if not finite:
            break
    clock.lap()
    test = replica.test() if finite else None
    evaluating += clock.lap()
    done = test is not None and test.finite
    return RunResult(
        status=Status.DONE if done else Status.DIVERGED,
        rows=tuple(rows),
        test_loss=test.loss if test and done else None,
        test_accuracy=test.accuracy if test and done else None,
        seconds=Seconds(compile=compiled, train=training, evaluate=evaluating),
        state_sha256=fingerprint(replica.state()),
    )


class Clock:
    """A stopwatch: `lap()` returns the wall-clock seconds since the last lap."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        last, self._last = self._last, time.perf_counter()
        return self._last - last
