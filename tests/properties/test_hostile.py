"""Input that means harm: it stays text, stays inside the folder, or is an error of two lines."""

import contextlib
import csv
import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from conftest import fake_finished, fake_plan, fake_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import Result

from lrbench.config import load_config
from lrbench.errors import LrbenchError
from lrbench.files import Damaged
from lrbench.plan import make_plan
from lrbench.store import Store, load, table_of
from lrbench.store.checkpoints import check_whole
from lrbench.store.schema import sealed

Cli = Callable[..., Result]
TEXTS = {
    "up": "../../evil",
    "absolute": "/etc/passwd",
    "backslash": "..\\..\\evil",
    "nul": "a\0b",
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "ansi": "\x1b[31mred\x1b[2J",
    "osc": "\x1b]0;title\x07",
    "newline": "a\nb",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "tab": "\t=1+1",
    "long": "x" * 10_000,
    "right to left": "abc\u202egpj.exe",
    "mark": "\u200fabc",
    "zero width": "a\u200bb",
    "markup": "[bold red]x[/bold red]",
    "latex": r"\input{/etc/passwd}",
    "template": "{{ 7 * 7 }}",
}


def spoken(text: str) -> None:
    """What reached the terminal: no character that commands it."""
    assert all(character.isprintable() or character == "\n" for character in text), ascii(text)


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("place", ["label", "scheduler", "name", "config", "optimizer", "problem", "folder"])
def test_a_hostile_word_is_text_or_an_error(cli: Cli, tmp_path: Path, place: str, text: str) -> None:
    inside = tmp_path / "here"
    inside.mkdir()
    words: list[str | Path] = ["run", "--engine", "fake", "--epochs", "2", "-o", inside / "results", "-s", "step"]
    if place == "label":
        words[-1] = f"{text}=step"
    elif place == "scheduler":
        words[-1] = text
    elif place == "config":
        (inside / "my.toml").write_text(f"name = {json.dumps(text)}\nschedulers = [{json.dumps(text + '=step')}]")
        words = [*words[:-2], "-c", inside / "my.toml"]
    elif place == "folder":
        words = ["summary", text]
    else:
        words += [f"--{place}", text]
    result = cli(*words)
    assert result.exit_code in (0, 2)
    spoken(result.output)
    if result.exit_code == 2:
        assert len(result.stderr.splitlines()) == 2
        assert not list(inside.rglob("experiment.json")), "nothing was written"
    assert {path.name for path in tmp_path.iterdir()} == {"here"}, "nothing stands outside"
    for path in inside.rglob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


HARMLESS = {"up", "absolute", "backslash", "script", "image", "markup", "latex", "template"}  # as text they are


def stored(out: Path, texts: Iterable[str]) -> Path:
    """What somebody else might make, past all checks, with ids and checksums that fit: runs with these labels."""
    plan = fake_plan(schedulers="step")
    schedules = [dataclasses.replace(plan.runs[0].schedule, title=text) for text in texts]
    runs = tuple(dataclasses.replace(plan.runs[0], schedule=schedule) for schedule in schedules)
    store = Store.open(out / "one", plan.setting)
    store.describe({})
    for run, finished in zip(runs, fake_finished(dataclasses.replace(plan, runs=runs)), strict=True):
        store.save(run, finished)
    return store.folder


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_label_in_stored_files_is_damage(cli: Cli, tmp_path: Path, name: str) -> None:
    folder = stored(tmp_path / "results", [TEXTS[name]])
    assert bool(load(folder).finished) == (name in HARMLESS)
    for command in ("summary", "doctor", *([] if name in HARMLESS else ["plot"])):
        result = cli(command, "results")
        assert result.exit_code in ((0,) if name in HARMLESS else (2, 3))
        spoken(result.output)


@pytest.mark.slow
def test_hostile_labels_that_are_text_are_drawn(cli: Cli, tmp_path: Path) -> None:
    stored(tmp_path / "results", [TEXTS[name] for name in sorted(HARMLESS)])
    result = cli("plot", "results", "--format", "svg")
    assert result.exit_code == 0, result.output
    spoken(result.output)


def test_a_folder_s_hostile_name_reaches_no_terminal(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "\x1b[31mred\u202e"
    fake_run(out, schedulers="step")
    (folder,) = out.iterdir()
    (folder / "runs" / next((folder / "runs").iterdir()).name / "run.json").write_text("{")
    for words in (["summary", out], ["plot", out], ["doctor", out], ["run", "--engine", "fake", "-o", out]):
        result = cli(*words)
        assert result.exit_code in (0, 2, 3)
        spoken(result.stderr if words[0] == "plot" else result.output)  # in a pipe, a path is the path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", "0"),
        ("epochs", "-1"),
        ("epochs", "1000000000000"),
        ("train_size", "1000000000000"),
        ("problem", '"\\u001b[31mnist"'),
        ("problem", '""'),
        ("optimizer", '"sgd"'),
        ("engine", "5"),
        ("validate_on", '"nowhere"'),
        ("data_sha256", '"../../x"'),
    ],
)
def test_a_setting_that_no_command_gives_is_refused(cli: Cli, tmp_path: Path, key: str, value: str) -> None:
    experiment = fake_run(tmp_path / "results", schedulers="step").experiment
    path = experiment.folder / "experiment.json"
    record = json.loads(path.read_text())
    for sealing in ("schema_version", "record_sha256"):
        del record[sealing]
    record["identity"][key] = json.loads(value)
    path.write_text(json.dumps(sealed(record)))
    for words in (["summary", "results"], ["plot", "results"], ["run", "--engine", "fake", "--epochs", "4"]):
        result = cli(*words)
        assert result.exit_code == 2, result.output
        assert "experiment.json" in result.stderr
        spoken(result.output)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode(errors="ignore"))
    )
)
def test_arbitrary_bytes_in_a_config_are_an_error_or_a_config(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with contextlib.suppress(LrbenchError):
        make_plan(load_config(str(path), {"engine": "fake"}, {}))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(
    key=st.sampled_from(
        ["schedulers", "seeds", "epochs", "lr", "optimizer", "name", "out", "problem", "val_size"]
    ),
    value=st.one_of(
        st.text(max_size=40), st.integers(), st.floats(), st.booleans(), st.lists(st.text(max_size=8), max_size=3)
    ),
)
def test_arbitrary_values_in_a_config_are_an_error_or_a_plan(tmp_path: Path, key: str, value: object) -> None:
    small = {"train_size": 64, "engine": "fake"}  # or millions of epochs take gigabytes of rates
    with contextlib.suppress(LrbenchError):
        make_plan(load_config(None, {key: value, **small}, {}))


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """An experiment with one run."""
    return fake_run(tmp_path, schedulers="step").experiment.folder


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.data())
def test_arbitrary_values_in_run_json_are_damage_or_read(one: Path, data: st.DataObject) -> None:
    """Each value of the record in turn is replaced by some other JSON value."""
    (path,) = one.glob("runs/*/run.json")
    whole = path.read_text()
    record = json.loads(whole)
    strange = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    )
    del record["record_sha256"]
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(strange)
    del record["schema_version"]
    path.write_text(json.dumps(sealed(record)))  # past the checksum
    try:
        found = load(one)
        assert len(found.finished) + len([each for each in found.damage if each.run_folder]) == 1
    except LrbenchError:
        pass
    finally:
        path.write_text(whole)


def forged(folder: Path, **changes: object) -> Path:
    """Rewrite the only run's record, with checksums and ids that fit."""
    (path,) = folder.glob("runs/*/run.json")
    record = json.loads(path.read_text())
    for key in ("record_sha256", "schema_version"):
        del record[key]
    path.write_text(json.dumps(sealed(record | changes)))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": {"seed": 0}},
        {"identity": None},
        {"test": {"loss": 1e999, "accuracy": 0.5}},
        {"test": {"loss": float("nan"), "accuracy": 0.5}},
        {"test": {"loss": 0.5}},
        {"test": None},
        {"curve": [["a", 1]]},
        {"curve": [[0, float("inf")]]},
        {"scheduler": "=cmd"},
        {"scheduler": "two\nlines"},
        {"seconds": {"train": -1.0}},
        {"seconds": {"train": 1e999}},
        {"seconds": {"sleep": 1.0}},
        {"seconds": []},
        {"state_sha256": 5},
        {"versions": "new"},
        {"status": "splendid"},
        {"status": "failed"},
        {"spec": 5},
    ],
    ids=str,
)
def test_forged_records_are_damage(tmp_path: Path, changes: dict[str, object]) -> None:
    folder = fake_run(tmp_path, schedulers="step").experiment.folder
    forged(folder, **changes)
    found = load(folder)
    assert not found.finished
    assert found.damage


def test_a_changed_figure_in_run_json_is_seen(cli: Cli, tmp_path: Path) -> None:
    folder = fake_run(tmp_path / "results", schedulers="step").experiment.folder
    (path,) = folder.glob("runs/*/run.json")
    record = json.loads(path.read_text())
    path.write_text(path.read_text().replace(f'"accuracy": {record["test"]["accuracy"]!r}', '"accuracy": 0.99'))
    assert "run.json: its content is not what was stored" in load(folder).damage[0].text
    assert cli("doctor", "results").exit_code == 3


def test_forged_rows_are_damage_with_their_line(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step").experiment
    rows = list(experiment.finished[0].result.rows)
    rows[1] = dataclasses.replace(rows[1], scheduler="=cmd|x", seed=7, epoch=999)
    table = table_of(rows, experiment.setting.subject)
    path = forged(experiment.folder, epochs_sha256=hashlib.sha256(table).hexdigest())
    (path.parent / "epochs.csv").write_bytes(table)
    assert "epochs.csv: line 3: it is not this run's" in load(experiment.folder).damage[0].text


@pytest.mark.parametrize("name", ["run.json", "epochs.csv"])
def test_files_of_impossible_size_or_kind_are_damage(tmp_path: Path, name: str) -> None:
    folder = fake_run(tmp_path, schedulers="step").experiment.folder
    (path,) = folder.glob(f"runs/*/{name}")
    os.truncate(path, 2**42)
    assert "bytes are more than it can hold" in load(folder).damage[0].text
    path.unlink()
    os.mkfifo(path)
    assert "not a file" in load(folder).damage[0].text


def test_zip_members_that_share_their_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """Each no larger than the file, together as large as one likes."""
    path = tmp_path / "checkpoint.npz"
    with zipfile.ZipFile(path, "w") as packed:
        for i in range(50):
            packed.writestr(f"variable-{i}.npy", bytes(10_000))
        for member in packed.filelist:
            member.file_size = member.compress_size = 400_000
    with pytest.raises(Damaged, match="larger than the file"):
        check_whole(path)
