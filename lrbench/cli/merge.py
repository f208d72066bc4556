"""`lrbench merge`: results of many machines made into one folder."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, speak
from lrbench.cli.places import put
from lrbench.show import counted, printable

if TYPE_CHECKING:
    from lrbench.merging import Joint


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
        left = merging.carry_out(merged)
        if left:
            runs = counted(left, "run")
            typer.echo(
                f"Left: {runs} that a command is training there just now. Merge again when it is done.", err=True
            )
    if as_json:
        put(json.dumps([_record(joint) for joint in merged.joints], indent=2) + "\n", None)
    else:
        for joint in merged.joints:
            typer.echo(printable(_said(joint)))
    if not dry_run and not as_json:
        for joint in merged.joints:
            typer.echo(printable(f"Stored in {shlex.quote(str(joint.folder))}"), err=True)
        whole = shlex.quote(str(out))
        typer.echo(
            printable(f"Next: lrbench status {whole}; when nothing is missing: lrbench plot {whole}"), err=True
        )
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
