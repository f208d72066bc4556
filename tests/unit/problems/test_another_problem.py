"""A problem with other figures goes the whole way: train, log, judge, draw, report, export."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from regression import tides
from typer.testing import Result

from lrbench.problems import base

Cli = Callable[..., Result]
FIGURES = ("loss", "mean_absolute_error")


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(base.PROBLEMS, "tides", tides)
    monkeypatch.chdir(tmp_path)


def trained(cli: Cli, engine: str, seeds: int) -> Path:
    """Train two schedules and look at what each epoch and each schedule left; returns the experiment's folder."""
    words = ["--problem", "tides", "--engine", engine, "--epochs", "4", "--lr", "0.1", "--seeds", str(seeds)]
    done = cli("run", *words, "--schedulers", "constant,slow=constant(lr=0.001)")
    assert done.exit_code == 0, done.output
    assert "tides" in done.output
    assert "image" not in done.output
    (folder,) = (path for path in Path("results").iterdir() if path.is_dir())
    assert folder.name.startswith("tides-sgd-b32-e4-")
    rows = list(csv.DictReader((folder / "epochs.csv").read_text().splitlines()))
    assert len(rows) == 2 * seeds * 4
    assert {f"{split}_{name}" for split in ("train", "val") for name in FIGURES} < set(rows[0])
    assert "train_accuracy" not in rows[0]
    runs = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    assert all(float(run["test_mean_absolute_error_mean"]) > 0 for run in runs)
    if engine != "fake":
        errors = {run["scheduler"]: float(run["test_mean_absolute_error_mean"]) for run in runs}
        assert errors["constant"] < 0.1 < 1 < errors["slow"], "it learns, and slower at a small rate"
    return folder


@pytest.mark.tensorflow
def test_model_fit_trains_it_too(cli: Cli) -> None:
    trained(cli, "fit", seeds=1)


@pytest.mark.parametrize("engine", ["fake", pytest.param("compiled", marks=pytest.mark.tensorflow)])
def test_it_goes_the_whole_way(cli: Cli, engine: str) -> None:
    folder = trained(cli, engine, seeds=7)
    said = cli("summary", "results", "--baseline", "slow", "--target", "0.7").output
    assert "constant is better than slow by" in said
    assert "on test mean absolute error (lower is better)" in said
    assert " m " in said
    assert "%" not in said.replace("95 %", "")
    assert "7 of 7" in said, "the target was reached"
    assert cli("summary", "results", "--baseline", "slow", "--fail-if", "slow<constant").exit_code == 4
    assert cli("summary", "results", "--baseline", "slow", "--fail-if", "constant<slow").exit_code == 0
    assert cli("summary", "results", "--metric", "test_accuracy").exit_code == 2

    assert cli("plot", "results").exit_code == 0
    assert (folder / "plots" / "val-mean-absolute-error.png").stat().st_size > 5_000
    assert cli("report", "results", "-o", "page.html").exit_code == 0
    page = Path("page.html").read_text()
    assert "accuracy" not in page
    assert "mean absolute error" in page
    assert cli("export", "results", "--to", "json", "--out", "all").exit_code == 0
    assert cli("doctor", "results").exit_code == 0


def test_its_parameters_are_its_own(cli: Cli) -> None:
    refused = cli("run", "--problem", "tides", "--hidden", "4", "--engine", "fake")
    assert refused.exit_code == 2
    assert "tides has no parameter 'hidden'" in refused.stderr
    plan = cli("run", "--problem", "tides(harbours=2)", "--engine", "fake", "--dry-run").output
    assert "Tides of 2 harbours" in plan
    assert "600 tides" in plan or "550 training and 50 validation tides" in plan
