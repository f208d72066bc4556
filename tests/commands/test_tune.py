"""`lrbench tune` and several horizons, as the command line has them."""

import csv
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
from typer.testing import Result

from lrbench.store import load

Cli = Callable[..., Result]
TUNE = ("tune", "--engine", "fake", "--epochs", "4", "-s", "constant,cosine", "--seeds", "7")


def only_folder() -> Path:
    (folder,) = [path for path in Path("results").iterdir() if path.is_dir()]
    return folder


def test_it_tunes_and_shows_both_comparisons(cli: Cli) -> None:
    done = cli(*TUNE)
    assert done.exit_code == 0, "that rates beyond 10 diverge is what was to be found out"
    assert "2 schedules, each with 7 rates and 4 around the best × 3 tuning seeds = 33 trials" in done.stderr
    assert "then 7 fresh seeds: 80 runs" in done.stderr
    for stage in (
        "The same rates for all: 42 runs.",
        "The grid grows, for all: 6 runs.",
        "on fresh seeds: 14 runs.",
    ):
        assert stage in done.stderr
    tuned, same_rate = done.stdout.split(", all at 0.1: ")
    assert "each at its tuned rate (10)" in " ".join(tuned.split())
    words = " ".join(tuned.split())
    assert "Every schedule had 39 trials: 9 rates from 0.00316 to 31.6, 2 of them added for all" in words
    assert "which was tuned for none of them" not in tuned
    assert "which was tuned for none of them" in same_rate
    assert "cosine is worse than constant" in tuned
    again = cli(*TUNE)
    assert "done already" in again.stderr or "[1/" not in again.stderr
    assert again.stdout == done.stdout


@pytest.mark.slow
def test_what_was_found_is_drawn_reported_and_handed_on(cli: Cli, request: pytest.FixtureRequest) -> None:
    cli(*TUNE, "-q")
    folder = only_folder()
    drawn = cli("plot", "results").stdout.splitlines()
    assert f"{folder}/plots/sensitivity.png" in drawn
    assert f"{folder}/plots/same-rate/overview.png" in drawn
    assert len(set(drawn)) == len(drawn)
    assert cli("report", "results").stdout.strip() == f"{folder}/report.html"
    page = (folder / "report.html").read_text()
    assert "Tuning</h3>" in page
    assert "<h1>2 comparisons</h1>" in page, "of one experiment"
    assert "data:image/png;base64," in page
    found = json.loads(cli("summary", "results", "--format", "json").stdout)
    assert [each["experiment"].partition(", ")[2] for each in found] == ["tuned", "all at 0.1"]
    (constant, _) = found[0]["tuning"]["tuned"]
    assert constant["best"]["point"]["lr"] == 10
    assert "tuning" not in found[1]
    markdown = cli("summary", "results", "--format", "markdown").stdout
    assert "| scheduler   | best rate" in markdown
    assert cli("export", "results", "--to", "json").exit_code == 0
    rows = list(csv.DictReader((folder / "epochs.csv").read_text().splitlines()))
    assert len({row["run_id"] for row in rows}) == 2 * (39 + 7)
    assert cli("doctor", "results").exit_code == 0
    request.getfixturevalue("unrendered")
    assert cli("plot", "results", "--out", "elsewhere").exit_code == 0
    assert Path("elsewhere/same-rate/forest.png").exists()


def test_a_damaged_search_is_said_and_the_same_command_writes_it_again(cli: Cli) -> None:
    cli(*TUNE, "-q")
    (path,) = only_folder().glob("search-*.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"refine": 4', b'"refine": 5'))
    said = cli("summary", "results")
    assert said.exit_code == 3
    assert "does not match" in said.stderr
    again = cli(*TUNE, "-q")
    assert path.read_bytes() == whole
    assert len([*path.parent.glob("quarantine/search-*.json")]) == 1, "what was damaged is set aside"
    assert again.exit_code == 0
    assert cli("summary", "results").exit_code == 0


def test_a_dry_run_counts_what_is_stored(cli: Cli) -> None:
    assert json.loads(cli(*TUNE, "--dry-run", "--json").stdout)["to_do"] == 80
    cli(*TUNE, "-qq")
    assert json.loads(cli(*TUNE, "--dry-run", "--json").stdout)["to_do"] == 0
    for path in sorted(only_folder().glob("runs/*-s0-*/run.json")):
        path.unlink()
    assert json.loads(cli(*TUNE, "--dry-run", "--json").stdout)["to_do"] == 2
    assert "To do: 2 runs;" in cli(*TUNE, "--dry-run").stdout


def test_a_dry_run_says_how_many_and_how_long_and_writes_nothing(cli: Cli) -> None:
    done = cli(*TUNE, "--dry-run")
    assert done.exit_code == 0
    assert "80 runs" in done.stdout
    assert "it may take about" in done.stdout
    record = json.loads(cli(*TUNE, "--dry-run", "--json").stdout)
    assert (record["runs"], record["trials_per_schedule"], record["epochs"]) == (80, 33, 4)
    assert record["seconds"] >= 0
    several = json.loads(cli("tune", "--engine", "fake", "--epochs", "2,4", "--dry-run", "--json").stdout)
    assert [each["epochs"] for each in several] == [2, 4]
    assert several[0]["runs"] == 258, "six schedules, seven rates and four, three tuning seeds, ten more"
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--lrs", "0.1"], "--lrs 0.1 is no list of two or more different rates"),
        (["--lrs", "1..0.1"], "--lrs 1..0.1 does not rise"),
        (["--lrs", "around:x"], "which is no rate above 0"),
        (["--tune-seeds", "0"], "--tune-seeds 0 does not lie between 1 and 1000"),
        (["--tune-seeds", "x"], "--tune-seeds x is no whole number"),
        (["--refine", "-1"], "--refine -1 does not lie between 0 and 100"),
        (["--refine", "3"], "--refine 3 is odd"),
        (["--lrs", "1e-3...1"], "has three dots"),
        (["--lrs", "0.1..0.1001:log:7"], "the same in three digits"),
        (["-s", "step(every=10%;20%;30%)", "--lrs", "0.1,1"], "leaves 3 choices open"),
        (["--max-extend", "21"], "--max-extend 21 does not lie between 0 and 20"),
        (["-s", "slow=cosine"], "A label stands for a schedule at one rate"),
        (["-s", "cosine(lr=1)"], "The peak rate is what is searched"),
        (["--seeds", "0,1000000"], "would both tune and report"),
        (["--val-size", "0", "-s", "cosine"], "leaves none"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_anything(cli: Cli, words: list[str], problem: str) -> None:
    done = cli(*TUNE, *words)
    assert done.exit_code == 2, done.output
    assert problem in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    assert not Path("results").exists()


@pytest.mark.slow
def test_a_search_that_is_interrupted_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """A real process, stopped for real in the middle of the grid; and another one beside it."""
    words = [*TUNE, "-q"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    processes.run(*words, cwd=whole)
    process = processes.start(*words, cwd=cut, LRBENCH_FAKE_SECONDS="0.02")
    deadline = time.monotonic() + 60
    while len([*cut.glob("results/*/runs/*/run.json")]) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "runs so far are finished and kept" in said
    pair = [processes.start(*words, cwd=cut) for _ in range(2)]
    for each in pair:
        each.communicate(timeout=120)
    assert [each.returncode for each in pair] == [0, 0]
    tables = [next(folder.glob("results/*/epochs.csv")).read_bytes() for folder in (whole, cut)]
    assert tables[0] == tables[1]
    (stored,) = [load(path) for path in cut.glob("results/*")]
    assert len(stored.searches) == 1


@pytest.mark.slow
def test_several_horizons_are_an_experiment_each_and_drawn_together(cli: Cli) -> None:
    words = ["run", "--engine", "fake", "-s", "constant,step(every=2 epochs)", "--seeds", "3", "--epochs", "6,2"]
    done = cli(*words)
    assert done.exit_code == 0
    assert sorted(path.name.split("-")[3] for path in Path("results").iterdir()) == ["e2", "e6"]
    drawn = cli("plot", "results").stdout.splitlines()
    assert drawn[-1] == "results/budgets-mnist-sgd.png"
    assert Path(drawn[-1]).stat().st_size > 10_000
    assert cli(*words, "--json").stdout.count('"experiment"') == 2
    assert cli("run", "--epochs", "2,2").exit_code == 2
    assert cli("run", "--epochs", "2,x").exit_code == 2
    assert cli("preview", "cosine", "--epochs", "2,5").exit_code == 2
    assert "epochs = [2, 6]" in cli(*words, "--print-config").stdout
