"""A schedule as Keras objects, for the user's own training script. Keras stands at the top of this file only."""

import math
import warnings
from dataclasses import asdict
from typing import Any

import keras
import numpy as np

from lrbench.errors import BadSpec
from lrbench.schedules.base import Horizon
from lrbench.schedules.feedback import Plateau, PlateauState, after_epoch, direction
from lrbench.schedules.schedule import Schedule
from lrbench.schedules.spec import parse


def convert(schedule: Schedule, horizon: Horizon) -> Any:
    """Return a LearningRateSchedule, or for a feedback schedule a callback. Raises BadSpec."""
    rule = schedule.feedback(horizon)
    if rule:
        return FeedbackCallback(schedule.table(horizon), horizon.steps_per_epoch, rule)
    own = schedule.table(horizon).tolist() if schedule.is_users_own else None
    return TableSchedule(schedule.spec, horizon.epochs, horizon.steps_per_epoch, own)


@keras.saving.register_keras_serializable("lrbench")
class TableSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # Keras carries no types
    """The rates of a spec on a horizon; after the horizon's end, the last of them.

    It saves and loads with the optimizer as its spec; the rates of a user's own function are saved themselves, so
    that loading a model never runs code. A script that loads it imports this module first.
    """

    def __init__(self, spec: str, epochs: int, steps_per_epoch: int, rates: list[float] | None = None) -> None:
        self._config = {"spec": spec, "epochs": epochs, "steps_per_epoch": steps_per_epoch, "rates": rates}
        if rates is None:
            schedule = parse(spec)
            if schedule.is_users_own:
                raise BadSpec(f"{spec} is a function, and its rates are not here.", "Use Schedule.to_keras.")
            table = schedule.table(Horizon(epochs, steps_per_epoch))
        else:
            table = np.array(rates, float)
        self._table = keras.ops.convert_to_tensor(table, "float32")
        self._last = len(table) - 1

    def __call__(self, step: Any) -> Any:
        return keras.ops.take(self._table, keras.ops.minimum(keras.ops.cast(step, "int32"), self._last))

    def get_config(self) -> dict[str, Any]:
        return self._config


class FeedbackCallback(keras.callbacks.Callback):  # type: ignore[misc] # Keras carries no types
    """Sets the rate before every update, and after every epoch lets the rule look at its validation value.

    A second fit with the same callback and optimizer goes on where the first one ended. With a model that was
    loaded, a new callback goes on at the rate that the optimizer was saved with; the best value and the epochs
    waited since are in `state_dict()`, for `load_state_dict()` before the next fit.

    As Keras's own callback, it warns of an epoch without the value and does not count it.
    """

    def __init__(self, table: Any, steps_per_epoch: int, rule: Plateau) -> None:
        super().__init__()
        self._table = table
        self._steps_per_epoch = steps_per_epoch
        self._rule = rule
        self._better = direction(rule)
        self._state = PlateauState()
        self._optimizer: Any = None  # the one whose training the state is of; None: not known yet
        self._loaded = False

    def state_dict(self) -> dict[str, Any]:
        """Return what the rule remembers, as JSON values."""
        return asdict(self._state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, whatever rate the optimizer has."""
        self._state, self._loaded = PlateauState(**state), True

    def on_train_begin(self, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        if optimizer is not self._optimizer and not self._loaded:
            self._state = PlateauState(scale=self._scale_of(optimizer))
        self._optimizer, self._loaded = optimizer, False

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._set_rate()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = (logs or {}).get(self._rule.monitor)
        if value is None:
            warnings.warn(
                f"plateau looks at {self._rule.monitor}, and this epoch reports only {', '.join(logs or {})}. "
                "Give Model.fit validation data, and compile the model with what is to be monitored.",
                stacklevel=2,
            )
            return
        self._state = after_epoch(self._rule, self._state, value, self._better)
        self._set_rate()

    def _set_rate(self) -> None:
        optimizer = self.model.optimizer
        optimizer.learning_rate = np.float32(self._rate(_batches(optimizer)) * self._state.scale)

    def _rate(self, step: int) -> float:
        return float(self._table[min(step, len(self._table) - 1)])

    def _scale_of(self, optimizer: Any) -> float:
        """Tell by the rate of an optimizer that was trained how often it has been cut; 1 for any other rate.

        It was set for the next update, or where a checkpoint was saved within an epoch, for the last one.
        """
        done, now = _batches(optimizer), float(optimizer.learning_rate)
        for cuts in range(done // self._steps_per_epoch + 2 if done else 0):  # an epoch has at most one
            scale = max(self._rule.factor**cuts, self._rule.min_scale)
            for step in (done, done - 1):
                if math.isclose(self._rate(step) * scale, now, rel_tol=1e-5):
                    return scale
        return 1.0


def _batches(optimizer: Any) -> int:
    """Return how many batches an optimizer has seen: what Keras's own schedules count.

    `iterations` counts updates, which are fewer with gradient_accumulation_steps.
    """
    return int(getattr(optimizer, "inner_optimizer", optimizer)._iterations)
