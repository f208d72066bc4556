"""`lrbench doctor`: it finds what is wrong, and says so where nothing is."""

import contextlib
import dataclasses
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, fake_run
from typer.testing import Result

from lrbench import doctor, problems
from lrbench.problems.mnist import MNIST
from lrbench.store import load
from lrbench.store.locks import Locks

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
    shutil.copytree(MNIST.folders[0], folder)
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    broken = dataclasses.replace(problems.find("mnist"), load=dataclasses.replace(MNIST, folders=(folder,)).load)
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


def files_in(folder: Path) -> Counter[bytes]:
    """Every content with how often it stands there, but for the tables, which are made from the runs."""
    tables = {folder / "epochs.csv", folder / "summary.csv"}
    return Counter(path.read_bytes() for path in folder.rglob("*") if path.is_file() and path not in tables)


def damaged_in_every_way(out: Path) -> Path:
    """Runs renamed, copied, cut, of another setting, and with half a checkpoint; broken tables; two whole runs."""
    folder = fake_run(out, schedulers="step,cosine,constant", seeds=2).experiment.folder
    runs = {path.name.rpartition("-")[0]: path for path in (folder / "runs").iterdir()}
    runs["step-s0"].rename(folder / "runs" / "renamed by hand")
    shutil.copytree(runs["step-s1"], folder / "runs" / f"{runs['step-s1'].name} (copy)")
    (runs["cosine-s0"] / "run.json").write_text("{")
    (runs["cosine-s1"] / "checkpoint.npz").write_bytes(b"half")
    other = fake_run(out, schedulers="rex", epochs=5).experiment.folder
    (rex,) = (other / "runs").iterdir()
    shutil.copytree(rex, folder / "runs" / rex.name)
    (folder / "epochs.csv").write_text("run_id\nx\n")
    (folder / "summary.csv").unlink()
    return folder


def test_repair_moves_and_names_and_writes_tables_and_deletes_nothing(cli: Cli, tmp_path: Path) -> None:
    folder = damaged_in_every_way(tmp_path / "results")
    before = files_in(folder)
    assert cli("doctor", folder).exit_code == 3
    result = cli("doctor", folder, "--repair", "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [f"good  {folder}: 5 finished, 4 in quarantine"]
    lines = [line for line in result.stderr.splitlines() if " -> quarantine: " in line]
    assert len(lines) == 4
    assert f"{folder}/runs/renamed by hand -> step-s0-" in result.stderr
    assert files_in(folder) == before
    stored = load(folder)
    assert stored.table_is_current
    assert set(stored.groups) == {"step", "constant", "cosine"}
    assert cli("doctor", folder, "--repair").stderr == "There is nothing to repair.\n"
    again = fake_run(tmp_path / "results", schedulers="step,cosine,constant", seeds=2)
    assert [(one.schedule.words, one.seed) for one in again.trained] == [("cosine", 0)]


def test_the_hint_about_damage_is_a_command_that_helps(cli: Cli, tmp_path: Path) -> None:
    folder = damaged_in_every_way(tmp_path / "results with spaces")
    cli("run", "--engine", "fake", "--epochs", "4", "-s", "constant", "-o", folder.parent)
    assert load(folder).damage, "what is outside of a plan stays"
    (found,) = {
        command
        for line in cli("doctor", folder).stdout.splitlines()
        for command in re.findall(r"`lrbench (doctor [^`]*)`", line)
    }
    assert cli(*shlex.split(found), "--yes").exit_code == 0
    assert not load(folder).damage


def test_a_run_of_a_later_version_and_one_at_work_stay(cli: Cli, tmp_path: Path) -> None:
    experiment = fake_run(tmp_path / "results", schedulers="step", seeds=3).experiment
    later, busy, cut = [experiment.folder / "runs" / one.run_id / "run.json" for one in experiment.finished]
    later.write_text(later.read_text().replace('"schema_version": 2', '"schema_version": 99'))
    busy.write_text("{")
    cut.write_text("{")
    locks = Locks(experiment.folder)
    assert locks.claim(busy.parent.name)
    assert cli("doctor", experiment.folder, "--repair", "--yes").exit_code == 3
    locks.release_all()
    assert [path.exists() for path in (later, busy, cut)] == [True, True, False]


@pytest.mark.slow
def test_repair_asks_and_takes_no_for_an_answer(cli: Cli, tmp_path: Path) -> None:
    folder = damaged_in_every_way(tmp_path / "results")
    before = files_in(folder)
    result = cli("doctor", folder, "--repair")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-2:] == [
        "Error: Nobody is at a terminal to be asked.",
        "  Add --yes to do this.",
    ]
    assert files_in(folder) == before
    for words in (["doctor", "--repair"], ["doctor", folder, "--yes"]):
        assert cli(*words).exit_code == 2
    for answer, code, left in (("n", 3, True), ("y", 0, False)):
        assert at_a_terminal(answer, "doctor", str(folder), "--repair") == code
        assert bool(load(folder).damage) == left


def at_a_terminal(answer: str, *words: str) -> int:
    """Run a command in a pseudo-terminal of its own, give it an answer, and return its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "lrbench", *words])
    os.write(terminal, f"{answer}\n".encode())
    with contextlib.suppress(OSError):  # on Linux the end of a terminal
        while os.read(terminal, 1024):
            pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_nothing_readable_is_left_and_the_tables_say_so(cli: Cli, tmp_path: Path) -> None:
    folder = fake_run(tmp_path / "results", schedulers="step").experiment.folder
    next(folder.glob("runs/*/run.json")).write_text("{")
    (folder / "summary.csv").unlink()
    (folder / "summary.csv").mkdir()
    assert cli("doctor", folder, "--repair", "--yes").exit_code == 0
    assert not load(folder).finished
    assert len((folder / "epochs.csv").read_text().splitlines()) == 1
    assert next(folder.glob("quarantine/summary.csv-*")).is_dir()
