"""What Keras and TensorFlow have for the whole process, set as lrbench wants it and put back afterwards."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from weakref import WeakSet

import keras
import numpy as np
import tensorflow as tf


def use_one_thread_per_replica() -> bool:
    """Make every operation run on the thread that asks for it, so that numbers do not depend on the jobs.

    Returns whether that could be had: not where TensorFlow is already at work in this process with other threads.
    """
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        except RuntimeError:
            return False
    return True


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Keras, numpy and Python; afterwards the caller's random numbers go on as if nothing had been drawn.

    Keras draws initial weights from the process's global seed, so one thread at a time may do this.
    """
    before = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


class Settled:
    """What Keras and TensorFlow have for the whole process and what decides numbers, as lrbench wants it.

    keras.json, KERAS_… and the calling program may have set it otherwise. While one of these stands, it is
    lrbench's; `undo` of the last one puts back what was there before the first.
    """

    _WANTED: ClassVar[tuple[tuple[Callable[[], Any], Callable[[Any], None], Any], ...]] = (
        (keras.config.floatx, keras.config.set_floatx, "float32"),
        (keras.config.dtype_policy, keras.config.set_dtype_policy, "float32"),
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
