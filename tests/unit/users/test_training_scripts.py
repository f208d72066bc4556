"""A user's file that trains when it is imported is stopped before it does, at its own line."""

import builtins
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrbench.errors import BadConfig, BadSpec
from lrbench.problems import Beside
from lrbench.problems.own import find_own
from lrbench.users import find, training_stopped

pytestmark = pytest.mark.tensorflow

X, Y = np.ones((60, 4), np.float32), np.arange(60) % 2
BUILT = """
import numpy as np
from tensorflow import keras

x, y = np.ones((60, 4), "float32"), np.arange(60) % 2
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

def make():
    return keras.models.clone_model(model)

def rate(step):
    return 0.1
"""
OWN = """
class Own(keras.Model):
    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)
model = Own(model.inputs, model.outputs)
model.compile("sgd", "mse")
"""
LOOP = """
import tensorflow as tf
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(model(x))
optimizer = keras.optimizers.SGD()
optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
"""
CAUGHT = """
try:
    model.fit(x, y)
except Exception:
    pass
"""
GUARDED = """
if __name__ == "__main__":
    model.fit(x, y)
"""


def written(folder: Path, more: str, name: str = "script.py") -> Path:
    (folder / name).write_text(f"{BUILT}{more}\n__import__('pathlib').Path({str(folder / 'trained')!r}).touch()\n")
    return folder / name


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("model.fit(x, y, epochs=1000)", "model.fit(x, y, epochs=1000)"),
        (CAUGHT, "model.fit(x, y)"),
        ("model.train_on_batch(x, y)", "model.train_on_batch(x, y)"),
        (f"{OWN}model.fit(x, y)", "return super().fit(*args, **kwargs)"),
        (LOOP, "optimizer.apply_gradients("),
    ],
    ids=["fit", "caught", "train_on_batch", "own fit", "loop"],
)
def test_it_is_stopped_at_the_call_and_told_what_to_write(more: str, line: str, tmp_path: Path) -> None:
    import keras

    script = written(tmp_path, more)
    before = builtins.__import__, keras.Model.fit, keras.Model.train_on_batch, keras.optimizers.Optimizer.apply
    with pytest.raises(BadConfig) as caught:
        find_own(f"{script}:model", Beside(data=(X, Y)))
    assert "script.py trains when it is imported, in " in caught.value.problem
    number = next(i for i, text in enumerate(script.read_text().splitlines(), 1) if line in text)
    assert f"line {number}: {line}" in caught.value.problem
    assert "`def make(): ...; return model`" in caught.value.hint
    assert not (tmp_path / "trained").exists()
    with pytest.raises(BadSpec, match="trains when it is imported"):
        find(f"{script}:rate", "step")
    after = builtins.__import__, keras.Model.fit, keras.Model.train_on_batch, keras.optimizers.Optimizer.apply
    assert after == before
    assert not {"fit", "train_on_batch"} & set(vars(keras.Model))


def test_the_line_is_that_of_the_file_that_trains(tmp_path: Path) -> None:
    written(tmp_path, "model.fit(x, y)", "trains_at_once.py")
    (tmp_path / "mine.py").write_text("import trains_at_once\n\ndef make():\n    return trains_at_once.model\n")
    with pytest.raises(BadConfig, match=r"mine\.py trains when .* in .*trains_at_once\.py, line \d+: model\.fit"):
        find_own(f"{tmp_path / 'mine.py'}:make", Beside(data=(X, Y)))


def test_a_file_that_only_builds_or_guards_its_training_is_imported(tmp_path: Path) -> None:
    for more in ("", GUARDED):
        assert find(f"{written(tmp_path, more)}:rate", "step")(0) == 0.1
        assert find_own(f"{tmp_path / 'script.py'}:make", Beside(data=(X, Y))).subject.examples == 50


def test_a_model_is_no_function_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"script\.py:model is a model; expected a function") as caught:
        find_own(f"{written(tmp_path, '')}:model", Beside(data=(X, Y)))
    assert "return model" in caught.value.hint


def test_what_trains_in_another_thread_goes_on() -> None:
    import keras

    model: Any = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    found: list[Any] = []
    with training_stopped():
        other = threading.Thread(target=lambda: found.append(model.fit(X, Y, verbose=0).history))
        other.start()
        other.join()
    assert len(found[0]["loss"]) == 1
