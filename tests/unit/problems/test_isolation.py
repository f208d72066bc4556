"""Two runs share nothing: whatever a user's function keeps between its calls is refused, with the line to move."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lrbench
from lrbench.errors import BadConfig
from lrbench.problems import Beside, Problem, problem_of
from lrbench.problems.own import find_own

pytestmark = pytest.mark.tensorflow

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (60, 4)).astype(np.float32)
CLASSES = np.arange(60) % 3

MODULE = """
import itertools
import random

import keras
import numpy as np
import tensorflow as tf
from keras import layers

base = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
hidden = layers.Dense(8)
drop = layers.Dropout(0.5)
norm = layers.BatchNormalization()
blocks = {"first": layers.Dense(8)}
seeds = keras.random.SeedGenerator(1)
drawn = keras.initializers.GlorotUniform(seed=seeds)
generator = np.random.default_rng(0)
python = random.Random(0)
count = tf.Variable(1.0)
calls = itertools.count()
frozen = layers.Dense(8, trainable=False)
adapted = layers.Normalization()
adapted.adapt(np.float32([[0, 1, 2, 3], [1, 1, 1, 1]]))
flat = layers.Flatten()

def over(*parts):
    return keras.Sequential([keras.Input((4,)), *parts, layers.Dense(3)])

def with_base(): return over(base)
def with_layer(): return over(hidden)
def with_dropout(): return over(layers.Dense(8), drop)
def with_norm(): return over(norm)
def with_block(): return over(blocks["first"])
def with_seeds(): return over(layers.Dense(8, kernel_initializer=drawn))
def with_generator():
    model = over()
    model.layers[0].kernel.assign(generator.normal(size=(4, 3)))
    return model
def with_python(): return over(layers.Rescaling(python.random()))
def with_variable():
    count.assign_add(1.0)
    return over(layers.Rescaling(float(count)))
def with_width(): return over(layers.Dense(8 + next(calls)))
def with_width_of_the_seed(): return over(layers.Dense(random.randint(4, 400)))
def with_rate_of_the_seed(): return over(layers.Dropout(np.random.uniform(0.1, 0.9)))
def with_clock():
    import time
    return over(layers.Rescaling(time.perf_counter()))
class Drawing(layers.Layer):
    def call(self, x): return x + np.random.normal(size=4).astype("float32")
def with_numpy_in_a_layer(): return over(Drawing())

def with_frozen(): return over(frozen)
def with_adapted(): return over(adapted)
def with_flat(): return over(flat)
def with_seeded_dropout(): return over(layers.Dropout(0.5, seed=random.randint(0, 9)))
def with_numpy_weights():
    model = over()
    model.layers[0].kernel.assign(np.random.normal(size=(4, 3)))
    return model
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Problem]:
    path = tmp_path_factory.mktemp("own") / "own.py"
    path.write_text(MODULE)
    return lambda function, **beside: find_own(f"{path}:{function}", Beside(data=(X, CLASSES), **beside))


@pytest.mark.parametrize(
    ("function", "said", "line"),
    [
        ("with_base", "share the layer 'sequential", "own.py, line 10: base = "),
        ("with_layer", "share the layer 'dense", "own.py, line 11: hidden = "),
        ("with_dropout", "share the layer 'dropout", "own.py, line 12: drop = "),
        ("with_norm", "share the layer 'batch_normalization", "own.py, line 13: norm = "),
        ("with_block", "share the layer 'dense", "Move what makes it into"),
        ("with_seeds", "other initial weights", "Create it inside own.py:with_seeds"),
        ("with_generator", "other initial weights", "random generators"),
        ("with_python", "another model when it is called again with the same seed", "random generators"),
        ("with_variable", "another model when it is called again with the same seed", "variables and counters"),
        ("with_width", "another model when it is called again", "variables and counters"),
        ("with_width_of_the_seed", "other layers for another seed", "nothing but initial weights"),
        ("with_rate_of_the_seed", "other layers for another seed", "nothing but initial weights"),
        ("with_clock", "another model when it is called again", "made outside"),
        ("with_numpy_in_a_layer", "train differently", "numpy's and Python's random numbers are drawn only once"),
    ],
)
def test_what_outlives_a_call_is_refused(function: str, said: str, line: str, own: Callable[..., Problem]) -> None:
    with pytest.raises(BadConfig) as refused:
        own(function)
    assert said in refused.value.problem
    assert line in f"{refused.value.problem}\n{refused.value.hint}"


@pytest.mark.parametrize(
    "function", ["with_frozen", "with_adapted", "with_flat", "with_seeded_dropout", "with_numpy_weights"]
)
def test_what_no_training_changes_or_a_seed_decides_is_allowed(function: str, own: Callable[..., Problem]) -> None:
    assert own(function).identity == own(function).identity


def test_a_loss_or_metric_with_state_is_refused() -> None:
    import keras
    import tensorflow as tf

    mean = tf.Variable(0.0, name="running_mean")

    def make(loss: Any = None, metrics: Any = None) -> Any:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(loss=loss or "mse", metrics=metrics)
        return model

    def counting(y: Any, outputs: Any) -> Any:
        mean.assign_add(1.0)
        return keras.ops.mean((y - outputs) ** 2, -1) * mean

    def scaled(y: Any, outputs: Any) -> Any:
        return keras.ops.mean((y - outputs) ** 2, -1) * mean

    data = Beside(data=(X, X[:, 0]))
    with pytest.raises(BadConfig, match="does not list"):
        problem_of(lambda: make(loss=counting), data, "model")
    with pytest.raises(BadConfig, match="does not list"):
        problem_of(make, Beside(data=(X, X[:, 0]), loss=counting), "model")
    with pytest.raises(BadConfig, match="does not list"):
        problem_of(lambda: make(metrics=[scaled]), data, "model")


def test_a_shared_frozen_base_gives_every_schedule_the_same_start(tmp_path: Path) -> None:
    """Runs of one schedule are the same bits whichever other schedules were trained before them."""
    import keras

    with_optimizer = keras.optimizers.Adam()  # never used, so it may be shared
    keras.utils.set_random_seed(0)
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu")])
    base.trainable = False

    def make() -> Any:
        model = keras.Sequential([base, keras.layers.Dense(3)])
        model.compile(optimizer=with_optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    def trained(schedulers: str, out: Path) -> dict[str, Any]:
        results = lrbench.compare(
            model=make, data=(X, CLASSES), schedulers=schedulers, epochs=2, out=out, jobs=1, val_size=0
        )
        (experiment,) = results.experiments
        return {run.schedule.words: run.result.state_sha256 for run in experiment.finished}

    assert trained("constant,cosine", tmp_path / "one") == trained("cosine,constant", tmp_path / "two")


def test_what_is_drawn_while_a_module_is_imported_is_the_same_in_every_process(tmp_path: Path) -> None:
    import random

    (tmp_path / "drawn.py").write_text(
        "import random\nimport keras\nimport numpy as np\n"
        "base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])\nbase.trainable = False\n"
        "scale = np.random.uniform()\n"
        "def make(): return keras.Sequential([base, keras.layers.Rescaling(scale), keras.layers.Dense(3)])\n"
    )
    found = []
    for state in (1, 2):
        random.seed(state)
        np.random.seed(state)
        expected = random.random(), np.random.rand()
        random.seed(state)
        np.random.seed(state)
        found.append(find_own(f"{tmp_path / 'drawn.py'}:make", Beside(data=(X, CLASSES))).identity)
        assert (random.random(), np.random.rand()) == expected, "the caller's random numbers go on"
    assert found[0] == found[1]
