"""Losses and figures, of classes and of numbers. TensorFlow is imported in functions only."""

import re
from collections.abc import Callable
from typing import Any

from lrbench.errors import BadConfig, nearest

Measure = Callable[[Any, Any], Any]  # targets and outputs of a batch -> its value for every example, (n,)
SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
}


def cross_entropy() -> Any:
    """Return the mean cross-entropy, in nats, of logits (n, classes) with labels (n,)."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def is_right(labels: Any, outputs: Any) -> Any:
    """Return 1 where the largest output is the label's, else 0: (n,), (n, classes) -> float32 (n,)."""
    import tensorflow as tf

    return tf.cast(tf.argmax(outputs, -1, output_type=tf.int32) == tf.cast(labels, tf.int32), tf.float32)


def is_right_of_one_hot(targets: Any, outputs: Any) -> Any:
    """As `is_right`, for targets (n, classes) that are 1 for the class and 0 else."""
    import tensorflow as tf

    return is_right(tf.argmax(targets, -1, output_type=tf.int32), outputs)


def is_right_above(threshold: float) -> Measure:
    """Return the measure of two classes: 1 where the one output lies on the label's side of a threshold."""

    def measure(labels: Any, outputs: Any) -> Any:
        import tensorflow as tf

        said = tf.reshape(outputs, [-1]) > threshold
        return tf.cast(said == (tf.reshape(labels, [-1]) > 0), tf.float32)

    return measure


def absolute_error(targets: Any, outputs: Any) -> Any:
    """Return |target - output|, its mean over all but the first axis: (n, ...) -> (n,)."""
    return _rows(abs(_alike(targets, outputs) - _float(outputs)))


def squared_error(targets: Any, outputs: Any) -> Any:
    """Return (target - output)², its mean over all but the first axis: (n, ...) -> (n,)."""
    return _rows((_alike(targets, outputs) - _float(outputs)) ** 2)


def mean_prediction(targets: Any, outputs: Any) -> Any:
    """Return the outputs themselves, their mean over all but the first axis: (n, ...) -> (n,)."""
    return _rows(_float(outputs))


def loss_by_name(word: str, from_logits: bool) -> Callable[[], Any]:
    """Return what makes Keras's loss of a name such as `huber`; cross-entropies are told whether of logits.

    Raises BadConfig.
    """
    import keras

    known = {
        re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower(): value
        for name, value in vars(keras.losses).items()
        if isinstance(value, type) and issubclass(value, keras.losses.Loss) and value is not keras.losses.Loss
    }
    name = SHORT.get(word, word)
    if name not in known:
        raise BadConfig(f"loss={word} is no loss of Keras's.", nearest(word, [*known, *SHORT]))
    options = {"from_logits": from_logits} if "crossentropy" in name else {}
    return lambda: known[name](**options)


def loss_of_users(loss: Any) -> Any:
    """Return a user's function of targets and outputs, or loss, as a Keras loss: the mean over the batch.

    Targets (n,) of outputs (n, 1) get their shape first, as Model.fit does: broadcast, they would be (n, n).
    """
    import keras

    class Mean(keras.losses.Loss):  # type: ignore[misc]  # Keras carries no types
        """A user's own."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
                y_true = keras.ops.expand_dims(y_true, -1)
            return loss(y_true, y_pred)

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name, **(loss.get_config() if hasattr(loss, "get_config") else {})}

    return Mean(name=getattr(loss, "__name__", None) or getattr(loss, "name", "loss"))


def measure_by_name(word: str, accuracy: Measure | None) -> tuple[str, Measure]:
    """Return the full name of a figure and what measures it; `accuracy` is None where there are no classes.

    Raises BadConfig.
    """
    name = SHORT.get(word, word)
    known: dict[str, Measure] = {"mean_absolute_error": absolute_error, "mean_squared_error": squared_error}
    if accuracy:
        known["accuracy"] = accuracy
    if name not in known:
        what = "wants classes; these are numbers" if name == "accuracy" else "is nothing that lrbench measures"
        raise BadConfig(f"metric={word} {what}.", nearest(word, [*known, "mae", "mse"]))
    return name, known[name]


def _float(values: Any) -> Any:
    import tensorflow as tf

    return tf.cast(values, tf.float32)


def _alike(targets: Any, outputs: Any) -> Any:
    """Give targets (n,) the shape of outputs (n, 1)."""
    import tensorflow as tf

    return tf.reshape(_float(targets), tf.shape(outputs))


def _rows(values: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(tf.reshape(values, [tf.shape(values)[0], -1]), -1)
