"""How every picture looks: style, colours, labels, axes, and how it is written."""

import io
import textwrap
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from lrbench.files import write_whole
from lrbench.foreign import place

# Okabe & Ito's colours for all kinds of colour vision, with brown and violet for those that are too pale on white:
# each has a contrast of 3:1 or more to it.
COLOURS = ("#000000", "#703E1C", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#823BED")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
MOST_POINTS = 4_000  # of one curve; more cannot be seen
LEGEND_LINE = 0.24  # inches
SHORT_LEGEND = 3  # lines that every figure has room for
LEGEND_WIDTH = 9  # characters per inch
LABEL_WIDTH = 24  # characters in a line of a label
DECADE = 10  # an axis is logarithmic from this ratio on
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "lrbench",
}


def colour(i: int) -> str:
    """Return the colour of the schedule with look number i."""
    return COLOURS[i % len(COLOURS)]


def dashes(i: int) -> Any:
    """Return its dashes: with the colour, different from those of every other of the first 35."""
    return DASHES[(i + i // len(COLOURS)) % len(DASHES)]  # where the colours begin again, the dashes are others


def thinned(steps: int) -> NDArray[np.int64]:
    """Return the steps that are drawn of so many, first and last included: int64 (at most MOST_POINTS,)."""
    return np.unique(np.linspace(0, steps - 1, MOST_POINTS).astype(np.int64))


def shown(label: str, width: int = LABEL_WIDTH) -> str:
    """Return a label as it fits beside an axis: wrapped, and not hidden as matplotlib hides a leading _."""
    wrapped = "\n".join(textwrap.wrap(label, width))
    return f" {wrapped}" if wrapped.startswith("_") else wrapped


def clipped(text: str, most: int = 3) -> str:
    """Return the first lines of a wrapped text, with … where there are more."""
    lines = text.split("\n")
    return text if len(lines) <= most else "\n".join(lines[:most]) + " …"


def height_of(texts: Iterable[str], size: float = 8.5) -> float:
    """Return the inches that a row needs so that the tallest of its texts, of `size` points, has some air."""
    return 0.12 + max(text.count("\n") + 1 for text in texts) * size * 1.3 / 72


def label_y(axes: Axes, label: str) -> None:
    """Name the y axis; a logarithmic one says so."""
    axes.set_ylabel(label + (", log scale" if axes.get_yscale() == "log" else ""))


def log_if_needed(axes: Axes, tables: Sequence[NDArray[np.float64]]) -> None:
    """Make an axis of rates logarithmic where a linear one lays a curve flat: its peak is a tenth of another's."""
    positive = [table[table > 0] for table in tables if (table > 0).any()]
    peaks = [float(each.max()) for each in positive]
    if peaks and min(peaks) * DECADE <= max(peaks):
        log_if_wide(axes, min(float(each.min()) for each in positive), max(peaks))


def log_if_wide(axes: Axes, lowest: float, highest: float) -> None:
    """Make the y axis logarithmic if the values span a decade; up to three, with labels at 1, 2 and 5."""
    if highest < DECADE * lowest:
        return
    axes.set_yscale("log")
    if highest > DECADE**5 * lowest:
        axes.set_ylim(bottom=highest / DECADE**5)  # what is below changes nothing, and hides the rest
    if highest < DECADE**3 * lowest:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the axes' labels below the figure, in as many columns as fit; a long legend makes the figure taller."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(len(line) for label in labels for line in label.splitlines())
    columns = min(len(labels), max(1, LEGEND_WIDTH * int(figure.get_figwidth()) // (longest + 8)))
    lines = sum(label.count("\n") + 1 for label in labels) / columns
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * max(0, lines - SHORT_LEGEND))
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    for text in legend.get_texts():
        text.set_parse_math(False)


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole, in the format that the file's name ends in. Raises BadResults."""
    with place(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a label's script that the font lacks
            picture = io.BytesIO()
            metadata = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(picture, format=path.suffix[1:], dpi=150, metadata=metadata)
        write_whole(path, picture.getvalue())
