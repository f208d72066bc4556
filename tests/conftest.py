"""What several tests share: the command line in this process or in one of its own, and finished experiments."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import processes
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from lrbench import environment
from lrbench.cli import app
from lrbench.config import load_config
from lrbench.engine.events import Ended
from lrbench.engine.replica import Replica
from lrbench.engine.train import train
from lrbench.judging.questions import Answer, Question, answer
from lrbench.plan import Plan, make_plan
from lrbench.problems.idx import DataSet, File
from lrbench.problems.mnist import MNIST
from lrbench.runner import Outcome, conduct
from lrbench.runs import Experiment, Finished, Run, RunResult, Task
from lrbench.schedules.knots import knots

ROOT = Path(__file__).parent.parent
LONGEST_FIRST = ("slow", "apart", "tensorflow")
CLEAN = pytest.StashKey[bool]()  # this process had not loaded TensorFlow before the test

# The same examples every time, so that a red suite means a change; HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("explore", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Every experiment of this process notes them, and none changes meanwhile. git would be started twice for each.
for asked_once in ("_version", "_cpu", "_git"):
    setattr(environment, asked_once, cache(getattr(environment, asked_once)))

# MNIST is unpacked once in each process: that takes a fifth of a second, and nobody can write to what is returned.
read_file = DataSet._read
read_once = cache(read_file)


def _read(data: DataSet, path: Path, file: File) -> NDArray[np.uint8]:
    return (read_once if path.parent in MNIST.folders else read_file)(data, path, file)


DataSet._read = _read  # type: ignore[method-assign]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of tests/real trains, a browser is slow. Where several processes share the files, long ones begin."""
    for item in items:
        if ROOT / "tests" / "real" in item.path.parents:
            item.add_marker("tensorflow")
        if isinstance(item, pytest.Function) and "browser" in item.fixturenames:
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in LONGEST_FIRST])


def needs_tensorflow_here(item: pytest.Item) -> bool:
    """In this process, and not only in others that the test starts."""
    return bool(item.get_closest_marker("tensorflow") and not item.get_closest_marker("apart"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collecting is for `make check` too."""
    if "tensorflow" in sys.modules:
        raise pytest.UsageError("a test file imports TensorFlow at its top: import it inside the test")
    if any(item.get_closest_marker("tensorflow") for item in session.items):
        os.environ[processes.WITH_TENSORFLOW] = "1"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whichever test comes first to TensorFlow in this process: it computes as lrbench wants it."""
    item.stash[CLEAN] = "tensorflow" not in sys.modules
    if needs_tensorflow_here(item):
        from lrbench.backend.process import use_one_thread_per_replica

        use_one_thread_per_replica()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What is not marked runs in `make check`, which never loads TensorFlow."""
    yield
    if item.stash[CLEAN] and "tensorflow" in sys.modules and not needs_tensorflow_here(item):
        pytest.fail("This test loaded TensorFlow. Mark it: @pytest.mark.tensorflow", pytrace=False)


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "160")
    for variable in [name for name in os.environ if name.startswith("LRBENCH_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`lrbench WORDS` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are put together, named and written, but have no pixels: for who looks at none of them."""
    monkeypatch.setattr("lrbench.show.canvas.picture_of", lambda figure, form: b"")


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`lrbench WORDS` in a process of its own, in an empty folder."""

    def run(*words: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lrbench", *map(str, words)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def asked(experiment: Experiment, **question: Any) -> Answer:
    """What can be said of an experiment that stands by itself."""
    return answer(experiment, Question(**question))


def fake_plan(**options: Any) -> Plan:
    return make_plan(load_config(None, {"engine": "fake", "epochs": 4, **options}, {}))


def fake_run(out: Path, **options: Any) -> Outcome:
    """Conduct a comparison on the fake engine; returns what `lrbench run` would."""
    config = load_config(None, {"engine": "fake", "epochs": 4, "out": out, **options}, {})
    return conduct(config)


def trained(replica: Replica, run: Run) -> RunResult:
    """Train a run to its end."""
    *_, ended = train(replica, Task(run))
    assert isinstance(ended, Ended)
    return ended.result


def fake_finished(plan: Plan) -> tuple[Finished, ...]:
    """The plan's runs, trained on the fake engine, stored nowhere."""
    from lrbench.engine.fake import FakeEngine

    replica = FakeEngine(plan.setting).replica()
    return tuple(Finished.of(run, trained(replica, run), knots(run.rates), {}) for run in plan.runs)


def fake_experiment(**options: Any) -> Experiment:
    plan = fake_plan(**options)
    return Experiment(
        name=plan.experiment, folder=Path("nowhere"), setting=plan.setting, finished=fake_finished(plan)
    )
