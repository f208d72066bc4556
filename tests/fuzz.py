"""`make fuzz`: stored files, configurations and tables are damaged in every way, and every command meets them.

Each round damages a few files of a whole results folder. Whatever a command finds, it ends well or in an error of
two lines, and touches nothing outside; after `run` and `doctor --repair` all is well again.
"""

import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from lrbench.cli import app
from lrbench.config import load_config
from lrbench.errors import BadResults
from lrbench.runner import Listener, conduct
from lrbench.runs import Row, Run
from lrbench.store import load
from lrbench.store.schema import sealed
from lrbench.store.searches import write_search
from lrbench.studies.tuning import Wanted, plan_search

COMPARISON = {"engine": "fake", "epochs": 3, "seeds": 2, "train_size": 640, "name": "one", "jobs": 1}
SCHEDULERS = "slow=cosine(lr=0.01),plateau"
RUN = ["run", "-q", "-c", "whole.toml"]
NUMBERS = [
    "-1",
    "0",
    "1e999",
    "-1e999",
    "1e308",
    "NaN",
    "1" * 400,
    str(2**63),
    "0.5",
    "1e-320",
    "true",
    '"1"',
    "null",
]
KINDS = [
    "one/experiment.json",
    "one/labels.json",
    "one/history/*.json",
    "one/search-*.json",
    "one/epochs.csv",
    "one/summary.csv",
    "one/runs/*/run.json",
    "one/runs/*/epochs.csv",
    "one/runs/*/checkpoint.npz",
    "one/history/*.json",
]
READING = [  # with the exit codes that each may have
    (["summary", "results"], {0, 2, 3}),
    (["summary", "results/one", "--format", "json", "--all-pairs"], {0, 2, 3}),
    (["summary", "results", "--fail-if", "slow<plateau"], {0, 2, 3, 4, 5}),
    (["report", "results", "-o", "out/page.html"], {0, 2, 3}),
    (["export", "results", "--to", "json", "--out", "out/json"], {0, 2, 3}),
    (["doctor", "results"], {0, 2, 3}),
    (["status", "results"], {0, 2, 3}),
    (["status", "results", "--json"], {0, 2, 3}),
    (["merge", "results", "-o", "out/merged"], {0, 2, 3}),
    ([*RUN, "--dry-run"], {0, 2}),
    ([*RUN, "--verify"], {0, 2, 3}),
]
DRAWING = (["plot", "results", "--out", "out/plots"], {0, 2, 3})  # slow, so only now and then
LATER = "a later lrbench wrote it"
NAMES = ["by hand", "copy (2)", "é🎉", "[x]", "slow-s0-00000000", ".hidden", "-rf", "x" * 200]
TABLE = "scheduler,seed,accuracy\n" + "".join(f"{s},{i},0.{9 + i}{i}\n" for s in "ab" for i in range(4))


class Stop(Exception):
    """Ends a command in the middle of a run, so that it leaves a checkpoint."""


class Stopper(Listener):
    """Stops after five epochs: one run is whole, one on its way."""

    epochs = 0

    def on_epoch(self, run: Run, row: Row) -> None:
        self.epochs += 1
        if self.epochs == 5:
            raise Stop


@dataclass(frozen=True)
class Harm:
    """What was done to which file, to be said where a round fails."""

    path: str
    how: str


def make_whole(folder: Path) -> None:
    """Three finished runs and one on its way, a configuration, and a table from elsewhere."""
    folder.mkdir()
    values = {**COMPARISON, "schedulers": SCHEDULERS}
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in values.items()]
    for name in ("whole.toml", "my.toml"):
        (folder / name).write_text("".join(lines))
    (folder / "my.csv").write_text(TABLE)
    wishes = {**values, "out": folder / "results", "checkpoint_every": 1}
    conduct(load_config(None, {**wishes, "schedulers": "plateau"}, {}))
    with suppress(Stop):
        conduct(load_config(None, wishes, {}), Stopper())
    searched = load_config(None, {**wishes, "schedulers": "plateau,constant"}, {})
    search = plan_search(searched, Wanted(lrs="0.1,0.5", tune_seeds=1)).search  # before its first run
    experiment = load(folder / "results" / "one")
    write_search(experiment.folder, search, experiment.setting)
    assert list(folder.rglob("checkpoint.npz"))


def flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng: random.Random, content: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return rng.choice((content[:start], content[end:], content[:start] + content[end:]))


def extend(rng: random.Random, content: bytes) -> bytes:
    at = rng.choice((len(content), rng.randrange(len(content) + 1)))
    more = rng.choice((rng.randbytes(20), b"\n", b"\0" * 9, b",,,\n", content[-60:], "\u202e\x1b[2J".encode()))
    return content[:at] + more + content[at:]


def swap_lines(rng: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if len(lines) > 1:
        i, j = rng.sample(range(len(lines)), 2)
        lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def other_number(rng: random.Random, content: bytes) -> bytes:
    found = list(re.finditer(rb"-?\b[0-9][0-9.]*(e-?[0-9]+)?\b", content))
    if not found:
        return b""
    where = rng.choice(found)
    return content[: where.start()] + rng.choice(NUMBERS).encode() + content[where.end() :]


def other_value(rng: random.Random, content: bytes) -> bytes:
    """Replace a value at some depth of a record and seal it anew: past the checksum."""
    record = json.loads(content)
    for key in ("schema_version", "record_sha256"):
        record.pop(key, None)
    inside: Any = record
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = rng.choice(keys)
        if not (isinstance(inside[key], dict | list) and inside[key] and rng.random() < 0.7):
            break
        inside = inside[key]
    strange = [
        list(range(200_000)),
        [7, 7],
        [[[]]] * 3,
        "val_nothing",
        "2026-01-01",
        '{"schedule":{"lr":0.1,"name":"x","parameters":{}}}',
        1e-320,
        2**32,
        None,
        True,
        -1,
        0,
        10**400,
        1e308,
        2**63,
        "",
        "x" * 3000,
        "../../evil",
        "\x1b[2J",
        [],
        {},
        [[1]],
        {"": 1},
    ]
    if rng.random() < 0.2:
        del inside[key]
    else:
        inside[key] = rng.choice(strange)
    return json.dumps(sealed(record)).encode()


BYTES: list[Callable[[random.Random, bytes], bytes]] = [flip, cut, extend, swap_lines, other_number]


def harm(rng: random.Random, path: Path, others: list[Path], root: Path) -> Harm:
    """Damage one file in one way."""
    ways = [*BYTES, "delete", "another file", *([other_value] * 3 if path.suffix == ".json" else [])]
    if path.parent.parent.name == "runs":
        ways += ["rename the run", "copy the run"]
    way = rng.choice(ways)
    if way == "delete":
        path.unlink()
    elif way == "rename the run":
        path.parent.rename(path.parent.with_name(rng.choice(NAMES)))
    elif way == "copy the run":
        shutil.copytree(path.parent, path.parent.with_name(rng.choice(NAMES)), dirs_exist_ok=True)
    elif way == "another file":
        path.write_bytes(rng.choice([each for each in others if each.is_file()]).read_bytes())
    else:
        assert callable(way)
        try:
            path.write_bytes(way(rng, path.read_bytes()))
        except (ValueError, IndexError):  # no JSON any more after an earlier harm
            path.write_bytes(b"")
    return Harm(str(path.relative_to(root)), way if isinstance(way, str) else way.__name__)


def call(words: list[str], codes: set[int]) -> Result:
    """Run a command in this process; it ends with one of these codes, an error in two lines and no traceback."""
    result = CliRunner().invoke(app, words)
    said = f"{words} ended with {result.exit_code}:\n{result.output}"
    assert result.exception is None or isinstance(result.exception, SystemExit), said
    assert result.exit_code in codes, said
    assert "Traceback" not in result.output, said
    if result.exit_code == 2:
        problem, hint = result.stderr.splitlines()[-2:]
        assert problem.startswith("Error: "), said
        assert hint.startswith("  "), said
    return result


def check_results(root: Path, harms: list[Harm]) -> None:
    """After `run` and a repair, all is well, unless experiment.json cannot be read or is another experiment's.

    `run` may refuse only what was sealed anew: another experiment, another meaning of a label, a later version.
    """
    done = call(RUN, {0, 2, 3})
    forged = any(each.path.endswith("labels.json") and each.how == "other_value" for each in harms)
    decides = any(each.path.endswith("experiment.json") for each in harms)
    assert done.exit_code != 2 or forged or decides or LATER in done.output, done.output
    try:
        load(root / "results" / "one")
    except BadResults:
        return
    repaired = call(["doctor", "results", "--repair", "--yes"], {0, 3})
    if LATER in repaired.output:
        return
    assert repaired.exit_code == 0, repaired.output
    again = call(RUN, {0, 2, 3})
    assert (again.exit_code == 2) <= (done.exit_code == 2), again.output
    call(["doctor", "results"], {0})
    if again.exit_code != 2:
        call(["summary", "results"], {0})


def contents(root: Path, names: list[str]) -> dict[str, bytes]:
    """All files but the notes of what was looked at, which reading adds to."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for name in names
        for path in [root / name, *(root / name).rglob("*")]
        if path.is_file() and not (path.parent.name == "history" or path.name.startswith("looked-"))
    }


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def one_round(rng: random.Random, whole: Path, parent: Path) -> list[Harm]:
    """Damage a copy of what is whole and let every command meet it. Raises AssertionError."""
    root = parent / "round"
    shutil.copytree(whole, root)
    stored = [path for kind in KINDS for path in sorted((root / "results").glob(kind))]
    others = [*stored, root / "my.toml", root / "my.csv"]
    what = rng.random()
    harms: list[Harm] = []
    try:
        with inside(root):
            if what < 0.15:
                harms.append(harm(rng, root / "my.csv", stored, root))
                metric = rng.choice([[], ["--metric", "accuracy"]])
                call(["summary", "my.csv", *metric], {0, 2})
                call(["summary", "my.csv", "--fail-if", "a<b", *metric], {0, 2, 4, 5})
            elif what < 0.3:
                harms.append(harm(rng, root / "my.toml", stored, root))
                call(["run", "-c", "my.toml", "--dry-run"], {0, 2})
            else:
                for path in rng.sample(stored, rng.choice((1, 1, 2, 3))):
                    if path.exists():
                        harms.append(harm(rng, path, others, root))
                before = contents(root, ["results", "whole.toml", "my.toml", "my.csv"])
                good = call(["doctor", "results"], {0, 2, 3}).exit_code == 0
                resealed = all(each.how == "other_value" for each in harms)
                for words, codes in [*READING, *([DRAWING] if rng.random() < 0.05 else [])]:
                    usable = good and resealed and not ({"-c", "--fail-if"} & set(words))
                    call(words, codes - {2, 3} if usable else codes)
                assert contents(root, ["results", "whole.toml", "my.toml", "my.csv"]) == before, (
                    "reading changes nothing"
                )
                check_results(root, harms)
        names = {path.name for path in root.iterdir()}
        assert names <= {"results", "out", "whole.toml", "my.toml", "my.csv"}, names
        assert {path.name for path in parent.iterdir()} == {"whole", "round"}
    except BaseException:
        print("\n".join(f"{each.path}: {each.how}" for each in harms), file=sys.stderr)
        raise
    shutil.rmtree(root)
    return harms


def fuzz(rounds: int, folder: Path, seed: int) -> Counter[str]:
    """Do so many rounds; return how often which harm was done. Raises AssertionError."""
    make_whole(folder / "whole")
    tally: Counter[str] = Counter()
    for number in range(rounds):
        try:
            done = one_round(random.Random(f"{seed} {number}"), folder / "whole", folder)
        except BaseException:
            print(f"in round {number} of seed {seed}", file=sys.stderr)
            raise
        tally.update(each.how for each in done)
        if number % 100 == 99:
            print(f"{number + 1} rounds, {tally.total()} harms", flush=True)
    return tally


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
    print(f"seed {chosen}", flush=True)
    with tempfile.TemporaryDirectory(prefix="lrbench-fuzz-") as temporary:
        print(dict(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000, Path(temporary), chosen)))
