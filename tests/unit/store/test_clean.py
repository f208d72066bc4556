"""What `clean` may remove: nothing that is whole by its own seal, wherever it lies."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench.store import load
from lrbench.store.clean import remove, rest_of

Cli = Callable[..., Result]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return fake_run(tmp_path / "results", schedulers="step,cosine", seeds=2, name="one").experiment.folder


def runs_in(folder: Path) -> set[str]:
    """The ids of all runs below a folder, wherever they lie."""
    return {path.parent.name for path in folder.rglob("run.json")}


@pytest.mark.parametrize(
    "away", ["runs/away/{}", "runs/away/deeper/{}", "quarantine/{}-1", "quarantine/x/{}", "runs/.tmp-x/{}"]
)
def test_a_whole_run_is_left_wherever_it_lies(one: Path, cli: Cli, away: str) -> None:
    run = next(one.glob("runs/step-s0-*"))
    place = one / away.format(run.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    run.rename(place)
    done = cli("clean", one, "--yes")
    assert done.exit_code == 0
    assert f"left  {place}: a whole run of {run}\n" in done.stdout.replace("\n  ", " ")
    assert (place / "run.json").exists()
    assert (place / "epochs.csv").exists()


def test_a_second_copy_is_left_and_said_to_be_one(one: Path, cli: Cli) -> None:
    run = next(one.glob("runs/step-s0-*"))
    shutil.copytree(run, one / "quarantine" / f"{run.name}-1")
    done = cli("clean", one, "--yes")
    assert f"a whole run of {run}, where there is one already" in done.stdout
    assert "Nothing is to be removed" in done.stdout
    assert len(runs_in(one / "quarantine")) == 1


def test_runs_of_another_experiment_are_left_and_their_own_place_is_named(
    tmp_path: Path, one: Path, cli: Cli
) -> None:
    """As after another experiment's experiment.json was copied in, and a repair moved all runs aside."""
    other = fake_run(tmp_path / "results", schedulers="step", epochs=2, name="other").experiment.folder
    own = (one / "experiment.json").read_bytes()
    shutil.copy(other / "experiment.json", one / "experiment.json")
    assert cli("doctor", one, "--repair", "--yes").exit_code == 0
    assert len(runs_in(one / "quarantine")) == 4
    done = cli("clean", one, "--yes")
    assert done.stdout.count("a whole run of an experiment that is not here") == 4
    assert len(runs_in(one / "quarantine")) == 4
    (one / "experiment.json").write_bytes(own)
    assert cli("clean", one, "--yes").stdout.count(f"a whole run of {one}/runs/") == 4


def test_what_is_damaged_goes(one: Path) -> None:
    for number, harm in enumerate(("run.json", "epochs.csv")):
        run = next(one.glob(f"runs/step-s{number}-*"))
        aside = one / "quarantine" / f"{run.name}-1"
        aside.parent.mkdir(exist_ok=True)
        run.rename(aside)
        (aside / harm).write_bytes((aside / harm).read_bytes()[:-3])
    rest = rest_of(one)
    assert not rest.left
    gone, kept = remove(rest)
    assert len(gone) == 2
    assert not kept
    assert len(load(one).finished) == 2


def test_what_was_put_right_meanwhile_is_left(one: Path) -> None:
    run = next(one.glob("runs/step-s0-*"))
    aside = one / "quarantine" / f"{run.name}-1"
    aside.mkdir(parents=True)
    rest = rest_of(one)
    assert rest.quarantined == (aside,)
    for path in run.iterdir():
        shutil.copy(path, aside)
    gone, kept = remove(rest)
    assert not gone
    assert kept == [aside]


def test_names_in_quarantine_do_not_come_again(one: Path) -> None:
    """The first was removed, and the third came to stand in the second's place."""
    names = []
    for i in range(4):
        run = next(one.glob("runs/step-s0-*"))
        (run / "run.json").write_text(f"broken {i}")
        fake_run(one.parent, schedulers="step,cosine", seeds=2, name="one")
        (new,) = [path for path in one.glob("quarantine/*") if path.name not in names]
        names.append(new.name)
        if i == 0:
            shutil.rmtree(new)
    kept = sorted(path.read_text() for path in one.glob("quarantine/*/run.json"))
    assert kept == ["broken 1", "broken 2", "broken 3"]


def test_attempts_that_failed_are_all_kept(one: Path) -> None:
    from conftest import fake_plan

    from lrbench.store import Store

    run = fake_plan(schedulers="step", name="one").runs[0]
    store = Store.open(one, load(one).setting)
    folder = one / "runs" / run.run_id
    for i in range(4):
        (folder / "run.json").write_text(str(i))
        store.retire(run)
        if i == 0:
            next(folder.glob("failed-*.json")).unlink()
    assert sorted(path.read_text() for path in folder.glob("failed-*.json")) == ["1", "2", "3"]
