"""Links at every place of a results folder: no command writes, moves or removes anything through one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lrbench.cli import app
from lrbench.store import load

Cli = Callable[..., Result]
FAKE = ("run", "--engine", "fake", "--epochs", "3", "-s", "mine=step,cosine", "--name", "one", "-qq")
TUNE = ("tune", "--engine", "fake", "--epochs", "3", "-s", "step", "--lrs", "0.1,1", "--refine", "0", "-qq")
COMMANDS: dict[str, tuple[str, ...]] = {
    "summary": ("summary", "results"),  # notes that one looked
    "status": ("status", "results"),  # asks the locks
    "run": (*FAKE, "--seeds", "3"),
    "tune": (*TUNE, "--tune-seeds", "1", "--max-extend", "0", "--seeds", "2", "--name", "one"),
    "merge": ("merge", "other", "-o", "results"),
    "repair": ("doctor", "results", "--repair", "--yes"),
    "clean": ("clean", "results", "--yes"),
}
PRODUCTS = {
    "plot": ("plot", "results"),
    "report": ("report", "results"),
    "json": ("export", "results", "--to", "json"),
    "tensorboard": ("export", "results", "--to", "tensorboard"),
}
WHOLE = (".", "runs", "history", "quarantine", ".locks")
FEW = {name: COMMANDS[name] for name in ("run", "merge", "repair", "clean")}
INTO = {  # the commands that write into a place; for all others, a few that write everywhere
    **dict.fromkeys(WHOLE, COMMANDS),
    ".": PRODUCTS | COMMANDS,
    "plots": {"plot": PRODUCTS["plot"]},
    "export": {name: PRODUCTS[name] for name in ("json", "tensorboard")},
    "export/tensorboard": {"tensorboard": PRODUCTS["tensorboard"]},
}
DAMAGED, UNFINISHED = "mine-s0-*", "rex-s0-12345678"
PLACES = [
    ".",
    *("runs", "history", "quarantine", ".locks", "plots", "export", "export/tensorboard"),
    *(f"runs/{DAMAGED}", f"runs/{UNFINISHED}", "quarantine/rex-s1-12345678-1"),
    *("experiment.json", "labels.json", "epochs.csv", "summary.csv", "log.jsonl", "history/declared-1.json"),
    *(f"runs/{DAMAGED}/run.json", f"runs/{DAMAGED}/epochs.csv", "runs/cosine-s0-*/run.json"),
]


@pytest.fixture(scope="module")
def littered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder in which every command has something to write, to move or to remove."""
    place = tmp_path_factory.mktemp("littered")
    for out, seeds in (("results", "2"), ("other", "4")):
        done = CliRunner().invoke(app, [*FAKE, "--seeds", seeds, "-o", str(place / out)])
        assert done.exit_code == 0, done.output
    one = place / "results" / "one"
    for name in (f"runs/{UNFINISHED}", "quarantine/rex-s1-12345678-1", "plots", "export/tensorboard/x"):
        (one / name).mkdir(parents=True)
        (one / name / "epochs.csv").write_text("x")
    for folder in (one, one / "runs", one / "history", one / "quarantine", one / ".locks"):
        folder.mkdir(exist_ok=True)
        (folder / ".tmp-half").write_text("half")
    shutil.rmtree(one / "export")
    (one / "export" / "tensorboard").mkdir(parents=True)
    (one / "history" / "declared-1.json").write_text("{")
    table = next(one.glob(f"runs/{DAMAGED}/epochs.csv"))
    table.write_bytes(table.read_bytes()[:-9])
    return place


def outside(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything that lies there: its mode, and what is in it."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("place", PLACES)
def test_nothing_outside_changes(cli: Cli, tmp_path: Path, littered: Path, place: str) -> None:
    """Whatever each command does with a link that stands there, it ends well or in two lines."""
    shutil.copytree(littered, tmp_path, dirs_exist_ok=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (link,) = Path("results/one").glob(place) if place != "." else [Path("results/one")]
    if link.is_dir():
        (link / "precious").mkdir()
        (link / "precious" / "thesis.tex").write_text("years of work")
    link.rename(elsewhere / "it")
    link.symlink_to(elsewhere / "it")
    before = outside(elsewhere)
    for name, words in INTO.get(place, FEW).items():
        result = cli(*words)
        said = f"{name}: {result.output}"
        assert outside(elsewhere) == before, said
        assert result.exit_code in (0, 2, 3), said
        assert result.exception is None or isinstance(result.exception, SystemExit), said
        assert result.exit_code != 2 or "  " in result.stderr.splitlines()[-1], said
    assert outside(elsewhere) == before


def test_doctor_names_every_link(cli: Cli, tmp_path: Path) -> None:
    assert cli(*FAKE, "--seeds", "1").exit_code == 0
    assert cli("doctor", "results").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    Path("results/one/quarantine").symlink_to(tmp_path / "elsewhere")
    result = cli("doctor", "results")
    assert result.exit_code == 3
    assert "BAD   damaged: results/one/quarantine: it is a link" in result.stdout
    refused = cli(*FAKE, "--seeds", "6")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: results/one/quarantine cannot be written: it is a link")
    assert len(load(Path("results/one")).finished) == 2, "and nothing was trained before it was said"


@pytest.mark.parametrize("named", ["results", "results/one"])
def test_the_folder_that_is_named_may_be_a_link(cli: Cli, tmp_path: Path, named: str) -> None:
    assert cli(*FAKE, "-o", "far").exit_code == 0
    Path("link").symlink_to(tmp_path / named.replace("results", "far"))
    (tmp_path / "far/one/runs/rex-s0-12345678").mkdir()
    assert cli("clean", "link", "--yes").exit_code == 0
    assert not Path("far/one/runs/rex-s0-12345678").exists()
    next(Path("far/one/history").iterdir()).write_text("{")
    assert cli("doctor", "link", "--repair", "--yes").exit_code == 0
    os.chdir("link")
    assert CliRunner().invoke(app, ["doctor", ".", "--repair", "--yes"]).exit_code == 0
