"""One results folder: written whole, read strictly, never mixed."""

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_finished, fake_plan, fake_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrbench.errors import BadResults
from lrbench.files import write_whole
from lrbench.runs import Experiment
from lrbench.store import Store, find_experiments, load, load_all


@pytest.fixture
def stored(tmp_path: Path) -> Experiment:
    return fake_run(tmp_path / "results", schedulers="step,cosine", seeds=2).experiment


def run_folder(experiment: Experiment, index: int = 0) -> Path:
    return experiment.folder / "runs" / experiment.finished[index].run_id


def test_what_was_stored_reads_back_equal(stored: Experiment) -> None:
    assert load(stored.folder) == stored


def test_the_merged_table_holds_every_run_s_rows(stored: Experiment) -> None:
    with (stored.folder / "epochs.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    figures = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    assert rows[0] == ["run_id", "scheduler", "seed", "epoch", "step", "lr_first", "lr", *figures]
    parts = []
    for one in stored.finished:
        with (stored.folder / "runs" / one.run_id / "epochs.csv").open(newline="") as file:
            header, *lines = csv.reader(file)
        assert header == rows[0][1:]
        parts += [[one.run_id, *line] for line in lines]
    assert rows[1:] == parts
    assert len(parts) == 4 * 4


def test_absent_figures_are_empty_cells(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step", val_size=0).experiment
    with (experiment.folder / "epochs.csv").open(newline="") as file:
        assert all(row["val_loss"] == row["val_accuracy"] == "" for row in csv.DictReader(file))
    assert load(experiment.folder) == experiment


def test_run_json_says_all_of_the_run(stored: Experiment) -> None:
    record = json.loads((run_folder(stored) / "run.json").read_text())
    assert record["schema_version"] == 2
    assert record["status"] == "done"
    identity = record["identity"]
    assert identity["schedule"] == {"name": "cosine", "lr": 0.1, "parameters": {"floor": "1%", "k": "1"}}
    assert identity["setting"]["train_size"] == 55_000
    assert identity["setting"]["optimizer"]["parameters"]["momentum"] == 0.0
    assert record["test"].keys() == {"loss", "accuracy"}
    assert record["curve"][0] == [0, 0.1]
    assert record["seconds"].keys() == {"compile", "train", "evaluate"}
    assert record["versions"]["tensorflow"]
    text = json.dumps(record)
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text


def damage_cut(folder: Path) -> None:
    path = folder / "epochs.csv"
    path.write_bytes(path.read_bytes()[:-7])


def damage_cell(folder: Path) -> None:
    path = folder / "epochs.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace(",0.", ",zero.", 1)
    path.write_text("".join(lines))


def damage_digit(folder: Path) -> None:
    path = folder / "epochs.csv"
    path.write_text(path.read_text().replace(",2,", ",3,", 1))


def damage_header(folder: Path) -> None:
    path = folder / "epochs.csv"
    path.write_text(path.read_text().replace("lr_first", "first_lr"))


def damage_bytes(folder: Path) -> None:
    path = folder / "epochs.csv"
    path.write_bytes(path.read_bytes().replace(b"cosine", b"cos\xffne", 1))


def damage_cells(folder: Path) -> None:
    path = folder / "epochs.csv"
    path.write_text(path.read_text() + "1,2\n")


def damage_gone(folder: Path) -> None:
    (folder / "epochs.csv").unlink()


def damage_json(folder: Path) -> None:
    (folder / "run.json").write_text("{")


def damage_schema(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": "2"'))


def damage_seed(folder: Path) -> None:
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 5'))


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (damage_cut, "epochs.csv: line 5"),
    (damage_cell, "epochs.csv: line 3"),
    (damage_digit, "epochs.csv: line 3"),
    (damage_header, "epochs.csv: line 1"),
    (damage_bytes, "epochs.csv: line 2"),
    (damage_cells, "epochs.csv: line 6"),
    (damage_gone, "epochs.csv: No such file"),
    (damage_json, "run.json: no JSON"),
    (damage_schema, "run.json: its schema_version is '2'"),
    (damage_seed, "run.json: its content is not what was stored"),
]


@pytest.mark.parametrize(("harm", "words"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_damage_is_named_with_file_and_line_and_the_rest_is_read(
    stored: Experiment, harm: Callable[[Path], None], words: str
) -> None:
    harm(run_folder(stored))
    found = load(stored.folder)
    assert len(found.finished) == 3
    (damage,) = found.damage
    assert words in damage.text
    assert run_folder(stored).name in damage.text


@pytest.mark.parametrize(("harm", "words"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_next_run_moves_damage_away_and_trains_it_again(
    stored: Experiment, harm: Callable[[Path], None], words: str
) -> None:
    table = (stored.folder / "epochs.csv").read_bytes()
    (stored.folder / "epochs.csv").unlink()
    harm(run_folder(stored))
    left = sorted(path.read_bytes() for path in run_folder(stored).iterdir())
    outcome = fake_run(stored.folder.parent, schedulers="step,cosine", seeds=2)
    assert [one.run_id for one in outcome.trained] == [stored.finished[0].run_id]
    (aside,) = stored.folder.glob(f"quarantine/{run_folder(stored).name}-*")
    assert sorted(path.read_bytes() for path in aside.iterdir()) == left
    assert (stored.folder / "epochs.csv").read_bytes() == table


def test_a_damaged_merged_table_is_reported_and_made_again(stored: Experiment) -> None:
    path = stored.folder / "epochs.csv"
    whole = path.read_text()
    path.write_text(whole.replace("0.1", "fast", 1))
    found = load(stored.folder)
    assert len(found.finished) == 4
    assert "epochs.csv: line 2" in found.damage[0].text
    outcome = fake_run(stored.folder.parent, schedulers="step,cosine", seeds=2)
    assert not outcome.trained
    assert not outcome.experiment.damage
    assert path.read_text() == whole


def test_a_changed_number_in_the_merged_table_is_seen(stored: Experiment) -> None:
    path = stored.folder / "epochs.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines[5] = lines[5].rpartition(",")[0] + ",0.5\n"
    path.write_text("".join(lines))
    assert [each.text for each in load(stored.folder).damage] == [f"{path}: line 6: it is not what the runs say"]


def test_tables_that_are_behind_or_gone_are_made_again(stored: Experiment) -> None:
    merged, summary = stored.folder / "epochs.csv", stored.folder / "summary.csv"
    whole = merged.read_bytes()
    merged.write_bytes(
        b"".join(whole.splitlines(keepends=True)[:6])
    )  # a command was killed before it wrote the rest
    summary.unlink()
    assert not load(stored.folder).damage
    fake_run(stored.folder.parent, schedulers="step,cosine", seeds=2)
    assert merged.read_bytes() == whole
    assert summary.exists()


def test_what_another_command_stored_meanwhile_is_in_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(self: Store, environment: dict[str, object]) -> None:
        monkeypatch.undo()
        fake_run(tmp_path, schedulers="cosine")
        self.describe(environment)

    monkeypatch.setattr(Store, "describe", meanwhile)
    experiment = fake_run(tmp_path, schedulers="step").experiment
    assert {one.schedule.words for one in experiment.finished} == {"step", "cosine"}
    assert not load(experiment.folder).damage
    assert len((experiment.folder / "epochs.csv").read_text().splitlines()) == 1 + 2 * 4


def test_a_run_of_another_setting_is_not_taken_in(stored: Experiment) -> None:
    other = fake_run(stored.folder.parent, schedulers="step", batch_size=50).experiment
    stranger = run_folder(other)
    shutil.copytree(stranger, stored.folder / "runs" / stranger.name)
    found = load(stored.folder)
    assert len(found.finished) == 4
    assert "a run of another setting" in found.damage[0].text


@pytest.mark.parametrize(
    ("old", "new"), [('"epochs": 4', '"epochs": 5'), ('"images"', '"pictures"'), ('"epochs": 4', '"epoch": 4')]
)
def test_a_setting_that_is_none_is_said(stored: Experiment, old: str, new: str) -> None:
    path = stored.folder / "experiment.json"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadResults, match=r"experiment\.json"):
        load(stored.folder)


@pytest.mark.parametrize("figure", ["NaN", "null", '"0.9"'])
def test_test_figures_that_are_none_are_damage(stored: Experiment, figure: str) -> None:
    path = run_folder(stored) / "run.json"
    path.write_text(re.sub(r'"accuracy": [\d.]+', f'"accuracy": {figure}', path.read_text()))
    assert len(load(stored.folder).finished) == 3


def test_a_damaged_experiment_does_not_hide_the_others(stored: Experiment) -> None:
    other = fake_run(stored.folder.parent, schedulers="step", epochs=2).experiment
    (stored.folder / "experiment.json").write_text("[]")
    experiments, damage = load_all(stored.folder.parent)
    assert experiments == [other]
    assert len(damage) == 1
    assert str(stored.folder) in damage[0].text
    with pytest.raises(BadResults, match=r"experiment\.json"):
        load_all(stored.folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)),
    name=st.sampled_from(["run.json", "epochs.csv"]),
)
def test_arbitrary_bytes_in_a_run_are_damage_and_nothing_else(
    stored: Experiment, content: bytes, name: str
) -> None:
    path = run_folder(stored) / name
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        assert len(load(stored.folder).damage) == 1
    finally:
        path.write_bytes(whole)


def test_another_setting_under_the_same_name_is_refused(tmp_path: Path) -> None:
    fake_run(tmp_path, schedulers="step", name="mine")
    with pytest.raises(BadResults, match="epochs is 4 there and 5 here"):
        fake_run(tmp_path, schedulers="step", name="mine", epochs=5)


def test_a_label_keeps_its_meaning_within_an_experiment(tmp_path: Path) -> None:
    fake_run(tmp_path, schedulers="x=step")
    with pytest.raises(BadResults, match="'x' stands for step"):
        fake_run(tmp_path, schedulers="x=cosine")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    with pytest.raises(BadResults, match=r"holds 'thesis\.tex'"):
        fake_run(tmp_path, name="mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("precious")
    with pytest.raises(BadResults, match="cannot be written"):
        fake_run(tmp_path / "results")
    assert (tmp_path / "results").read_text() == "precious"


def test_no_results(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, words in [("missing", "no folder"), ("file", "is a file"), ("empty", "holds no results")]:
        with pytest.raises(BadResults, match=words):
            find_experiments(tmp_path / name)


def test_a_folder_of_something_else_is_told_by_its_files(tmp_path: Path) -> None:
    for name in ("runs/sgd-s0/log.csv", "runs/sgd-s1/log.csv", "notes.txt", ".hidden", "z.txt"):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    with pytest.raises(BadResults) as caught:
        find_experiments(tmp_path / "logs")
    assert caught.value.problem == (
        f"{tmp_path / 'logs'} contains no experiment of lrbench. "
        "Its files: notes.txt, z.txt, runs/sgd-s0/log.csv and 1 more."
    )
    assert "name a table with the columns scheduler, seed and a figure" in caught.value.hint
    assert "lrbench run" not in caught.value.hint


def test_a_folder_above_or_within_an_experiment_leads_to_it(tmp_path: Path) -> None:
    folder = fake_run(tmp_path / "all" / "deep" / "results", schedulers="step").experiment.folder
    with pytest.raises(BadResults, match="holds no experiment itself") as caught:
        find_experiments(tmp_path / "all")
    assert caught.value.hint == f"Name the folder that holds it: {folder.parent}"
    with pytest.raises(BadResults, match="is a part of an experiment") as caught:
        find_experiments(folder / "runs")
    assert caught.value.hint == f"Name the whole: {folder}"


def test_spaces_accents_and_emoji_in_the_path_simply_work(tmp_path: Path) -> None:
    outcome = fake_run(tmp_path / "été 🎉 results", name="mein Vergleich é", schedulers="größe=step")
    assert load(outcome.experiment.folder) == outcome.experiment


def test_an_interrupted_write_leaves_the_old_content_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(
                os, call, lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
            )
            with pytest.raises(OSError, match="No space"):
                write_whole(path, b"new content")
        assert path.read_bytes() == b"old"
        assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_run_without_run_json_is_not_finished(stored: Experiment) -> None:
    (run_folder(stored) / "run.json").unlink()
    found = load(stored.folder)
    assert len(found.finished) == 3
    assert [each.run_folder for each in found.damage] == [None]  # the merged table still has its lines


def test_saving_twice_is_the_same_bytes_but_for_the_seconds(tmp_path: Path) -> None:
    plan = fake_plan(schedulers="step")
    (finished,) = fake_finished(plan)
    stores = [Store.open(tmp_path / name, plan.setting) for name in ("a", "b")]
    for store in stores:
        store.describe({"git": None})
        store.save(plan.runs[0], finished)
    one, two = [sorted(store.folder.rglob("runs/*/*")) for store in stores]
    assert [path.name for path in one] == ["epochs.csv", "run.json"]
    assert one[0].read_bytes() == two[0].read_bytes()
