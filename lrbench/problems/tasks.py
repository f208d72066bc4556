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
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "logcosh": "log_cosh",
}


def cross_entropy() -> Any:
    """Return the mean cross-entropy, in nats, of logits (n, classes) with labels (n,)."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def is_right(labels: Any, outputs: Any) -> Any:
    """Return 1 where the largest output is the label's, else 0; of several positions, their mean.

    labels: whole numbers (n, ...), outputs: (n, ..., classes) -> float32 (n,).
    """
    import tensorflow as tf

    said = tf.argmax(outputs, -1, output_type=tf.int32)
    labels = tf.cast(labels, tf.int32)
    if len(labels.shape) == len(outputs.shape) > 1:  # (n, ..., 1)
        labels = tf.squeeze(labels, -1)
    return mean_of_positions(tf.cast(said == labels, tf.float32), outputs)


def is_right_of_one_hot(targets: Any, outputs: Any) -> Any:
    """As `is_right`, for targets (n, ..., classes) that are 1 for the class and 0 else."""
    import tensorflow as tf

    return is_right(tf.argmax(targets, -1, output_type=tf.int32), outputs)


def is_on_the_right_side(scale: str) -> Measure:
    """Return the measure of labels 0 and 1: the share of an example's outputs on the right side of the threshold.

    That is 0 for a scale of "logits" and 0.5 for "probabilities".
    """
    threshold = 0.0 if scale == "logits" else 0.5

    def measure(labels: Any, outputs: Any) -> Any:
        import tensorflow as tf

        right = (outputs > threshold) == (tf.reshape(labels, tf.shape(outputs)) > 0)
        return mean_of_positions(tf.cast(right, tf.float32), outputs)

    return measure


def absolute_error(targets: Any, outputs: Any) -> Any:
    """Return |target - output|, its mean over all but the first axis: (n, ...) -> (n,)."""
    return mean_of_positions(abs(_alike(targets, outputs) - _float(outputs)), outputs)


def squared_error(targets: Any, outputs: Any) -> Any:
    """Return (target - output)², its mean over all but the first axis: (n, ...) -> (n,)."""
    return mean_of_positions((_alike(targets, outputs) - _float(outputs)) ** 2, outputs)


def mean_prediction(targets: Any, outputs: Any) -> Any:
    """Return the outputs themselves, their mean over all but the first axis: (n, ...) -> (n,)."""
    return mean_of_positions(_float(outputs), outputs)


def snake_case(word: str) -> str:
    """Return the full name of a loss or metric: `MSE`, `MeanSquaredError` -> `mean_squared_error`."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower()
    return SHORT.get(snake, snake)


def loss_by_name(word: str, from_logits: bool) -> Callable[[], Any]:
    """Return what makes Keras's loss of a name such as `huber`; cross-entropies are told whether of logits.

    Raises BadConfig.
    """
    import keras

    known = {
        snake_case(name): value
        for name, value in vars(keras.losses).items()
        if isinstance(value, type) and issubclass(value, keras.losses.Loss) and value is not keras.losses.Loss
    }
    name = snake_case(word)
    if name not in known:
        raise BadConfig(f"Unknown loss {word!r}.", nearest(word, [*known, *SHORT]))
    options = {"from_logits": from_logits} if "crossentropy" in name else {}
    return lambda: known[name](**options)


def loss_of_users(loss: Any) -> Any:
    """Return a user's function of targets and outputs, or loss, as a Keras loss: the mean over the batch.

    Targets (n,) of outputs (n, 1) get their shape first, as Model.fit does: broadcast, they would be (n, n).
    """
    import keras

    is_whole_loss = isinstance(loss, keras.losses.Loss)

    class Mean(keras.losses.Loss):  # type: ignore[misc]  # Keras carries no types
        """A user's own."""

        def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
                y_true = keras.ops.expand_dims(y_true, -1)
            if is_whole_loss:
                return loss(y_true, y_pred, sample_weight)
            return super().__call__(y_true, y_pred, sample_weight)

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss(y_true, y_pred)

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name, **(loss.get_config() if hasattr(loss, "get_config") else {})}

    name = str(getattr(loss, "__name__", None) or getattr(loss, "name", ""))
    return Mean(name=re.sub(r"\W+", "", name) or "loss")  # a name scope of TensorFlow's cannot be "<lambda>"


def measure_by_name(word: str, accuracy: Measure | None) -> tuple[str, Measure]:
    """Return the full name of a figure and what measures it; `accuracy` is None where there are no classes.

    Raises BadConfig.
    """
    name = snake_case(word)
    known: dict[str, Measure] = {"mean_absolute_error": absolute_error, "mean_squared_error": squared_error}
    if accuracy:
        known["accuracy"] = accuracy
    if name not in known:
        what = (
            "requires classes; these targets are numbers" if name == "accuracy" else "is not measured by lrbench"
        )
        raise BadConfig(f"metric={word} {what}.", nearest(word, [*known, "mae", "mse"]))
    return name, known[name]


def _float(values: Any) -> Any:
    import tensorflow as tf

    return tf.cast(values, tf.float32)


def _alike(targets: Any, outputs: Any) -> Any:
    """Give targets (n,) the shape of outputs (n, 1)."""
    import tensorflow as tf

    return tf.reshape(_float(targets), tf.shape(outputs))


def mean_of_positions(values: Any, outputs: Any) -> Any:
    """Return the mean over all but the first axis, (n, ...) -> (n,), without what Keras masks in the outputs."""
    import tensorflow as tf

    mask = getattr(outputs, "_keras_mask", None)
    if mask is None or len(mask.shape) > len(values.shape):
        return (
            values if len(values.shape) == 1 else tf.reduce_mean(tf.reshape(values, [tf.shape(values)[0], -1]), -1)
        )
    values = tf.reduce_mean(tf.reshape(values, [*tf.unstack(tf.shape(mask)), -1]), -1)
    counts = tf.cast(mask, tf.float32)
    axes = list(range(1, len(mask.shape)))
    return tf.math.divide_no_nan(tf.reduce_sum(values * counts, axes), tf.reduce_sum(counts, axes))
