"""`lrbench run --dry-run`: what is to be done, and how long it may take by what is stored."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import typer

from lrbench.cli.app import DONE
from lrbench.cli.places import put
from lrbench.show import counted, duration, printable, setting_lines

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.judging.questions import Question
    from lrbench.plan import Plan
    from lrbench.runner import Policy
    from lrbench.runs import Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """How much is to do."""

    runs: int
    epochs: int  # of whole runs; those that go on from a checkpoint need fewer
    begun: int  # runs that have a checkpoint
    jobs: int  # runs side by side
    known: int  # stored runs of the experiment whose seconds are known
    epoch_seconds: float | None  # the median of those, per epoch; None if there are none
    at_most: bool = False  # whether fewer may do

    @property
    def seconds(self) -> float | None:
        """From the first update to the last, about; None if nothing is known."""
        if self.epoch_seconds is None:
            return None
        return self.epochs * self.epoch_seconds / max(1, min(self.jobs, self.runs))


def forecast(
    config: "Config", todo: Sequence[Any], stored: "Sequence[Finished]", begun: int, *, at_most: bool = False
) -> Forecast:
    """Look forward to these runs by the seconds of stored ones."""
    paces = [
        (each.result.seconds.train + each.result.seconds.evaluate) / len(each.result.rows)
        for each in stored
        if each.result.rows
    ]
    return Forecast(
        runs=len(todo),
        epochs=sum(run.setting.epochs for run in todo),
        begun=begun,
        jobs=config.jobs or cores(),
        known=len(paces),
        epoch_seconds=median(paces) if paces else None,
        at_most=at_most,
    )


def say(each: Forecast) -> str:
    """Say in a line what is to do and how long it may take."""
    if not each.runs:
        return "Nothing is to do: every run is done."
    begun = f", less what {counted(each.begun, 'run')} did before" if each.begun else ""
    at_most = "at most " if each.at_most else ""
    todo = f"To do: {at_most}{counted(each.runs, 'run')}, {counted(each.epochs, 'epoch')}{begun}."
    if each.seconds is None or each.epoch_seconds is None:
        return f"{todo} How long that takes is not known: no run of this experiment is stored."
    side_by_side = min(each.jobs, each.runs)
    return (
        f"{todo} It may take {at_most or 'about '}{duration(each.seconds)} with "
        f"{counted(side_by_side, 'run')} at a time, "
        f"going by {counted(each.known, 'stored run')} ({each.epoch_seconds:.2g} s per epoch)."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What `lrbench run` would do for one experiment."""

    folder: Path
    plan: "Plan"
    done: frozenset[str]  # the keys of runs that need no training
    ahead: Forecast


def look(config: "Config", plan: "Plan", question: Mapping[str, Any] | None = None) -> Outlook:
    """Compare a config's plan with what is stored. Raises BadConfig or BadResults."""
    from lrbench.runner import stored_of, with_outlook

    experiment = stored_of(config, plan)
    plan = with_outlook(plan, experiment, asked_of(question), until_settled=plan.at_most)
    folder, stored = experiment.folder, experiment.finished
    done = frozenset(one.key for one in stored if not one.failed)
    todo = [run for run in plan.runs if run.key not in done]
    begun = sum((folder / "runs" / run.run_id / "checkpoint.npz").exists() for run in todo)
    ahead = forecast(config, todo, stored, begun, at_most=plan.at_most)
    return Outlook(folder=folder, plan=plan, done=done, ahead=ahead)


def asked_of(question: Mapping[str, Any] | None) -> "Question | None":
    """Return the question, if anything is asked. Raises BadConfig."""
    if not question:
        return None
    from lrbench.judging.questions import Question  # scipy

    return Question(**question)


def list_runs(
    config: "Config",
    *,
    as_json: bool,
    policy: "Callable[[Plan], Policy] | None" = None,
    question: Mapping[str, Any] | None = None,
) -> int:
    """Print what `lrbench run` would do; as JSON an object, or a list where there are several experiments."""
    from lrbench.plan import make_plans

    plans = [(each, replace(plan, at_most=policy is not None)) for each, plan in make_plans(config)]
    if policy:
        for _, plan in plans:
            policy(plan)  # what is wrong with the question is said here too
    outlooks = [look(each, plan, question) for each, plan in plans]
    if as_json:
        records = [_record(each) for each in outlooks]
        put(json.dumps(records if config.is_several else records[0], indent=2) + "\n", None)
        return DONE
    for outlook in outlooks:
        _write(outlook)
    return DONE


def _record(outlook: Outlook) -> dict[str, Any]:
    plan, ahead = outlook.plan, outlook.ahead
    runs = [
        {
            "run_id": run.run_id,
            "scheduler": plan.names[run.named],
            "seed": run.seed,
            "done": run.key in outlook.done,
        }
        for run in plan.runs
    ]
    return {
        "experiment": str(outlook.folder),
        "setting": {**plan.setting.identity, "optimizer": plan.setting.optimizer},
        "default_rate": plan.peak.value if plan.takes_default_rate else None,
        "runs": runs,
        "at_most": ahead.at_most,
        "to_do": {"runs": ahead.runs, "epochs": ahead.epochs, "begun": ahead.begun},
        "seconds": ahead.seconds,
        "going_by": ahead.known,
        "jobs": ahead.jobs,
        "warnings": [*plan.warnings, *([plan.outlook] if plan.outlook else [])],
    }


def _write(outlook: Outlook) -> None:
    first, *others = setting_lines(outlook.plan)
    for line in (f"{outlook.folder}: {first}", *others):
        typer.echo(printable(line))
    for run in outlook.plan.runs:
        state = "done " if run.key in outlook.done else "to do"
        typer.echo(f"{state}  {run.run_id}  {outlook.plan.names[run.named]}, seed {run.seed}")
    typer.echo(say(outlook.ahead))
    for warning in outlook.plan.warnings:
        typer.echo(f"Warning: {warning}", err=True)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
