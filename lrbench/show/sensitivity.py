"""How sensitive schedules are to their peak rate: the picture of a search."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from lrbench.runs import Figure as Measured
from lrbench.searches import Tuning
from lrbench.show.canvas import Picture, add_legend, label_y, scale_y
from lrbench.show.groups import Group
from lrbench.show.sentences import axis_label


def draw_sensitivity(tuning: Tuning, measured: Measured, groups: Sequence[Group]) -> Figure:
    """Draw the final validation figure against the peak rate: a curve for each schedule, its best marked."""
    scale = 100 if measured.is_share else 1
    looks = {(each.runs[0].schedule.name, each.runs[0].schedule.parameters): each for each in groups}
    figure: Figure = Picture(figsize=(8, 5.2), layout="constrained")
    axes = figure.subplots()
    tables = []
    for each in tuning.tuned:
        look = next((looks[variant] for variant in each.contender.variants if variant in looks), None)
        if look is None or each.best is None:
            continue
        same = [trial for trial in each.trials if trial.point.variant == each.best.point.variant]
        rates = [trial.point.lr for trial in same]
        values = scale * np.array([[math.nan if v is None else v for _, v in trial.values] for trial in same])
        means = np.where(np.isnan(values).any(1), math.nan, values.mean(1))
        tables.append(values)
        axes.plot(
            rates,
            means,
            color=look.colour,
            linestyle=look.dashes,
            marker=look.marker,
            markersize=4,
            label=each.contender.words,
        )
        seen = np.isfinite(means)
        axes.fill_between(
            rates,
            np.where(seen, values.min(1), math.nan),
            np.where(seen, values.max(1), math.nan),
            color=look.colour,
            alpha=0.15,
            linewidth=0,
        )
        lost = [rate for rate, mean in zip(rates, means, strict=True) if math.isnan(mean)]
        axes.plot(
            lost, [0.02] * len(lost), "x", color=look.colour, transform=axes.get_xaxis_transform(), markersize=6
        )
        at = same.index(each.best)
        axes.plot(rates[at], means[at], marker="*", markersize=14, color=look.colour, markeredgecolor="white")
    axes.set_xscale("log")
    scale_y(axes, tables, measured)
    axes.set(title=f"Sensitivity: final validation {measured.title} by peak rate", xlabel="peak rate (log)")
    label_y(axes, axis_label(measured))
    add_legend(figure, axes)
    return figure
