"""A problem of the user's own, as a value."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lrbench.errors import BadConfig

if TYPE_CHECKING:
    from lrbench.problems import Problem


def problem(
    model: "Callable[[], Any]",
    data: Any = None,
    *,
    loss: Any = None,
    metric: str | None = None,
    memory_share: float = 0.5,
    name: str | None = None,
) -> "Problem":
    """Return a model with its data as a problem, for `lrbench.compare(problem=...)`, or for a file of one's own.

    `model` is a function that returns a new keras.Model in each call, compiled or not. A function that returns what
    this one returns can be named on the command line, too: `lrbench run --problem my.py:make`.
    `data` is (x, y), (x, y, x_test, y_test) or (x, y, x_val, y_val, x_test, y_test), also as pairs, which
    `keras.datasets` has; a mapping with the keys x_train, y_train, ...; the path of an .npz file with them; or the
    name of a built-in problem, whose data are taken. x: (n, ...) numbers; y: whole numbers (n,) for classes, else floats (n,) or (n, k).
    `loss` (a name of Keras's, a keras.losses.Loss or a function of targets and outputs) and `metric` ("accuracy",
    "mae", "mse") are for what model and data do not tell. `memory_share` is how much of this machine's memory the
    data may need, 0..1. `name` is what it is called in titles; the function's own, if it is not given.

    Everything is checked here. Raises BadConfig, and EngineUnavailable without TensorFlow.

    >>> import keras, numpy
    >>> x = numpy.random.default_rng(0).normal(size=(200, 4))
    >>> signs = (x[:, 0] > 0).astype(int)
    >>> def make(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> problem = lrbench.problem(make, (x, signs), name="signs")
    >>> problem.notes[0]
    'data: classification, labels are whole numbers 0 to 1; the loss is sparse categorical crossentropy of logits; accuracy is measured beside it.'
    >>> lrbench.compare(problem=problem, schedulers="constant,cosine", seeds=2, epochs=3, name="mine")
    <Results of mine: 2 schedules, 4 runs>
    """  # noqa: E501 # what is said in a line stands in a line
    from lrbench.problems import Beside, problem_of

    if not callable(model) or (hasattr(model, "trainable_variables") and not isinstance(model, type)):
        raise BadConfig(
            f"model={type(model).__name__} is no function that makes a model.",
            "Each run needs a new one: write model=make, where make() returns it.",
        )
    beside = Beside(data=data, loss=loss, metric=metric, memory_share=memory_share)
    return problem_of(model, beside, name or str(getattr(model, "__name__", type(model).__name__)))
