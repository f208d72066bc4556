"""`make torture`: real runs, killed at random moments until enough is enough, must end with the same bytes.

Each round compares six schedules on a subset, first undisturbed on one replica, then on two, killed again and
again: in the middle of an epoch, of a write, of TensorFlow's import. Every epochs.csv and the sha256 of all final
variables must come out equal, and whatever a kill leaves must read without damage.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processes import Started

from lrbench.store import load

Process = subprocess.Popen[str] | Started
Begin = Callable[[list[str], Path], Process]
DRIVER = str(Path(__file__).parent / "noisy.py")
COMPARISON = ["--train-size", "3000", "--val-size", "1000", "--epochs", "8", "--checkpoint-every", "1"]
PROBLEMS = {
    "mnist": [*COMPARISON, "--optimizer", "sgd(momentum=0.9)", "--lr", "0.02"],
    "noisy": [*COMPARISON, "--optimizer", "adam", "--lr", "0.002", "--problem", "noisy"],
}
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)


@dataclass
class Tally:
    """What was done, and where it hit."""

    kills: Counter[str] = field(default_factory=Counter)
    resumed: int = 0  # runs that went on from a checkpoint
    rounds: int = 0

    def __str__(self) -> str:
        each = ", ".join(f"{n} {name}" for name, n in sorted(self.kills.items()))
        return f"{self.kills.total()} kills ({each}), {self.resumed} runs resumed, {self.rounds} rounds compared"


def start(words: list[str], out: Path) -> Process:
    """Start `lrbench run` with a line for every epoch."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LRBENCH_")}
    return subprocess.Popen(
        [sys.executable, DRIVER, "run", "-v", *words, "-o", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def results(out: Path) -> dict[str, tuple[bytes, str, float]]:
    """Return what must be equal: the table, the hash of the final variables and the test loss of every run."""
    (folder,) = out.iterdir()
    found = {}
    for path in (folder / "runs").glob("*/run.json"):
        record = json.loads(path.read_text())
        found[path.parent.name] = (
            (path.parent / "epochs.csv").read_bytes(),
            record["state_sha256"],
            record["test"]["loss"],
        )
    found["all"] = ((folder / "epochs.csv").read_bytes(), "", 0.0)
    return found


def undisturbed(words: list[str], out: Path, begin: Begin = start) -> dict[str, tuple[bytes, str, float]]:
    """Run the comparison to its end on one replica."""
    process = begin([*words, "--jobs", "1"], out)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return results(out)


@dataclass(frozen=True)
class Kill:
    """A signal and its moment: `wait` returns then, with the lines that it read from stderr until then."""

    number: signal.Signals
    wait: Callable[[Process, Path], list[str]]
    begin: Begin = start


def epochs(n: int, seconds: float = 0.01) -> Callable[[Process, Path], list[str]]:
    """Some seconds after the n-th epoch that the command tells of, so in the middle of another."""

    def wait(process: Process, _: Path) -> list[str]:
        lines = read(process, lambda lines: sum(": epoch " in line for line in lines) == n)
        time.sleep(seconds)
        return lines

    return wait


def read(process: Process, enough: Callable[[list[str]], bool]) -> list[str]:
    """Read lines from stderr until there are enough, or no more."""
    assert process.stderr
    lines: list[str] = []
    while not enough(lines):
        lines.append(process.stderr.readline())
        if not lines[-1]:
            break
    return lines


def at_random(rng: random.Random, n: int) -> Iterator[Kill]:
    """Yield n kills: while Python or TensorFlow are being loaded, or some epochs later."""
    for _ in range(n):
        number = rng.choice(SIGNALS)
        count = rng.choice((0, 1, 2, 3, 5, 8, 13))
        if count:
            yield Kill(number, epochs(count, rng.uniform(0, 0.03)))
        else:
            yield Kill(number, loading(rng.uniform(0, 8), speaks=number is not signal.SIGKILL))


def loading(seconds: float, speaks: bool) -> Callable[[Process, Path], list[str]]:
    """So many seconds after the start or, if it speaks, its first line: before that Python itself answers."""

    def wait(process: Process, _: Path) -> list[str]:
        lines = read(process, lambda lines: len(lines) == speaks)
        time.sleep(seconds)
        return lines

    return wait


def disturb(words: list[str], out: Path, kills: Iterable[Kill], tally: Tally, begin: Begin = start) -> None:
    """Run the comparison on two replicas, killing it so many times unless it ends before; then to its end."""
    for kill in [*kills, None]:
        process = (kill.begin if kill else begin)([*words, "--jobs", "2"], out)
        lines = kill.wait(process, out) if kill else []
        if kill and process.poll() is None:
            process.send_signal(kill.number)
        _, rest = process.communicate()
        said = "".join(lines) + rest
        tally.resumed += said.count(": goes on after epoch ")
        assert "Traceback" not in said, said
        if process.returncode == 0:
            break
        assert kill, said
        assert process.returncode in (-kill.number, 128 + kill.number), said
        tally.kills[kill.number.name] += 1
        for path in out.glob("*/experiment.json"):
            assert not load_with_noisy(path.parent), "what a kill leaves reads without damage"
    left = [path for pattern in (".tmp-*", "checkpoint.npz", "*.lock") for path in out.rglob(pattern)]
    assert not left, left


def load_with_noisy(folder: Path) -> list[str]:
    """Return the damage in an experiment of either problem."""
    import noisy  # noqa: F401 # registers its problem

    return [each.text for each in load(folder).damage]


def torture(kills: int, folder: Path, seed: int) -> Tally:
    """Do rounds of up to 15 kills on each problem in turn until there were so many. Raises AssertionError."""
    rng = random.Random(seed)
    tally = Tally()
    expected = {name: undisturbed(words, folder / f"{name}-undisturbed") for name, words in PROBLEMS.items()}
    while tally.kills.total() < kills:
        name = list(PROBLEMS)[tally.rounds % len(PROBLEMS)]
        out = folder / f"{name}-{tally.rounds}"
        disturb(PROBLEMS[name], out, at_random(rng, min(15, kills - tally.kills.total())), tally)
        assert results(out) == expected[name], f"{out} differs from the undisturbed run"
        tally.rounds += 1
        print(tally, flush=True)
    return tally


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="lrbench-torture-") as temporary:
        chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
        print(f"seed {chosen}", flush=True)
        print("same bytes:", torture(int(sys.argv[1]) if len(sys.argv) > 1 else 200, Path(temporary), chosen))
