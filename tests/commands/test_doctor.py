"""`lrbench doctor`: it finds what is wrong, and says so where nothing is."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, fake_run
from typer.testing import Result

from lrbench import doctor, problems
from lrbench.problems.mnist import MNIST

Cli = Callable[..., Result]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def by_name(checks: list[doctor.Check]) -> dict[str, doctor.Check]:
    return {check.name: check for check in checks}


@pytest.mark.tensorflow
@pytest.mark.apart
def test_the_installation_is_in_order(command: Command) -> None:
    done = command("doctor", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert list(found) == ["python", "lrbench", "tensorflow", "keras", "numpy", "namesake", "data", "engine"]
    assert all(check["good"] for check in found.values())
    assert "70,000 images" in found["data"]["text"]
    assert "follows Model.fit over 2 epochs" in found["engine"]["text"]
    assert done.stderr == ""


@pytest.mark.tensorflow
def test_an_engine_that_computes_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from lrbench.engine.compiled import CompiledReplica

    whole = CompiledReplica.train_epoch

    def wrong(self: Any, epoch: int, rates: Any) -> Any:
        return whole(self, epoch, rates * 1.01)

    monkeypatch.setattr(CompiledReplica, "train_epoch", wrong)
    check = by_name(list(doctor.check_installation()))["engine"]
    assert not check.good
    assert "is off Model.fit by" in check.text
    assert "--engine fit" in check.hint


def test_a_broken_engine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lrbench.engine.compiled", None)
    check = by_name(list(doctor.check_installation()))["engine"]
    assert not check.good
    assert "cannot be imported" in check.text


def test_damaged_data_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mnist"
    shutil.copytree(MNIST.folder, folder)
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    broken = dataclasses.replace(problems.find("mnist"), load=dataclasses.replace(MNIST, folder=folder).load)
    monkeypatch.setitem(problems.PROBLEMS, "mnist", lambda: broken)
    check = next(check for check in doctor.check_installation() if check.name == "data")
    assert not check.good
    assert "t10k-images-idx3-ubyte.gz is damaged" in check.text


def test_the_unrelated_package_of_the_same_name_is_found(tmp_path: Path) -> None:
    """A real distribution in the path of a real process."""
    info = tmp_path / "path" / "LRBench-0.0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: LRBench\nVersion: 0.0.1\n")
    program = "import dataclasses, lrbench.doctor as d; print(*dataclasses.astuple(d._check_namesake()))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{info.parent}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("namesake False the unrelated package LRBench 0.0.1 is installed")
    assert "pip uninstall lrbench" in done.stdout


def test_a_whole_results_folder_is_checked(cli: Cli, tmp_path: Path) -> None:
    one = fake_run(tmp_path / "results", schedulers="step,cosine", seeds=2).experiment
    other = fake_run(tmp_path / "results", schedulers="step", epochs=5).experiment
    result = cli("doctor", "results")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"good  results/{experiment.name}: {n} finished"
        for experiment, n in sorted([(one, 4), (other, 1)], key=lambda pair: pair[0].name)
    ]

    runs = sorted((one.folder / "runs").iterdir())
    (runs[0] / "run.json").write_text("{")
    (runs[1] / "run.json").unlink()
    (runs[1] / "checkpoint.npz").write_bytes(b"half")
    (runs[2] / ".tmp-abc").write_bytes(b"left")
    (one.folder / "quarantine" / "step-1").mkdir(parents=True)
    result = cli("doctor", one.folder)
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == f"BAD   {one.folder}: 2 finished, 1 unfinished, 1 in quarantine, 1 half-written files"
    assert "run.json: no JSON" in lines[1]
    assert any("checkpoint.npz: no checkpoint" in line for line in lines)

    (other.folder / "experiment.json").write_text("[]")
    result = cli("doctor", "results", "--json")
    assert result.exit_code == 3
    assert sum(not check["good"] for check in json.loads(result.stdout)) >= 4


def test_doctor_of_nothing_is_an_error(cli: Cli) -> None:
    result = cli("doctor", "nowhere")
    assert result.exit_code == 2
    assert "There is no folder nowhere" in result.stderr
