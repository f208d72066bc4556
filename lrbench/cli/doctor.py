"""`lrbench doctor`: is everything in order?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lrbench.cli.app import BROKEN, DONE, app
from lrbench.show import printable


@app.command()
def doctor(
    context: typer.Context,
    results: Annotated[
        Path | None, typer.Argument(help="A results folder, or one experiment's. [the installation]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Check the installation, or every file of a results folder.

    Without a folder: versions, the data's checksums, the compiled engine against Model.fit. Exit code 3 if
    something is wrong.

    \b
    lrbench doctor
    lrbench doctor results/
    """
    from lrbench.doctor import check_installation, check_results
    from lrbench.show import noise

    checks = []
    with noise.kept_off_screen(show=context.obj["debug"]):
        for check in check_results(results) if results else check_installation():
            checks.append(check)
            if not as_json:
                typer.echo(printable(f"{'good' if check.good else 'BAD '}  {check.name}: {check.text}"))
                if not check.good and check.hint:
                    typer.echo(printable(f"      {check.hint}"))
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    return DONE if all(check.good for check in checks) else BROKEN
