"""`lrbench preview` and `lrbench schedulers`: look at schedules before training, take them home afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrbench.cli.app import DONE, app, complete
from lrbench.cli.places import free_place, picture_format, put, utf_8
from lrbench.cli.taking import ConfigFile, taking
from lrbench.errors import BadConfig, BadSpec
from lrbench.foreign import STANDARD
from lrbench.options import WISHES, is_whole, whole_number
from lrbench.show import PreviewFormat

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.schedules import Horizon


@app.command()
@taking("epochs", "steps_per_epoch", "lr")
def preview(
    context: typer.Context,
    schedulers: Annotated[
        str | None, typer.Argument(help=WISHES["schedulers"].help, autocompletion=complete)
    ] = None,
    *,
    config: ConfigFile = None,
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
    lrbench preview -c tutorial-five
    lrbench preview "cosine(warmup=5%),onecycle" --epochs 30 -o curves.png
    lrbench preview "step(every=5 epochs)" --compare-horizons 5,15,50
    lrbench preview exponential --format csv
    lrbench preview --html cosine,wsd -o page.html
    """
    from lrbench.config import load_config
    from lrbench.schedules import Horizon, called, parse_list, warnings

    if schedulers is None and not html and config is None:
        raise BadConfig(
            "preview requires a list of schedulers.", "Name some: lrbench preview step,cosine; or a file: -c FILE"
        )
    resolved = load_config(config, {"epochs": wishes["epochs"], "lr": wishes["lr"], "schedulers": schedulers})
    whole, lr = _horizon(resolved, wishes, debug=context.obj["debug"], of_config=config is not None)
    steps_per_epoch = whole.steps_per_epoch
    specs = parse_list(schedulers or (",".join(resolved.schedulers) if config else "cosine,wsd"), lr)
    if html:
        from lrbench.show import preview_page

        if compare_horizons is not None or format != "curves":
            raise BadConfig("--html is a page.", "Leave --compare-horizons and --format out.")
        free_place(out, "preview.html")
        put(preview_page.render(specs, whole, lr), out or Path("preview.html"))
        return DONE
    form = picture_format(out) if out and format == "curves" else None
    free_place(out if form else None, "curves.png")
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
    from lrbench.config import load_config
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
    horizon, lr = _horizon(load_config(None, {"epochs": wishes["epochs"], "lr": wishes["lr"]}), wishes)
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


def _horizon(
    resolved: "Config", wishes: Mapping[str, str | None], *, debug: bool = False, of_config: bool = False
) -> "tuple[Horizon, float]":
    """Return how long a training is looked at, and the peak rate. Raises BadConfig.

    The updates per epoch are those that are asked for, or else those of what a configuration file trains.
    """
    from lrbench.optimizers import peak_rate
    from lrbench.schedules import Horizon

    if not isinstance(resolved.epochs, int):
        raise BadConfig(
            "--epochs must be a single number for this command.",
            "For several horizons, write --compare-horizons 5,15,50",
        )
    peaks = {peak_rate(each.lr, each.optimizer).value for each in resolved.each()}
    if len(peaks) > 1:
        raise BadConfig("These optimizers have different default peak rates.", "Choose one rate: --lr 0.1")
    steps = wishes["steps_per_epoch"]
    if steps is None and of_config:
        return Horizon(resolved.epochs, _updates_per_epoch(resolved, debug=debug)), peaks.pop()
    steps = str(WISHES["steps_per_epoch"].default) if steps is None else steps
    return Horizon(resolved.epochs, whole_number("steps_per_epoch", steps)), peaks.pop()


def _updates_per_epoch(resolved: "Config", *, debug: bool) -> int:
    """Return the updates per epoch of what a configuration file trains; a model of the user's is made for that."""
    from lrbench.plan import find_problem, resolve_setting
    from lrbench.show import noise

    with noise.kept_off_screen(show=debug):
        problem = find_problem(resolved)
        return resolve_setting(resolved.each()[0], problem).horizon.steps_per_epoch


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
