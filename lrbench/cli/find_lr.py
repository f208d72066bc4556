"""`lrbench find-lr`: which peak rates are worth a try, by a range test."""

import json
import shlex
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import DONE, app
from lrbench.cli.places import free_place, make_room, picture_format, put, utf_8
from lrbench.cli.taking import ConfigFile, taking
from lrbench.errors import BadConfig, EngineUnavailable
from lrbench.foreign import STANDARD
from lrbench.options import SWEEPING, TRAINING
from lrbench.show import printable

if TYPE_CHECKING:
    from lrbench.studies.find_lr import Found, Planned

NOTHING = "Next: more --seeds, more --steps, or another span from --from to --to."
SETTING = (  # all that decides what is trained
    *("batch_size", "optimizer", "problem", "hidden", "activation", "data", "loss", "data_dir", "memory_share"),
    *("train_size", "val_size", "validate_on", "engine", "jit"),
)


@app.command("find-lr")
@taking(*SWEEPING, *SETTING, "jobs", table=TRAINING | SWEEPING)
def find_lr(
    context: typer.Context,
    config: ConfigFile = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Draw into a .png, .svg or .pdf file; - is stdout, as PNG."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print suggestions and curves as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only what is found.")] = False,
    **wishes: str | None,
) -> int:
    """Sweep the learning rate once per seed, and say which peak rates are worth a try.

    A learning-rate range test (Smith 2017): the rate rises from step to step until the loss blows up, or to its
    end. Suggested are the middle of the longest valley of the smoothed loss, its steepest descent, and a tenth of
    the rate at which it diverges: where its mean is four times its best, or no number. Each comes with the range
    over the seeds; where they differ by more than a factor of 3, there is no suggestion. It says where to look and
    not what is best: a longer sweep suggests lower rates. Nothing is stored.

    \b
    lrbench find-lr
    lrbench find-lr --optimizer adam --seeds 10 -o curve.png
    lrbench find-lr --problem line --steps 200 --from 1e-4 --to 1
    lrbench find-lr --json
    """
    from lrbench import runner
    from lrbench.show import noise

    free_place(out, "curve.png")
    form = picture_format(out) if out else None
    if form and as_json:
        raise BadConfig("--json and --out do not go together.", "Leave one of them out.")
    with noise.kept_off_screen(show=context.obj["debug"]) as kept, runner.signals_raise():
        try:
            planned = _planned(config, wishes)
            make_room(out)
            found = _find(planned, quiet=quiet)
        except EngineUnavailable:
            typer.echo(kept.read(), err=True)
            raise
    following = _next(found, config, wishes)
    if as_json:
        put(json.dumps({**found.record(), "next": following}, indent=2, allow_nan=False) + "\n", None)
    else:
        from lrbench.show import range_test

        if form:
            put(range_test.picture(found, form), out)
        stream = sys.stderr if str(out) == STANDARD else utf_8()
        range_test.write_terminal(found, stream, drawn=form is None)
    if not quiet:
        typer.echo(printable(f"Next: {following}" if following else NOTHING), err=True)
    return DONE


def _planned(config: str | None, wishes: Mapping[str, str | None]) -> "Planned":
    """Read what is to be trained, and how the rate is swept. Raises BadConfig or BadSpec."""
    from lrbench.config import load_with_sources
    from lrbench.studies.find_lr import Wanted, plan_test

    training = {name: value for name, value in wishes.items() if name in TRAINING}
    resolved, sources = load_with_sources(config, training)
    if "seeds" not in sources:
        resolved = resolved.model_copy(update={"seeds": SWEEPING["seeds"].default})
    sweep: dict[str, Any] = {name: value for name, value in wishes.items() if name not in TRAINING}
    return plan_test(resolved, Wanted(**{name: value for name, value in sweep.items() if value is not None}))


def _find(planned: "Planned", *, quiet: bool) -> "Found":
    """Sweep, with a line on stderr for each seed."""
    from lrbench.show.range_test import curve_line
    from lrbench.studies.find_lr import find_lr as find

    def tell(text: str) -> None:
        if not quiet:
            typer.echo(text, err=True)

    if planned.setting.engine != "fake":
        tell("Loading TensorFlow and the data …")
    ended = count(1)
    return find(planned, lambda curve: tell(f"[{next(ended)}/{len(planned.seeds)}] {curve_line(curve)}"))


def _next(found: "Found", config: str | None, wishes: Mapping[str, str | None]) -> str | None:
    """Return the command that goes on with the first suggestion, on the same setting; None if there is none."""
    from lrbench.show.range_test import rate_text

    if found.rate is None:
        return None
    given = [("--config", config), *((TRAINING[name].long, wishes[name]) for name in SETTING)]
    words = [word for option, value in given if value is not None for word in (option, value)]
    return shlex.join(["lrbench", "tune", *words, "--lrs", f"around:{rate_text(found.rate)}"])
