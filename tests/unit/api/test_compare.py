"""`lrbench.compare`: what it trains and returns, what it shows, and what Ctrl-C leaves."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import lrbench
from lrbench.errors import BadConfig, Stopped
from lrbench.plan import Plan
from lrbench.runner import Listener
from lrbench.runs import Finished, Row, Run
from lrbench.store import load

FAKE: dict[str, Any] = {"schedulers": ["constant", "step"], "seeds": 2, "epochs": 4, "engine": "fake"}


def test_it_trains_what_is_missing_and_returns_the_whole_experiment(tmp_path: Path) -> None:
    one = lrbench.compare(schedulers="constant,step", seeds=3, epochs=2, engine="fake", out=tmp_path)
    assert one.summary()["n"].tolist() == [3, 3]
    lrbench.compare(schedulers=["rex"], epochs=5, engine="fake", out=tmp_path)
    again = lrbench.compare(schedulers=["cosine", "step"], seeds=[0, 7], epochs=2, engine="fake", out=tmp_path)
    (experiment,) = again.experiments
    assert {name: [each.seed for each in runs] for name, runs in experiment.groups.items()} == {
        "constant": [0, 1, 2],
        "cosine": [0, 7],
        "step": [0, 1, 2, 7],
    }
    assert experiment == load(experiment.folder)
    text = (experiment.folder / "summary.csv").read_text()
    assert again.summary().to_csv(index=False, lineterminator="\n") == text


def test_damage_of_the_folder_is_there(tmp_path: Path) -> None:
    (experiment,) = lrbench.compare(**FAKE, out=tmp_path).experiments
    first = experiment.folder / "runs" / experiment.finished[0].run_id / "epochs.csv"
    first.write_text(first.read_text().replace("0.", "1."))
    results = lrbench.compare(**FAKE | {"schedulers": "step"}, out=tmp_path)
    assert [each.run_folder for each in results.damage] == [first.parent]
    assert repr(results).endswith(": 2 schedules, 3 runs, 1 damaged>")


def test_errors_are_lrbench_s_and_say_what_to_do() -> None:
    with pytest.raises(lrbench.LrbenchError) as raised:
        lrbench.compare(epochs=0)
    assert raised.value.__notes__ == [raised.value.hint] == ["Write, for example, epochs=15 or epochs=2,5,15."]
    with pytest.raises(BadConfig, match=r"There is no wish 'scheduler'\.\nDid you mean 'schedulers'\?"):
        lrbench.compare(scheduler="step")


class Told(Listener):
    """What a listener hears, by its names."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_resume(self, run: Run, epochs: int) -> None:
        self.heard.append(f"resume {epochs}")

    def on_epoch(self, run: Run, row: Row) -> None:
        self.heard.append(f"epoch {row.epoch}")

    def on_finished(self, run: Run, finished: Finished) -> None:
        self.heard.append("finished")


def test_a_listener_hears_it_and_nothing_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told()
    lrbench.compare(told, **FAKE | {"seeds": 1, "jobs": 1}, out=tmp_path)
    assert told.heard == 2 * ["epoch 1", "epoch 2", "epoch 3", "epoch 4", "finished"]
    assert capsys.readouterr() == ("", "")
    with pytest.raises(BadConfig, match=r"takes the place of progress=True"):
        lrbench.compare(told, progress=True, **FAKE, out=tmp_path)
    with pytest.raises(BadConfig, match=r"^step is no listener\.\nName the wishes: schedulers="):
        lrbench.compare("step", **FAKE, out=tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(("progress", "lines"), [(None, 0), (False, 0), (True, 8)])
def test_without_a_terminal_only_who_asks_is_told(
    progress: bool | None, lines: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lrbench.compare(progress=progress, **FAKE, out=tmp_path)
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == lines
    assert lines == 0 or "[4/4] " in said.err


def test_too_few_seeds_for_any_verdict_are_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a warning where nothing else is shown, of every horizon and optimizer; to a listener with the plan."""
    said = "5 seeds cannot tell better from worse; 6 seeds can."
    with pytest.warns(UserWarning, match=said):
        lrbench.compare(**FAKE | {"seeds": 5}, out=tmp_path)
    several = {"epochs": [2, 3], "optimizers": ["sgd", "adam"], "seeds": None}
    few = FAKE | several | {"until_settled": True, "max_seeds": 5}
    with pytest.warns(UserWarning, match="At most 5 seeds cannot tell") as warned:
        lrbench.compare(**few, out=tmp_path)
    assert len(warned) == 4
    for options in ({"seeds": 6, "name": "enough"}, {"progress": False, "name": "silent"}):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            lrbench.compare(**FAKE | options, out=tmp_path)
    outlooks: list[str] = []

    class Hears(Listener):
        def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
            outlooks.append(plan.outlook)

    lrbench.compare(Hears(), **FAKE | {"seeds": 5, "name": "heard"}, out=tmp_path)
    lrbench.compare(Hears(), **FAKE | {"seeds": 5, "name": "heard"}, out=tmp_path)
    assert outlooks == [said, ""], "of what is done, the summary says it"
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("progress", "shown"), [(None, True), (False, False)])
def test_a_terminal_shows_bars(progress: bool | None, shown: bool, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    program = f"import lrbench\nlrbench.compare(progress={progress}, **{FAKE!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert (b"all runs" in said) is shown
    assert (said != b"") is shown


class Interrupting(Told):
    """Ctrl-C when the first run has come so far; `again`: once more while the epochs under way are ending."""

    def __init__(self, epoch: int, *, again: bool = False) -> None:
        super().__init__()
        self._epoch = epoch
        self._again = again

    def on_epoch(self, run: Run, row: Row) -> None:
        super().on_epoch(run, row)
        if self.heard.count(f"epoch {self._epoch}") == 1 and row.epoch == self._epoch:
            os.kill(os.getpid(), signal.SIGINT)

    def on_signal(self, name: str) -> None:
        if self._again:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def _usual_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "it is as it was before the call"
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_usual_interrupts")
def test_ctrl_c_keeps_what_finished_and_what_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRBENCH_FAKE_SECONDS", "0.02")
    wishes = FAKE | {"epochs": 20, "checkpoint_every": 100, "out": tmp_path}
    with pytest.raises(
        Stopped, match=r"^Interrupted: 0 of 4 runs .* kept in .*\nThe same call goes on from there"
    ):
        lrbench.compare(Interrupting(3), **wishes)
    told = Told()
    results = lrbench.compare(told, **wishes)
    resumed = [int(each.split()[1]) for each in told.heard if each.startswith("resume")]
    assert len(resumed) == 2, "as many as were trained side by side"
    assert max(resumed) >= 3
    alone = lrbench.compare(**wishes | {"out": tmp_path / "alone"})
    assert results.epochs.equals(alone.epochs)


@pytest.mark.usefixtures("_usual_interrupts")
def test_a_second_ctrl_c_interrupts_at_once(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        lrbench.compare(Interrupting(2, again=True), **FAKE, out=tmp_path)
    assert lrbench.compare(**FAKE, out=tmp_path).summary()["n"].tolist() == [2, 2]


def test_a_handler_of_the_program_s_own_is_left_alone(tmp_path: Path) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        lrbench.compare(Interrupting(2), **FAKE | {"seeds": 1, "jobs": 1}, out=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [signal.SIGINT]


def test_it_runs_in_any_thread(tmp_path: Path) -> None:
    found: list[lrbench.Results] = []
    thread = threading.Thread(target=lambda: found.append(lrbench.compare(**FAKE, out=tmp_path)))
    thread.start()
    thread.join()
    assert len(found) == 1
