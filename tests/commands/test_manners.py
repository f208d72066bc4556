"""What a command line is expected to do: `-`, files that are whole, refusals that say what to write."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
from conftest import ROOT, fake_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

import lrbench
from lrbench.cli import app
from lrbench.cli.app import COMMANDS
from lrbench.cli.run import PRESETS
from lrbench.config import load_config, presets
from lrbench.errors import install_extra
from lrbench.plan import make_plan
from lrbench.show import duration
from lrbench.store import load

Cli = Callable[..., Result]
REFERENCE = ROOT / "results" / "reference"
CSV = "scheduler,seed,accuracy\n" + "".join(
    f"{label},{seed},0.{seed + high}\n" for label, high in (("sgd", 1), ("adam", 2)) for seed in range(3)
)


def said(result: Result) -> list[str]:
    return result.stderr.splitlines()


def with_input(text: str, *words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=text)


def test_a_configuration_comes_from_standard_input(cli: Cli, tmp_path: Path) -> None:
    text = 'engine = "fake"\nepochs = 2\nschedulers = "größe=step"\nname = "piped"\n'
    assert with_input(text, "run", "-c", "-").exit_code == 0
    (one,) = load(tmp_path / "results" / "piped").finished
    assert (one.setting.epochs, one.schedule.words) == (2, "größe")
    for wrong, problem in (
        ("epochs = 0", "standard input: epochs = 0 is below 1."),
        ("epoch = 1", "standard input: unknown key 'epoch'."),
        ("epochs: 1", "standard input is not TOML"),
    ):
        refused = with_input(wrong, "run", "-c", "-")
        assert refused.exit_code == 2
        assert problem in said(refused)[0]


def test_a_csv_comes_from_standard_input(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text(CSV)
    words = ("--metric", "accuracy", "--format", "json")
    (piped,) = json.loads(with_input(CSV, "summary", "-", *words).stdout)
    (file,) = json.loads(cli("summary", "my.csv", *words).stdout)
    assert piped["experiment"] == "standard input"
    assert piped["rows"] == file["rows"]
    refused = with_input("scheduler\n", "summary", "-", *words)
    assert (refused.exit_code, said(refused)[0]) == (
        2,
        "Error: standard input has no column 'seed'. Its columns: scheduler.",
    )


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown", "latex"])
def test_a_summary_of_any_format_goes_into_a_file(cli: Cli, tmp_path: Path, form: str) -> None:
    screen = cli("summary", REFERENCE, "--format", form)
    filed = cli("summary", REFERENCE, "--format", form, "-o", "new/summary.txt")
    assert filed.exit_code == screen.exit_code == 0
    assert filed.stdout == f"{Path('new/summary.txt')}\n"
    written = (tmp_path / "new" / "summary.txt").read_text(encoding="utf-8")
    signed = form not in ("csv", "json")
    assert written.startswith(screen.stdout)
    assert written.count("\n") == screen.stdout.count("\n") + 2 * signed
    assert ("Written by lrbench; sha256" in written) == signed
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["summary.txt"], "no half-written file is left"
    assert cli("summary", REFERENCE, "--format", form, "-o", "-").stdout == screen.stdout
    assert not (tmp_path / "-").exists()


def test_a_report_goes_to_standard_output(cli: Cli, tmp_path: Path) -> None:
    printed = cli("report", REFERENCE, "-o", "-")
    assert printed.exit_code == 0
    assert cli("report", REFERENCE, "-o", "page.HTM").stdout == "page.HTM\n"
    assert (tmp_path / "page.HTM").read_text(encoding="utf-8") == printed.stdout
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        ("report -o x.pdf", "x.pdf does not end in .html", "-o x.html"),
        ("report -o comparison", "comparison does not end in .html", "-o comparison.html"),
        ("report -o v1.of-mine", "v1.of-mine does not end in .html", "-o v1.of-mine.html"),
        ("report -o .", ". is a folder.", "-o report.html"),
        ("report -o sub", "sub is a folder.", "-o sub/report.html"),
        ("summary -o sub", "sub is a folder.", "-o sub/summary.txt"),
        ("summary --format markdown -o sub", "sub is a folder.", "-o sub/summary.md"),
        ("summary -o file/x.txt", "file/x.txt cannot be written", "another place"),
    ],
)
def test_an_output_that_cannot_be_is_refused_with_what_to_write(
    cli: Cli, tmp_path: Path, words: str, problem: str, hint: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "sub").mkdir()
    command, *options = words.split()
    result = cli(command, REFERENCE, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in said(result)[0]
    assert hint in said(result)[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "sub"]


@pytest.mark.slow
@pytest.mark.parametrize(("switch", "log"), [("--log-rate", True), ("--linear-rate", False)])
def test_the_axis_of_rates_can_be_chosen(cli: Cli, tmp_path: Path, switch: str, log: bool) -> None:
    cli("run", "--engine", "fake", "--epochs", "4", "-s", "constant,step")
    assert cli("plot", "results", switch, "--format", "svg", "--out", "pictures").exit_code == 0
    for name in ("rates.svg", "overview.svg"):
        text = (tmp_path / "pictures" / name).read_text(encoding="utf-8")
        assert ("learning rate, log scale" in text) == log
    assert ("per update, log scale" in cli("report", "results", switch, "-o", "-").stdout) == log
    for command in ("plot", "report"):
        refused = with_input(CSV, command, "-", "--metric", "accuracy", switch)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert said(refused)[0] == f"Error: {switch} needs rates, and standard input has none."


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json", "markdown", "latex"])
def test_data_is_utf_8_whatever_the_locale(tmp_path: Path, form: str) -> None:
    fake_run(tmp_path / "results", schedulers="größe=step,cosine", seeds=2)
    words = [sys.executable, "-m", "lrbench", "summary", "results", "--format", form]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **plain}, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8")
    assert "größe" in (json.dumps(json.loads(text), ensure_ascii=False) if form == "json" else text)


FAKE = ("run", "--engine", "fake", "--epochs", "4", "-s", "step,cosine")


def test_a_dry_run_says_how_much_there_is_to_do_and_guesses_nothing(cli: Cli) -> None:
    nothing = cli(*FAKE, "-n", "--seeds", "2").stdout.splitlines()[-1]
    assert nothing == (
        "To do: 4 runs, 16 epochs. How long that takes is not known: no run of this experiment is stored."
    )
    record = json.loads(cli(*FAKE, "-n", "--json", "--seeds", "2").stdout)
    assert (record["seconds"], record["going_by"]) == (None, 0)
    assert record["to_do"] == {"runs": 4, "epochs": 16, "begun": 0}
    assert not Path("results").exists()


def test_a_dry_run_goes_by_the_seconds_of_stored_runs(cli: Cli) -> None:
    cli(*FAKE)
    record = json.loads(cli(*FAKE, "-n", "--json", "--seeds", "3", "--jobs", "2").stdout)
    assert [run["done"] for run in record["runs"]] == [True, True, False, False, False, False]
    assert record["to_do"] == {"runs": 4, "epochs": 16, "begun": 0}
    (experiment,) = [load(Path(record["experiment"]))]
    seconds = [one.result.seconds for one in experiment.finished]
    per_epoch = sum(each.train + each.evaluate for each in seconds) / 2 / 4  # the median of two is their mean
    assert record["seconds"] == pytest.approx(16 * per_epoch / 2)
    text = cli(*FAKE, "-n", "--seeds", "3", "--jobs", "2").stdout.splitlines()[-1]
    assert text.startswith("To do: 4 runs, 16 epochs. It may take about ")
    assert "with 2 runs at a time, going by 2 stored runs" in text
    assert cli(*FAKE, "-n").stdout.splitlines()[-1] == "Nothing is to do: every run is done."
    done = json.loads(cli(*FAKE, "-n", "--json").stdout)
    assert (done["seconds"], done["to_do"]["runs"]) == (0.0, 0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.04 s"), (1.2, "1 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")]
)
def test_a_length_of_time_is_said_in_its_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_printed_configuration_is_the_same_plan_and_says_its_sources(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(
        'epochs = 7\nschedulers = ["step(every=5 epochs)", "größe=cosine(lr=1e-05)"]'
    )
    monkeypatch.setenv("LRBENCH_BATCH_SIZE", "64")
    words = ("-c", "mine.toml", "--lr", "1e-3", "--seeds", "0,3,7", "--engine", "fake", "-o", 'a "b"')
    printed = cli("run", *words, "--print-config")
    assert printed.exit_code == 0
    lines = printed.stdout.splitlines()
    assert "epochs = 7  # file mine.toml" in lines
    assert "batch_size = 64  # environment LRBENCH_BATCH_SIZE" in lines
    assert "lr = 0.001  # option" in lines
    assert 'problem = "mnist"  # default' in lines
    assert "# train_size is left open: all that remain  # default" in lines
    monkeypatch.delenv("LRBENCH_BATCH_SIZE")
    (tmp_path / "again.toml").write_text(printed.stdout, encoding="utf-8")
    options = {"lr": "1e-3", "seeds": "0,3,7", "engine": "fake", "out": 'a "b"'}
    before = load_config("mine.toml", options, {"LRBENCH_BATCH_SIZE": "64"})
    after = load_config("again.toml", {}, {})
    assert after == before
    one, two = make_plan(before), make_plan(after)
    assert [run.identity for run in two.runs] == [run.identity for run in one.runs]
    assert (two.experiment, two.setting) == (one.experiment, one.setting)
    assert not (tmp_path / 'a "b"').exists()


@pytest.mark.parametrize("preset", sorted(presets()))
def test_every_preset_prints_as_itself(cli: Cli, preset: str) -> None:
    Path("again.toml").write_text(cli("run", "-c", preset, "--print-config").stdout, encoding="utf-8")
    one, two = (make_plan(load_config(file, {}, {})) for file in (preset, "again.toml"))
    assert [run.identity for run in two.runs] == [run.identity for run in one.runs]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(data=st.data())
def test_whatever_is_asked_for_the_printed_configuration_asks_for_the_same(cli: Cli, data: st.DataObject) -> None:
    options = {
        "-c": [*presets()],
        "-s": ["step", "a=step(every=1 epoch, gamma=0.3),größe=cosine(lr=1%)", "constant,join(linear; cosine)"],
        "--seeds": ["2", "7,", "0,3"],
        "--epochs": ["1", "7"],
        "--batch-size": ["64"],
        "--lr": ["0.1", "1e-05", "3"],
        "--hidden": ["32"],
        "--train-size": ["1000"],
        "--engine": ["fake", "fit"],
        "--name": ["größe", "a 'b' #"],
        "-o": ["x y", "\\"],
        "--jobs": ["3"],
    }
    words = ["run"]
    for option, values in options.items():
        value = data.draw(st.none() | st.sampled_from(values), label=option)
        words += [option, value] if value else []
    optimizers = st.sampled_from(
        [[], ["--optimizer", "adam"], ["--optimizers", "sgd(momentum=0.9, nesterov=true),lion"]]
    )
    words += data.draw(optimizers)
    printed = cli(*words, "--print-config")
    assert printed.exit_code == 0
    before = cli(*words, "--dry-run", "--json")
    after = with_input(printed.stdout, "run", "-c", "-", "--dry-run", "--json")
    assert (after.exit_code, after.stdout, after.stderr) == (before.exit_code, before.stdout, before.stderr)


@pytest.mark.parametrize(
    "words",
    [
        "--dry-run --verify",
        "--print-config --json",
        "--print-config --dry-run",
        "--quiet --verbose",
        "-qq --json",
        "--log-file x.log --dry-run",
    ],
)
def test_what_would_be_ignored_is_refused(cli: Cli, words: str) -> None:
    result = cli(*FAKE, *words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "do not go together." in said(result)[0]
    assert not Path("results").exists()


def test_twice_quiet_says_nothing_but_errors(cli: Cli) -> None:
    result = cli(*FAKE, "-qq")
    assert (result.exit_code, result.output) == (0, "")
    broken = cli("run", "--engine", "fake", "-s", "hot=constant(lr=11)", "-qq")
    assert (broken.exit_code, broken.stdout) == (3, "")
    assert "Unknown scheduler" in said(cli("run", "-s", "cosin", "-qq"))[0]


def test_the_help_of_run_names_presets_exit_codes_and_variables(cli: Cli) -> None:
    text = " ".join(cli("run", "--help").stdout.replace("-\n", "-").split())
    assert sorted(PRESETS) == sorted(presets())
    words = text.replace("- ", "-")
    assert all(name in words for name in PRESETS)
    assert all(f"{code} " in text.partition("Exit codes:")[2] for code in (0, 1, 2, 3, 130, 143))
    assert "LRBENCH_BATCH_SIZE" in text


def test_a_log_file_has_every_line_of_the_progress_with_its_time(cli: Cli, tmp_path: Path) -> None:
    loud = cli(*FAKE, "--log-file", "run.log", "-v")
    lines = (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()
    told = [line for line in said(loud) if not line.startswith(("Stored in", "Take home:", "Next:"))]
    assert [line[21:] for line in lines] == told
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ .+", line) for line in lines)
    assert sum("epoch " in line for line in lines) == 8
    quiet = cli(*FAKE, "--seeds", "2", "-q", "--log-file", "run.log")
    assert quiet.stderr == ""
    more = (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()
    assert more[: len(lines)] == lines
    assert any("[2/2]" in line for line in more[len(lines) :])


@pytest.mark.parametrize("place", [".", "-", "file/run.log"])
def test_a_log_file_that_is_none_is_refused(cli: Cli, place: str) -> None:
    Path("file").touch()
    result = cli(*FAKE, "--log-file", place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(said(result)) == 2
    assert "--log-file" in said(result)[1]
    assert not Path("results").exists()


def logged(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_an_experiment_logs_every_command(cli: Cli, tmp_path: Path) -> None:
    cli(*FAKE, "--name", "größe")
    cli(*FAKE, "--name", "größe", "--seeds", "2")
    cli(*FAKE, "--name", "größe", "--dry-run")
    entries = logged(tmp_path / "results" / "größe")
    assert [each["trained"] for each in entries] == [2, 2]
    assert entries[1]["words"] == [*FAKE, "--name", "größe", "--seeds", "2"]
    assert entries[1]["seeds"] == [0, 1]
    assert entries[1]["schedulers"] == ["step(lr=0.1)", "cosine(lr=0.1)"]
    assert entries[0]["lrbench"] == lrbench.__version__
    assert str(entries[0]["time"]).endswith("+00:00")


def test_a_damaged_log_harms_nothing_and_the_next_line_stands_by_itself(cli: Cli, tmp_path: Path) -> None:
    cli(*FAKE, "--name", "one")
    log = tmp_path / "results" / "one" / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-20] + b"\xff")
    assert cli("summary", "results").exit_code == 0
    assert cli("doctor", "results").exit_code == 0
    assert cli(*FAKE, "--name", "one").exit_code == 0
    *_, broken, last = log.read_bytes().split(b"\n")[:-1]
    assert broken.endswith(b"\xff")
    assert json.loads(last)["trained"] == 0


@pytest.mark.slow
def test_commands_side_by_side_log_whole_lines(tmp_path: Path) -> None:
    words = [*FAKE, "--name", "one", "-qq"]
    commands = [processes.start(*words, "--seeds", f"{seed},", cwd=tmp_path) for seed in range(4)]
    for each in commands:
        each.communicate(60)
    assert [each.returncode for each in commands] == [0] * 4
    entries = logged(tmp_path / "results" / "one")
    assert sorted(str(each["seeds"]) for each in entries) == ["[0]", "[1]", "[2]", "[3]"]
    assert sum(int(str(each["trained"])) for each in entries) == 8


def test_a_run_that_cannot_begin_leaves_no_log(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "results" / "mine").mkdir(parents=True)
    (tmp_path / "results" / "mine" / "thesis.tex").touch()
    assert cli(*FAKE, "--name", "mine").exit_code == 2
    assert [path.name for path in (tmp_path / "results" / "mine").iterdir()] == ["thesis.tex"]


def on_a_terminal(cwd: Path, line: str, columns: int = 80, **variables: str) -> list[str]:
    """What a command shows on a terminal of so many columns, line by line."""
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **variables}
    environment.pop("COLUMNS")
    words = ["script", "-qec", f"stty cols {columns}; {sys.executable} -m lrbench {line}", "/dev/null"]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 3), done.stdout
    return done.stdout.splitlines()


def plain(lines: list[str]) -> list[str]:
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 76, 80, 120])
def test_the_table_fits_the_terminal_and_names_what_it_leaves_out(tmp_path: Path, columns: int) -> None:
    lines = plain(on_a_terminal(tmp_path, f"summary {REFERENCE} --target 0.97", columns))
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines), "nothing is cut"
    text = " ".join(" ".join(lines).split())
    for finals in ("97.96 ± 0.06 %", "97.07 ± 0.07 %"):
        assert finals in text
    left_out = text.partition("Left out for want of room: ")[2].partition(".")[0].split(", ")
    for heading, figure in (("test loss", "0.0666"), ("validation accuracy", "97.94 %"), ("final rate", "0.0187")):
        assert (heading in left_out) != (figure in text), heading
    assert (left_out == [""]) == (columns >= 100)
    assert all(any(line.split()[:2] == [name, "10"] for line in lines) for name in ("exponential", "plateau"))


@pytest.mark.slow
@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
@pytest.mark.parametrize("columns", [40, 60])
def test_a_preview_fits_the_terminal(tmp_path: Path, columns: int, terminal: str) -> None:
    lines = plain(on_a_terminal(tmp_path, "preview 'step,cosine(warmup=5%)'", columns, TERM=terminal))
    assert columns - 10 <= max(map(len, lines)) <= columns
    assert any(line.split()[-3:] == ["step", "0.1", "0.00625"] for line in lines) == (columns == 40)


@pytest.mark.slow
def test_lost_runs_are_the_last_to_be_left_out(tmp_path: Path) -> None:
    fake_run(tmp_path / "results", schedulers="step,a-rather-long-label=constant(lr=11)", seeds=2)
    lines = plain(on_a_terminal(tmp_path, "summary results", 46))
    assert max(map(len, lines)) <= 46
    assert any(line.split()[-1:] == ["diverged"] for line in lines)
    assert "test loss" in " ".join(" ".join(lines).split()).partition("Left out for want of room: ")[2]
    start = next(i for i, line in enumerate(lines) if line.startswith("  a-"))
    folded = "".join(line.split()[0] for line in lines[start : start + 4] if line.split())
    assert folded.startswith("a-rather-long-label"), "it is folded, and not cut"


@pytest.mark.slow
def test_better_is_green_and_worse_is_red_unless_no_colour_is_wanted(tmp_path: Path) -> None:
    line = f"summary {REFERENCE}"
    coloured = "\n".join(on_a_terminal(tmp_path, line, 200))
    assert re.search(r"\x1b\[31m *exponential is worse", coloured)
    assert "\x1b[32m" not in coloured, "none is better than constant"
    better = "\n".join(on_a_terminal(tmp_path, f"{line} --baseline exponential", 200))
    assert re.search(r"\x1b\[32m *plateau is better", better)
    for words, variables in ((f"{line} --no-color", {}), (f"--no-color {line}", {}), (line, {"NO_COLOR": "1"})):
        text = "\n".join(on_a_terminal(tmp_path, words, 200, **variables))
        assert not re.search(r"\x1b\[3\d", text)
    assert "\x1b[3" not in "\n".join(on_a_terminal(tmp_path, "run --engine fake --seeds 2 --no-color"))


def test_no_color_lasts_for_one_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert cli("summary", REFERENCE, "--no-color").exit_code == 0
    assert "NO_COLOR" not in os.environ


def test_values_between_commas_are_said_to_want_semicolons(cli: Cli) -> None:
    result = cli("preview", "multistep(at=50%,75%)")
    assert result.exit_code == 2
    assert said(result)[0].startswith("Error: '75%' has no key (character 18 of")
    assert said(result)[1] == "  Separate several values by ; and not by commas: at=50%;75%"
    assert cli("preview", "multistep(at=50%;75%)").exit_code == 0


def test_unfinished_runs_are_said_to_be_so_and_how_to_go_on(cli: Cli, tmp_path: Path) -> None:
    cli(*FAKE)
    for path in tmp_path.glob("results/*/runs/*/run.json"):
        path.unlink()
    for table in tmp_path.glob("results/*/*.csv"):
        table.unlink()
    result = cli("summary", "results")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said(result)[0] == "Error: results holds no finished run, and 2 runs that are unfinished."
    assert "`lrbench run`" in said(result)[1]


def test_runs_without_a_common_seed_are_not_told_that_more_seeds_help(cli: Cli) -> None:
    text = "scheduler,seed,accuracy\nsgd,0,0.5\nadam,1,0.6\n"
    said_of_it = with_input(text, "summary", "-", "--metric", "accuracy").stdout
    assert "no seed in common: train both with the same ones" in said_of_it
    assert "one seed tells nothing" not in said_of_it


@pytest.mark.parametrize("extra", ["parquet", "tensorboard", "ray"])
def test_the_line_on_an_extra_names_what_the_project_says(extra: str) -> None:
    """So that it holds for a clone and for a wheel, whatever lrbench itself was installed from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    line = install_extra(extra).removeprefix("Install what it needs: python -m pip install ")
    assert shlex.split(line) == project["optional-dependencies"][extra]


WRITERS: dict[tuple[str, ...], int] = {
    ("--help",): 0,
    ("--version",): 0,
    ("run", "--help"): 0,
    ("schedulers",): 0,
    ("schedulers", "cosine"): 0,
    ("schedulers", "cosine", "--code", "torch"): 0,
    ("preview", "cosine,step"): 0,
    ("preview", "cosine", "--format", "csv"): 0,
    ("preview", "cosine", "--format", "json"): 0,
    ("preview", "cosine", "-o", "-"): 0,
    ("preview", "--html", "cosine", "-o", "-"): 0,
    ("init", "-"): 0,
    ("init", "--schema"): 0,
    ("run", "--print-config"): 0,
    ("run", "--engine", "fake", "--dry-run"): 0,
    ("summary", str(REFERENCE)): 0,
    ("summary", str(REFERENCE), "--format", "csv"): 0,
    ("summary", str(REFERENCE), "--format", "json"): 0,
    ("summary", str(REFERENCE), "--fail-if", "exponential<constant"): 4,
    ("report", str(REFERENCE), "-o", "-"): 0,
    ("list", str(REFERENCE.parent)): 0,
    ("status", str(REFERENCE)): 0,
    ("diff", str(REFERENCE), str(REFERENCE)): 0,
    ("doctor", str(REFERENCE)): 0,
    ("schedulers", "cosin"): 2,
    ("run", "--engine", "fake", "--epochs", "2", "-v"): 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("words", WRITERS, ids=" ".join)
def test_a_reader_that_leaves_changes_nothing_but_what_is_read(words: tuple[str, ...], tmp_path: Path) -> None:
    """As in `lrbench schedulers | head -1`; what is trained is trained, and a condition that holds still does."""
    command = processes.start(*words, cwd=tmp_path)
    command.stdout.close()
    command.stderr.close()
    assert command.wait() == WRITERS[words]
    if words[0] == "run" and words[-1] == "-v":
        (folder,) = (tmp_path / "results").iterdir()
        assert len(load(folder).finished) == 6


def test_a_pipe_that_closes_is_no_failure_of_a_whole_process(tmp_path: Path) -> None:
    """The words of the complaint itself, with a shell that tells of every part of a pipe."""
    line = f"set -o pipefail; {sys.executable} -m lrbench schedulers | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_are_listed_in_the_order_of_use(cli: Cli) -> None:
    listed = re.findall(r"^  ([a-z-]+)  ", cli("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert listed[:4] == ["run", "summary", "plot", "report"]
    assert tuple(listed) == COMMANDS
    assert len(COMMANDS) == len(app.registered_commands), "a command that is not listed"
