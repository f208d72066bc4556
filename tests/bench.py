"""Speed and memory, measured: `make bench`. Prints tables with n, median and ratio; asserts nothing.

Inside the clock of "seconds per epoch": one pass over 60,000 images, batch 32, 784-128-10, SGD, in wall-clock
seconds; the shuffle is in it, evaluation, compilation and imports are not. Every contender lives in a process of
its own and they take turns, round by round, so that a slow minute of the machine hits all of them.

Inside the clock of "whole command": everything from the start of the process to its end.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).parent.parent
CORES = len(os.sched_getaffinity(0))
BATCH = 32
OPTIONS = {"schedulers": "constant", "val_size": 0, "batch_size": BATCH}


# ---- one epoch: each function is a contender that yields the seconds of one epoch and run at a time


def model_fit() -> Iterator[float]:
    """Model.fit as a tutorial has it: float32 images, no callback, TensorFlow's own threads."""
    import keras
    import numpy as np

    from lrbench.datasets import MNIST

    train, _ = MNIST.load()
    x, y = (train.x.reshape(-1, 784) / 255).astype(np.float32), train.y.astype(np.int32)
    model = keras.Sequential(
        [keras.Input((784,)), keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, metrics=["accuracy"])
    while True:
        start = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        yield time.perf_counter() - start


def compiled(replicas: int, epochs: int = 2) -> Iterator[float]:
    """The compiled engine, `replicas` side by side; seconds per epoch and run."""
    import numpy as np

    from lrbench.config import load_config
    from lrbench.engine import open_engine
    from lrbench.plan import make_plan

    setting = make_plan(load_config(None, OPTIONS, {})).setting
    engine = open_engine(setting)
    rates = np.full(setting.horizon.steps_per_epoch, 0.1)
    ready = [engine.replica(i) for i in range(replicas)]
    for replica in ready:
        replica.compile()
        replica.reset(0)

    def drive(replica: Any) -> None:
        for epoch in range(epochs):
            replica.train_epoch(epoch, rates)

    while True:
        yield in_threads([lambda replica=replica: drive(replica) for replica in ready]) / epochs / replicas


def matrix_products() -> Iterator[float]:
    """The two large matrix products of the epoch alone, numpy on one thread per core: the floor."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.random((60_000, 784), np.float32)
    weights = rng.random((784, 128), np.float32)

    def drive() -> None:
        hidden, gradient = np.empty((BATCH, 128), np.float32), np.empty((784, 128), np.float32)
        for start in range(0, len(x), BATCH):
            batch = x[start : start + BATCH]
            np.dot(batch, weights, out=hidden)
            np.dot(batch.T, hidden, out=gradient)

    while True:
        yield in_threads([drive] * CORES) / CORES


def in_threads(jobs: list[Callable[[], None]]) -> float:
    """Run jobs side by side; return the wall-clock seconds until all are done."""
    threads = [threading.Thread(target=job) for job in jobs]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


CONTENDERS: dict[str, Callable[[], Iterator[float]]] = {
    "(a) Model.fit": model_fit,
    "(b) lrbench, 1 replica": lambda: compiled(1),
    f"(c) lrbench, {CORES} replicas": lambda: compiled(CORES),
    f"(d) matrix products, {CORES} threads": matrix_products,
}


def serve(name: str, pipe: Connection) -> None:
    """In a process of its own: give one measurement per request, after one that is not counted."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    measurements = CONTENDERS[name]()
    next(measurements)
    while pipe.recv():
        pipe.send(next(measurements))


def bench_epochs(rounds: int) -> None:
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # numpy's own threads, for (d); TensorFlow does not look at them
    spawn = multiprocessing.get_context("spawn")
    pipes = {}
    for name in CONTENDERS:
        pipes[name], theirs = spawn.Pipe()
        spawn.Process(target=serve, args=(name, theirs), daemon=True).start()
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(True)
            seconds[name].append(pipe.recv())
    first, *_, floor = seconds.values()
    rows = [
        [
            name,
            rounds,
            f"{statistics.median(values):.3f} s",
            f"{median_ratio(first, values):.1f}",
            f"{median_ratio(values, floor):.2f}",
        ]
        for name, values in seconds.items()
    ]
    print_table(["per epoch and run", "n", "median", "times faster than (a)", "times (d)"], rows)


def median_ratio(over: list[float], under: list[float]) -> float:
    """Median of the round-by-round ratios."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


# ---- whole commands


def keras_loop() -> None:
    """The default comparison as one would write it without lrbench: six times Model.fit."""
    import keras
    import numpy as np
    import tensorflow as tf

    from lrbench.config import load_config
    from lrbench.datasets import MNIST, split
    from lrbench.plan import make_plan

    class Table(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __init__(self, rates: Any) -> None:
            self.rates = tf.constant(rates, tf.float32)

        def __call__(self, step: Any) -> Any:
            return tf.gather(self.rates, tf.cast(step, tf.int32))

    plan = make_plan(load_config(None, {}, {}))
    splits = split(MNIST, plan.setting.sizes)
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


def timed(words: list[str], cwd: str) -> tuple[float, float]:
    """Run a command; return its wall-clock seconds and its peak memory in GB."""
    start = time.perf_counter()
    process = subprocess.Popen(words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return time.perf_counter() - start, usage.ru_maxrss / 1024**2


def bench_commands(rounds: int) -> None:
    lrbench = [sys.executable, "-m", "lrbench"]
    loop = [sys.executable, str(ROOT / "tests" / "bench.py"), "--keras-loop"]
    runs: list[tuple[float, float]] = []
    loops: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            runs.append(timed([*lrbench, "run", "-o", str(i)], folder))
            loops.append(timed(loop, folder))
    rows = [whole_row("lrbench run", runs, loops), whole_row("six times Model.fit", loops, loops)]
    print_table(["whole command", "n", "median", "times faster than Model.fit", "peak memory"], rows)


def bench_light_commands() -> None:
    lrbench = [sys.executable, "-m", "lrbench"]
    reference = str(ROOT / "results" / "reference")
    light = {
        "lrbench --help": ["--help"],
        "lrbench preview step,cosine": ["preview", "step,cosine"],
        "lrbench plot results/reference": ["plot", reference, "--out", "."],
        "lrbench summary results/reference": ["summary", reference],
    }
    with tempfile.TemporaryDirectory() as folder:
        measured = {name: [timed([*lrbench, *words], folder) for _ in range(5)] for name, words in light.items()}
    rows = [
        [
            name,
            len(found),
            f"{statistics.median(s for s, _ in found):.2f} s",
            f"{max(gb for _, gb in found):.2f} GB",
        ]
        for name, found in measured.items()
    ]
    print_table(["light command", "n", "median", "peak memory"], rows)


def bench_load() -> None:
    """Results folders of 500 and of 5,000 runs of 100 epochs, made by the fake engine."""
    lrbench = [sys.executable, "-m", "lrbench"]
    schedules = "constant,step,exponential,cosine,plateau"
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for seeds in (100, 1000):
            words = ["run", "--engine", "fake", "--epochs", "100", "-s", schedules, "--seeds", str(seeds)]
            made[seeds] = [*lrbench, *words, "--checkpoint-every", "100", "-q", "-o", str(seeds)]
            timed(made[seeds], folder)
        for name in ("run", "summary", "plot"):
            medians = {}
            for seeds in (100, 1000):
                words = made[seeds] if name == "run" else [*lrbench, name, str(seeds)]
                found = [timed(words, folder) for _ in range(3)]
                medians[seeds] = statistics.median(s for s, _ in found)
                peak = max(gb for _, gb in found)
            shown = "lrbench run, nothing to do" if name == "run" else f"lrbench {name}"
            growth = f"{medians[1000] / medians[100]:.1f}"
            rows.append([shown, 3, f"{medians[100]:.1f} s", f"{medians[1000]:.1f} s", growth, f"{peak:.2f} GB"])
    print_table(["stored runs of 100 epochs", "n", "500", "5,000", "ratio", "peak memory"], rows)


def bench_tables(rounds: int) -> None:
    """The table of 10 million steps, for the slowest of all open-loop schedules and for cosine."""
    from lrbench.schedules import REGISTRY, Horizon, parse

    horizon = Horizon(epochs=100, steps_per_epoch=100_000)
    slow = [
        "cyclical(decay=exp)",
        "cyclical(shape=sine)",
        "wsd(shape=sqrt)",
        "cosine(warmup=5%, hold=5%, per=epoch)",
    ]
    seconds = {}
    for spec in [*(name for name, entry in REGISTRY.items() if not entry.feedback), *slow]:
        found = []
        for _ in range(rounds):
            start = time.perf_counter()
            parse(spec).table(horizon)
            found.append(time.perf_counter() - start)
        seconds[spec] = statistics.median(found)
    slowest = sorted(seconds, key=lambda spec: -seconds[spec])[:3]
    rows = [[spec, rounds, f"{seconds[spec]:.2f} s"] for spec in [*slowest, "cosine"]]
    print_table(["rates of 10 million updates", "n", "median"], rows)


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


def print_table(headings: list[str], rows: list[list[object]]) -> None:
    right = ["left", *["right"] * (len(headings) - 1)]
    print("\n" + tabulate(rows, headings, tablefmt="github", colalign=right, disable_numparse=True), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each epoch [15]")
    parser.add_argument("--commands", type=int, default=3, help="measurements of each whole command [3]")
    parser.add_argument("--keras-loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.keras_loop:
        return keras_loop()
    from lrbench import environment

    found = environment.describe()
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['host']['cpu']}, {CORES} cores, {platform.system()}; {versions}")
    bench_epochs(options.rounds)
    bench_commands(options.commands)
    bench_light_commands()
    bench_load()
    bench_tables(5)  # last: a child's peak memory begins with its parent's
    return None


if __name__ == "__main__":
    main()
