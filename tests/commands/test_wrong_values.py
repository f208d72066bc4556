"""Every option of every command, given what it cannot mean: two lines, exit code 2, and no words but ours."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from conftest import ROOT
from typer.main import get_command
from typer.testing import Result

from lrbench.cli import app
from lrbench.cli.tune import WISHES as TUNE_WISHES
from lrbench.options import SWEEPING, TRAINING, WISHES, as_options

Cli = Callable[..., Result]
STORED = str(ROOT / "tests" / "data" / "schema-2" / "tested")  # is small, so quickly read
ARGUMENTS = {
    "run": ["--engine", "fake"],
    "tune": ["--engine", "fake"],
    "find-lr": ["--engine", "fake"],
    "preview": ["cosine"],
    "schedulers": ["cosine"],
    "doctor": [STORED],
    "export": [STORED, "--to", "json"],
    "plot": [STORED],
    "summary": [STORED],
    "report": [STORED],
    "list": [STORED],
    "diff": [STORED, STORED],
    "merge": [STORED, "--out", "whole"],
    "status": [STORED],
    "clean": ["nowhere"],
    "init": ["-"],
}
WRONG = {  # option -> values that it cannot have; what is a place can have any name but that of a file's child
    "--config": ["nowhere", "nowhere.toml"],
    "--schedulers": ["cosin", "step(every=5)", "", "step(", "lr=0.1"],
    "--seeds": ["9" * 5000, "x", "1.5", "0", "-1", "1,1", ""],
    "--epochs": ["x", "1.5", "0", "-1", "", "1e3", "9" * 5000],
    "--batch-size": ["x", "1.5", "0", ""],
    "--lr": ["x", "nan", "inf", "0", "-1", "", "1e99"],
    "--optimizer": ["x", "", "sgd(momentum=x)"],
    "--optimizers": ["x", "", "sgd,", "sgd,sgd", "sgd(momentum=x)"],
    "--hidden": ["x", "1.5", "0", ""],
    "--activation": ["x", ""],
    "--problem": ["x", "", "nowhere.py:make"],
    "--data": ["x", ""],
    "--loss": ["x", ""],
    "--data-dir": ["x"],
    "--memory-share": ["x", "nan", "0", "-1", "2", ""],
    "--jit": ["x", "", "on"],
    "--lrs": ["x", "", "0.1", "1..0.1", "around:x", "nan,1"],
    "--tune-seeds": ["x", "1.5", "0", "-1", "", "9" * 5000],
    "--refine": ["x", "1.5", "-1", "", "1000"],
    "--max-extend": ["x", "1.5", "-1", "", "1000"],
    "--train-size": ["9" * 5000, "x", "1.5", "0", ""],
    "--val-size": ["x", "1.5", "-1", ""],
    "--validate-on": ["x", ""],
    "--engine": ["x", ""],
    "--jobs": ["x", "1.5", "0", ""],
    "--checkpoint-every": ["x", "1.5", "0", ""],
    "--max-seeds": ["x", "1.5", "0", "1", "5", "", "9" * 5000],  # 5: without --until-settled
    "--design": ["x", "sequential", "sequential:x", "sequential:1", "open", ""],  # of stored runs it is known
    "--shard": ["x", "2", "0/8", "9/8", "auto", "", "9" * 5000],
    "--executor": ["x", ""],
    "--address": ["auto", ""],  # without --executor ray
    "--runs-per-node": ["x", "1.5", "0", "2", ""],
    "--gpus-per-run": ["x", "nan", "0", "1", ""],
    "--name": ["", "a/b", "x" * 81],
    "--out": ["file/x.png"],
    "--steps-per-epoch": ["9" * 5000, "x", "1.5", "0", "-1", ""],
    "--compare-horizons": ["9" * 5000, "x", "1.5", "0", ""],
    "--format": ["x", ""],
    "--code": ["x", ""],
    "--from": ["x", "nan", "inf", "0", "-1", "", "10", "1e99"],
    "--to": ["x", "nan", "inf", "0", "-1", "", "1e-6", "1e99"],
    "--sweep": ["x", ""],
    "--steps": ["x", "1.5", "0", "1", "19", "-1", "", "1e3", "1000001", "9" * 5000],
    "--smooth": ["x", "nan", "inf", "1", "-0.1", ""],
    "--baseline": ["x", ""],
    "--metric": ["x", ""],
    "--margin": ["x", "nan", "inf", "0", "-1", ""],
    "--target": ["x", "nan", "inf", "0", "1", "97", ""],
    "--sort": ["x"],
    "--log-file": [".", "-", "file/x.log"],
    "--fail-if": ["x", "", "a<b"],
}
SWITCHES = {
    "--until-settled",
    "--allow-undecided",
    "--json",
    "--dry-run",
    "--verify",
    "--print-config",
    "--quiet",
    "--verbose",
    "--yes",
    "--repair",
    "--all-pairs",
    "--lower-is-better",
    "--log-rate",
    "--help",
    "--html",
    "--with-lrbench",
    "--schema",
}
FOREIGN = re.compile(
    r"input should|\bvalid (number|integer|float|string)|not a valid|value_error|value error|\bparse|parsing\b"
    r"|pydantic|click|typer|traceback|type=|input_value|NoneType|Literal|\bint\b|\bfloat\b|\bstr\b|errors\.pydantic",
    re.IGNORECASE,
)


@cache
def options_of(command: str) -> set[str]:
    """The long names of a command's options, as the command line itself has them."""
    parameters = get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {each.opts[0] for each in parameters if each.param_type_name == "option"}


CASES = [
    (command, option, value)
    for command in ARGUMENTS
    for option in sorted(options_of(command) - SWITCHES)
    for value in WRONG[option]
]


def test_every_command_and_every_option_is_asked() -> None:
    assert set(ARGUMENTS) == set(get_command(app).commands)  # type: ignore[attr-defined]
    everywhere = set.union(*map(options_of, ARGUMENTS))
    assert everywhere - SWITCHES == set(WRONG)
    assert len(CASES) > 150


@pytest.mark.slow
@pytest.mark.parametrize(("command", "option", "value"), CASES, ids=lambda each: str(each)[:20])
def test_a_wrong_value_is_two_lines_of_ours(cli: Cli, command: str, option: str, value: str) -> None:
    Path("file").touch()
    result = cli(command, *ARGUMENTS[command], option, value)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    problem, hint = result.stderr.splitlines()
    assert re.match(r"Error: \S.*\S$", problem)
    assert re.match(r"  \S.*\S$", hint)
    assert not FOREIGN.search(result.stderr), result.stderr
    assert not re.search(
        r"(?<!\S)(" + "|".join(WISHES) + r")=(?!=)\S", result.stderr.replace(value or "\0", "")
    ), "an option is named as it is typed"


@pytest.mark.parametrize("switch", sorted(SWITCHES - {"--help"}))
def test_a_switch_takes_no_value(cli: Cli, switch: str) -> None:
    for command in ARGUMENTS:
        if switch in options_of(command):
            result = cli(command, *ARGUMENTS[command], f"{switch}=x")
            assert result.exit_code == 2
            assert len(result.stderr.splitlines()) == 2
            assert not FOREIGN.search(result.stderr)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("margin=-1 is not above 0.", "--margin -1 is not above 0."),
        ("Write, for example, seeds=5 or seeds=0,3,7.", "Write, for example, --seeds 5 or --seeds 0,3,7."),
        ("baseline=step and every_pair=True", "--baseline step and --all-pairs"),
        ("lower_is_better=True or lower_is_better=False", "--lower-is-better or --higher-is-better"),
        (
            "step(every=5 epochs, lr=0.1) and slow=cosine(lr=0.01)",
            "step(every=5 epochs, lr=0.1) and slow=cosine(lr=0.01)",
        ),
        ("mine.toml: epochs = 0 is below 1.", "mine.toml: epochs = 0 is below 1."),
        ("LRBENCH_EPOCHS=x is no whole number.", "LRBENCH_EPOCHS=x is no whole number."),
    ],
)
def test_what_python_calls_a_wish_is_said_as_it_is_typed(text: str, typed: str) -> None:
    assert as_options(text) == typed


def test_a_schedule_s_own_rate_is_no_option(cli: Cli) -> None:
    result = cli("preview", "constant(lr=abc)")
    assert result.stderr.startswith("Error: lr=abc is no finite number (character 13 of 'constant(lr=abc)').")
    assert "--lr" not in result.stderr


def test_the_help_of_every_command_says_the_defaults_of_the_table(cli: Cli) -> None:
    own = {"run": TRAINING, "tune": TUNE_WISHES, "find-lr": SWEEPING}
    for command in ARGUMENTS:
        text = "".join(cli(command, "--help").stdout.split())
        for wish in (WISHES | own.get(command, {})).values():
            if wish.long in options_of(command) and wish.long not in ("--out", "--to"):
                assert "".join(wish.described.split()) in text, (command, wish.name)
    assert TRAINING["out"].described in cli("run", "--help").stdout
    assert SWEEPING["highest"].described in cli("find-lr", "--help").stdout
