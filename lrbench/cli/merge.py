"""`lrbench merge` and `lrbench status`: results of many machines, and how far they are."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, speak
from lrbench.cli.places import put
from lrbench.cli.run import tell_where
from lrbench.show import counted, printable

if TYPE_CHECKING:
    from lrbench.merging import Joint
    from lrbench.runs import Experiment
    from lrbench.store.progress import Progress

MOST_NAMES = 10  # of runs of one kind


@app.command()
def merge(
    sources: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="Results folders, or experiments' folders.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The results folder to merge them into.")
    ] = ...,  # type: ignore[assignment]  # Typer's word for what must be given
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be added; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was added as JSON.")] = False,
) -> int:
    """Merge results folders into one: shards, classrooms, another machine's seeds.

    Only what is missing is added, experiment by experiment; nothing that is there is changed, and the
    folders that are merged stay as they are. The same again adds nothing, and their order does not matter.
    Two trainings of one run that gave other figures are refused, with both names. Other versions or
    processors are said. What is unfinished stays where it is.

    \b
    lrbench merge part-1 part-2 part-3 -o whole
    lrbench merge results/ ~/stick/results -o results/
    lrbench merge part-* -o whole --dry-run
    """
    from lrbench import merging

    merged = merging.look(sources, out)
    for each in merged.damage:
        speak(f"Damaged, and left out: {each.text}", each.hint)
    for joint in merged.joints:
        for warning in joint.warnings:
            typer.echo(printable(f"Warning: {joint.folder.name}: {warning}"), err=True)
    if not dry_run:
        merging.carry_out(merged)
    if as_json:
        put(json.dumps([_record(joint) for joint in merged.joints], indent=2) + "\n", None)
    else:
        for joint in merged.joints:
            typer.echo(printable(_said(joint)))
    if not dry_run and not as_json:
        tell_where([joint.folder for joint in merged.joints], out)
    return BROKEN if merged.damage else DONE


def _said(joint: "Joint") -> str:
    """Say in a line what an experiment gets from where."""
    parts = [f"{counted(n, 'run')} from {folder}" for folder, n in _from(joint).items()]
    there = f"{counted(len(joint.stored), 'run')} there already" if joint.stored else ""
    return f"{joint.folder}: {'; '.join(filter(None, [there, *parts]))}"


def _from(joint: "Joint") -> dict[str, int]:
    counts = {str(source.folder): 0 for source in joint.sources}
    for _, folder in joint.added:
        counts[str(folder)] += 1
    return counts


def _record(joint: "Joint") -> dict[str, Any]:
    return {
        "experiment": str(joint.folder),
        "stored": len(joint.stored),
        "added": _from(joint),
        "warnings": joint.warnings,
    }


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
    from lrbench.store.progress import progress_of

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
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
    return BROKEN if damage or any(progress.failed for _, progress in found) else DONE


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
        trials = f", {counted(search['missing'], 'trial')} missing" if search["missing"] else ""
        lines.append(f"  search    {search['schedules']}: {search['stage']}{trials}")
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
        missing = sum(
            (*point.variant, point.lr, seed) not in tried for point in tuning.missing for seed in search.tune_seeds
        )
        found.append(
            {
                "schedules": ", ".join(each.words for each in search.contenders),
                "stage": {"coarse": "the same rates for all", "refine": "around each one's best"}.get(
                    tuning.stage, "every rate is tried"
                ),
                "missing": missing,
            }
        )
    return found
