"""`Model.fit` with a callback that sets the rate of every step: the outside witness of the fast engine."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from lrbench.datasets import Examples, Splits
from lrbench.engine.base import EVALUATION_BATCH, Measured, shuffle
from lrbench.engine.network import Network, use_one_thread_per_replica
from lrbench.plan import Setting
from lrbench.schedules.base import Rates


class FitEngine:
    """Holds the data once, as examples."""

    def __init__(self, setting: Setting, splits: Splits) -> None:
        use_one_thread_per_replica()
        self._setting = setting
        self._splits = splits

    @property
    def jobs(self) -> int:
        return 1  # Model.fit spends its time in Python, which one thread at a time can run

    def replica(self, index: int) -> "FitReplica":
        network = Network.of(self._setting)
        return FitReplica(network, self._setting.batch_size, self._splits)


class FitReplica:
    """One network, compiled in Keras's sense."""

    def __init__(self, network: Network, batch_size: int, splits: Splits) -> None:
        self.network = network
        self._batch_size = batch_size
        self._splits = splits
        self._seed = 0
        network.model.compile(
            optimizer=network.optimizer,
            loss=network.loss,
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
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

    def train_epoch(self, epoch: int, rates: Rates) -> Measured:
        train = self._splits.train
        order = shuffle(self._seed, epoch, len(train.y))
        history = self.network.model.fit(
            train.x[order],
            train.y[order],
            batch_size=self._batch_size,
            shuffle=False,
            verbose=0,
            callbacks=[_Rates(rates)],
        ).history
        return Measured(float(history["loss"][0]), float(history["accuracy"][0]))

    def validate(self) -> Measured | None:
        return self._measure(self._splits.val) if self._splits.val else None

    def test(self) -> Measured:
        return self._measure(self._splits.test)

    def _measure(self, examples: Examples) -> Measured:
        found = self.network.model.evaluate(
            examples.x, examples.y, batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
        )
        return Measured(float(found["loss"]), float(found["accuracy"]))


class _Rates(keras.callbacks.Callback):  # type: ignore[misc] # Keras carries no types
    """Sets the optimizer's rate before each update."""

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        with np.errstate(over="ignore"):
            self._rates = rates.astype(np.float32)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self._rates[batch]
