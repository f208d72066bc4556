"""Schedules to look at: preview, the catalogue, advice."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import Result

from lrbench.cli.app import complete
from lrbench.cli.run import PRESETS
from lrbench.config import load_config
from lrbench.errors import BadUsage
from lrbench.plan import make_plans
from lrbench.schedules import REGISTRY, Horizon, parse, parse_list, warnings
from lrbench.schedules.aliases import OTHER_NAMES
from lrbench.schedules.base import parameter_text
from lrbench.schedules.docs import TOPICS, docs_of
from lrbench.show.preview import sparkline

Cli = Callable[..., Result]
HORIZON = Horizon(epochs=15, steps_per_epoch=100)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("step(every=20 epochs)", "every=20 epochs reaches beyond the 1,500 steps that it has (15 epochs)"),
        ("multistep(at=5 epochs;30 epochs)", "at=5 epochs;30 epochs reaches beyond"),
        ("step(every=15 epochs)", "every=15 epochs comes only after the 1,500 steps"),
        ("multistep(at=50%;100%)", "comes only after"),
        ("step(every=14 epochs, warmup=2 epochs)", "reaches beyond the 1,300 steps that it has"),
        ("cyclical(half=100%)", "100 % of its highest: its last cycle is cut off"),
        ("cyclical(half=80%)", "its last cycle is cut off"),
        ("piecewise(at=5 epochs;10 epochs, rates=0.1;0.01;0.08)", "80 % of its highest: it rises towards its end"),
        ("linear,polynomial(power=1)", "polynomial(power=1) and linear are the same curve"),
        ("cyclical(half=20%)", "ends at the rate 0.0997, 100 % of its highest"),
        ("restarts(first=10%)", "last cycle is cut off"),
        ("join(cosine; linear(to=200%), at=50%)", "it rises towards its end"),
        (
            "join(constant; step(every=10 epochs), at=6 epochs, warmup=1 epoch)",
            "step(every=10 epochs): every=10 epochs reaches beyond the 800 steps that it has (8 epochs)",
        ),
        ("step(every=5 epochs, warmup=60%, hold=30%)", "reaches beyond the 420 steps that it has"),
        (
            "exponential(every=1 step, gamma=0.9)",
            "falls to the rate 3e-70, so the last 13 of 15 epochs change nothing",
        ),
        ("a=step,b=step", "b and a are the same curve"),
        ("constant,step(gamma=1)", "are the same curve"),
        (
            "cosine(warmup=2 epochs, warmup_start=0%, per=epoch)",
            "begins at the rate 0, and its first 1 of 15 epochs stay below 0.1 % of its highest rate",
        ),
        ("onecycle(start=0%, per=epoch)", "its first 1 of 15 epochs stay below"),
        ("join(constant(lr=0.00001); linear, at=3 epochs)", "its first 3 of 15 epochs stay below"),
        ("plateau(cooldown=1 epoch)", "cooldown=1 epoch is one epoch, and the last epoch of a cooldown counts"),
    ],
)
def test_what_is_odd_is_said_with_cause_and_remedy(spec: str, words: str) -> None:
    (warning,) = warnings(parse_list(spec), HORIZON)
    assert words in warning
    assert "; " in warning


@pytest.mark.parametrize(
    "spec",
    [
        "constant(warmup=5%)",
        "cyclical(half=25%)",
        "cyclical(half=20%, cooldown=20%)",
        "constant(cooldown=100%)",
        "inverse_sqrt(warmup=10%, warmup_start=0%, cooldown=20%, cooldown_shape=sqrt)",
        "step(warmup=60%, hold=30%)",
        "restarts(first=6.67%)",
        "cosine(warmup=2 epochs)",
        "linear(to=0%)",
        "plateau(warmup=1 epoch)",
        "wsd(per=epoch)",
        "cosine(warmup=10 epochs, per=epoch)",
        "noam(per=epoch)",
        "plateau(cooldown=2 epochs)",
    ],
)
def test_what_is_as_it_should_be_is_not_talked_about(spec: str) -> None:
    assert warnings([parse(spec)], HORIZON) == []


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - {"piecewise"}))  # its boundaries are in steps: published
@pytest.mark.parametrize("steps_per_epoch", [32, 100, 313, 1719])
def test_no_default_needs_an_excuse(name: str, steps_per_epoch: int) -> None:
    for epochs in (2, 3, 5, 15, 50, 100):
        assert warnings([parse(name)], Horizon(epochs, steps_per_epoch)) == [], epochs


def test_the_default_comparison_is_planned_without_a_warning(cli: Cli) -> None:
    result = cli("run", "-n")
    assert result.exit_code == 0
    assert "Warning" not in result.output
    assert "cyclical, seed 0" in result.stdout


def test_plateau_and_constant_are_not_the_same() -> None:
    assert warnings(parse_list("plateau,constant"), HORIZON) == []


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_schedule_is_documented(name: str) -> None:
    docs = docs_of(REGISTRY[name])
    assert docs.summary.endswith(".")
    assert docs.formula[0].startswith("rate(t) = ")
    assert tuple(docs.topics) == TOPICS
    assert all(docs.topics.values())


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_schedule_is_explained(cli: Cli, name: str) -> None:
    result = cli("schedulers", name)
    assert result.exit_code == 0
    for word in (
        name,
        "rate(t)",
        "warmup",
        "Use:",
        "Avoid:",
        "Keras:",
        "PyTorch:",
        "Source:",
        *REGISTRY[name].parameters,
    ):
        assert word in result.stdout


def test_the_listing_shows_all_of_them(cli: Cli) -> None:
    text = cli("schedulers").stdout
    for name, entry in REGISTRY.items():
        assert name in text
        assert all(parameter_text(key, each.default) in text for key, each in entry.parameters.items())
    assert "█" in text


@pytest.mark.parametrize("words", OTHER_NAMES)
def test_another_name_is_looked_up_by_people_and_refused_in_a_run(cli: Cli, words: str) -> None:
    spec = OTHER_NAMES[words]
    found = cli("schedulers", words.upper())
    assert found.exit_code == 0
    assert found.stdout.startswith(f"{words} is {spec} here.\n")
    assert f"lrbench preview {shlex.quote(parse(spec).words)}" in found.stdout
    assert f"{spec} (" in " ".join(cli("schedulers").stdout.split())
    refused = cli("run", "--engine", "fake", "-s", words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"has another name here: write {spec}." in refused.stderr


def test_what_another_name_stands_for_can_be_written() -> None:
    for name, spec in OTHER_NAMES.items():
        assert parse(spec).table(HORIZON).size
        assert name not in REGISTRY
        assert warnings([parse(spec)], HORIZON) == []


def test_noam_is_a_schedule_of_its_own_and_its_page_names_the_paper_s_rate(cli: Cli) -> None:
    page = cli("schedulers", "noam").stdout
    assert page.startswith("noam: ")
    assert "(d_model * warmup)^-0.5" in page


def test_the_page_on_multistep_says_that_a_warm_up_moves_its_boundaries(cli: Cli) -> None:
    page = " ".join(cli("schedulers", "multistep").stdout.split())
    assert "A warm-up or hold comes first and moves every boundary by its length" in page
    table = parse("multistep(at=30 epochs, warmup=5 epochs)").table(Horizon(60, 10))
    assert table[34 * 10 + 9] == 0.1, "and its example is true"
    assert table[35 * 10] == pytest.approx(0.01)


@pytest.mark.parametrize("kind", ["keras", "torch"])
@pytest.mark.parametrize("more", [(), ("--with-lrbench",)])
def test_the_code_of_a_plateau_of_an_unknown_figure_wants_its_mode(cli: Cli, kind: str, more: tuple[str]) -> None:
    refused = cli("schedulers", "plateau(monitor=val_signal)", "--code", kind, *more)
    assert refused.exit_code == 2
    assert "mode=max or mode=min" in refused.stderr
    written = cli("schedulers", "plateau(monitor=val_signal, mode=max)", "--code", kind, *more)
    assert written.exit_code == 0
    assert ('mode="max"' in written.stdout) or ("mode=max" in written.stdout)


def test_two_peak_rates_of_one_curve_are_called(cli: Cli) -> None:
    drawn = cli("preview", "cosine,cosine(lr=0.2)").stdout
    assert "cosine(lr=0.1)" in drawn
    assert "cosine(lr=0.2)" in drawn
    rows = cli("preview", "cosine,cosine(lr=0.2)", "--epochs", "1", "--steps-per-epoch", "1", "--format", "csv")
    assert [line.split(",")[0] for line in rows.stdout.splitlines()] == [
        "scheduler",
        "cosine(lr=0.1)",
        "cosine(lr=0.2)",
    ]


def test_code_comes_through_the_command_line(cli: Cli) -> None:
    words = ("schedulers", "cosine(warmup=5%)", "--code", "keras", "--epochs", "30", "--lr", "0.5")
    result = cli(*words)
    assert result.exit_code == 0
    assert "# cosine(lr=0.5, warmup=5%)\n# for 30 epochs of 1,719 updates, 51,570 in all\n" in result.stdout
    assert "CosineDecay(" in result.stdout
    assert "lrbench" not in result.stdout
    compile(result.stdout, "script", "exec")
    assert "parse('cosine(lr=0.5, warmup=5%)')" in cli(*words, "--with-lrbench").stdout


def test_names_are_completed_also_after_a_comma() -> None:
    assert complete("co") == ["constant", "cosine"]
    assert complete("step,re") == ["step,rex", "step,restarts"]


LINES = {
    "lrbench preview co": "constant cosine",
    "lrbench run -s ste": "step",
    "lrbench schedulers onec": "onecycle",
}


@pytest.mark.slow
@pytest.mark.parametrize(("line", "found"), LINES.items())
def test_the_shell_completes_names_of_schedulers(line: str, found: str) -> None:
    position = str(len(line.split()) - 1)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['lrbench']; from lrbench.cli import main; main()"],
        env={
            **os.environ,
            "_LRBENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": position,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == found.split(), done.stderr


def test_preview_shows_curves_figures_and_warnings(cli: Cli) -> None:
    result = cli("preview", "step,cosine,cyclical(half=20%)")
    assert result.exit_code == 0
    for word in (
        "step",
        "cosine",
        "cyclical",
        "first",
        "mean",
        "last",
        "0.00625",
        "0.0505",
        "Warning: cyclical(half=20%) ends",
    ):
        assert word in result.stdout
    assert "\x1b" not in result.stdout


def test_preview_data_is_the_table_itself(cli: Cli) -> None:
    specs, horizon = parse_list("step,cosine(warmup=10%)", 0.5), Horizon(3, 7)
    words = ("preview", "step,cosine(warmup=10%)", "--epochs", "3", "--steps-per-epoch", "7", "--lr", "0.5")
    rows = list(csv.DictReader(io.StringIO(cli(*words, "--format", "csv").stdout)))
    record = json.loads(cli(*words, "--format", "json").stdout)
    for schedule, found in zip(specs, record["schedulers"], strict=True):
        table = schedule.table(horizon)
        mine = [row for row in rows if row["scheduler"] == schedule.label]
        assert [float(row["lr"]) for row in mine] == table.tolist() == found["rates"]
        assert [int(row["step"]) for row in mine] == list(range(21))
        assert [int(row["epoch"]) for row in mine] == np.repeat([1, 2, 3], 7).tolist()
        assert (found["first"], found["last"], found["spec"]) == (table[0], table[-1], schedule.spec)


@pytest.mark.parametrize(("name", "magic"), [("c.png", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF")])
def test_preview_draws_into_a_file(cli: Cli, tmp_path: Path, name: str, magic: bytes) -> None:
    result = cli("preview", "cosine,$x$=onecycle", "-o", name)
    assert result.exit_code == 0
    assert result.stdout == f"{name}\n"
    assert (tmp_path / name).read_bytes().startswith(magic)


def printed(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What `lrbench preview WORDS` writes, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lrbench", "preview", *words],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["curves", "csv"])
@pytest.mark.parametrize(
    ("label", "environment"),
    [
        ("step", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        ("größe", {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"}),
    ],
)
def test_what_is_printed_is_utf_8_whatever_the_locale(
    cli: Cli, form: str, label: str, environment: dict[str, str]
) -> None:
    words = (f"{label}=step", "--epochs", "2", "--steps-per-epoch", "30", "--format", form)
    done = printed(*words, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8") == cli("preview", *words).stdout
    assert label in done.stdout.decode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 60, 76, 100])
def test_curves_and_tables_fit_the_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    label = "a_label_that_is_longer_than_all_of_the_narrowest_terminal"
    for words in (
        (f"step(lr=1.2345e-5),{label}=cosine(warmup=5%)",),
        ("step(every=5 epochs)", "--compare-horizons", "4,15,50"),
        ("cosine", "--epochs", "10000"),
    ):
        lines = cli("preview", *words).stdout.splitlines()
        assert max(map(len, lines)) <= columns
        assert not any("…" in line for line in lines), "nothing is cut"
        (start,) = [i for i, line in enumerate(lines) if "scheduler" in line]
        heading, at = lines[start].split(), lines[start].index("scheduler")
        labels = "".join(line[at:].split("   ")[0].strip() for line in lines[start + 2 :])
        assert label in labels or len(words) > 1, "it is folded"
        text = "".join("".join(lines).split())
        left_out = text.partition("Leftoutforwantofroom:")[2].partition(".")[0].split(",")
        assert [
            "scheduler",
            *(each for each in ("curve", "first", "mean", "last") if each not in left_out),
        ] == heading
    assert [line.split()[-1] for line in lines if line.strip().startswith("| 0")] == ["1.72e+07"]


def test_the_axis_ends_with_the_last_step(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (40, 47, 76, 160):
        monkeypatch.setenv("COLUMNS", str(columns))
        (ticks,) = [line for line in cli("preview", "step").stdout.splitlines() if line.strip().startswith("| 0")]
        assert ticks.split()[-1] == "25,785"


@pytest.mark.slow
def test_a_picture_goes_to_standard_output(cli: Cli, tmp_path: Path) -> None:
    done = printed("cyclical(half=20%)", "-o", "-")
    assert done.returncode == 0, done.stderr
    assert cli("preview", "cyclical(half=20%)", "-o", "c.png").exit_code == 0
    assert done.stdout == (tmp_path / "c.png").read_bytes()
    assert done.stderr.decode().startswith("Warning: cyclical(half=20%) ends at the rate")
    assert imread(io.BytesIO(done.stdout)).shape == (720, 1200, 4)


def test_a_page_and_data_go_to_standard_output(cli: Cli, tmp_path: Path) -> None:
    page = cli("preview", "--html", "-o", "-").stdout
    assert page.startswith("<!doctype html>")
    cli("preview", "--html")
    assert page == (tmp_path / "preview.html").read_text(encoding="utf-8")
    rates = ("preview", "cosine", "--epochs", "1", "--format", "csv")
    assert cli(*rates, "-o", "-").stdout == cli(*rates).stdout
    assert [path.name for path in tmp_path.iterdir()] == ["preview.html"]


def test_one_schedule_on_several_horizons(cli: Cli) -> None:
    result = cli("preview", "step(every=5 epochs)", "--compare-horizons", "4,15,50")
    assert result.exit_code == 0
    for word in ("4 epochs", "15 epochs", "50 epochs", "% of the horizon"):
        assert word in result.stdout
    assert "4 epochs: step(every=5 epochs): every=5 epochs reaches beyond the 6,876 steps" in result.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["preview", "cosin"], "Unknown scheduler 'cosin'"),
        (["preview", "cosine", "--epochs", "0"], "--epochs 0"),
        (["preview", "cosine", "--lr", "nan"], "--lr nan"),
        (["preview", "cosine", "--steps-per-epoch", "0"], "--steps-per-epoch"),
        (["preview", "cosine", "-o", "c.gif"], "c.gif is no picture"),
        (["preview", "cosine", "-o", "/proc/x/c.png"], "cannot be written"),
        (["preview", "cosine,step", "--compare-horizons", "5,15"], "draws one schedule"),
        (["preview", "cosine", "--compare-horizons", "5,x"], "no list of numbers"),
        (["preview", "cosine", "--compare-horizons", "0"], "no list of numbers"),
        (["preview", "cosine(warmup=30 epochs)"], "leaves nothing"),
        (["preview", "cosine(warmup=60%,hold=60%)"], "warmup=60% and hold=60% leave nothing of the 25,785 steps"),
        (["preview", "join(plateau; linear)"], "plateau cannot be a piece: it looks at the training"),
        (["preview"], "requires a list of schedulers"),
        (["preview", "--html", "plateau"], "cannot draw plateau: it looks at the training"),
        (["preview", "--html", "mine.py:f"], "cannot draw mine.py:f: it is a function of yours"),
        (["preview", "--html", "--format", "csv"], "--html is a page"),
        (["preview", "--html", "-o", "/proc/x/c.html"], "cannot be written"),
        (["preview", "d2z"], "Unknown scheduler 'd2z'"),
        (["preview", "nowhere.py:f"], "There is no file nowhere.py"),
        (["schedulers", "cosin"], "Unknown scheduler"),
        (["schedulers", "--code", "keras"], "wants a schedule"),
        (["schedulers", "cosine", "--code", "jax"], "'jax'"),
        (["schedulers", "cosine", "--with-lrbench"], "wants --code"),
        (["schedulers", "mine.py:f", "--code", "keras"], "its code is not copied"),
        (["schedulers", "cosine,step"], "2 schedules"),
        (["preview", "cosine", "--format", "csv", "-o", "c.png"], "-o draws a picture"),
        (["schedulers", "mine.py:f"], "a function of yours"),
    ],
)
def test_bad_input_is_two_lines_and_exit_2(cli: Cli, tmp_path: Path, words: list[str], problem: str) -> None:
    result = cli(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert problem in result.stderr.splitlines()[0]
    assert len(result.stderr.splitlines()) == 2
    assert not list(tmp_path.iterdir())


def test_a_sparkline_follows_the_curve() -> None:
    assert sparkline(np.arange(8), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.zeros(5)) == "▁▁▁▁▁"
    assert sparkline(np.ones(100), 10) == "█" * 10


def test_run_warns_of_odd_schedules_too(cli: Cli) -> None:
    result = cli("run", "--engine", "fake", "-s", "step(every=30 epochs)")
    assert result.exit_code == 0
    assert "Warning: step(every=30 epochs): every=30 epochs reaches beyond" in result.stderr


def test_bad_usage_is_what_bad_spec_is() -> None:
    with pytest.raises(BadUsage):
        parse("cosin")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_s_curves_are_those_that_it_trains(name: str, cli: Cli) -> None:
    """Schedules, rates, epochs, and the updates per epoch of its data."""
    shown = cli("preview", "-c", name, "--format", "json")
    assert shown.exit_code == 0, shown.output
    record = json.loads(shown.stdout)
    (plan,) = (plan for _, plan in make_plans(load_config(name, {}, {})))
    assert (record["epochs"], record["steps_per_epoch"]) == (
        plan.setting.epochs,
        plan.setting.horizon.steps_per_epoch,
    )
    assert [each["spec"] for each in record["schedulers"]] == [each.spec for each in plan.schedules]
    for each, schedule in zip(record["schedulers"], plan.schedules, strict=True):
        assert each["rates"] == schedule.table(plan.setting.horizon).tolist()


def test_options_go_before_a_file_of_one_s_own(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('schedulers = ["rex", "linear"]\nlr = 0.3\nbatch_size = 64\nepochs = 4\n')
    shown = json.loads(cli("preview", "-c", "mine.toml", "--format", "json").stdout)
    assert (shown["epochs"], shown["steps_per_epoch"]) == (4, 860)
    assert [(each["scheduler"], each["first"]) for each in shown["schedulers"]] == [("rex", 0.3), ("linear", 0.3)]
    short = ("--epochs", "2", "--steps-per-epoch", "5")
    other = cli("preview", "cosine", "-c", "mine.toml", *short, "--format", "json")
    shown = json.loads(other.stdout)
    assert (shown["epochs"], shown["steps_per_epoch"], len(shown["schedulers"])) == (2, 5, 1)
    assert cli("preview", "-c", "mine.toml").exit_code == 0
    assert cli("preview", "-c", "mine.toml", "--html", "-o", "page.html").exit_code == 0
    (tmp_path / "several.toml").write_text("epochs = [2, 4]\n")
    refused = cli("preview", "-c", "several.toml")
    assert (refused.exit_code, "a single number" in refused.stderr) == (2, True)
    (tmp_path / "rates.toml").write_text('optimizers = "sgd,adam"\n')
    refused = cli("preview", "-c", "rates.toml")
    assert (refused.exit_code, "different default peak rates" in refused.stderr) == (2, True)
    assert cli("preview", "-c", "rates.toml", "--lr", "0.1").exit_code == 0
