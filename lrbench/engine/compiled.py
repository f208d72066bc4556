"""The fast engine: one program per epoch, compiled by XLA where that helps, and the learning rate is data.

A schedule is a table of rates, so one compiled program serves every schedule. The program gathers each batch
by a permutation that is passed in, assigns the step's rate to the optimizer, and runs forward, gradient and
update of ordinary Keras objects. The last, smaller batch is trained too; an evaluation covers every example.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench.backend.process import Settled, use_one_thread_per_replica
from lrbench.engine.network import Network, default_jobs
from lrbench.engine.programs import Programs, SharedPrograms, Split
from lrbench.engine.replica import EVALUATION_BATCH, shuffle
from lrbench.problems import Examples, Problem, Splits
from lrbench.runs import Figures, Setting
from lrbench.schedules.base import Rates


class CompiledEngine:
    """Holds the data once, as tensors, and the programs; all replicas share them."""

    def __init__(self, setting: Setting, problem: Problem, splits: Splits) -> None:
        use_one_thread_per_replica()
        self._setting = setting
        self._problem = problem
        self._train, self._test = _tensors(splits.train), _tensors(splits.test)
        self._val = _tensors(splits.val) if splits.val else None
        self._shared = _share(setting.batch_size, self._train, self._val, self._test, setting.jit)
        self._settled = Settled()

    @property
    def jobs(self) -> int:
        return default_jobs()

    def replica(self) -> "CompiledReplica":
        network = Network.of(self._setting, self._problem)
        size = self._setting.batch_size
        return CompiledReplica(network, size, self._train, self._val, self._test, self._shared)

    def close(self) -> None:
        self._settled.undo()


class CompiledReplica:
    """One network and the programs at work on it: its own, or those that it shares with others."""

    def __init__(
        self,
        network: Network,
        batch_size: int,
        train: Split,
        val: Split | None,
        test: Split,
        shared: SharedPrograms | None = None,
    ) -> None:
        self.network = network
        self._train, self._val, self._test = train, val, test
        self._shared = shared or _share(batch_size, train, val, test)
        self._steps = -(-len(train[1]) // batch_size)
        self._whole = len(train[1]) // batch_size
        self._compiled = False
        self._seed = 0

    @cached_property
    def _programs(self) -> Programs:
        return self._shared.on(self.network)

    @property
    def remark(self) -> str:
        if not self._shared.refusal:
            return ""
        return f"XLA cannot compile this model, so it trains as a plain graph: {self._shared.refusal}"

    def compile(self) -> None:
        """Trace and compile: an epoch of no whole batch at rate 0, and evaluations. `reset` undoes what it leaves.

        No training is in its time, but waiting for another replica is.
        Whoever takes over what another replica traced compiles it from the other end, so that two share the work.
        """
        if self._compiled:
            return
        try:
            self._try_all()
        except (
            tf.errors.OpError
        ) as error:  # refused; or the model itself is at fault, which the graph says as well
            if not self._programs.jit:
                raise
            self._shared.give_up_xla(_reason(error))
            del self._programs
            self._try_all()
        self._compiled = True

    def _try_all(self) -> None:
        parts = [self._no_epoch, self.validate, self.test]
        for part in reversed(parts) if self._programs.taken_over else parts:
            part()

    def reset(self, seed: int) -> None:
        self._seed = seed
        self.network.reset(seed)

    def state(self) -> list[NDArray[Any]]:
        return self.network.state()

    def restore(self, seed: int, state: Sequence[NDArray[Any]]) -> None:
        self._seed = seed
        self.network.restore(state)

    def train_epoch(self, epoch: int, rates: Rates) -> Figures:
        order = shuffle(self._seed, epoch, len(self._train[1]))
        with np.errstate(over="ignore"):  # a rate beyond float32 is infinite, and the run diverges
            table = rates.astype(np.float32)
        return tuple(total / len(order) for total in self._epoch(order, table, self._whole))

    def validate(self) -> Figures | None:
        return self._measure(*self._val) if self._val else None

    def test(self) -> Figures:
        return self._measure(*self._test)

    def _no_epoch(self) -> None:
        self._epoch(np.zeros(len(self._train[1]), np.int32), np.zeros(self._steps, np.float32), 0)

    def _epoch(self, order: NDArray[np.int32], rates: NDArray[np.float32], whole: int) -> Figures:
        given = (tf.constant(order), tf.constant(rates), *self._train, tf.constant(whole))
        return tuple(float(total) for total in self._programs.epoch(*given))

    def _measure(self, x: Any, y: Any) -> Figures:
        totals = [0.0] * (1 + len(self.network.measures))
        for batch, targets in batches(x, y):
            loss, *sums = self._programs.evaluate[len(targets)](batch, targets)
            parts = (float(loss) * len(targets), *map(float, sums))
            totals = [total + part for total, part in zip(totals, parts, strict=True)]
        return tuple(total / len(y) for total in totals)


def _share(batch_size: int, train: Split, val: Split | None, test: Split, jit: bool = True) -> SharedPrograms:
    evaluated = [part for part in (val, test) if part]
    return SharedPrograms(batch_size, train, itertools.chain(*(batches(*part) for part in evaluated)), jit)


def _reason(error: tf.errors.OpError) -> str:
    """Return what XLA says of the operations that it lacks, without the stacks below."""
    lines = [line.strip() for line in str(error.message).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def batches(x: Any, y: Any) -> Iterator[Split]:
    """Yield a split in the batches of an evaluation."""
    for start in range(0, len(y), EVALUATION_BATCH):
        yield x[start : start + EVALUATION_BATCH], y[start : start + EVALUATION_BATCH]


def _tensors(examples: Examples) -> Split:
    kind = np.int32 if np.issubdtype(examples.y.dtype, np.integer) else np.float32  # labels, or values
    return tf.constant(examples.x), tf.constant(examples.y.astype(kind))
