"""The runs of one schedule as one thing to draw. It has the same colour, dashes and marker in all pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lrbench.judging.questions import Answer
from lrbench.judging.scores import Scores
from lrbench.runs import Figure as Measured
from lrbench.runs import Finished, Status
from lrbench.schedules.knots import interpolate
from lrbench.show.canvas import shown
from lrbench.show.sight import ALL, Window, mark_places, rate_window, window_of
from lrbench.show.sight import named as names_beyond
from lrbench.show.styles import Style, styles

Table = NDArray[np.float64]
BORDER = 0.14  # of an axis, beyond the last value in sight: room for a line of text
AIR = 0.4  # of that, at the other end
ROW_ROOM = 0.25  # of what a row shows, at the end where values beyond the border are written
BEYOND = "_beyond"  # label of the marks at a border; a legend passes it over
MOST_CUT = 3  # schedules that are named above an axis
CUT_WIDTH = 44  # characters


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one schedule, and how it is drawn everywhere. Figures are (runs, epochs), nan after an end."""

    label: str
    runs: tuple[Finished, ...]  # none if all that is known are figures from elsewhere
    finals: NDArray[np.float64]  # the answer's figure of the runs that finished: (n,)
    unfinished: int  # runs without one
    style: Style
    in_sight: bool  # whether its final figure is in sight of the best one, by the rule for axes

    @property
    def colour(self) -> str:
        return self.style.colour

    @property
    def dashes(self) -> Any:
        return self.style.dashes

    @property
    def marker(self) -> str:
        return self.style.marker

    @property
    def said(self) -> str:
        """Its label, and how many of its runs did not finish."""
        ends = [one.result.status for one in self.runs]
        lost = [f"{ends.count(end)} {end}" for end in (Status.DIVERGED, Status.FAILED) if end in ends]
        if self.unfinished and not lost:
            lost = [f"{self.unfinished} lost"]
        return f"{self.label} ({', '.join(lost)} of {self.finals.size + self.unfinished})" if lost else self.label

    @property
    def legend(self) -> str:
        return shown(self.said)

    def epochs(self, field: str) -> NDArray[np.float64]:
        """Return a column of epochs.csv for each run: float64 (runs, epochs)."""
        table = np.full((len(self.runs), self.runs[0].setting.epochs), np.nan)
        for values, one in zip(table, self.runs, strict=True):
            for i, value in enumerate(one.column(field)):
                values[i] = np.nan if value is None or not math.isfinite(value) else value
        return table


def group(answer: Answer) -> list[Group]:
    """Return the runs by schedule, each with its style: known curves first, then the others by their labels."""
    runs = answer.experiment.groups if answer.experiment else {}
    scores = answer.scores
    window = finals_window(scores, 1)
    return [
        Group(
            label,
            tuple(runs.get(label, ())),
            scores.finals(label),
            scores.lost(label),
            style,
            in_sight=window.inside(np.array([scores.mean(label)])).size > 0,
        )
        for label, style in styles(scores.values).items()
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """What a mark at a border says of a curve that is no group of runs."""

    label: str
    colour: str


def best_first(answer: Answer) -> list[str]:
    """Return the schedules, the best mean first; those that stand apart come last."""
    return sorted(answer.scores.ranked(), key=lambda label: label in answer.apart)


def mean_and_range(
    axes: Axes,
    x: NDArray[np.int64],
    table: NDArray[np.float64],
    each: Group,
    marker: str | None,
    drawstyle: Literal["default", "steps-post"] = "default",
    label: str | None = None,
    window: Window = ALL,
) -> None:
    """Draw the mean over runs, and with several runs the band from the lowest to the highest; (runs, x)."""
    alive = np.isfinite(table).any(axis=0)
    x, table = x[alive], table[:, alive]
    if table.shape[0] > 1:
        low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
        step: Any = "post" if drawstyle == "steps-post" else None
        axes.fill_between(
            x, window.drawn(low), window.drawn(high), step=step, color=each.colour, alpha=0.13, linewidth=0
        )
    axes.plot(
        x,
        window.drawn(np.nanmean(table, axis=0)),
        color=each.colour,
        linestyle=each.dashes,
        marker=marker,
        markersize=4,
        linewidth=1.6,
        label=each.legend if label is None else label,
        drawstyle=drawstyle,
    )


def used_rates(each: Group, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rates that a schedule used at some steps: float64 (curves, steps), nan after a run's end.

    One curve, unless feedback made the seeds' rates differ: what `lr` logs of each epoch then scales its part.
    """
    first = each.runs[0]
    horizon = first.setting.horizon
    longest = int(np.argmax([len(one.result.rows) for one in each.runs]))
    epochs = steps // horizon.steps_per_epoch
    if first.curve is None:  # stored by an early version: straight lines from lr_first to lr
        rows = slice(None) if first.schedule.feedback else slice(longest, longest + 1)
        begin, end = each.epochs("lr_first")[rows, epochs], each.epochs("lr")[rows, epochs]
        share = steps % horizon.steps_per_epoch / max(horizon.steps_per_epoch - 1, 1)
        return np.asarray(begin + share * (end - begin))
    planned = interpolate(first.curve, steps)
    if not first.schedule.feedback:
        return np.where(epochs < len(each.runs[longest].result.rows), planned, np.nan)[None, :]
    ends = interpolate(first.curve, np.arange(1, horizon.epochs + 1) * horizon.steps_per_epoch - 1)
    scale = each.epochs("lr") / np.where(ends > 0, ends, 1)
    return np.asarray(scale[:, epochs] * planned)


def figure_window(groups: Sequence[Group], tables: Sequence[Table], figure: Measured) -> Window:
    """Return what an axis shows of a figure, a share in percent. tables: float64 (runs, x) of each group."""
    ended = [table for table, each in zip(tables, groups, strict=True) if each.finals.size]
    others = [table for table, each in zip(tables, groups, strict=True) if not each.finals.size]
    best = 100.0 if figure.is_share and figure.better == "higher" else 0.0
    return window_of(ended, lower=figure.better == "lower", best=best, others=others) if ended else ALL


def rates_window(groups: Sequence[Group], tables: Sequence[Table]) -> Window:
    """Return what an axis shows of the rates: those of the schedules whose results are in sight of the best."""
    deciding = [table for table, each in zip(tables, groups, strict=True) if each.in_sight]
    others = [table for table, each in zip(tables, groups, strict=True) if not each.in_sight]
    return rate_window(deciding, others) if deciding else ALL


def mark_border(
    axes: Axes,
    window: Window,
    groups: Sequence[Group | Line],
    x: NDArray[np.int64] | Table,
    tables: Sequence[Table],
    named: Sequence[Group | Line] | None = None,
    end: bool = True,
    words: bool = True,
) -> None:
    """End an axis at the border of what is in sight; mark where curves leave, and name them with their extremes.

    `named`: those that are marked and named here; None: all. `end`: unless another axis that is shared did.
    """
    if window.is_open:
        return
    if end:
        _end_axis(axes, window, np.concatenate([window.inside(table) for table in tables]))
    along = axes.xaxis.get_transform()
    for each, places in zip(groups, mark_places(along.transform(x.astype(float)), tables, window), strict=True):
        if places and (named is None or each in named):
            border_marks(
                axes,
                each.colour,
                along.inverted().transform(np.array(places)),
                0.0 if window.leaves_below else 1.0,
                vertical=True,
            )
    here = [(each, table) for each, table in zip(groups, tables, strict=True) if named is None or each in named]
    leaving = names_beyond([each.label for each, _ in here], [table for _, table in here], window)
    if leaving and words:
        more = f" and {len(leaving) - MOST_CUT} more" if len(leaving) > MOST_CUT else ""
        text = shown(
            f"{'below' if window.leaves_below else 'above'}: {', '.join(leaving[:MOST_CUT])}{more}", CUT_WIDTH
        )
        y, place = (0.03, "bottom") if window.leaves_below else (0.97, "top")
        axes.text(0.99, y, text, transform=axes.transAxes, ha="right", va=place, fontsize=8)


def _end_axis(axes: Axes, window: Window, seen: Table) -> None:
    """Let the y axis end a little beyond the last value in sight, with room for a line of text."""
    if not seen.size:
        return
    place, back = axes.yaxis.get_transform(), axes.yaxis.get_transform().inverted()
    ends = np.array([seen.min(), seen.max()])
    if axes.get_yscale() != "linear":  # then its other end is chosen already, and may hide what is tiny
        low, high = axes.get_ylim()
        ends = np.array([low if math.isinf(window.low) else ends[0], high if math.isinf(window.high) else ends[1]])
    first, last = place.transform(ends)
    room = BORDER * float(last - first) or BORDER * abs(float(last)) or 1.0
    air = AIR * room if axes.get_yscale() == "linear" else 0.0
    bottom = first - (room if math.isfinite(window.low) else air)
    top = last + (room if math.isfinite(window.high) else air)
    axes.set_ylim(*back.transform(np.array([bottom, top])))


def finals_window(scores: Scores, scale: int) -> Window:
    """Return what an axis shows of the final figures, times a scale: 100 where shares are in percent."""
    best = float(scale) if scores.is_share and not scores.lower_is_better else 0.0
    finals = [scale * scores.finals(label)[:, None] for label in scores.values]
    return window_of(finals, lower=scores.lower_is_better, best=best)


def end_rows(axes: Axes, window: Window, seen: Table) -> None:
    """End the x axis of rows where what is in sight ends, with room beside it for the values that are not."""
    if window.is_open or not seen.size:
        return
    low, high = float(seen.min()), float(seen.max())
    air = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    room = ROW_ROOM * (high - low) or air
    axes.set_xlim(
        low - (room if math.isfinite(window.low) else air), high + (room if math.isfinite(window.high) else air)
    )


def label_beyond(axes: Axes, colour: str, y: float, window: Window, value: float) -> None:
    """Mark in a row that a value lies beyond the border, and write it there."""
    end = 0.0 if value < window.low else 1.0
    border_marks(axes, colour, [y], end, vertical=False)
    axes.annotate(
        f"{value:.4g}".replace("-", "−"),
        (end, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8 - 16 * end, 0),
        textcoords="offset points",
        ha="right" if end else "left",
        va="center",
        fontsize=8,
    )


def border_marks(axes: Axes, colour: str, places: Sequence[float] | Table, end: float, *, vertical: bool) -> None:
    """Draw a triangle at each place along a border, pointing out of the axes.

    `end`: 0 at the lower end of the axis, 1 at the upper. vertical: of the y axis, at places along x.
    """
    marker = {(True, 0.0): "v", (True, 1.0): "^", (False, 0.0): "<", (False, 1.0): ">"}[vertical, end]
    ends = [end] * len(places)
    axes.plot(
        *((places, ends) if vertical else (ends, places)),
        transform=axes.get_xaxis_transform() if vertical else axes.get_yaxis_transform(),
        marker=marker,
        color=colour,
        markersize=7,
        linestyle="none",
        clip_on=False,
        zorder=5,
        label=BEYOND,
    )
