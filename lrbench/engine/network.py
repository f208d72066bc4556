"""What the engines on Keras share: a network that can be reset."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrbench.backend.optimizers import build_optimizer, copies_of_weights
from lrbench.backend.process import seeded
from lrbench.engine.replica import check_fit
from lrbench.optimizers import parse_optimizer
from lrbench.problems import Problem
from lrbench.runs import Setting

_one_at_a_time = threading.Lock()  # Keras draws initial weights from the process's global seed


def default_jobs() -> int:
    """Return one replica per core, or one in all where there is a GPU to share."""
    if tf.config.list_physical_devices("GPU"):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def initial_weights(build: Callable[[], Any], seed: int) -> list[NDArray[Any]]:
    """Return the values that a fresh model's variables have for a seed, random-generator states included.

    Keras draws them from the process's global seed, so one thread at a time may call this.
    """
    with seeded(seed):
        return [np.asarray(variable) for variable in build().variables]


class Network:
    """A model with its optimizer. `reset` brings back a seed's initial weights and an untouched optimizer.

    `state` and `restore` hand all variables on, so that training can go on in another process.
    """

    def __init__(self, problem: Problem, optimizer: Any) -> None:
        self._build = problem.model
        with _one_at_a_time:
            self.model = problem.model()
        self._averages = optimizer.use_ema
        if self.model.dtype_policy.name == "mixed_float16" and optimizer.loss_scale_factor is None:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer
            )  # as Model.compile, or small gradients are lost
        self.optimizer = optimizer
        optimizer.build(self.model.trainable_variables)
        self.loss = problem.loss()
        self.measures = problem.measures
        self._untouched = [np.asarray(variable) for variable in optimizer.variables]

    @classmethod
    def of(cls, setting: Setting, problem: Problem) -> "Network":
        return cls(problem, build_optimizer(parse_optimizer(setting.optimizer)))

    def objective(self, targets: Any, outputs: Any) -> Any:
        """Return what is minimised: the mean loss of a batch, and the penalties of the layers behind it."""
        loss = self.loss(targets, outputs)
        return tf.add_n([loss, *self.model.losses]) if self.model.losses else loss

    def reset(self, seed: int) -> None:
        with _one_at_a_time:
            weights = initial_weights(self._build, seed)
        self._assign([*weights, *self._untouched])
        for copy, weight in copies_of_weights(self.optimizer, self.model.trainable_variables):
            copy.assign(weight)

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[None]:
        """Hold the weights that are evaluated: with use_ema their averages, else those that are trained.

        So does Keras's callback SwapEMAWeights, and it is what Model.fit leaves in a model at its end.
        """
        with self.trained_weights_kept():
            if self._averages:
                self.optimizer.finalize_variable_values(self.model.trainable_variables)
            yield

    @contextlib.contextmanager
    def trained_weights_kept(self) -> Iterator[None]:
        """Put back, at the end, the trained weights in the place of their averages."""
        weights = self.model.trainable_variables if self._averages else []
        trained = [tf.identity(variable.value) for variable in weights]
        try:
            yield
        finally:
            for variable, value in zip(weights, trained, strict=True):
                variable.assign(value)

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
