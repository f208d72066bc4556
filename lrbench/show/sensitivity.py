"""How sensitive schedules are to their peak rate: the picture of a search."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lrbench.runs import Figure as Measured
from lrbench.searches import Trial, Tuned, Tuning
from lrbench.show.canvas import Picture, add_legend, fitted, label_y, scale_y
from lrbench.show.groups import Group, mark_border
from lrbench.show.sentences import axis_label
from lrbench.show.sight import Window

ROW = 0.24  # inches of a schedule in the panel of the best rates
DEEP = 3  # times what the best schedule lacks: as far as the axis goes at least
NOTE = "below: stars are the best rates, lines the rates near the best, crosses rates that lost a run"


@dataclass(frozen=True, slots=True)
class Sweep:
    """The trials of one schedule with its best parameters, by peak rate; shares in percent."""

    tuned: Tuned
    best: Trial
    group: Group
    rates: list[float]
    values: NDArray[np.float64]  # (rates, tuning seeds), nan where a run was lost

    @property
    def means(self) -> NDArray[np.float64]:
        """Return the mean by rate: float64 (rates,), nan where a run was lost."""
        return np.where(np.isnan(self.values).any(1), math.nan, self.values.mean(1))


def draw_sensitivity(tuning: Tuning, measured: Measured, groups: Sequence[Group]) -> Figure:
    """Draw the final validation figure against the peak rate, and below it where each schedule is at its best."""
    sweeps = _sweeps(tuning, measured, groups)
    names = fitted([each.tuned.contender.words for each in sweeps], 1)
    height = 0.35 + ROW * len(sweeps)
    figure: Figure = Picture(figsize=(8, 5.0 + height), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4.2, height))
    window = _window(sweeps, measured)
    for each in sweeps:
        _curve(axes, each, window)
    axes.set_xscale("log")
    scale_y(axes, [window.inside(each.values) for each in sweeps], measured)
    rates = np.array(sorted({rate for each in sweeps for rate in each.rates}))
    tables = [_on_all(each, rates) for each in sweeps]
    mark_border(axes, window, [each.group for each in sweeps], rates, tables, words=False)
    axes.set_title(f"Sensitivity: final validation {measured.title} by peak rate")
    label_y(axes, axis_label(measured))
    for y, each in enumerate(sweeps):
        _row(below, y, each)
    below.set(xlabel="peak rate (log)", ylim=(len(sweeps) - 0.4, -0.6))
    below.set_yticks(range(len(sweeps)), names, fontsize=8.5)
    add_legend(figure, axes)
    return figure


def _sweeps(tuning: Tuning, measured: Measured, groups: Sequence[Group]) -> list[Sweep]:
    """Return what there is to draw, in the order of the groups."""
    by_variant = {(each.runs[0].schedule.name, each.runs[0].schedule.parameters): each for each in groups}
    scale = 100 if measured.is_share else 1
    found = []
    for tuned in tuning.tuned:
        group = next((by_variant[variant] for variant in tuned.contender.variants if variant in by_variant), None)
        if group is None or tuned.best is None:
            continue
        same = [trial for trial in tuned.trials if trial.point.variant == tuned.best.point.variant]
        values = [[math.nan if value is None else scale * value for _, value in trial.values] for trial in same]
        rates = [trial.point.lr for trial in same]
        found.append(Sweep(tuned, tuned.best, group, rates, np.array(values)))
    return sorted(found, key=lambda each: groups.index(each.group))


def _window(sweeps: Sequence[Sweep], measured: Measured) -> Window:
    """Return what the axis shows: the best of every schedule, and DEEP times what the best of all lacks.

    At rates that are far too high, all schedules fall to chance; what happens before would be a line at the top.
    """
    lower = measured.better == "lower"
    sign = 1 if lower else -1
    ideal = 100.0 if measured.is_share and not lower else 0.0
    bests = [sign * float(np.nanmin(sign * each.means)) for each in sweeps]
    if not bests:
        return Window()
    best = sign * min(sign * value for value in bests)
    room = max(DEEP * abs(best - ideal), *(2 * abs(value - best) for value in bests))
    values = np.concatenate([each.values.ravel() for each in sweeps])
    limit = sign * best + room
    if not room or np.nanmax(sign * values) <= limit:
        return Window()
    border = sign * limit
    return Window(high=border, room=room) if lower else Window(low=border, room=room)


def _on_all(each: Sweep, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means at all rates of the picture: float64 (1, rates), nan at those that it was not tried at."""
    means = dict(zip(each.rates, each.means, strict=True))
    return np.array([[means.get(rate, math.nan) for rate in rates]])


def _curve(axes: Axes, each: Sweep, window: Window) -> None:
    group = each.group
    axes.plot(
        each.rates,
        window.drawn(each.means),
        color=group.colour,
        linestyle=group.dashes,
        marker=group.marker,
        markersize=4,
        label=each.tuned.contender.words,
    )
    seen = np.isfinite(each.means)
    low, high = (np.where(seen, window.drawn(end), math.nan) for end in (each.values.min(1), each.values.max(1)))
    axes.fill_between(each.rates, low, high, color=group.colour, alpha=0.15, linewidth=0)


def _row(axes: Axes, y: int, each: Sweep) -> None:
    """Draw a schedule's best rate, the rates near it and those that lost a run in a row of its own."""
    lost = [rate for rate, mean in zip(each.rates, each.means, strict=True) if math.isnan(mean)]
    colour = each.group.colour
    if each.tuned.near:
        axes.plot(each.tuned.near, [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
    axes.plot(lost, [y] * len(lost), "x", color=colour, markersize=6)
    axes.plot([each.best.point.lr], [y], "*", markersize=13, color=colour, markeredgecolor="white")
