"""Schedules' curves as a picture, before any training."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from lrbench.show import PlotFormat
from lrbench.show.canvas import (
    STYLE,
    add_legend,
    label_y,
    picture_of,
    scale_rates,
    shown,
    thinned,
)
from lrbench.show.styles import styles


def draw_curves(
    tables: Mapping[str, NDArray[np.float64]], form: PlotFormat, *, title: str, x_label: str, x_end: float
) -> bytes:
    """Draw tables of rates, each over the same x axis from 0 to x_end; return the picture as a file's bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        axes = figure.subplots()
        drawn = styles(tables)
        for label, table in tables.items():
            steps = thinned(table.shape[0])
            axes.step(
                steps * x_end / table.shape[0],
                table[steps],
                where="post",
                color=drawn[label].colour,
                linestyle=drawn[label].dashes,
                label=shown(label),
            )
        scale_rates(axes, list(tables.values()))
        axes.set(title="Learning rate per update", xlabel=x_label)
        label_y(axes, "learning rate")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        figure.suptitle(title, fontsize=8.5, color="#444444", parse_math=False)
        add_legend(figure, axes)
        return picture_of(figure, form)
