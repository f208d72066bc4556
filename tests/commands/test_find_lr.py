"""`lrbench find-lr` on the fake engine: what it says, draws and hands out, and what it refuses."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from lrbench.config import load_config
from lrbench.engine.fake import FakeEngine
from lrbench.options import SWEEPING
from lrbench.studies.find_lr import Wanted, find_lr, plan_test

Cli = Callable[..., Result]
EXTREME = "--from 1e20 --to 1e30"
FAKE = ("find-lr", "--engine", "fake", "--steps", "300")


def said(result: Result) -> list[str]:
    return result.stderr.splitlines()


def record_of(cli: Cli, *words: str) -> dict[str, Any]:
    result = cli(*FAKE, "--json", *words)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_it_shows_curves_suggestions_and_what_to_do_next(cli: Cli, tmp_path: Path) -> None:
    result = cli(*FAKE)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "MNIST 784-128-10, sgd, batch 32, 55,000 training images, engine fake"
    assert lines[1] == "300 steps from the rate 1e-06 to 10, exponential; 5 seeds"
    ticks = next(line for line in lines if "1e-06 " in line and line.startswith(" "))
    assert ticks.split()[1:] == ["1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1", "10"]
    assert lines[2] == "loss: bias-corrected exponential mean, smooth 0.833"
    (valley,) = [line for line in lines if line.strip().startswith("longest valley")]
    assert " to " in valley
    assert [line[:11] for line in said(result)[:-1]] == [f"[{i}/5] seed " for i in range(1, 6)]
    assert said(result)[-1] == f"Next: lrbench tune --engine fake --lrs around:{valley.split()[2]}"
    assert "\x1b" not in result.output
    assert not list(tmp_path.iterdir()), "nothing is stored"


def test_the_next_command_is_one(cli: Cli) -> None:
    setting = "--optimizer 'sgd(momentum=0.9)' --train-size 640 --val-size 100"
    following = record_of(cli, *shlex.split(setting), "--seeds", "2", "--jobs", "1")["next"]
    assert following.startswith(f"lrbench tune {setting} --engine fake --lrs around:")
    tuned = cli(*shlex.split(following)[1:], "--epochs", "1", "-s", "constant", "--seeds", "2", "-q")
    assert tuned.exit_code == 0, tuned.output


def test_quiet_says_only_what_was_found(cli: Cli) -> None:
    loud, quiet = cli(*FAKE), cli(*FAKE, "-q")
    assert quiet.stderr == ""
    assert quiet.stdout == loud.stdout


def test_json_holds_all_of_it(cli: Cli) -> None:
    record = record_of(cli, "--seeds", "0,7")
    assert list(record) == ["title", "setting", "sweep", "suggestions", "rates", "curves", "next"]
    assert record["sweep"] == {
        "scale": "exponential",
        "from": 1e-6,
        "to": 10,
        "steps": 300,
        "smooth": pytest.approx(1 - 1 / 6),
    }
    assert record["setting"]["batch_size"] == 32
    assert "epochs" not in record["setting"]
    assert len(record["rates"]) == 300
    assert list(record["suggestions"]) == ["valley", "steepest", "tenth"]
    for each in record["suggestions"].values():
        assert list(each) == ["rate", "range", "interval", "reason", "by_seed"]
        assert each["range"][0] <= each["rate"] <= each["range"][1]
        assert list(each["by_seed"]) == ["0", "7"]
        assert each["reason"] == ""
    for seed, curve in zip((0, 7), record["curves"], strict=True):
        assert list(curve) == ["seed", "diverged", "losses", "smoothed"]
        assert curve["seed"] == seed
        assert 1 < curve["diverged"] < 3
        assert len(curve["losses"]) < 300
        assert len(curve["smoothed"]["losses"]) == len(curve["smoothed"]["rates"]) <= len(curve["losses"])
    assert record_of(cli, "--seeds", "0,7") == record, "the same again"


def test_what_is_no_number_is_null(cli: Cli) -> None:
    """At such rates the losses end in infinity, which JSON has no word for."""
    record = record_of(cli, *EXTREME.split())
    assert all(None in curve["losses"] for curve in record["curves"])
    assert all(None not in curve["smoothed"]["losses"] for curve in record["curves"])


def test_where_it_does_not_know_it_says_so(cli: Cli) -> None:
    """At rates far too low, nothing falls and nothing diverges."""
    result = cli(*FAKE, "--to", "1e-5")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "No suggestion by longest valley: in 5 of 5 sweeps the loss did not fall." in text
    assert "No suggestion by steepest descent: in 5 of 5 sweeps the loss did not fall" in text
    assert "No suggestion by a tenth of divergence: in 5 of 5 sweeps the loss did not diverge" in text
    assert said(result)[-1] == "Next: more --seeds, more --steps, or another span from --from to --to."
    assert record_of(cli, "--to", "1e-5")["next"] is None


def test_one_seed_has_no_interval_and_says_so(cli: Cli) -> None:
    shown = cli(*FAKE, "--seeds", "1").stdout
    assert "One seed: nothing says what another one would suggest; add --seeds 5." in shown
    record = record_of(cli, "--seeds", "1")
    assert [each["interval"] for each in record["suggestions"].values()] == [None] * 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "magic"), [("c.png", b"\x89PNG"), ("sub/c.svg", b"<?xml"), ("c.pdf", b"%PDF")])
@pytest.mark.parametrize("words", ["", "--sweep linear --from 0.01", "--to 1e-5", "--seeds 1", EXTREME])
def test_it_draws_into_a_file(cli: Cli, tmp_path: Path, name: str, magic: bytes, words: str) -> None:
    result = cli(*FAKE, *words.split(), "-o", name)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == str(Path(name))
    assert "(loss)" not in result.stdout, "drawn once"
    assert any(line.strip().startswith("a tenth of divergence") for line in lines)
    assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.mark.slow
def test_a_picture_on_standard_output_stands_there_alone(command: Callable[..., Any]) -> None:
    done = subprocess.run([sys.executable, "-m", "lrbench", *FAKE, "-o", "-"], capture_output=True, timeout=120)
    assert done.returncode == 0
    assert done.stdout.startswith(b"\x89PNG")
    assert done.stdout.endswith(b"IEND\xaeB`\x82")
    assert b"longest valley" in done.stderr


@pytest.mark.parametrize("columns", ["20", "60", "100", "300"])
def test_it_fits_the_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for words in ("", "--from 3e-5 --to 0.7", "--sweep linear", EXTREME):
        result = cli(*FAKE, *words.split())
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= max(40, int(columns))


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        ("--from 1 --to 0.5", "--from 1 is not below --to 0.5.", "--from 1e-6 and --to 10"),
        ("--from 1 --to 1", "--from 1 is not below --to 1.", "--from 1e-6"),
        ("--from -1", "--from -1 is not above 0.", "--from 1e-6"),
        ("--to inf", "--to inf is above 1e+30.", "--to 10"),
        ("--steps 1", "--steps 1 does not lie between 20 and 1,000,000.", "--steps 200"),
        ("--smooth 1", "--smooth 1 does not lie in 0 <= smooth < 1.", "--smooth 0.98"),
        ("--sweep up", "--sweep up is neither exponential nor linear.", "--sweep exponential or --sweep linear"),
        ("--engine fit", "--engine fit tells no step's loss.", "--engine compiled"),
        ("--problem imagenet", "Unknown problem 'imagenet'", "mnist"),
        ("--json -o c.png", "--json and --out do not go together.", "Leave one"),
        ("-o c.gif", "c.gif is no picture.", ".png"),
        ("-o .", ". is a folder.", "-o curve.png"),
        ("-c several.toml", "--optimizers sgd,adam are several", "--optimizer sgd"),
        ("--lr 0.1", "No such option: --lr", "lrbench find-lr --help"),
    ],
)
def test_bad_input_is_two_lines_and_nothing_is_trained(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: str, problem: str, hint: str
) -> None:
    Path("several.toml").write_text('optimizers = "sgd,adam"')
    monkeypatch.setattr(FakeEngine, "stepper", lambda self: pytest.fail("it trains"))
    result = cli(*FAKE, *words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in said(result)[0]
    assert hint in said(result)[1]
    assert len(said(result)) == 2


def test_the_default_is_a_pass_and_at_least_a_hundred_steps() -> None:
    def steps(**options: Any) -> int:
        return plan_test(load_config(None, {"engine": "fake", **options}, {})).sweep.steps

    assert steps() == 1_718
    assert steps(batch_size=500) == 110
    assert steps(batch_size=5_000) == 100
    assert steps(problem="line") == 100
    assert steps(problem="line", epochs="5,10") == 100, "epochs play no part"


def test_seeds_come_from_every_layer_and_are_five_by_default(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text("seeds = 2\nbatch_size = 64\n")

    def seeds(*words: str) -> list[int]:
        return [curve["seed"] for curve in record_of(cli, *words)["curves"]]

    assert seeds() == list(SWEEPING["seeds"].default) == [0, 1, 2, 3, 4]  # type: ignore[call-overload]
    assert seeds("-c", "mine.toml") == [0, 1]
    monkeypatch.setenv("LRBENCH_SEEDS", "3")
    assert seeds("-c", "mine.toml") == [0, 1, 2]
    assert seeds("--seeds", "8,9") == [8, 9]
    assert "tune --config mine.toml --engine fake --lrs" in record_of(cli, "-c", "mine.toml")["next"]


def test_numbers_may_come_as_texts() -> None:
    assert Wanted(lowest="1e-5", highest="2", steps="50", smooth="0.5") == Wanted(  # type: ignore[arg-type]
        lowest=1e-5, highest=2.0, steps=50, smooth=0.5
    )


def test_the_order_in_which_sweeps_end_changes_nothing() -> None:
    config = load_config(None, {"engine": "fake", "seeds": 6}, {})
    one, many = (
        find_lr(plan_test(config.model_copy(update={"jobs": jobs}), Wanted(steps=100))) for jobs in (1, 6)
    )
    assert one.record() == many.record()
    assert [curve.seed for curve in many.curves] == list(range(6))
    assert len({float(np.sum(curve.losses)) for curve in many.curves}) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals, code: int) -> None:
    words = [sys.executable, "-m", "lrbench", *FAKE, "--seeds", "40"]
    environment = os.environ | {"LRBENCH_FAKE_SECONDS": "0.1"}
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("[1/40]")
        process.send_signal(number)
        start = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(timeout=60) == code
    assert time.monotonic() - start < 30
    assert "nothing is kept of a sweep." in rest
    assert "Go on with: lrbench find-lr" in rest
    assert not list(tmp_path.iterdir())
