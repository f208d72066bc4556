"""A problem of one's own from the command line: trained, stored, read without it, and every wrong word refused."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from typer.testing import Result

from lrbench.errors import BadData
from lrbench.problems import fashion_mnist
from lrbench.problems.mnist import MNIST

Cli = Callable[..., Result]
MODEL = """
import keras

def make(width: int = 8):
    layers = [keras.layers.Dense(width, activation="relu"), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *layers])
"""
SHORT = ("--epochs", "2", "--schedulers", "constant,cosine", "--seeds", "2")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a model and data."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x[:50], y_test=y[:50])
    (tmp_path / "my.py").write_text(MODEL)
    return tmp_path


@pytest.mark.tensorflow
def test_it_is_trained_and_stored_and_read_without_it(cli: Cli, here: Path) -> None:
    words = ["run", "--problem", "my.py:make(width=6)", "--data", "data.npz", *SHORT]
    done = cli(*words)
    assert done.exit_code == 0, done.output
    assert "Note: data.npz: classification, labels are whole numbers 0 to 2; the loss is" in done.stderr
    (folder,) = Path("results").iterdir()
    assert folder.name.startswith("my.py-make-sgd-b32-e2-")
    assert "275 training and 25 validation examples" in done.stderr

    (here / "my.py").write_text(MODEL.replace("import keras", "import keras  # a comment"))
    again = cli(*words)
    assert "All 4 runs are done already" in again.stderr, "a comment changes nothing"
    (here / "my.py").rename(here / "yours.py")
    renamed = cli("run", "--problem", "yours.py:make(width=6)", "--data", "data.npz", *SHORT)
    assert "All 4 runs are done already" in renamed.stderr, "nor does the file's name"
    other = cli("run", "--problem", "yours.py:make(width=7)", "--data", "data.npz", *SHORT)
    assert "into" in other.stderr
    assert len([*Path("results").iterdir()]) == 2, "another layer is another problem"

    (here / "yours.py").unlink()
    (here / "data.npz").unlink()
    read = cli("summary", folder, "--format", "json")
    assert read.exit_code == 0
    assert json.loads(read.stdout)[0]["setting"]["title"] == "my.py:make(width=6) on data.npz"
    for command in (["plot", folder], ["report", folder], ["doctor", folder], ["export", folder, "--to", "json"]):
        assert cli(*command).exit_code == 0, command
    gone = cli(*words)
    assert gone.exit_code == 2
    assert "There is no file my.py" in gone.stderr


@pytest.mark.tensorflow
def test_what_is_stored_of_it_goes_on_and_verifies(cli: Cli, here: Path) -> None:
    words = ["run", "--problem", "my.py:make", "--data", "data.npz", *SHORT]
    assert cli(*words).exit_code == 0
    more = cli(*words[:-1], "3")
    assert "Done already: 4 of 6 runs" in more.stderr
    verified = cli(*words, "--verify")
    assert verified.exit_code == 0, verified.output
    assert verified.stdout.count("same bytes") == 4
    dry = cli(*words[:-1], "5", "--dry-run")
    assert "To do: 4 runs" in dry.stdout
    assert "Note: data.npz: classification" in dry.stdout


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--problem", "nowhere.py:make"], "There is no file nowhere.py"),
        (["--problem", "my.py:nothing"], "has no function 'nothing'"),
        (["--problem", "my.py:make"], "nothing to train it on"),
        (["--problem", "my.py:make(depth=3)", "--data", "data.npz"], "Unknown parameter"),
        (["--problem", "my.py:make(width=two)", "--data", "data.npz"], "width=two is no whole number"),
        (["--problem", "my.py:make(width=2)", "--data", "data.npz"], "ok"),
        (["--problem", "my.py:make", "--data", "nowhere.npz"], "nowhere.npz cannot be read"),
        (["--problem", "my.py:make", "--data", "my.py"], "my.py is not an .npz file of numbers"),
        (["--problem", "my.py:make", "--data", "mnist"], "takes examples of shape (4,)"),
        (["--problem", "my.py:make", "--data", "data.npz", "--hidden", "3"], "has no use for hidden"),
        (
            ["--problem", "my.py:make", "--data", "data.npz", "--data-dir", "."],
            "--data-dir . is for the data of built-in problems",
        ),
        (["--problem", "my.py:make", "--data", "data.npz", "--loss", "nothing"], "Unknown loss 'nothing'"),
        (["--problem", "my.py:make", "--data", "data.npz", "--metric", "f2"], "--metric f2 is not measured"),
        (
            ["--problem", "my.py:make", "--data", "data.npz", "--memory-share", "1e-9"],
            "needs 2.24e-05 GB of memory",
        ),
        (["--problem", "my.py:make", "--data", "data.npz", "--schedulers", "plateau(monitor=val_loss"], "closed"),
    ],
)
def test_what_is_wrong_is_said_before_any_training(cli: Cli, here: Path, words: list[str], problem: str) -> None:
    done = cli("run", *SHORT[:2], *words)
    if problem == "ok":
        assert done.exit_code == 0
        return
    assert done.exit_code == 2, done.output
    assert problem in done.stderr
    assert not Path("results").exists()
    assert len(done.stderr.strip().splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--data", "data.npz"], "--data data.npz is for a problem of your own; mnist has its data"),
        (["--loss", "mse"], "--loss mse is for a problem of your own"),
        (["--metric", "mae"], "--metric mae is for a problem of your own"),
        (["--data-dir", "."], "The problem mnist has no use for --data-dir"),
        (["--hidden", "512,x"], "a list holds whole numbers"),
        (["--hidden", "0"], "--hidden 0"),
        (["--activation", "rleu"], "--activation rleu is none that lrbench knows"),
        (["--memory-share", "2"], "--memory-share 2 is above 1"),
        (["--jit", "maybe"], "--jit maybe is none of"),
        (["--jit", "on", "--engine", "fit"], "--jit on is for the compiled engine"),
        (["--problem", "mnist-logistic", "--hidden", "3"], "no parameter 'hidden'"),
        (["--problem", "line", "--schedulers", "plateau(monitor=val_prediction)"], "is not measured"),
    ],
)
def test_what_belongs_to_other_problems_is_refused(cli: Cli, words: list[str], problem: str) -> None:
    done = cli("run", "--dry-run", *words)
    assert done.exit_code == 2, done.output
    assert problem in done.stderr


def test_dense_layers_are_listed(cli: Cli) -> None:
    said = cli("run", "--dry-run", "--hidden", "512,512", "--activation", "tanh").output
    assert "MNIST 784-512-512-10 tanh" in said
    same = cli("run", "--dry-run", "--problem", "mnist(hidden=512;512, activation=tanh)").output
    assert same == said
    plain = cli("run", "--dry-run", "--problem", "mnist(hidden=128, activation=relu)").output
    assert plain == cli("run", "--dry-run").output, "what is the default needs not be said"


def test_fashion_mnist_is_looked_for_and_said_how_to_get(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = dataclasses.replace(fashion_mnist.FASHION_MNIST, folders=(tmp_path / "one", tmp_path / "two"))
    monkeypatch.setattr(fashion_mnist, "FASHION_MNIST", nowhere)
    refused = cli("run", "--problem", "fashion-mnist", "--dry-run")
    assert refused.exit_code == 2
    assert "train-images-idx3-ubyte.gz" in refused.stderr
    assert "apt-get install dataset-fashion-mnist" in refused.stderr
    assert "--data-dir" in refused.stderr
    found = cli("run", "--problem", "fashion-mnist", "--dry-run", "--data-dir", MNIST.folders[0])
    assert found.exit_code == 0, "files of those names are there"
    assert "Fashion-MNIST 784-128-10" in found.stdout
    damaged = fashion_mnist.fashion_mnist(data_dir=MNIST.folders[0])
    with pytest.raises(BadData, match="its sha256 is not the published file's"):
        damaged.load()


@pytest.mark.skipif(not fashion_mnist.DEBIAN.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_fashion_mnist_of_debian_is_read() -> None:
    splits = fashion_mnist.fashion_mnist().load()
    assert (splits.train.x.shape, splits.test.x.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert splits.train.y[:5].tolist() == [9, 0, 0, 3, 0]


@pytest.mark.tensorflow
@pytest.mark.apart
def test_the_line_of_the_tutorials_is_learned_and_its_prediction_shown(tmp_path: Path) -> None:
    words = ["run", "--problem", "line", "--epochs", "60", "--schedulers", "constant,cosine", "--json"]
    done = processes.run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    rows: list[dict[str, Any]] = record["rows"]
    assert {row["scheduler"] for row in rows} == {"constant", "cosine"}
    assert all(abs(row["test_prediction_mean"] - 11) < 0.2 for row in rows)
    asked = processes.run("summary", "results", "--metric", "test_prediction", cwd=tmp_path)
    assert asked.returncode == 2
    assert "No prediction is better than another" in asked.stderr
