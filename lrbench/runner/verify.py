"""The promise of the same bytes, put to the test on what is stored."""

import random
from dataclasses import dataclass

from lrbench.config import Config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended
from lrbench.errors import BadResults
from lrbench.plan import make_plan
from lrbench.runner.conduct import folder_of
from lrbench.runner.threads import Threads
from lrbench.runs import Damage, Finished, RunResult, Setting, Task
from lrbench.store import load
from lrbench.store.tables import cells_of, columns_of

SAMPLE = 4  # runs that are trained again


@dataclass(frozen=True, slots=True)
class Verified:
    """A stored run that was trained once more."""

    stored: Finished
    name: str  # of its schedule
    difference: str | None  # None: the same bytes


def verify(config: Config, sample: int = SAMPLE) -> tuple[list[Verified], tuple[Damage, ...]]:
    """Train some of the plan's finished runs again, drawn anew each time, and compare. Nothing is written.

    Also returns what could not be read.
    Raises BadResults if none is finished; BadConfig, BadSpec, EngineUnavailable, BadData.
    """
    plan = make_plan(config)
    folder = folder_of(config, plan)
    hint = "Train them first."
    if not (folder / "experiment.json").exists():
        raise BadResults(f"There is no experiment {folder} to verify.", hint)
    planned = {run.key: run for run in plan.runs}
    stored = load(folder)
    finished = [one for one in stored.finished if one.key in planned and not one.failed]
    if not finished:
        raise BadResults(f"None of these runs is finished in {folder}.", hint)
    drawn = random.sample(finished, min(sample, len(finished)))
    engine = open_engine(plan.setting, plan.problem)
    executor = Threads(engine, config.jobs or engine.jobs)
    try:
        tasks = iter([Task(planned[one.key]) for one in drawn])
        again = {event.run_id: event.result for event in executor.train(tasks) if isinstance(event, Ended)}
    finally:
        executor.close()
    pairs = [(one, again[planned[one.key].run_id]) for one in drawn]
    verified = [
        Verified(old, stored.names[old.schedule], difference(plan.setting, old.result, new)) for old, new in pairs
    ]
    return verified, stored.damage


def difference(setting: Setting, old: RunResult, new: RunResult) -> str | None:
    """Return the first thing that differs between two trainings of one run, or None."""
    subject = setting.subject
    if new.error:
        return f"it failed this time: {new.error.strip().splitlines()[-1]}"
    lines = zip(cells_of(old.rows, subject), cells_of(new.rows, subject), strict=False)
    for number, (was, now) in enumerate(lines, start=2):
        for name, a, b in zip(columns_of(subject), was, now, strict=True):
            if repr(a) != repr(b) and name != "scheduler":  # an earlier version may have called it otherwise
                return f"epochs.csv line {number}: {name} is {b}, was {a}"
    if len(old.rows) != len(new.rows):
        return f"epochs.csv: {len(new.rows)} epochs, were {len(old.rows)}"
    for name in ("status", "test", "state_sha256"):
        was, now = getattr(old, name), getattr(new, name)
        if was != now and was is not None:
            return f"run.json: {name} is {now}, was {was}"
    return None
