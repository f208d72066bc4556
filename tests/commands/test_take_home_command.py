"""After training: the command that prints the best schedule's code, for the horizon that it was trained on."""

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench.judging.questions import Question, answer
from lrbench.runs import Experiment, Finished
from lrbench.schedules import Horizon, parse
from lrbench.show import take_home
from lrbench.show.reproduce import take_home as command_of
from lrbench.store import load

Cli = Callable[..., Result]
OWN = "def halving(epoch, lr):\n    return 0.05 * 0.5**epoch\n"
FAKE = ("run", "--engine", "fake")


def taken_home(result: Result) -> list[str]:
    return re.findall(r"^Take home: (.*)$", result.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("scheduler", "options"),
    [
        ("cosine", ()),
        ("rex(warmup=5%)", ("--batch-size", "64")),
        ("cosine(lr=0.02)", ()),
        ("slow=step(lr=0.02, every=1 epoch)", ()),
        ("polynomial(power=2)", ("--optimizer", "adam")),
        ("join(linear(to=50%); cosine, at=30%)", ("--lr", "0.3")),
        ("plateau(warmup=5%)", ("--train-size", "2000")),
    ],
)
def test_the_command_prints_the_code_of_what_was_trained(
    scheduler: str, options: tuple[str, ...], cli: Cli, tmp_path: Path
) -> None:
    (line,) = taken_home(cli(*FAKE, "-s", scheduler, "--epochs", "3", "--name", "one", *options))
    printed = cli(*shlex.split(line)[1:])
    assert printed.exit_code == 0, printed.output
    setting = load(tmp_path / "results" / "one").setting
    (stored,) = load(tmp_path / "results" / "one").names
    trained = parse(stored.spec, stored.lr)
    assert printed.stdout == take_home.script(trained, "keras", setting.horizon)
    assert f"# for 3 epochs of {setting.horizon.steps_per_epoch:,} updates" in printed.stdout


def test_a_function_of_the_user_s_is_taken_home_with_lrbench(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(OWN)
    (line,) = taken_home(cli(*FAKE, "-s", "own=my.py:halving", "--epochs", "3"))
    printed = cli(*shlex.split(line)[1:])
    assert printed.exit_code == 0, printed.output
    (spec,) = re.findall(r"parse\('(.*)'\)", printed.stdout)
    (run,) = (one for one in load(next((tmp_path / "results").iterdir())).finished)
    assert isinstance(run, Finished)
    rates = parse(spec).table(Horizon(3, 1719))
    assert [rates[0], rates[-1]] == [run.result.rows[0].lr_first, run.result.rows[-1].lr]


def test_it_is_the_best_one_of_those_that_finished(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="constant,cosine,step", seeds=8).experiment

    def with_values(**values: float) -> Experiment:
        def given(one: Finished) -> Finished:
            value = values[one.schedule.words] + 0.001 * (one.seed % 2)
            return replace(one, result=replace(one.result, test=(0.1, value)))

        return replace(experiment, finished=tuple(map(given, experiment.finished)))

    for best in ("cosine", "step"):
        values = {"constant": 0.5, "cosine": 0.5, "step": 0.5} | {best: 0.9}
        assert command_of(answer(with_values(**values), Question())).startswith(
            f"lrbench schedulers {best} --code "
        )


def test_several_experiments_have_a_command_each_and_the_page_has_its_own(cli: Cli, tmp_path: Path) -> None:
    result = cli(*FAKE, "-s", "rex,linear", "--epochs", "3,5", "--seeds", "2")
    lines = taken_home(result)
    assert [re.findall(r"--epochs (\d+)", line) for line in lines] == [["3"], ["5"]]
    assert cli("report", "results").exit_code == 0
    page = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert all(f"<dt>Take home</dt><dd><code>{line}</code></dd>" in page for line in lines)


def test_a_search_names_the_tuned_rate_and_a_shard_nothing(cli: Cli) -> None:
    words = ("--engine", "fake", "-s", "cosine,step", "--epochs", "3")
    tuned = cli("tune", *words, "--lrs", "0.2,0.3", "--tune-seeds", "1", "--refine", "0", "--seeds", "2")
    (line,) = taken_home(tuned)
    assert re.search(r"schedulers '\w+\(lr=[\d.]+\)' --code keras --epochs 3 --steps-per-epoch 1719$", line)
    assert not taken_home(cli("run", *words, "--seeds", "2", "--shard", "1/2", "-o", "part"))
