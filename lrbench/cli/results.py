"""`lrbench plot` and `lrbench summary`: look at what is stored."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrbench.cli.app import BROKEN, DONE, app, speak
from lrbench.errors import BadResults
from lrbench.show import PlotFormat, SummaryFormat, printable

if TYPE_CHECKING:
    from lrbench.plan import Experiment


@app.command()
def plot(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    format: Annotated[PlotFormat, typer.Option(help="File format of the pictures.")] = "png",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to. [plots/ in the experiment's folder]")
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(metavar="FRACTION", help="Also draw how soon runs had this validation accuracy, 0 to 1."),
    ] = None,
) -> int:
    """Draw the pictures of every experiment.

    Prints the files' names, the overview first. With several seeds, forest and all-pairs say which differences are
    real.

    \b
    lrbench plot results/
    lrbench plot results/ --format svg --out pictures
    lrbench plot results/ --target 0.97
    """
    experiments, code = _load(results)
    from lrbench.show import plots  # matplotlib: only this command pays for it
    from lrbench.targets import check_target

    if target is not None:
        for experiment in experiments:
            check_target(experiment, target)  # before anything is drawn
    for experiment in experiments:
        folder = out / experiment.folder.name if out and len(experiments) > 1 else out
        for path in plots.draw(experiment, format, folder, target):
            typer.echo(printable(str(path)) if sys.stdout.isatty() else path)
    return code


@app.command()
def summary(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    format: Annotated[SummaryFormat, typer.Option(help="A table to read, or clean data on stdout.")] = "table",
) -> int:
    """Show the final figures of every schedule.

    The best mean test accuracy comes first.

    \b
    lrbench summary results/
    lrbench summary results/ --format json
    """
    experiments, code = _load(results)
    show(experiments, format)
    return code


def show(experiments: "Sequence[Experiment]", format: SummaryFormat) -> None:
    """Print the summaries of experiments on stdout."""
    from lrbench.show import tables

    tables.write(experiments, format, sys.stdout)


def _load(results: Path) -> "tuple[list[Experiment], int]":
    """Read all experiments that have a finished run; say on stderr what was damaged, and return the exit code."""
    from lrbench.store import load_all

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
    finished = [experiment for experiment in experiments if experiment.finished]
    if not finished:
        raise BadResults(f"{results} holds no finished run.", f"Train some with: lrbench run -o {results}")
    return finished, BROKEN if damage else DONE
