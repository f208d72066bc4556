"""Seconds per epoch: each contender is a function that yields the seconds of one epoch and run at a time.

Inside the clock: one pass over 60,000 images, batch 32, 784-128-10, SGD, in wall-clock seconds; the shuffle is in
it, evaluation, compilation and imports are not. Every contender lives in a process of its own and they take turns,
round by round, so that a slow minute of the machine hits all of them.
"""

import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from timing import BATCH, CORES, median_ratio, print_table

OPTIONS = {"schedulers": "constant", "val_size": 0, "batch_size": BATCH}


def model_fit() -> Iterator[float]:
    """Model.fit as a tutorial has it: float32 images, no callback, TensorFlow's own threads."""
    import keras
    import numpy as np

    from lrbench.problems.mnist import MNIST

    train = MNIST.load().train
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

    plan = make_plan(load_config(None, OPTIONS, {}))
    setting = plan.setting
    engine = open_engine(setting, plan.problem)
    rates = np.full(setting.horizon.steps_per_epoch, 0.1)
    ready = [engine.replica() for _ in range(replicas)]
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


def peer_fit(kind: str) -> Iterator[float]:
    """A model of tests/peer.py with Model.fit."""
    import keras
    import peer

    x, y, *_ = peer.images(PEER_IMAGES, 1)
    model = getattr(peer, kind)()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss=loss, metrics=["accuracy"])
    while True:
        start = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        yield time.perf_counter() - start


def peer_compiled(kind: str, replicas: int) -> Iterator[float]:
    """The same model in lrbench, compiled or not as it decides."""
    import numpy as np
    import peer

    from lrbench.config import load_config
    from lrbench.engine import open_engine
    from lrbench.plan import make_plan
    from lrbench.problems import Beside, problem_of

    problem = problem_of(getattr(peer, kind), Beside(data=peer.images(PEER_IMAGES, 1_000)), kind)
    plan = make_plan(load_config(None, OPTIONS, {}), problem)
    engine = open_engine(plan.setting, plan.problem)
    rates = np.full(plan.setting.horizon.steps_per_epoch, 0.05)
    ready = [engine.replica() for _ in range(replicas)]
    for replica in ready:
        replica.compile()
        replica.reset(0)
    while True:
        yield in_threads([lambda replica=replica: replica.train_epoch(1, rates) for replica in ready]) / replicas


PEER_IMAGES = 10_000
PEERS: dict[str, Callable[[], Iterator[float]]] = {
    f"{said}: {how}": contender
    for kind, said in (("lenet", "LeNet-5"), ("dropping", "784-512-512-10, Dropout"))
    for how, contender in (
        ("Model.fit", lambda kind=kind: peer_fit(kind)),
        ("lrbench, 1 replica", lambda kind=kind: peer_compiled(kind, 1)),
        (f"lrbench, {CORES} replicas", lambda kind=kind: peer_compiled(kind, CORES)),
    )
}


def serve(name: str, pipe: Connection) -> None:
    """In a process of its own: give one measurement per request, after one that is not counted."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.path.append(str(Path(__file__).parent.parent))  # of peer
    measurements = (CONTENDERS | PEERS)[name]()
    next(measurements)
    while pipe.recv():
        pipe.send(next(measurements))


def bench_epochs(rounds: int) -> None:
    seconds = taking_turns(list(CONTENDERS), rounds)
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


def bench_peers(rounds: int) -> None:
    """Models of a user's own: an epoch of 10,000 images, batch 32."""
    seconds = taking_turns(list(PEERS), rounds)
    rows = []
    for name, values in seconds.items():
        fit = seconds[f"{name.partition(': ')[0]}: Model.fit"]
        rows.append([name, rounds, f"{statistics.median(values):.3f} s", f"{median_ratio(fit, values):.1f}"])
    print_table(["per epoch and run", "n", "median", "times faster than Model.fit"], rows)


def taking_turns(names: list[str], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each contender, measured in turns, each in a process of its own."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # numpy's own threads, for (d); TensorFlow does not look at them
    spawn = multiprocessing.get_context("spawn")
    pipes = {}
    for name in names:
        pipes[name], theirs = spawn.Pipe()
        spawn.Process(target=serve, args=(name, theirs), daemon=True).start()
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(True)
            seconds[name].append(pipe.recv())
    return seconds
