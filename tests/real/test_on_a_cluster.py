"""Real training on a real cluster of two nodes: MNIST, the compiled engine, the same bytes as on one machine."""

import importlib.util
from pathlib import Path

import processes
import pytest
from clusters import driver, ray_cluster

from lrbench.store import load

WORDS = (
    "run",
    "-s",
    "step,plateau",
    "--seeds",
    "2",
    "--epochs",
    "2",
    "--train-size",
    "2000",
    "--name",
    "one",
    "-qq",
)
MODEL = """
import keras

def make():
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])
"""


@pytest.mark.apart
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_the_compiled_engine_gives_the_same_bytes_on_a_cluster(tmp_path: Path) -> None:
    """A problem of lrbench's, and a model of the user's own that the nodes have no file of."""
    (tmp_path / "mine.py").write_text(MODEL)
    own = ("--problem", "mine.py:make", "--data", "mnist", "--name", "two")
    with ray_cluster() as cluster:
        for words in (WORDS, (*WORDS, *own)):
            there = driver(cluster, tmp_path, *words)
            _, said = there.communicate(timeout=300)
            assert there.returncode == 0, said
    for words, name in ((WORDS, "one"), ((*WORDS, *own), "two")):
        here = processes.run(*words, "-o", "local", cwd=tmp_path)
        assert here.returncode == 0, here.stderr
        pairs = [load(tmp_path / place / name) for place in ("results", "local")]
        tables = [(each.folder / "epochs.csv").read_bytes() for each in pairs]
        assert tables[0] == tables[1]
        states = [[one.result.state_sha256 for one in each.finished] for each in pairs]
        assert states[0] == states[1], "the weights are equal, bit by bit"
