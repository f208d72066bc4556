"""What was declared and looked at is kept, each once, and what is lost of it is missed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import asked, fake_run
from typer.testing import Result

from lrbench.api.looks import note_look
from lrbench.designs import Arm, Declared, Looked
from lrbench.files import Damaged
from lrbench.judging.designs import designs_of
from lrbench.runs import Experiment
from lrbench.store import load
from lrbench.store.history import HISTORY, path_of, read_entry, read_history, write_entry

FLAT, NEARER = ({"name": "constant", "lr": lr, "parameters": {}} for lr in (0.1, 0.2))
ARMS = (
    Arm.of("constant", {"schedule": FLAT, "seed": 3}),
    Arm.of("näher", {"schedule": NEARER, "label": "näher", "setting": {}}),
)
PLAN = Declared(arms=ARMS, seeds=(0, 1, 2))
UNTIL = Declared(arms=ARMS, seeds=(0, 1, 2), until_settled=True)
LOOK = Looked(seeds=((ARMS[0].identity, (0, 1)), (ARMS[1].identity, (0, 2))))


def noted(folder: Path) -> list[Path]:
    return sorted((folder / HISTORY).glob("*.json"))


def looked_at(tmp_path: Path, **options: object) -> Experiment:
    experiment = fake_run(tmp_path, **({"schedulers": "constant,step", "seeds": 6} | options)).experiment
    note_look(experiment)
    return load(experiment.folder)


@pytest.mark.parametrize("entry", [PLAN, UNTIL, LOOK, Declared(arms=(), seeds=(7,))])
def test_an_entry_is_read_as_it_was_written(tmp_path: Path, entry: Declared | Looked) -> None:
    write_entry(tmp_path, entry)
    time, again = read_entry(path_of(tmp_path, entry))
    assert again == entry
    assert time[:2] == "20"


def test_the_same_is_noted_once_and_keeps_its_time(tmp_path: Path) -> None:
    for _ in range(3):
        for entry in (PLAN, UNTIL, LOOK):
            write_entry(tmp_path, entry)
    before = [path.read_bytes() for path in noted(tmp_path)]
    write_entry(tmp_path, PLAN)
    assert [path.read_bytes() for path in noted(tmp_path)] == before
    history, broken = read_history(tmp_path)
    assert ([each for _, each in history.declared], [each for _, each in history.looked], broken) == (
        [PLAN, UNTIL],
        [LOOK],
        [],
    )


def test_without_a_history_there_is_none(tmp_path: Path) -> None:
    history, broken = read_history(tmp_path)
    assert not history.is_kept
    assert not history.is_torn
    assert not broken


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"declared": {"arms": 3}}', '{"looked": {"seeds": [1]}}'])
def test_what_is_damaged_is_named_and_missed(tmp_path: Path, text: str) -> None:
    write_entry(tmp_path, PLAN)
    write_entry(tmp_path, LOOK)
    path_of(tmp_path, LOOK).write_text(text)
    history, broken = read_history(tmp_path)
    assert [type(each) for each in broken] == [Damaged]
    assert path_of(tmp_path, LOOK).name in str(broken[0])
    assert history.is_torn
    assert [each for _, each in history.declared] == [PLAN]


def test_what_says_something_else_than_it_did_is_damaged(tmp_path: Path) -> None:
    write_entry(tmp_path, UNTIL)
    path = path_of(tmp_path, UNTIL)
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"time": "2020-01-01T00:00:00+00:00"}))
    with pytest.raises(Damaged):
        read_entry(path)


def test_what_is_noted_again_is_missed_no_longer(tmp_path: Path) -> None:
    write_entry(tmp_path, LOOK)
    path_of(tmp_path, LOOK).write_text("{")
    write_entry(tmp_path, LOOK)
    assert len(list((tmp_path / "quarantine").iterdir())) == 1
    assert not read_history(tmp_path)[0].is_torn


def test_a_look_is_noted_where_something_new_is_seen(tmp_path: Path) -> None:
    experiment = looked_at(tmp_path)
    assert [path.name.partition("-")[0] for path in noted(experiment.folder)] == ["declared", "looked"]
    note_look(experiment)
    assert len(noted(experiment.folder)) == 2
    more = looked_at(tmp_path, seeds=8)
    assert len(noted(more.folder)) == 4


def test_a_look_is_noted_whatever_is_damaged_and_a_part_of_an_earlier_one_changes_nothing(tmp_path: Path) -> None:
    experiment = looked_at(tmp_path)
    record = experiment.folder / "runs" / experiment.finished[0].run_id / "run.json"
    whole = record.read_bytes()
    record.write_text("{")
    note_look(load(experiment.folder))
    assert len(noted(experiment.folder)) == 3
    record.write_bytes(whole)
    assert designs_of(load(experiment.folder))("constant", "step").kind == "fixed"


def test_a_folder_that_takes_no_look_is_read_all_the_same(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="constant,step", seeds=6).experiment
    for path in noted(experiment.folder):
        path.unlink()
    (experiment.folder / HISTORY).rmdir()
    (experiment.folder / HISTORY).write_text("in the way")
    note_look(experiment)
    assert (experiment.folder / HISTORY).read_text() == "in the way"


def test_what_has_no_history_gets_none_by_looking(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="constant,step", seeds=6).experiment
    for path in noted(experiment.folder):
        path.unlink()
    note_look(load(experiment.folder))
    assert not noted(experiment.folder)
    assert {each.design for each in asked(load(experiment.folder)).comparisons} == {"fixed"}


def test_what_had_no_history_counts_as_looked_at_when_more_is_trained(tmp_path: Path) -> None:
    folder = fake_run(tmp_path, schedulers="constant,step", seeds=6).experiment.folder
    for path in noted(folder):
        path.unlink()
    fake_run(tmp_path, schedulers="constant,step", seeds=8)
    ((comparison),) = asked(load(folder)).comparisons
    assert (comparison.design, comparison.looks) == ("open", (6,))


@pytest.mark.parametrize("kind", ["looked", "declared"])
def test_repair_moves_it_away_and_the_design_stays_open(
    tmp_path: Path, cli: Callable[..., Result], kind: str
) -> None:
    folder = looked_at(tmp_path).folder
    (path,) = folder.glob(f"{HISTORY}/{kind}-*.json")
    if kind == "looked":  # an earlier look; the last one would be noted again by looking
        looked_at(tmp_path, seeds=8)
    path.write_text("{")
    damaged = cli("summary", folder)
    assert damaged.exit_code == 3
    assert "doctor" in damaged.stderr
    assert cli("doctor", folder, "--repair", "--yes").exit_code == 0
    assert not path.exists()
    (aside,) = (folder / "quarantine").iterdir()
    assert aside.name.rpartition("-")[0] == path.stem
    after = cli("summary", folder)
    assert after.exit_code == 0
    assert "at every look" in after.stdout
