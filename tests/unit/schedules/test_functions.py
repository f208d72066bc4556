"""The user's own functions as schedules."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench.errors import BadSpec
from lrbench.judging.questions import Question, answer
from lrbench.schedules import Horizon, parse
from lrbench.show.groups import group, used_rates
from lrbench.store import load
from lrbench.users import find

HORIZON = Horizon(epochs=3, steps_per_epoch=4)
SOURCE = """
import functools
import math

import numpy as np

print("imported")

def by_step(step):
    return 0.5 / (step + 1)

def by_share(step, total):
    return 1 - step / total

def by_epoch(epoch):
    return [0.3, 0.2, 0.1][epoch]

def scheduler(epoch, lr):  # from a tutorial, unchanged
    if epoch < 2:
        return lr
    else:
        return lr * math.exp(-0.1)

def keras_names(epoch, learning_rate):
    return learning_rate * 0.5

def keras_default(epoch, initial=99.0, drop=0.5):  # Keras passes the last rate by position
    return initial * drop

def other_words(index, current_lr):
    return current_lr * 0.5

def only(epoch, /):
    return 0.1 / (epoch + 1)

def decay(factor, epoch, lr, *, floor):
    return max(lr * factor, floor)

def with_options(step, scale=2.0, *, floor=0.0, **rest):
    return scale / (step + 1)

def at_hand(step, **options):
    return 0.5 / (step + 1)

class Object:
    def __call__(self, epoch, lr):
        return lr * 0.5

halving = Object()
bound = functools.partial(decay, 0.5, floor=0.01)
by_keyword = functools.partial(keras_default, drop=0.25)

def quoted(step):
    return "0.1"

def truth(step):
    return step == 0

def whole(step):
    return 1

def numpys(epoch):
    return np.float32([0.5])[0]

def open_end(epoch, lr, drop):
    return lr * drop

def needs_keyword(step, *, scale):
    return scale

def anything(*arguments):
    return 0.1

def broken(step):
    return 1 / (step - 5)

def negative(step):
    return -1.0

def text(step):
    return "fast"

def leaves(step):
    import sys
    sys.exit(3)

def strange(time):
    return 0.1

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("by_step", [0.5 / (t + 1) for t in range(12)]),
        ("by_share", [1 - t / 12 for t in range(12)]),
        ("by_epoch", np.repeat([0.3, 0.2, 0.1], 4)),
        ("scheduler", np.repeat([0.1, 0.1, 0.1 * np.exp(-0.1)], 4)),
        ("with_options", [2 / (t + 1) for t in range(12)]),
        ("at_hand", [0.5 / (t + 1) for t in range(12)]),
        ("only", np.repeat([0.1, 0.05, 0.1 / 3], 4)),
        ("whole", [1.0] * 12),
        ("numpys", [0.5] * 12),
    ],
)
def test_the_four_signatures(name: str, rates: list[float]) -> None:
    assert parse(f"mine.py:{name}", lr=0.1).table(HORIZON) == pytest.approx(np.array(rates))


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own, under numpy 2
@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("scheduler", [0.1, 0.1, 0.1 * np.exp(-0.1)]),
        ("keras_names", [0.05, 0.025, 0.0125]),
        ("keras_default", [0.05, 0.025, 0.0125]),
        ("other_words", [0.05, 0.025, 0.0125]),
        ("bound", [0.05, 0.025, 0.0125]),
        ("by_keyword", [0.025, 0.00625, 0.0015625]),
        ("halving", [0.05, 0.025, 0.0125]),
        ("only", [0.1, 0.05, 0.1 / 3]),
        ("by_epoch", [0.3, 0.2, 0.1]),
    ],
)
def test_what_keras_s_callback_takes_gives_the_same_rates_here(name: str, rates: list[float]) -> None:
    import keras

    assert parse(f"mine.py:{name}", lr=0.1).table(HORIZON) == pytest.approx(np.repeat(rates, 4))

    class Model:
        optimizer = keras.optimizers.SGD(0.1)

    callback = keras.callbacks.LearningRateScheduler(find(f"mine.py:{name}", "step"))
    callback.set_model(Model())
    theirs = []
    for epoch in range(3):
        callback.on_epoch_begin(epoch)
        theirs.append(float(Model.optimizer.learning_rate.numpy()))
    assert theirs == pytest.approx(rates)


def test_a_module_in_the_current_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.rename(file.parent / "my_schedules.py")
    monkeypatch.delitem(sys.modules, "my_schedules", raising=False)
    assert parse("my_schedules:by_step").table(HORIZON)[1] == 0.25
    assert str(file.parent) not in sys.path


def test_labels_peak_rates_and_modifiers_work_as_for_any_other() -> None:
    schedule = parse("mine=mine.py:scheduler(lr=0.8, warmup=1 epoch)")
    assert str(schedule) == "mine=mine.py:scheduler(lr=0.8, warmup=1 epoch)"
    assert parse(str(schedule)) == schedule
    assert schedule.table(HORIZON) == pytest.approx([0.8 * t / 5 for t in range(1, 5)] + [0.8] * 8)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("mine.py:broken", r"failed at \(5\): ZeroDivisionError.*mine\.py, line \d+: return 1 / \(step - 5\)"),
        ("mine.py:leaves", r"failed at \(0\): SystemExit: 3"),
        ("mine.py:text", r"returned 'fast' at \(0\), which is no rate"),
        ("mine.py:quoted", r"returned '0.1' at \(0\), which is no rate"),
        ("mine.py:truth", r"returned True at \(0\), which is no rate"),
        ("mine.py:open_end", r"takes \(epoch, lr, drop\), which is none of .*, and nothing says what drop is"),
        ("mine.py:needs_keyword", r"takes \(step, \*, scale\).*nothing says what scale is"),
        ("mine.py:anything", r"takes \(\*arguments\), which is none of"),
        ("mine.py:negative", "rate -1.0 at step 0"),
        ("mine.py:strange", r"takes \(time\), which is none of"),
        ("mine.py:nothing", "has no function 'nothing'"),
        ("mine.py:NUMBER", "has no function 'NUMBER'"),
        ("missing.py:f", "There is no file missing.py"),
        ("no_such_module:f", "cannot be imported: ModuleNotFoundError"),
        (":f", "cannot be imported"),
        ("mine.py:by_step(gamma=1)", "Unknown parameter"),
    ],
)
def test_what_is_wrong_with_a_function_is_said_with_its_line(spec: str, problem: str) -> None:
    with pytest.raises(BadSpec, match=problem):
        parse(spec).table(HORIZON)


def test_a_function_is_never_asked_beyond_the_horizon(file: Path) -> None:
    file.write_text(
        "R = [0.3, 0.2, 0.1]\n"
        "def chain(epoch, lr):\n    return R[epoch]\n"
        "def of_epoch(epoch):\n    return R[epoch]\n"
    )
    for name in ("chain", "of_epoch"):
        schedule = parse(f"mine.py:{name}", lr=0.1)
        assert schedule.table(HORIZON) == pytest.approx(np.repeat([0.3, 0.2, 0.1], 4))
        assert schedule.to_lambda(HORIZON)(99) == pytest.approx(1)


def test_a_file_finds_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    (folder / "neighbour_of_main.py").write_text("RATE = 0.25\n")
    (folder / "main.py").write_text("from neighbour_of_main import RATE\ndef f(step):\n    return RATE\n")
    assert parse("sub/main.py:f").table(HORIZON)[0] == 0.25


def test_a_syntax_error_is_said_with_its_line(file: Path) -> None:
    file.write_text("x = 1\ndef f(step) return 1")
    with pytest.raises(BadSpec, match=r"SyntaxError.*mine\.py, line 2"):
        parse("mine.py:f").table(HORIZON)


def test_nothing_is_imported_before_the_rates_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    schedule = parse("mine.py:by_step")
    assert capsys.readouterr() == ("", "")
    schedule.table(HORIZON)
    assert capsys.readouterr() == ("", "imported\n")  # stdout is for what the command was asked for


def test_looking_at_results_never_runs_the_function(file: Path, tmp_path: Path) -> None:
    experiment = fake_run(
        tmp_path / "results", schedulers="mine.py:by_share,step", epochs=3, train_size=96
    ).experiment
    file.unlink()
    stored = load(experiment.folder)
    assert not stored.damage
    assert stored == experiment
    (each,) = [each for each in group(answer(stored, Question())) if each.label == "mine.py:by_share"]
    assert used_rates(each, np.arange(9))[0] == pytest.approx([1 - t / 9 for t in range(9)])


def test_a_changed_function_never_mixes_with_its_old_runs(file: Path, cli: Callable[..., Result]) -> None:
    words = ("run", "--engine", "fake", "--epochs", "3", "-s", "mine.py:by_epoch")
    assert cli(*words).exit_code == 0
    assert "nothing to train" in cli(*words).stderr
    file.write_text(SOURCE.replace("0.3, 0.2", "0.4, 0.2"))
    changed = cli(*words)
    assert changed.exit_code == 2
    assert "gives other rates than it did" in changed.stderr
    assert cli(*words[:-1], "new=mine.py:by_epoch").exit_code == 0


@pytest.mark.tensorflow
def test_a_run_trains_with_the_user_s_function(cli: Callable[..., Result], tmp_path: Path) -> None:
    done = cli("run", "-s", "mine.py:scheduler", "--train-size", "300", "--epochs", "3")
    assert done.exit_code == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    (one,) = load(folder).finished
    assert [row.lr for row in one.result.rows] == pytest.approx([0.1, 0.1, 0.1 * np.exp(-0.1)])
