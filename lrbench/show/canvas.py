"""How every picture looks: style, labels, axes, and how it is written."""

import io
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from lrbench.outputs import GENERATOR, write_output
from lrbench.runs import Figure as Measured
from lrbench.show import PlotFormat
from lrbench.show.labels import wrapped

Scaling = Callable[[NDArray[np.float64]], NDArray[np.float64]]

DPI = 150  # of what is written as pixels
MOST_POINTS = 4_000  # of one curve; more cannot be seen
LEGEND_LINE = 0.24  # inches
SHORT_LEGEND = 3  # lines that every figure has room for
LEGEND_WIDTH = 9  # characters per inch
LABEL_WIDTH = 24  # characters in a line of a label
DECADE = 10  # an axis is logarithmic from this ratio on
TRIPLE = 3  # and one of shares from this ratio of what they lack to 100 %
MOST_RATIO = DECADE**5  # of rates: a typical peak over the lowest one that a logarithmic axis shows
LEAST_AIR = 1.15  # times the ends of a logarithmic axis
LOG_WORDS = {"log": ", log scale", "function": ", log scale towards 100"}
RESTS = (1, 1.5, 2, 2.5, 3, 4, 5, 7)  # what a share lacks where its axis has a label, times powers of ten
MARKS: dict[PlotFormat, dict[str, Any]] = {  # by which a picture is known again
    "png": {"Software": GENERATOR},
    "svg": {"Creator": GENERATOR, "Date": None},
    "pdf": {"Creator": GENERATOR},
}
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


class Picture(Figure):
    """A figure that no window and no pyplot knows of. A notebook shows it as its file would be, at 100 dpi."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = (round(100 * inches) for inches in self.get_size_inches())
        return picture_of(self, "png"), {"width": width, "height": height}


def thinned(steps: int) -> NDArray[np.int64]:
    """Return the steps that are drawn of so many, first and last included: int64 (at most MOST_POINTS,)."""
    return np.unique(np.linspace(0, steps - 1, MOST_POINTS).astype(np.int64))


def shown(label: str, width: int = LABEL_WIDTH) -> str:
    """Return a label as it fits beside an axis: wrapped, and not hidden as matplotlib hides a leading _."""
    text = "\n".join(wrapped(label, width))
    return f" {text}" if text.startswith("_") else text


def clipped(text: str, most: int = 3) -> str:
    """Return the first lines of a wrapped text, with … where there are more."""
    lines = text.split("\n")
    return text if len(lines) <= most else "\n".join(lines[:most]) + " …"


def fitted(labels: Sequence[str], lines: int, width: int = LABEL_WIDTH) -> list[str]:
    """Return labels as they fit into so many lines; what is cut out is not what tells one from another."""
    cuts = []
    for label in labels:
        others = [each for each in labels if each != label]
        rooms = (shown(_cut(label, others, room), width) for room in range(width * lines, 1, -1))
        cuts.append(
            next((text for text in rooms if text.count("\n") < lines), clipped(shown(label, width), lines))
        )
    return cuts


def _cut(label: str, others: Sequence[str], room: int) -> str:
    """Cut a label to so many characters: its begin, and whatever tells it from others that begin so."""
    if len(label) <= room:
        return label
    head = room // 3
    alike = sorted({shared for each in others if (shared := _shared(label, each)) >= head})
    if all(differs < room - 1 for differs in alike):
        return label[: room - 1] + "…"
    size = max(1, (room - head) // len(alike) - 1)  # of a piece, beside its …
    cut, end = label[:head], head
    for differs in alike:
        if differs >= end:
            start = _start(label, end, differs, size)
            cut, end = f"{cut}{'…' * (start > end)}{label[start : start + size]}", start + size
    return cut + "…" * (end < len(label))


def _shared(one: str, other: str) -> int:
    """Return with how many of the same characters two labels begin."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _start(label: str, end: int, differs: int, size: int) -> int:
    """Return where a piece of a label begins that shows a difference: with the word, if that leaves room."""
    word = 1 + max(label.rfind(mark, end, differs) for mark in " (,|")
    return word if word and differs - word <= size // 2 else differs


def height_of(texts: Iterable[str], size: float = 8.5) -> float:
    """Return the inches that a row needs so that the tallest of its texts, of `size` points, has some air."""
    return 0.12 + max(text.count("\n") + 1 for text in texts) * size * 1.3 / 72


def label_y(axes: Axes, label: str) -> None:
    """Name the y axis; a logarithmic one says so."""
    axes.set_ylabel(label + LOG_WORDS.get(axes.get_yscale(), ""))


def scale_rates(axes: Axes, tables: Sequence[NDArray[np.float64]], log: bool | None = None) -> None:
    """Choose the y axis of rates: logarithmic or linear as asked for, or by the curves.

    None: logarithmic where a linear one lays a curve flat, for its peak is a tenth of another's.
    """
    positive = [table[table > 0] for table in tables if (table > 0).any()]
    peaks = sorted(float(each.max()) for each in positive)
    if peaks and (peaks[0] * DECADE <= peaks[-1] if log is None else log):
        lowest = min(float(each.min()) for each in positive)
        make_log(axes, max(lowest, typical_peak(peaks) / MOST_RATIO), peaks[-1])


def typical_peak(peaks: Sequence[float]) -> float:
    """Return the middle one of some peak rates, or the lower of two: what is far below it changes nothing."""
    return sorted(peaks)[(len(peaks) - 1) // 2]


def log_if_wide(axes: Axes, lowest: float, highest: float) -> None:
    """Make the y axis logarithmic if the values span a decade."""
    if highest >= DECADE * lowest:
        make_log(axes, lowest, highest)


def make_log(axes: Axes, lowest: float, highest: float) -> None:
    """Make the y axis logarithmic between two values; up to three decades, with labels at 1, 2 and 5."""
    axes.set_yscale("log")
    air = max((highest / lowest) ** 0.05, LEAST_AIR)
    axes.set_ylim(lowest / air, highest * air)
    if highest < DECADE**3 * lowest:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def scale_y(axes: Axes, tables: Sequence[NDArray[np.float64]], figure: Measured) -> None:
    """Choose the y axis of a figure, so that all of it is seen and the ends can be told apart.

    tables: float64, a share in percent. A share that is to be high has a logarithmic axis of what it lacks to
    100 % if that varies by a factor of three; what is to be low, of itself if it varies by ten.
    """
    values = np.concatenate([table[np.isfinite(table)] for table in tables])
    if figure.better == "lower":
        values = values[values > 0]
        if values.size:
            log_if_wide(axes, float(values.min()), float(values.max()))
    elif figure.is_share and (least := least_rest(values)) is not None:
        forward, back = rest_scale(least)
        axes.set_yscale("function", functions=(forward, back))
        low, high = forward(np.array([values.min(), values.max()]))
        air = 0.05 * (high - low)
        bottom, top = back(np.array([low - air, high + air]))
        axes.set_ylim(max(bottom, 0), top)
        axes.yaxis.set_major_locator(FixedLocator(rest_ticks(max(bottom, 0), top)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def least_rest(values: NDArray[np.float64]) -> float | None:
    """Return the least that percentages lack to 100, a half of it if one lacks nothing; None if all are close."""
    rests = 100 - values
    above = rests[rests > 0]
    if not above.size or rests.max() < TRIPLE * max(float(rests.min()), float(above.min()) / 2):
        return None
    return float(rests.min()) or float(above.min()) / 2


def rest_scale(least: float) -> tuple[Scaling, Scaling]:
    """Return the way from percentages to an axis that is logarithmic in what they lack to 100, and back."""

    def forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-np.log10(np.maximum(100 - np.asarray(values, float), 0.5 * least)))

    def back(places: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(100 - 10.0 ** -np.asarray(places, float))

    return forward, back


def rest_ticks(low: float, high: float) -> list[float]:
    """Return round percentages on such an axis, the lower ones first: 80, 90, 95, 98."""
    most = 100 - low
    few = most >= DECADE * max(100 - high, 1e-9)
    powers = 10.0 ** np.arange(math.floor(math.log10(max(100 - high, 1e-4))), 3)
    rests = {round(part * power, 6) for power in powers for part in ((1, 2, 5) if few else RESTS)}
    return sorted(100 - rest for rest in rests if low <= 100 - rest <= high)


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the axes' labels below the figure, in as many columns as fit; a long legend makes the figure taller."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(len(line) for label in labels for line in label.splitlines())
    columns = columns_of(len(labels), max(1, LEGEND_WIDTH * int(figure.get_figwidth()) // (longest + 8)))
    lines = sum(label.count("\n") + 1 for label in labels) / columns
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * max(0, lines - SHORT_LEGEND))
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    for text in legend.get_texts():
        text.set_parse_math(False)


def columns_of(entries: int, most: int) -> int:
    """Return the columns that need the fewest rows, even ones, and none with a single entry if that can be."""
    alone = {n for n in range(2, entries) if entries % n == 1}
    return min(
        range(1, min(entries, most) + 1), key=lambda n: (math.ceil(entries / n) + (n in alone), -entries % n)
    )


def picture_of(figure: Figure, form: PlotFormat) -> bytes:
    """Return a figure as the bytes of a file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a label's script that the font lacks
        picture = io.BytesIO()
        figure.savefig(picture, format=form, dpi=DPI, metadata=MARKS[form])
    return picture.getvalue()


def save(figure: Figure, path: Path, form: PlotFormat, within: Path | None = None) -> None:
    """Write a figure whole; `within` as in `write_output`. Raises BadResults."""
    write_output(path, picture_of(figure, form), within)
