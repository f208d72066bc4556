"""Is everything in order? The installation, or what stands in a results folder."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lrbench import environment, problems
from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended
from lrbench.engine.train import train
from lrbench.errors import BadConfig, BadResults, LrbenchError
from lrbench.files import Damaged, read_bytes
from lrbench.plan import make_plan
from lrbench.runs import Experiment, RunResult, Task
from lrbench.store import Move, Store, carry_out, find_experiments, find_moves, load, survey

GOLDEN = {  # the path that both engines must follow
    "schedulers": "cosine",
    "train_size": 1_000,
    "val_size": 1_000,
    "epochs": 2,
    "batch_size": 48,  # with a last, smaller batch
    "optimizer": "sgd(momentum=0.9)",
    "lr": 0.02,
}
CLOSE = 1e-4  # relative; float32 sums in another order


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `hint` says what to do where it is not good."""

    name: str
    good: bool
    text: str
    hint: str = ""


def check_installation() -> Iterator[Check]:
    """Look at versions, data and engine, the quick checks first. Imports TensorFlow for the last one."""
    yield _check_python()
    yield from _check_libraries()
    yield _check_namesake()
    yield _check_data()
    yield _check_engine()


def check_results(results: Path) -> Iterator[Check]:
    """Read every file of a results folder. Raises BadResults if there is none."""
    for folder in find_experiments(results):
        try:
            experiment = load(folder)
        except BadResults as error:
            yield Check(str(folder), False, error.problem, error.hint)
            continue
        rest = survey(folder)
        failed = sum(one.failed for one in experiment.finished)
        counts = {
            "finished": len(experiment.finished) - failed,
            "failed": failed,
            "unfinished": rest.unfinished,
            "in quarantine": rest.quarantined,
            "half-written files": rest.leftovers,
        }
        said = ", ".join(f"{n} {what}" for what, n in counts.items() if n or what == "finished")
        damage = (*experiment.damage, *rest.damage)
        yield Check(str(folder), not damage, said)
        for each in damage:
            yield Check("damaged", False, each.text, each.hint)


@dataclass(frozen=True, slots=True)
class Repair:
    """What there is to do in one experiment's folder."""

    folder: Path
    moves: tuple[Move, ...]

    def __str__(self) -> str:
        tables = f"{self.folder}: epochs.csv and summary.csv are written again"
        return "\n".join([*map(str, self.moves), tables])


def find_repairs(results: Path) -> list[Repair]:
    """Return what there is to do in a results folder. An experiment that cannot be read at all is left alone.

    Raises BadResults if there is no folder.
    """
    found = []
    for folder in find_experiments(results):
        try:
            experiment = load(folder)
        except BadResults:
            continue
        moves = find_moves(folder, experiment.setting)
        broken_table = any(each.run_folder is None and not each.is_later for each in experiment.damage)
        if moves or broken_table or (experiment.finished and _summary_in(folder) != _summary_of(experiment)):
            found.append(Repair(folder, tuple(moves)))
    return found


def repair(what: Repair) -> None:
    """Do it, under the store's locks; nothing is deleted. Raises BadResults."""
    setting = load(what.folder).setting
    store = Store.open(what.folder, setting)
    try:
        for _ in carry_out(list(what.moves), what.folder, setting, store.locks):
            pass
    finally:
        store.locks.release_all()
    with store.alone():
        experiment = load(what.folder)
        store.write_tables(experiment, _summary_of(experiment))


def _summary_of(experiment: Experiment) -> bytes:
    from lrbench import summary  # pandas: only where something is to be repaired

    return summary.tabulated(experiment)


def _summary_in(folder: Path) -> bytes | None:
    try:
        return read_bytes(folder / "summary.csv")
    except Damaged:
        return None


def _check_python() -> Check:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    hint = "TensorFlow has wheels for Python 3.11, 3.12 and 3.13: install one of them."
    return Check("python", good, f"{platform.python_version()}, {platform.system()} {platform.machine()}", hint)


def _check_libraries() -> Iterator[Check]:
    for name, version in environment.describe()["versions"].items():
        if name != "python":
            hint = f"Install it: python -m pip install {name}"
            yield Check(name, version is not None, version or "not installed", hint)


def _check_namesake() -> Check:
    """Another project's distribution has this package's name; where case does not count, it overwrites it."""
    try:
        version = metadata.version("lrbench")
    except metadata.PackageNotFoundError:
        return Check("namesake", True, "the unrelated package LRBench is not installed")
    hint = "Remove it, then install this one again: python -m pip uninstall lrbench"
    return Check("namesake", False, f"the unrelated package LRBench {version} is installed", hint)


def _check_data() -> Check:
    whole = []
    checked = set()
    for name in problems.PROBLEMS:
        try:
            problem = problems.find(name)
        except BadConfig:  # its data do not come with lrbench, and are not here
            continue
        if problem.subject.data_sha256 in checked:
            continue
        checked.add(problem.subject.data_sha256)
        try:
            splits = problem.load()
        except LrbenchError as error:
            return Check("data", False, error.problem, error.hint)
        examples = f"{len(splits.train) + len(splits.test):,} {problem.subject.noun}"
        whole.append(f"{name}: {examples}, checksums right")
    return Check("data", True, "; ".join(whole))


def _check_engine() -> Check:
    hint = "Install TensorFlow again: python -m pip install --force-reinstall tensorflow"
    try:
        ours, theirs = [_figures(_golden(engine)) for engine in ("compiled", "fit")]
    except Exception as error:  # whatever a broken TensorFlow raises
        return Check("engine", False, f"{type(error).__name__}: {error}", hint)
    off = max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs, strict=True))
    text = f"the compiled engine follows Model.fit over {GOLDEN['epochs']} epochs within {off:.0e}"
    if off <= CLOSE:
        return Check("engine", True, text)
    text = f"the compiled engine is off Model.fit by {off:.0e} of its figures"
    return Check("engine", False, text, "Use --engine fit, and report this with your versions and processor.")


def _golden(engine: str) -> RunResult:
    plan = make_plan(load_config(None, {**GOLDEN, "engine": engine}, {}))
    opened = open_engine(plan.setting, plan.problem)
    try:
        *_, ended = train(opened.replica(), Task(plan.runs[0]))
    finally:
        opened.close()
    assert isinstance(ended, Ended)
    return ended.result


def _figures(result: RunResult) -> list[float]:
    rows = [(*row.train, *(row.val or ())) for row in result.rows]
    return [value for row in [*rows, result.test or ()] for value in row]
