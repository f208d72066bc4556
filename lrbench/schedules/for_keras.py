"""A schedule as Keras objects, for the user's own training script. Keras stands at the top of this file only."""

from typing import Any

import keras
import numpy as np

from lrbench.errors import BadSpec
from lrbench.schedules.base import Horizon
from lrbench.schedules.feedback import Plateau, PlateauState, after_epoch
from lrbench.schedules.schedule import Schedule
from lrbench.schedules.spec import parse


def convert(schedule: Schedule, horizon: Horizon) -> Any:
    """Return a LearningRateSchedule, or for a feedback schedule a callback. Raises BadSpec."""
    rule = schedule.feedback(horizon)
    if rule:
        return FeedbackCallback(schedule.table(horizon), rule)
    rates = schedule.curve(horizon)(np.arange(horizon.steps + 1))
    own = [float(rate) for rate in rates] if schedule.is_users_own else None
    return TableSchedule(str(schedule), schedule.lr, horizon.epochs, horizon.steps_per_epoch, own)


@keras.saving.register_keras_serializable("lrbench")
class TableSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc] # Keras carries no types
    """The rates of a spec on a horizon; after the horizon's end, the rate just after the last update.

    It saves and loads with the optimizer as its spec; the rates of a user's own function are saved themselves, so
    that loading a model never runs code.
    """

    def __init__(
        self, spec: str, lr: float, epochs: int, steps_per_epoch: int, rates: list[float] | None = None
    ) -> None:
        self._config = {
            "spec": spec,
            "lr": lr,
            "epochs": epochs,
            "steps_per_epoch": steps_per_epoch,
            "rates": rates,
        }
        if rates is None:
            schedule = parse(spec, lr)
            if schedule.is_users_own:
                raise BadSpec(f"{spec} is a function, and its rates are not here.", "Use Schedule.to_keras.")
            horizon = Horizon(epochs, steps_per_epoch)
            table = schedule.curve(horizon)(np.arange(horizon.steps + 1))
        else:
            table = np.array(rates, float)
        self._table = keras.ops.convert_to_tensor(table, "float32")
        self._last = len(table) - 1

    def __call__(self, step: Any) -> Any:
        return keras.ops.take(self._table, keras.ops.minimum(keras.ops.cast(step, "int32"), self._last))

    def get_config(self) -> dict[str, Any]:
        return self._config


class FeedbackCallback(keras.callbacks.Callback):  # type: ignore[misc] # Keras carries no types
    """Sets the rate before every update, and after every epoch lets the rule look at its validation value."""

    def __init__(self, table: Any, rule: Plateau) -> None:
        super().__init__()
        self._table = table
        self._rule = rule

    def on_train_begin(self, logs: Any = None) -> None:
        self._step = 0
        self._state = PlateauState()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        rate = self._table[min(self._step, len(self._table) - 1)] * self._state.scale
        self.model.optimizer.learning_rate = np.float32(rate)
        self._step += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = (logs or {}).get(self._rule.monitor)
        if value is None:
            raise BadSpec(
                f"plateau looks at {self._rule.monitor}, and this training reports only {', '.join(logs or {})}.",
                "Give Model.fit validation data, and compile the model with metrics=['accuracy'].",
            )
        self._state = after_epoch(self._rule, self._state, value)
