"""The whole command, for real, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import processes
import pytest

from lrbench.store import load

pytestmark = [pytest.mark.apart, pytest.mark.slow]

Done = subprocess.CompletedProcess[str]
WORDS = ("run", "--train-size", "2000", "--epochs", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("subset")


@pytest.fixture(scope="module")
def ran(folder: Path) -> Done:
    """The comparison on a subset, with `results` in the folder."""
    words = [sys.executable, "-m", "lrbench", *WORDS, "--jobs", "3", "--json"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def verified(folder: Path, ran: Done) -> Done:
    """Some of its runs again, one at a time, with all that TensorFlow says."""
    words = [sys.executable, "-m", "lrbench", *WORDS, "--verify", "--jobs", "1", "--debug"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)


def test_run_on_a_subset(ran: Done) -> None:
    assert ran.returncode == 0, ran.stderr
    (record,) = json.loads(ran.stdout)
    assert {row["scheduler"] for row in record["rows"]} == {
        "constant",
        "step",
        "exponential",
        "cosine",
        "cyclical",
        "plateau",
    }
    assert all(0.5 < row["test_accuracy_mean"] < 0.95 for row in record["rows"])
    lines = ran.stderr.splitlines()
    assert lines[0].startswith("lrbench: 6 schedules × 1 seed = 6 runs of 2 epochs, into results/")
    assert lines[1].startswith("MNIST 784-128-10, sgd, ")
    assert lines[2] == "Peak rate 0.1, the default of sgd; --lr sets another."
    assert lines[3] == "Note: One seed cannot tell better from worse among 5 comparisons; 8 seeds can."
    assert lines[4] == "Loading TensorFlow and the data …"
    assert all(re.match(r"\[\d/6\] ", line) for line in lines[5:11])
    assert len(lines) == 14, "nothing but these lines reaches the screen"


def test_what_a_real_run_left_is_drawn_summed_up_and_not_trained_again(folder: Path, ran: Done) -> None:
    drawn = processes.run("plot", "results", cwd=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert all((folder / name).stat().st_size > 10_000 for name in drawn.stdout.split())
    assert json.loads(processes.run("summary", "results", "--format", "json", cwd=folder).stdout) == json.loads(
        ran.stdout
    )
    again = processes.run(*WORDS, cwd=folder)
    assert "nothing to train" in again.stderr
    assert "Loading" not in again.stderr


def test_real_runs_give_the_same_bytes_in_another_process_with_other_jobs(verified: Done) -> None:
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("same bytes") == 4


def test_tensorflow_s_noise_is_shown_with_debug(verified: Done) -> None:
    assert re.search("oneDNN|cuda|absl|cpu_feature_guard", verified.stderr)


def test_what_native_code_said_is_shown_when_tensorflow_cannot_be_imported(tmp_path: Path) -> None:
    broken = tmp_path / "path" / "tensorflow"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(
        "import os\nos.write(2, b'native: no AVX\\n')\nraise ImportError('libcudart')"
    )
    done = subprocess.run(
        [sys.executable, "-m", "lrbench", "run", "-s", "step"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(broken.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "native: no AVX" in done.stderr
    assert "ImportError: libcudart" in done.stderr.splitlines()[-2]
    assert "Install TensorFlow again" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_signal_in_the_middle_of_training_keeps_what_finished(tmp_path: Path) -> None:
    words = ["run", "--train-size", "5000", "--epochs", "10", "--seeds", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lrbench", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    said = ""
    while "[2/12]" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "Go on with: lrbench run --train-size 5000 --epochs 10 --seeds 2" in rest
    assert "Traceback" not in rest
    (folder,) = (tmp_path / "results").iterdir()
    stored = load(folder)
    assert 2 <= len(stored.finished) < 12
    assert not stored.damage
    assert len((folder / "epochs.csv").read_text().splitlines()) == 1 + 10 * len(stored.finished)
