"""Curves one after the other. The conventions are those of curves.py."""

from itertools import pairwise

import numpy as np

from lrbench.schedules.base import Curve, Horizon, Part, Rates, Span, Steps, schedule
from lrbench.schedules.checks import check, rising
from lrbench.schedules.schedule import Schedule
from lrbench.schedules.spec import parse


@schedule("join")
def join(
    horizon: Horizon,
    *,
    lr: float,
    pieces: tuple[Part, ...] = (Part("constant", "constant()"), Part("linear", "linear(to=0%)")),
    at: tuple[Span, ...] = (Span(50, "%"),),
) -> Curve:
    """Curves one after the other, each on a stretch of the horizon of its own.

    rate(t) = piece(t - b) on a horizon of T = c - b steps, for the boundaries b <= t < c of its stretch
    The pieces are schedules of this list, separated by ; as in join(linear(to=50%); cosine(lr=50%), at=30%).
    Boundaries are rounded to whole steps. Each piece starts at its own first rate and arrives at its end with its
    stretch; its % and epochs count in its stretch, and its peak rate is the whole's unless it names one.

    Use: for a published schedule of several parts.
    Avoid: where warmup, hold or cooldown say the same.
    Keras: LearningRateScheduler, by hand
    PyTorch: SequentialLR(optimizer, [one scheduler for each piece], milestones=at)
    Source: optax documentation, join_schedules; PyTorch documentation, SequentialLR.
    """
    begins, curves = [], []
    for begin, piece, stretch in stretches(horizon, lr, pieces, at):
        begins.append(begin)
        curves.append(piece.curve(stretch))

    def rate(t: Steps) -> Rates:
        of = np.searchsorted(begins, t, side="right") - 1
        rates = np.empty(t.shape)
        for i, (begin, curve) in enumerate(zip(begins, curves, strict=True)):
            rates[of == i] = curve(t[of == i] - begin)
        return rates

    return rate


def stretches(
    horizon: Horizon, lr: float, pieces: tuple[Part, ...], at: tuple[Span, ...]
) -> list[tuple[int, Schedule, Horizon]]:
    """Return each piece of a join with its first step and the horizon that it has. Raises BadSpec."""
    ends = [0, *(round(steps) for steps in rising("join", at, horizon)), horizon.steps]
    check(
        len(pieces) == len(at) + 1,
        f"join wants one piece more than boundaries; got {len(pieces)} pieces for at={';'.join(map(str, at))}.",
        "Try join(constant; linear, at=50%).",
    )
    check(
        all(begin < end for begin, end in pairwise(ends)),
        f"join leaves a piece without a step: at={';'.join(map(str, at))} of {horizon.steps:,} steps.",
        "Write rising boundaries within the horizon, such as at=50%.",
    )
    return [
        (begin, parse(part.text, lr), horizon.piece(end - begin))
        for part, (begin, end) in zip(pieces, pairwise(ends), strict=True)
    ]
