"""Notes that somebody sealed anew: whatever `doctor` calls good, every command can use, and soon."""

import json
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz
import pytest
from typer.testing import CliRunner, Result

from lrbench.cli import app
from lrbench.files import Damaged, read_json
from lrbench.store import load
from lrbench.store.notes import check_note
from lrbench.store.read import read_setting
from lrbench.store.schema import SEAL, sealed

Cli = Callable[..., Result]
COMMANDS = [
    ("summary", "results"),
    ("status", "results", "--json"),
    ("report", "results", "-o", "page.html"),
    ("merge", "results", "-o", "merged"),
    ("export", "results", "--to", "json", "--out", "out"),
]
SECONDS = 20  # of processor time for any command; they take a tenth of one


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with notes of every kind, each of them in use."""
    results = tmp_path_factory.mktemp("tuned") / "results"
    base = ("--engine", "fake", "--epochs", "2", "--name", "one", "-o", results, "-qq")
    search = ("--lrs", "0.1,0.5", "--tune-seeds", "2", "--refine", "2", "--max-extend", "1", "--seeds", "2")
    for words in (("run", "-s", "mine=step,rex", "--seeds", "2"), ("tune", "-s", "step,cosine", *search)):
        done = run(*words, *base)
        assert done.exit_code == 0, done.output
    assert run("summary", results).exit_code == 0
    return results


def reseal(path: Path, harm: Callable[[dict[str, Any]], None]) -> None:
    record = {key: value for key, value in read_json(path).items() if key not in ("schema_version", SEAL)}
    harm(record)
    path.write_text(json.dumps(sealed(record)))


def of_search(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["search"].update(values)


def of_plan(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["declared"].update(values)


ARM = '{"schedule":{"lr":0.1,"name":"x","parameters":{}}}'
HOSTILE: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "another figure": ("search-*", of_search(figure="val_f1")),
    "a figure of training": ("search-*", of_search(figure="train_loss")),
    "no column": ("search-*", of_search(figure="lr")),
    "another direction": ("search-*", of_search(lower_is_better=True)),
    "no share": ("search-*", of_search(is_share=False)),
    "falling rates": ("search-*", of_search(rates=[1.0, 0.1])),
    "one rate twice": ("search-*", of_search(rates=[0.1, 0.1])),
    "no rate": ("search-*", of_search(rates=[0.0, 0.1])),
    "very many rates": ("search-*", of_search(rates=[i / 1e6 for i in range(1, 200_000)])),
    "very much refined": ("search-*", of_search(refine=2**40)),
    "an odd refinement": ("search-*", of_search(refine=3)),
    "very far extended": ("search-*", of_search(max_extend=2**40)),
    "very many seeds": ("search-*", of_search(seeds=list(range(200_000)))),
    "seeds that tune and report": ("search-*", of_search(seeds=[1_000_000])),
    "no seeds": ("search-*", of_search(tune_seeds=[])),
    "an endless rate": ("search-*", of_search(same_rate=1e300)),
    "no contenders": ("search-*", of_search(contenders=[])),
    "one contender twice": (
        "search-*",
        lambda record: record["search"]["contenders"].append(record["search"]["contenders"][0]),
    ),
    "200,000 seeds": ("history/declared-*", of_plan(seeds=list(range(200_000)))),
    "too many to settle": ("history/declared-*", of_plan(seeds=list(range(5_000)), until_settled=True)),
    "one seed to settle": ("history/declared-*", of_plan(seeds=[0], until_settled=True)),
    "a million runs": (
        "history/declared-*",
        of_plan(
            seeds=list(range(10_000)),
            arms=[{"label": "x", "identity": ARM.replace("0.1", str(i))} for i in range(1, 200)],
        ),
    ),
    "a seed twice": ("history/declared-*", of_plan(seeds=[0, 0])),
    "an endless seed": ("history/declared-*", of_plan(seeds=[2**40])),
    "an arm that is a list": ("history/declared-*", of_plan(arms=[{"label": "x", "identity": "[]"}])),
    "an arm that is no JSON": ("history/declared-*", of_plan(arms=[{"label": "x", "identity": "{"}])),
    "an arm that is deep": ("history/declared-*", of_plan(arms=[{"label": "x", "identity": "[" * 90_000}])),
    "an arm with a setting": (
        "history/declared-*",
        of_plan(arms=[{"label": "x", "identity": ARM[:-1] + ',"setting":{}}'}]),
    ),
    "an arm in another hand": ("history/declared-*", of_plan(arms=[{"label": "x", "identity": ARM + " "}])),
    "a time that is none": ("history/declared-*", lambda record: record.update(time="~")),
    "a time without a zone": ("history/declared-*", lambda record: record.update(time="2026-01-01T00:00:00")),
    "both at once": ("history/declared-*", lambda record: record.update(looked={"seeds": []})),
    "a look at nothing known": ("history/looked-*", lambda record: record.update(looked={"seeds": [["x", [0]]]})),
    "a look at a seed twice": (
        "history/looked-*",
        lambda record: record.update(looked={"seeds": [[ARM, [0, 0]]]}),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_note_is_damage(tmp_path: Path, tuned: Path, name: str) -> None:
    pattern, harm = HOSTILE[name]
    stored = next((tuned / "one").glob(f"{pattern}.json"))
    setting = read_setting(tuned / "one" / "experiment.json")
    note = tmp_path / stored.relative_to(tuned / "one")
    note.parent.mkdir(exist_ok=True)
    shutil.copy(stored, note)
    check_note(note, setting)
    reseal(note, harm)
    with pytest.raises(Damaged, match=re.escape(str(note))):
        check_note(note, setting)


@pytest.mark.slow
def test_all_of_them_are_told_are_not_merged_and_go_away(cli: Cli, tmp_path: Path, tuned: Path) -> None:
    folder = tmp_path / "results" / "one"
    shutil.copytree(tuned, tmp_path / "results")
    hostile = []
    for number, (pattern, harm) in enumerate(HOSTILE.values()):
        stored = next((tuned / "one").glob(f"{pattern}.json"))
        hostile.append((folder / stored.relative_to(tuned / "one")).with_stem(f"{stored.stem}{number}"))
        shutil.copy(stored, hostile[-1])
        reseal(hostile[-1], harm)
    begun = time.process_time()
    assert len(load(folder).damage) == len(hostile)
    for words in COMMANDS:
        assert cli(*words).exit_code == 3
    assert not [note for note in hostile if (tmp_path / "merged" / "one" / note.relative_to(folder)).exists()]
    assert cli("doctor", "results", "--repair", "--yes").exit_code == 0
    assert not load(folder).damage
    assert cli("status", "results").exit_code == 0
    assert time.process_time() - begun < SECONDS


@pytest.mark.slow
def test_what_doctor_calls_good_every_command_can_use(tmp_path: Path, tuned: Path) -> None:
    """Values at any depth of any note, replaced by strange ones and sealed anew."""
    good = 0
    for number in range(12):
        rng = random.Random(f"notes {number}")
        root = tmp_path / str(number)
        shutil.copytree(tuned, root / "results")
        with fuzz.inside(root):
            kinds = ("search-*.json", "history/declared-*.json", "history/looked-*.json", "labels.json")
            path = rng.choice(sorted(Path("results/one").glob(kinds[number % len(kinds)])))
            path.write_bytes(fuzz.other_value(rng, path.read_bytes()))
            if run("doctor", "results").exit_code == 0:
                good += 1
                words = COMMANDS[number % len(COMMANDS)]
                result = run(*words)
                assert result.exit_code == 0, f"{path}: {words}: {result.output}"
            else:
                assert load(Path("results/one")).damage
    assert 0 < good < 12, "some are good and some are not"
