"""The fast engine: one program per epoch, compiled by XLA where that helps, and the learning rate is data.

A schedule is a table of rates, so one compiled program serves every schedule. The program gathers each batch
by a permutation that is passed in, assigns the step's rate to the optimizer, and runs forward, gradient and
update of ordinary Keras objects. The last, smaller batch is trained too; an evaluation covers every example.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench.backend.process import Settled, use_one_thread_per_replica
from lrbench.engine.driver import Driver
from lrbench.engine.network import Network, default_jobs
from lrbench.engine.programs import SharedPrograms, Split, epochs
from lrbench.engine.replica import EVALUATION_BATCH, shuffle
from lrbench.engine.steps import CompiledStepper, steps
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
        self._stepwise = SharedPrograms(steps(self._train, setting.batch_size), jit=setting.jit)
        self._settled = Settled()

    @property
    def jobs(self) -> int:
        return default_jobs()

    def replica(self) -> "CompiledReplica":
        network = Network.of(self._setting, self._problem)
        size = self._setting.batch_size
        return CompiledReplica(network, size, self._train, self._val, self._test, self._shared)

    def stepper(self) -> CompiledStepper:
        network = Network.of(self._setting, self._problem)
        return CompiledStepper(network, self._setting.batch_size, self._train, self._stepwise)

    def close(self) -> None:
        self._settled.undo()


class CompiledReplica(Driver):
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
        super().__init__(network, shared or _share(batch_size, train, val, test))
        self._train, self._val, self._test = train, val, test
        self._steps = -(-len(train[1]) // batch_size)
        self._whole = len(train[1]) // batch_size

    def _try_all(self) -> None:
        """Call an epoch of no whole batch at rate 0, and evaluations.

        Whoever takes over what another replica traced compiles it from the other end, so that two share the work.
        """
        parts = [self._no_epoch, self.validate, self.test]
        for part in reversed(parts) if self._programs.taken_over else parts:
            part()

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
        return tuple(float(total) for total in self._programs.train(*given))

    def _measure(self, x: Any, y: Any) -> Figures:
        totals = [0.0] * (1 + len(self.network.measures))
        with self.network.evaluated():
            for batch, targets in batches(x, y):
                loss, *sums = self._programs.evaluate[len(targets)](batch, targets)
                parts = (float(loss) * len(targets), *map(float, sums))
                totals = [total + part for total, part in zip(totals, parts, strict=True)]
        return tuple(total / len(y) for total in totals)


def _share(batch_size: int, train: Split, val: Split | None, test: Split, jit: bool = True) -> SharedPrograms:
    evaluated = [part for part in (val, test) if part]
    evaluations = itertools.chain(*(batches(*part) for part in evaluated))
    return SharedPrograms(epochs(train, batch_size), evaluations, jit)


def batches(x: Any, y: Any) -> Iterator[Split]:
    """Yield a split in the batches of an evaluation."""
    for start in range(0, len(y), EVALUATION_BATCH):
        yield x[start : start + EVALUATION_BATCH], y[start : start + EVALUATION_BATCH]


def _tensors(examples: Examples) -> Split:
    kind = np.int32 if np.issubdtype(examples.y.dtype, np.integer) else np.float32  # labels, or values
    return tf.constant(examples.x), tf.constant(examples.y.astype(kind))
