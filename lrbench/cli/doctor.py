"""`lrbench doctor`: is everything in order?"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lrbench.cli.app import BROKEN, DONE, app
from lrbench.errors import BadConfig
from lrbench.show import printable


@app.command()
def doctor(
    context: typer.Context,
    results: Annotated[
        Path | None, typer.Argument(help="A results folder, or one experiment's. [the installation]")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Put right what can be, after asking: nothing is deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --repair: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Check the installation, or every file of a results folder.

    Without a folder: versions, the data's checksums, the compiled engine against Model.fit. Exit code 3 if
    something is wrong. --repair gives a run's folder its right name back, moves what cannot be read to quarantine/
    and writes the tables again.

    \b
    lrbench doctor
    lrbench doctor results/
    lrbench doctor results/ --repair
    """
    from lrbench.doctor import check_installation, check_results
    from lrbench.show import noise

    if repair and results is None:
        raise BadConfig("--repair wants a results folder.", "Write: lrbench doctor RESULTS --repair")
    if yes and not repair:
        raise BadConfig("--yes answers what only --repair asks.", "Leave it out, or add --repair.")
    if repair and results:
        _repair(results, yes=yes)
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


def _repair(results: Path, *, yes: bool) -> None:
    """Say on stderr what there is to do, ask, and do it. Raises BadConfig where nobody can be asked."""
    from lrbench.doctor import find_repairs
    from lrbench.doctor import repair as carry_out

    repairs = find_repairs(results)
    for each in repairs:
        for line in str(each).splitlines():
            typer.echo(f"repair  {printable(line)}", err=True)
    if not repairs:
        typer.echo("There is nothing to repair.", err=True)
    elif not yes and not sys.stdin.isatty():
        raise BadConfig("Nobody is at a terminal to be asked.", "Add --yes to do this.")
    elif yes or typer.confirm("Do this?", err=True):
        for each in repairs:
            carry_out(each)
