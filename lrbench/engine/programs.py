"""What is compiled: the training and the evaluations, once for all replicas of a setting.

A program is traced on one network and reads and writes that network's variables through handles that it captured.
Another network of the same shapes gets the same program with its own handles in their place. XLA compiles by name
and shapes, so what one replica compiled serves all.
"""

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from lrbench.engine.network import Network

Split = tuple[Any, Any]  # x (n, ...), y int32 or float32 (n, ...), as tensors
Trace = Callable[[Network, bool], Any]  # a network, whether XLA compiles -> its training, as a traced function


@dataclass(frozen=True, slots=True)
class Programs:
    """Traced functions of TensorFlow's, at work on one network's variables. The first call compiles."""

    train: Any  # of whole epochs, `epochs`, or of single steps, `lrbench.engine.steps`
    evaluate: Mapping[int, Any]  # size of batch -> (x, y) -> mean loss, sums of the other figures
    taken_over: bool  # traced on another network
    jit: bool  # compiled by XLA


class SharedPrograms:
    """Traces for the first network that comes; the next ones get the same programs."""

    def __init__(self, trace: Trace, batches: Iterable[Split] = (), jit: bool = True) -> None:
        self.jit = jit
        self.refusal = ""  # why XLA would not have them, if so
        self._trace_training = trace
        self._batches = {len(y): (x, y) for x, y in batches}
        self._first: tuple[Network, Programs] | None = None
        self._one_at_a_time = threading.Lock()  # tracing is Python, which one thread at a time can run

    def on(self, network: Network) -> Programs:
        """Return the programs for a network.

        A network with variables that neither its model nor its optimizer lists gets programs of its own.
        """
        with self._one_at_a_time:
            moved = _moved(*self._first, network) if self._first else None
            if moved:
                return moved
            programs = self._trace(network)
            self._first = self._first or (network, programs)
            return programs

    def give_up_xla(self, reason: str) -> None:
        """Have TensorFlow run the graphs from now on. Every replica would find the same refusal."""
        with self._one_at_a_time:
            if self.jit:
                self.jit, self.refusal, self._first = False, reason, None

    def _trace(self, network: Network) -> Programs:
        training = self._trace_training(network, self.jit)
        evaluation = _evaluation(network, self.jit)
        evaluate = {size: evaluation.get_concrete_function(*batch) for size, batch in self._batches.items()}
        return Programs(training, evaluate, taken_over=False, jit=self.jit)


def _moved(first: Network, programs: Programs, network: Network) -> Programs | None:
    """Return the first network's programs for another one; None if they use variables that are nobody's."""
    handles = {
        id(old.value.handle): new.value.handle for old, new in zip(first.variables, network.variables, strict=True)
    }
    traced = [programs.train, *programs.evaluate.values()]
    captured = [handle for program in traced for handle in program.captured_inputs]
    if any(handle.dtype == tf.resource and id(handle) not in handles for handle in captured):
        return None

    def move(program: Any) -> Any:
        own = copy.copy(program)  # keeps its name, and with it what XLA compiled
        own.set_external_captures([handles.get(id(handle), handle) for handle in program.captured_inputs])
        return own

    evaluate = {size: move(program) for size, program in programs.evaluate.items()}
    return Programs(move(programs.train), evaluate, taken_over=True, jit=programs.jit)


def epochs(train: Split, batch_size: int) -> Trace:
    """Train whole epochs: (order int32 (n,), rates float32 (steps,), x, y, whole int32 ()) -> sums of each figure.

    `whole`: how many batches to train before the last, smaller one. With 0, it takes no longer than compiling.
    """
    x, y = train
    order, whole = tf.TensorSpec([len(y)], tf.int32), tf.TensorSpec((), tf.int32)
    rates = tf.TensorSpec([-(-len(y) // batch_size)], tf.float32)

    def trace(network: Network, jit: bool) -> Any:
        return _epoch(network, len(y), batch_size, jit).get_concrete_function(order, rates, x, y, whole)

    return trace


def updating(network: Network) -> Callable[..., tuple[Any, Any, Any]]:
    """Return (rows, rate, x, y) -> the mean loss of a batch before its update, its targets and its outputs."""
    model, optimizer = network.model, network.optimizer
    weights = model.trainable_variables

    def update(rows: Any, rate: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        batch, targets = tf.gather(x, rows), tf.gather(y, rows)
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            outputs = model(batch, training=True)
            loss = network.objective(targets, outputs)
            scaled = optimizer.scale_loss(loss)
        optimizer.apply_gradients(zip(tape.gradient(scaled, weights), weights, strict=True))
        return loss, targets, outputs

    return update


def _epoch(network: Network, examples: int, batch_size: int, jit: bool) -> Any:
    rest = examples % batch_size
    update = updating(network)

    def trained(rows: Any, rate: Any, x: Any, y: Any) -> tuple[Any, ...]:
        loss, targets, outputs = update(rows, rate, x, y)
        return loss * rows.shape[0], *_sums(network, targets, outputs)

    @tf.function(jit_compile=jit, autograph=False)  # AutoGraph takes longer than tracing
    def epoch(order: Any, rates: Any, x: Any, y: Any, whole: Any) -> tuple[Any, ...]:
        def step(i: Any, *totals: Any) -> tuple[Any, ...]:
            rows = tf.ensure_shape(tf.slice(order, [i * batch_size], [batch_size]), [batch_size])
            return i + 1, *_added(totals, trained(rows, rates[i], x, y))

        totals: Any = (tf.zeros(()),) * (1 + len(network.measures))
        if examples >= batch_size:
            _, *totals = tf.while_loop(lambda i, *_: i < whole, step, (0, *totals))
        if rest:
            totals = _added(totals, trained(order[-rest:], rates[-1], x, y))
        return tuple(totals)

    return epoch


def _evaluation(network: Network, jit: bool) -> Any:
    """Return (x, y) -> mean loss, and the sums of the other figures."""

    @tf.function(jit_compile=jit, autograph=False)
    def evaluate(x: Any, y: Any) -> tuple[Any, ...]:
        outputs = network.model(x, training=False)
        return network.objective(y, outputs), *_sums(network, y, outputs)

    return evaluate


def _sums(network: Network, targets: Any, outputs: Any) -> list[Any]:
    """Sum the figures after the loss over a batch."""
    return [tf.reduce_sum(measure(targets, outputs)) for measure in network.measures]


def _added(totals: Iterable[Any], parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(total + part for total, part in zip(totals, parts, strict=True))
