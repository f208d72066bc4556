"""What the comparisons say, as pictures: every schedule against the baseline, and all pairs."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lrbench.judging.comparisons import Comparison, Verdict, turned
from lrbench.judging.questions import Answer
from lrbench.judging.scores import Scores
from lrbench.show import sentences
from lrbench.show.canvas import Picture, clipped, fitted, height_of, shown
from lrbench.show.groups import Group, best_first, end_rows, label_beyond
from lrbench.show.sentences import family, figure_name, p_value, seen, signs
from lrbench.show.sight import Window, around_zero

WIDTH = 8  # inches
SIZE = 8.5  # points
CHARACTER = 0.08  # inches of that size
VERDICT_WIDTH = 38  # characters in a line beside a row
MOST_IN_LINE = 6  # schedules up to which a number and its mark stand side by side
MOST_IN_FULL = 8  # schedules up to which the cells have room for two lines of full size
SMALL = 6.5  # points
TITLE_WIDTH = 84  # characters
TOLD, LEAST_TOLD = 0.55, 0.2  # of a verdict's colour: black text stays legible on it
UNTOLD, PALE = "#555555", 0.18  # of grey, where nothing was told or asked
MARKS = {Verdict.BETTER: "▲", Verdict.WORSE: "▼"}
VERDICT_COLOURS = {  # those of the page's badges
    Verdict.BETTER: "#00684a",
    Verdict.WORSE: "#a33b00",
    Verdict.EQUIVALENT: "#555555",
    Verdict.CANNOT_TELL: "#555555",
    Verdict.NOT_ASKED: "#555555",
}


def percents(scores: Scores) -> int:
    """Return what values are multiplied by to be drawn: fractions become percent, and percentage points."""
    return 100 if scores.is_share else 1


def draw_forest(answer: Answer, groups: list[Group]) -> Figure:
    """Difference of every schedule from the baseline, its interval and the verdict in words. Best on top."""
    compared, scale = answer.comparisons, percents(answer.scores)
    looks = {each.label: each for each in groups}
    names = fitted([looks[each.scheduler].said for each in compared], 3)
    verdicts = [clipped(in_words(each)) for each in compared]
    baseline = clipped(looks[compared[0].baseline].legend)
    fixed = all(each.design == "fixed" for each in compared)
    which = "95 % paired t interval" if fixed else "95 % interval that holds at every look"
    title = f"Difference in {figure_name(answer.scores.metric)} from {baseline}: mean, {which}"
    title = shown(title, TITLE_WIDTH)
    height = max(2.6, 1.6 + 0.2 * title.count("\n") + len(compared) * height_of(names + verdicts, SIZE))
    figure = Picture(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#444444", linewidth=1, zorder=1)
    drawn = [each for each in compared if each.n > 1]  # one pair has no interval, and a dot alone would look sure
    window = around_zero([differences_of(each, scale) for each in drawn])
    for y, each in enumerate(compared):
        if each.n > 1:
            _interval(axes, y, each, looks[each.scheduler].marker, scale, window)
    seen = [0.0, *window.inside(np.array([differences_of(each, scale) for each in drawn]))]
    end_rows(axes, window, np.array(seen))
    right = axes.twinx()
    for side, texts in ((axes, names), (right, verdicts)):
        side.set_ylim(len(compared) - 0.5, -0.5)
        side.set_yticks(range(len(compared)), texts, fontsize=SIZE)
    right.grid(visible=False)
    right.tick_params(right=False)
    there = "worse" if answer.scores.lower_is_better else "better"
    axes.set(title=title, xlabel=f"{_unit(answer.scores)}; to the right is {there}")
    return figure


def scores_label(scores: Scores) -> str:
    """Say what an axis of the figure itself counts."""
    if scores.is_share:
        return "% of examples"
    return f"{scores.unit} per example" if scores.unit else figure_name(scores.metric)


def _unit(scores: Scores) -> str:
    return "percentage points" if scores.is_share else scores_label(scores)


def differences_of(each: Comparison, scale: int) -> tuple[float, float, float]:
    """Return the low end, the mean and the high end of a difference; ends are nan where there is no interval."""
    is_known = math.isfinite(each.ci_low) and math.isfinite(each.ci_high)
    low, high = (each.ci_low, each.ci_high) if is_known else (math.nan, math.nan)
    return scale * low, scale * each.mean_difference, scale * high


def _interval(axes: Axes, y: int, each: Comparison, marker: str, scale: int, window: Window) -> None:
    """Draw an interval in the colour of its verdict, as the page does; filled where there is one."""
    colour = VERDICT_COLOURS[each.verdict]
    low, mean, high = differences_of(each, scale)
    if math.isfinite(low):
        axes.plot(window.drawn(np.array([low, high])), [y, y], color=colour, linewidth=1.8)
    if window.beyond(np.array([mean])).any():
        label_beyond(axes, colour, y, window, mean)
        return
    axes.plot(
        [mean],
        [y],
        color=colour,
        marker=marker,
        linestyle="none",
        markersize=7,
        markerfacecolor=colour if each.verdict in MARKS else "white",
    )


def in_words(each: Comparison) -> str:
    """Return the verdict with n and p, and below it the reason, wrapped."""
    p = f", {p_value(each.p_holm)}" if math.isfinite(each.p_holm) else ""
    reason = textwrap.wrap(each.reason, VERDICT_WIDTH)
    return "\n".join([*textwrap.wrap(f"{each.verdict}, {seen(each)}{p}", VERDICT_WIDTH), *reason])


def beside(answer: Answer, label: str) -> tuple[Verdict, str]:
    """Say in a few words how a schedule came out: `worse, p = 0.047`, `cannot tell`, `baseline`.

    Where every two were compared, how many it is better and worse than. Empty where nothing was compared.
    """
    if not any(each.n > 1 for each in answer.comparisons):
        return Verdict.NOT_ASKED, ""
    if label in answer.apart:
        return Verdict.NOT_ASKED, "one seed, not compared"
    if answer.baseline is None:
        return _among_all(answer, label)
    if label == answer.baseline:
        return Verdict.NOT_ASKED, "baseline"
    (each,) = [each for each in answer.comparisons if each.scheduler == label]
    said = f", {p_value(each.p_holm)}" if each.verdict in MARKS else ""
    return each.verdict, f"{each.verdict}{said}"


def _among_all(answer: Answer, label: str) -> tuple[Verdict, str]:
    pairs = [each if each.scheduler == label else turned(each) for each in answer.comparisons]
    verdicts = [each.verdict for each in pairs if each.scheduler == label]
    counts = {verdict: verdicts.count(verdict) for verdict in MARKS if verdict in verdicts}
    said = ", ".join(f"{verdict} than {count}" for verdict, count in counts.items())
    verdict = next(iter(counts)) if len(counts) == 1 else Verdict.CANNOT_TELL
    return verdict, said or str(Verdict.CANNOT_TELL)


def write_beside(axes: Axes, answer: Answer, labels: Sequence[str]) -> None:
    """Write to the right of row i of a panel how labels[i] came out, in the colour of its verdict."""
    for y, label in enumerate(labels):
        verdict, text = beside(answer, label)
        axes.text(
            1.02,
            y,
            text,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=SIZE,
            color=VERDICT_COLOURS[verdict],
            fontweight="bold" if verdict in MARKS else "normal",
        )


def beside_note(answer: Answer) -> str:
    """Say what those words rest on, after a semicolon; empty where there are none."""
    if not any(each.n > 1 for each in answer.comparisons):
        return ""
    against = f"against {answer.baseline}" if answer.baseline is not None else "of every two"
    return f"; at the right: verdicts {against}, paired by seed, {family(answer.comparisons)}"


def draw_all_pairs(answer: Answer, groups: list[Group]) -> Figure:
    """Every two schedules, row minus column: in the colour of the verdict if there is one, else in pale grey."""
    pairs, scores = answer.pairs, answer.scores
    order = best_first(answer)
    looks = {each.label: each for each in groups}
    names = fitted([looks[label].said for label in order], 2)
    figure = Picture(figsize=_size(names), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cell_colours(pairs, order), aspect="auto")
    _write_cells(axes, pairs, order)
    longest = CHARACTER * max(len(line) for name in names for line in name.split("\n"))
    short = longest < (WIDTH - 0.6 - longest) / len(order)  # beside the rows' names
    numbers = [f"{i}" for i in range(1, len(order) + 1)]
    rows = names if short else [f"{i}  {name}" for i, name in zip(numbers, names, strict=True)]
    axes.set_yticks(range(len(order)), rows, fontsize=SIZE)
    axes.set_xticks(range(len(order)), names if short else numbers, fontsize=SIZE)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    marked = any(each.verdict in MARKS for each in pairs)
    title = f"{figure_name(scores.metric).capitalize()}, row minus column, {_unit(scores)}"
    axes.set_title(shown(f"{title}; {signs(answer.baseline)}" if marked else title, TITLE_WIDTH), fontsize=10.5)
    return figure


def strengths(pairs: Sequence[Comparison]) -> dict[tuple[str, str], float]:
    """Return how strongly each pair is coloured, 0 to 1: by its difference, relative to the largest in sight.

    Differences are compared with those of the same kind only: verdicts with verdicts, the others with the others.
    """
    found: dict[tuple[str, str], float] = {}
    for kind in (True, False):
        alike = [each for each in pairs if each.n > 1 and (each.verdict in MARKS) is kind]
        window = around_zero([differences_of(each, 1) for each in alike])
        sizes = {each: abs(float(each.mean_difference)) for each in alike}
        inside = [size for each, size in sizes.items() if window.inside(np.array([each.mean_difference])).size]
        most = max(inside, default=0.0) or max(sizes.values(), default=0.0) or 1.0
        found |= {(each.scheduler, each.baseline): min(size / most, 1.0) for each, size in sizes.items()}
    return found


def cell_colours(pairs: Sequence[Comparison], order: list[str]) -> NDArray[np.float64]:
    """Return the table's colours as RGB: float64 (schedules, schedules, 3); white on the diagonal."""
    table = np.ones((len(order), len(order), 3))
    strong = strengths(pairs)
    for each in pairs:
        if each.n > 1:
            share = strong[each.scheduler, each.baseline]
            row, column = order.index(each.scheduler), order.index(each.baseline)
            for y, x, cell in ((row, column, each), (column, row, turned(each))):
                most, colour = (TOLD, VERDICT_COLOURS[cell.verdict]) if cell.verdict in MARKS else (PALE, UNTOLD)
                least = LEAST_TOLD if cell.verdict in MARKS else 0.0
                alpha = least + (most - least) * share
                table[y, x] = 1 - alpha * (1 - np.array(to_rgb(colour)))
    return table


def _size(names: list[str]) -> tuple[float, float]:
    """Return inches; beyond twelve schedules the figure grows to the right too, so that each cell has room."""
    row = max(height_of(names, SIZE), 0.42 if len(names) <= MOST_IN_FULL else 0.3)
    return max(WIDTH, 2.8 + 0.55 * len(names)), max(3.0, 1.6 + len(names) * row)


def _write_cells(axes: Axes, pairs: Sequence[Comparison], order: list[str]) -> None:
    for each in pairs:
        row, column = order.index(each.scheduler), order.index(each.baseline)
        for y, x, cell in ((row, column, each), (column, row, turned(each))):
            axes.text(
                x,
                y,
                _cell_text(cell, len(order)),
                ha="center",
                va="center",
                fontsize=SIZE if len(order) <= MOST_IN_FULL else SMALL,
                fontweight="bold" if cell.verdict in MARKS else "normal",
                color="black",
            )


def _cell_text(cell: Comparison, columns: int) -> str:
    """Return the difference and the mark of the verdict; a dash where n < 2, where nothing is known."""
    if cell.n < 2:
        return "–"
    mark = MARKS.get(cell.verdict, "")
    difference = signed(cell)
    if columns > MOST_IN_FULL:
        return f"{difference}{mark}"
    return (f"{difference} {mark}" if columns <= MOST_IN_LINE else f"{difference}\n{mark}").strip()


def signed(cell: Comparison) -> str:
    """Write a difference with its sign, but for nought: `+0.13`, `−0.02`, `0.00`."""
    return sentences.signed(cell, cell.mean_difference, "+")
