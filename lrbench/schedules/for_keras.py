"""A schedule as Keras objects, for the user's own training script. Keras stands at the top of this file only."""

from typing import Any

import keras
import numpy as np

from lrbench.errors import BadSpec
from lrbench.schedules.base import Horizon
from lrbench.schedules.feedback import Plateau, PlateauState, after_epoch, better
from lrbench.schedules.schedule import Schedule
from lrbench.schedules.spec import parse


def convert(schedule: Schedule, horizon: Horizon) -> Any:
    """Return a LearningRateSchedule, or for a feedback schedule a callback. Raises BadSpec."""
    rule = schedule.feedback(horizon)
    if rule:
        return FeedbackCallback(schedule.table(horizon), rule)
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

    A second fit with the same callback and optimizer goes on where the first one ended.
    """

    def __init__(self, table: Any, rule: Plateau) -> None:
        super().__init__()
        self._table = table
        self._rule = rule
        self._state = PlateauState()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = min(int(self.model.optimizer.iterations), len(self._table) - 1)
        self.model.optimizer.learning_rate = np.float32(self._table[step] * self._state.scale)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = (logs or {}).get(self._rule.monitor)
        if value is None:
            raise BadSpec(
                f"plateau looks at {self._rule.monitor}, and this training reports only {', '.join(logs or {})}.",
                "Give Model.fit validation data, and compile the model with metrics=['accuracy'].",
            )
        self._state = after_epoch(self._rule, self._state, value, better(self._rule.monitor))
