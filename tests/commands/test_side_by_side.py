"""Several commands at once on one results folder: each run is trained once, and the tables are right."""

import itertools
import signal
import subprocess
import threading
from pathlib import Path

import processes
import pytest
from conftest import fake_plan, fake_run
from filelock import FileLock

from lrbench.errors import BadResults
from lrbench.runner import Session
from lrbench.runs import Experiment
from lrbench.store import Store, load
from lrbench.store.locks import Locks

WORDS = ["run", "--engine", "fake", "--epochs", "4", "-j", "1", "-v", "--seeds", "4"]


def start(folder: Path, *words: str, seconds: str = "0.02") -> processes.Started:
    return processes.start(*WORDS, *words, cwd=folder, LRBENCH_FAKE_SECONDS=seconds)


def ended(said: str) -> list[str]:
    """The runs that a command says it finished itself."""
    lines = [line for line in said.splitlines() if line.startswith("[")]
    return [line.split("] ")[1].split(":")[0] for line in lines if "by another command" not in line]


def undisturbed(tmp_path: Path) -> bytes:
    return (fake_run(tmp_path / "alone", seeds=4).experiment.folder / "epochs.csv").read_bytes()


@pytest.mark.slow
def test_three_at_once_train_every_run_once(tmp_path: Path) -> None:
    commands = [start(tmp_path, *words) for words in ([], ["-s", "step,cosine,constant"], ["--seeds", "3"])]
    said = [command.communicate(timeout=120) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], said
    finished = [ended(err) for _, err in said]
    assert sorted(itertools.chain(*finished)) == sorted(
        f"{run.schedule.label}, seed {run.seed}" for run in fake_plan(seeds=4).runs
    )
    assert sum(map(bool, finished)) >= 2, "they shared the work"
    (folder,) = (tmp_path / "results").iterdir()
    assert not load(folder).damage
    assert (folder / "epochs.csv").read_bytes() == undisturbed(tmp_path)
    assert not list((folder / ".locks").iterdir())


@pytest.mark.slow
def test_what_a_killed_command_held_is_taken_over(tmp_path: Path) -> None:
    first = start(tmp_path, "--checkpoint-every", "1", seconds="0.5")
    assert first.stderr
    while ": epoch 1/4" not in first.stderr.readline():  # so that there is a checkpoint
        pass
    first.send_signal(signal.SIGSTOP)  # it holds its run, and does not finish it
    second = start(tmp_path)
    assert second.stderr
    while "[1/" not in second.stderr.readline():
        pass
    first.send_signal(signal.SIGKILL)
    first.communicate()
    _, said = second.communicate(timeout=120)
    assert second.returncode == 0
    assert ": goes on after epoch " in said, "the dead command's run, from its checkpoint"
    (folder,) = (tmp_path / "results").iterdir()
    assert (folder / "epochs.csv").read_bytes() == undisturbed(tmp_path)


@pytest.mark.slow
def test_who_waits_for_another_command_can_be_interrupted(tmp_path: Path) -> None:
    plan = fake_plan(schedulers="step")
    store = Store.open(tmp_path / "results" / plan.experiment, plan.setting)
    store.describe({})
    assert store.claim(plan.runs[0])
    waiting = start(tmp_path, "-s", "step", "--seeds", "1")
    assert waiting.stderr
    waiting.stderr.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(2)
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(20) == 130
    waiting.communicate()
    store.locks.release_all()


def test_two_that_begin_with_other_settings_under_one_name_never_mix(tmp_path: Path) -> None:
    """Both saw no experiment; the second to write sees the first one's."""
    stores = [Store.open(tmp_path / "mine", fake_plan(epochs=epochs).setting) for epochs in (2, 3)]
    stores[0].describe({})
    with pytest.raises(BadResults, match="epochs is 2 there and 3 here"):
        stores[1].describe({})


def test_threads_of_one_process_share_the_work_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRBENCH_FAKE_SECONDS", "0.01")
    trained: list[int] = []
    threads = [
        threading.Thread(target=lambda: trained.append(len(fake_run(tmp_path, seeds=3, jobs=1).trained)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(trained) == 3
    assert sum(trained) == 18


def test_a_label_never_stands_for_two_schedules(tmp_path: Path) -> None:
    """Two commands that both saw no run of that label: the second to begin is refused."""
    plans = [fake_plan(schedulers=f"x={name}") for name in ("step", "cosine")]
    stores = [Store.open(tmp_path / "results", plan.setting) for plan in plans]
    stores[0].reserve(plans[0].runs)
    with pytest.raises(BadResults, match="'x' stands for another schedule"):
        stores[1].reserve(plans[1].runs)


def test_a_lock_s_file_is_deleted_while_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round, who waited for the old file and who makes a new one would both have the lock."""
    calls: list[str] = []
    unlink, release = Path.unlink, FileLock.release

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        calls.append("unlink")
        unlink(self, missing_ok)

    def released(self: FileLock, force: bool = False) -> None:
        calls.append("release")
        release(self, force)

    locks = Locks(tmp_path)
    assert locks.claim("a")
    monkeypatch.setattr(Path, "unlink", unlinked)
    monkeypatch.setattr(FileLock, "release", released)
    locks.release("a")
    assert calls[:2] == ["unlink", "release"]


def test_a_command_with_nothing_to_do_leaves_newer_tables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_run(tmp_path, schedulers="step")
    whole = Session.tabulate

    def meanwhile(self: Session) -> Experiment:
        monkeypatch.undo()
        fake_run(tmp_path, schedulers="cosine")
        return whole(self)

    monkeypatch.setattr(Session, "tabulate", meanwhile)
    experiment = fake_run(tmp_path, schedulers="step").experiment
    assert {one.schedule.words for one in experiment.finished} == {"step", "cosine"}
    assert len((experiment.folder / "epochs.csv").read_text().splitlines()) == 1 + 2 * 4


@pytest.mark.slow
def test_who_reads_while_others_write_sees_no_damage(tmp_path: Path) -> None:
    """Failed runs that are tried again, and tables that grow, under the eyes of a reader."""
    experiment = fake_run(tmp_path, schedulers="step").experiment
    command = start(tmp_path, "-o", str(tmp_path), seconds="0.001")
    found = []
    while command.poll() is None:
        found += load(experiment.folder).damage
    command.communicate()
    assert not found


@pytest.mark.slow
def test_waiting_is_said(tmp_path: Path) -> None:
    plan = fake_plan(schedulers="step")
    store = Store.open(tmp_path / "results" / plan.experiment, plan.setting)
    store.describe({})
    assert store.claim(plan.runs[0])
    waiting = start(tmp_path, "-s", "step", "--seeds", "1")
    assert waiting.stderr
    while "Waiting for another command, which is at work on 1 run" not in waiting.stderr.readline():
        pass
    store.locks.release_all()
    _, said = waiting.communicate(timeout=30)
    assert "[1/1] step, seed 0" in said
