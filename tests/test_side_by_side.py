"""Several commands at once on one results folder: each run is trained once, and the tables are right."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import fake_plan, fake_run

from lrbench.errors import BadResults
from lrbench.store import Store, load

WORDS = ["run", "--engine", "fake", "--epochs", "4", "-j", "1", "-v", "--seeds", "4"]


def start(folder: Path, *words: str, seconds: str = "0.02") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "lrbench", *WORDS, *words],
        cwd=folder,
        env=os.environ | {"LRBENCH_FAKE_SECONDS": seconds},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(said: str) -> list[str]:
    """The runs that a command says it finished itself."""
    lines = [line for line in said.splitlines() if line.startswith("[")]
    return [line.split("] ")[1].split(":")[0] for line in lines if "by another command" not in line]


def undisturbed(tmp_path: Path) -> bytes:
    return (fake_run(tmp_path / "alone", seeds=4).experiment.folder / "epochs.csv").read_bytes()


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


def test_what_a_killed_command_held_is_taken_over(tmp_path: Path) -> None:
    first = start(tmp_path, seconds="0.2")
    assert first.stderr
    while ": epoch 2/4" not in first.stderr.readline():
        pass
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


def test_who_waits_for_another_command_can_be_interrupted(tmp_path: Path) -> None:
    plan = fake_plan(schedulers="step")
    store = Store.open(tmp_path / "results", plan)
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
    stores = [Store.open(tmp_path, fake_plan(name="mine", epochs=epochs)) for epochs in (2, 3)]
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
