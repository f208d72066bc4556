"""The conductor: trains what is missing, keeps what finished, says how it goes."""

import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import processes
import pytest
from conftest import fake_plan, fake_run, trained
from typer.testing import Result

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended, Epoch, Kept
from lrbench.engine.fake import FakeEngine, FakeReplica
from lrbench.errors import EngineUnavailable
from lrbench.plan import Plan
from lrbench.runner import Listener, Threads, conduct
from lrbench.runs import Figures, Finished, Row, Run, Status, Task
from lrbench.schedules.base import Rates
from lrbench.store import load


def ids(finished: Sequence[Finished]) -> set[str]:
    return {one.run_id for one in finished}


def test_the_same_command_again_trains_nothing(tmp_path: Path) -> None:
    first = fake_run(tmp_path, seeds=2)

    def stored() -> dict[Path, bytes]:
        files = (path for path in tmp_path.rglob("*") if path.is_file() and path.name != "log.jsonl")
        return {path: path.read_bytes() for path in files}

    files = stored()
    again = fake_run(tmp_path, seeds=2)
    assert len(first.trained) == 12
    assert not again.trained
    assert again.experiment == first.experiment
    assert stored() == files


def test_more_seeds_and_schedules_train_only_what_is_missing(tmp_path: Path) -> None:
    first = fake_run(tmp_path, schedulers="step,cosine", seeds=2)
    more = fake_run(tmp_path, schedulers="step,cosine,constant", seeds=3)
    assert len(more.trained) == 9 - 4
    assert not ids(first.trained) & ids(more.trained)
    assert ids(load(more.experiment.folder).finished) == ids(first.trained) | ids(more.trained)
    assert len(more.planned) == 9


def test_a_smaller_command_keeps_what_others_made(tmp_path: Path) -> None:
    first = fake_run(tmp_path, seeds=2)
    table = (first.experiment.folder / "epochs.csv").read_bytes()
    small = fake_run(tmp_path, schedulers="step")
    assert len(small.planned) == 1
    assert len(small.experiment.finished) == 12
    assert (first.experiment.folder / "epochs.csv").read_bytes() == table


def test_different_settings_never_mix(tmp_path: Path) -> None:
    fake_run(tmp_path)
    fake_run(tmp_path, epochs=5)
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert all(len(load(folder).finished) == 6 for folder in folders)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_bytes_do_not_depend_on_how_many_train_side_by_side(tmp_path: Path, jobs: int) -> None:
    one, two = fake_run(tmp_path / "a", seeds=3, jobs=1), fake_run(tmp_path / "b", seeds=3, jobs=jobs)
    assert (one.experiment.folder / "epochs.csv").read_bytes() == (
        two.experiment.folder / "epochs.csv"
    ).read_bytes()


def test_replicas_really_train_side_by_side() -> None:
    together = threading.Barrier(3, timeout=20)

    plan = fake_plan(schedulers="step,cosine,constant")

    class Meeting(FakeReplica):
        def compile(self) -> None:
            together.wait()

    class Engine(FakeEngine):
        def replica(self) -> FakeReplica:
            return Meeting(plan.setting.subject.figures, True, 0)

    executor = Threads(Engine(plan.setting), 3)
    ended = [event for event in executor.train(map(Task, plan.runs)) if isinstance(event, Ended)]
    executor.close()
    assert sorted(event.run_id for event in ended) == sorted(run.run_id for run in plan.runs)


def test_a_diverged_run_is_stored_as_such_and_the_others_go_on(tmp_path: Path) -> None:
    outcome = fake_run(tmp_path, schedulers="hot=constant(lr=11),step,hotter=step(lr=12)", seeds=2)
    found = {(one.schedule.words, one.seed): one.result for one in load(outcome.experiment.folder).finished}
    assert len(found) == 6
    for (label, _), result in found.items():
        assert (result.status is Status.DIVERGED) == (label != "step")
    hot = found["hot", 0]
    assert (len(hot.rows), hot.test) == (1, None)
    assert hot.rows[0].train[0] == float("inf")


def test_a_run_that_an_exception_ends_is_stored_as_failed_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FakeReplica.train_epoch

    def breaks(self: FakeReplica, epoch: int, rates: Rates) -> Figures:
        if self._seed == 2 and epoch == 3:
            raise MemoryError("no more")
        return whole(self, epoch, rates)

    with monkeypatch.context() as patched:
        patched.setattr(FakeReplica, "train_epoch", breaks)
        first = fake_run(tmp_path, schedulers="step", seeds=4, jobs=1)
    stored = load(first.experiment.folder)
    assert stored == first.experiment
    assert [one.result.status for one in stored.finished] == ["done", "done", "failed", "done"]
    failed = stored.finished[2]
    assert failed.result.rows == ()
    assert failed.final("test_accuracy") is None
    assert "MemoryError: no more" in (failed.result.error or "")
    assert "in train_epoch" in (failed.result.error or "") or "in breaks" in (failed.result.error or "")

    again = fake_run(tmp_path, schedulers="step", seeds=4, jobs=1)
    assert [one.seed for one in again.trained] == [2], "the next run tries it again"
    assert {one.result.status for one in again.experiment.finished} == {"done"}
    folder = first.experiment.folder / "runs" / failed.run_id
    (failed,) = folder.glob("failed-*.json")
    assert sorted(path.name for path in folder.iterdir()) == ["epochs.csv", failed.name, "run.json"]
    assert "MemoryError: no more" in failed.read_text()
    undisturbed = fake_run(tmp_path / "other", schedulers="step", seeds=4).experiment.folder
    assert (again.experiment.folder / "epochs.csv").read_bytes() == (undisturbed / "epochs.csv").read_bytes()


def test_a_replica_that_failed_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeReplica] = []
    whole = FakeReplica.__init__

    def count(self: FakeReplica, *arguments: Any) -> None:
        made.append(self)
        whole(self, *arguments)

    def breaks(self: FakeReplica) -> Figures:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(FakeReplica, "__init__", count)
    fake_run(tmp_path / "a", schedulers="step", seeds=3, jobs=1)
    assert len(made) == 1
    monkeypatch.setattr(FakeReplica, "test", breaks)
    fake_run(tmp_path / "b", schedulers="step", seeds=3, jobs=1)
    assert len(made) == 1 + 3


def test_an_error_of_the_listener_ends_the_command_and_is_no_failed_run(tmp_path: Path) -> None:
    class Breaks(Listener):
        def on_epoch(self, run: Run, row: Row) -> None:
            if run.seed == 1:
                raise ValueError("mine")

    config = load_config(None, {"engine": "fake", "epochs": 3, "seeds": 3, "jobs": 1, "out": tmp_path}, {})
    with pytest.raises(ValueError, match="mine"):
        conduct(config, Breaks())
    (folder,) = tmp_path.iterdir()
    assert {(one.seed, one.result.status) for one in load(folder).finished} == {(0, Status.DONE)}


def test_runs_under_way_end_with_their_epoch_when_nobody_listens_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LRBENCH_FAKE_SECONDS", "0.01")
    plan = fake_plan(schedulers="step,cosine", seeds=50, epochs=50)
    executor = Threads(FakeEngine(plan.setting), 2)
    seen = [next(executor.train(map(Task, plan.runs)))]
    seen += executor.stop()
    executor.close()
    assert not any(future.running() for future in executor._futures)
    rows = [event for event in seen if isinstance(event, Epoch)]
    assert len(rows) < 100 * 50
    last = {event.run_id: event.row.epoch for event in rows}
    ended = {event.run_id for event in seen if isinstance(event, Ended)}
    kept = {event.run_id: len(event.checkpoint.rows) for event in seen if isinstance(event, Kept)}
    assert last.keys() - ended, "something was under way"
    assert all(kept[run_id] == last[run_id] for run_id in last.keys() - ended), "it is kept before it ends"


def test_the_listener_hears_every_epoch_and_every_end(tmp_path: Path) -> None:
    heard: dict[str, list[object]] = {"start": [], "epoch": [], "finished": []}

    class Ear(Listener):
        def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
            heard["start"].append(len(todo))

        def on_epoch(self, run: Run, row: Row) -> None:
            heard["epoch"].append((run.run_id, row.epoch))

        def on_finished(self, run: Run, finished: Finished) -> None:
            heard["finished"].append(finished.run_id)

    config = load_config(None, {"engine": "fake", "epochs": 3, "out": tmp_path}, {})
    outcome = conduct(config, Ear())
    assert heard["start"] == [6]
    assert sorted(heard["epoch"], key=str) == sorted(
        [(run_id, epoch) for run_id in ids(outcome.trained) for epoch in (1, 2, 3)], key=str
    )
    assert set(heard["finished"]) == ids(outcome.trained)


def test_feedback_scales_the_next_epoch_s_rates() -> None:
    class Flat(FakeReplica):
        def validate(self) -> Figures:
            return (1.0, 0.5)

    plan = fake_plan(schedulers="plateau(patience=1 epoch)", epochs=4)
    result = trained(Flat(plan.setting.subject.figures, True, 0), plan.runs[0])
    assert [(row.lr_first, row.lr) for row in result.rows] == [
        (0.1, 0.1),
        (0.1, 0.1),
        (0.05, 0.05),
        (0.025, 0.025),
    ]


def test_rows_say_which_rates_were_used() -> None:
    plan = fake_plan(schedulers="exponential(every=1 step, gamma=0.5)", train_size=96, epochs=2)
    result = trained(FakeEngine(plan.setting).replica(), plan.runs[0])
    assert [(row.step, row.lr_first, row.lr) for row in result.rows] == [(3, 0.1, 0.025), (6, 0.0125, 0.003125)]


def test_an_engine_that_cannot_be_imported_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lrbench.engine.fake", None)
    plan = fake_plan()
    with pytest.raises(EngineUnavailable, match=r"engine\.fake cannot be imported"):
        open_engine(plan.setting, plan.problem)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")]
)
def test_a_signal_keeps_what_finished_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    words = ["run", "--engine", "fake", "--epochs", "4", "--seeds", "3", "-j", "1", "-o", "my results"]
    process = processes.start(*words, cwd=tmp_path, LRBENCH_FAKE_SECONDS="0.05")
    said = ""
    while "[3/18]" not in said:
        said += process.stderr.readline()
    process.send_signal(number)
    out, rest = process.communicate(timeout=30)
    said += rest
    assert process.returncode == code
    assert "Traceback" not in said
    assert f"{word}: 3 of 18 runs are finished and kept in" in said
    assert "Go on with: lrbench run --engine fake --epochs 4 --seeds 3 -j 1 -o 'my results'" in said
    assert out == ""
    (folder,) = (tmp_path / "my results").iterdir()
    assert len(load(folder).finished) == 3
    assert len((folder / "epochs.csv").read_text().splitlines()) == 1 + 3 * 4
    assert not list(folder.rglob(".tmp-*"))
    again = fake_run(tmp_path / "my results", seeds=3)
    assert len(again.trained) == 15


def test_the_user_s_functions_are_asked_once_and_in_one_thread(tmp_path: Path, cli: Callable[..., Result]) -> None:
    """Print, seed the random generator of the process: two replicas must not get in each other's way."""
    (tmp_path / "mine.py").write_text(MINE)
    for _ in range(3):
        shutil.rmtree(tmp_path / "results", ignore_errors=True)
        words = ["--train-size", "960", "--epochs", "2", "-q", "-j", "2", "--seeds", "4"]
        done = cli("run", "--engine", "fake", "-s", "a=mine.py:rate,b=mine.py:rate", *words)
        assert done.exit_code == 0, done.stderr
        assert "n = finished runs" in done.stdout


MINE = """
import random, threading

def rate(step):
    assert threading.current_thread() is threading.main_thread()
    print("asked for", step)
    random.seed(step)
    return 0.01 + 0.1 * random.random()
"""


def test_a_schedule_that_is_random_is_refused_the_second_time(tmp_path: Path, cli: Callable[..., Result]) -> None:
    (tmp_path / "mine.py").write_text("import random\n\ndef rate(step):\n    return random.random()\n")
    words = ["run", "--engine", "fake", "--train-size", "96", "-s", "mine.py:rate"]
    assert cli(*words).exit_code == 0
    done = cli(*words)
    assert done.exit_code == 2
    assert "gives other rates than it did" in done.stderr


def test_failed_runs_are_said_with_exit_code_3_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Result]
) -> None:
    whole = FakeReplica.train_epoch

    def breaks(self: FakeReplica, epoch: int, rates: Rates) -> Figures:
        if self._seed == 1:
            raise MemoryError("no more")
        return whole(self, epoch, rates)

    words = ["run", "--engine", "fake", "--epochs", "3", "-s", "step,cosine", "--seeds", "2"]
    with monkeypatch.context() as patched:
        patched.setattr(FakeReplica, "train_epoch", breaks)
        broken = cli(*words)
    assert broken.exit_code == 3
    assert "step, seed 1: FAILED: MemoryError: no more" in broken.stderr
    said = broken.stderr.splitlines()
    assert said[-2].startswith("Error: 2 runs failed; run.json in results/")
    assert said[-1] == "  The same command again tries them once more."
    assert "failed" in broken.stdout
    assert cli("summary", "results").exit_code == 0
    assert cli("plot", "results").exit_code == 0
    assert cli(*words, "--dry-run").stdout.count("to do") == 2
    assert cli(*words).exit_code == 0
