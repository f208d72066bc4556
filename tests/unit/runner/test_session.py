"""A session: batch after batch on one engine, told by events, and alone with the results folder."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import processes
import pytest
from conftest import fake_plan, fake_run
from typer.testing import Result

from lrbench import files
from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended, Epoch, Event, Kept, Resumed
from lrbench.engine.executor import InTurn
from lrbench.engine.fake import FakeEngine, FakeReplica
from lrbench.engine.train import SECONDS_BETWEEN, Pace
from lrbench.errors import BadResults, Stopped
from lrbench.problems import find
from lrbench.runner import Listener, Session, Threads, conduct, fixed, threads
from lrbench.runner.signals import Signalled, signals_raise
from lrbench.runs import Checkpoint, Experiment, Finished, Row, Run, Setting, Task
from lrbench.store import Store, load
from lrbench.store.schema import SCHEMA_VERSION


def in_turn(setting: Setting) -> InTurn:
    return InTurn(open_engine(setting, find("mnist")))


def test_both_executors_leave_the_same_bytes(tmp_path: Path) -> None:
    tables = []
    for name, executor in (("threads", None), ("turns", in_turn)):
        config = load_config(None, {"engine": "fake", "epochs": 4, "seeds": 3, "out": tmp_path / name}, {})
        outcome = conduct(config, executor=executor)
        assert len(outcome.trained) == 18
        tables.append((outcome.experiment.folder / "epochs.csv").read_bytes())
    assert tables[0] == tables[1]


def test_engine_and_replicas_live_as_long_as_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that sees what is there: one seed more until there are four."""
    made: list[FakeReplica] = []
    whole = FakeReplica.__init__

    def count(self: FakeReplica, *arguments: Any) -> None:
        made.append(self)
        whole(self, *arguments)

    monkeypatch.setattr(FakeReplica, "__init__", count)
    plan = fake_plan(schedulers="step,cosine", seeds=4)
    seen: list[int] = []

    def until_four(experiment: Experiment) -> Sequence[Run]:
        seen.append(len(experiment.finished))
        return plan.runs[2 * len(seen) - 2 : 2 * len(seen)]

    with Session(plan.setting, tmp_path / "one", executor=in_turn) as session:
        while batch := until_four(session.experiment):
            session.train(batch)
        experiment = session.tabulate()
    assert seen == [0, 2, 4, 6, 8], "each batch sees what came of the one before"
    assert len(made) == 1
    assert load(tmp_path / "one") == experiment
    assert len(experiment.groups["cosine"]) == 4


def test_a_fixed_plan_is_the_simplest_policy() -> None:
    plan = fake_plan(schedulers="step")
    policy = fixed(plan.runs)
    nothing = Experiment(name="x", folder=Path("x"), setting=plan.setting, finished=())
    assert [policy(nothing), policy(nothing)] == [plan.runs, ()]


def test_only_the_conductor_s_thread_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: set[str] = set()
    whole = files.os.replace

    def noted(source: str, target: str, **ends: int) -> None:
        writers.add(threading.current_thread().name)
        whole(source, target, **ends)

    monkeypatch.setattr(files.os, "replace", noted)
    fake_run(tmp_path, seeds=3, jobs=3, checkpoint_every=1)
    assert writers == {threading.main_thread().name}


def told(task: Task, pace: Pace | None = None) -> list[Event]:
    executor = InTurn(FakeEngine(task.run.setting))
    executor._pace = pace or Pace(every=1)
    return list(executor.train(iter([task])))


def test_events_tell_a_run_in_order_and_can_be_sent(tmp_path: Path) -> None:
    (run,) = fake_plan(schedulers="step").runs
    events = told(Task(run))
    assert [type(event) for event in events] == [Kept, Epoch] * 3 + [Epoch, Ended]
    kept = [event.checkpoint for event in events if isinstance(event, Kept)]
    resumed = told(Task(run, kept[1]))
    assert [type(event) for event in resumed] == [Resumed, Kept, Epoch, Epoch, Ended]
    for event in (*events, *resumed):
        sent = pickle.loads(pickle.dumps(event))
        assert type(sent) is type(event)
        if isinstance(event, Kept):
            assert isinstance(sent.checkpoint, Checkpoint)
            assert sent.checkpoint.rows == event.checkpoint.rows
        else:
            assert sent == event
    assert pickle.loads(pickle.dumps(Task(run, kept[0]))).run.run_id == run.run_id
    assert events[-1].result.rows == resumed[-1].result.rows  # type: ignore[attr-defined]


def test_a_run_is_kept_once_a_second_and_when_it_is_stopped() -> None:
    pace = Pace()
    assert [pace.is_due(1, seconds) for seconds in (0, SECONDS_BETWEEN / 2, SECONDS_BETWEEN)] == [
        False,
        False,
        True,
    ]
    assert [Pace(every=2).is_due(epoch, 99) for epoch in (1, 2, 3, 4)] == [False, True, False, True]
    pace.stop.set()
    (run,) = fake_plan(schedulers="step", epochs=50).runs
    assert [type(event) for event in told(Task(run), pace)] == [Kept, Epoch], "kept, told, and the last"
    assert not [event for event in told(Task(run), Pace()) if isinstance(event, Kept)], "it took no second"


def test_a_full_queue_makes_replicas_wait_and_closing_frees_them(tmp_path: Path) -> None:
    plan = fake_plan(schedulers="step", seeds=2, epochs=500)
    executor = Threads(FakeEngine(plan.setting), 2)
    events = executor.train(map(Task, plan.runs))
    next(events)
    executor.close()
    assert all(future.done() for future in executor._futures)


@pytest.mark.slow
def test_an_interrupted_run_goes_on_after_its_last_epoch(cli: Callable[..., Result], tmp_path: Path) -> None:
    """Too quick for a checkpoint a second: the one that counts is made when it is stopped."""
    words = ["run", "--engine", "fake", "--epochs", "40", "-s", "step", "-v", "-o", str(tmp_path / "r")]
    first = processes.start(*words, cwd=tmp_path, LRBENCH_FAKE_SECONDS="0.02")
    lines = []
    while ": epoch 5/40" not in (line := first.stderr.readline()):
        assert line, "it ended too soon"
    first.send_signal(signal.SIGINT)
    lines += first.communicate(timeout=60)[1].splitlines()
    last = [int(line.split(": epoch ")[1].split("/")[0]) for line in lines if ": epoch " in line][-1:] or [5]
    again = cli(*words)
    assert again.exit_code == 0
    assert f"step, seed 0: goes on after epoch {last[0]} of 40" in again.stderr
    (folder,) = (tmp_path / "r").iterdir()
    alone = fake_run(tmp_path / "alone", schedulers="step", epochs=40).experiment.folder
    assert (folder / "epochs.csv").read_bytes() == (alone / "epochs.csv").read_bytes()


class Interrupting(Listener):
    """Ctrl-C when a run tells of its last epoch."""

    def __init__(self, last: int) -> None:
        self.last = last

    def on_epoch(self, run: Run, row: Row) -> None:
        if row.epoch == self.last:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("executor", [None, in_turn], ids=["threads", "in turn"])
def test_a_run_whose_last_epoch_was_under_way_is_tested_and_stored(tmp_path: Path, executor: Any) -> None:
    plan = fake_plan(schedulers="step", seeds=3)
    with (
        pytest.raises(Stopped),
        signals_raise(),
        Session(plan.setting, tmp_path / "one", executor or threads(plan.problem), Interrupting(4)) as session,
    ):
        session.train(plan.runs)
    stored = load(tmp_path / "one")
    assert not stored.damage
    assert len(stored.finished) >= 1
    assert all(one.result.test for one in stored.finished)
    again = fake_run(tmp_path, schedulers="step", seeds=3, name="one")
    assert len(again.trained) == 3 - len(stored.finished)


def test_a_signal_while_a_run_is_stored_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Store.save

    def save(self: Store, run: Run, finished: Finished) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        whole(self, run, finished)

    monkeypatch.setattr(Store, "save", save)
    plan = fake_plan(schedulers="step", seeds=2)
    with (
        pytest.raises(Stopped) as raised,
        signals_raise(),
        Session(plan.setting, tmp_path / "one", threads(plan.problem)) as session,
    ):
        session.train(plan.runs[:1])
    assert raised.value.exit_code == 143
    assert len(session.trained) == 1, "what was being stored is counted too"
    assert len(load(tmp_path / "one").finished) == 1


def test_a_command_that_ends_between_label_and_run_keeps_nobody_out(tmp_path: Path) -> None:
    def ended(setting: Setting) -> InTurn:
        raise Signalled(signal.SIGINT)

    plan = fake_plan(schedulers="x=step")
    with pytest.raises(Signalled), Session(plan.setting, tmp_path / "one", executor=ended) as session:
        session.train(plan.runs)
    assert (tmp_path / "one" / "labels.json").exists()
    assert len(fake_run(tmp_path, schedulers="x=step", name="one").trained) == 1
    with pytest.raises(BadResults, match="'x' stands for step"):
        fake_run(tmp_path, schedulers="x=cosine", name="one")


def test_a_label_may_have_several_rates_in_commands_side_by_side(tmp_path: Path) -> None:
    plans = [fake_plan(schedulers=f"x=step(lr={lr})", seeds=2) for lr in (0.1, 0.2)]
    folder = tmp_path / "one"
    with (
        Session(plans[0].setting, folder, threads(plans[0].problem)) as first,
        Session(plans[1].setting, folder, threads(plans[1].problem)) as second,
    ):
        first.train(plans[0].runs)
        second.train(plans[1].runs)
    assert set(load(folder).groups) == {"x (lr=0.1)", "x (lr=0.2)"}


def test_a_worker_that_wants_to_leave_is_a_failed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sys.exit` in the user's own code must not leave the conductor waiting for ever."""

    def leave(self: FakeReplica, epoch: int, rates: Any) -> Any:
        sys.exit(4)

    monkeypatch.setattr(FakeReplica, "train_epoch", leave)
    outcome = fake_run(tmp_path, schedulers="step", seeds=2)
    assert [str(one.result.status) for one in outcome.experiment.finished] == ["failed", "failed"]
    assert "SystemExit: 4" in (outcome.experiment.finished[0].result.error or "")


def test_a_run_of_a_later_version_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step", seeds=1).experiment
    path = experiment.folder / "runs" / experiment.finished[0].run_id / "run.json"
    path.write_text(path.read_text().replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 99'))
    with pytest.raises(BadResults, match="a later lrbench wrote it"):
        fake_run(tmp_path, schedulers="cosine,step", seeds=1)
    assert [path.name for path in (experiment.folder / "runs").iterdir()] == [path.parent.name]
