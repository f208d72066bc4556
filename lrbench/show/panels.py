"""Pictures that grow with the number of schedules: the way to a target, and one panel per schedule."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from lrbench.judging.targets import Reached
from lrbench.runs import Figure as Measured
from lrbench.show import sentences
from lrbench.show.canvas import (
    LOG_WORDS,
    Picture,
    fitted,
    height_of,
    label_y,
    scale_rates,
    scale_y,
    shown,
    thinned,
)
from lrbench.show.groups import Group, figure_window, mark_border, mean_and_range, rates_window, used_rates
from lrbench.show.sight import Window

WIDTH = 8  # inches
PANELS_ABREAST = 4  # of panels
SIZE = 8.0  # points, in panels
LEGEND_CHARACTERS = 72  # in a line
MANY = 6  # schedules that one panel can show together
MARK = 9  # points across, where a target was reached
TALLEST = 120  # points of marks below one another
NEAR = 0.025  # of the steps: marks that are nearer than this would lie on one another


def draw_target(reached: Sequence[Reached], groups: list[Group]) -> Figure:
    """The validation figure by updates, the target as a line; a mark where the median run reached it."""
    looks = {each.label: each for each in groups}
    labels = [shown(f"{looks[each.scheduler].said}: {in_words(each)}", LEGEND_CHARACTERS) for each in reached]
    figure = Picture(figsize=(WIDTH, 4.8), layout="constrained")
    axes = figure.subplots()
    measured = reached[0].figure
    scale = 100 if measured.is_share else 1
    shown_groups = [looks[each.scheduler] for each in reached]
    tables = [scale * each.epochs(f"val_{measured.name}") for each in shown_groups]
    target = scale * reached[0].target
    window = figure_window(shown_groups, tables, measured).with_value(target)
    for look, table, label in zip(shown_groups, tables, labels, strict=True):
        mean_and_range(axes, _steps(look), table, look, marker=look.marker, label=label, window=window)
    scale_y(axes, [*(window.inside(table) for table in tables), np.array([target])], measured)
    mark_border(axes, window, shown_groups, _steps(shown_groups[0]), tables)
    _mark(figure, axes, reached, looks, target)
    axes.axhline(target, color="#444444", linewidth=1, zorder=1)
    several = any(each.n > 1 for each in reached)
    axes.set(
        title=f"Steps to {sentences.target(measured, reached[0].target)} validation {measured.title}"
        + (", marked at the median run" if several else ""),
        xlabel="step",
    )
    label_y(axes, sentences.axis_label(measured))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def _mark(figure: Figure, axes: Axes, reached: Sequence[Reached], looks: dict[str, Group], target: float) -> None:
    """Mark where each median run reached the target; of those at the same place, one below the other."""
    places = [(each, each.median_step) for each in reached if each.median_step is not None]
    near = NEAR * max(int(_steps(look)[-1]) for look in looks.values())
    rows = rows_of([step for _, step in places], near)
    down = min(MARK, TALLEST / (1 + max(rows, default=0))) / 72
    for (each, step), row in zip(places, rows, strict=True):
        look = looks[each.scheduler]
        axes.plot(
            [step],
            [target],
            color=look.colour,
            marker=look.marker,
            markersize=MARK,
            markeredgecolor="white",
            linestyle="none",
            clip_on=False,
            zorder=5,
            transform=axes.transData + ScaledTranslation(0, -row * down, figure.dpi_scale_trans),
        )


def rows_of(places: Sequence[float], near: float) -> list[int]:
    """Return for each place, in rising order, the first row in which none stands as near as that."""
    ends: list[float] = []
    rows = []
    for place in places:
        row = next((i for i, end in enumerate(ends) if place - end >= near), len(ends))
        ends[row : row + 1] = [place]
        rows.append(row)
    return rows


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
    """A figure after every epoch, one panel per schedule in the order of the groups."""
    scale = 100 if measured.is_share else 1
    tables = [scale * each.epochs(f"{split}_{measured.name}") for each in groups]
    window = figure_window(groups, tables, measured)

    def scaled(axes: Axes) -> None:
        scale_y(axes, [window.inside(table) for table in tables], measured)

    figure, first = _one_each(groups, tables, np.arange(1, tables[0].shape[1] + 1), window, scaled)
    first.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    name = f"{'training' if split == 'train' else 'validation'} {measured.title}"
    return _named(figure, first, "epoch", f"{name}, {sentences.axis_label(measured)}")


def draw_small_rates(groups: list[Group], log: bool | None = None) -> Figure:
    """The rate that every update used, one panel per schedule in the order of the groups."""
    steps = thinned(groups[0].runs[0].setting.horizon.steps)
    tables = [used_rates(each, steps) for each in groups]
    window = rates_window(groups, tables)

    def scaled(axes: Axes) -> None:
        scale_rates(axes, [window.inside(table) for table in tables], log)

    figure, first = _one_each(groups, tables, steps, window, scaled, drawstyle="steps-post")
    first.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    first.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    return _named(figure, first, "step", "learning rate")


def _one_each(
    groups: list[Group],
    tables: list[NDArray[np.float64]],
    x: NDArray[np.int64],
    window: Window,
    scaled: Callable[[Axes], None],
    drawstyle: Literal["default", "steps-post"] = "default",
) -> tuple[Figure, Axes]:
    """Draw each schedule's mean and range in front, the means of the others thin and grey behind."""
    rows = math.ceil(len(groups) / PANELS_ABREAST)
    titles = fitted([each.said for each in groups], 3)
    figure = Picture(figsize=(WIDTH, 1.0 + rows * (1.25 + height_of(titles, SIZE))), layout="constrained")
    panels = list(figure.subplots(rows, PANELS_ABREAST, sharex=True, sharey=True, squeeze=False).flat)
    means = [_mean_line(x, table, window) for table in tables]
    for i, (axes, each) in enumerate(zip(panels, groups, strict=False)):
        axes.add_collection(LineCollection(means[:i] + means[i + 1 :], colors="#c4c4c4", linewidths=0.7, zorder=1))
        mean_and_range(axes, x, tables[i], each, marker=None, drawstyle=drawstyle, window=window)
        axes.set_title(titles[i], fontsize=SIZE)
        axes.tick_params(labelsize=SIZE, labelbottom=i + PANELS_ABREAST >= len(groups))
    scaled(panels[0])  # the panels share their axes
    mark_border(panels[0], window, groups, x, tables, named=[groups[0]])
    for axes, each in zip(panels[1:], groups[1:], strict=False):
        mark_border(axes, window, groups, x, tables, named=[each], end=False)
    for axes in panels[len(groups) :]:
        axes.set_axis_off()
    return figure, panels[0]


def _named(figure: Figure, axes: Axes, x: str, y: str) -> Figure:
    figure.supxlabel(x, fontsize=SIZE + 1)
    figure.supylabel(y + LOG_WORDS.get(axes.get_yscale(), ""), fontsize=SIZE + 1)
    return figure


def _mean_line(x: NDArray[np.int64], table: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Return x and mean over the runs, as far as one of them got: float64 (points, 2)."""
    alive = np.isfinite(table).any(axis=0)
    return np.column_stack([x[alive], window.drawn(np.nanmean(table[:, alive], axis=0))])
