"""Keras's optimizers, built from lrbench's, and the one that Keras may have wrong, checked by what it does."""

from collections.abc import Sequence
from typing import Any

from lrbench.backend.imports import bring_in
from lrbench.errors import BadSpec
from lrbench.optimizers import TABLE, Optimizer

STEPS = 3  # updates of the check; the first one does not depend on beta_1
RATE = 0.1


def build_optimizer(optimizer: Optimizer) -> Any:
    """Return Keras's optimizer. Raises BadSpec where Keras lacks it, has it wrong or refuses a value."""
    check_optimizer(optimizer)
    try:
        return _class_of(optimizer)(**optimizer.parameters)
    except (TypeError, ValueError) as error:
        raise BadSpec(f"Keras refuses {optimizer}: {error}", "Change the parameter.") from error


def check_optimizer(optimizer: Optimizer) -> None:
    """Raise BadSpec if this version of Keras does something else than the optimizer's name says.

    Keras is imported only for an optimizer that some version has wrong.
    """
    if optimizer.name != "schedulefreeadamw":
        return
    keras = bring_in("keras")
    found, right = _schedule_free(_class_of(optimizer)), schedule_free(0.5, STEPS)
    if abs(found - right) > 1e-4:
        raise BadSpec(
            f"ScheduleFreeAdamW of Keras {keras.__version__} is not Schedule-Free: {STEPS} updates on y²/2 lead "
            f"from 1 to {found:.4f}, those of its paper to {right:.4f}; beta_1 has no effect.",
            "Choose another optimizer, for example adamw(use_ema=true), which averages the weights too.",
        )


def schedule_free(beta_1: float, steps: int, beta_2: float = 0.999, epsilon: float = 1e-8) -> float:
    """Return y after so many updates of Schedule-Free AdamW on y²/2, from 1 at RATE.

    z' = z - rate * g / (sqrt(v / (1 - beta_2^t)) + epsilon)
    x' = (1 - 1/t) x + z' / t
    y' = (1 - beta_1) z' + beta_1 x'
    Defazio et al. 2024, https://arxiv.org/abs/2405.15682
    """
    x = y = z = 1.0
    v = 0.0
    for t in range(1, steps + 1):
        v = beta_2 * v + (1 - beta_2) * y**2
        z -= RATE * y / ((v / (1 - beta_2**t)) ** 0.5 + epsilon)
        x += (z - x) / t
        y = (1 - beta_1) * z + beta_1 * x
    return y


def copies_of_weights(optimizer: Any, weights: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return the variables of a built optimizer that Keras begins as copies of weights, each with its weight."""
    import keras

    own = getattr(optimizer, "inner_optimizer", optimizer)
    kind = getattr(keras.optimizers, "ScheduleFreeAdamW", ())
    return list(zip(own._momentums, weights, strict=True)) if isinstance(own, kind) else []


def _class_of(optimizer: Optimizer) -> Any:
    import keras

    name = TABLE[optimizer.name][0]
    found = getattr(keras.optimizers, name, None)
    if found is None:
        raise BadSpec(
            f"Keras {keras.__version__} has no {name}.", "Install a later one: python -m pip install -U keras"
        )
    return found


def _schedule_free(kind: Any) -> float:
    """Return y after STEPS updates of a class of Keras's at beta_1 = 0.5, as a graph: so it would train."""
    import keras
    import tensorflow as tf

    from lrbench.backend.process import Settled, use_one_thread_per_replica

    use_one_thread_per_replica()  # TensorFlow takes no other number once it is at work
    settled = Settled()
    try:
        y = keras.Variable(1.0, dtype="float32")
        optimizer = kind(learning_rate=RATE, beta_1=0.5)
        optimizer.build([y])
        step = tf.function(lambda: optimizer.apply([tf.identity(y.value)], [y]), autograph=False)
        for _ in range(STEPS):
            step()
        return float(y.numpy())
    finally:
        settled.undo()
