"""`lrbench run --verify`: the same bytes again, or what differs and on what each was made."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench import environment
from lrbench.config import load_config
from lrbench.engine.fake import FakeReplica
from lrbench.runner import verify
from lrbench.store.schema import sealed

Cli = Callable[..., Result]
WORDS = ["run", "--engine", "fake", "--epochs", "4", "-s", "step,hot=constant(lr=11)", "--seeds", "3"]


def test_finished_runs_give_the_same_bytes_again(cli: Cli, tmp_path: Path) -> None:
    cli(*WORDS)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = cli(*WORDS, "--verify")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("same bytes  ") for line in lines)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_other_bytes_are_said_with_line_and_machine(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("run", "--engine", "fake", "--epochs", "4", "-s", "step")
    whole = FakeReplica.validate

    def other(self: FakeReplica) -> object:
        found = whole(self)
        assert found
        return (found[0] + (self._travelled > 0.12) * 1e-9, found[1])

    monkeypatch.setattr(FakeReplica, "validate", other)
    result = cli("run", "--engine", "fake", "--epochs", "4", "-s", "step", "--verify")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert lines[0] == "different  step, seed 0"
    assert lines[1].startswith("  epochs.csv line 3: val_loss is ")
    assert lines[2].startswith("  made with lrbench ")
    assert lines[3].startswith("  now with  lrbench ")


def test_other_final_weights_are_seen(tmp_path: Path) -> None:
    experiment = fake_run(tmp_path, schedulers="step").experiment
    (path,) = experiment.folder.glob("runs/*/run.json")
    record = json.loads(path.read_text())
    for key in ("schema_version", "record_sha256"):
        del record[key]
    path.write_text(json.dumps(sealed(record | {"state_sha256": "0" * 64})))
    config = load_config(None, {"engine": "fake", "epochs": 4, "schedulers": "step", "out": tmp_path}, {})
    ((verified,), _) = verify(config)
    assert "state_sha256 is" in (verified.difference or "")


def test_damage_is_not_passed_over(cli: Cli) -> None:
    cli(*WORDS)
    next(Path("results").glob("*/runs/step-s1*/run.json")).write_text("{")
    result = cli(*WORDS, "--verify")
    assert result.exit_code == 3
    assert "Damaged: " in result.stderr


def test_nothing_to_verify_is_an_error(cli: Cli) -> None:
    result = cli(*WORDS, "--verify")
    assert result.exit_code == 2
    assert "to verify" in result.stderr
    assert "Train them first" in result.stderr


def made_and_now(result: Result) -> list[list[str]]:
    """What is said of the machines that runs were made on, and of this one."""
    said = result.stdout.splitlines()
    return [[line for line in said if line.startswith(f"  {word} with")] for word in ("made", "now")]


def test_variables_that_may_change_bytes_are_stored_and_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs made with and without them are not mixed silently, and no path is stored."""
    cli(*WORDS)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true --xla_dump_to=/home/me --xla_x=/home/me")
    result = cli(*WORDS[:-1], "4")
    assert "different environments (XLA_FLAGS --xla_cpu_enable_fast_math=true --xla_x=…)" in result.output
    (path,) = Path("results").glob("*/runs/step-s3*/run.json")
    assert json.loads(path.read_text())["variables"] == {"XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_x=…"}
    assert cli("doctor", "results").exit_code == 0
    monkeypatch.setattr(FakeReplica, "test", lambda self: (0.0, 0.0))
    made, now = made_and_now(cli(*WORDS, "--verify"))
    assert made, "one at least of the four drawn is a step, whose figures differ now"
    assert not any("XLA_FLAGS" in line for line in made)
    assert all(line.endswith(", XLA_FLAGS=--xla_cpu_enable_fast_math=true --xla_x=…") for line in now)
    monkeypatch.delenv("XLA_FLAGS")
    made, now = made_and_now(cli(*WORDS[:-1], "3,", "--verify"))
    assert [line.partition(", XLA_FLAGS=")[2] for line in made] == ["--xla_cpu_enable_fast_math=true --xla_x=…"]
    assert not any("XLA_FLAGS" in line for line in now)


def test_flags_in_a_file_are_read_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flags").write_text("--xla_cpu_enable_fast_math=true\n")
    monkeypatch.setenv("XLA_FLAGS", str(tmp_path / "flags"))
    assert environment.describe()["variables"]["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=true"
    monkeypatch.setenv("XLA_FLAGS", str(tmp_path / "nowhere"))
    assert environment.describe()["variables"]["XLA_FLAGS"] == "a file that cannot be read"
