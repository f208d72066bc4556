"""A learning-rate range test to look at: curves in the terminal or as a picture, and what they suggest."""

from typing import TYPE_CHECKING, TextIO

import numpy as np
import plotille
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrbench.show import PlotFormat, counted, printable
from lrbench.show.preview import ARROW, BESIDE, NARROWEST, POINTS, WIDEST, console_on
from lrbench.show.styles import INKS, Style
from lrbench.studies.find_lr import Found
from lrbench.studies.range_test import Curve, Suggestion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AIR = 0.05  # of the height, above and below the curves
AIR_LOG = 1.5  # where it is logarithmic


def rate_text(rate: float) -> str:
    """Return a rate as it is suggested: no more is known of it than two digits."""
    return f"{rate:.2g}"


def write_terminal(found: Found, stream: TextIO, *, drawn: bool = True) -> None:
    """Write what was swept, the curves if they are to be drawn, the suggestions, and why there is none."""
    console = console_on(stream)
    console.width = max(console.width, NARROWEST)
    console.print(printable(found.describe()))
    console.print(f"{_swept(found)}; {counted(len(found.curves), 'seed')}")
    if drawn:
        console.print(_smoothing(found))
        colourful = console.is_terminal and not console.no_color and not console.is_dumb_terminal
        console.print(Text.from_ansi(_figure(found, colourful, min(console.width, WIDEST))))
    console.print(_listing(found))
    _write_notes(found, console)


def curve_line(curve: Curve) -> str:
    """Say in a line how a seed's sweep ended."""
    end = "did not diverge" if curve.diverged is None else f"diverged at the rate {rate_text(curve.diverged)}"
    return f"seed {curve.seed}: {end}"


def picture(found: Found, form: PlotFormat) -> bytes:
    """Draw all curves, and each suggestion with the range of its seeds; return the picture as a file's bytes."""
    import matplotlib as mpl  # only who wants a picture pays for it
    from matplotlib.figure import Figure

    from lrbench.show import canvas

    with mpl.rc_context(canvas.STYLE):
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        axes = figure.subplots()
        for i, curve in enumerate(found.curves):
            steps = canvas.thinned(len(curve.means)) if len(curve.means) else np.empty(0, int)
            label = f"loss, {counted(len(found.curves), 'seed')}" if i == 0 else None
            axes.plot(curve.at[steps], curve.means[steps], color="#444444", linewidth=0.9, label=label)
        for i, each in enumerate(found.suggestions):
            _mark(axes, each, Style(1 + i, i))
        sweep = found.sweep
        if sweep.scale == "exponential":
            axes.set_xscale("log")
        low, high = _ends(found)
        if low > 0:
            canvas.log_if_wide(axes, low, high)
        is_log = axes.get_yscale() == "log"
        axes.set(xlim=(sweep.lowest, sweep.highest), title="Learning-rate range test")
        axes.set_ylim(*((low / AIR_LOG, high * AIR_LOG) if is_log else _heights(found)))
        axes.set_xlabel("learning rate" + canvas.LOG_WORDS.get(axes.get_xscale(), ""))
        unit = found.setting.subject.figures[0].unit
        canvas.label_y(axes, f"training loss, smoothed{f' ({unit})' if unit else ''}")
        title = f"{found.describe()}\n{_swept(found)}; {_smoothing(found)}"
        figure.suptitle(title, fontsize=8.5, color="#444444", parse_math=False)
        canvas.add_legend(figure, axes)
        return canvas.picture_of(figure, form)


def _mark(axes: "Axes", each: Suggestion, style: Style) -> None:
    """Draw a suggestion as a line in the range of its seeds; where there is none, only the legend says so."""
    if each.rate is None or each.span is None:
        axes.plot([], [], " ", label=f"{each.rule.title}: no suggestion")
        return
    axes.axvspan(*each.span, color=style.colour, alpha=0.15, linewidth=0)
    label = f"{each.rule.title}: {rate_text(each.rate)} ({_range(each.span)})"
    axes.axvline(each.rate, color=style.colour, linestyle=style.dashes, label=label)


def _swept(found: Found) -> str:
    """Say in a line how the rate rose."""
    sweep = found.sweep
    steps = counted(sweep.steps, "step")
    return f"{steps} from the rate {sweep.lowest:g} to {sweep.highest:g}, {sweep.scale}"


def _smoothing(found: Found) -> str:
    """Say what is shown of the losses."""
    return f"loss: bias-corrected exponential mean, smooth {found.sweep.smooth:.3g}"


def _range(ends: tuple[float, float] | None) -> str:
    """Say a range of rates: `0.1 to 0.2`, or `0.1` where its ends read alike; empty if there is none."""
    return " to ".join(dict.fromkeys(map(rate_text, ends or ())))


def _listing(found: Found) -> Table:
    listing = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    listing.add_column("suggested by", overflow="fold")
    listing.add_column("rate", justify="right", no_wrap=True)
    listing.add_column(f"over {counted(len(found.curves), 'seed')}", overflow="fold")
    listing.add_column("95 % interval", overflow="fold")
    for each in found.suggestions:
        rate = "none" if each.rate is None else rate_text(each.rate)
        listing.add_row(each.rule.title, rate, _range(each.span), _range(each.interval))
    return listing


def _write_notes(found: Found, console: Console) -> None:
    for each in found.suggestions:
        if each.rate is None:
            console.print(f"No suggestion by {each.rule.title}: {each.reason}.")
    if len(found.curves) == 1:
        console.print("One seed: nothing says what another one would suggest; add --seeds 5.")
    if found.remark:
        console.print(printable(f"Note: {found.remark}"))


def _ends(found: Found) -> tuple[float, float]:
    """Return the least and the greatest mean of all that comes before each curve's best."""
    before = [each.means[: int(each.means.argmin()) + 1] for each in found.curves if each.means.size]
    values = np.concatenate(before) if before else np.array([0.0, 1.0])
    return float(values.min()), float(values.max())


def _heights(found: Found) -> tuple[float, float]:
    """Return the ends of a linear axis of losses."""
    low, high = _ends(found)
    air = AIR * (high - low) or AIR * abs(high) or 1.0
    return (low - air if low < 0 else max(0.0, low - air)), high + air


def _figure(found: Found, colourful: bool, columns: int) -> str:
    """The curves and their axes, in so many columns."""
    sweep = found.sweep
    is_log = sweep.scale == "exponential"
    place = np.log10 if is_log else np.asarray
    first, last = place([sweep.lowest, sweep.highest]).tolist()
    low, high = _heights(found)
    figure = plotille.Figure()
    figure.width, figure.height = _width(columns - BESIDE - len("1e-06"), last - first if is_log else 0), 16
    figure.color_mode = "byte"
    figure.with_colors = colourful
    figure.origin = False
    figure.x_label, figure.y_label = "", "loss"
    figure.x_ticks_fkt = lambda value, _: rate_text(10**value if is_log else value)
    figure.y_ticks_fkt = lambda value, _: f"{value:.4g}"
    figure.set_x_limits(first, last)
    figure.set_y_limits(low, high)
    for i, curve in enumerate(found.curves):
        seen = np.flatnonzero(curve.means <= high)
        steps = seen[np.unique(np.linspace(0, len(seen) - 1, POINTS).astype(int))] if len(seen) else seen
        x, y = place(curve.at[steps]).tolist(), curve.means[steps].tolist()
        if colourful:
            figure.plot(x, y, lc=INKS[i % len(INKS)].terminal)
        else:
            figure.plot(x, y, interp=None, marker=chr(ord("a") + i % 26))
    lines = str(figure.show()).replace("-> ()", ARROW).splitlines()
    label = f"learning rate{', log scale' if is_log else ''}"
    return "\n".join([*map(str.rstrip, lines), " " * BESIDE + label])


def _width(room: int, decades: float) -> int:
    """Return how many columns to draw in: ten for each decade if that fits, for every tenth column has a tick."""
    whole = 10 * round(decades)
    return whole if abs(whole - 10 * decades) < 0.1 and 40 <= whole <= room else room - room % 10
