"""Operations with state of their own are refused by name before training; what changes nothing is allowed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadConfig
from lrbench.problems import Beside, Problem, problem_of

pytestmark = pytest.mark.tensorflow

X = np.random.default_rng(0).uniform(-1, 1, (60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3


def made(function: Callable[[Any], Any]) -> Problem:
    """The problem of a model that applies a function in a Lambda."""
    import keras

    def make() -> Any:
        layer = keras.layers.Lambda(function, output_shape=(4,))
        return keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(3)])

    return problem_of(make, Beside(data=(X, CLASSES)), "model")


def with_tf(text: str) -> Callable[[Any], Any]:
    import keras
    import tensorflow as tf

    names: dict[str, Any] = {"tf": tf, "np": np, "keras": keras}
    exec(
        "generator = tf.random.Generator.from_seed(1)\nvariable = tf.Variable(1.0, name='mine')\n"
        "seeds = keras.random.SeedGenerator(1)\n"
        "table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([0, 1], [1.0, 2.0]), 0.0)\n"
        "growing = tf.lookup.experimental.MutableHashTable(tf.int32, tf.float32, 0.0)\n"
        f"found = lambda x: {text}",
        names,
    )
    function: Callable[[Any], Any] = names["found"]
    return function


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("x + tf.random.normal(tf.shape(x))", "RandomStandardNormal"),
        ("x + tf.random.normal(tf.shape(x), seed=3)", "RandomStandardNormal"),
        ("x + tf.random.truncated_normal([4])", "TruncatedNormal"),
        ("x + tf.cast(tf.random.categorical(x, 4), tf.float32)", "Multinomial"),
        ("tf.nn.dropout(x, 0.5)", "RandomUniform"),
        ("tf.random.shuffle(x)", "RandomShuffle"),
        ("x + generator.normal([4])", "RngReadAndSkip"),
        ("tf.map_fn(lambda row: row + tf.random.uniform([4]), x)", "RandomUniform"),
        ("tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: x + tf.random.uniform([4]))", "RandomUniform"),
        ("tf.ensure_shape(tf.numpy_function(np.sin, [x], tf.float32), x.shape)", "tf.numpy_function"),
        (
            "tf.ensure_shape(tf.numpy_function(np.sin, [x], tf.float32, stateful=False), x.shape)",
            "PyFuncStateless",
        ),
        ("tf.ensure_shape(tf.py_function(lambda y: y, [x], tf.float32), x.shape)", "tf.py_function"),
        ("(tf.print('x'), x)[1]", "stateful operation PrintV2"),
        ("x + tf.cast(tf.timestamp(), tf.float32)", "stateful operation Timestamp"),
        ("(growing.insert([1], [2.0]), x)[1]", "stateful operation LookupTableInsertV2"),
        ("x * variable", "does not list (mine)"),
        ("x * variable.assign_add(1.0)", "does not list (mine)"),
        ("x + keras.random.normal(keras.ops.shape(x))", "does not list"),
        ("x + keras.random.normal(keras.ops.shape(x), seed=seeds)", "does not list"),
    ],
)
def test_state_that_no_reset_undoes_is_refused_by_name(text: str, operation: str) -> None:
    with pytest.raises(BadConfig) as refused:
        made(with_tf(text))
    assert operation in refused.value.problem


@pytest.mark.parametrize(
    "text",
    [
        "x + tf.random.stateless_normal(tf.shape(x), [1, 2])",
        "x + keras.random.normal([4], seed=3)",
        "x + table.lookup(tf.cast(x > 0, tf.int32))",
        "x + tf.ensure_shape(growing.lookup(tf.cast(x > 0, tf.int32)), x.shape)",
        "(tf.debugging.assert_less(x, 100.0), x)[1]",
        "tf.map_fn(lambda row: 2 * row, x)",
        "tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y / 2), (0, x))[1]",
    ],
)
def test_what_changes_nothing_is_allowed(text: str) -> None:
    assert made(with_tf(text)).subject.spec == "model"


def test_it_is_said_with_the_user_s_own_line() -> None:
    import tensorflow as tf

    def noisy(x: Any) -> Any:
        return x + tf.random.normal(tf.shape(x))

    with pytest.raises(BadConfig, match=r"test_graph\.py, line \d+: return x \+ tf\.random\.normal"):
        made(noisy)


DRAWING = [
    "layers.Dropout(0.5), layers.GaussianNoise(0.1), layers.GaussianDropout(0.1), layers.AlphaDropout(0.1)",
    "layers.BatchNormalization(), layers.SpectralNormalization(layers.Dense(4))",
    "layers.Reshape((2, 2)), layers.GRU(4, recurrent_dropout=0.1)",
    "layers.Reshape((2, 2)), layers.Bidirectional(layers.LSTM(2, dropout=0.1))",
    "layers.Reshape((2, 2, 1)), layers.RandomFlip(), layers.RandomRotation(0.1), layers.Flatten()",
    "layers.Reshape((2, 2, 1)), layers.RandomContrast(0.1), layers.RandomZoom(0.1), layers.Flatten()",
]


@pytest.mark.parametrize("text", DRAWING)
def test_layers_of_keras_that_draw_or_remember_are_allowed(text: str) -> None:
    import keras

    def make() -> Any:
        some = eval(f"[{text}]", {"layers": keras.layers})
        return keras.Sequential([keras.Input((4,)), *some, keras.layers.Dense(3)])

    assert problem_of(make, Beside(data=(X, CLASSES)), "model").subject.spec == "model"


def test_a_lookup_of_whole_numbers_trains(tmp_path: Any) -> None:
    import keras

    import lrbench

    def make() -> Any:
        return keras.Sequential(
            [
                keras.Input((3,), dtype="int32"),
                keras.layers.IntegerLookup(vocabulary=[5, 6, 7]),
                keras.layers.Embedding(4, 2),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )

    x = np.random.default_rng(0).integers(4, 8, (60, 3))
    results = lrbench.compare(
        model=make, data=(x, CLASSES), schedulers="constant", seeds=2, epochs=2, out=tmp_path, jobs=2
    )
    assert [run.result.status for run in results.experiments[0].finished] == ["done", "done"]
