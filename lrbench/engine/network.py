"""What the engines on Keras share: what they set in the process, and a network that can be reset."""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from weakref import WeakSet

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench import problems
from lrbench.engine.replica import check_fit
from lrbench.errors import EngineUnavailable
from lrbench.optimizers import build_optimizer, copies_of_weights, parse_optimizer
from lrbench.runs import Setting

_one_at_a_time = threading.Lock()  # Keras draws initial weights from the process's global seed


def use_one_thread_per_replica() -> None:
    """Make every operation run on the thread that asks for it, so that numbers do not depend on --jobs.

    Raises EngineUnavailable if TensorFlow is already at work in this process with other threads.
    """
    if tf.config.threading.get_intra_op_parallelism_threads() == 1:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError as error:
        raise EngineUnavailable(
            "TensorFlow is already at work in this process, with its own threads.",
            "Let lrbench come first: start a new Python process.",
        ) from error


class Settled:
    """What Keras and TensorFlow have for the whole process and what decides numbers, as lrbench wants it.

    keras.json, KERAS_… and the calling program may have set it otherwise. While one of these stands, it is
    lrbench's; `undo` of the last one puts back what was there before the first.
    """

    _WANTED: ClassVar[tuple[tuple[Callable[[], Any], Callable[[Any], None], Any], ...]] = (
        (keras.config.floatx, keras.config.set_floatx, "float32"),
        (keras.config.epsilon, keras.config.set_epsilon, 1e-7),
        (keras.config.image_data_format, keras.config.set_image_data_format, "channels_last"),
        (keras.config.max_epochs, keras.config.set_max_epochs, None),
        (keras.config.max_steps_per_epoch, keras.config.set_max_steps_per_epoch, None),
        (tf.config.functions_run_eagerly, tf.config.run_functions_eagerly, False),
    )
    _lock = threading.Lock()
    _standing: ClassVar[WeakSet["Settled"]] = WeakSet()
    _before: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        with self._lock:
            if not self._standing:
                self._before[:] = [get() for get, _, _ in self._WANTED]
            self._standing.add(self)
            for _, put, wanted in self._WANTED:
                put(wanted)

    def undo(self) -> None:
        """Put back what was there before, unless another one still stands. The second call does nothing."""
        with self._lock:
            if self in self._standing:
                self._standing.remove(self)
                if not self._standing:
                    for (_, put, _), before in zip(self._WANTED, self._before, strict=True):
                        put(before)


def default_jobs() -> int:
    """Return one replica per core, or one in all where there is a GPU to share."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def initial_weights(build: Callable[[], Any], seed: int) -> list[NDArray[Any]]:
    """Return the values that a fresh model's variables have for a seed, random-generator states included.

    Keras draws them from the process's global seed, so one thread at a time may call this.
    """
    keras.utils.set_random_seed(seed)
    return [np.asarray(variable) for variable in build().variables]


class Network:
    """A model with its optimizer. `reset` brings back a seed's initial weights and an untouched optimizer.

    `state` and `restore` hand all variables on, so that training can go on in another process.
    """

    def __init__(self, problem: problems.Problem, optimizer: Any) -> None:
        self._build = problem.model
        with _one_at_a_time:
            self.model = problem.model()
        self.optimizer = optimizer
        optimizer.build(self.model.trainable_variables)
        self.loss = problem.loss()
        self.measures = problem.measures
        self._untouched = [np.asarray(variable) for variable in optimizer.variables]

    @classmethod
    def of(cls, setting: Setting) -> "Network":
        return cls(problems.find(setting.subject.spec), build_optimizer(parse_optimizer(setting.optimizer)))

    def reset(self, seed: int) -> None:
        with _one_at_a_time:
            weights = initial_weights(self._build, seed)
        self._assign([*weights, *self._untouched])
        for copy, weight in copies_of_weights(self.optimizer, self.model.trainable_variables):
            copy.assign(weight)

    def state(self) -> list[NDArray[Any]]:
        return [np.asarray(variable).copy() for variable in self.variables]  # training goes on in the originals

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        check_fit(state, self.state())
        self._assign(state)

    @property
    def variables(self) -> list[Any]:
        """The model's and the optimizer's variables, as Keras lists them."""
        return [*self.model.variables, *self.optimizer.variables]

    def _assign(self, values: Sequence[NDArray[Any]]) -> None:
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
