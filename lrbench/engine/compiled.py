"""The fast engine: one XLA program per epoch, and the learning rate is data.

A schedule is a table of rates, so one compiled program serves every schedule. The program gathers each batch
by a permutation that is passed in, assigns the step's rate to the optimizer, and runs forward, gradient and
update of ordinary Keras objects. The last, smaller batch is trained too; an evaluation covers every example.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench.engine.network import (
    Network,
    default_jobs,
    load_splits,
    use_one_thread_per_replica,
)
from lrbench.engine.replica import EVALUATION_BATCH, shuffle
from lrbench.problems import Examples
from lrbench.runs import Figures, Setting
from lrbench.schedules.base import Rates


class CompiledEngine:
    """Holds the data once, as tensors that all replicas share."""

    def __init__(self, setting: Setting) -> None:
        use_one_thread_per_replica()
        self._setting = setting
        splits = load_splits(setting)
        self._train, self._test = _tensors(splits.train), _tensors(splits.test)
        self._val = _tensors(splits.val) if splits.val else None

    @property
    def jobs(self) -> int:
        return default_jobs()

    def replica(self) -> "CompiledReplica":
        network = Network.of(self._setting)
        return CompiledReplica(network, self._setting.batch_size, self._train, self._val, self._test)


Split = tuple[Any, Any]  # x uint8 (n, ...), y int32 (n,), as tensors


class CompiledReplica:
    """One network and its compiled epoch."""

    def __init__(self, network: Network, batch_size: int, train: Split, val: Split | None, test: Split) -> None:
        self.network = network
        self._train, self._val, self._test = train, val, test
        self._epoch = _compile_epoch(network, len(train[1]), batch_size)
        self._evaluate = _compile_evaluation(network)
        self._steps = -(-len(train[1]) // batch_size)
        self._compiled = False
        self._seed = 0

    def compile(self) -> None:
        """Trace and compile by running: an epoch at rate 0 and the evaluations. `reset` undoes what it leaves."""
        if self._compiled:
            return
        n = len(self._train[1])
        self._epoch(np.arange(n, dtype=np.int32), np.zeros(self._steps, np.float32), *self._train)
        self.validate()
        self.test()
        self._compiled = True

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
        sums = self._epoch(order, table, *self._train)
        return tuple(float(total) / len(order) for total in sums)

    def validate(self) -> Figures | None:
        return self._measure(*self._val) if self._val else None

    def test(self) -> Figures:
        return self._measure(*self._test)

    def _measure(self, x: Any, y: Any) -> Figures:
        totals = [0.0] * (1 + len(self.network.measures))
        for start in range(0, len(y), EVALUATION_BATCH):
            batch, targets = x[start : start + EVALUATION_BATCH], y[start : start + EVALUATION_BATCH]
            loss, *sums = self._evaluate(batch, targets)
            found = [float(loss) * len(targets), *map(float, sums)]
            totals = [total + part for total, part in zip(totals, found, strict=True)]
        return tuple(total / len(y) for total in totals)


def _compile_epoch(network: Network, examples: int, batch_size: int) -> Any:
    """Return (order int32 (n,), rates float32 (steps,), x, y) -> the epoch's sums of each figure."""
    whole, rest = divmod(examples, batch_size)
    model, optimizer = network.model, network.optimizer
    weights = model.trainable_variables

    def update(rows: Any, rate: Any, x: Any, y: Any) -> tuple[Any, ...]:
        batch, targets = tf.gather(x, rows), tf.gather(y, rows)
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            outputs = model(batch, training=True)
            loss = network.loss(targets, outputs)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss * rows.shape[0], *_sums(network, targets, outputs)

    @tf.function(jit_compile=True)
    def epoch(order: Any, rates: Any, x: Any, y: Any) -> tuple[Any, ...]:
        totals = (tf.zeros(()),) * (1 + len(network.measures))
        if whole:
            for i in tf.range(whole):
                rows = tf.ensure_shape(tf.slice(order, [i * batch_size], [batch_size]), [batch_size])
                totals = _added(totals, update(rows, rates[i], x, y))
        if rest:
            totals = _added(totals, update(order[whole * batch_size :], rates[whole], x, y))
        return totals

    return epoch


def _compile_evaluation(network: Network) -> Any:
    """Return (x, y) -> mean loss, and the sums of the other figures. Compiled once for each size of batch."""

    @tf.function(jit_compile=True)
    def evaluate(x: Any, y: Any) -> tuple[Any, ...]:
        outputs = network.model(x, training=False)
        return network.loss(y, outputs), *_sums(network, y, outputs)

    return evaluate


def _sums(network: Network, targets: Any, outputs: Any) -> list[Any]:
    """Sum the figures after the loss over a batch."""
    return [tf.reduce_sum(measure(targets, outputs)) for measure in network.measures]


def _added(totals: tuple[Any, ...], parts: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(total + part for total, part in zip(totals, parts, strict=True))


def _tensors(examples: Examples) -> Split:
    return tf.constant(examples.x), tf.constant(examples.y.astype(np.int32))
