"""The default command from the start of its process to its end, and what its start consists of."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import BATCH, LRBENCH, ROOT, median, median_ratio, print_table, timed


def keras_loop() -> None:
    """The default comparison as one would write it without lrbench: six times Model.fit."""
    import keras
    import tensorflow as tf

    from lrbench.config import load_config
    from lrbench.plan import make_plan
    from lrbench.problems import Sizes, split

    class Table(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __init__(self, rates: Any) -> None:
            self.rates = tf.constant(rates, tf.float32)

        def __call__(self, step: Any) -> Any:
            return tf.gather(self.rates, tf.cast(step, tf.int32))

    plan = make_plan(load_config(None, {}, {}))
    setting = plan.setting
    splits = split(plan.problem, Sizes(setting.train_size, setting.val_size, setting.validate_on))
    (train, val, test) = [
        ((part.x.reshape(-1, 784) / 255).astype(np.float32), part.y.astype(np.int32))
        for part in (splits.train, splits.val, splits.test)
        if part
    ]
    for run in plan.runs:
        feedback = run.schedule.name == "plateau"
        rate = 0.1 if feedback else Table(run.schedule.table(plan.setting.horizon))
        callbacks = [keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2, min_lr=1e-6)] if feedback else []
        model = keras.Sequential(
            [keras.Input((784,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(rate), loss=loss, metrics=["accuracy"])
        epochs = plan.setting.epochs
        model.fit(*train, batch_size=BATCH, epochs=epochs, validation_data=val, callbacks=callbacks, verbose=0)
        model.evaluate(*test, verbose=0)


def bench_commands(rounds: int) -> None:
    """`lrbench run` and the same six trainings with Model.fit, in turns."""
    loop = [sys.executable, str(Path(__file__).parent), "--keras-loop"]
    runs: list[tuple[float, float]] = []
    loops: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            runs.append(timed([*LRBENCH, "run", "-o", str(i)], folder))
            loops.append(timed(loop, folder))
    rows = [whole_row("lrbench run", runs, loops), whole_row("six times Model.fit", loops, loops)]
    print_table(["whole command", "n", "median", "times faster than Model.fit", "peak memory"], rows)


def whole_row(name: str, found: list[tuple[float, float]], against: list[tuple[float, float]]) -> list[object]:
    seconds = [s for s, _ in found]
    ratio = median_ratio([s for s, _ in against], seconds)
    return [
        name,
        len(found),
        f"{statistics.median(seconds):.1f} s",
        f"{ratio:.1f}",
        f"{max(gb for _, gb in found):.2f} GB",
    ]


def bench_tune() -> None:
    """A tenth of the default `lrbench tune`, and what that makes of the whole."""
    words = ["-s", "constant,cosine", "--lrs", "0.03,0.1", "--refine", "2", "--max-extend", "0"]
    words += ["--tune-seeds", "2", "--seeds", "5"]
    with tempfile.TemporaryDirectory() as folder:
        seconds, gb = timed([*LRBENCH, "tune", *words, "-o", "one"], folder)
    whole = f"{seconds * 258 / 26 / 60:.1f} min"
    print_table(
        ["search", "n", "26 runs", "258 runs, extrapolated", "peak memory"],
        [["lrbench tune", 1, f"{seconds:.0f} s", whole, f"{gb:.2f} GB"]],
    )


def bench_start(rounds: int) -> None:
    """The time to the first figures, and what importing TensorFlow has to do with it."""
    first = [until_first_figures() for _ in range(rounds)]
    plain, helped = [], []
    for _ in range(rounds):
        plain.append(import_seconds("contextlib.nullcontext"))
        helped.append(import_seconds("uncollected"))
    rows = [
        ["lrbench run -v, to the first epoch's figures", rounds, median(first), ""],
        ["a process that imports TensorFlow", rounds, median(plain), "1.0"],
        ["the same, as lrbench imports it", rounds, median(helped), f"{median_ratio(plain, helped):.1f}"],
    ]
    print_table(["start", "n", "median", "times faster"], rows)


def until_first_figures() -> float:
    """Seconds from the start of the process to the first line of an epoch. The rest is not waited for."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        words = [*LRBENCH, "run", "-v", "-o", folder]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            next(line for line in process.stderr if ": epoch 1/" in line)
            seconds = time.perf_counter() - start
            process.terminate()
            process.communicate()
    return seconds


def import_seconds(context: str) -> float:
    """Seconds of a whole process that imports TensorFlow and Keras inside a context manager."""
    code = f"""
import contextlib
from lrbench.backend.imports import uncollected
with {context}():
    import tensorflow, keras
"""
    return timed([sys.executable, "-c", code], str(ROOT))[0]
