"""Training step by step, for who wants to know every step's loss: the sweep of a learning-rate range test.

Its program is an epoch's without the last, smaller batch, and hands out the losses. It is traced and compiled only
where somebody steps; the program of the epochs stays as it is.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench.engine.driver import Driver
from lrbench.engine.network import Network
from lrbench.engine.programs import SharedPrograms, Split, Trace, updating
from lrbench.engine.replica import Losses, shuffle
from lrbench.schedules.base import Rates


class CompiledStepper(Driver):
    """Goes through the training set in whole batches; what is left over at the end of a pass is shuffled again."""

    def __init__(self, network: Network, batch_size: int, train: Split, shared: SharedPrograms) -> None:
        super().__init__(network, shared)
        self._train = train
        self._examples = len(train[1])
        self._in_a_pass = _whole_batches(self._examples, batch_size)

    def train_steps(self, first: int, rates: Rates) -> Losses:
        losses = [np.empty(0)]
        while len(rates):
            passes, at = divmod(first, self._in_a_pass)
            now, rates = np.split(rates, [self._in_a_pass - at])
            losses.append(self._steps(shuffle(self._seed, passes + 1, self._examples), at, now))
            first += len(now)
        return np.concatenate(losses)

    def _try_all(self) -> None:
        self._steps(np.zeros(self._examples, np.int32), 0, np.empty(0))

    def _steps(self, order: NDArray[np.int32], first: int, rates: Rates) -> Losses:
        here = slice(first, first + len(rates))
        table = np.zeros(self._in_a_pass, np.float32)
        table[here] = rates
        ends = tf.constant(here.start), tf.constant(here.stop)
        losses = self._programs.train(tf.constant(order), tf.constant(table), *self._train, *ends)
        return np.asarray(losses.numpy()[here], np.float64)


def steps(train: Split, batch_size: int) -> Trace:
    """Train steps of a pass: (order int32 (n,), rates float32 (s,), x, y, first, last int32 ()) -> losses.

    s is the number of whole batches in a pass. Those from `first` to before `last` are trained. losses: float32
    (s,), each batch's mean before its update; 0 for what is not trained.
    """
    x, y = train
    order, place = tf.TensorSpec([len(y)], tf.int32), tf.TensorSpec((), tf.int32)
    rates = tf.TensorSpec([_whole_batches(len(y), batch_size)], tf.float32)

    def trace(network: Network, jit: bool) -> Any:
        size = min(batch_size, len(y))
        return _steps(network, size, jit).get_concrete_function(order, rates, x, y, place, place)

    return trace


def _steps(network: Network, batch_size: int, jit: bool) -> Any:
    update = updating(network)

    @tf.function(jit_compile=jit, autograph=False)
    def some_steps(order: Any, rates: Any, x: Any, y: Any, first: Any, last: Any) -> Any:
        def step(i: Any, losses: Any) -> tuple[Any, Any]:
            rows = tf.ensure_shape(tf.slice(order, [i * batch_size], [batch_size]), [batch_size])
            loss, _, _ = update(rows, rates[i], x, y)
            return i + 1, losses.write(i, loss)

        losses = tf.TensorArray(tf.float32, size=rates.shape[0], element_shape=())
        _, losses = tf.while_loop(lambda i, _: i < last, step, (first, losses))
        return losses.stack()

    return some_steps


def _whole_batches(examples: int, batch_size: int) -> int:
    """Return how many there are in a pass; a training set that is smaller than a batch is one."""
    return max(1, examples // batch_size)
