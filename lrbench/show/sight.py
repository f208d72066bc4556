"""What an axis shows: all that is within sight of the best. The rest leaves at the border, with a mark.

Without this rule, one schedule that went astray, finished with a loss of 5e16, would hide all the others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

SIGHT = 5  # an axis reaches at most so many times as far as the middle halves of the better schedules' runs do
AIR = 1.18  # of the highest rate in sight: where the axis of the rates ends
FAR = 100  # times the room: where what leaves is drawn, so that no picture has to hold 5e16


@dataclass(frozen=True, slots=True)
class Window:
    """The values that an axis shows. Infinite where nothing leaves."""

    low: float = -math.inf
    high: float = math.inf
    room: float = 0.0  # from the best to the border

    @property
    def is_open(self) -> bool:
        """Whether nothing leaves."""
        return math.isinf(self.low) and math.isinf(self.high)

    @property
    def leaves_below(self) -> bool:
        """Whether something leaves at the lower end."""
        return not math.isinf(self.low)

    def with_value(self, value: float) -> "Window":
        """Return a window in which a value is in sight, too."""
        return replace(self, low=min(self.low, value), high=max(self.high, value))

    def drawn(self, values: Values) -> Values:
        """Return values as they are drawn: those beyond the border well beyond it, but not at 5e16."""
        return np.clip(values, self.low - FAR * self.room, self.high + FAR * self.room)

    def inside(self, values: Values) -> Values:
        """Return those that are in sight: float64 (n,)."""
        known = values[np.isfinite(values)]
        return known[(known >= self.low) & (known <= self.high)]

    def beyond(self, values: Values) -> NDArray[np.bool_]:
        """Return which of them are not."""
        return np.asarray((values < self.low) | (values > self.high))

    def extreme(self, values: Values) -> float | None:
        """Return the value that is farthest beyond the border; None if all are in sight."""
        outside = values[self.beyond(values)]
        gap = np.maximum(self.low - outside, outside - self.high)
        return float(outside[np.argmax(gap)]) if outside.size else None


ALL = Window()


def window_of(
    tables: Sequence[Values], *, lower: bool, best: float = 0.0, others: Sequence[Values] = ()
) -> Window:
    """Return what an axis shows of a figure. tables: float64 (runs, points) of each schedule that finished.

    The better half of the schedules decides, by their last median: from the best of their values, the axis goes
    SIGHT times as far as the middle halves of their runs reach; and at least until twice what the best one's value
    lacks to the `best` possible one. `others` are those that did not finish: they decide nothing.
    """
    known = [table[:, np.isfinite(table).any(axis=0)] for table in tables if np.isfinite(table).any()]
    if len(known) < 2:
        return ALL
    sign = 1 if lower else -1
    ends = [sign * float(np.nanmedian(table[:, -1])) for table in known]
    order = np.argsort(ends, kind="stable")[: -(-len(known) // 2)]
    near = sign * np.concatenate([np.nanpercentile(known[i], (25, 75), axis=0).ravel() for i in order])
    room = max(SIGHT * float(np.ptp(near)), abs(min(ends) - sign * best))
    limit = float(near.min()) + room
    values = sign * np.concatenate([table[np.isfinite(table)] for table in (*tables, *others)])
    if not room or values.max() <= limit:
        return ALL
    border = sign * float(values[values <= limit].max())
    return Window(high=border, room=room) if lower else Window(low=border, room=room)


def rate_window(tables: Sequence[Values], others: Sequence[Values]) -> Window:
    """Return what an axis shows of rates: all that the schedules in sight used, whatever the others did."""
    highest = [float(np.nanmax(table)) for table in tables if np.isfinite(table).any()]
    border = AIR * max(highest, default=math.inf)
    above = any(np.nanmax(table, initial=-math.inf) > border for table in others)
    return Window(high=border, room=border) if above else ALL


def around_zero(intervals: Sequence[tuple[float, float, float]]) -> Window:
    """Return what an axis shows of differences: low, mean and high of each; those near 0 decide."""
    order = sorted((ends for ends in intervals if math.isfinite(ends[1])), key=lambda ends: abs(ends[1]))
    near = np.array([0.0, *(end for ends in order[: -(-len(order) // 2)] for end in ends if math.isfinite(end))])
    more = (SIGHT - 1) * float(np.ptp(near))
    low, high = float(near.min()) - more, float(near.max()) + more
    inside = [end for ends in order for end in ends if low <= end <= high]
    means = [mean for _, mean, _ in order]
    return Window(
        low=min(inside) if any(mean < low for mean in means) else -math.inf,
        high=max(inside) if any(mean > high for mean in means) else math.inf,
        room=more,
    )


def stretches(x: Values, beyond: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return where along x something lies beyond: the ends of each stretch, half-way to the points that do not."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.astype(int), [0]])))
    between = np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]])
    return [
        (float(between[begin]), float(between[end])) for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def mark_places(x: Values, tables: Sequence[Values], window: Window) -> list[list[float]]:
    """Return for each schedule where along x marks say that it is beyond the border, one in each stretch.

    tables: float64 (runs, points). Marks of several schedules that leave together stand beside one another.
    """
    out = [np.logical_or.reduce(window.beyond(table), axis=0) for table in tables]
    leaving = [i for i, each in enumerate(out) if each.any()]
    share = {i: (place + 1) / (len(leaving) + 1) for place, i in enumerate(leaving)}
    return [
        [begin + share[i] * (end - begin) for begin, end in stretches(x, each)] if i in share else []
        for i, each in enumerate(out)
    ]


def named(labels: Sequence[str], tables: Sequence[Values], window: Window, scale: int = 1) -> list[str]:
    """Name the schedules that leave, and how far they go, times the scale: `wild (5.034e+16)`."""
    found = ((label, window.extreme(table)) for label, table in zip(labels, tables, strict=True))
    return [f"{label} ({scale * value:.4g})" for label, value in found if value is not None]
