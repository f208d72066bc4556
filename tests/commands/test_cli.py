"""The command line: what it says, where it says it, and how it ends."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

import lrbench
from lrbench.config import Config
from lrbench.options import TRAINING
from lrbench.store import load

Cli = Callable[..., Result]
COMMANDS = ("run", "plot", "summary", "report", "export", "list", "diff", "clean", "init", "tune", "find-lr")


def said(result: Result) -> list[str]:
    return result.stderr.splitlines()


def written(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        ("-s cosin", "Unknown scheduler 'cosin'", "'cosine'"),
        ("-s step(evry=1%)", "'evry'", "'every'"),
        ("-s step(every=5)", "no unit", "every=5 epochs"),
        ("-s step,step", "stands twice", "other=step"),
        ("--lr nan", "--lr nan is no finite number.", "--lr 0.1"),
        ("--lr inf", "--lr inf is no finite number.", "--lr 0.1"),
        ("--lr 0", "--lr 0 is not above 0.", "--lr 0.1"),
        ("--lr -0.1", "--lr -0.1 is not above 0.", "--lr 0.1"),
        ("--lr fast", "--lr fast is no number.", "--lr 0.1"),
        ("--epochs 0", "--epochs 0 is below 1.", "--epochs 15"),
        ("--epochs -1", "--epochs -1 is below 1.", "--epochs 15"),
        ("--batch-size 0", "--batch-size 0 is below 1.", "--batch-size 32"),
        ("--batch-size -5", "--batch-size -5 is below 1.", "--batch-size 32"),
        ("--seeds 0", "--seeds 0: ", "--seeds"),
        ("--seeds -1", "--seeds -1: ", "--seeds"),
        ("--train-size 0", "--train-size 0 is below 1.", "--train-size 2000"),
        ("--train-size -1", "--train-size -1 is below 1.", "--train-size 2000"),
        ("--train-size 70000", "more than the 60,000", "at most --train-size 55000"),
        ("--val-size -1", "--val-size -1 is below 0.", "--val-size 5000"),
        ("--val-size 60000", "leaves none", "--val-size 5000"),
        ("--val-size 0", "plateau looks at val_loss", "--validate-on test"),
        ("--validate-on test --val-size 5", "two different validation sets", "Leave one"),
        ("--hidden 0", "--hidden 0 is below 1.", "--hidden 128"),
        ("--jobs 0", "--jobs 0 is below 1.", "--jobs 2"),
        ("--optimizer sgd(momentum=2)", "0 <= momentum < 1", "momentum=0.9"),
        ("--optimizer adam(epsilon=-1)", "epsilon=-1 is negative", "epsilon=1"),
        ("--optimizer sgd(clipnorm=1,clipvalue=1)", "clips twice", "Keep"),
        ("--epochs 1000000000000", "more than 100,000,000 updates", "fewer epochs"),
        ("--optimizer sdg", "Unknown optimizer 'sdg'", "'sgd'"),
        ("--engine jax", "--engine jax is none of 'compiled', 'fit' or 'fake'.", "--engine compiled"),
        ("--problem imagenet", "Unknown problem 'imagenet'", "mnist"),
        ("--name ../up", "--name ../up: ", "--name"),
        ("-c missing.toml", "no configuration file missing.toml", "quick"),
        ("-c quik", "no preset or file called 'quik'", "'quick'"),
        ("-c broken.toml", "broken.toml is not TOML", "epochs = 15"),
        ("-c typo.toml", "typo.toml: unknown key 'epoch'", "'epochs'"),
        ("-c wrong.toml", "wrong.toml: epochs = 0 is below 1.", "wrong.toml: epochs = 15"),
        ("-o file", "file/", "-o"),
        ("--epoch 3", "No such option: --epoch", "lrbench run --help"),
        ("--epochs", "requires an argument", "lrbench run --help"),
        ("stray", "unexpected extra argument", "lrbench run --help"),
    ],
)
def test_bad_input_to_run_is_two_lines_exit_2_and_nothing_written(
    cli: Cli, tmp_path: Path, words: str, problem: str, hint: str
) -> None:
    (tmp_path / "broken.toml").write_text("epochs: 3")
    (tmp_path / "typo.toml").write_text("epoch = 3")
    (tmp_path / "wrong.toml").write_text("epochs = 0")
    (tmp_path / "file").write_text("in the way")
    before = written(tmp_path)
    result = cli("run", "--engine", "fake", *words.split(" "))
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(said(result)) == 2
    assert problem in said(result)[0]
    assert hint in said(result)[1]
    assert written(tmp_path) == before


@pytest.mark.parametrize("command", ["plot", "summary"])
@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("missing", "There is no folder missing"),
        ("file", "file has no column 'scheduler'"),
        ("empty", "empty holds no results"),
    ],
)
def test_a_results_folder_that_is_none(cli: Cli, tmp_path: Path, command: str, where: str, problem: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    before = written(tmp_path)
    result = cli(command, where)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert problem in said(result)[0]
    assert len(said(result)) == 2
    assert written(tmp_path) == before


def test_a_results_folder_that_cannot_be_written(cli: Cli) -> None:
    result = cli("run", "--engine", "fake", "-o", "/proc/lrbench")
    assert result.exit_code == 2
    assert "/proc/lrbench" in said(result)[0]
    assert "cannot be written" in said(result)[0]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["summary", ".", "--format", "xml"], "'xml'"),
        (["plot", ".", "--format", "gif"], "'gif'"),
        (["plot"], "Missing argument"),
        (["plit"], "No such command"),
    ],
)
def test_wrong_usage_is_two_lines_too(cli: Cli, words: list[str], problem: str) -> None:
    result = cli(*words)
    assert result.exit_code == 2
    assert problem in said(result)[0]
    assert "--help" in said(result)[1]
    assert len(said(result)) == 2


def test_a_run_prints_the_table_on_stdout_and_all_else_on_stderr(cli: Cli, tmp_path: Path) -> None:
    result = cli("run", "--engine", "fake", "--epochs", "3", "-s", "step,cosine")
    assert result.exit_code == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert "cosine" in result.stdout
    assert "[2/2]" in result.stderr
    assert "[2/2]" not in result.stdout
    assert said(result)[0].startswith("lrbench: 2 schedules × 1 seed = 2 runs of 3 epochs, into results/")
    assert said(result)[-3:] == [
        f"Stored in results/{folder.name}",
        "Take home: lrbench schedulers cosine --code keras --epochs 3 --steps-per-epoch 1719",
        f"Next: lrbench plot results/{folder.name}",
    ]
    assert {path.name for path in folder.iterdir()} == {
        "experiment.json",
        "epochs.csv",
        "summary.csv",
        "runs",
        ".locks",
        "log.jsonl",
        "history",
    }
    assert "\x1b" not in result.output


def test_the_same_command_again_says_that_there_is_nothing_to_do(cli: Cli) -> None:
    words = ("run", "--engine", "fake", "--epochs", "3")
    first, again = cli(*words), cli(*words)
    assert again.exit_code == 0
    assert again.stdout == first.stdout
    assert "All 6 runs are done already: nothing to train." in again.stderr
    more = cli(*words, "--seeds", "2")
    assert "Done already: 6 of 12 runs." in more.stderr


def test_quiet_verbose_and_json(cli: Cli) -> None:
    words = ("run", "--engine", "fake", "--epochs", "3", "-s", "step")
    verbose = cli(*words, "-v")
    assert verbose.stderr.count("epoch ") >= 3
    quiet = cli(*words, "-q", "--json")
    assert quiet.stderr == ""
    (record,) = json.loads(quiet.stdout)
    assert record["rows"][0]["scheduler"] == "step"


def test_a_dry_run_lists_the_runs_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    words = ("run", "--engine", "fake", "-s", "step,cosine")
    result = cli(*words, "--dry-run", "--seeds", "2")
    assert result.exit_code == 0
    assert result.stdout.count("to do") == 4
    assert written(tmp_path) == []
    cli(*words)
    assert cli(*words, "-n", "--seeds", "2").stdout.count("done ") == 2


def test_a_diverged_run_ends_in_exit_3_and_stands_in_the_table(cli: Cli) -> None:
    words = ("run", "--engine", "fake", "-s", "step,hot=constant(lr=11)")
    result = cli(*words)
    assert result.exit_code == 3
    assert "hot, seed 0: DIVERGED in epoch 1" in result.stderr
    assert cli(*words).exit_code == 3
    assert cli("run", "--engine", "fake", "-s", "step").exit_code == 0
    assert cli("summary", "results").exit_code == 0


def test_summary_and_plot_of_a_whole_folder_or_one_experiment(cli: Cli, tmp_path: Path) -> None:
    for epochs in (2, 3):
        cli("run", "--engine", "fake", "--epochs", epochs, "-s", "step,cosine")
    folders = sorted((tmp_path / "results").iterdir())
    whole = json.loads(cli("summary", "results", "--format", "json").stdout)
    assert [record["experiment"] for record in whole] == [folder.name for folder in folders]
    (one,) = json.loads(cli("summary", folders[0], "--format", "json").stdout)
    assert one == whole[0]
    rows = list(csv.DictReader(io.StringIO(cli("summary", "results", "--format", "csv").stdout)))
    assert len(rows) == 4
    drawn = cli("plot", folders[0], "--format", "svg")
    assert drawn.exit_code == 0
    assert len(drawn.stdout.split()) == 6
    assert all((tmp_path / name).is_file() for name in drawn.stdout.split())


@pytest.mark.parametrize("command", [["plot", "--format", "svg"], ["summary"], ["summary", "--format", "csv"]])
def test_damage_is_said_the_rest_is_shown_and_the_exit_is_3(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    cli("run", "--engine", "fake", "-s", "step,cosine")
    (folder,) = (tmp_path / "results").iterdir()
    victim = next(folder.glob("runs/step*/epochs.csv"))
    victim.write_text(victim.read_text().replace("step,0,3", "step,0,x"))
    result = cli(command[0], "results", *command[1:])
    assert result.exit_code == 3
    assert f"{victim.relative_to(tmp_path)}: line 4" in said(result)[0]
    assert "lrbench run" in said(result)[1]
    if command[0] == "summary":
        assert "cosine" in result.stdout
        assert "step" not in result.stdout
    else:
        assert len(result.stdout.split()) == 6


def test_damage_that_is_not_in_the_plan_is_said_and_left_where_it_is(cli: Cli, tmp_path: Path) -> None:
    words = ("run", "--engine", "fake", "-s")
    cli(*words, "step,cosine")
    victim = next(tmp_path.glob("results/*/runs/step*/epochs.csv"))
    victim.write_text("nonsense")
    other = cli(*words, "cosine")
    assert other.exit_code == 3
    assert "nothing to train" in other.stderr
    assert "step-s0" in other.stderr
    assert victim.read_text() == "nonsense"
    mended = cli(*words, "step,cosine")
    assert mended.exit_code == 0
    assert "Moved to quarantine/" in mended.stderr
    assert cli("summary", "results").exit_code == 0


@pytest.mark.slow
def test_copies_of_an_experiment_are_called(cli: Cli, tmp_path: Path) -> None:
    cli("run", "--engine", "fake", "-s", "step", "--name", "one")
    shutil.copytree(tmp_path / "results" / "one", tmp_path / "results" / "two")
    drawn = [Path(name) for name in cli("plot", "results", "--format", "svg", "--out", "pictures").stdout.split()]
    assert len(set(drawn)) == 12
    assert {path.parent for path in drawn} == {Path("pictures/one"), Path("pictures/two")}
    records = json.loads(cli("summary", "results", "--format", "json").stdout)
    assert [record["experiment"] for record in records] == ["one", "two"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_characters_is_no_reason_to_fail(tmp_path: Path, encoding: str) -> None:
    for words in (
        ["run", "--engine", "fake", "-s", "日本=cosine,größe=step", "--seeds", "2"],
        ["summary", "results"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "lrbench", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


def test_an_experiment_without_a_finished_run(cli: Cli, tmp_path: Path) -> None:
    cli("run", "--engine", "fake", "-s", "step")
    for path in [*tmp_path.glob("results/*/runs/*/run.json"), *tmp_path.glob("results/*/epochs.csv")]:
        path.unlink()
    result = cli("summary", "results")
    assert result.exit_code == 2
    assert "no finished run" in said(result)[0]


def test_presets_and_files_work_from_the_command_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('schedulers = "step,slow=cosine(lr=0.01)"\nseeds = [1, 2]\nepochs = 2\n')
    result = cli("run", "-c", "mine.toml", "--engine", "fake", "--epochs", "3", "--name", "mine")
    assert result.exit_code == 0
    stored = load(tmp_path / "results" / "mine")
    assert {(one.schedule.words, one.seed) for one in stored.finished} == {
        ("step", 1),
        ("step", 2),
        ("slow", 1),
        ("slow", 2),
    }
    assert stored.setting.epochs == 3
    assert cli("run", "-c", "quick", "--engine", "fake").exit_code == 0


def test_help_and_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"lrbench {lrbench.__version__}\n"
    alone = cli()
    assert alone.exit_code == 0
    assert alone.stdout == cli("--help").stdout == cli("-h").stdout
    for command in COMMANDS:
        assert command in alone.stdout
        assert cli(command, "--help").exit_code == 0


def test_every_config_key_is_an_option_and_the_help_shows_its_default(cli: Cli) -> None:
    text = " ".join(cli("run", "--help").stdout.split())
    shown = {
        "schedulers": ",".join(Config().schedulers),
        "seeds": "1, that is seed 0",
        "train_size": "all that remain",
        "lr": "by the optimizer: sgd 0.1, adam 0.001, …",
        "optimizers": "none",
    }
    shown |= {
        "hidden": "128",
        "checkpoint_every": "a checkpoint a second",
        "val_size": "a twelfth: 5000 of mnist",
        "jobs": "one per core",
        "name": "made from the setting",
    }
    shown |= {key: wish.said for key, wish in TRAINING.items() if wish.said and key not in shown}
    for key, field in Config.model_fields.items():
        assert f"--{key.replace('_', '-')} " in text
        assert f"[{shown.get(key, field.default)}]" in text, key


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_the_help_s_examples_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex

    monkeypatch.setenv("LRBENCH_ENGINE", "fake")
    rows = [f"{label},{seed},0.{seed + 1}" for label in ("sgd", "adam") for seed in range(3)]
    Path("my.csv").write_text("\n".join(["scheduler,seed,accuracy", *rows]))
    ran = 0
    for command in COMMANDS:
        if command == "plot":  # not all that the examples before it left
            shutil.rmtree("results")
            cli("run", "--name", "one", "-s", "step,cosine")
        if command == "summary":  # enough seeds for a verdict
            cli("run", "--name", "one", "-s", "step,cosine", "--seeds", "10")
        if command == "diff":
            cli("run", "--name", "two", "-s", "step")
        for line in cli(command, "--help").stdout.splitlines():
            if line.strip().startswith("lrbench "):
                assert cli(*shlex.split(line.strip())[1:]).exit_code == 0, line
                ran += 1
    assert ran == 40


def test_debug_shows_the_traceback_and_can_stand_anywhere(cli: Cli) -> None:
    for words in (["--debug", "summary", "missing"], ["summary", "missing", "--debug"]):
        assert type(cli(*words).exception).__name__ == "BadResults"


def test_an_unexpected_failure_is_two_lines_as_well(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("lrbench.config.load_with_sources", broken)
    result = cli("run")
    assert result.exit_code == 1
    assert said(result)[0] == "Error: Unexpected failure: ZeroDivisionError: of all things"
    assert "--debug" in said(result)[1]


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_failure_to_talk_about(tmp_path: Path) -> None:
    fake_run(tmp_path, seeds=2)
    line = f"{sys.executable} -m lrbench summary {tmp_path} --format json | head -c 10"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=os.environ, timeout=60)
    assert done.stderr == ""
    assert len(done.stdout) == 10


@pytest.mark.slow
def test_on_a_terminal_there_are_live_bars_and_the_table_fits(tmp_path: Path) -> None:
    line = f"stty cols 80; {sys.executable} -m lrbench run --engine fake --seeds 2 -o {tmp_path}"
    environment = {**os.environ, "TERM": "xterm", "LRBENCH_FAKE_SECONDS": "0.01"}
    environment.pop("COLUMNS")
    done = subprocess.run(
        ["script", "-qec", line, "/dev/null"], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0
    assert "all runs" in done.stdout
    assert "\x1b[" in done.stdout
    assert "…" not in done.stdout.rpartition("scheduler")[2]
    environment["NO_COLOR"] = "1"
    again = subprocess.run(
        ["script", "-qec", line, "/dev/null"], capture_output=True, text=True, timeout=60, env=environment
    )
    assert "\x1b[3" not in again.stdout
