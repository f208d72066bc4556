"""`lrbench status`: how far experiments are."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, speak
from lrbench.cli.places import put
from lrbench.show import counted, printable

if TYPE_CHECKING:
    from lrbench.runs import Experiment
    from lrbench.searches import Tuning
    from lrbench.store.progress import Progress

MOST_NAMES = 10  # of runs of one kind


@app.command()
def status(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")] = Path(
        "results"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, with the name of every run.")] = False,
) -> int:
    """Show how far the experiments are: done, running, begun, missing, failed.

    Missing is what a command set out to train and nobody has trained yet; of a shard's folder, that is what
    the other shards have. Running is what a command is at work on just now, here or on a machine that shares
    the folder. The exit code is 3 if something failed or is damaged.

    \b
    lrbench status
    lrbench status results/ --json
    """
    from lrbench.store import load_all

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
    failed = show_progress(experiments, as_json=as_json)
    return BROKEN if damage or failed else DONE


def show_progress(experiments: "Sequence[Experiment]", *, as_json: bool) -> bool:
    """Print how far experiments are; return whether a run of theirs failed."""
    from lrbench.store.progress import progress_of

    found = [(experiment, progress_of(experiment)) for experiment in experiments]
    if as_json:
        records = [
            {"experiment": str(each.folder), **asdict(progress), "searches": _searches(each)}
            for each, progress in found
        ]
        put(json.dumps(records, indent=2) + "\n", None)
    else:
        for experiment, progress in found:
            for line in _lines(experiment, progress):
                typer.echo(printable(line))
    return any(progress.failed for _, progress in found)


def _lines(experiment: "Experiment", progress: "Progress") -> list[str]:
    """Return a line of counts, then the names of what is not done, a few of each kind."""
    kinds = {
        "running": progress.running,
        "begun": progress.begun,
        "missing": progress.missing,
        "diverged": progress.diverged,
        "failed": progress.failed,
    }
    counts = [f"{len(progress.done):,} of {counted(progress.whole, 'run')} done"]
    counts += [f"{len(names):,} {kind}" for kind, names in kinds.items() if names]
    lines = [f"{experiment.folder}: {', '.join(counts)}"]
    for kind, names in kinds.items():
        more = [f"and {len(names) - MOST_NAMES:,} more"] if len(names) > MOST_NAMES else []
        lines += [f"  {kind:<9} {name}" for name in (*names[:MOST_NAMES], *more)]
    for search in _searches(experiment):
        runs = f", {counted(search['missing'], 'run')} missing" if search["missing"] else ""
        lines.append(f"  search    {search['schedules']}: {search['stage']}{runs}")
    return lines


def _searches(experiment: "Experiment") -> list[dict[str, Any]]:
    """Say of each search where it stands; those that failed are to be tried again."""
    from lrbench.judging.tuning import tuning_of

    found = []
    for search in experiment.searches:
        tuning = tuning_of(search, [one for one in experiment.finished if not one.failed])
        tried = {
            (each.schedule.name, each.schedule.parameters, each.schedule.lr, each.seed)
            for each in experiment.finished
        }
        points, seeds = tuning.missing, search.tune_seeds
        until_settled = any(
            each.until_settled and set(search.seeds) <= set(each.seeds) for _, each in experiment.history.declared
        )
        if not points and not until_settled:  # then each is compared at its own best
            points, seeds = tuple(each.best.point for each in tuning.tuned if each.best), search.seeds
        missing = sum((*point.variant, point.lr, seed) not in tried for point in points for seed in seeds)
        found.append(
            {
                "schedules": ", ".join(each.words for each in search.contenders),
                "stage": _stage(tuning) if missing or tuning.missing else "all is tried and compared",
                "missing": missing,
            }
        )
    return found


def _stage(tuning: "Tuning") -> str:
    """Say what a search tries next."""
    if tuning.stage == "coarse":
        return "the same rates for all" if tuning.rates == tuning.search.rates else "the grid grows, for all"
    return "around each one's best" if tuning.stage == "refine" else "each at its own best rate"
