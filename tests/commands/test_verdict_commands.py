"""`lrbench summary` with its verdicts: formats, options, a table from elsewhere, the gate for CI."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, fake_run
from typer.testing import Result

import lrbench

Cli = Callable[..., Result]
REFERENCE = ROOT / "results" / "reference"
KEYS = [
    "scheduler",
    "baseline",
    "metric",
    "n",
    "mean_difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
    "wins",
    "losses",
    "ties",
    "verdict",
    "reason",
    "fewest_seeds",
    "seeds_needed",
    "minimum_detectable_effect",
]


def test_the_table_is_followed_by_a_line_per_comparison(cli: Cli) -> None:
    lines = cli("summary", REFERENCE).stdout.splitlines()
    (first,) = [
        i
        for i, line in enumerate(lines)
        if line.startswith("Against constant, on test accuracy (higher is better): ")
    ]
    said = lines[first + 1 : first + 6]
    assert len({line.split()[0] for line in said}) == 5
    assert re.fullmatch(
        r"  exponential is worse than constant by 0\.\d\d ± 0\.\d\d points "
        r"\(n = 10, p = 0\.\d+; MNIST 784-128-10, sgd, 15 epochs, peak rate 0\.1\)",
        said[-1],
    )
    assert any("cannot tell" in line and "seeds would settle it" in line for line in said)
    assert lines[first + 6].startswith("Warning: All 6 schedules ran at the peak rate 0.1")


def test_json_holds_the_comparisons(cli: Cli) -> None:
    (record,) = json.loads(cli("summary", REFERENCE, "--format", "json").stdout)
    assert len(record["comparisons"]) == 5
    assert all(list(each)[: len(KEYS)] == KEYS or set(KEYS) <= each.keys() for each in record["comparisons"])
    assert {each["verdict"] for each in record["comparisons"]} <= {"better", "worse", "equivalent", "cannot tell"}
    (pairs,) = json.loads(cli("summary", REFERENCE, "--all-pairs", "--format", "json").stdout)
    assert len(pairs["comparisons"]) == 15
    scopes = {each["scope"] for each in record["comparisons"]}
    assert scopes == {"MNIST 784-128-10, sgd, 15 epochs, peak rate 0.1"}
    assert (record["baseline"], record["metric"], record["lower_is_better"]) == (
        "constant",
        "test_accuracy",
        False,
    )
    assert record["warnings"]


def test_one_seed_gets_no_verdict(cli: Cli) -> None:
    fake_run(Path.cwd() / "results", schedulers="step,constant")
    result = cli("summary", "results")
    assert "One seed" in result.stdout
    assert "Against" not in result.stdout
    assert "p =" not in result.stdout
    (record,) = json.loads(cli("summary", "results", "--format", "json").stdout)
    (comparison,) = record["comparisons"]
    assert (comparison["verdict"], comparison["p_holm"], comparison["ci_low"]) == ("cannot tell", None, None)


def sorted_by(cli: Cli, column: str) -> list[dict[str, str]]:
    text = cli("summary", REFERENCE, "--sort", column, "--format", "csv").stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_another_baseline_metric_order_and_margin(cli: Cli) -> None:
    text = cli("summary", REFERENCE, "--baseline", "cosine", "--metric", "val_loss", "--margin", "0.5").stdout
    assert "Against cosine, on val loss (lower is better): " in text
    assert "the 90 % interval lies within ±0.5 nats" in " ".join(text.split())
    assert "nats" in text
    assert re.search(r"0\.\d{4} ± 0\.\d{4}", text)
    assert "is equivalent to cosine" in text or "within the margin" in text
    rows = list(
        csv.DictReader(io.StringIO(cli("summary", REFERENCE, "--sort", "scheduler", "--format", "csv").stdout))
    )
    assert [row["scheduler"] for row in rows] == sorted(row["scheduler"] for row in rows)
    rows = list(
        csv.DictReader(io.StringIO(cli("summary", REFERENCE, "--sort", "test_loss", "--format", "csv").stdout))
    )
    losses = [float(row["test_loss_mean"]) for row in rows]
    assert losses == sorted(losses)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--baseline", "cosin"], "no schedule 'cosin'"),
        (["--metric", "acuracy"], "no final figure 'acuracy'"),
        (["--sort", "colour"], "no column 'colour'"),
        (["--margin", "-1"], "--margin -1 is not above 0"),
        (["--margin", "nan"], "--margin nan is no number"),
        (["--margin", "abc"], "--margin abc is no number"),
        (["--baseline", "step", "--all-pairs"], "--baseline step and --all-pairs are two different questions"),
        (["--target", "97"], "--target 97 does not lie between 0 and 1"),
        (["--fail-if", "cosine=step"], "is no condition"),
        (["--fail-if", "cosine<nothing"], "is no condition"),
        (["--format", "excel"], "excel"),
    ],
)
def test_wrong_questions_are_two_lines_and_exit_2(cli: Cli, words: list[str], problem: str) -> None:
    result = cli("summary", REFERENCE, *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        (["exponential<constant"], 4),
        (["constant>exponential"], 4),
        (["exponential>constant"], 0),
        (["cosine<constant"], 0),
        (["cosine<constant", "exponential<step"], 4),
    ],
)
def test_fail_if_is_a_gate(cli: Cli, conditions: list[str], code: int) -> None:
    words = [word for condition in conditions for word in ("--fail-if", condition)]
    result = cli("summary", REFERENCE, *words)
    assert result.exit_code == code, result.output
    assert ("(n = 10" in result.stderr) == (code == 4)


def test_markdown_and_latex_are_ready_for_a_paper(cli: Cli, tmp_path: Path) -> None:
    latex = cli("summary", REFERENCE, "--format", "latex").stdout
    assert all(word in latex for word in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{", "n = 10"))
    assert r"\textbf" not in latex, "nothing is significantly best"
    assert latex.count(r" \\") == 7
    assert "**" not in cli("summary", REFERENCE, "--format", "markdown").stdout

    fake_run(tmp_path / "results", schedulers="constant,fast=constant(lr=0.5),a_b&c=constant(lr=0.05)", seeds=10)
    latex = cli("summary", "results", "--format", "latex").stdout
    bold = [line for line in latex.splitlines() if r"\textbf" in line]
    assert len(bold) == 1
    assert bold[0].strip().startswith(r"\textbf{fast} & \textbf{10}")
    assert r"a\_b\&c" in latex
    markdown = cli("summary", "results", "--format", "markdown").stdout
    assert markdown.count("**fast**") == 1


def without_scope(record: dict[str, Any]) -> list[dict[str, Any]]:
    """All that does not depend on where the figures stand: more seeds are looked at anew in a table."""
    where = ("scope", "reason", "fewest_seeds", "seeds_needed")
    return [{key: value for key, value in each.items() if key not in where} for each in record["comparisons"]]


def tidy(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def test_results_from_elsewhere_get_the_same_verdict(cli: Cli, tmp_path: Path) -> None:
    (record,) = json.loads(cli("summary", REFERENCE, "--format", "json").stdout)
    rows = ["seed,scheduler,note,test_accuracy"]
    for path in (REFERENCE / "runs").glob("*/run.json"):
        run = json.loads(path.read_text())
        rows.append(f"{run['identity']['seed']},{run['scheduler']},x,{run['test']['accuracy']!r}")
    mine = tidy(tmp_path / "my.csv", rows)
    (other,) = json.loads(cli("summary", mine, "--format", "json").stdout)
    assert without_scope(other) == without_scope(record)
    text = cli("summary", mine, "--metric", "test_accuracy", "--baseline", "step").stdout
    assert "my.csv" in text
    assert "is worse than step by" in text
    for form in ("csv", "markdown", "latex"):
        assert cli("summary", mine, "--format", form).exit_code == 0


def test_a_table_of_epochs_counts_its_last_ones(cli: Cli, tmp_path: Path) -> None:
    (record,) = json.loads(cli("summary", REFERENCE, "--metric", "val_loss", "--format", "json").stdout)
    (other,) = json.loads(
        cli("summary", REFERENCE / "epochs.csv", "--metric", "val_loss", "--format", "json").stdout
    )
    assert without_scope(other) == without_scope(record)


def test_empty_and_infinite_cells_are_runs_that_did_not_finish(cli: Cli, tmp_path: Path) -> None:
    rows = [f"constant,{seed},{0.5 + seed / 100}" for seed in range(8)]
    rows += [f"mine,{seed},{0.7 + seed / 100}" for seed in range(6)] + ["mine,6,", "mine,7,inf"]
    text = cli("summary", tidy(tmp_path / "my.csv", ["scheduler,seed,score", *rows]), "--metric", "score").stdout
    assert "2 of 8 runs of mine did not finish" in text
    assert "lost" in text


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["a,b", "1,2"], "no column 'scheduler'"),
        (["scheduler,seed,x", "a,0,1"], "no column 'test_accuracy'. Its columns: scheduler, seed, x."),
        (["optimizer,seed,x", "a,0,1"], "no column 'scheduler'. Its columns: optimizer, seed, x."),
        (["scheduler,random_state,x", "a,0,1"], "no column 'seed'. Its columns: scheduler, random_state, x."),
        (["scheduler,seed,test_accuracy", "a,0,1", "a,0,2"], "line 3: a, seed 0 stands twice"),
        (["scheduler,seed,test_accuracy", "a,zero,1"], "line 2: the seed 'zero'"),
        (["scheduler,seed,test_accuracy", "a,0,high"], "line 2: could not convert"),
        (["scheduler,seed,test_accuracy", "\x1b[31m,0,1"], "line 2: the scheduler is no name"),
        (["scheduler,seed,test_accuracy"], "holds no run"),
        (["scheduler,seed,test_accuracy", "a,0,0,97"], "line 2: more cells than columns"),
        (["scheduler,seed,test_accuracy,test_accuracy", "a,0,1,2"], "two columns of the same name"),
        (["scheduler,seed,test_accuracy", "a"], "line 2"),
    ],
)
def test_a_table_that_cannot_be_read_is_an_error(cli: Cli, tmp_path: Path, rows: list[str], problem: str) -> None:
    result = cli("summary", tidy(tmp_path / "my.csv", rows))
    assert result.exit_code == 2, result.output
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_a_file_that_is_no_text_is_an_error(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes(b"scheduler,seed,test_accuracy\n\xff\xfe,0,1\n")
    assert cli("summary", path).exit_code == 2


def test_lower_is_better_is_guessed_and_can_be_said(cli: Cli, tmp_path: Path) -> None:
    rows = [f"constant,{seed},{5 + seed / 10}" for seed in range(8)] + [
        f"mine,{seed},{4 + seed / 9}" for seed in range(8)
    ]
    for name, words, verdict in (
        ("perplexity", [], "better"),
        ("reward", [], "worse"),
        ("reward", ["--lower-is-better"], "better"),
        ("test_loss", ["--higher-is-better"], "worse"),
    ):
        path = tidy(tmp_path / "my.csv", [f"scheduler,seed,{name}", *rows])
        assert f"mine is {verdict} than constant" in cli("summary", path, "--metric", name, *words).stdout


def test_a_figure_whose_name_does_not_say_is_asked_about(cli: Cli, tmp_path: Path) -> None:
    path = tidy(tmp_path / "my.csv", ["scheduler,seed,figure", "a,0,1", "b,0,2"])
    result = cli("summary", path, "--metric", "figure")
    assert result.exit_code == 2
    assert "--lower-is-better or --higher-is-better" in result.stderr
    assert cli("summary", path, "--metric", "figure", "--higher-is-better").exit_code == 0


def test_without_constant_a_table_s_pairs_are_compared(cli: Cli, tmp_path: Path) -> None:
    rows = [f"{label},{seed},0.{seed + i}" for i, label in enumerate("abc") for seed in range(3)]
    text = cli("summary", tidy(tmp_path / "my.csv", ["scheduler,seed,test_accuracy", *rows])).stdout
    assert "Every two schedules, on test accuracy" in text


def test_a_run_that_stopped_early_did_not_finish(cli: Cli, tmp_path: Path) -> None:
    """Its last epoch is not the table's last."""
    experiment = fake_run(tmp_path / "r", schedulers="constant,hot=constant(lr=11),step", seeds=6).experiment
    words = ("--metric", "val_accuracy", "--format", "json")
    (record,) = json.loads(cli("summary", experiment.folder, *words).stdout)
    (other,) = json.loads(cli("summary", experiment.folder / "epochs.csv", *words).stdout)
    assert without_scope(other) == without_scope(record)
    assert {row["scheduler"]: row.get("lost") for row in other["rows"]} == {"constant": 0, "hot": 6, "step": 0}


def test_a_baseline_that_never_finished_is_not_chosen(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="constant(lr=11),a=step,b=step(lr=0.2)", seeds=8)
    text = cli("summary", "r").stdout
    assert "Against b, on test accuracy" in text
    assert "constant against b: cannot tell: 8 of 8 runs of constant did not finish (n = 0" in text


def test_without_validation_no_baseline_is_chosen_by_test_figures(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="step,cosine", val_size=0, seeds=6)
    assert "Every two schedules, on test accuracy" in cli("summary", "r").stdout


def test_each_verdict_names_its_own_peak_rates(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="constant,step,c=cosine(lr=0.2)", seeds=8)
    lines = cli("summary", "r").stdout.splitlines()
    assert next(line for line in lines if line.startswith("  step is worse")).endswith("peak rate 0.1)")
    assert next(line for line in lines if line.startswith("  c is better")).endswith("peak rate 0.1 (c 0.2))")
    assert any(line.startswith("Warning: 2 of 3 schedules ran at the peak rate 0.1") for line in lines)


def test_the_gate_closes_on_what_always_diverges_and_adjusts_for_what_is_asked(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="constant,hot=constant(lr=11),step", seeds=6)
    result = cli("summary", "r", "--fail-if", "hot<constant")
    assert result.exit_code == 4
    assert "6 of 6 runs of hot did not finish" in result.stderr
    both = cli("summary", "r", "--fail-if", "step<constant", "--fail-if", "step<hot")
    assert both.exit_code == 4
    alone = cli("summary", "r", "--fail-if", "step<constant")
    assert "asked by itself: step is worse than constant" in alone.stderr
    assert "p = 0.031" in alone.stderr


def test_accuracies_in_percent_are_not_taken_for_fractions(cli: Cli, tmp_path: Path) -> None:
    rows = [f"constant,{seed},{97 + seed / 10}" for seed in range(8)]
    rows += [f"mine,{seed},{96 + seed / 9}" for seed in range(8)]
    text = cli(
        "summary", tidy(tmp_path / "my.csv", ["scheduler,seed,accuracy", *rows]), "--metric", "accuracy"
    ).stdout
    assert "97.35" in text
    assert "9735" not in text
    assert "points" not in text


def test_sorting_by_a_cost_puts_the_lowest_first(cli: Cli, tmp_path: Path) -> None:
    rows = [
        f"{label},{seed},{value + seed}" for label, value in (("a", 5), ("b", 3), ("c", 4)) for seed in range(2)
    ]
    path = tidy(tmp_path / "my.csv", ["scheduler,seed,mse", *rows])
    (record,) = json.loads(cli("summary", path, "--metric", "mse", "--sort", "mse", "--format", "json").stdout)
    assert [row["scheduler"] for row in record["rows"]] == ["b", "c", "a"]


def test_a_strange_baseline_is_refused_even_where_there_is_nothing_to_compare(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="step", seeds=2)
    assert cli("summary", "r", "--baseline", "nosuch").exit_code == 2


def test_what_has_the_seeds_is_compared_and_the_rest_is_named_apart(cli: Cli, tmp_path: Path) -> None:
    """One seed of all, then ten of two: the order in which the README gives them."""
    fake_run(tmp_path / "r")
    fake_run(tmp_path / "r", schedulers="step,cosine", seeds=10)
    lines = cli("summary", "r").stdout.splitlines()
    assert any(line.startswith("  step is worse than cosine by") for line in lines)
    assert "Also stored, with 1 seed: constant, cyclical, exponential, plateau." in lines
    assert not any("against constant" in line for line in lines)
    names = [line.split()[0] for line in lines if ("%" in line and "±" in line) or " 1 " in line[:24]]
    assert names[:2] == ["cosine", "step"], "what was compared comes first"
    asked = cli("summary", "r", "--baseline", "constant").stdout
    assert "step against constant: cannot tell" in asked, "who asks for it is told why not"


def test_a_gate_that_could_not_close_is_said_and_has_its_own_exit_code(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "one", schedulers="step,cosine")
    for words in (["one"], ["three"]):
        fake_run(tmp_path / "three", schedulers="step,cosine", seeds=3)
        result = cli("summary", *words, "--fail-if", "step<cosine")
        assert result.exit_code == 5
        assert "--fail-if 'step<cosine' cannot be decided" in result.stderr
        assert cli("summary", *words, "--fail-if", "step<cosine", "--allow-undecided").exit_code == 0
    fake_run(tmp_path / "ten", schedulers="step,cosine,same=cosine", seeds=10)
    assert cli("summary", "ten", "--fail-if", "step<cosine").exit_code == 4
    assert cli("summary", "ten", "--fail-if", "cosine<step").exit_code == 0, "told, and the other way round"
    assert cli("summary", "ten", "--fail-if", "same<cosine").exit_code == 0, "it could have been told"


FAKE = ("--engine", "fake", "--epochs", "3")
SEARCH = ("-s", "step,rex", "--lrs", "0.1,0.2", "--tune-seeds", "1")


@pytest.mark.parametrize(
    ("words", "said", "times"),
    [
        (("run",), "One seed cannot tell better from worse among 5 comparisons; 8 seeds can.", 1),
        (("run", "--seeds", "5"), "5 seeds cannot tell better from worse among 5 comparisons; 8 seeds can.", 1),
        (("run", "--seeds", "8"), "", 0),
        (("run", "--seeds", "8", "--all-pairs"), "8 seeds cannot tell better from worse among 15", 1),
        (("run", "-s", "step,rex", "--seeds", "3"), "3 seeds cannot tell better from worse; 6 seeds can.", 1),
        (("run", "--until-settled", "--max-seeds", "7"), "At most 7 seeds cannot tell better from worse", 1),
        (("run", "--until-settled", "--max-seeds", "8"), "", 0),
        (("run", "--optimizers", "sgd,adam", "-s", "step,rex", "--seeds", "5"), "5 seeds cannot tell", 2),
        (("tune", *SEARCH, "--seeds", "5"), "5 seeds cannot tell", 1),
        (("tune", *SEARCH, "--seeds", "6"), "", 0),
    ],
)
def test_a_verdict_that_cannot_come_is_said_before_training(
    words: tuple[str, ...], said: str, times: int, cli: Cli
) -> None:
    """By the dry run, in words and as JSON, and by the command itself before its first run."""
    for dry in (("--dry-run",), ("--dry-run", "--json")):
        planned = cli(*words, *FAKE, *dry)
        assert planned.exit_code == 0, planned.output
        assert planned.stdout.count("cannot tell better from worse") == times
        assert said in planned.stdout
    lines = cli(*words, *FAKE).stderr.splitlines()
    told = [i for i, line in enumerate(lines) if "cannot tell better from worse" in line]
    assert len(told) == times
    assert all(lines[i].startswith(f"Note: {said}") for i in told)
    first = next(i for i, line in enumerate(lines) if line.startswith("[1/"))
    assert not told or told[0] < first


def test_the_number_that_is_named_is_the_last_one(cli: Cli) -> None:
    """Whoever follows it: the next command tells what can be told, and names no other number."""
    few = cli("run", *FAKE, "-s", "constant,cosine,step,linear", "--seeds", "5").stdout
    (number,) = set(re.findall(r"n = 5 cannot reach 0.05 among 3 comparisons; (\d+) seeds can", few))
    enough = cli("run", *FAKE, "-s", "constant,cosine,step,linear", "--seeds", number)
    assert "cannot" not in enough.stderr
    assert "seeds can" not in enough.stdout
    assert enough.stdout.count(" is worse than constant by ") == 3


def test_what_no_pair_can_tell_is_said_once(cli: Cli, tmp_path: Path) -> None:
    fake_run(tmp_path / "r", seeds=3)
    lines = cli("summary", "r").stdout.splitlines()
    (once,) = [line for line in lines if "cannot reach" in line]
    assert once.startswith("  Nothing can be told yet: n = 3 cannot reach 0.05 among 5 comparisons; 10 seeds can")
    assert sum(line.startswith("  ") and " against constant: " in line for line in lines) == 5
    assert "p = 1.00" not in "".join(lines)
    assert "one comparison" not in cli("summary", "r", "--all-pairs").stdout


@pytest.mark.parametrize(
    "words", ["exponential(every=1 epoch, gamma=0.95, per=epoch)", "exponential( per=epoch,every=1 epoch )"]
)
def test_any_spelling_of_a_schedule_finds_it(cli: Cli, tmp_path: Path, words: str) -> None:
    fake_run(tmp_path / "r", schedulers="exponential(every=1 epoch, gamma=0.95, per=epoch),cosine,step", seeds=8)
    lines = cli("summary", "r", "--baseline", words).stdout.splitlines()
    assert any("than exponential(per=epoch, every=1 epoch)" in line for line in lines)
    assert cli("summary", "r", "--fail-if", f"{words}>cosine").exit_code == 4


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (["summary", "r", "--margin", "5"], "--margin 5 of a share", "--margin 0.05"),
        (["summary", "r", "--lower-is-better"], "is known of stored figures", "Leave it out"),
        (["run", "--engine", "fake", "-o", "r/one"], "is an experiment itself", "--out r --name one"),
        (["run", "-v", "-q"], "--quiet and --verbose do not go together", "Leave one"),
        (["summary", "huge.csv", "--metric", "reward"], "too large to compare", "header line"),
    ],
)
def test_what_would_be_ignored_or_mean_nothing_is_refused(
    cli: Cli, tmp_path: Path, words: list[str], problem: str, hint: str
) -> None:
    fake_run(tmp_path / "r", schedulers="step,cosine", name="one", seeds=2)
    (tmp_path / "huge.csv").write_text("scheduler,seed,reward\na,0,1e307\na,1,2\nb,0,-1e307\nb,1,3\n")
    result = cli(*words)
    assert result.exit_code == 2, result.output
    said = result.stderr.splitlines()
    assert problem in said[0]
    assert hint in said[1]
    assert result.stdout == ""


def test_a_variable_that_nobody_reads_is_an_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRBENCH_EPOCH", "3")
    result = cli("run", "-n")
    assert result.exit_code == 2
    assert "LRBENCH_EPOCH, which nobody reads" in result.stderr
    assert "LRBENCH_EPOCHS" in result.stderr


def two_problems(out: Path) -> None:
    fake_run(out, schedulers="constant,step", seeds=6, name="digits")
    fake_run(out, schedulers="constant,step", seeds=6, problem="line", name="line")
    fake_run(out, schedulers="constant,step", seeds=6, val_size=0, name="unvalidated")


def test_a_metric_that_only_some_experiments_have_is_asked_of_those(cli: Cli, tmp_path: Path) -> None:
    two_problems(tmp_path / "r")
    said = "line is left out: there is no final figure 'test_accuracy'."
    table = cli("summary", "r", "--metric", "test_accuracy")
    assert (table.exit_code, table.stderr) == (0, "")
    assert {line.split(":")[0] for line in table.stdout.splitlines() if ": " in line and "epochs, " in line} >= {
        "digits",
        "unvalidated",
    }
    assert f"Warning: {said}" in table.stdout.splitlines()
    records = json.loads(cli("summary", "r", "--metric", "test_accuracy", "--format", "json").stdout)
    assert [each["experiment"] for each in records] == ["digits", "unvalidated"]
    assert said in records[0]["warnings"]
    assert said not in records[1]["warnings"]
    for form in ("csv", "latex"):
        result = cli("summary", "r", "--metric", "test_accuracy", "--format", form)
        assert (result.exit_code, result.stderr) == (0, f"Warning: {said}\n")
    page = cli("report", "r", "--metric", "test_accuracy", "-o", "page.html")
    assert page.exit_code == 0
    assert "line is left out" in Path("page.html").read_text()
    path = lrbench.load(tmp_path / "r").report(tmp_path / "own.html", metric="test_accuracy")
    assert "line is left out" in path.read_text()


@pytest.mark.parametrize(
    ("words", "shown", "left"),
    [
        (["--metric", "val_loss"], ["digits", "line"], ["unvalidated is left out: val_loss was not measured"]),
        (["--metric", "test_mean_absolute_error"], ["line"], ["digits is left out", "unvalidated is left out"]),
        (["--margin", "5"], ["line"], ["digits is left out: margin=5 of a share", "unvalidated is left out"]),
        (["--target", "0.9"], ["digits", "line"], ["unvalidated is left out: unvalidated has no validation"]),
        (["--sort", "test_accuracy"], ["digits", "line", "unvalidated"], []),
    ],
)
def test_what_one_experiment_cannot_answer_keeps_no_other_from_it(
    cli: Cli, tmp_path: Path, words: list[str], shown: list[str], left: list[str]
) -> None:
    two_problems(tmp_path / "r")
    result = cli("summary", "r", *words, "--format", "json")
    assert result.exit_code == 0, result.output
    records = json.loads(result.stdout)
    assert [each["experiment"] for each in records] == shown
    warnings = " ".join(records[0]["warnings"])
    assert all(text in warnings for text in left)
    assert warnings.count("is left out") == len(left)


def test_what_no_experiment_can_answer_is_an_error(cli: Cli, tmp_path: Path) -> None:
    two_problems(tmp_path / "r")
    for words, problem in (
        (["--metric", "test_acuracy"], "no final figure 'test_acuracy'"),
        (["--baseline", "nosuch"], "no schedule 'nosuch'"),
        (["--sort", "nosuch"], "no column 'nosuch'"),
    ):
        result = cli("summary", "r", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert problem in result.stderr


def test_what_was_left_out_was_not_looked_at(cli: Cli, tmp_path: Path) -> None:
    two_problems(tmp_path / "r")
    cli("summary", "r", "--metric", "test_accuracy")
    looked = {path.parts[-3] for path in (tmp_path / "r").glob("*/history/*") if "look" in path.read_text()}
    assert looked == {"digits", "unvalidated"}
