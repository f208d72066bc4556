"""`--optimizers` makes an experiment of each, and a peak rate that nobody named is said."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
from typer.testing import Result

from lrbench.config import load_config
from lrbench.errors import BadConfig
from lrbench.plan import make_plan
from lrbench.store import load, load_all

Cli = Callable[..., Result]
FAKE = ("run", "--engine", "fake", "--epochs", "2", "-s", "step,cosine")
TWO = ("--optimizers", "sgd(momentum=0.9, nesterov=true),adam")


def said(result: Result) -> list[str]:
    return result.stderr.splitlines()


def test_each_optimizer_is_an_experiment_and_all_are_shown(cli: Cli) -> None:
    done = cli(*FAKE, *TWO, "--seeds", "2")
    assert done.exit_code == 0, done.output
    experiments, damage = load_all(Path("results"))
    assert not damage
    assert {each.setting.optimizer: each.peaks for each in experiments} == {
        "sgd(momentum=0.9, nesterov=true)": [0.01],
        "adam": [0.001],
    }
    assert all(len(each.finished) == 4 for each in experiments)
    titles = [line for line in done.stdout.splitlines() if ": MNIST" in line]
    assert ["adam" in title for title in titles] == [False, True], "in the order in which they were given"
    assert [line for line in said(done) if line.startswith("Peak rate")] == [
        "Peak rate 0.01, the default of sgd(momentum=0.9, nesterov=true); --lr sets another.",
        "Peak rate 0.001, the default of adam; --lr sets another.",
    ]
    stored = [line for line in said(done) if line.startswith("Stored in ")]
    assert [Path(line.removeprefix("Stored in ")).is_dir() for line in stored] == [True, True]
    assert said(done)[-1] == "Next: lrbench plot results"
    alone = cli(*FAKE, "--seeds", "2", "--optimizer", "adam")
    assert "All 4 runs are done already: nothing to train." in said(alone)


def test_their_summary_is_json_too_and_silence_is_silence(cli: Cli) -> None:
    records = json.loads(cli(*FAKE, *TWO, "--json", "-q").stdout)
    assert [each["setting"]["optimizer"] for each in records] == ["sgd(momentum=0.9, nesterov=true)", "adam"]
    quiet = cli(*FAKE, *TWO, "-q")
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    assert cli(*FAKE, *TWO, "-qq").output == ""


def test_a_dry_run_lists_them_all(cli: Cli) -> None:
    cli(*FAKE, "--optimizer", "adam")
    listed = cli(*FAKE, *TWO, "-n").stdout.splitlines()
    assert sum(line.startswith("to do ") for line in listed) == 2
    assert sum(line.startswith("done ") for line in listed) == 2
    assert "Peak rate 0.001, the default of adam; --lr sets another." in listed
    records = json.loads(cli(*FAKE, *TWO, "-n", "--json").stdout)
    assert [each["to_do"]["runs"] for each in records] == [2, 0]
    assert [each["default_rate"] for each in records] == [0.01, 0.001]
    assert json.loads(cli(*FAKE, "-n", "--json", "--lr", "0.2").stdout)["default_rate"] is None
    assert [
        each["setting"]["optimizer"] for each in json.loads(cli(*FAKE, "-n", "--json", *one("adam")).stdout)
    ] == ["adam"], "a list, however many they are"


def one(optimizer: str) -> tuple[str, str]:
    return "--optimizers", optimizer


def test_a_rate_that_somebody_named_is_no_default(cli: Cli) -> None:
    for words in (("--lr", "0.1"), ("-s", "step(lr=0.2),cosine(lr=0.3)")):
        assert not [line for line in said(cli(*FAKE, *words)) if line.startswith("Peak rate")]


def test_a_name_gets_the_optimizer_behind_it(cli: Cli) -> None:
    assert cli(*FAKE, *TWO, "--name", "mine").exit_code == 0
    names = {path.name for path in Path("results").iterdir()}
    assert names == {"mine-sgd-momentum-0.9-nesterov-true", "mine-adam"}
    for optimizers, name in (("muon(muon_b=1),muon(muon_b=-1)", "mine"), ("sgd,adam", "x" * 78)):
        refused = cli(*FAKE, "--optimizers", optimizers, "--name", name)
        assert refused.exit_code == 2
        assert f"--name {name} makes no names" in said(refused)[0]


def test_one_that_diverges_is_3_and_the_others_are_trained(cli: Cli) -> None:
    assert cli(*FAKE[:-1], "constant", "--optimizers", "sgd,adadelta,adam", "--lr", "0.1").exit_code == 0
    done = cli(*FAKE[:-1], "constant(lr=0.1),hot=constant(lr=11)", "--optimizers", "sgd,adam")
    assert done.exit_code == 3
    assert [len(each.finished) for each in load_all(Path("results"))[0]] == [1, 2, 2]


def test_what_is_wrong_with_the_last_is_said_before_the_first_is_trained(cli: Cli) -> None:
    refused = cli(*FAKE[:-1], "cosine(floor=0.005)", *TWO)
    assert refused.exit_code == 2
    assert "floor" in said(refused)[0]
    assert not Path("results").exists()


def test_all_are_verified(cli: Cli) -> None:
    cli(*FAKE, *TWO)
    found = cli(*FAKE, *TWO, "--verify")
    assert found.exit_code == 0
    assert sorted(found.stdout.splitlines()) == sorted(
        f"same bytes  {schedule}, seed 0, {optimizer}"
        for schedule in ("step", "cosine")
        for optimizer in ("sgd(momentum=0.9, nesterov=true)", "adam")
    )
    missing = cli(*FAKE, "--optimizers", "adam,lion", "--verify")
    assert missing.exit_code == 2
    assert "There is no experiment" in said(missing)[0]


@pytest.mark.slow
def test_an_interrupt_says_how_many_experiments_are_whole(tmp_path: Path) -> None:
    words = [*FAKE, "--optimizers", "sgd,adam,lion", "--seeds", "3", "-j", "1"]
    process = processes.start(*words, cwd=tmp_path, LRBENCH_FAKE_SECONDS="0.1")
    heard = ""
    while heard.count("[1/6]") < 2 and (line := process.stderr.readline()):
        heard += line
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "of 6 runs are finished and kept in results/mnist-adam-" in rest
    assert "1 of 3 experiments are whole." in rest
    assert "Go on with: lrbench run --engine fake" in rest
    experiments, _ = load_all(tmp_path / "results")
    assert sorted(len(load(each.folder).finished) for each in experiments)[-1] == 6


def test_a_layer_pushes_out_what_the_layers_below_say(cli: Cli) -> None:
    Path("one.toml").write_text('optimizer = "adam"\n')
    Path("two.toml").write_text('optimizers = ["sgd", "lion"]\n')
    assert load_config("one.toml", {"optimizers": "sgd,lion"}, {}).optimizers == ("sgd", "lion")
    assert load_config("two.toml", {}, {}).optimizers == ("sgd", "lion")
    assert load_config("two.toml", {"optimizer": "adam"}, {}).optimizers is None
    assert load_config("one.toml", {}, {"LRBENCH_OPTIMIZERS": "sgd,lion"}).optimizers == ("sgd", "lion")
    Path("both.toml").write_text('optimizer = "adam"\noptimizers = ["sgd"]\n')
    for words, problem in (
        (("-c", "both.toml"), "both.toml: optimizer = "),
        (("--optimizer", "adam", *one("sgd")), "--optimizers sgd and --optimizer adam do not go together."),
    ):
        refused = cli(*FAKE, *words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert problem in said(refused)[0]


def test_python_gets_a_config_of_each_and_no_plan_of_several() -> None:
    config = load_config(None, {"optimizers": "sgd,adam", "engine": "fake"}, {})
    assert [make_plan(each).setting.optimizer for each in config.each()] == ["sgd", "adam"]
    assert [each.optimizers for each in config.each()] == [None, None]
    with pytest.raises(BadConfig, match="make several plans"):
        make_plan(config)
    plain = load_config(None, {}, {})
    assert plain.each() == (plain,)


@pytest.mark.tensorflow
def test_an_optimizer_that_is_not_what_its_name_says_is_refused_before_anything_is_trained(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr(keras.optimizers, "ScheduleFreeAdamW", keras.optimizers.Adam)  # whatever is installed
    named = "ScheduleFreeAdamW(beta_1=0.95)"
    for words in (
        ("run", "--optimizers", f"sgd,{named}"),
        ("run", "--optimizer", named, "-n"),
        ("tune", "--optimizer", named),
        ("find-lr", "--optimizer", named),
    ):
        refused = cli(*words)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "ScheduleFreeAdamW of Keras" in said(refused)[0]
        assert "is not Schedule-Free" in said(refused)[0]
    assert not Path("results").exists()
    assert cli("run", "--engine", "fake", "--optimizer", named, "-qq").exit_code == 0


def test_an_optimizer_is_named_as_keras_names_it(cli: Cli) -> None:
    assert cli(*FAKE, "--optimizer", "Adam(use_ema=True)").exit_code == 0
    assert "All 2 runs are done already: nothing to train." in said(
        cli(*FAKE, "--optimizer", "adam(use_ema=true)")
    )
    Path("mine.toml").write_text('optimizer = "ADAM(use_ema=true)"\n')
    assert "All 2 runs are done already: nothing to train." in said(cli(*FAKE, "-c", "mine.toml"))
    unknown = cli(*FAKE, "--optimizer", "Adem")
    assert unknown.exit_code == 2
    assert "Unknown optimizer 'adem'" in said(unknown)[0]
    assert "Did you mean 'adam'?" in said(unknown)[1]
