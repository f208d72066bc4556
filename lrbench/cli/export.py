"""`lrbench export`: hand what is stored to other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lrbench.cli.app import app
from lrbench.cli.places import tell
from lrbench.cli.results import load_finished

ExportFormat = Literal["parquet", "tensorboard", "json"]


@app.command()
def export(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    to: Annotated[ExportFormat, typer.Option(help="For data frames, for TensorBoard, or for anything else.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to. [export/ in the experiment's folder]")
    ] = None,
) -> int:
    """Write every epoch of every run for other programs.

    Prints what was written. parquet: epochs.parquet and runs.parquet. tensorboard: a folder per run, to be
    looked at with `tensorboard --logdir`; the same export again replaces it. json: one file. The first two
    require pyarrow and tensorboard: python -m pip install pyarrow tensorboard

    \b
    lrbench export results/ --to parquet
    lrbench export results/ --to tensorboard --out logs
    lrbench export results/ --to json
    """
    experiments, code = load_finished(results)
    from lrbench import export as room

    for experiment in experiments:
        folder = out / experiment.folder.name if out and len(experiments) > 1 else out
        for path in room.write(experiment, to, folder):
            tell(path)
    return code
