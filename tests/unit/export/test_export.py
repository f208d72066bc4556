"""What other programs read back is what was stored."""

import dataclasses
import json
import math
import re
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from conftest import fake_experiment, fake_run
from typer.testing import Result

from lrbench import export
from lrbench.cli.export import ExportFormat
from lrbench.engine.train import failure
from lrbench.errors import BadResults
from lrbench.runs import Experiment, Finished, Status
from lrbench.store import load

Cli = Callable[..., Result]
OPTIONS = {"schedulers": "step,hot=constant(lr=11),[red]x=cosine(warmup=10%)", "seeds": 2, "epochs": 3}


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Runs of which some diverged, read back from the disk; two more failed, or lost a figure."""
    stored = fake_run(tmp_path / "results", **OPTIONS).experiment
    first, second, *others = stored.finished
    row = dataclasses.replace(first.result.rows[0], train=(math.inf, 0.5), val=(math.nan, 0.5))
    odd = dataclasses.replace(first.result, rows=(row, *first.result.rows[1:]), test=(1e300, 0.5))
    failed = dataclasses.replace(second, result=failure(ValueError("no")))
    changed = (dataclasses.replace(first, result=odd), failed, *others)
    assert {one.result.status for one in changed} == set(Status)
    return dataclasses.replace(stored, finished=changed)


def none_if_odd(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def end(one: Finished) -> dict[str, Any]:
    loss, accuracy = one.result.test or (None, None)
    return {"status": one.result.status, "test_loss": loss, "test_accuracy": accuracy}


def flat(experiment: Experiment, one: Finished) -> list[dict[str, Any]]:
    """The lines of epochs.csv."""
    name = experiment.names[one.schedule]
    return [
        {
            **{"scheduler": name, "seed": row.seed, "epoch": row.epoch, "step": row.step},
            **{"lr_first": row.lr_first, "lr": row.lr, "train_loss": row.train[0], "train_accuracy": row.train[1]},
            **{"val_loss": row.val and row.val[0], "val_accuracy": row.val and row.val[1]},
        }
        for row in one.result.rows
    ]


def test_the_command_s_formats_are_those_that_are_written() -> None:
    assert set(get_args(ExportFormat)) == set(export.WRITERS)


def test_json_holds_every_value_and_is_strict(experiment: Experiment, tmp_path: Path) -> None:
    (path,) = export.write(experiment, "json", tmp_path / "out")
    assert path == tmp_path / "out" / f"{experiment.name}.json"
    record = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert record["experiment"] == experiment.name
    assert record["setting"] == json.loads(json.dumps(experiment.record()))
    assert record["setting"]["peak_rates"] == [0.1, 11.0]
    assert len(record["runs"]) == len(experiment.finished)
    for run, one in zip(record["runs"], experiment.finished, strict=True):
        assert run["run_id"] == one.run_id
        assert (run["scheduler"], run["spec"]) == (experiment.names[one.schedule], one.schedule.spec)
        assert run["seed"] == one.seed
        assert {key: run[key] for key in end(one)} == end(one)
        assert run["seconds"] == dataclasses.asdict(one.result.seconds)
        assert run["rows"] == [
            {key: none_if_odd(value) for key, value in row.items()} for row in flat(experiment, one)
        ]


def test_parquet_holds_every_value_with_its_type(experiment: Experiment, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    epochs_path, runs_path = export.write(experiment, "parquet", tmp_path / "out")
    epochs, runs = parquet.read_table(epochs_path), parquet.read_table(runs_path)
    rows = [{"run_id": one.run_id, **row} for one in experiment.finished for row in flat(experiment, one)]
    assert repr(epochs.to_pylist()) == repr(rows)  # repr: nan is nan, and every digit counts
    assert "inf" in repr(rows)
    ends = ["test_loss", "test_accuracy", "seconds_compile", "seconds_train", "seconds_evaluate"]
    assert runs.column_names == [*export.RUN_COLUMNS, *ends]
    assert [str(kind) for kind in epochs.schema.types] == [*["string"] * 2, *["int64"] * 3, *["double"] * 6]
    assert [(run["run_id"], run["seed"]) for run in runs.to_pylist()] == [
        (one.run_id, one.seed) for one in experiment.finished
    ]
    for run, one in zip(runs.to_pylist(), experiment.finished, strict=True):
        assert {key: run[key] for key in end(one)} == end(one)
        assert run["spec"] == one.schedule.spec
        assert run["seconds_train"] == one.result.seconds.train
    assert runs.schema.field("seed").type == pa.int64()
    assert runs.schema.field("test_loss").type == pa.float64()


def test_parquet_without_validation_has_empty_columns_of_numbers(tmp_path: Path) -> None:
    from pyarrow import parquet

    fake = fake_experiment(schedulers="step", val_size=0)
    table = parquet.read_table(export.write(fake, "parquet", tmp_path)[0])
    assert table.column("val_loss").null_count == table.num_rows == 4
    assert str(table.schema.field("val_loss").type) == "double"


def read_scalars(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[int, float]]]:
    """A run as TensorBoard itself reads it."""
    stub = "tensorboard.compat.notf"  # where it stands, TensorBoard leaves TensorFlow alone
    monkeypatch.setitem(sys.modules, stub, types.ModuleType(stub))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    return {tag: [(each.step, each.value) for each in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def single(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def test_tensorboard_reads_every_value(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = export.write(experiment, "tensorboard", tmp_path / "out")
    (again,) = export.write(experiment, "tensorboard", tmp_path / "out")
    assert folder == again
    assert [path.name for path in folder.parent.iterdir()] == ["tensorboard"], "nothing is left beside it"
    with_rows = [one for one in experiment.finished if one.result.rows]
    assert {path.name for path in folder.iterdir()} == {one.run_id for one in with_rows}
    for one in with_rows:
        rows, result = one.result.rows, one.result
        expected = {
            f"{split}/{name}": [(row.step, single(getattr(row, split)[i])) for row in rows]
            for split in ("train", "val")
            for i, name in enumerate(("loss", "accuracy"))
        }
        expected["learning_rate"] = [(row.step, single(row.lr)) for row in rows]
        if result.status is Status.DONE:
            assert result.test is not None
            expected["test/loss"] = [(rows[-1].step, single(result.test[0]))]
            expected["test/accuracy"] = [(rows[-1].step, single(result.test[1]))]
        assert repr(read_scalars(folder / one.run_id, monkeypatch)) == repr(expected)


def test_tensorboard_of_fewer_runs_leaves_no_old_ones(tmp_path: Path) -> None:
    fake = fake_experiment(schedulers="step,cosine")
    (folder,) = export.write(fake, "tensorboard", tmp_path)
    export.write(dataclasses.replace(fake, finished=fake.finished[:1]), "tensorboard", tmp_path)
    assert [path.name for path in folder.iterdir()] == [fake.finished[0].run_id]


@pytest.mark.parametrize("stranger", ["notes.txt", "mine/events.out.tfevents.1.host", "step/own.txt", "empty/"])
def test_a_folder_with_something_else_in_it_is_not_replaced(tmp_path: Path, stranger: str) -> None:
    fake = fake_experiment(schedulers="step")
    (folder,) = export.write(fake, "tensorboard", tmp_path)
    path = folder / stranger.replace("step", fake.finished[0].run_id)
    (path if stranger.endswith("/") else path.parent).mkdir(exist_ok=True)
    if not stranger.endswith("/"):
        path.write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadResults, match=r"is to be replaced, and .* was not written by lrbench export"):
        export.write(fake, "tensorboard", tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tensorboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadResults, match="was not written by"):
        export.write(fake_experiment(schedulers="step"), "tensorboard", tmp_path)


@pytest.mark.parametrize(("form", "library"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_a_missing_extra_is_two_lines(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, library: str
) -> None:
    fake_run(tmp_path / "results", schedulers="step")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setitem(sys.modules, library, None)
    result = cli("export", "results", "--to", form)
    assert result.exit_code == 2
    problem, hint = result.stderr.splitlines()
    assert library in problem
    version = {"parquet": "'pyarrow>=17'", "tensorboard": "'tensorboard>=2.19'"}[form]
    assert hint == f"  Install what it needs: python -m pip install {version}"
    assert sorted(tmp_path.rglob("*")) == before


def test_where_it_goes(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fake_run(tmp_path / "results", schedulers="step", epochs=2).experiment
    alone = cli("export", "results", "--to", "json")
    assert alone.exit_code == 0
    assert alone.stdout.split() == [f"results/{first.name}/export/{first.name}.json"]
    assert alone.stderr == ""
    assert cli("export", "results", "--to", "json", "--out", "x").stdout.split() == [f"x/{first.name}.json"]
    second = fake_run(tmp_path / "results", schedulers="step", epochs=3).experiment
    both = sorted(f"x/{name}/tensorboard" for name in (first.name, second.name))
    assert cli("export", "results", "--to", "tensorboard", "--out", "x").stdout.split() == both
    assert not load(tmp_path / "results" / first.name).damage
    monkeypatch.chdir(tmp_path / "results" / first.name)
    assert cli("export", ".", "--to", "json").stdout.split() == [f"export/{first.name}.json"]


def test_damage_is_said_and_the_rest_is_written(cli: Cli, tmp_path: Path) -> None:
    folder = fake_run(tmp_path / "results", schedulers="step,cosine").experiment.folder
    next(folder.glob("runs/step*/epochs.csv")).write_text("nonsense")
    result = cli("export", "results", "--to", "json")
    assert result.exit_code == 3
    assert "Damaged: " in result.stderr
    record = json.loads((tmp_path / result.stdout.strip()).read_text())
    assert [run["scheduler"] for run in record["runs"]] == ["cosine"]


def test_a_place_that_cannot_be_written_and_a_missing_format(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "results", schedulers="step")
    (tmp_path / "file").write_text("in the way")
    for form in get_args(ExportFormat):
        result = cli("export", "results", "--to", form, "--out", "file")
        assert result.exit_code == 2
        assert re.match(r"Error: file(/\S+)? cannot be written: ", result.stderr)
        assert "--out" in result.stderr.splitlines()[1]
    assert "--to" in cli("export", "results").stderr
    shutil.rmtree(tmp_path / "results")
    assert cli("export", "results", "--to", "json").exit_code == 2
