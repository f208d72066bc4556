"""Real runs, killed at chosen moments, end with the bytes of undisturbed ones; `make torture` draws moments."""

import signal
import time
from pathlib import Path

import processes
import pytest
import torture
from torture import Kill, Process, epochs, loading, read

pytestmark = [pytest.mark.apart, pytest.mark.slow]


def tensorflow_loads(process: Process, _: Path) -> list[str]:
    lines = read(process, lambda lines: any("Loading TensorFlow" in line for line in lines))
    time.sleep(1)
    return lines


def replicas_compile(process: Process, out: Path) -> list[str]:
    """Two runs are claimed, and the first epoch is not over."""
    while process.poll() is None and len(list(out.glob("*/.locks/*"))) < 2:
        time.sleep(0.01)
    time.sleep(0.5)
    return []


def a_checkpoint_is_written(process: Process, out: Path) -> list[str]:
    """A temporary file stands in a run's folder, and the process stands still, so that it stays there."""
    while process.poll() is None:
        if any(out.glob("*/runs/*/.tmp-*")):
            process.send_signal(signal.SIGSTOP)
            if any(out.glob("*/runs/*/.tmp-*")):
                return []
            process.send_signal(signal.SIGCONT)
    return []


def a_later_checkpoint_is_written(process: Process, out: Path) -> list[str]:
    """Both runs can go on from one: a replica writes its next, and the other is anywhere."""
    while process.poll() is None and len(list(out.glob("*/runs/*/checkpoint.npz"))) < 2:
        time.sleep(0.001)
    return a_checkpoint_is_written(process, out)


def the_last_two_runs_train(process: Process, out: Path) -> list[str]:
    while process.poll() is None and len(list(out.glob("*/runs/*/run.json"))) < 4:
        time.sleep(0.001)
    return []


def forked(words: list[str], out: Path) -> Process:
    """For the moments after TensorFlow's import, which need not wait for it."""
    return processes.start("run", "-v", *words, "-o", out, cwd=out.parent)


WORDS = {
    "mnist": torture.PROBLEMS["mnist"],
    "noisy": [
        *torture.PROBLEMS["noisy"],
        "--train-size",
        "1000",
        "--problem",
        "noisy(hidden=16)",
        "-s",
        "cosine,plateau",
    ],
}
CHOSEN = {  # what hits the start or the files of any problem alike does so where a start is cheaper
    "mnist": [
        Kill(signal.SIGKILL, loading(0.1, speaks=False)),
        Kill(signal.SIGTERM, tensorflow_loads),
        Kill(signal.SIGKILL, replicas_compile, forked),
        Kill(signal.SIGINT, epochs(3), forked),
        Kill(signal.SIGTERM, the_last_two_runs_train, forked),
    ],
    "noisy": [Kill(signal.SIGKILL, a_later_checkpoint_is_written, forked)],
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of every command that the test starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize("name", CHOSEN)
def test_killed_at_chosen_moments_real_runs_end_with_the_same_bytes(
    name: str, tmp_path: Path, temporary: Path
) -> None:
    tally = torture.Tally()
    expected = torture.undisturbed(WORDS[name], tmp_path / "undisturbed", forked)
    torture.disturb(WORDS[name], tmp_path / "killed", CHOSEN[name], tally, forked)
    assert torture.results(tmp_path / "killed") == expected
    assert tally.kills.total() == len(CHOSEN[name]), "no moment was missed"
    assert tally.resumed >= 2
    assert not list(temporary.iterdir()), "no kill leaves anything"


def test_a_killed_model_fit_leaves_nothing_in_the_temporary_folder(tmp_path: Path, temporary: Path) -> None:
    """TensorFlow's AutoGraph writes a file for each function that it rewrites, and removes them at the exit."""
    process = forked([*WORDS["noisy"], "--engine", "fit", "-s", "step"], tmp_path / "out")
    said = epochs(3)(process, tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    assert not list(temporary.iterdir())
