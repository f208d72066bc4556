"""What the comparisons say, as pictures: every schedule against the baseline, and all pairs."""

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lrbench.judging.comparisons import Comparison, Verdict, against, all_pairs, choose_baseline, scores_of, turned
from lrbench.plan import Experiment
from lrbench.show.canvas import clipped, height_of
from lrbench.show.groups import Group
from lrbench.show.sentences import p_value

WIDTH = 8  # inches
SIZE = 8.5  # points
CHARACTER = 0.08  # inches of that size
VERDICT_WIDTH = 38  # characters in a line beside a row
MOST_IN_LINE = 6  # schedules up to which a number and its mark stand side by side
MOST_NUMBERED = 8  # schedules up to which the cells have room for numbers
POINTS = 100  # of a fraction: differences of accuracies are percentage points
DIVERGING = "RdBu"  # red and blue are two colours to all kinds of colour vision; blue is better
MARKS = {Verdict.BETTER: "▲", Verdict.WORSE: "▼"}


def against_baseline(experiment: Experiment) -> list[Comparison]:
    """Compare every schedule with the baseline, the best first. Empty if no two seeds make an interval."""
    validation = None if experiment.setting.validate_on == "none" else scores_of(experiment, "val_accuracy")
    scores = scores_of(experiment)
    baseline = choose_baseline(scores, None, validation)
    if baseline is None:  # neither `constant` nor a validation set to choose by
        return []
    return _if_any_interval(against(scores, baseline))


def every_pair(experiment: Experiment) -> list[Comparison]:
    """Compare every two schedules, the best first. Empty if no two seeds make an interval."""
    return _if_any_interval(all_pairs(scores_of(experiment)))


def _if_any_interval(compared: list[Comparison]) -> list[Comparison]:
    return compared if any(each.n > 1 for each in compared) else []


def draw_forest(compared: list[Comparison], groups: list[Group]) -> Figure:
    """Difference of every schedule from the baseline, its interval and the verdict in words. Best on top."""
    looks = {each.label: each for each in groups}
    names = [clipped(looks[each.scheduler].legend) for each in compared]
    verdicts = [clipped(in_words(each)) for each in compared]
    height = max(2.6, 1.8 + len(compared) * height_of(names + verdicts, SIZE))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#444444", linewidth=1, zorder=1)
    for y, each in enumerate(compared):
        if each.n > 1:  # one pair has no interval, and a dot alone would look sure
            _interval(axes, y, each, looks[each.scheduler])
    right = axes.twinx()
    for side, texts in ((axes, names), (right, verdicts)):
        side.set_ylim(len(compared) - 0.5, -0.5)
        side.set_yticks(range(len(compared)), texts, fontsize=SIZE)
    right.grid(visible=False)
    right.tick_params(right=False)
    baseline = clipped(looks[compared[0].baseline].legend)
    axes.set(
        title="Difference in test accuracy: mean, 95 % paired t interval",
        xlabel=f"percentage points, minus {baseline}; to the right is better",
    )
    return figure


def _interval(axes: Axes, y: int, each: Comparison, look: Group) -> None:
    axes.plot([POINTS * each.ci_low, POINTS * each.ci_high], [y, y], color=look.colour, linewidth=1.8)
    axes.plot(
        [POINTS * each.mean_difference], [y], color=look.colour, marker=look.marker, linestyle="none", markersize=7
    )


def in_words(each: Comparison) -> str:
    """Return the verdict with n and p, and below it the reason, wrapped."""
    p = f", {p_value(each.p_holm)}" if math.isfinite(each.p_holm) else ""
    reason = textwrap.wrap(each.reason, VERDICT_WIDTH)
    return "\n".join([f"{each.verdict}, n = {each.n}{p}", *reason])


def draw_all_pairs(pairs: list[Comparison], groups: list[Group]) -> Figure:
    """Every two schedules: row minus column as a colour and a number, marked where there is a verdict."""
    order = list(dict.fromkeys(label for each in pairs for label in (each.scheduler, each.baseline)))
    looks = {each.label: each for each in groups}
    names = [clipped(looks[label].legend, 2) for label in order]
    table = differences(pairs, order)
    figure = Figure(figsize=_size(names), layout="constrained")
    axes = figure.subplots()
    most = float(np.nanmax(np.abs(table))) or 1.0
    image = axes.imshow(table, cmap=DIVERGING, vmin=-most, vmax=most, aspect="auto")
    _write_cells(axes, pairs, order, most)
    longest = CHARACTER * max(len(line) for name in names for line in name.split("\n"))
    short = longest < (WIDTH - 1.6 - longest) / len(order)  # beside the rows' names and the colour bar
    numbers = [f"{i}" for i in range(1, len(order) + 1)]
    rows = names if short else [f"{i}  {name}" for i, name in zip(numbers, names, strict=True)]
    axes.set_yticks(range(len(order)), rows, fontsize=SIZE)
    axes.set_xticks(range(len(order)), names if short else numbers, fontsize=SIZE)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title("Test accuracy, row minus column; ▲ better, ▼ worse, no mark: cannot tell")
    figure.colorbar(image, ax=axes, label="percentage points", fraction=0.04, pad=0.02)
    return figure


def _size(names: list[str]) -> tuple[float, float]:
    """Return inches; beyond twenty schedules the figure grows to the right too."""
    row = max(height_of(names, SIZE), 0.42 if len(names) <= MOST_NUMBERED else 0.27)
    return max(WIDTH, 3 + 0.25 * len(names)), max(3.0, 1.6 + len(names) * row)


def differences(pairs: list[Comparison], order: list[str]) -> NDArray[np.float64]:
    """Return row minus column in points: (schedules, schedules); nan on the diagonal and where n < 2."""
    table = np.full((len(order), len(order)), np.nan)
    for each in pairs:
        if each.n > 1:
            row, column = order.index(each.scheduler), order.index(each.baseline)
            table[row, column] = POINTS * each.mean_difference
            table[column, row] = -table[row, column]
    return table


def _write_cells(axes: Axes, pairs: list[Comparison], order: list[str], most: float) -> None:
    for each in pairs:
        row, column = order.index(each.scheduler), order.index(each.baseline)
        mirrored = turned(each)
        for y, x, cell in ((row, column, each), (column, row, mirrored)):
            dark = abs(POINTS * cell.mean_difference) > 0.6 * most
            axes.text(
                x,
                y,
                _cell_text(cell, len(order)),
                ha="center",
                va="center",
                fontsize=SIZE,
                fontweight="bold" if cell.verdict in MARKS else "normal",
                color="white" if dark else "black",
            )


def _cell_text(cell: Comparison, columns: int) -> str:
    """Return the difference in points and the mark of the verdict; a dash where n < 2, where nothing is known."""
    if cell.n < 2:
        return "–"
    mark = MARKS.get(cell.verdict, "")
    difference = f"{POINTS * cell.mean_difference:+.2f}".replace("-", "−")
    if difference.strip("+−") == "0.00":
        difference = "0.00"
    if columns > MOST_NUMBERED:
        return mark
    return (f"{difference} {mark}" if columns <= MOST_IN_LINE else f"{difference}\n{mark}").strip()
