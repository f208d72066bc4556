"""A comparison against the number of seeds: what each look showed, and when it was settled."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lrbench.designs import ALPHA
from lrbench.judging.comparisons import Comparison
from lrbench.judging.looks import Look, looks_of
from lrbench.judging.pairs import pairs_of
from lrbench.judging.questions import Answer
from lrbench.show.canvas import Picture, clipped
from lrbench.show.groups import Group
from lrbench.show.sentences import figure_name, signed, unit
from lrbench.show.verdict_plots import VERDICT_COLOURS, percents

COLUMNS = 3
MOST_PANELS = 12
WIDEST = 2  # times the last interval: what of the others an axis shows
AIR = 0.06  # of an axis, at each of its ends
MOST_LETTERS = 18  # of each label above a panel
MEANS = "lines are mean differences"
BANDS = ", bands 95 % intervals that hold at every look; ◆ is where a verdict was settled"
TOO_FEW = "; so few pairs have no interval that holds at every look"
ONCE = "; one look was declared and counts: the bands show what looking after every seed would have allowed"


def shown(answer: Answer) -> list[Comparison]:
    """Return the comparisons that there is more than one look at, a few of many."""
    return [each for each in answer.comparisons if each.n > 2][:MOST_PANELS]


def note(answer: Answer) -> str:
    """Say how to read the picture."""
    compared = shown(answer)
    if not any(
        math.isfinite(look.low) and math.isfinite(look.high) for each in compared for look in _looks(answer, each)
    ):
        return MEANS + TOO_FEW
    return MEANS + BANDS + (ONCE if all(each.design == "fixed" for each in compared) else "")


def draw_looks(answer: Answer, groups: Sequence[Group]) -> Figure:
    """Draw a panel for each comparison: mean difference and its interval at every look, by the number of pairs."""
    compared = shown(answer)
    colours = {each.label: each.colour for each in groups}
    rows = math.ceil(len(compared) / COLUMNS)
    columns = min(COLUMNS, len(compared))
    figure: Figure = Picture(figsize=(max(6.0, 3.7 * columns), 1.0 + 2.7 * rows), layout="constrained")
    places = list(np.atleast_1d(figure.subplots(rows, columns, sharex=True)).flat)
    scale = percents(answer.scores)
    for axes, each in zip(places, compared, strict=False):
        looks = _looks(answer, each)
        _panel(axes, each, looks, scale, colours.get(each.scheduler, "#444444"))
    for axes in places[len(compared) :]:
        axes.set_axis_off()
    points = "points" if answer.scores.is_share else figure_name(answer.scores.metric)
    figure.supylabel(f"difference, {points}", fontsize=9)
    figure.supxlabel("pairs of seeds", fontsize=9)
    return figure


def _looks(answer: Answer, each: Comparison) -> list[Look]:
    design = answer.designs(each.scheduler, each.baseline)
    return looks_of(pairs_of(answer.scores, each.scheduler, each.baseline, design), design)


def settled(each: Comparison, looks: Sequence[Look]) -> Look | None:
    """Return the first look at which its verdict stood: its p below Holm's level, or all inside the margin."""
    if each.design == "fixed" or each.verdict not in ("better", "worse", "equivalent"):
        return None
    if each.verdict == "equivalent":
        margin = each.margin or 0.0
        return next((look for look in looks if -margin < look.low and look.high < margin), None)
    level = ALPHA * each.p_value / each.p_holm if each.p_holm else ALPHA
    return next((look for look in looks if look.p < level or look.p == each.p_value), None)


def _panel(axes: Axes, each: Comparison, looks: Sequence[Look], scale: int, colour: str) -> None:
    n = [look.n for look in looks]
    axes.axhline(0, color="#444444", linewidth=0.8)
    if each.margin is not None:
        axes.axhspan(-scale * each.margin, scale * each.margin, color="#dddddd", zorder=0)
    ends = np.array([[look.low, look.high] for look in looks])
    ends[~np.isfinite(ends).all(1)] = np.nan  # no interval yet
    means = scale * np.array([look.mean for look in looks])
    low, high = limits(means, scale * ends)
    for end, clipped_at, marker in ((0, low, "v"), (1, high, "^")):
        beyond = (scale * ends[:, end] < low) if end == 0 else (scale * ends[:, end] > high)
        places = np.array(n)[beyond]
        if places.size:
            axes.plot(places, [clipped_at] * places.size, marker, color=colour, markersize=4, clip_on=False)
    axes.fill_between(
        n, *np.clip(scale * ends.T, 2 * low - high, 2 * high - low), color=colour, alpha=0.18, linewidth=0
    )
    axes.plot(n, means, color=colour, linewidth=1.6)
    axes.set_ylim(low, high)
    if look := settled(each, looks):
        axes.plot([look.n], [scale * look.mean], marker="D", color=VERDICT_COLOURS[each.verdict], markersize=7)
    for before in each.looks:
        axes.axvline(before, color="#999999", linewidth=0.8, linestyle=":")
    difference = f"{signed(each, each.mean_difference, '+')}{unit(each)}"
    who = f"{_short(each.scheduler)} − {_short(each.baseline)}"
    axes.set_title(clipped(f"{who}\n{each.verdict}, {difference}, n = {each.n}"), fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def limits(means: NDArray[np.float64], ends: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis that what is drawn fills: means, 0, the last interval, and others near it.

    ends: float64 (looks, 2), nan where there is no interval yet. The first intervals are so wide that they hide
    the rest: they leave the axis where they are wider than twice the last one.
    """
    known = ends[np.isfinite(ends).all(axis=1)]
    values = [0.0, *means]
    if len(known):
        first, last = known[-1]
        reach = WIDEST * (last - first) / 2
        values += [first, last]
        values += [min(max(end, (first + last) / 2 - reach), (first + last) / 2 + reach) for end in known.flat]
    low, high = min(values), max(values)
    air = AIR * (high - low) or 1.0
    return float(low - air), float(high + air)


def _short(label: str) -> str:
    return label if len(label) <= MOST_LETTERS else label[: MOST_LETTERS - 1] + "…"
