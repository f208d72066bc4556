"""The picture of a comparison at several horizons."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from lrbench.judging.budgets import Budgets
from lrbench.judging.statistics import mean_interval
from lrbench.runs import Figure as Measured
from lrbench.show import PlotFormat
from lrbench.show.canvas import STYLE, Picture, add_legend, label_y, save, scale_y, shown
from lrbench.show.groups import Line, mark_border
from lrbench.show.plots import titled
from lrbench.show.sentences import axis_label, figure_name
from lrbench.show.sight import Window, window_of
from lrbench.show.styles import Style, styles


def draw_budgets(budgets: Budgets, form: PlotFormat, folder: Path) -> Path:
    """Draw the final figure by horizon into a folder; return the file. Raises BadResults."""
    first = budgets.answers[0]
    assert first.experiment is not None
    problem = first.experiment.setting.folder_name.partition("-b")[0]
    part = "".join(f"-{word}" for word in ("tuned" * bool(first.experiment.tuning), first.experiment.part) if word)
    path = folder / f"budgets-{problem}{part}.{form}"
    with mpl.rc_context(STYLE):
        save(_figure(budgets), path, form)
    return path


def _figure(budgets: Budgets) -> Figure:
    first = budgets.answers[0]
    assert first.experiment is not None
    setting = first.experiment.setting
    measured: Measured = setting.subject.find(first.scores.metric)
    scale = 100 if measured.is_share else 1
    drawn = styles(budgets.schedules)
    figure: Figure = Picture(figsize=(8, 5.4), layout="constrained")
    axes = figure.subplots()
    epochs = np.array(budgets.epochs)
    tables = {words: scale * finals_of(budgets, words) for words in budgets.schedules}
    ideal = 100.0 if measured.is_share and measured.better == "higher" else 0.0
    window = window_of(list(tables.values()), lower=measured.better == "lower", best=ideal)
    for words, table in tables.items():
        _line(axes, epochs, table, drawn[words], words, window)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(budgets.epochs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale_y(axes, [window.inside(table) for table in tables.values()], measured)
    mark_border(
        axes, window, [Line(words, drawn[words].colour) for words in tables], epochs, list(tables.values())
    )
    for horizon, answer in zip(budgets.epochs, budgets.answers, strict=True):
        ranking = budgets.ranking(answer)
        axes.annotate(
            ranking[0] if len(ranking) > 1 else "",
            (horizon, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color="#444444",
        )
    axes.set_title(f"Final {figure_name(first.scores.metric)} by budget; above: the best mean", pad=18)
    axes.set_xlabel("epochs (log), each schedule made for them")
    label_y(axes, axis_label(measured))
    add_legend(figure, axes)
    counts = sorted({int(n) for table in tables.values() for n in np.isfinite(table).sum(axis=0) if n})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "") if counts else "n = 0"
    bars = "; bars: 95 % t intervals of the means" if counts and counts[-1] > 1 else ""
    changes = budgets.changes()
    turned = f"reversed verdicts: {'; '.join(changes)}" if changes else "no verdict is reversed by the budget"
    return titled(
        figure,
        [
            f"{setting.subject.title}, {setting.optimizer}, {first.experiment.rates}, batch {setting.batch_size}",
            f"{n} finished run{'' if counts == [1] else 's'} per schedule{bars}",
            turned,
        ],
    )


def finals_of(budgets: Budgets, words: str) -> NDArray[np.float64]:
    """Return the final figures of a schedule: float64 (most runs, horizons), nan where there is none."""
    labels = [budgets.label(each, words) for each in budgets.answers]
    finals = [
        np.empty(0) if label is None else each.scores.finals(label)
        for each, label in zip(budgets.answers, labels, strict=True)
    ]
    table = np.full((max(1, *(len(values) for values in finals)), len(finals)), np.nan)
    for i, values in enumerate(finals):
        table[: len(values), i] = values
    return table


def _line(
    axes: Axes, epochs: NDArray[np.int64], table: NDArray[np.float64], style: Style, words: str, window: Window
) -> None:
    """Draw the means by horizon, and at each with two runs or more their 95 % t interval as a bar."""
    there = np.isfinite(table).any(axis=0)
    finals = [values[np.isfinite(values)] for values in table[:, there].T]
    means = window.drawn(np.array([values.mean() for values in finals]))
    ends = window.drawn(np.array([mean_interval(values) for values in finals]).reshape(-1, 2))
    axes.plot(
        epochs[there], means, color=style.colour, linestyle=style.dashes, marker=style.marker, label=shown(words)
    )
    axes.vlines(epochs[there], ends[:, 0], ends[:, 1], color=style.colour, linewidth=5, alpha=0.3)
