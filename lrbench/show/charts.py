"""Geometry of the page's charts: values become coordinates here, and the template draws them as SVG.

x runs in epochs, so that a chart is zoomed by moving the window of its inner drawing; y in pixels from the top.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from lrbench.judging.comparisons import Comparison, turned

WIDTH, HEIGHT = 560, 240  # of the drawing area
LEFT, TOP = 72, 12
DECADE = 10  # an axis is logarithmic from this ratio on
MOST_TICKS = 6

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in the drawing's coordinates, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One schedule's curve: where it runs, and the numbers that hovering shows."""

    number: int  # of the schedule: colour, dashes and switch
    label: str
    path: str
    band: str  # from the lowest to the highest seed; empty with one
    x: list[float]  # epochs
    values: list[float]  # means
    counts: list[int]  # over so many runs
    y: list[float]  # where they are drawn


@dataclass(frozen=True, slots=True)
class Chart:
    """One panel."""

    key: str
    title: str
    unit: str
    percent: bool
    lines: list[Line]
    y_ticks: list[Tick]
    x_from: float
    x_to: float
    log: bool  # the y axis
    above: list[str]  # who reaches beyond the y axis, and how high


@dataclass(frozen=True, slots=True)
class Curve:
    """What a line is made of. x: float64 (points,); table: float64 (runs, points), nan where there is none."""

    number: int
    label: str
    x: Values
    table: Values
    counts: NDArray[np.int64] | None = None  # runs behind each point; None: those of the table
    finished: bool = True  # only those that did decide how far the axis reaches


def chart(
    key: str, title: str, unit: str, curves: Sequence[Curve], *, percent: bool = False, rates: bool = False
) -> Chart:
    """Lay out one panel: means over runs, and the range of the seeds. Rates have their own rule for a log axis."""
    shown = [(each, _means(each.table)) for each in curves]
    deciding = [mean for each, mean in shown if each.finished] or [mean for _, mean in shown]
    scale = Scale.of(deciding, percent=percent, rates=rates)
    above = []
    lines = []
    for each, mean in shown:
        alive = np.isfinite(mean)
        x, table = each.x[alive], each.table[:, alive]
        y = scale.y(mean[alive])
        if not each.finished and alive.any() and mean[alive].max() > scale.high:
            above.append(f"{each.label} ({mean[alive].max():.4g})")
            y, table = np.maximum(y, 1.0), np.minimum(table, scale.high)  # along the border
        band = ""
        if each.table.shape[0] > 1 and alive.any():
            low, high = scale.y(np.nanmin(table, axis=0)), scale.y(np.nanmax(table, axis=0))
            band = path(np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]])) + "Z"
        values = [float(value) for value in mean[alive]]
        counts = np.isfinite(each.table).sum(axis=0) if each.counts is None else each.counts
        n = [int(count) for count in counts[alive]]
        lines.append(Line(each.number, each.label, path(x, y), band, _floats(x), values, n, _floats(y)))
    xs = np.concatenate([each.x for each in curves] or [np.array([0.0, 1.0])])
    ends = float(xs.min()), max(float(xs.max()), 1.0)
    return Chart(key, title, unit, percent, lines, scale.ticks(), *ends, scale.log, above)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels, linear or logarithmic."""

    low: float
    high: float
    log: bool
    percent: bool

    @classmethod
    def of(cls, curves: Sequence[Values], *, percent: bool, rates: bool = False) -> "Scale":
        """Choose a scale that shows the ends well: accuracies may begin below, wide ranges are logarithmic.

        Of rates only those with a curve that would lie flat on a linear axis: its peak is a tenth of another's.
        """
        known = [curve[np.isfinite(curve)] for curve in curves if np.isfinite(curve).any()]
        if not known:
            return cls(0.0, 1.0, False, percent)
        values = np.concatenate(known)
        low, high = float(values.min()), float(values.max())
        wide = high >= DECADE * (min(float(each.max()) for each in known) if rates else low)
        low = float(values[values > 0].min()) if rates and wide and (values > 0).any() else low
        if percent:
            low = max(low, high - 4 * max(0.01, high - float(np.median(values))))
        elif low > 0 and wide:
            return cls(max(low, high / 1e5) / 1.2, high * 1.2, True, percent)
        air = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        return cls(max(0.0, low - air) if low >= 0 else low - air, high + air, False, percent)

    def y(self, values: Values) -> Values:
        """Return pixels from the top: float64 like values, cut off a little outside of the drawing."""
        if self.log:
            floor = np.log(self.low)
            share = (np.log(np.maximum(values, self.low / 10)) - floor) / (np.log(self.high) - floor)
        else:
            share = (values - self.low) / (self.high - self.low)
        return np.asarray(np.clip(HEIGHT * (1 - share), -HEIGHT, 2 * HEIGHT))

    def ticks(self) -> list[Tick]:
        """Return round values on the axis."""
        if self.log:
            few = np.log10(self.high / self.low) < 2
            places = LogLocator(subs=(1, 2, 5) if few else (1,)).tick_values(self.low, self.high)
        else:
            places = MaxNLocator(MOST_TICKS).tick_values(self.low, self.high)
        inside = [value for value in places if self.low <= value <= self.high]
        texts = [f"{100 * value:.6g} %" if self.percent else f"{value:.6g}" for value in inside]
        return [Tick(float(self.y(np.array(v))), t) for v, t in zip(inside, texts, strict=True)]


@dataclass(frozen=True, slots=True)
class Bar:
    """One comparison in the forest: its interval and mean in pixels, and its words."""

    comparison: Comparison
    y: float
    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Forest:
    """Paired differences with their intervals about a line of no difference."""

    bars: list[Bar]
    zero: float
    ticks: list[Tick]
    height: float


def forest(comparisons: Sequence[Comparison], *, percent: bool) -> Forest | None:
    """Lay out the comparisons that have an interval; None if none has."""
    known = [each for each in comparisons if each.n > 1]
    if not known:
        return None
    ends = [value for each in known for value in (each.ci_low, each.ci_high, 0.0)]
    low, high = min(ends), max(ends)
    air = 0.06 * (high - low) or 1e-6
    low, high = low - air, high + air

    def x(value: float) -> float:
        return round(WIDTH * (value - low) / (high - low), 1)

    bars = [
        Bar(each, 18.0 + 26 * i, x(each.ci_low), x(each.mean_difference), x(each.ci_high))
        for i, each in enumerate(known)
    ]
    places = [value for value in MaxNLocator(MOST_TICKS).tick_values(low, high) if low <= value <= high]
    ticks = [Tick(x(value), _signed(100 * value if percent else value)) for value in places]
    return Forest(bars, x(0.0), ticks, 26.0 * len(bars) + 8)


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of schedules in the table of all pairs."""

    comparison: Comparison | None  # None on the diagonal
    level: int  # -4..4: how much better the row's mean is than the column's


def matrix(labels: Sequence[str], pairs: Sequence[Comparison], *, lower_is_better: bool) -> list[list[Cell]]:
    """Return every schedule against every other, rows minus columns."""
    known = {(each.scheduler, each.baseline): each for each in pairs}
    largest = max((abs(each.mean_difference) for each in pairs if each.n), default=0.0) or 1.0

    def cell(row: str, column: str) -> Cell:
        each = known.get((row, column)) or (turned(known[column, row]) if (column, row) in known else None)
        share = each.mean_difference / largest if each and each.n else 0.0
        share = -share if lower_is_better else share
        return Cell(each, int(np.sign(share) * np.ceil(4 * abs(share))))

    return [[cell(row, column) for column in labels] for row in labels]


def _signed(value: float) -> str:
    """Write a difference with its sign; what is 0 but for rounding is 0."""
    return "0" if abs(value) < 1e-9 else f"{value:+.6g}".replace("-", "−")


def path(x: Values, y: Values) -> str:
    """Return the d of a path through points."""
    points = [f"{a:.6g},{b:.1f}" for a, b in zip(x, y, strict=True)]
    return f"M{'L'.join(points)}{'h0' if len(points) == 1 else ''}" if points else ""  # h0: a dot


def _means(table: Values) -> Values:
    """Means over the runs that there are: float64 (points,), nan where there is none."""
    counts = np.isfinite(table).sum(axis=0)
    sums = np.nansum(np.where(np.isfinite(table), table, 0.0), axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _floats(values: Values) -> list[float]:
    return [round(float(value), 4) for value in values]
