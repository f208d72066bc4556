"""`lrbench run --until-settled` and the three designs, through the command line."""

import json
import re
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import processes
import pytest
from conftest import ROOT
from typer.testing import Result

Cli = Callable[..., Result]
WORDS = [
    "run",
    "--engine",
    "fake",
    "--schedulers",
    "constant,near=constant(lr=0.1001),cosine",
    "--epochs",
    4,
    "-q",
]
UNTIL = [*WORDS, "--until-settled", "--max-seeds", 12, "--margin", 0.001]


def folder(out: Path | str = "results") -> Path:
    (found,) = (path for path in Path(out).iterdir() if path.is_dir())
    return found


def comparisons(cli: Cli, out: Path | str = "results", *question: object) -> list[dict[str, Any]]:
    result = cli("summary", out, "--format", "json", *question)
    assert result.exit_code in (0, 3), result.output
    (record,) = json.loads(result.stdout)
    return list(record["comparisons"])


def verdicts(cli: Cli, out: Path | str = "results", *question: object) -> dict[str, str]:
    return {each["scheduler"]: each["verdict"] for each in comparisons(cli, out, *question)}


def runs(out: Path | str = "results") -> int:
    return len(list(folder(out).glob("runs/*/run.json")))


def noted(out: Path | str = "results") -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder(out).glob("history/*.json"))


def test_it_trains_until_every_verdict_is_settled(cli: Cli) -> None:
    result = cli(*UNTIL)
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert re.search(r"near is equivalent to constant: .* \(n = 5 of at most 12, p = \S+ at every look", text)
    assert re.search(r"cosine is worse than constant by \S+ ± \S+ points \(n = 8 of at most 12", text)
    assert "Until settled: 21 of 36 runs, which 12 seeds for all would be." in text
    assert runs() == 21
    assert noted() == ["declared", "looked"]
    again = cli(*UNTIL)
    assert again.stdout == result.stdout
    assert (runs(), noted()) == (21, ["declared", "looked"])


def test_progress_says_what_is_open(cli: Cli) -> None:
    words = [word for word in UNTIL if word != "-q"]
    said = cli(*words).stderr
    assert "at most 36 runs" in said
    assert "At most 12 seeds, with a look after every one from 5 on: 15 runs." in said
    assert re.search(r"After 5 of at most 12 seeds: 1 of 2 comparisons .* open: cosine \(p = \S+\): 2 runs", said)


def test_json_has_the_design(cli: Cli) -> None:
    cli(*UNTIL)
    near, cosine = sorted(comparisons(cli), key=lambda each: -each["mean_difference"])
    for each in (near, cosine):
        assert (each["design"], each["looks"], each["e_value"]) == ("sequential:12", [], None)
        assert each["p_anytime"] == each["p_value"] <= each["p_holm"]
        assert each["ci_low"] < each["mean_difference"] < each["ci_high"]
        assert each["seeds_needed"] is None, "of one look"
    cli(*WORDS, "--seeds", 14)
    (cosine,) = (each for each in comparisons(cli) if each["scheduler"] == "cosine")
    assert (cosine["design"], cosine["looks"], cosine["n"]) == ("open", [8], 14)
    assert 1 / cosine["e_value"] >= cosine["p_anytime"] * (1 - 1e-9)


def test_before_the_first_look_there_is_no_interval(cli: Cli) -> None:
    cli(*WORDS, "--until-settled", "--max-seeds", 3)
    for each in comparisons(cli):
        assert each["n"] == 3
        assert each["verdict"] == "cannot tell"


def test_seeds_that_are_added_after_a_look_make_it_open(cli: Cli) -> None:
    assert "at every look" not in cli(*WORDS, "--seeds", 6).stdout
    assert "at every look" not in cli("summary", "results").stdout, "the same look again"
    text = " ".join(cli(*WORDS, "--seeds", 9).stdout.split())
    assert "(n = 9, looked at before at n = 6, p = " in text
    assert "looked at before at n = 6, 9, p" in " ".join(cli(*WORDS, "--seeds", 10).stdout.split())


def test_seeds_that_nobody_looked_at_are_one_look(cli: Cli) -> None:
    cli(*WORDS, "-q", "--seeds", 6)
    assert noted() == ["declared"]
    assert "(n = 9, p = " in " ".join(cli(*WORDS, "--seeds", 9).stdout.split())


def test_the_number_cannot_be_raised_by_what_was_seen(cli: Cli) -> None:
    same = [word if word != WORDS[4] else "constant,again=constant" for word in WORDS]
    cli(*same, "--until-settled", "--max-seeds", 6)
    cli(*same, "--until-settled", "--max-seeds", 9)
    (again,) = comparisons(cli)
    assert (again["design"], again["looks"], again["n"]) == ("open", [6], 9)


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_verdicts_do_not_depend_on_jobs(cli: Cli, jobs: int) -> None:
    cli(*UNTIL, "--jobs", jobs)
    assert verdicts(cli, "results", "--margin", 0.001) == {"near": "equivalent", "cosine": "worse"}


def test_all_pairs(cli: Cli) -> None:
    result = cli(*UNTIL, "--all-pairs")
    assert result.exit_code == 0, result.output
    found = comparisons(cli, "results", "--all-pairs", "--margin", 0.001)
    assert len(found) == 3
    assert "cannot tell" not in {each["verdict"] for each in found}


def test_who_diverges_takes_no_more_than_five_seeds(cli: Cli) -> None:
    words = [word if word != WORDS[4] else "constant,cosine,hot=constant(lr=20)" for word in UNTIL]
    result = cli(*words)
    assert result.exit_code == 3
    assert "5 of 5 runs of hot did not finish (n = 0 of at most 12;" in " ".join(result.stdout.split())
    assert len(list(folder().glob("runs/hot-*"))) == 5


def test_several_experiments_are_settled_one_after_the_other(cli: Cli) -> None:
    result = cli(*UNTIL, "--optimizers", "sgd,adam")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("Until settled: ") == 2


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["--max-seeds", 5], "--max-seeds 5 is for --until-settled.", "--seeds 10"),
        (["--until-settled", "--seeds", 5], "do not go together", "--max-seeds 50"),
        (["--until-settled", "--max-seeds", 1], "does not lie between 2 and 1,000", "--max-seeds 50"),
        (["--until-settled", "--shard", "1/2"], "do not go together", "--executor ray"),
        (["--until-settled", "-s", "constant"], "compared with nothing", "--schedulers constant,cosine"),
        (["--until-settled", "--baseline", "nobody"], "There is no schedule 'nobody'", "Known: constant"),
        (["--until-settled", "--baseline", "nobody", "-n"], "There is no schedule 'nobody'", "Known: constant"),
        (["--until-settled", "--margin", 3], "--margin 3 of a share", "--margin 0.03"),
        (["--until-settled", "--print-config"], "do not go together", "Leave one of them out"),
        (["--until-settled", "--all-pairs", "--baseline", "step"], "two different questions", "Leave one"),
    ],
)
def test_what_does_not_go_together(cli: Cli, words: Sequence[object], said: str, hint: str) -> None:
    result = cli("run", "--engine", "fake", "--epochs", 2, *words)
    assert result.exit_code == 2
    problem, help_ = result.stderr.splitlines()
    assert said in problem
    assert hint in help_
    assert not Path("results").exists(), "before anything is trained"


def test_a_dry_run_says_that_fewer_may_do(cli: Cli) -> None:
    said = cli(*UNTIL, "--dry-run").stdout
    assert "To do: at most 36 runs" in said
    assert not Path("results").exists()
    record = json.loads(cli(*UNTIL[:-2], "--dry-run", "--json").stdout)
    assert (record["at_most"], record["to_do"]["runs"]) == (True, 36)


def test_what_was_trained_can_be_verified(cli: Cli) -> None:
    cli(*UNTIL)
    result = cli(*UNTIL, "--verify")
    assert result.exit_code == 0, result.output
    assert "same bytes" in result.stdout


def test_folders_with_other_seeds_are_merged_and_their_evidence_multiplies(cli: Cli) -> None:
    cli(*WORDS, "--seeds", "0,1,2,3,4,5", "-o", "one")
    cli(*WORDS, "--seeds", "10,11,12,13,14,15", "-o", "two")
    alone = {each["scheduler"]: each["design"] for each in comparisons(cli, "one")}
    assert set(alone.values()) == {"fixed"}
    assert cli("merge", "one", "two", "-o", "both").exit_code == 0
    one, two, both = (comparisons(cli, _opened(out)) for out in ("one", "two", "both"))
    for whole, first, second in zip(both, one, two, strict=True):
        assert whole["design"] == "open"
        assert whole["e_value"] == pytest.approx(first["e_value"] * second["e_value"], rel=1e-6)
        assert whole["p_anytime"] == pytest.approx(min(1, 1 / whole["e_value"]))
    assert cli("merge", "two", "one", "-o", "again").exit_code == 0
    assert comparisons(cli, "again") == both


def _opened(out: str) -> Path:
    """The same runs, as if something of the history had been lost: so that each folder tells its e-value."""
    copy = Path(f"{out}-open")
    shutil.copytree(out, copy)
    if out != "both":
        aside = folder(copy) / "quarantine"
        aside.mkdir()
        (aside / "looked-000000000000-1.json").write_text("{")
    return copy


def test_shards_of_one_plan_are_one_look(cli: Cli) -> None:
    for number in (1, 2):
        assert cli(*WORDS, "--seeds", 6, "--shard", f"{number}/2", "-o", f"part-{number}").exit_code == 0
    cli("merge", "part-1", "part-2", "-o", "whole")
    assert {each["design"] for each in comparisons(cli, "whole")} == {"fixed"}


def test_a_gate_holds_by_the_design(cli: Cli) -> None:
    cli(*WORDS, "--until-settled", "--max-seeds", 20)
    assert cli("summary", "results", "--fail-if", "cosine<constant").exit_code == 4
    held = cli("summary", "results", "--fail-if", "cosine<constant").stderr
    assert "at every look" in held
    assert cli("summary", "results", "--fail-if", "cosine>constant").exit_code == 0
    shutil.rmtree("results")
    cli(*WORDS, "--until-settled", "--max-seeds", 3)
    assert cli("summary", "results", "--fail-if", "cosine<constant").exit_code == 5


TABLE = "scheduler,seed,score\n" + "".join(
    f"{name},{seed},{(seed * 7 % 5) / 10 + by * (1 + seed % 3 / 10)}\n"
    for name, by in (("a", 1.0), ("b", 0.0))
    for seed in range(12)
)


@pytest.mark.parametrize("design", ["fixed", "sequential:12", "sequential:50", "open"])
def test_a_table_states_its_design(cli: Cli, design: str) -> None:
    Path("my.csv").write_text(TABLE)
    (found,) = comparisons(cli, "my.csv", "--metric", "score", "--baseline", "b", "--design", design)
    assert (found["design"], found["verdict"]) == (design, "better")
    assert (found["p_anytime"] is None) == (design == "fixed")
    assert (found["e_value"] is None) == (design != "open")
    words = ["summary", "my.csv", "--metric", "score", "--baseline", "b", "--design", design]
    assert cli(*words, "--fail-if", "b<a").exit_code == 4
    for form in ("csv", "markdown", "latex", "table"):
        assert cli(*words, "--format", form).exit_code == 0
    markdown = cli(*words, "--format", "markdown").stdout
    assert ("exact sign-flip tests" in markdown) == (design == "fixed")


@pytest.mark.parametrize("design", ["sequential", "sequential:1", "sequential:x", "Open", "", "sequential:4"])
def test_a_design_that_is_none(cli: Cli, design: str) -> None:
    Path("my.csv").write_text(TABLE)
    result = cli("summary", "my.csv", "--metric", "score", "--design", design)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def test_the_design_of_stored_runs_is_not_asked(cli: Cli) -> None:
    cli(*UNTIL)
    assert cli("summary", "results", "--design", "fixed").exit_code == 2


def test_pictures_show_the_looks(cli: Cli, unrendered: None) -> None:
    cli(*UNTIL)
    assert "looks.png" in cli("plot", "results", "--margin", 0.001).stdout
    assert cli("report", "results").exit_code == 0


@pytest.mark.parametrize("name", ["schema-1", "schema-2"])
def test_what_earlier_versions_stored_gets_no_history(cli: Cli, name: str) -> None:
    shutil.copytree(ROOT / "tests" / "data" / name, "old")
    before = {path: path.read_bytes() for path in Path("old").rglob("*") if path.is_file()}
    assert cli("summary", "old").exit_code == 0
    assert {path: path.read_bytes() for path in Path("old").rglob("*") if path.is_file()} == before


def test_the_reference_is_only_read(cli: Cli, unrendered: None) -> None:
    reference = ROOT / "results" / "reference"
    before = sorted(path for path in reference.rglob("*") if ".locks" not in path.parts)
    assert "at every look" not in cli("summary", reference).stdout
    assert cli("plot", reference, "--out", "pictures").exit_code == 0
    assert cli("report", reference, "-o", "page.html").exit_code == 0
    assert sorted(path for path in reference.rglob("*") if ".locks" not in path.parts) == before


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
@pytest.mark.parametrize("jobs", [2, 7])
def test_killed_and_started_again_it_ends_with_the_same_bytes(
    cli: Cli, tmp_path: Path, how: signal.Signals, jobs: int
) -> None:
    words = [str(word if word != 4 else 150) for word in UNTIL] + ["--jobs", str(jobs)]
    assert cli(*words, "-o", "whole").exit_code == 0
    for kill in range(1, 5):
        process = started(words, tmp_path)
        enough = time.monotonic() + 20
        while process.poll() is None and runs_so_far(tmp_path) < 5 * kill and time.monotonic() < enough:
            time.sleep(0.005)
        process.send_signal(how)
        process.communicate()
    assert cli(*words, "-o", "results").exit_code == 0
    for table in ("epochs.csv", "summary.csv"):
        assert (folder("results") / table).read_bytes() == (folder("whole") / table).read_bytes()
    assert comparisons(cli, "results") == comparisons(cli, "whole")


@pytest.mark.slow
def test_two_commands_share_the_work(cli: Cli, tmp_path: Path) -> None:
    words = [str(word if word != 4 else 150) for word in UNTIL] + ["--jobs", "2"]
    assert cli(*words, "-o", "whole").exit_code == 0
    both = [started(words, tmp_path) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert (folder("results") / "epochs.csv").read_bytes() == (folder("whole") / "epochs.csv").read_bytes()
    assert noted() == ["declared", "looked"]


def started(words: Sequence[str], cwd: Path) -> processes.Started:
    return processes.start(*words, cwd=cwd)


def runs_so_far(cwd: Path) -> int:
    return len(list(cwd.glob("results/*/runs/*/run.json")))


@pytest.mark.parametrize("words", [["--baseline", "nope"], ["--margin", "3"], ["--margin", "-1"]])
def test_a_question_that_no_run_could_answer_is_refused_before_any_is_trained(cli: Cli, words: list[str]) -> None:
    result = cli("run", "--engine", "fake", "--epochs", "2", *words)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert not Path("results").exists()


def test_tidying_up_does_not_forget_that_one_looked(cli: Cli) -> None:
    run = ("run", "--engine", "fake", "--epochs", "2", "-s", "constant,step", "--name", "one", "-qq")
    cli(*run, "--seeds", "8")
    cli("summary", "results/one")
    (note,) = Path("results/one/history").glob("looked-*.json")
    note.write_text("{")
    cli("doctor", "results/one", "--repair")
    cli(*run, "--seeds", "12")
    cli("clean", "results", "--yes")
    (record,) = json.loads(cli("summary", "results/one", "--format", "json").stdout)
    assert [each["design"] for each in record["comparisons"]] == ["open"]


def test_a_search_that_is_settled_misses_nothing(cli: Cli) -> None:
    words = ("tune", "--engine", "fake", "--epochs", "2", "-s", "constant,cosine", "--lrs", "0.03,0.1", "-qq")
    cli(*words, "--until-settled", "--max-seeds", "20", "--max-extend", "0")
    (record,) = json.loads(cli("status", "results", "--json").stdout)
    assert record["searches"][0]["missing"] == 0
    assert not record["missing"]
    assert 2 * 5 <= sum("-s1000" not in name for name in record["done"]) < 2 * 20


def test_a_share_of_a_search_stays_what_it_is(cli: Cli) -> None:
    words = ("tune", "--engine", "fake", "--epochs", "2", "-s", "constant,cosine", "--shard", "1/2", "-qq")
    cli(*words)
    before = {path.parent.name for path in Path("results").glob("*/runs/*/run.json")}
    cli(*words)
    assert {path.parent.name for path in Path("results").glob("*/runs/*/run.json")} == before
    assert len(before) == 7 * 3


def test_a_folder_that_notes_nothing_counts_as_looked_at_when_it_is_merged(cli: Cli) -> None:
    run = ("run", "--engine", "fake", "--epochs", "2", "-s", "constant,step", "--name", "one", "-qq")
    cli(*run, "--seeds", "8", "-o", "old")
    shutil.rmtree("old/one/history")
    cli(*run, "--seeds", "12", "--shard", "1/1", "-o", "new")
    assert cli("merge", "old", "new", "-o", "whole").exit_code == 0
    (record,) = json.loads(cli("summary", "whole/one", "--format", "json").stdout)
    assert [(each["design"], each["looks"]) for each in record["comparisons"]] == [("open", [8])]
