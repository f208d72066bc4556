"""`Model.fit` with a callback that sets the rate of every step: the outside witness of the fast engine."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lrbench.backend.process import Settled, use_one_thread_per_replica
from lrbench.engine.network import Network
from lrbench.engine.replica import EVALUATION_BATCH, shuffle
from lrbench.problems import Examples, Problem, Splits
from lrbench.runs import Figures, Setting
from lrbench.schedules.base import Rates


class FitEngine:
    """Holds the data once, as examples."""

    def __init__(self, setting: Setting, problem: Problem, splits: Splits) -> None:
        use_one_thread_per_replica()
        self._setting = setting
        self._problem = problem
        self._splits = splits
        self._settled = Settled()

    @property
    def jobs(self) -> int:
        return 1  # Model.fit spends its time in Python, which one thread at a time can run

    def replica(self) -> "FitReplica":
        network = Network.of(self._setting, self._problem)
        names = [figure.name for figure in self._setting.subject.figures]
        return FitReplica(network, names, self._setting.batch_size, self._splits)

    def close(self) -> None:
        self._settled.undo()


class FitReplica:
    """One network, compiled in Keras's sense."""

    remark = ""

    def __init__(self, network: Network, figures: list[str], batch_size: int, splits: Splits) -> None:
        self.network = network
        self._figures = figures
        self._batch_size = batch_size
        self._splits = splits
        self._seed = 0
        network.model.compile(
            optimizer=network.optimizer,
            loss=network.loss,
            auto_scale_loss=False,  # the network has done it
            metrics=[_Mean(measure, name) for measure, name in zip(network.measures, figures[1:], strict=True)],
        )

    def compile(self) -> None:
        """Nothing to do: Keras builds its step function in the first epoch."""

    def reset(self, seed: int) -> None:
        self._seed = seed
        self.network.reset(seed)

    def state(self) -> list[NDArray[Any]]:
        return self.network.state()

    def restore(self, seed: int, state: Sequence[NDArray[Any]]) -> None:
        self._seed = seed
        self.network.restore(state)

    def train_epoch(self, epoch: int, rates: Rates) -> Figures:
        train = self._splits.train
        order = shuffle(self._seed, epoch, len(train.y))
        history = self.network.model.fit(
            train.x[order],
            train.y[order],
            batch_size=self._batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[_Rates(rates), _GoesOn(self.network)],
        ).history
        return tuple(float(history[name][0]) for name in self._figures)

    def validate(self) -> Figures | None:
        return self._measure(self._splits.val) if self._splits.val else None

    def test(self) -> Figures:
        return self._measure(self._splits.test)

    def _measure(self, examples: Examples) -> Figures:
        with self.network.evaluated():
            measured = self.network.model.evaluate(
                examples.x, examples.y, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
            )
        return tuple(float(measured[name]) for name in self._figures)


class _Mean(keras.metrics.Mean):  # type: ignore[misc] # Keras carries no types
    """The mean of a measure over examples. Keras's own wrapper would mask what the measure has masked already."""

    def __init__(self, measure: Callable[[Any, Any], Any], name: str) -> None:
        super().__init__(name=name)
        self._measure = measure

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(self._measure(y_true, y_pred), sample_weight)


class _Rates(keras.callbacks.Callback):  # type: ignore[misc] # Keras carries no types
    """Sets the optimizer's rate before each update."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        with np.errstate(over="ignore"):
            self._rates = rates.astype(np.float32)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self._rates[batch]


class _GoesOn(keras.callbacks.Callback):  # type: ignore[misc] # Keras carries no types
    """Keeps the trained weights, where Model.fit ends with their averages: here it ends after every epoch."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._kept = contextlib.ExitStack()
        self._network = network

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._kept.enter_context(self._network.trained_weights_kept())

    def on_train_end(self, logs: Any = None) -> None:
        self._kept.close()
