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

from lrbench.datasets import Examples
from lrbench.engine.base import EVALUATION_BATCH, Measured, shuffle
from lrbench.engine.network import (
    Network,
    default_jobs,
    load_splits,
    use_one_thread_per_replica,
)
from lrbench.plan import Setting
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

    def replica(self, index: int) -> "CompiledReplica":
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

    def train_epoch(self, epoch: int, rates: Rates) -> Measured:
        order = shuffle(self._seed, epoch, len(self._train[1]))
        with np.errstate(over="ignore"):  # a rate beyond float32 is infinite, and the run diverges
            table = rates.astype(np.float32)
        loss, correct = self._epoch(order, table, *self._train)
        return Measured(float(loss) / len(order), float(correct) / len(order))

    def validate(self) -> Measured | None:
        return self._measure(*self._val) if self._val else None

    def test(self) -> Measured:
        return self._measure(*self._test)

    def _measure(self, x: Any, y: Any) -> Measured:
        loss = correct = 0.0
        for start in range(0, len(y), EVALUATION_BATCH):
            batch, labels = x[start : start + EVALUATION_BATCH], y[start : start + EVALUATION_BATCH]
            mean, right = self._evaluate(batch, labels)
            loss += float(mean) * len(labels)
            correct += float(right)
        return Measured(loss / len(y), correct / len(y))


def _compile_epoch(network: Network, examples: int, batch_size: int) -> Any:
    """Return (order int32 (n,), rates float32 (steps,), x, y) -> sums over the epoch of loss and correct."""
    whole, rest = divmod(examples, batch_size)
    model, optimizer = network.model, network.optimizer
    weights = model.trainable_variables

    def update(rows: Any, rate: Any, x: Any, y: Any) -> tuple[Any, Any]:
        batch, labels = tf.gather(x, rows), tf.gather(y, rows)
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            logits = model(batch, training=True)
            loss = network.loss(labels, logits)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss * rows.shape[0], _correct(labels, logits)

    @tf.function(jit_compile=True)
    def epoch(order: Any, rates: Any, x: Any, y: Any) -> tuple[Any, Any]:
        total, right = tf.zeros(()), tf.zeros(())
        if whole:
            for i in tf.range(whole):
                rows = tf.ensure_shape(tf.slice(order, [i * batch_size], [batch_size]), [batch_size])
                loss, correct = update(rows, rates[i], x, y)
                total, right = total + loss, right + correct
        if rest:
            loss, correct = update(order[whole * batch_size :], rates[whole], x, y)
            total, right = total + loss, right + correct
        return total, right

    return epoch


def _compile_evaluation(network: Network) -> Any:
    """Return (x, y) -> mean loss and number of correct ones. Compiled once for each size of batch that comes."""

    @tf.function(jit_compile=True)
    def evaluate(x: Any, y: Any) -> tuple[Any, Any]:
        logits = network.model(x, training=False)
        return network.loss(y, logits), _correct(y, logits)

    return evaluate


def _correct(labels: Any, logits: Any) -> Any:
    return tf.reduce_sum(tf.cast(tf.argmax(logits, -1, output_type=tf.int32) == labels, tf.float32))


def _tensors(examples: Examples) -> Split:
    return tf.constant(examples.x), tf.constant(examples.y.astype(np.int32))
