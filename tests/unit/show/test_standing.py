"""The standing below the bars: what it counts, what it shows, and that it goes away."""

import io
import math
import os
import re
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import fake_experiment, fake_finished, fake_plan, fake_run
from rich.console import Console

from lrbench import summary
from lrbench.engine.train import failure
from lrbench.plan import Plan
from lrbench.problems.images import FIGURES
from lrbench.runner import Listener
from lrbench.runs import Finished
from lrbench.show.numbers import with_spread
from lrbench.show.progress import Bars, progress_for
from lrbench.show.standing import MOST_ROWS, Row, Standing


def drawn(standing: Standing, room: int = 20, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    table = standing.table(room)
    with console.capture() as capture:
        console.print(table or "")
    return [line.rstrip() for line in capture.get().splitlines()]


def standing_of(*finished: Finished) -> Standing:
    standing = Standing(FIGURES[1])
    for one in finished:
        standing.add(one.schedule.words, one)
    return standing


def test_its_figures_are_those_of_the_summary() -> None:
    experiment = fake_experiment(schedulers="a=step,b=cosine,hot=constant(lr=11)", seeds=3)
    rows = standing_of(*reversed(experiment.finished)).rows
    table = summary.summarize(experiment).to_dict(orient="records")
    assert [row.label for row in rows] == [each["scheduler"] for each in table]
    for row, each in zip(rows, table, strict=True):
        assert (row.n, row.lost) == (each["n"], each["diverged"])
        assert row.mean == pytest.approx(each["test_accuracy_mean"], nan_ok=True)
        half = (each["test_accuracy_high"] - each["test_accuracy_low"]) / 2
        assert row.half == pytest.approx(half, nan_ok=True)


def test_it_grows_run_by_run() -> None:
    plan = fake_plan(schedulers="step,cosine", seeds=2)
    standing = Standing(FIGURES[1])
    assert standing.table(20) is None
    step, cosine, step_again, _ = fake_finished(plan)
    standing.add("step", step)
    assert drawn(standing)[0].split() == ["scheduler", "n", "test", "accuracy", "so", "far"]
    assert drawn(standing)[1].split()[:2] == ["step", "1"]
    assert "±" not in "".join(drawn(standing)), "one run has no interval"
    standing.add("cosine", cosine)
    standing.add("step", step_again)
    first, second = standing.rows
    assert first.mean > second.mean
    mean = statistics.mean([step.final("test_accuracy") or 0, step_again.final("test_accuracy") or 0])
    (line,) = [line for line in drawn(standing) if line.startswith("step")]
    assert re.fullmatch(rf"step +2 +{100 * mean:.2f} ± \d+\.\d\d %", line)


def test_what_was_lost_is_said_and_comes_last() -> None:
    plan = fake_plan(schedulers="hot=constant(lr=11),step", seeds=2)
    runs = fake_finished(plan)
    failed = replace(runs[1], result=failure(ValueError("no")))
    lines = drawn(standing_of(*runs, failed))
    assert lines[1].startswith("step")
    assert "2, 1 lost" in lines[1]
    assert lines[2].split() == ["hot", "0,", "2", "lost", "–"]


def test_a_label_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = fake_plan(schedulers="[red]x=step", seeds=2)
    runs = fake_finished(plan)
    assert drawn(standing_of(*runs))[1].startswith("[red]x ")
    evil = Row("\x1b[31m[/]\n" + "日" * 40, 1, 0, 0.5, 0.1, is_share=True)
    standing = Standing(FIGURES[1])
    standing.rows = (evil,)
    heading, line = drawn(standing)
    assert line.startswith("\\x1b[31m[/]\\n日")
    assert "…" in line
    assert len(heading) < 60


@pytest.mark.parametrize(
    ("schedules", "room", "shown", "more"),
    [
        (8, 20, 8, 0),
        (20, 24, 8, 12),
        (9, 20, 8, 1),
        (5, 6, 5, 0),
        (5, 5, 3, 2),
        (20, 3, 1, 19),
        (20, 2, 0, 0),
        (1, 2, 1, 0),
    ],
)
def test_it_fits_a_small_terminal(schedules: int, room: int, shown: int, more: int) -> None:
    standing = Standing(FIGURES[1])
    standing.rows = tuple(Row(f"s{i}", 2, 0, 0.9, 0.01, is_share=True) for i in range(schedules))
    lines = [line for line in drawn(standing, room) if line]
    assert len(lines) <= room
    assert sum("±" in line for line in lines) == shown <= MOST_ROWS
    assert lines[-1:] == ([f"… and {more} more"] if more else lines[-1:])


class Told(Listener):
    def __init__(self) -> None:
        self.stored: list[Finished] = []
        self.order: list[str] = []

    def on_start(self, plan: Plan, todo: object, folder: Path) -> None:
        self.order.append("start")

    def on_stored(self, finished: Finished) -> None:
        self.order.append("stored")
        self.stored.append(finished)


def test_stored_runs_of_the_plan_are_told_after_the_start(tmp_path: Path) -> None:
    from lrbench.config import load_config
    from lrbench.runner import conduct

    fake_run(tmp_path, schedulers="step,cosine,hot=constant(lr=11)", seeds=2)
    told = Told()
    config = load_config(
        None,
        {"engine": "fake", "epochs": 4, "out": tmp_path, "schedulers": "step,rex,hot=constant(lr=11)", "seeds": 3},
        {},
    )
    conduct(config, told)
    assert told.order[0] == "start"
    assert {(one.schedule.words, one.seed) for one in told.stored} == {
        (x, s) for x in ("step", "hot") for s in (0, 1)
    }


@pytest.mark.parametrize(("seeds", "shown"), [(1, False), (2, True)])
def test_the_bars_show_it_with_several_seeds(seeds: int, shown: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, legacy_windows=False)
    bars = Bars(console, False)
    plan = fake_plan(schedulers="step,cosine", seeds=seeds)
    before, *now = fake_finished(plan)
    bars.on_start(plan, plan.runs[1:], Path("results"))
    bars.on_stored(before)
    for run, one in zip(plan.runs[1:-1], now[:-1], strict=True):
        bars.on_finished(run, one)
    bars.on_elsewhere(plan.runs[-1], now[-1])
    with console.capture() as capture:
        for each in bars._progress.get_renderables():
            console.print(each)
    bars.close()
    assert ("test accuracy so far" in capture.get()) is shown
    assert capture.get().count("±") == (2 if shown else 0)


def test_a_pipe_a_dumb_terminal_and_quiet_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert not isinstance(progress_for(io.StringIO()), Bars)
    assert not isinstance(progress_for(Terminal()), Bars), "TERM=dumb"
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress_for(Terminal()), Bars)
    assert not isinstance(progress_for(Terminal(), quiet=True), Bars)


def screen(text: str) -> list[str]:
    """What stands on a terminal in the end, of a program that writes lines, goes up and erases lines."""
    lines, row, column = [""], 0, 0
    for escape, character in re.findall(r"\x1b\[([?\d;]*[A-Za-z])|([^\x1b])", text):
        if escape == "2K":
            lines[row] = ""
        elif escape.endswith("A"):
            row = max(row - int(escape[:-1] or 1), 0)
        elif character == "\r":
            column = 0
        elif character == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif character:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
            column += 1
    return lines


@pytest.mark.slow
def test_on_a_real_terminal_it_comes_and_goes(tmp_path: Path) -> None:
    words = f"{sys.executable} -m lrbench run --engine fake -s step,cosine,[red]=rex -o {tmp_path}"
    environment = {**os.environ, "TERM": "xterm", "LRBENCH_FAKE_SECONDS": "0.02", "LRBENCH_JOBS": "2"}
    environment.pop("COLUMNS")

    def terminal(more: str) -> str:
        line = f"stty cols 80 rows 24; {words} {more} > {tmp_path}/table.txt"
        done = subprocess.run(
            ["script", "-qec", line, "/dev/null"], capture_output=True, timeout=60, env=environment
        )
        assert done.returncode == 0
        return done.stdout.decode()  # not text=True: that would lose every return to a line's start

    assert "so far" not in terminal("")
    for said in (terminal("--seeds 3"), terminal("--seeds 6")):
        assert "test accuracy so far" in said
        assert "±" in said
        assert "[red]" in said
        left = screen(said)
        assert not [line for line in left if "±" in line or "so far" in line or "all runs" in line]
        assert left[0].startswith("lrbench: 3 schedules")
        assert sum(": test accuracy" in line for line in left) in (6, 9)
    assert "so far" not in terminal("--seeds 7 -q")


def test_a_spread_of_nought_has_words() -> None:
    """In the standing and in every table of the summary, which are written alike."""
    assert with_spread(0.9786, 0.0005, 10, True) == "97.86 ± 0.05 %"
    assert with_spread(0.9786, 0.0, 2, True) == "97.86 %, both equal"
    assert with_spread(0.9786, 1e-17, 5, True) == "97.86 %, all equal"
    assert with_spread(0.9786, 0.00001, 5, True) == "97.86 ± 0.001 %"
    assert with_spread(0.9786, math.nan, 1, True) == "97.86 %"
    assert with_spread(1.5, 0.25, 3, False) == "1.5000 ± 0.2500"
    assert with_spread(1.5, 0.0, 3, False) == "1.5000, all equal"
    assert with_spread(math.nan, math.nan, 0, True) == "–"
    assert Row("cosine", 2, 0, 0.9, 0.0, is_share=True).cells == ("cosine", "2", "90.00 %, both equal")
