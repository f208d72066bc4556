"""The picture of a comparison at several horizons."""

import math
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from lrbench.judging.budgets import Budgets
from lrbench.judging.statistics import mean_interval
from lrbench.runs import Figure as Measured
from lrbench.show import PlotFormat
from lrbench.show.canvas import STYLE, Picture, add_legend, label_y, save, scale_y
from lrbench.show.groups import group
from lrbench.show.plots import titled
from lrbench.show.sentences import axis_label, figure_name


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
    looks = {each.label: each for each in group(first)}
    figure: Figure = Picture(figsize=(8, 5.4), layout="constrained")
    axes = figure.subplots()
    tables = []
    for words in budgets.schedules:
        look = looks[budgets.label(first, words)]
        finals = [scale * each.scores.finals(budgets.label(each, words)) for each in budgets.answers]
        means = np.array([values.mean() if values.size else math.nan for values in finals])
        ends = np.array([mean_interval(values) for values in finals])
        tables.append(np.concatenate(finals))
        axes.plot(budgets.epochs, means, color=look.colour, linestyle=look.dashes, marker=look.marker, label=words)
        axes.fill_between(budgets.epochs, ends[:, 0], ends[:, 1], color=look.colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(budgets.epochs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale_y(axes, tables, measured)
    for epochs, answer in zip(budgets.epochs, budgets.answers, strict=True):
        axes.annotate(
            budgets.ranking(answer)[0],
            (epochs, 1),
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
    counts = sorted(
        {
            each.scores.finals(budgets.label(each, words)).size
            for each in budgets.answers
            for words in budgets.schedules
        }
    )
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    changes = budgets.changes()
    turned = f"reversed verdicts: {'; '.join(changes)}" if changes else "no verdict is reversed by the budget"
    return titled(
        figure,
        [
            f"{setting.subject.title}, {setting.optimizer}, {first.experiment.rates}, batch {setting.batch_size}",
            f"{n} finished runs per schedule; bands: 95 % t intervals of the means",
            turned,
        ],
    )
