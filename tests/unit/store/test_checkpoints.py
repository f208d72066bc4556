"""A run under way: what a checkpoint holds, when it is refused, and that nothing in it can harm."""

import dataclasses
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fake_plan, fake_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrbench.config import load_config
from lrbench.engine.fake import FakeReplica
from lrbench.files import Damaged
from lrbench.runner import Listener, conduct
from lrbench.runs import Checkpoint, Damage, Finished, Row, Run
from lrbench.schedules.base import Rates
from lrbench.store import load
from lrbench.store.checkpoints import read_checkpoint

OPTIONS: dict[str, Any] = {
    "schedulers": "plateau(patience=1 epoch, min_delta=0.5)",
    "epochs": 6,
    "jobs": 1,
    "checkpoint_every": 1,
}


class Stop(Exception):
    """What ends a command in these tests after some epochs."""


class Stopper(Listener):
    """Stops the command after so many epochs, and notes what it heard."""

    def __init__(self, after: int = 10**9) -> None:
        self.after = after
        self.epochs: list[int] = []
        self.resumed: list[int] = []
        self.damage: list[str] = []

    def on_resume(self, run: Run, epochs: int) -> None:
        self.resumed.append(epochs)

    def on_damage(self, damage: Damage, moved: bool) -> None:
        self.damage.append(damage.text)

    def on_epoch(self, run: Run, row: Row) -> None:
        self.epochs.append(row.epoch)
        if len(self.epochs) == self.after:
            raise Stop


def command(out: Path, listener: Listener, **options: Any) -> Any:
    config = load_config(None, {"engine": "fake", "out": out, **OPTIONS, **options}, {})
    return conduct(config, listener)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """An experiment's folder whose only run was stopped after its third epoch."""
    with pytest.raises(Stop):
        command(tmp_path / "results", Stopper(3))
    (folder,) = (tmp_path / "results").iterdir()
    return folder


def the_checkpoint(folder: Path) -> Path:
    (path,) = folder.glob("runs/*/checkpoint.npz")
    return path


def end(folder: Path) -> tuple[bytes, Any]:
    (one,) = load(folder).finished
    return (folder / "epochs.csv").read_bytes(), dataclasses.replace(one.result, seconds=None)  # type: ignore[arg-type]


def test_the_next_command_goes_on_after_the_last_epoch(stopped: Path, tmp_path: Path) -> None:
    assert not load(stopped).finished
    ear = Stopper()
    command(stopped.parent, ear)
    assert ear.resumed == [3]
    assert ear.epochs == [4, 5, 6]
    assert not list(stopped.rglob("checkpoint.npz")), "removed when the run is done"
    assert end(stopped) == end(command(tmp_path / "other", Listener()).experiment.folder)


def test_feedback_and_seconds_are_handed_on(stopped: Path) -> None:
    (run,) = fake_plan(**OPTIONS).runs
    record = json.loads(np.load(the_checkpoint(stopped), allow_pickle=False)["record"].tobytes())
    assert float(record["feedback"]["scale"]) < 1
    found = read_checkpoint(the_checkpoint(stopped), run, {key: record[key] for key in ("versions", "host")})
    assert found.seconds.train == record["seconds"]["train"] > 0
    assert [row.epoch for row in found.rows] == [1, 2, 3]
    assert found.state[0].shape == (2,)


def test_a_checkpoint_made_under_other_variables_is_not_gone_on_from(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    with pytest.raises(Stop):
        command(stopped.parent, ear := Stopper(2))
    (said,) = ear.damage
    assert "'XLA_FLAGS': '--xla_cpu_enable_fast_math=true'" in said
    assert ear.epochs == [1, 2]
    monkeypatch.delenv("XLA_FLAGS")
    command(stopped.parent, ear := Stopper())
    assert "its host is" in ear.damage[0]
    assert ear.epochs == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("every", "left"), [(1, 5), (2, 4), (3, 3), (5, 5), (6, None)])
def test_checkpoint_every(tmp_path: Path, every: int, left: int | None) -> None:
    with pytest.raises(Stop):
        command(tmp_path, Stopper(5), checkpoint_every=every)
    assert len(list(tmp_path.rglob("checkpoint.npz"))) == (left is not None)
    ear = Stopper()
    command(tmp_path, ear, checkpoint_every=every)
    assert ear.resumed == ([] if left is None else [left])
    assert ear.epochs == list(range((left or 0) + 1, 7))


def test_a_failed_run_goes_on_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FakeReplica.train_epoch

    def breaks(self: FakeReplica, epoch: int, rates: Rates) -> Any:
        if epoch == 4:
            raise MemoryError
        return whole(self, epoch, rates)

    with monkeypatch.context() as patched:
        patched.setattr(FakeReplica, "train_epoch", breaks)
        failed = command(tmp_path, Listener())
    assert failed.experiment.finished[0].failed
    ear = Stopper()
    command(tmp_path, ear)
    assert ear.epochs == [4, 5, 6]


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite a checkpoint's record."""
    arrays = dict(np.load(path, allow_pickle=False))
    record = json.loads(arrays["record"].tobytes())
    change(record)
    np.savez(path, **(arrays | {"record": np.frombuffer(json.dumps(record).encode(), np.uint8)}))


def replaced(path: Path, **new: Any) -> None:
    """Replace arrays of a checkpoint."""
    np.savez(path, **(dict(np.load(path, allow_pickle=False)) | new))


def pickled(path: Path) -> None:
    replaced(path, **{"variable-0": np.array([print], dtype=object)})


def bomb(path: Path) -> None:
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(50_000_000, np.uint8))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("variable-0.npy", zeros.getvalue())
    assert path.stat().st_size < 100_000


def lying_header(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("variable-1.npy", header.getvalue() + bytes(8))


def other_rows(path: Path) -> None:
    rows = np.load(path)["rows"].tobytes().replace(b",2,", b",7,", 1)
    replaced(path, rows=np.frombuffer(rows, np.uint8))


def no_rows(path: Path) -> None:
    rows = np.load(path)["rows"].tobytes()
    replaced(path, rows=np.frombuffer(rows[: rows.index(b"\n") + 1], np.uint8))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"variable-0.npy") + 150] ^= 1
    path.write_bytes(content)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1}))


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "schema": (
        lambda path: rewritten(path, lambda record: record.update(schema_version=99)),
        "schema_version is 99",
    ),
    "data": (
        lambda path: rewritten(path, lambda record: record.update(data_sha256="0" * 64)),
        "data_sha256 is '00",
    ),
    "run": (lambda path: rewritten(path, lambda record: record.update(run_sha256="1")), "its run_sha256 is '1'"),
    "versions": (lambda path: rewritten(path, lambda r: r["versions"].update(keras="1.0")), "its versions is"),
    "machine": (lambda path: rewritten(path, lambda record: record["host"].update(cpu="Z80")), "its host is"),
    "seconds": (
        lambda path: rewritten(path, lambda r: r["seconds"].update(train=float("nan"))),
        "its seconds are none",
    ),
    "missing": (lambda path: rewritten(path, lambda record: record.pop("feedback")), "KeyError"),
    "other rows": (other_rows, "line 3: it is not this run's"),
    "no rows": (no_rows, "after epoch 0"),
    "pickled": (pickled, "Python objects"),
    "bomb": (bomb, "larger than the file"),
    "lying header": (lying_header, "ValueError"),
    "shape": (lambda path: replaced(path, **{"variable-0": np.zeros(3)}), "not those of this model"),
    "type": (lambda path: replaced(path, **{"variable-0": np.zeros(2, np.float32)}), "not those of this model"),
    "number": (lambda path: replaced(path, **{"variable-1": np.zeros(2)}), "not those of this model"),
    "cut": (cut, "BadZipFile"),
    "flipped": (flipped, "no checkpoint"),
    "pickle": (plain_pickle, "BadZipFile"),
    "empty": (lambda path: path.write_bytes(b""), "BadZipFile"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_checkpoint_that_does_not_belong_is_moved_away_and_the_run_begins_again(
    stopped: Path, tmp_path: Path, name: str
) -> None:
    harm, words = DAMAGES[name]
    harm(the_checkpoint(stopped))
    left = the_checkpoint(stopped).read_bytes()
    ear = Stopper()
    command(stopped.parent, ear)
    (said,) = ear.damage
    assert words in said
    assert str(the_checkpoint_aside(stopped).parent.name).startswith("plateau")
    assert the_checkpoint_aside(stopped).read_bytes() == left
    assert ear.epochs == [1, 2, 3, 4, 5, 6]
    assert end(stopped) == end(command(tmp_path / "other", Listener()).experiment.folder)


def the_checkpoint_aside(folder: Path) -> Path:
    (path,) = folder.glob("quarantine/*/checkpoint.npz")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_arbitrary_bytes_in_a_checkpoint_are_damage_and_nothing_else(stopped: Path, data: st.DataObject) -> None:
    """Random bytes, and the real file with some bytes overwritten."""
    path = the_checkpoint(stopped)
    whole = path.read_bytes()
    (run,) = fake_plan(**OPTIONS).runs
    record = json.loads(np.load(path, allow_pickle=False)["record"].tobytes())
    made_on = {key: record[key] for key in ("versions", "host")}
    if data.draw(st.booleans()):
        content = data.draw(st.binary(max_size=300))
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        content = whole[:at] + data.draw(st.binary(min_size=1, max_size=20)) + whole[at + 20 :]
    path.write_bytes(content)
    try:
        found = read_checkpoint(path, run, made_on)
        assert isinstance(found, Checkpoint), "only bytes that do not matter were overwritten"
    except Damaged:
        pass
    finally:
        path.write_bytes(whole)


def test_a_checkpoint_beside_a_finished_run_is_removed(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step").experiment
    one: Finished = experiment.finished[0]
    stale = experiment.folder / "runs" / one.run_id / "checkpoint.npz"
    stale.write_bytes(b"left by a killed command")
    fake_run(tmp_path, schedulers="step")
    assert not stale.exists()
