"""`lrbench list`, `diff` and `clean`: what there is, what differs, what goes and what never goes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lrbench.cli import app
from lrbench.store import load
from lrbench.store.clean import ABANDONED
from lrbench.store.locks import Locks

Cli = Callable[..., Result]
FAKE = ("run", "--engine", "fake", "--epochs", "4", "-s", "step,cosine")


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def litter(folder: Path) -> list[Path]:
    """Leave behind what killed commands and damage do."""
    unfinished = folder / "runs" / "rex-s0-12345678"
    quarantined = folder / "quarantine" / "rex-s1-12345678-1"
    for made in (unfinished, quarantined):
        made.mkdir(parents=True)
        (made / "epochs.csv").write_text("x")
    half = [folder / ".tmp-abc", next(folder.glob("runs/step*")) / ".tmp-def"]
    for path in half:
        path.touch()
    return [unfinished, quarantined, *half]


def test_a_list_has_a_line_for_each_experiment(cli: Cli) -> None:
    cli(*FAKE, "--name", "one", "--seeds", "3")
    cli(*FAKE, "--name", "two", "-s", "step", "--lr", "0.2")
    litter(Path("results/two"))
    lines = cli("list").stdout.splitlines()
    setting = (
        "MNIST 784-128-10, sgd, peak rate {}, batch 32, 4 epochs, 55,000 training and 5,000 validation images"
    )
    assert lines == [
        f"one: {setting.format(0.1)}, engine fake; 6 finished; 2 schedules × 3 seeds",
        f"two: {setting.format(0.2)}, engine fake; 1 finished, 1 unfinished; 1 schedule × 1 seed",
    ]
    records = json.loads(cli("list", "results", "--json").stdout)
    assert [(each["name"], each["finished"], each["unfinished"]) for each in records] == [
        ("one", 6, 0),
        ("two", 1, 1),
    ]
    assert records[0]["schedulers"] == ["cosine", "step"]
    assert records[0]["seeds"] == [0, 1, 2]
    assert cli("list", "results/two").stdout.splitlines() == lines[1:]


def test_a_list_of_nothing_and_of_what_is_damaged(cli: Cli) -> None:
    assert cli("list").exit_code == 2
    cli(*FAKE, "--name", "one")
    next(Path("results").glob("one/runs/step*/epochs.csv")).write_text("nonsense")
    result = cli("list")
    assert result.exit_code == 3
    assert "1 finished; 1 schedule" in result.stdout
    assert result.stderr.startswith("Error: Damaged: ")


def test_a_diff_says_settings_schedules_and_seeds(cli: Cli) -> None:
    cli(*FAKE, "--name", "one", "--seeds", "0,1")
    other = ("--optimizer", "sgd(momentum=0.9)", "--lr", "0.1")
    cli(*FAKE, "--name", "two", "--seeds", "1,2", "-s", "step,rex", *other)
    result = cli("diff", "results/one", "results/two")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "optimizer.parameters.momentum: 0.0 | 0.9",
        "schedulers only in results/one: cosine(lr=0.1)",
        "schedulers only in results/two: rex(lr=0.1)",
        "seeds only in results/one: 0",
        "seeds only in results/two: 2",
    ]
    record = json.loads(cli("diff", "results/one", "results/two", "--json").stdout)
    assert record["setting"] == {"optimizer.parameters.momentum": [0.0, 0.9]}
    assert record["seeds"] == {"only_a": [0], "only_b": [2]}
    same = cli("diff", "results/one", "results/one")
    assert (same.exit_code, same.stdout) == (0, "No difference in setting, schedules or seeds.\n")


@pytest.mark.parametrize(
    ("folder", "problem"),
    [("results", "results holds 2 experiments."), ("nowhere", "There is no folder nowhere.")],
)
def test_a_diff_wants_two_experiments(cli: Cli, folder: str, problem: str) -> None:
    for name in ("one", "two"):
        cli(*FAKE, "--name", name)
    result = cli("diff", "results/one", folder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in result.stderr


def test_clean_removes_what_is_not_finished_and_nothing_else(cli: Cli) -> None:
    cli(*FAKE, "--name", "one", "--seeds", "2")
    folder = Path("results/one")
    before = load(folder)
    kept = files(folder)
    gone = litter(folder)
    mine = folder / "plots" / ".tmp-young"
    old = folder / "plots" / ".tmp-old"
    mine.parent.mkdir()
    for path in (mine, old):
        path.touch()
    os.utime(old, (time.time() - ABANDONED - 10,) * 2)
    result = cli("clean", "results", "--yes")
    assert result.exit_code == 0
    assert all(f"  {path}\n" in result.stdout for path in [*gone, old])
    assert result.stdout.endswith("Removed: 5.\n")
    assert files(folder) == kept | {mine: b""}, "a picture that is being drawn is somebody's"
    assert load(folder) == before
    assert cli("clean", "results").stdout == "Nothing is to be removed from results.\n"


def test_clean_asks_and_without_a_terminal_wants_yes(cli: Cli) -> None:
    cli(*FAKE, "--name", "one")
    litter(Path("results/one"))
    before = files(Path("results"))
    refused = cli("clean", "results")
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[0] == "Error: There is no terminal to ask on."
    assert "--yes" in refused.stderr.splitlines()[1]
    assert files(Path("results")) == before


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [("n", 4), ("", 4), ("y", 0)])
def test_clean_does_what_it_is_told_on_a_terminal(tmp_path: Path, answer: str, left: int, cli: Cli) -> None:
    cli(*FAKE, "--name", "one")
    made = litter(Path("results/one"))
    done = subprocess.run(
        ["script", "-qec", f"{sys.executable} -m lrbench clean results", "/dev/null"],
        input=f"{answer}\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "Remove all this?" in done.stdout
    assert sum(path.exists() for path in made) == left


def test_clean_leaves_a_run_that_somebody_trains(cli: Cli) -> None:
    cli(*FAKE, "--name", "one")
    folder = Path("results/one")
    unfinished, quarantined, *_ = litter(folder)
    other = Locks(folder)
    assert other.claim(unfinished.name)
    result = cli("clean", "results", "-y")
    assert result.stdout.endswith("Removed: 3. Left: 1, which a command is at work on or has finished.\n")
    assert unfinished.exists()
    assert not quarantined.exists()
    other.release_all()
    assert cli("clean", "results", "-y").exit_code == 0
    assert not unfinished.exists()


def test_clean_waits_for_who_writes_what_all_runs_share(tmp_path: Path, cli: Cli) -> None:
    cli(*FAKE, "--name", "one")
    folder = Path("results/one")
    made = litter(folder)
    with Locks(folder).waiting_for("experiment"):
        words = [sys.executable, "-m", "lrbench", "clean", "results", "--yes"]
        other = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE)
        time.sleep(2)
        assert other.poll() is None
        assert all(path.exists() for path in made)
    out, _ = other.communicate(timeout=60)
    assert out.endswith(b"Removed: 4.\n")
    assert not any(path.exists() for path in made)


def test_a_link_is_removed_and_not_what_it_leads_to(cli: Cli, tmp_path: Path) -> None:
    cli(*FAKE, "--name", "one")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").touch()
    Path("results/one/runs/rex-s0-12345678").symlink_to(tmp_path / "precious")
    assert cli("clean", "results", "--yes").exit_code == 0
    assert (tmp_path / "precious" / "thesis.tex").exists()
    assert not Path("results/one/runs/rex-s0-12345678").is_symlink()


def test_cleaned_runs_are_trained_again(cli: Cli) -> None:
    cli(*FAKE, "--name", "one")
    before = load(Path("results/one"))
    next(Path("results").glob("one/runs/step*/run.json")).unlink()
    assert CliRunner().invoke(app, ["clean", "results", "--yes"]).exit_code == 0
    assert cli(*FAKE, "--name", "one").exit_code == 0
    assert [one.key for one in load(Path("results/one")).finished] == [one.key for one in before.finished]
