"""The promise of the same bytes, put to the test on what is stored."""

import random
from dataclasses import dataclass, fields

from lrbench.config import Config
from lrbench.engine import open_engine
from lrbench.errors import BadResults
from lrbench.plan import Damage, Finished, Task, make_plan
from lrbench.records import EpochRow
from lrbench.runner.threads import Threads
from lrbench.store import load, table_of

SAMPLE = 4  # runs that are trained again


@dataclass(frozen=True, slots=True)
class Verified:
    """A stored run that was trained once more."""

    stored: Finished
    difference: str | None  # None: the same bytes


def verify(config: Config, sample: int = SAMPLE) -> tuple[list[Verified], tuple[Damage, ...]]:
    """Train some of the plan's finished runs again, drawn anew each time, and compare. Nothing is written.

    Also returns what could not be read.
    Raises BadResults if none is finished; BadConfig, BadSpec, EngineUnavailable, BadData.
    """
    plan = make_plan(config)
    folder = config.out / plan.experiment
    hint = "Give the same command without --verify first."
    if not (folder / "experiment.json").exists():
        raise BadResults(f"There is no experiment {folder} to verify.", hint)
    planned = {run.run_id: run for run in plan.runs}
    stored = load(folder)
    finished = {one.run.run_id: one for one in stored.finished if one.run.run_id in planned and not one.failed}
    if not finished:
        raise BadResults(f"None of these runs is finished in {folder}.", hint)
    drawn = random.sample(list(finished.values()), min(sample, len(finished)))
    engine = open_engine(plan.setting)
    with Threads(engine, min(config.jobs or engine.jobs, len(drawn))) as executor:
        again = executor.train(iter([Task(planned[one.run.run_id]) for one in drawn]))
        pairs = [(finished[new.run.run_id], new) for new in again]
    return [Verified(old, difference(old, new)) for old, new in pairs], stored.damage


def difference(old: Finished, new: Finished) -> str | None:
    """Return the first thing that differs between two trainings of one run, or None."""
    if new.result.error:
        return f"it failed this time: {new.result.error.strip().splitlines()[-1]}"
    if table_of(old.result.rows) != table_of(new.result.rows):
        for a, b in zip(old.result.rows, new.result.rows, strict=False):
            for name in (field.name for field in fields(EpochRow)):
                if repr(getattr(a, name)) != repr(getattr(b, name)):
                    return f"epochs.csv line {a.epoch + 1}: {name} is {getattr(b, name)}, was {getattr(a, name)}"
        return f"epochs.csv: {len(new.result.rows)} epochs, were {len(old.result.rows)}"
    for name in ("status", "test_loss", "test_accuracy", "state_sha256"):
        was, now = getattr(old.result, name), getattr(new.result, name)
        if was != now and was is not None:
            return f"run.json: {name} is {now}, was {was}"
    return None
