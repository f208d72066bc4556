"""`lrbench preview` and `lrbench schedulers`: look at schedules before training, take them home afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrbench.cli.app import DONE, app, complete
from lrbench.cli.places import picture_format, put, utf_8
from lrbench.cli.taking import taking
from lrbench.errors import BadConfig, BadSpec
from lrbench.foreign import STANDARD
from lrbench.options import WISHES, is_whole, whole_number
from lrbench.show import PreviewFormat

if TYPE_CHECKING:
    from lrbench.schedules import Horizon


@app.command()
@taking("epochs", "steps_per_epoch", "lr")
def preview(
    schedulers: Annotated[
        str | None, typer.Argument(help=WISHES["schedulers"].help, autocompletion=complete)
    ] = None,
    *,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page to try schedules on, preview.html or -o FILE.")
    ] = False,
    compare_horizons: Annotated[
        str | None, typer.Option(metavar="LIST", help="Draw one schedule on several numbers of epochs: 5,15,50.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Draw into a .png, .svg or .pdf file, or name the page; - is stdout, as PNG or page.",
        ),
    ] = None,
    format: Annotated[PreviewFormat, typer.Option(help="Curves to look at, or every rate as data.")] = "curves",
    **wishes: str | None,
) -> int:
    """Show the curves of schedules, without training.

    \b
    lrbench preview step,cosine
    lrbench preview "cosine(warmup=5%),onecycle" --epochs 30 -o curves.png
    lrbench preview "step(every=5 epochs)" --compare-horizons 5,15,50
    lrbench preview exponential --format csv
    lrbench preview --html cosine,wsd -o page.html
    """
    from lrbench.schedules import Horizon, called, parse_list, warnings

    if schedulers is None and not html:
        raise BadConfig("preview wants a list of schedulers.", "Name some: lrbench preview step,cosine")
    whole, lr = _horizon(wishes, schedulers)
    steps_per_epoch = whole.steps_per_epoch
    specs = parse_list(schedulers or "cosine,wsd", lr)
    if html:
        from lrbench.show import preview_page

        if compare_horizons is not None or format != "curves":
            raise BadConfig("--html is a page.", "Leave --compare-horizons and --format out.")
        put(preview_page.render(specs, whole, lr), out or Path("preview.html"))
        return DONE
    form = picture_format(out) if out and format == "curves" else None
    if compare_horizons is not None:
        lengths = _lengths(compare_horizons)
        if len(specs) > 1 or format != "curves":
            raise BadConfig("--compare-horizons draws one schedule.", "Name one, and leave out --format.")
        horizons = [Horizon(length, steps_per_epoch) for length in lengths]
        tables = {_count(horizon): specs[0].table(horizon) for horizon in horizons}
        warned = [f"{_count(horizon)}: {warning}" for horizon in horizons for warning in warnings(specs, horizon)]
        x_label, x_end, title = "% of the horizon", 100.0, str(specs[0])
    else:
        horizon = whole
        if format != "curves":
            from lrbench.show import preview as data

            if out and str(out) != STANDARD:
                raise BadConfig(
                    f"-o draws a picture, and --format {format} is data.", f"Leave one out, or write > {out}."
                )
            data.WRITERS[format](specs, horizon, utf_8())
            _warn(warnings(specs, horizon))
            return DONE
        tables = dict(zip(called(specs), (each.table(horizon) for each in specs), strict=True))
        warned = warnings(specs, horizon)
        x_label, x_end, title = "step", float(horizon.steps), f"{_count(horizon)} of {steps_per_epoch:,} steps"
    if form:
        from lrbench.show import curve_plot  # matplotlib: only a picture pays for it

        put(curve_plot.draw_curves(tables, form, title=title, x_label=x_label, x_end=x_end), out)
        _warn(warned)
    else:
        from lrbench.show import preview as terminal

        terminal.write_terminal(tables, warned, utf_8(), x_label=x_label, x_end=x_end)
    return DONE


@app.command()
@taking("epochs", "steps_per_epoch", "lr")
def schedulers(
    name: Annotated[
        str | None, typer.Argument(help="A schedule to explain, e.g. cosine.", autocompletion=complete)
    ] = None,
    *,
    code: Annotated[
        Literal["keras", "torch"] | None,
        typer.Option(help="Print a script that uses the schedule there, without lrbench."),
    ] = None,
    with_lrbench: Annotated[
        bool, typer.Option("--with-lrbench", help="With --code: a script that imports lrbench.")
    ] = False,
    **wishes: str | None,
) -> int:
    """List all schedules, explain one, or print its code.

    \b
    lrbench schedulers
    lrbench schedulers cosine
    lrbench schedulers "cosine(warmup=5%)" --code keras
    """
    from lrbench.schedules import REGISTRY, parse
    from lrbench.schedules.aliases import other_name
    from lrbench.show import catalogue, take_home

    if with_lrbench and not code:
        raise BadConfig("--with-lrbench wants --code.", "Add --code keras or --code torch.")
    if name is None:
        if code:
            raise BadConfig(
                "--code wants a schedule.", 'Name one: lrbench schedulers "cosine(warmup=5%)" --code keras'
            )
        catalogue.write_listing(utf_8())
        return DONE
    horizon, lr = _horizon(wishes)
    alias = None if name in REGISTRY else other_name(name)
    schedule = parse(alias[1] if alias else name, lr)
    if code:
        write = take_home.script_with_lrbench if with_lrbench else take_home.script
        put(write(schedule, code, horizon), None)
    elif schedule.is_users_own:
        raise BadSpec(
            f"{schedule.name} is a function of yours.", f"See its curve: lrbench preview {schedule.name}"
        )
    else:
        catalogue.write_explanation(schedule, utf_8(), f"{alias[0]} is {alias[1]} here." if alias else "")
    return DONE


def _horizon(wishes: Mapping[str, str | None], schedulers: str | None = None) -> "tuple[Horizon, float]":
    """Return how long a training is looked at, and the peak rate. Raises BadConfig."""
    from lrbench.config import load_config
    from lrbench.optimizers import peak_rate
    from lrbench.schedules import Horizon

    resolved = load_config(None, {"epochs": wishes["epochs"], "lr": wishes["lr"], "schedulers": schedulers})
    steps = wishes["steps_per_epoch"]
    steps = str(WISHES["steps_per_epoch"].default) if steps is None else steps
    if not isinstance(resolved.epochs, int):
        raise BadConfig("--epochs is one number here.", "For several horizons, write --compare-horizons 5,15,50")
    return Horizon(resolved.epochs, whole_number("steps_per_epoch", steps)), peak_rate(
        resolved.lr, resolved.optimizer
    ).value


def _warn(warned: list[str]) -> None:
    for warning in warned:
        typer.echo(f"Warning: {warning}", err=True)


def _lengths(text: str) -> list[int]:
    words = [word.strip() for word in text.split(",")]
    if not all(is_whole(word) and int(word) > 0 for word in words):
        raise BadConfig(f"--compare-horizons {text}: no list of numbers of epochs.", "Write 5,15,50.")
    return [int(word) for word in words]


def _count(horizon: "Horizon") -> str:
    return f"{horizon.epochs} epoch{'s' if horizon.epochs > 1 else ''}"
