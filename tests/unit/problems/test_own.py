"""A problem of the user's: what it is told from, what it is known by, and what is wrong with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadConfig
from lrbench.problems import Beside, Problem, problem_of
from lrbench.problems.own import find_own

pytestmark = pytest.mark.tensorflow

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3
NUMBERS = X @ np.float32([1, -2, 3, 0.5])

TEXT = '''
import keras

def make({parameters}):
    """{comment}"""
    return keras.Sequential([
        keras.Input((4,)),
        keras.layers.Dense({units}, activation="relu", name={name}),
        keras.layers.Dropout({rate}),
        keras.layers.Dense(3),
    ])
'''


def written(
    tmp_path: Path,
    name: str = "my.py",
    parameters: str = "",
    units: str = "8",
    rate: str = "0.5",
    comment: str = "x",
) -> str:
    layer = '"mine"' if comment == "named" else "None"
    text = TEXT.format(parameters=parameters, units=units, rate=rate, comment=comment, name=layer)
    (tmp_path / name).write_text(text)
    return f"{tmp_path / name}:make"


def problem(spec: str, **beside: Any) -> Problem:
    return find_own(spec, Beside(**{"data": (X, CLASSES), **beside}))


def sequential(*layers: Any) -> Callable[[], Any]:
    import keras

    return lambda: keras.Sequential([keras.Input((4,)), *(layer() for layer in layers)])


def dense(units: int, activation: str | None = None) -> Callable[[], Any]:
    import keras

    return lambda: keras.layers.Dense(units, activation=activation)


def known_by(one: Problem) -> Any:
    return one.identity


def test_what_it_does_is_its_identity_and_not_how_it_is_written(tmp_path: Path) -> None:
    first = problem(written(tmp_path))
    assert known_by(problem(written(tmp_path, comment="another comment"))) == known_by(first)
    assert known_by(problem(written(tmp_path, "yours.py", comment="named"))) == known_by(first)
    assert known_by(problem(written(tmp_path, parameters="units=8", units="units"))) == known_by(first)
    others = [
        problem(written(tmp_path, units="9")),
        problem(written(tmp_path, rate="0.4")),
        problem(written(tmp_path), loss="categorical_hinge", data=(X, np.eye(3)[CLASSES])),
        problem(written(tmp_path), metric="mse", data=(X, np.eye(3)[CLASSES])),
    ]
    identities = [known_by(each) for each in (first, *others)]
    assert all(identities.count(identity) == 1 for identity in identities)


def test_other_initial_weights_and_another_loss_of_the_same_layers_are_another_problem() -> None:
    import keras

    def model(kernel: str) -> Any:
        layer = keras.layers.Dense(3, kernel_initializer=keras.initializers.get(kernel))
        return keras.Sequential([keras.Input((4,)), layer])

    class Plain(keras.Model):  # type: ignore[misc]
        """It has no configuration that Keras knows of."""

        def __init__(self, scale: float) -> None:
            super().__init__()
            self.scale, self.layer = scale, keras.layers.Dense(3)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.layer(x) * (self.scale if training else 1.0)

    def of(make: Callable[[], Any], **beside: Any) -> Any:
        return known_by(problem_of(make, Beside(data=(X, CLASSES), **beside), "model"))

    found = [
        of(lambda: model("he_normal")),
        of(lambda: model("glorot_normal")),
        of(lambda: Plain(1.0)),
        of(lambda: Plain(2.0)),
        of(lambda: Plain(1.0), loss=lambda y, outputs: keras.ops.mean(outputs**2, -1)),
    ]
    assert all(found.count(each) == 1 for each in found)
    assert of(lambda: Plain(2.0)) == found[3]


@pytest.mark.parametrize("annotation", ["int", "'int'", "int | None", "object"])
def test_its_parameters_are_read_by_their_annotations(tmp_path: Path, annotation: str) -> None:
    spec = written(
        tmp_path, parameters=f"units: {annotation} = 8, rate: float = 0.5", units="int(units)", rate="rate"
    )
    made = problem(f"{spec}(units=5, rate=0.25)")
    model = made.model()
    assert model.layers[0].units == 5
    assert model.layers[1].rate == 0.25
    assert made.subject.spec == "my.py:make(units=5, rate=0.25)"


@pytest.mark.parametrize(
    ("last", "y", "loss", "figure", "words"),
    [
        ((3, None), CLASSES, "sparse_categorical_crossentropy", "accuracy", "whole numbers 0 to 2"),
        ((3, "softmax"), CLASSES, "sparse_categorical_crossentropy", "accuracy", "of probabilities"),
        ((1, None), CLASSES % 2, "binary_crossentropy", "accuracy", "labels are 0 and 1; the loss is binary"),
        ((1, "sigmoid"), CLASSES % 2, "binary_crossentropy", "accuracy", "of probabilities"),
        ((3, None), np.eye(3)[CLASSES], "categorical_crossentropy", "accuracy", "one-hot of 3 classes"),
        ((1, None), NUMBERS, "mean_squared_error", "mean_absolute_error", "targets are numbers"),
        (
            (1, None),
            CLASSES,
            "mean_squared_error",
            "mean_absolute_error",
            "targets are numbers, all of them whole",
        ),
        ((2, None), X[:, :2], "mean_squared_error", "mean_absolute_error", "regression"),
        ((2, None), (X[:, :2] > 0).astype(int), "binary_crossentropy", "accuracy", "a target is 2 labels 0 or 1"),
        ((2, "sigmoid"), (X[:, :2] > 0).astype(float), "binary_crossentropy", "accuracy", "of probabilities"),
        ((3, "sigmoid"), np.eye(3)[CLASSES], "binary_crossentropy", "accuracy", "a target is 3 labels 0 or 1"),
        (
            (2, None),
            (X[:, :2] > 0).astype(float),
            "mean_squared_error",
            "mean_absolute_error",
            "(0 and 1 as floats; whole numbers would be classes)",
        ),
    ],
)
def test_classes_and_numbers_are_told_from_targets_and_outputs(
    last: tuple[int, str | None], y: Any, loss: str, figure: str, words: str
) -> None:
    made = problem_of(sequential(dense(*last)), Beside(data=(X, y)), "model")
    assert made.loss().name == loss
    assert [each.name for each in made.subject.figures] == ["loss", figure]
    assert words in made.notes[0]
    rows = made.load().train
    assert np.asarray(made.measures[0](rows.y, made.model()(rows.x))).shape == (len(rows),)


@pytest.mark.parametrize(("last", "y"), [((3, None), CLASSES), ((3, "softmax"), CLASSES)])
def test_the_loss_knows_logits_from_probabilities(last: tuple[int, str | None], y: Any) -> None:
    made = problem_of(sequential(dense(*last)), Beside(data=(X, y)), "model")
    import keras

    outputs = made.model()(X)
    logits = outputs if last[1] is None else keras.ops.log(outputs)
    by_hand = -np.asarray(keras.ops.log_softmax(logits))[np.arange(60), y].mean()
    assert float(made.loss()(y, outputs)) == pytest.approx(by_hand, rel=1e-5)


def test_accuracy_is_right_for_each_kind_of_target() -> None:
    import keras

    probabilities = np.float32([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])

    def right(y: Any, outputs: Any, last: tuple[int, str | None]) -> list[float]:
        made = problem_of(sequential(dense(*last)), Beside(data=(X, y)), "model")
        targets = np.asarray(y)[:2].astype(np.float32 if np.asarray(y).ndim > 1 else np.int32)
        return np.asarray(made.measures[0](targets, keras.ops.convert_to_tensor(outputs))).tolist()

    assert right(CLASSES, probabilities, (3, "softmax")) == [0, 0]  # labels 0, 1
    assert right(np.eye(3)[CLASSES[::-1]], probabilities, (3, "softmax")) == [0, 0]  # labels 2, 1
    assert right(np.roll(CLASSES, -1), probabilities, (3, "softmax")) == [1, 0]  # labels 1, 2
    assert right(CLASSES % 2, np.float32([[0.4], [0.6]]), (1, "sigmoid")) == [1, 1]
    assert right(CLASSES % 2, np.float32([[0.4], [0.6]]), (1, None)) == [0, 1], "a logit of 0.4 says 1"


def test_what_a_model_compiles_with_is_taken_and_said() -> None:
    import keras

    def make() -> Any:
        model = sequential(dense(3, "softmax"))()
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    made = problem_of(make, Beside(data=(X, CLASSES)), "model")
    assert "which model compiles with" in made.notes[0]
    assert any("compiles with Adam, which is not used" in note for note in made.notes)
    assert made.loss().name == "sparse_categorical_crossentropy"
    huber = problem_of(
        sequential(dense(1)), Beside(data=(X, NUMBERS), loss=keras.losses.Huber(), metric="mse"), "m"
    )
    assert "huber" in huber.notes[0]
    assert huber.subject.figures[1].name == "mean_squared_error"


def test_seeds_that_do_not_reach_the_weights_are_said() -> None:
    import keras

    def make() -> Any:
        keras.utils.set_random_seed(3)
        return sequential(dense(3))()

    assert any(
        "same weights for every seed" in note for note in problem_of(make, Beside(data=(X, CLASSES)), "m").notes
    )


def test_a_module_s_own_policy_holds_for_every_model_of_it_and_for_nobody_else(tmp_path: Path) -> None:
    import keras

    (tmp_path / "half.py").write_text(
        "import keras\nkeras.config.set_dtype_policy('mixed_bfloat16')\n"
        "def make():\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n"
    )
    made = problem(f"{tmp_path / 'half.py'}:make")
    assert keras.config.dtype_policy().name == "float32"
    assert made.model().layers[0].dtype_policy.name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"


MODULE = """
import keras
import numpy as np

SHARED = None

def nothing(): pass
def a_number(): return 3
def needs(width): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(width)])
def divides(): return 1 / 0
def leaves(): raise SystemExit(3)
def negative(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(-3)])
def two_outputs():
    x = keras.Input((4,))
    return keras.Model(x, [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)])
def two_inputs():
    x, z = keras.Input((4,)), keras.Input((4,))
    return keras.Model([x, z], keras.layers.Dense(3)(keras.layers.Add()([x, z])))
def other_shape(): return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
def two_classes(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
def pairs(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), keras.layers.Reshape((3, 2))])
def shared():
    global SHARED
    SHARED = SHARED or keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    return SHARED
def unbuilt(): return keras.Sequential([keras.layers.Reshape((5,)), keras.layers.Dense(3)])
def summed():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"))
    return model

class Broken(keras.Model):
    def call(self, x):
        return self.nowhere(x)

def broken(): return Broken()
NUMBER = 3
"""


@pytest.mark.parametrize(
    ("function", "problem_said"),
    [
        ("missing", "has no function 'missing'"),
        ("NUMBER", "has no function 'NUMBER'"),
        ("nothing", "returned nothing; it must return a keras.Model"),
        ("a_number", "returned a int; it must"),
        ("needs", "needs width"),
        ("needs(width=x)", "width=x"),
        ("nothing(depth=3)", "Unknown parameter of .*depth"),
        ("divides", "ZeroDivisionError: division by zero in .*wrong.py, line 10: def divides"),
        ("leaves", "SystemExit: 3"),
        ("negative", r"fails: ValueError.*wrong\.py, line 12"),
        ("two_outputs", "has 2 outputs"),
        ("two_inputs", "has 2 inputs"),
        ("other_shape", r"takes examples of shape \(5,\); those of data are \(4,\)"),
        ("two_classes", "labels y_train of data go from 0 to 2; .* 0 to 1 apart"),
        ("pairs", r"outputs shape \(3, 2\) per example, but the targets of data have shape \(\)"),
        ("shared", "the same model twice"),
        ("unbuilt", "cannot be built"),
        ("summed", "has the reduction 'sum'"),
        (
            "broken",
            r"object has no attribute 'nowhere' in .*wrong\.py, line 34: return self\.nowhere",
        ),
    ],
)
def test_what_is_wrong_with_a_function_is_said_with_its_own_line(
    function: str, problem_said: str, tmp_path: Path
) -> None:
    (tmp_path / "wrong.py").write_text(MODULE)
    with pytest.raises(BadConfig, match=problem_said):
        problem(f"{tmp_path / 'wrong.py'}:{function}")


@pytest.mark.parametrize(
    ("beside", "problem_said"),
    [
        ({"data": None}, "nothing to train it on"),
        ({"loss": "hubber", "data": (X, X[:, :3])}, "Unknown loss .hubber."),
        ({"metric": "acuracy"}, "metric=acuracy is not measured"),
        ({"metric": "accuracy", "data": (X, X[:, :3])}, "metric=accuracy requires classes"),
        ({"data": (X, CLASSES - 1)}, "go from -1 to 1"),
        ({"data": (X, CLASSES, X, CLASSES + 5)}, "y_test of data go from 5 to 7"),
        ({"data": "mnist"}, r"shape \(4,\); those of mnist are \(28, 28\)"),
        ({"data": "nowhere.npz"}, r"nowhere\.npz cannot be read"),
    ],
)
def test_what_is_wrong_beside_a_function_is_said(
    beside: dict[str, Any], problem_said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadConfig, match=problem_said):
        problem(written(tmp_path), **beside)


CUSTOM = """
import keras

class Scale(keras.layers.Layer):
    def __init__(self, by=1.0, **more):
        super().__init__(**more)
        self.by = by
    def call(self, x):
        return x * self.by

class Net(keras.Model):
    def __init__(self, momentum=0.99, frozen=False, l2=None, maximum=None):
        super().__init__()
        penalty = keras.regularizers.L2(l2) if l2 else None
        limit = keras.constraints.MaxNorm(maximum) if maximum else None
        self.one = keras.layers.Dense(8, kernel_regularizer=penalty, kernel_constraint=limit)
        self.one.trainable = not frozen
        self.two = keras.layers.BatchNormalization(momentum=momentum)
        self.three = keras.layers.Dense(3)
    def call(self, x, training=False):
        return self.three(self.two(self.one(x), training=training))

def scaled(by: float = 1.0):
    # a comment
    double = keras.layers.Lambda(lambda x: 2 * x)
    return keras.Sequential([keras.Input((4,)), Scale(by), double, keras.layers.Dense(3)])

def net(momentum: float = 0.99, frozen: bool = False, l2: float | None = None, maximum: float | None = None):
    return Net(momentum, frozen, l2, maximum)
"""


def test_what_a_class_of_the_user_s_does_is_its_identity_too(tmp_path: Path) -> None:
    (tmp_path / "custom.py").write_text(CUSTOM)
    (tmp_path / "other.py").write_text("# written\n# otherwise\n" + CUSTOM.replace("# a comment", "# another\n"))

    def of(words: str, file: str = "custom.py") -> str:
        return str(known_by(problem(f"{tmp_path / file}:{words}")))

    assert of("scaled") == of("scaled", "other.py"), "neither a line nor a file's name is what it does"
    assert of("net") == of("net", "other.py")
    words = [
        "scaled",
        "scaled(by=1.001)",
        "net",
        "net(momentum=0.5)",
        "net(frozen=true)",
        "net(l2=0.00001)",
        "net(maximum=2)",
    ]
    assert len({of(each) for each in words}) == len(words)


STRANGE = """
import keras
import tensorflow as tf

class Noisy(keras.layers.Layer):
    def call(self, x, training=False):
        return x + keras.random.normal((4,)) if training else x

class Counting(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)
    def call(self, x):
        return x + self.count.assign_add(1.0)

class Steps(keras.Model):
    def __init__(self):
        super().__init__()
        self.one = keras.layers.Dense(3)
    def call(self, x):
        return self.one(x)
    def train_step(self, data):
        raise AssertionError

class Frozen(keras.Sequential):
    pass

def noisy(): return keras.Sequential([keras.Input((4,)), Noisy(), keras.layers.Dense(3)])
def counting(): return keras.Sequential([keras.Input((4,)), Counting(), keras.layers.Dense(3)])
def steps(): return Steps()
def frozen(): return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, trainable=False)])
"""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("noisy", "keeps state that its model does not list"),
        ("counting", "keeps state that its model does not list"),
        ("steps", "has a train_step of its own"),
        ("frozen", "has nothing to train"),
    ],
)
def test_what_could_not_be_reset_or_would_not_be_run_is_refused(function: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "strange.py").write_text(STRANGE)
    with pytest.raises(BadConfig, match=said):
        problem(f"{tmp_path / 'strange.py'}:{function}")


@pytest.mark.parametrize("how", ["function", "loss", "compiled"])
def test_a_loss_of_the_user_s_on_one_number_is_what_model_fit_makes_of_it(how: str) -> None:
    """Targets (n,) and outputs (n, 1) would otherwise be broadcast to (n, n), and the mean be learned."""
    import keras

    from lrbench.config import load_config
    from lrbench.engine import open_engine
    from lrbench.engine.events import Ended
    from lrbench.engine.train import train
    from lrbench.plan import make_plan
    from lrbench.runs import Task

    def squared(y: Any, outputs: Any) -> Any:
        return keras.ops.mean((y - outputs) ** 2, -1)

    class Squared(keras.losses.Loss):  # type: ignore[misc]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return keras.ops.mean((y_true - y_pred) ** 2, -1)

    def make() -> Any:
        model = sequential(dense(1))()
        if how == "compiled":
            model.compile(loss=squared)
        return model

    loss = {"function": squared, "loss": Squared(), "compiled": None}[how]
    made = problem_of(make, Beside(data=(X, NUMBERS), loss=loss), "model")
    wishes = {"schedulers": "constant", "epochs": 20, "batch_size": 8, "lr": 0.1, "val_size": 0}
    plan = make_plan(load_config(None, wishes, {}), made)
    engine = open_engine(plan.setting, plan.problem)
    (*_, ended) = train(engine.replica(), Task(plan.runs[0]))
    engine.close()
    assert isinstance(ended, Ended)
    assert ended.result.test is not None
    plain = sequential(dense(1))()
    plain.compile(optimizer=keras.optimizers.SGD(0.1), loss=squared)
    rows = made.load()
    plain.fit(rows.train.x, rows.train.y, batch_size=8, epochs=20, verbose=0)
    assert float(plain.evaluate(rows.test.x, rows.test.y, verbose=0)) < 1e-3
    assert ended.result.test[0] < 1e-3


def test_an_operation_at_the_end_tells_the_scale_as_a_layer_does() -> None:
    import keras

    def made(as_operation: bool) -> Problem:
        def make() -> Any:
            x = keras.Input((4,))
            last = keras.layers.Dense(
                1, activation=None if as_operation else "sigmoid", kernel_initializer="ones"
            )(x)
            return keras.Model(x, keras.ops.sigmoid(last) if as_operation else last)

        return problem_of(make, Beside(data=(X, CLASSES % 2)), "model")

    one, two = made(True), made(False)
    assert "of probabilities" in one.notes[0]
    rows = one.load().train
    right = [float(np.mean(each.measures[0](rows.y, each.model()(rows.x)))) for each in (one, two)]
    assert right[0] == right[1]


def test_the_caller_s_own_mixed_precision_is_kept() -> None:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        made = problem_of(sequential(dense(3)), Beside(data=(X, CLASSES)), "model")
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy(before)
    assert made.model().layers[0].dtype_policy.name == "mixed_bfloat16"


def test_the_caller_s_random_numbers_are_not_touched() -> None:
    import random

    from lrbench.engine.network import initial_weights

    random.seed(4)
    np.random.seed(4)
    expected = random.random(), np.random.rand()
    random.seed(4)
    np.random.seed(4)
    one, two = (initial_weights(sequential(dense(3)), seed) for seed in (0, 0))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert (random.random(), np.random.rand()) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "read"),
    [
        ("int", "-1", -1),
        ("list[int]", "8;-8", [8, -8]),
        ("tuple[float, ...]", "0.5;2", (0.5, 2.0)),
        ("'float | None'", "none", None),
        ("str", "relu", "relu"),
        ("bool", "true", True),
    ],
)
def test_every_usual_annotation_is_read(annotation: str, value: str, read: Any) -> None:
    import inspect

    from lrbench.calls import Piece
    from lrbench.problems.base import read_parameters

    names: dict[str, Any] = {}
    exec(f"def make(size: {annotation.strip(chr(39))} = 1): ...", names)
    parameters = inspect.signature(names["make"]).parameters
    text = f"make(size={value})"
    assert read_parameters("make", ((Piece("size", 5, text), Piece(value, 10, text)),), parameters) == {
        "size": read
    }


@pytest.mark.parametrize(
    ("shape", "stateful", "said"),
    [
        ({"batch_shape": (10, 4, 1)}, True, "has a stateful layer, 'memory'"),
        ({"batch_shape": (10, 4, 1)}, False, "has an Input with the fixed batch size 10"),
        ({"shape": (4, 1)}, False, ""),
    ],
)
def test_what_goes_on_from_batch_to_batch_is_refused_by_name(
    shape: dict[str, Any], stateful: bool, said: str
) -> None:
    import keras

    def make() -> Any:
        layers = [keras.layers.LSTM(2, stateful=stateful, name="memory"), keras.layers.Dense(3)]
        return keras.Sequential([keras.Input(**shape), *layers])

    beside = Beside(data=(X[:, :, None], CLASSES))
    if said:
        with pytest.raises(BadConfig, match=said):
            problem_of(make, beside, "model")
    else:
        assert problem_of(make, beside, "model").subject.examples == 50
