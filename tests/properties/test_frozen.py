"""What earlier versions stored stays good: a folder of every schema, read and shown by the code of today.

Each folder in tests/data was made by the version of its schema and is never made again.
"""

import dataclasses
import html
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, asked, fake_run
from typer.testing import Result

from lrbench import problems, runs
from lrbench.errors import BadResults
from lrbench.runs import Experiment, Status
from lrbench.schedules import Named, base
from lrbench.schedules.schedule import Schedule
from lrbench.show import reproduce
from lrbench.store import load, load_all, read, records, schema, tables

SCHEMAS = sorted((ROOT / "tests" / "data").glob("schema-*"))
Cli = Callable[..., Result]


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.name)
def frozen(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, so that nothing is written beside the original."""
    return Path(shutil.copytree(request.param, tmp_path / "frozen"))


def undamaged(folder: Path) -> list[Experiment]:
    experiments, damage = load_all(folder)
    assert damage == []
    return experiments


def test_every_schema_so_far_has_its_folder() -> None:
    assert [path.name for path in SCHEMAS] == [f"schema-{i}" for i in range(1, schema.SCHEMA_VERSION + 1)]
    for i, folder in enumerate(SCHEMAS, start=1):
        stored = [json.loads(path.read_text())["schema_version"] for path in folder.rglob("*.json")]
        assert set(stored) == {i}


def test_every_run_is_read_as_what_it_was(frozen: Path) -> None:
    experiments = {each.name: each for each in undamaged(frozen)}
    assert {name: len(each.finished) for name, each in experiments.items()} == {
        "ends": 27,
        "real": 14,
        "tested": 4,
    }
    real = experiments["real"]
    assert set(real.groups) >= {"slow", "constant", "cosine", "mine.py:falling"}
    stored = json.loads(next((frozen / "real" / "runs").glob("cosine-s0-*/run.json")).read_text())
    (cosine,) = [one for one in real.groups["cosine"] if one.seed == 0]
    assert (
        cosine.final("test_accuracy")
        == (stored.get("test") or {"accuracy": stored.get("test_accuracy")})["accuracy"]
    )
    assert cosine.result.state_sha256 == stored["state_sha256"]
    assert real.groups["slow"][0].schedule.lr == 0.01
    assert {dict(each.parameters).get("half") for each in real.names} == {None, "20%"}, "the default of its day"
    assert {one.result.status for one in experiments["ends"].finished} == set(Status)
    assert experiments["tested"].setting.validate_on == "test"
    assert experiments["tested"].setting.optimizer == "adam(beta_1=0.8)"


@pytest.mark.parametrize(
    "words",
    [
        ["summary"],
        ["summary", "--format", "json", "--all-pairs"],
        pytest.param(["plot", "--format", "svg", "--out", "pictures"], marks=pytest.mark.slow),
        ["report", "-o", "page.html"],
        ["export", "--to", "json", "--out", "json"],
        ["export", "--to", "parquet", "--out", "parquet"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_every_command_that_reads_is_content(frozen: Path, cli: Cli, words: list[str]) -> None:
    before = {path: path.read_bytes() for path in frozen.rglob("*") if path.is_file()}
    command, *options = words
    done = cli(command, frozen, *options)
    assert done.exit_code == 0, done.output
    assert "Damaged" not in done.output
    assert {path: path.read_bytes() for path in frozen.rglob("*") if path.is_file()} == before


def test_reading_asks_no_problem_no_schedule_and_no_code_of_the_user_s(frozen: Path) -> None:
    """`mine.py`, which made some of the runs, is not there at all."""
    program = (
        "import sys, pathlib\nfrom lrbench.api import judge_all, load\n"
        f"results = load({str(frozen)!r})\nassert judge_all(results.experiments)\n"
        "print(*(name for name in sys.modules if name.startswith('lrbench.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lrbench.store.read" in loaded
    assert not [name for name in loaded if name.startswith(("lrbench.problems", "lrbench.plan", "lrbench.engine"))]


def changed_default(patch: pytest.MonkeyPatch) -> None:
    """Another version changes what `cosine` means."""
    entry = base.REGISTRY["cosine"]
    floor = dataclasses.replace(entry.parameters["floor"], default=base.Rate(0, share=True))
    patch.setitem(
        base.REGISTRY, "cosine", dataclasses.replace(entry, parameters={**entry.parameters, "floor": floor})
    )


def another_field(patch: pytest.MonkeyPatch) -> None:
    """Another version's Setting has a field more."""
    longer = dataclasses.make_dataclass(
        "Setting", [("averaging", str, "none")], bases=(runs.Setting,), frozen=True, kw_only=True
    )
    for module in (runs, read):
        patch.setattr(module, "Setting", longer)


def another_column(patch: pytest.MonkeyPatch) -> None:
    """Another version's epochs.csv has a column more."""
    longer = dataclasses.make_dataclass(
        "Row", [("norm", float | None, None)], bases=(runs.Row,), frozen=True, kw_only=True
    )
    patch.setattr(tables, "Row", longer)
    patch.setattr(tables, "KEYS", [*tables.KEYS, "norm"])
    patch.setattr(tables, "KINDS", tables.KINDS | {"norm": float | None})


def renamed_problem(patch: pytest.MonkeyPatch) -> None:
    """Another version calls `mnist` something else."""
    patch.setattr(problems.base, "PROBLEMS", {"digits": problems.PROBLEMS["mnist"]})


def no_schedules(patch: pytest.MonkeyPatch) -> None:
    """Another version knows none of the schedules any more."""
    patch.setattr(base, "REGISTRY", {})
    patch.setattr(Schedule, "__init__", None)


@pytest.mark.parametrize(
    "mutation", [changed_default, another_field, another_column, renamed_problem, no_schedules]
)
def test_what_changes_in_the_code_damages_nothing_that_is_stored(
    frozen: Path, mutation: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = undamaged(frozen)
    mutation(monkeypatch)
    after = undamaged(frozen)
    assert [each.name for each in after] == [each.name for each in before]
    for old, new in zip(before, after, strict=True):
        assert list(new.groups) == list(old.groups)
        assert [one.key for one in new.finished] == [one.key for one in old.finished]
        assert [one.result.test for one in new.finished] == [one.result.test for one in old.finished]
        assert str(asked(new, every_pair=True).comparisons) == str(asked(old, every_pair=True).comparisons)


def test_the_same_words_of_another_meaning_are_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fake_run(tmp_path, schedulers="cosine,step").experiment
    changed_default(monkeypatch)
    outcome = fake_run(tmp_path, schedulers="cosine,step")
    assert [one.schedule.words for one in outcome.trained] == ["cosine"]
    assert set(outcome.experiment.groups) == {"cosine(floor=1%)", "cosine(floor=0%)", "step"}
    stored = {one.run_id: one for one in outcome.experiment.finished}
    assert all(stored[one.run_id] == one for one in before.finished)
    assert not load(outcome.experiment.folder).damage


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("wsd(per=epoch)", r"wsd\(warmup_by=epochs, per=epoch\)"),
        ("plateau(threshold=relative)", r"plateau\(relative_to=size, threshold=relative\)"),
        ("step(every=2.2 epochs)", r"step\(rates=[0-9a-f]{8}, every=2.2 epochs\)"),
    ],
)
def test_runs_of_words_that_gave_other_rates_stand_beside_those_of_today(
    spec: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    """Made as they were before warm-ups climbed by epochs, gains had a size, and spans were exact."""
    options: dict[str, Any] = {"schedulers": f"cosine,{spec}", "epochs": 5, "train_size": 3200}
    with monkeypatch.context() as past:
        past.setattr("lrbench.schedules.schedule.CORRECTED", {})
        past.setattr("lrbench.plan.were_rounded_otherwise", lambda schedule, horizon: False)
        before = fake_run(tmp_path / "results", **options).experiment
    outcome = fake_run(tmp_path / "results", **options)
    assert [one.schedule.words for one in outcome.trained] == [spec], "cosine means what it did"
    old, new = sorted(set(outcome.experiment.groups) - {"cosine"}, key=len)
    assert old == spec
    assert re.fullmatch(name, new)
    stored = {one.run_id: one for one in outcome.experiment.finished}
    assert all(stored[one.run_id] == one for one in before.finished)
    assert not load(outcome.experiment.folder).damage
    assert not fake_run(tmp_path / "results", **options).trained
    assert shlex.split(reproduce.command(outcome.experiment)).count(f"cosine,{spec}") == 1


def test_a_plan_knows_the_runs_of_an_earlier_schema(tmp_path: Path) -> None:
    """What means the same as it did is not trained again, whatever the folder of the run is called."""
    shutil.copytree(ROOT / "tests" / "data" / "schema-1" / "ends", tmp_path / "ends")
    known = "constant,rex,sigmoid,inverse_sqrt,wsd,onecycle"
    assert not fake_run(tmp_path, schedulers=known, seeds=3, **ENDS).trained
    more = fake_run(tmp_path, schedulers="constant,restarts", seeds=4, **ENDS)
    assert sorted((one.schedule.words, one.seed) for one in more.trained) == [
        ("constant", 3),
        *(("restarts", seed) for seed in range(4)),  # its default is another one now
    ]
    assert {"restarts(first=10%)", "restarts(first=1/15)"} & set(more.experiment.groups)
    assert not load(tmp_path / "ends").damage


ENDS: dict[str, Any] = {"engine": "fake", "epochs": 3, "batch_size": 50, "val_size": 0, "name": "ends"}


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.name)
def ends(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the fake engine left, where a command would look for it."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(request.param / "ends", tmp_path / "results" / "ends"))


def test_a_run_that_failed_under_an_earlier_schema_is_tried_again(ends: Path) -> None:
    outcome = fake_run(ends.parent, schedulers="breaks=constant(lr=7)", seeds=3, **ENDS)
    assert [one.seed for one in outcome.trained] == [0, 1, 2]
    assert all(one.result.status is Status.DONE for one in outcome.experiment.groups["breaks"])
    (again,) = undamaged(ends)
    assert len(again.finished) == 27
    assert len(list(ends.glob("quarantine/*/run.json")) + list(ends.glob("runs/.failed-*"))) in (0, 3)


def test_runs_of_an_earlier_schema_are_verified(ends: Path, cli: Cli) -> None:
    words = [
        "--engine",
        "fake",
        "--epochs",
        "3",
        "--batch-size",
        "50",
        "--val-size",
        "0",
        "--name",
        "ends",
        "--seeds",
        "3",
    ]
    done = cli("run", *words, "-s", "constant,rex,wsd", "--verify")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("same bytes") == 4, "a sample"


def test_the_command_of_the_report_finds_all_that_is_stored(ends: Path, cli: Cli) -> None:
    assert cli("report", ends, "-o", "page.html").exit_code == 0
    (command,) = set(re.findall(r"lrbench (run [^<]*--name ends)", html.unescape(Path("page.html").read_text())))
    before = sorted(ends.glob("runs/*"))
    done = cli(*shlex.split(command))
    assert done.exit_code == 3, f"no run of `up` finished: {done.output}"
    assert sorted(path.name.partition("-s")[0] for path in set(ends.glob("runs/*")) - set(before)) in (
        [],
        ["breaks"] * 3,
    ), "only what failed"
    assert load(ends).finished


@pytest.mark.parametrize("words", ["cosine", "cosine(lr=0.1)", "slow", "step(every=1 epoch)"])
def test_a_baseline_is_found_by_its_words(frozen: Path, cli: Cli, words: str) -> None:
    said = cli("summary", frozen / "real", "--baseline", words)
    assert said.exit_code == 0, said.output
    assert f"Against {words.removesuffix('(lr=0.1)')}," in said.output


def test_a_folder_of_a_later_schema_is_left_alone_and_named(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step", seeds=2).experiment
    path = experiment.folder / "runs" / experiment.finished[0].run_id / "run.json"
    later = path.read_text().replace(f'"schema_version": {schema.SCHEMA_VERSION}', '"schema_version": 99')
    path.write_text(later)
    (damage,) = load(experiment.folder).damage
    assert "a later lrbench wrote it: schema 99" in damage.text
    assert "a newer one" in damage.hint
    with pytest.raises(BadResults, match="a later lrbench wrote it"):
        fake_run(tmp_path, schedulers="step", seeds=2)
    assert path.read_text() == later, "nothing is moved or written over"
    marker = experiment.folder / "experiment.json"
    marker.write_text(
        marker.read_text().replace(f'"schema_version": {schema.SCHEMA_VERSION}', '"schema_version": 99')
    )
    with pytest.raises(BadResults, match="a later lrbench wrote it"):
        load(experiment.folder)


def test_the_names_of_records_are_the_nouns() -> None:
    """The identity that is stored has all that decides a run, and nothing else."""
    fields = set(records.SettingIdentity.model_fields)
    assert fields == {field.name for field in dataclasses.fields(runs.Setting)} - {"subject", "identity"} | {
        "problem",
        "data_sha256",
    }
    assert {field.name for field in dataclasses.fields(Named)} >= {"name", "lr", "parameters", "label"}
