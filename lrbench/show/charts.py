"""Geometry of the page's charts: values become coordinates here, and the template draws them as SVG.

x runs in epochs, so that a chart is zoomed by moving the window of its inner drawing; y in pixels from the top.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from lrbench.judging.comparisons import Comparison, Verdict, turned
from lrbench.show.canvas import LOG_WORDS, MOST_RATIO, least_rest, rest_scale, rest_ticks, typical_peak
from lrbench.show.sentences import p_value
from lrbench.show.sight import ALL, Window, around_zero, mark_places, named, rate_window, window_of
from lrbench.show.verdict_plots import MARKS, strengths

WIDTH, HEIGHT = 560, 240  # of the drawing area
LEFT, TOP = 72, 12
DECADE = 10  # an axis is logarithmic from this ratio on
MOST_TICKS = 6
ROW_ROOM = 0.15  # of a row, where a value beyond the axis is written
MOST_ACROSS = 5  # ticks below rows: so many fit on a phone

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
    y: list[float]  # where they are drawn; at the border, if they are beyond it
    marks: list[float]  # epochs at which marks at the border say so


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
    kind: str  # of the y axis: linear, log, or function, which is log in what a share lacks to 1
    beyond: list[str]  # who leaves the y axis, and how far they go
    leaves_below: bool  # they leave at its lower end

    @property
    def scale_words(self) -> str:
        """Say what the y axis is, after its unit; nothing if it is linear."""
        return LOG_WORDS.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class Curve:
    """What a line is made of. x: float64 (points,); table: float64 (runs, points), nan where there is none."""

    number: int
    label: str
    x: Values
    table: Values
    counts: NDArray[np.int64] | None = None  # runs behind each point; None: those of the table
    decides: bool = True  # how far the axis reaches


def chart(
    key: str,
    title: str,
    unit: str,
    curves: Sequence[Curve],
    *,
    percent: bool = False,
    rates: bool = False,
    log: bool | None = None,
    higher: bool = False,
) -> Chart:
    """Lay out one panel: means over runs, and the range of the seeds. Rates have their own rule for a log axis.

    `log`: what their axis is, whatever the rule says. `higher`: the figure is better when it is higher.
    """
    window = _window(curves, percent=percent, rates=rates, higher=higher)
    scale = Scale.of(
        [window.inside(each.table) for each in curves],
        percent=percent,
        rates=rates,
        log=log,
        higher=higher,
    )
    marks = mark_places(curves[0].x, [each.table for each in curves], window) if curves else []
    lines = []
    for each, places in zip(curves, marks, strict=True):
        mean = _means(each.table)
        alive = np.isfinite(mean)
        x, table = each.x[alive], window.drawn(each.table[:, alive])
        y = scale.y(window.drawn(mean[alive]))
        band = ""
        if each.table.shape[0] > 1 and alive.any():
            low, high = scale.y(np.nanmin(table, axis=0)), scale.y(np.nanmax(table, axis=0))
            band = path(np.concatenate([x, x[::-1]]), np.concatenate([high, low[::-1]])) + "Z"
        values = [float(value) for value in mean[alive]]
        counts = np.isfinite(each.table).sum(axis=0) if each.counts is None else each.counts
        n = [int(count) for count in counts[alive]]
        lines.append(
            Line(
                each.number,
                each.label,
                path(x, y),
                band,
                _floats(x),
                values,
                n,
                _floats(np.clip(y, 0, HEIGHT)),
                places,
            )
        )
    scaled = 100 if percent else 1
    beyond = named([each.label for each in curves], [each.table for each in curves], window, scaled)
    xs = np.concatenate([each.x for each in curves] or [np.array([0.0, 1.0])])
    ends = float(xs.min()), max(float(xs.max()), 1.0)
    return Chart(key, title, unit, percent, lines, scale.ticks(), *ends, scale.kind, beyond, window.leaves_below)


def _window(curves: Sequence[Curve], *, percent: bool, rates: bool, higher: bool) -> Window:
    """Return what the axis shows, by the rules of the pictures."""
    deciding = [each.table for each in curves if each.decides]
    others = [each.table for each in curves if not each.decides]
    if not deciding:
        return ALL
    if rates:
        return rate_window(deciding, others)
    best = 1.0 if percent and higher else 0.0
    return window_of(deciding, lower=not higher, best=best, others=others)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels: linear, logarithmic, or logarithmic in what a share lacks to 1."""

    low: float
    high: float
    kind: str  # as matplotlib calls it; `function`: of what a share lacks
    percent: bool

    @classmethod
    def of(
        cls,
        curves: Sequence[Values],
        *,
        percent: bool,
        rates: bool = False,
        log: bool | None = None,
        higher: bool = False,
    ) -> "Scale":
        """Choose a scale that shows all and tells the ends apart: what is to be high, and what is to be low.

        Of rates only those with a curve that would lie flat on a linear axis are logarithmic, unless `log` says
        what they are: its peak is a tenth of another's.
        """
        known = [curve[np.isfinite(curve)] for curve in curves if np.isfinite(curve).any()]
        if not known:
            return cls(0.0, 1.0, "linear", percent)
        values = np.concatenate(known)
        low, high = float(values.min()), float(values.max())
        if percent and higher and (least := least_rest(100 * values)) is not None:
            return cls(max(0.0, 1 - 1.1 * (1 - low)), 1 - max(1 - high, least / 100) / 1.1, "function", percent)
        peaks = sorted(float(each.max()) for each in known if each.max() > 0)
        wide = high >= DECADE * (peaks[0] if rates and peaks else low) if log is None else log
        if rates and wide and peaks:
            low = max(float(values[values > 0].min()), typical_peak(peaks) / MOST_RATIO)
        if low > 0 and wide and not higher:
            return cls(low / 1.2, high * 1.2, "log", percent)
        air = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        return cls(max(0.0, low - air) if low >= 0 else low - air, high + air, "linear", percent)

    def y(self, values: Values) -> Values:
        """Return pixels from the top: float64 like values, cut off a little outside of the drawing."""
        low, high = self._along(np.array([self.low, self.high]))
        share = (self._along(np.asarray(values)) - low) / (high - low)
        return np.asarray(np.clip(HEIGHT * (1 - share), -HEIGHT, 2 * HEIGHT))

    def _along(self, values: Values) -> Values:
        """Return values as they stand along the axis, but for its length."""
        if self.kind == "function":
            return rest_scale(100 * (1 - self.high))[0](100 * values)
        return np.log(np.maximum(values, self.low / 10)) if self.kind == "log" else values

    def ticks(self) -> list[Tick]:
        """Return round values on the axis."""
        places: Iterable[float]
        if self.kind == "function":
            places = [value / 100 for value in rest_ticks(100 * self.low, 100 * self.high)]
        elif self.kind == "log":
            few = np.log10(self.high / self.low) < 2
            places = LogLocator(subs=(1, 2, 5) if few else (1,)).tick_values(self.low, self.high)
        else:
            places = MaxNLocator(MOST_TICKS).tick_values(self.low, self.high)
        inside = [value for value in places if self.low <= value <= self.high]
        texts = [f"{100 * value if self.percent else value:.6g}" for value in inside]
        return [Tick(float(self.y(np.array(v))), t) for v, t in zip(inside, texts, strict=True)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A row: a mean with its interval and the seeds behind it, in shares of the width from the left."""

    label: str
    verdict: Verdict
    said: str  # beside it
    low: float | None  # None without an interval
    mean: float | None
    high: float | None
    seeds: list[float]
    beyond: str  # the mean, or else a seed, that lies beyond the axis; empty if all is in sight
    beyond_left: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows over one axis."""

    bars: list[Bar]
    zero: float | None  # where the line of no difference stands
    ticks: list[Tick]


Ends = tuple[float, float, float]  # low, mean, high
Row = tuple[str, Verdict, str, Ends, Sequence[float]]


def rows(found: Sequence[Row], *, percent: bool, differences: bool = False, window: Window = ALL) -> Rows:
    """Lay out rows of label, verdict, words, (low, mean, high) and the seeds' values; nan is not drawn.

    The axis holds what the window shows.
    """
    values = np.array([value for *_, ends, seeds in found for value in (*ends, *seeds)] + [0.0] * differences)
    values = window.inside(values)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    air = 0.06 * (high - low) or 0.06 * abs(high) or 1e-6
    low, high = low - air, high + air
    low -= ROW_ROOM * (high - low) * math.isfinite(window.low)
    high += ROW_ROOM * (high - low) * math.isfinite(window.high)

    def x(value: float) -> float | None:
        return round(100 * (min(max(value, low), high) - low) / (high - low), 2) if math.isfinite(value) else None

    def at(value: float) -> float:
        return x(value) or 0.0

    def bar(label: str, verdict: Verdict, said: str, ends: Ends, seeds: Sequence[float]) -> Bar:
        outside = window.extreme(np.array([ends[1]]))
        outside = window.extreme(np.array([*seeds, ends[1]])) if outside is None else outside
        gone = outside is not None and outside == ends[1]
        low, mean, high = (None, None, None) if gone else map(x, ends)
        seen = [at(value) for value in window.inside(np.array(seeds, float))]
        text = "" if outside is None else f"{(100 if percent else 1) * outside:.4g}".replace("-", "−")
        return Bar(label, verdict, said, low, mean, high, seen, text, outside is not None and outside < window.low)

    bars = [bar(*each) for each in found]
    places = [value for value in MaxNLocator(MOST_ACROSS).tick_values(low, high) if low <= value <= high]
    scale = 100 if percent else 1
    texts = [_signed(scale * value) if differences else f"{scale * value:.6g}" for value in places]
    ticks = [Tick(at(value), text) for value, text in zip(places, texts, strict=True)]
    return Rows(bars, at(0.0) if differences else None, ticks)


def forest(comparisons: Sequence[Comparison], *, percent: bool, against: bool) -> Rows | None:
    """Lay out the comparisons that have an interval; None if none has. `against`: all with the same baseline."""
    found: list[Row] = [
        (
            each.scheduler if against else f"{each.scheduler} − {each.baseline}",
            each.verdict,
            f"{each.verdict}, {p_value(each.p_holm)}",
            ends_of(each, each.mean_difference),
            (),
        )
        for each in comparisons
        if each.n > 1
    ]
    window = around_zero([ends for *_, ends, _ in found])
    return rows(found, percent=percent, differences=True, window=window) if found else None


def ends_of(each: Comparison, mean: float) -> tuple[float, float, float]:
    """The ends of an interval about a mean; nan where it has no end."""
    ends = (each.ci_low, each.ci_high)
    low, high = ends if all(map(math.isfinite, ends)) else (math.nan, math.nan)
    return low, mean, high


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of schedules in the table of all pairs."""

    comparison: Comparison | None  # None on the diagonal
    level: int  # 0..4: how large the difference is among those of its kind
    kind: str  # of its colour: better, worse, or untold


def matrix(labels: Sequence[str], pairs: Sequence[Comparison]) -> list[list[Cell]]:
    """Return every schedule against every other, rows minus columns."""
    known = {(each.scheduler, each.baseline): each for each in pairs}
    strong = strengths(pairs)

    def cell(row: str, column: str) -> Cell:
        each = known.get((row, column)) or (turned(known[column, row]) if (column, row) in known else None)
        share = strong.get((row, column), strong.get((column, row), 0.0))
        told = each is not None and each.verdict in MARKS
        return Cell(each, math.ceil(4 * share), str(each.verdict) if each and told else "untold")

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
