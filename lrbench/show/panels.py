"""Pictures that grow with the number of schedules: the way to a target, and one panel per schedule."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from lrbench.judging.targets import Reached
from lrbench.runs import Figure as Measured
from lrbench.show import sentences
from lrbench.show.canvas import clipped, height_of, log_if_wide, shown
from lrbench.show.groups import Group, lowest_shown, mean_and_range, within

WIDTH = 8  # inches
PANELS_ABREAST = 4  # of panels
SIZE = 8.0  # points, in panels
LEGEND_CHARACTERS = 72  # in a line
MANY = 6  # schedules that one panel can show together


def draw_target(reached: Sequence[Reached], groups: list[Group]) -> Figure:
    """The validation figure by updates, the target as a line; a mark where the median run reached it."""
    looks = {each.label: each for each in groups}
    labels = [shown(f"{looks[each.scheduler].said}: {in_words(each)}", LEGEND_CHARACTERS) for each in reached]
    figure = Figure(figsize=(WIDTH, 4.8), layout="constrained")
    axes = figure.subplots()
    measured = reached[0].figure
    scale = 100 if measured.is_share else 1
    values = [scale * looks[each.scheduler].epochs(f"val_{measured.name}") for each in reached]
    target = scale * reached[0].target
    for each, table, label in zip(reached, values, labels, strict=True):
        look = looks[each.scheduler]
        mean_and_range(axes, _steps(look), table, look, marker=look.marker, label=label)
        if each.median_step is not None:
            axes.plot(
                [each.median_step], [target], color=look.colour, marker=look.marker, markersize=9, clip_on=False
            )
    axes.axhline(target, color="#444444", linewidth=1, zorder=1)
    if measured.better == "higher" and (lowest := lowest_shown(values)) is not None:
        axes.set_ylim(bottom=min(lowest, target - 1))
    several = any(each.n > 1 for each in reached)
    axes.set(
        title=f"Steps to {sentences.target(measured, reached[0].target)} validation {measured.title}"
        + (", marked at the median run" if several else ""),
        xlabel="step",
        ylabel=sentences.axis_label(measured),
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def in_words(each: Reached) -> str:
    """Return how many runs reached the target and the median step, if half of them or fewer are not missing."""
    if each.n == 1:
        return "did not reach it" if each.median_step is None else f"reached it at step {each.median_step:,.0f}"
    middle = "no median step" if each.median_step is None else f"median step {each.median_step:,.0f}"
    return f"{each.reached} of {each.n} reached it, {middle}"


def _steps(look: Group) -> NDArray[np.int64]:
    """Return the updates so far after each epoch: int64 (epochs,)."""
    horizon = look.runs[0].setting.horizon
    return np.arange(1, horizon.epochs + 1) * horizon.steps_per_epoch


def draw_small_multiples(groups: list[Group], measured: Measured, split: str) -> Figure:
    """One panel per schedule: its mean and range in front, the means of the others thin and grey behind."""
    scale = 100 if measured.is_share else 1
    tables, _ = within(groups, [scale * each.epochs(f"{split}_{measured.name}") for each in groups])
    rows = math.ceil(len(groups) / PANELS_ABREAST)
    titles = [clipped(each.legend) for each in groups]
    figure = Figure(figsize=(WIDTH, 1.0 + rows * (1.25 + height_of(titles, SIZE))), layout="constrained")
    panels = list(figure.subplots(rows, PANELS_ABREAST, sharex=True, sharey=True, squeeze=False).flat)
    means = [_mean_line(table) for table in tables]
    for i, (axes, each) in enumerate(zip(panels, groups, strict=False)):
        axes.add_collection(LineCollection(means[:i] + means[i + 1 :], colors="#c4c4c4", linewidths=0.7, zorder=1))
        mean_and_range(axes, np.arange(1, tables[i].shape[1] + 1), tables[i], each, marker=None)
        axes.set_title(titles[i], fontsize=SIZE)
        axes.tick_params(labelsize=SIZE, labelbottom=i + PANELS_ABREAST >= len(groups))
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    _share_axes(panels[0], tables, logarithmic=not measured.is_share)
    figure.supxlabel("epoch", fontsize=SIZE + 1)
    name = f"{'training' if split == 'train' else 'validation'} {measured.title}"
    log = ", log scale" if panels[0].get_yscale() == "log" else ""
    figure.supylabel(f"{name}, {sentences.axis_label(measured)}{log}", fontsize=SIZE + 1)
    return figure


def _mean_line(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return epoch and mean over the runs, as far as one of them got: float64 (epochs, 2)."""
    alive = np.isfinite(table).any(axis=0)
    return np.column_stack([np.flatnonzero(alive) + 1.0, np.nanmean(table[:, alive], axis=0)])


def _share_axes(axes: Axes, tables: list[NDArray[np.float64]], *, logarithmic: bool) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    positive = np.concatenate([table[table > 0] for table in tables])
    if logarithmic and positive.size:
        log_if_wide(axes, float(positive.min()), float(positive.max()))
    elif not logarithmic and (lowest := lowest_shown(tables)) is not None:
        axes.set_ylim(bottom=lowest)
