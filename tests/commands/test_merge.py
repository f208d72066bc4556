"""Shares, `merge` and `status` as they are typed: the same bytes as one command, and no source is changed."""

import itertools
import json
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import processes
import pytest
from clusters import until
from typer.testing import Result

from lrbench.folders import Tree
from lrbench.store import adding, load

Cli = Callable[..., Result]
WORDS = ("--engine", "fake", "--epochs", "3", "-s", "step,cosine", "--seeds", "3", "--name", "one")
RUN = ("run", *WORDS)
TUNE = ("tune", *WORDS)
TABLES = ("epochs.csv", "summary.csv")


def contents(*folders: Path) -> dict[str, bytes]:
    """Every file, but for those that say who is at work."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".locks" not in path.parts
    }


def tables(folder: Path) -> list[bytes]:
    return [(folder / "one" / name).read_bytes() for name in TABLES]


def good(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


def shares(cli: Cli, of: int, words: Iterable[object] = RUN) -> list[str]:
    parts = [f"part-{number}" for number in range(1, of + 1)]
    for number, part in enumerate(parts, 1):
        good(cli(*words, "--shard", f"{number}/{of}", "-o", part, "-qq"))
    return parts


@pytest.fixture
def whole(cli: Cli, tmp_path: Path) -> list[bytes]:
    """The tables that one command leaves."""
    good(cli(*RUN, "-o", "by-one", "-qq"))
    return tables(tmp_path / "by-one")


def test_shares_come_to_the_bytes_of_one_command(cli: Cli, tmp_path: Path, whole: list[bytes]) -> None:
    parts = shares(cli, 4)
    before = contents(*(tmp_path / part for part in parts))
    done = good(cli("merge", *parts, "-o", "whole"))
    assert done.stdout.startswith(
        "whole/one: 2 runs from part-1/one; 2 runs from part-2/one; 1 run from part-3/one"
    )
    assert done.stderr.splitlines() == [
        "Stored in whole/one",
        "Next: lrbench status whole; when nothing is missing: lrbench plot whole",
    ]
    assert tables(tmp_path / "whole") == whole
    assert contents(*(tmp_path / part for part in parts)) == before
    again = good(cli("merge", *reversed(parts), "-o", "whole"))
    assert "whole/one: 6 runs there already; 0 runs from part-1/one" in again.stdout
    assert tables(tmp_path / "whole") == whole


def test_a_share_says_how_much_it_is_and_where_the_others_come_in(cli: Cli, tmp_path: Path) -> None:
    said = good(cli(*RUN, "--shard", "2/4", "-o", "a b", "--log-file", "run.log"))
    assert "2 schedules × 3 seeds = 6 runs of 3 epochs" in said.stderr
    assert "Of these, 2 for this shard." in said.stderr
    assert "[2/2] " in said.stderr
    assert "Next, when all shards are done: lrbench merge 'a b' … -o whole" in said.stderr
    assert said.stdout.splitlines()[0] == "a b/one: 2 of 6 runs done, 4 missing"
    assert "Of these, 2 for this shard." in (tmp_path / "run.log").read_text()
    (line,) = (tmp_path / "a b" / "one" / "log.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["words"][-6:-4], entry["trained"], entry["seeds"]) == (["--shard", "2/4"], 2, [0, 1, 2])
    again = good(cli(*RUN, "--shard", "2/4", "-o", "a b"))
    assert "All 2 runs are done already" in again.stderr
    dry = good(cli(*RUN, "--shard", "2/4", "-o", "a b", "--dry-run"))
    assert "Of these, 2 for this shard." in dry.stdout


def test_a_share_of_nothing_can_be_merged_too(cli: Cli, tmp_path: Path, whole: list[bytes]) -> None:
    said = good(cli(*RUN, "--shard", "8/8", "-o", "part-8"))
    assert "There are more shards than runs: nothing to train." in said.stderr
    assert said.stdout.startswith("part-8/one: 0 of 6 runs done, 6 missing")
    good(cli("merge", *shares(cli, 8), "-o", "whole"))
    assert tables(tmp_path / "whole") == whole


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True], ids=["a folder each", "one folder"])
def test_the_tasks_of_a_job_array(cli: Cli, tmp_path: Path, whole: list[bytes], shared: bool) -> None:
    """Four processes at once, with Slurm's variables of --array=2-8:2."""
    tasks = [
        processes.start(
            *(*RUN, "--shard", "auto", "-qq", "-o", "whole" if shared else f"part-{task}"),
            cwd=tmp_path,
            LRBENCH_FAKE_SECONDS="0.1",
            SLURM_ARRAY_TASK_ID=str(task),
            SLURM_ARRAY_TASK_COUNT="4",
            SLURM_ARRAY_TASK_MIN="2",
            SLURM_ARRAY_TASK_STEP="2",
        )
        for task in (2, 4, 6, 8)
    ]
    for task in tasks:
        _, said = task.communicate(timeout=120)
        assert task.returncode == 0, said
    if not shared:
        parts = [f"part-{task}" for task in (2, 4, 6, 8)]
        done = [len(load(tmp_path / part / "one").finished) for part in parts]
        assert done == [2, 2, 1, 1], "each did its own share"
        good(cli("merge", *parts, "-o", "whole"))
    assert tables(tmp_path / "whole") == whole
    assert len((tmp_path / "whole" / "one" / "log.jsonl").read_text().splitlines()) == 4


def test_auto_outside_of_slurm_says_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    said = cli(*RUN, "--shard", "auto")
    assert said.exit_code == 2
    assert "there is no SLURM_ARRAY_TASK_ID" in said.stderr
    assert said.stderr.endswith("Name the share itself: --shard 2/8\n")


@pytest.mark.slow
def test_a_search_in_rounds_of_shares_comes_to_what_one_command_finds(cli: Cli, tmp_path: Path) -> None:
    good(cli(*TUNE, "-o", "by-one", "-qq"))
    notes = []
    for rounds in itertools.count(1):
        for number in (1, 2):
            part = f"part-{number}"
            said = good(cli(*TUNE, "--shard", f"{number}/2", "-o", part))
            notes += [line for line in said.stderr.splitlines() if line.startswith("Note: The other shards have")]
        good(cli("merge", "part-1", "part-2", "-o", "whole"))
        for number in (1, 2):
            good(cli("merge", "whole", "-o", f"part-{number}"))
        if "all is tried and compared" in good(cli("status", "whole")).stdout:
            break
        assert rounds < 10
    assert tables(tmp_path / "whole") == tables(tmp_path / "by-one")
    assert rounds >= 3, "the grid, what lies around the best, the comparison"
    assert notes[0].startswith("Note: The other shards have 21 of 42 runs of this stage")
    said = good(cli(*TUNE, "--shard", "1/2", "-o", "part-1"))
    assert "Note:" not in said.stderr, "nothing is left to anybody"
    good(cli(*TUNE, "-o", "whole", "-qq"))
    assert tables(tmp_path / "whole") == tables(tmp_path / "by-one")


def test_status_says_where_a_search_stands(cli: Cli) -> None:
    good(cli(*TUNE, "--shard", "1/2", "-o", "part", "-qq"))
    said = good(cli("status", "part")).stdout.splitlines()
    assert said[0] == "part/one: 21 of 21 runs done"
    assert said[1] == "  search    step, cosine: the same rates for all, 21 runs missing"


def test_status_as_text_and_as_json(cli: Cli, tmp_path: Path) -> None:
    shares(cli, 3)
    before = contents(tmp_path)
    shown = good(cli("status", "part-1")).stdout.splitlines()
    (record,) = json.loads(good(cli("status", "part-1", "--json")).stdout)
    assert shown[0] == "part-1/one: 2 of 6 runs done, 4 missing"
    assert [line.split() for line in shown[1:]] == [["missing", name] for name in record["missing"]]
    assert set(record) == {
        *("experiment", "done", "diverged", "failed", "running", "begun", "missing", "searches"),
    }
    assert sorted(record["done"]) == sorted(
        path.parent.name for path in tmp_path.glob("part-1/one/runs/*/run.json")
    )
    assert contents(tmp_path) == before


def test_status_names_a_few_of_many(cli: Cli) -> None:
    good(cli("run", *WORDS[:-4], "--seeds", "50", "--shard", "1/10", "-o", "part", "-qq"))
    shown = good(cli("status", "part")).stdout.splitlines()
    assert shown[0].endswith("10 of 100 runs done, 90 missing")
    assert (len(shown), shown[-1]) == (12, "  missing   and 80 more")


@pytest.mark.slow
def test_status_while_somebody_trains_and_after_a_kill(cli: Cli, tmp_path: Path, whole: list[bytes]) -> None:
    words = [*RUN, "-o", "live", "-qq", "-j", "1", "--checkpoint-every", "1"]
    process = processes.start(*words, cwd=tmp_path, LRBENCH_FAKE_SECONDS="0.8")
    try:
        until(lambda: len(list(tmp_path.glob("live/one/runs/*/run.json"))) == 1)
        until(lambda: list(tmp_path.glob("live/one/runs/*/checkpoint.npz")))
        assert "1 of 6 runs done, 1 running, 4 missing" in good(cli("status", "live")).stdout
        good(cli("merge", "live", "-o", "whole"))
        assert len(load(tmp_path / "whole" / "one").finished) >= 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    shown = good(cli("status", "live")).stdout
    assert "1 begun" in shown
    assert "running" not in shown
    good(cli(*RUN, "-o", "live", "-qq"))
    good(cli("merge", "live", "-o", "whole"))
    assert tables(tmp_path / "whole") == whole
    assert cli("status", "whole").stdout == "whole/one: 6 of 6 runs done\n"


def test_status_of_what_failed_has_its_exit_code(cli: Cli, tmp_path: Path) -> None:
    from conftest import ROOT

    shutil.copytree(ROOT / "tests" / "data" / "schema-1", tmp_path / "old")
    shown = cli("status", "old")
    assert shown.exit_code == 3
    assert "old/ends: 21 of 27 runs done, 3 diverged, 3 failed" in shown.stdout
    assert "  failed    breaks-s0-877b5a30" in shown.stdout


def test_a_dry_run_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    parts = shares(cli, 2)
    before = contents(tmp_path)
    said = good(cli("merge", *parts, "-o", "whole", "--dry-run"))
    assert said.stdout == "whole/one: 3 runs from part-1/one; 3 runs from part-2/one\n"
    assert said.stderr == ""
    assert contents(tmp_path) == before
    assert not (tmp_path / "whole").exists()


def test_what_was_added_as_json(cli: Cli) -> None:
    parts = shares(cli, 2)
    said = good(cli("merge", *parts, "-o", "whole", "--json"))
    assert said.stderr == ""
    assert json.loads(said.stdout) == [
        {
            "experiment": "whole/one",
            "stored": 0,
            "added": {"part-1/one": 3, "part-2/one": 3},
            "warnings": [],
        }
    ]


def test_what_cannot_be_merged_is_said_in_two_lines(cli: Cli, tmp_path: Path) -> None:
    good(cli(*RUN, "-o", "a", "-qq"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    before = contents(tmp_path)
    for words, problem, hint in [
        (["a", "nowhere", "-o", "w"], "There is no folder nowhere.", "Make one with: lrbench run -o nowhere"),
        (["a", "empty", "-o", "w"], "empty holds no results.", "Make one with: lrbench run -o empty"),
        (["a", "file", "-o", "w"], "file is a file, not a results folder.", "Name the folder that holds it."),
        (["a", "-o", "file"], "file is a file, not a results folder.", "Choose another folder: --out PATH"),
        (
            ["a", "-o", "a/one"],
            "a/one is an experiment itself, and not in a folder of experiments.",
            "Write --out a",
        ),
        (
            ["a", "-o", "a/one/runs"],
            "a/one/runs lies in the experiment a/one, and not in a folder of experiments.",
            "Write --out a",
        ),
        (["a"], "Missing option '--out' / '-o'.", "See: lrbench merge --help"),
        (["-o", "w"], "Missing argument 'RESULTS...'.", "See: lrbench merge --help"),
    ]:
        said = cli("merge", *words)
        assert said.exit_code == 2
        assert said.stderr.splitlines() == [f"Error: {problem}", f"  {hint}"]
        assert contents(tmp_path) == before
    assert not (tmp_path / "w").exists()


def test_a_target_may_be_one_of_the_sources_and_a_source_stand_twice(
    cli: Cli, tmp_path: Path, whole: list[bytes]
) -> None:
    a, b = shares(cli, 2)
    before = contents(tmp_path / b)
    said = good(cli("merge", a, b, b, "-o", a))
    assert said.stdout == "part-1/one: 3 runs there already; 0 runs from part-1/one; 3 runs from part-2/one\n"
    assert tables(tmp_path / a) == whole
    assert contents(tmp_path / b) == before


def test_damage_is_left_out_and_told(cli: Cli, tmp_path: Path, whole: list[bytes]) -> None:
    parts = shares(cli, 2)
    good(cli("merge", *parts, "-o", "spare", "-n"))
    shutil.copytree(tmp_path / "part-1", tmp_path / "spare")
    next(tmp_path.glob("part-1/one/runs/step-s0-*/run.json")).write_text("{")
    next(tmp_path.glob("part-1/one/history/*.json")).write_text("{")
    before = contents(tmp_path / "part-1")
    said = cli("merge", *parts, "-o", "whole")
    assert said.exit_code == 3
    assert said.stderr.count("Error: Damaged, and left out: part-1/one/") == 2
    assert "history/declared-" in said.stderr
    assert contents(tmp_path / "part-1") == before
    assert "whole/one: 5 of 6 runs done, 1 missing" in good(cli("status", "whole")).stdout
    good(cli("merge", "spare", "-o", "whole"))
    assert tables(tmp_path / "whole") == whole


def test_damage_in_the_target_gives_way_and_is_kept(cli: Cli, tmp_path: Path, whole: list[bytes]) -> None:
    shutil.copytree(tmp_path / "by-one", tmp_path / "whole")
    run = next(tmp_path.glob("whole/one/runs/step-s0-*/run.json"))
    note = next(tmp_path.glob("whole/one/history/*.json"))
    run.write_text("{run")
    note.write_text("{note")
    said = good(cli("merge", "by-one", "-o", "whole"))
    assert said.stdout == "whole/one: 5 runs there already; 1 run from by-one/one\n"
    assert tables(tmp_path / "whole") == whole
    kept = [path.read_text() for path in (tmp_path / "whole" / "one" / "quarantine").rglob("*.json")]
    assert sorted(kept) == ["{note", "{run"]
    good(cli("doctor", "whole"))


def test_a_run_without_its_source_is_an_error_and_the_rest_can_follow(
    cli: Cli, tmp_path: Path, whole: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody moves a run away between the look and the copy."""
    gone = next((tmp_path / "by-one" / "one" / "runs").glob("step-s1-*"))

    def vanish(*given: object) -> None:
        gone.rename(tmp_path / "gone")
        monkeypatch.undo()
        adding.add(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("lrbench.merging.add", vanish)
    monkeypatch.chdir(tmp_path)
    said = cli("merge", tmp_path / "by-one", "-o", tmp_path / "whole")
    assert said.exit_code == 2
    assert len(said.stderr.splitlines()) == 2
    (tmp_path / "gone").rename(gone)
    good(cli("merge", tmp_path / "by-one", "-o", tmp_path / "whole"))
    assert tables(tmp_path / "whole") == whole


class Killed(BaseException):
    """As if the process were gone: nothing catches it."""


@pytest.mark.parametrize("after", [0, 1, 2, 3, 8, 13, 14, 15])
def test_a_merge_that_dies_anywhere_goes_on(
    cli: Cli, tmp_path: Path, whole: list[bytes], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    parts = shares(cli, 2)
    before = contents(*(tmp_path / part for part in parts))
    left = itertools.count(after, -1)
    write = Tree.write

    def dies(tree: Tree, path: Path, content: bytes) -> None:
        if next(left) <= 0:
            (path.parent / ".tmp-half").write_bytes(content[:5])
            raise Killed
        write(tree, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(Tree, "write", dies)
        with pytest.raises(Killed):
            cli("merge", *parts, "-o", "whole")
    good(cli("merge", *parts, "-o", "whole"))
    assert tables(tmp_path / "whole") == whole
    assert not list((tmp_path / "whole").rglob(".tmp-*"))
    assert contents(*(tmp_path / part for part in parts)) == before
    good(cli("doctor", "whole"))


@pytest.mark.slow
def test_a_merge_that_is_really_killed_goes_on(cli: Cli, tmp_path: Path) -> None:
    words = ("run", *WORDS[:-4], "--seeds", "30", "--name", "one")
    good(cli(*words, "-o", "by-one", "-qq"))
    parts = shares(cli, 2, words)
    before = contents(*(tmp_path / part for part in parts))
    for many in (1, 20):
        process = processes.start("merge", *parts, "-o", "whole", cwd=tmp_path)
        until(lambda many=many: len(list(tmp_path.glob("whole/one/runs/*/run.json"))) >= many)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    said = good(cli("merge", *parts, "-o", "whole"))
    there = int(said.stdout.partition(": ")[2].split()[0])
    assert 20 <= there <= 60
    assert tables(tmp_path / "whole") == tables(tmp_path / "by-one")
    assert contents(*(tmp_path / part for part in parts)) == before
    assert "60 of 60 runs done" in good(cli("status", "whole")).stdout
    good(cli("doctor", "whole"))
