"""`lrbench init`: the starter file says what the table of wishes says, and the schema what Config takes."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from lrbench.cli import app
from lrbench.cli.init import schema_text, starter
from lrbench.config import Config, load_config, presets
from lrbench.options import TRAINING
from lrbench.plan import make_plan

Cli = Callable[..., Result]
SCHEMA = ROOT / "lrbench" / "data" / "config.schema.json"
DEFAULT = re.compile(r"^# (?=[a-z_]+ = )", re.MULTILINE)
EXAMPLE = re.compile(r"^#   ([a-z_]+) = (.*)$", re.MULTILINE)


def errors(wishes: Any) -> list[str]:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(wishes)]


def run_ids(file: str) -> list[str]:
    return [run.run_id for run in make_plan(load_config(file, {}, {})).runs]


def test_the_starter_file_asks_for_the_defaults_as_it_is_and_uncommented(cli: Cli) -> None:
    assert cli("init").stdout == "lrbench.toml\n"
    text = Path("lrbench.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    Path("whole.toml").write_text(DEFAULT.sub("", text), encoding="utf-8")
    plain = make_plan(Config())
    for file in ("lrbench.toml", "whole.toml"):
        assert load_config(file, {}, {}) == Config()
        assert run_ids(file) == [run.run_id for run in plain.runs]
        assert cli("run", "-c", file, "--engine", "fake", "--epochs", "1", "-q").exit_code == 0
    uncommented = tomllib.loads(Path("whole.toml").read_text(encoding="utf-8"))
    assert set(uncommented) == {key for key, wish in TRAINING.items() if wish.default is not None}
    assert errors(uncommented) == []


def test_every_wish_is_described_and_has_a_line_to_uncomment() -> None:
    text = starter()
    words = " ".join(text.replace("\n# ", " ").split())
    settable = DEFAULT.sub("", EXAMPLE.sub(r"\1 = \2", text))
    assert {match[1] for match in re.finditer(r"^([a-z_]+) = ", settable, re.MULTILINE)} == set(TRAINING)
    assert all(wish.described in words for wish in TRAINING.values())


@pytest.mark.parametrize(("key", "value"), EXAMPLE.findall(starter()))
def test_every_example_can_be_uncommented(cli: Cli, key: str, value: str) -> None:
    Path("one.toml").write_text(f"{key} = {value}\n", encoding="utf-8")
    assert getattr(load_config("one.toml", {}, {}), key) != TRAINING[key].default
    assert errors(tomllib.loads(f"{key} = {value}")) == []


def test_nothing_is_overwritten(cli: Cli, tmp_path: Path) -> None:
    Path("mine.toml").write_text("epochs = 3\n")
    Path("dangling.toml").symlink_to(tmp_path / "nowhere" / "else")
    for words in (
        ["init", "mine.toml"],
        ["init", "--schema", "mine.toml"],
        ["init", "."],
        ["init", "dangling.toml"],
    ):
        refused = cli(*words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "is there already." in refused.stderr
    assert Path("mine.toml").read_text() == "epochs = 3\n"
    assert cli("init", "mine.toml/x.toml").exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"mine.toml", "dangling.toml"}


def test_it_goes_where_it_is_sent(cli: Cli) -> None:
    assert cli("init", "-").stdout == starter()
    assert cli("init", "new/mine.toml").stdout == f"{Path('new/mine.toml')}\n"
    assert Path("new/mine.toml").read_text(encoding="utf-8") == starter("mine.toml")
    assert cli("init", "--schema").stdout == cli("init", "--schema", "-").stdout == schema_text()
    assert cli("init", "--schema", "s.json").stdout == "s.json\n"
    assert Path("s.json").read_text(encoding="utf-8") == schema_text()


def test_a_name_with_a_line_break_stays_in_its_comment(cli: Cli) -> None:
    assert cli("init", "a\nepochs = 3").exit_code == 0
    assert tomllib.loads(Path("a\nepochs = 3").read_text(encoding="utf-8")) == {}


def test_the_schema_in_the_wheel_is_current() -> None:
    again = "make it again: lrbench init --schema > lrbench/data/config.schema.json"
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json.loads(schema_text()), again
    Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("preset", sorted(presets()))
def test_every_preset_is_valid_by_the_schema(preset: str) -> None:
    assert errors(tomllib.loads(presets()[preset].read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "wishes",
    [
        {"epoch": 3},
        {"epochs": 0},
        {"epochs": True},
        {"lr": 0},
        {"lr": "fast"},
        {"seeds": 0},
        {"seeds": []},
        {"seeds": [1, 1]},
        {"seeds": [-1]},
        {"schedulers": []},
        {"schedulers": [3]},
        {"validate_on": "train"},
        {"engine": "jax"},
        {"name": ""},
        {"optimizer": "sgd", "optimizers": ["adam"]},
    ],
    ids=str,
)
def test_what_config_refuses_the_schema_refuses(cli: Cli, wishes: dict[str, Any]) -> None:
    assert errors(wishes)
    Path("my.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in wishes.items()))
    assert CliRunner().invoke(app, ["run", "-c", "my.toml", "-n"]).exit_code == 2


@pytest.mark.parametrize("seeds", [5, "5", "0,3,7", [0, 3, 7]])
def test_what_config_takes_the_schema_takes(seeds: object) -> None:
    assert (
        errors({"seeds": seeds, "schedulers": "step,cosine", "optimizers": "sgd,adam", "lr": 1, "out": "x"}) == []
    )
