"""What a command line is expected to do: `-`, files that are whole, refusals that say what to write."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, fake_run
from typer.testing import CliRunner, Result

from lrbench.cli import app
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
    assert (refused.exit_code, said(refused)[0]) == (2, "Error: standard input has no column 'seed'.")


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown", "latex"])
def test_a_summary_of_any_format_goes_into_a_file(cli: Cli, tmp_path: Path, form: str) -> None:
    screen = cli("summary", REFERENCE, "--format", form)
    filed = cli("summary", REFERENCE, "--format", form, "-o", "new/summary.txt")
    assert filed.exit_code == screen.exit_code == 0
    assert filed.stdout == f"{Path('new/summary.txt')}\n"
    assert (tmp_path / "new" / "summary.txt").read_text(encoding="utf-8") == screen.stdout
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


@pytest.mark.parametrize("form", ["csv", "json", "markdown", "latex"])
def test_data_is_utf_8_whatever_the_locale(tmp_path: Path, form: str) -> None:
    fake_run(tmp_path / "results", schedulers="größe=step,cosine", seeds=2)
    words = [sys.executable, "-m", "lrbench", "summary", "results", "--format", form]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **plain}, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8")
    assert "größe" in (json.dumps(json.loads(text), ensure_ascii=False) if form == "json" else text)
