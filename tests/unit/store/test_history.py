"""What is declared stands in a file of its own: written once, told where it is damaged, and put right."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_plan, fake_run
from typer.testing import Result

from lrbench.designs import Arm
from lrbench.files import read_json
from lrbench.store import load
from lrbench.store.history import HISTORY
from lrbench.store.progress import progress_of
from lrbench.store.schema import SCHEMA_VERSION, SEAL, sealed

Cli = Callable[..., Result]
WISHES = {"schedulers": "step,cosine", "seeds": 2, "name": "one"}
RUN = ("run", "--engine", "fake", "--epochs", "4", "-s", "step,cosine", "--seeds", "2", "--name", "one", "-qq")
TUNE = ("tune", "--engine", "fake", "--epochs", "2", "-s", "step", "--seeds", "2", "--name", "one", "-qq")


def notes(folder: Path) -> list[Path]:
    return sorted((folder / HISTORY).glob("declared-*.json"))


def note(tmp_path: Path) -> Path:
    """The only declaration of a folder."""
    (found,) = notes(tmp_path / "results" / "one")
    return found


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def change(path: Path) -> None:
    path.write_text(path.read_text().replace('"seeds": [', '"seeds": [\n7,'))


def say_nothing(path: Path) -> None:
    path.write_text(json.dumps(sealed({"time": "2026-01-01T00:00:00+00:00"})))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = [cut, change, say_nothing, make_folder]


def test_every_schedule_and_seed_is_declared_before_the_first_run(tmp_path: Path) -> None:
    outcome = fake_run(tmp_path / "results", **WISHES)
    record = read_json(note(tmp_path))
    assert record["schema_version"] == SCHEMA_VERSION
    assert record["declared"]["seeds"] == [0, 1]
    assert [arm["label"] for arm in record["declared"]["arms"]] == ["step", "cosine"]
    assert record["time"] <= read_json(outcome.experiment.folder / "experiment.json").get("time", "9")
    arms = [Arm(**each) for each in record["declared"]["arms"]]
    keys = [arm.key(seed, outcome.plan.setting.identity) for seed in (0, 1) for arm in arms]
    assert keys == [run.key for run in outcome.plan.runs]


def test_it_is_written_once(tmp_path: Path) -> None:
    fake_run(tmp_path / "results", **WISHES, shard="1/2")
    first = note(tmp_path).read_bytes()
    fake_run(tmp_path / "results", **WISHES, shard="2/2")
    fake_run(tmp_path / "results", **WISHES)
    assert note(tmp_path).read_bytes() == first
    fake_run(tmp_path / "results", **{**WISHES, "seeds": 3})
    assert len(notes(tmp_path / "results" / "one")) == 2
    assert note_of(tmp_path, [0, 1]).read_bytes() == first


def note_of(tmp_path: Path, seeds: list[int]) -> Path:
    found = notes(tmp_path / "results" / "one")
    return next(path for path in found if read_json(path)["declared"]["seeds"] == seeds)


def test_what_is_all_there_is_not_declared_afterwards(tmp_path: Path) -> None:
    fake_run(tmp_path / "results", **WISHES)
    note(tmp_path).unlink()
    fake_run(tmp_path / "results", **WISHES)
    assert not notes(tmp_path / "results" / "one")


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_and_nothing_is_missing_by_it(
    tmp_path: Path, cli: Cli, damage: Callable[[Path], None]
) -> None:
    fake_run(tmp_path / "results", **WISHES)
    damage(note(tmp_path))
    experiment = load(tmp_path / "results" / "one")
    (told,) = experiment.damage
    assert str(note(tmp_path)) in told.text
    assert "--repair" in told.hint
    assert len(experiment.finished) == 4
    assert not progress_of(experiment).missing
    assert cli("status", "results").exit_code == 3


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_next_command_that_trains_writes_it_again(
    tmp_path: Path, cli: Cli, damage: Callable[[Path], None]
) -> None:
    fake_run(tmp_path / "results", **WISHES, shard="1/2")
    damage(note(tmp_path))
    broken = note(tmp_path).read_bytes() if note(tmp_path).is_file() else None
    done = cli(*RUN)
    assert done.exit_code == 0, done.output
    assert read_json(note(tmp_path))["declared"]["seeds"] == [0, 1]
    (aside,) = (tmp_path / "results" / "one" / "quarantine").iterdir()
    assert aside.name.rpartition("-")[0] == note(tmp_path).stem
    assert (aside.read_bytes() if aside.is_file() else None) == broken
    assert not load(tmp_path / "results" / "one").damage


@pytest.mark.parametrize("damage", DAMAGE)
def test_doctor_moves_it_to_quarantine(tmp_path: Path, cli: Cli, damage: Callable[[Path], None]) -> None:
    fake_run(tmp_path / "results", **WISHES)
    path = note(tmp_path)
    damage(path)
    said = cli("doctor", "results", "--repair", "--yes")
    assert said.exit_code == 0, said.output
    assert f"repair  results/one/history/{path.name} -> quarantine: " in said.stderr
    assert not path.exists()
    (aside,) = (tmp_path / "results" / "one" / "quarantine").iterdir()
    assert aside.name.rpartition("-")[0] == path.stem
    assert "There is nothing to repair." in cli("doctor", "results", "--repair").stderr
    assert cli(*RUN).exit_code == 0


def test_a_damaged_search_goes_the_same_ways(tmp_path: Path, cli: Cli) -> None:
    assert cli(*TUNE).exit_code == 0
    (search,) = (tmp_path / "results" / "one").glob("search-*.json")
    whole = search.read_bytes()
    cut(search)
    assert cli("status", "results").exit_code == 3
    assert cli("doctor", "results", "--repair", "--yes").exit_code == 0
    assert not search.exists()
    assert cli(*TUNE).exit_code == 0
    assert search.read_bytes() == whole
    cut(search)
    assert cli(*TUNE).exit_code == 0
    assert search.read_bytes() == whole
    assert len(list((tmp_path / "results" / "one" / "quarantine").iterdir())) == 2


def test_what_a_later_version_noted_stays(tmp_path: Path, cli: Cli) -> None:
    fake_run(tmp_path / "results", **WISHES, shard="1/2")
    path = path_of_later(note(tmp_path))
    before = path.read_bytes()
    (told,) = load(tmp_path / "results" / "one").damage
    assert told.is_later
    assert cli("doctor", "results", "--repair", "--yes").exit_code == 3
    assert path.read_bytes() == before
    refused = cli("merge", "results", "-o", "whole")
    assert refused.exit_code == 2
    assert "a later lrbench wrote it" in refused.stderr
    assert not (tmp_path / "whole").exists()
    cli(*RUN)
    assert path.read_bytes() == before
    assert len(load(tmp_path / "results" / "one").finished) == 4


def test_a_search_of_a_later_version_stays(tmp_path: Path, cli: Cli) -> None:
    cli(*TUNE)
    (search,) = (tmp_path / "results" / "one").glob("search-*.json")
    before = path_of_later(search).read_bytes()
    cli(*TUNE)
    cli("doctor", "results", "--repair", "--yes")
    assert search.read_bytes() == before


def path_of_later(path: Path) -> Path:
    """The same note, as a later schema might have it, under the same name."""
    record = {key: value for key, value in read_json(path).items() if key not in ("schema_version", SEAL)}
    path.write_text(json.dumps(sealed(record) | {"schema_version": SCHEMA_VERSION + 1}))
    return path


def test_an_arm_is_known_by_all_but_seed_and_setting() -> None:
    plan = fake_plan(schedulers="mine=step(lr=0.2),step", seeds=2)
    arms = {Arm.of(run.schedule.label, run.identity) for run in plan.runs}
    assert len(arms) == 2
    assert not any("seed" in json.loads(arm.identity) for arm in arms)
