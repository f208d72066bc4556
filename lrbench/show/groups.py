"""The runs of one schedule as one thing to draw. It has the same colour, dashes and marker in all pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lrbench.judging.questions import Answer
from lrbench.runs import Finished, Status
from lrbench.schedules.knots import interpolate
from lrbench.show.canvas import shown
from lrbench.show.styles import Style, styles

Table = NDArray[np.float64]
BORDER = 1.18  # of the highest value of who finished: where an axis ends, with room for a line of text
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
    return [
        Group(label, tuple(runs.get(label, ())), scores.finals(label), scores.lost(label), style)
        for label, style in styles(scores.values).items()
    ]


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
) -> None:
    """Draw the mean over runs, and with several runs the band from the lowest to the highest; (runs, x)."""
    alive = np.isfinite(table).any(axis=0)
    x, table = x[alive], table[:, alive]
    if table.shape[0] > 1:
        low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
        step: Any = "post" if drawstyle == "steps-post" else None
        axes.fill_between(x, low, high, step=step, color=each.colour, alpha=0.13, linewidth=0)
    axes.plot(
        x,
        np.nanmean(table, axis=0),
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


def within(groups: Sequence[Group], tables: Sequence[Table]) -> tuple[list[Table], dict[str, str]]:
    """Let those that finished decide how high an axis reaches; what others have above runs along its border.

    tables: float64 (runs, x) of each group. Also returns who was cut, by label: `hot (1000)`, the highest value.
    """
    highest = [float(np.nanmax(table)) if np.isfinite(table).any() else -math.inf for table in tables]
    ended = [top for top, each in zip(highest, groups, strict=True) if each.finals.size]
    border = BORDER * max(ended) if ended else math.inf
    cut = {
        each.label: f"{each.label} ({top:.4g})" for top, each in zip(highest, groups, strict=True) if top > border
    }
    return [np.minimum(table, border) for table in tables], cut


def name_cut(axes: Axes, cut: Sequence[str]) -> None:
    """Say in a panel whose curves run along its upper border, and how high they are."""
    if cut:
        said = ", ".join(cut[:MOST_CUT]) + (f" and {len(cut) - MOST_CUT} more" if len(cut) > MOST_CUT else "")
        drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
        axes.set_ylim(top=max(float(np.nanmax(values)) for values in drawn if values.size))
        text = shown(f"above: {said}", CUT_WIDTH)
        axes.text(0.99, 0.985, text, transform=axes.transAxes, ha="right", va="top", fontsize=8)
