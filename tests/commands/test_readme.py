"""Every command and number that README.md shows is true."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from typer.testing import Result

import lrbench
from lrbench.judging.questions import Question, answer
from lrbench.judging.tuning import tuning_of, views
from lrbench.optimizers import TABLE
from lrbench.schedules import REGISTRY
from lrbench.searches import runs_of
from lrbench.show import tables
from lrbench.show.sentences import sentence
from lrbench.store import load

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
SHARD = next(line for line in COMMANDS if "--shard" in line)


def test_there_are_commands_to_run() -> None:
    assert COMMANDS[:2] == ["make demo", "make test"]
    assert sum(line.startswith("lrbench ") for line in COMMANDS) >= 7


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("lrbench ")])
def test_every_lrbench_command_runs(
    line: str, cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRBENCH_ENGINE", "fake")
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "results" / "reference")
    if "--verify" in line:
        cli("run")  # the README's first command
    if "whole" in line:  # it goes on with what those above it leave
        for before in COMMANDS[COMMANDS.index(SHARD) : COMMANDS.index(line)]:
            cli(*shlex.split(before)[1:])
    result = cli(*shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    if "--seeds" in line:  # what is recommended can give a verdict
        assert "cannot tell better from worse" not in result.output


def test_what_the_pages_recommend_can_give_a_verdict(cli: Callable[..., Result]) -> None:
    """Each line of theirs with several seeds: as much of it as decides what is compared."""
    pages = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
    pages_text = "\n".join(page.read_text("utf-8") for page in pages)
    lines = re.findall(r"^lrbench (?:run|tune) .*$", pages_text, re.MULTILINE)
    asked = set()
    for line in lines:
        words = shlex.split(line)
        if "--seeds" in words and "," not in (seeds := words[words.index("--seeds") + 1]):
            flag = next((word for word in words if word in ("-s", "--schedulers")), None)
            asked.add((seeds, *(("-s", words[words.index(flag) + 1]) if flag else ())))
    assert len(asked) > 5
    for seeds, *schedulers in asked:
        planned = cli("run", "--engine", "fake", "--dry-run", "--json", "--seeds", seeds, *schedulers)
        assert not json.loads(planned.stdout)["warnings"], (seeds, schedulers)


def test_it_is_installed_from_a_clone_or_a_wheel_and_the_address_stands_in_one_place() -> None:
    """lrbench is on no package index: nothing says so, and the placeholder is filled in here alone."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    read = (".md", ".py", ".j2", ".js", ".toml", ".ipynb", "Makefile")
    names = [name for name in tracked.splitlines() if name.endswith(read) and not name.startswith("tests/")]
    text = {name: (ROOT / name).read_text(encoding="utf-8") for name in names}
    assert not [name for name, its in text.items() if re.search(r"pip install [^`\n]*lrbench-keras", its)]
    clones = {name: re.findall(r"git clone (\S+)", its) for name, its in text.items() if "git clone" in its}
    assert clones == {"README.md": [clones["README.md"][0]]}
    (address,) = clones["README.md"]
    if address != "ADDRESS":  # once it is filled in
        assert [name for name, its in text.items() if address in its] == ["README.md"]
    version = lrbench.__version__
    wheels = {wheel for its in text.values() for wheel in re.findall(r"lrbench_keras-\S+?\.whl", its)}
    assert wheels == {f"lrbench_keras-{version}-py3-none-any.whl"}


@pytest.mark.tensorflow
@pytest.mark.apart
@pytest.mark.slow
def test_make_demo_compares_six_schedules_on_all_of_mnist(tmp_path: Path) -> None:
    """The recipe itself, all 70,000 images, in a folder of its own; only the installation is taken as done.

    What does not look ahead goes the way of the reference from its first epochs.
    """
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "results" / "reference")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LRBENCH_", "MAKE"))}
    done = subprocess.run(
        ["make", f"VENV={sys.prefix}", "-o", f"{sys.prefix}/installed", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        env=kept,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = [path for path in (tmp_path / "results").iterdir() if path.name != "reference"]
    stored, reference = load(folder), load(ROOT / "results" / "reference")
    assert (stored.setting.train_size, stored.setting.val_size, stored.setting.epochs) == (55_000, 5_000, 15)
    assert len(stored.finished) == 6
    assert all(0.965 < (one.final("test_accuracy") or 0) < 0.985 for one in stored.finished)
    for name in ("constant", "plateau"):
        (ours,), theirs = stored.groups[name], reference.groups[name][0]
        for a, b in zip(ours.result.rows[:2], theirs.result.rows[:2], strict=True):
            assert (a.step, a.lr_first, a.lr) == (b.step, b.lr_first, b.lr)
            assert (*a.train, *(a.val or ())) == pytest.approx((*b.train, *(b.val or ())), rel=0.02)
    assert len(list((folder / "plots").glob("*.png"))) == 6


def test_make_demo_is_the_reference_s_comparison_of_one_seed(cli: Callable[..., Result], tmp_path: Path) -> None:
    """Fifteen epochs and all else: every run that the recipe's words ask for stands in the reference."""
    (line,) = re.findall(r"lrbench (run --name demo)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "results" / "demo")
    asked = json.loads(cli(*shlex.split(line), "--dry-run", "--json").stdout)
    assert len(asked["runs"]) == 6
    assert asked["to_do"]["runs"] == 0


@pytest.mark.parametrize(
    "target", ["test", "lint", "check", "smoke", "setup", "bench", "torture", "clean", "demo"]
)
def test_every_make_target_exists_and_is_listed(target: str) -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"make {target}" in listed
    subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=True)


def test_ci_calls_the_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    (line,) = re.findall(r"^make .*--keep-going.*$", ci, re.MULTILINE)
    assert line.split()[-3:] == ["lint", "test", "smoke"]


def test_the_table_is_what_summary_says_of_the_reference() -> None:
    stream = io.StringIO()
    tables.write([answer(load(ROOT / "results" / "reference"), Question())], "markdown", stream)
    rows = [line for line in stream.getvalue().splitlines() if line.startswith("|")]
    shown = README.partition("<!-- table: ")[2].partition("<!-- end of table -->")[0]
    assert [line for line in shown.splitlines() if line.startswith("|")] == rows


def test_the_verdicts_are_what_summary_says_of_the_reference() -> None:
    found = answer(load(ROOT / "results" / "reference"), Question())
    shown = README.partition("<!-- verdicts: lrbench summary results/reference -->")[2]
    shown = shown.partition("<!-- end of verdicts -->")[0]
    lines = [line.removeprefix("- ") for line in shown.splitlines() if line.startswith("- ")]
    assert lines == [sentence(each, found.scope(each)) for each in found.comparisons]
    explained = README.partition("## How to read the verdict")[2].partition("## For the sceptic")[0]
    quoted = [" ".join(words.split()) for words in re.findall(r"\"([^\"]+)\"", explained)]
    assert len(quoted) >= 4
    assert all(any(words.lower() in line.lower() for line in lines) for words in quoted)


def test_the_first_verdicts_are_what_summary_says_of_the_tuned_comparison() -> None:
    (tuned, same_rate) = views(load(ROOT / "results" / "tuned"))
    found = answer(tuned, Question())
    shown = README.partition("<!-- verdicts: ")[2].partition("<!-- end of verdicts -->")[0]
    assert shown.startswith("lrbench summary results/tuned")
    lines = [line.removeprefix("- ") for line in shown.splitlines() if line.startswith("- ")]
    assert lines == [sentence(each, found.scope(each)) for each in found.comparisons]
    assert same_rate.same_rate == 0.1
    assert not any("tuned for none" in text for text in found.cautions)


def test_the_tuned_comparison_is_the_default_search_whole_and_fair() -> None:
    stored = load(ROOT / "results" / "tuned")
    assert not stored.damage
    (search,) = stored.searches
    assert len(stored.finished) == runs_of(search) == 258
    assert (len(search.contenders), len(search.rates), search.refine) == (6, 7, 4)
    assert not set(search.seeds) & set(search.tune_seeds)
    tuning = tuning_of(search, stored.finished)
    assert tuning.stage == "done"
    assert len({len(each.trials) for each in tuning.tuned}) == 1
    assert not any(each.at_edge for each in tuning.tuned)
    assert stored.setting == load(ROOT / "results" / "reference").setting


def test_the_reference_is_the_default_comparison_with_ten_seeds() -> None:
    reference = load(ROOT / "results" / "reference")
    assert not reference.damage
    assert len(reference.finished) == 60
    assert {one.seed for one in reference.finished} == set(range(10))
    assert {one.schedule.words for one in reference.finished} == {
        "constant",
        "step",
        "exponential",
        "cosine",
        "cyclical",
        "plateau",
    }
    assert (reference.setting.train_size, reference.setting.engine) == (55_000, "compiled")


@pytest.mark.tensorflow
def test_a_model_of_one_s_own_is_trained_as_it_says(cli: Callable[..., Result], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 20)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=np.digitize(x[:, 0], [-0.5, 0.5]))
    section = README.partition("## Your own model")[2].partition("\n## ")[0]
    (script,) = re.findall(r"```py\n(.*?)```", section, re.DOTALL)
    (tmp_path / "my.py").write_text(script)
    commands = re.findall(r"^    (lrbench run .*)$", section, re.MULTILINE)
    assert len(commands) == 2
    for line in commands:
        done = cli(*shlex.split(line)[1:], "--epochs", "1")
        assert done.exit_code == 0, done.output
        assert "labels are whole numbers 0 to 2" in done.stderr


SCRIPTS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.tensorflow
def test_the_comparison_from_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(SCRIPTS[0], names)
    assert names["table"]["n"].tolist() == [6, 6]
    said = capsys.readouterr().out.splitlines()
    assert said[0] == said[-1] == str(names["results"])
    assert said[1] == "cosine better "  # by six seeds, the fewest that can tell two schedules apart
    assert {path.name for path in tmp_path.iterdir()} == {"overview.png", "report.html", "results"}


@pytest.mark.tensorflow
def test_the_script_runs() -> None:
    names: dict[str, Any] = {}
    exec(SCRIPTS[1], names)
    assert len(names["rates"]) == 25_785
    assert names["factor"](0) * 0.1 == pytest.approx(names["rates"][0])
    assert float(names["optimizer"].learning_rate) == pytest.approx(names["rates"][0])


def test_every_schedule_is_named() -> None:
    assert f"There are {len(REGISTRY)}: {', '.join(REGISTRY)}." in " ".join(README.split())


def test_every_optimizer_is_named() -> None:
    assert f"all that Keras has: {', '.join(TABLE)}, each" in " ".join(README.split())


def test_every_link_to_a_file_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
