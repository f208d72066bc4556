"""What every schedule takes beside its own parameters: warmup, hold, per. Functions around any curve.

Each takes a maker (a function from a horizon to a curve) and returns another. They are applied from the inside
out: hold, then warmup, then per; so a warm-up comes before a hold, and a span with % is a share of what the
modifiers outside of it have left.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from lrbench.schedules.base import Curve, Entry, Horizon, Parameter, Rates, Span, Steps
from lrbench.schedules.checks import check

Maker = Callable[[Horizon], Curve]
Per = Literal["step", "epoch"]


def held(make: Maker, length: Span) -> Maker:
    """Stay at the curve's first rate for `length`, then run the curve on the rest of the horizon."""

    def made(horizon: Horizon) -> Curve:
        wait = _whole_steps("hold", length, horizon)
        curve = make(horizon.after(wait))
        return lambda t: curve(np.maximum(t - wait, 0))

    return made


def warmed_up(make: Maker, length: Span) -> Maker:
    """Climb to the curve's first rate r0 in a straight line, then run the curve on the rest of the horizon.

    rate(t) = r0 * (t + 1) / (w + 1) for t < w: no update is wasted at rate 0, and r0 is reached at t = w.
    """

    def made(horizon: Horizon) -> Curve:
        climb = _whole_steps("warmup", length, horizon)
        curve = make(horizon.after(climb))
        peak = float(curve(np.zeros(1, np.int64))[0])

        def rate(t: Steps) -> Rates:
            return np.where(t < climb, peak * (t + 1) / (climb + 1), curve(np.maximum(t - climb, 0)))

        return rate

    return made


def per_epoch(make: Maker) -> Maker:
    """Let the rate of an epoch's first step serve the whole epoch."""

    def made(horizon: Horizon) -> Curve:
        curve = make(horizon)
        return lambda t: curve(t - t % horizon.steps_per_epoch)

    return made


NOTHING = Span(0, "steps")
MODIFIERS = {
    "warmup": Parameter("warmup", Span, NOTHING),
    "hold": Parameter("hold", Span, NOTHING),
    "per": Parameter("per", Per, "step"),
}


def parameters_of(entry: Entry) -> dict[str, Parameter]:
    """Return every parameter that a schedule takes: the modifiers, as it has them, and its own."""
    defaults = {
        key: replace(each, default=entry.modifiers.get(key, each.default)) for key, each in MODIFIERS.items()
    }
    return defaults | dict(entry.parameters)


def modified(make: Maker, values: dict[str, Any]) -> Maker:
    """Apply the modifiers, from the inside out."""
    if values["hold"].value:
        make = held(make, values["hold"])
    if values["warmup"].value:
        make = warmed_up(make, values["warmup"])
    return per_epoch(make) if values["per"] == "epoch" else make


def _whole_steps(name: str, length: Span, horizon: Horizon) -> int:
    steps = round(length.steps(horizon))
    check(
        steps < horizon.steps,
        f"{name}={length} leaves nothing of the {horizon.steps:,} steps.",
        f"Try {name}=5%.",
    )
    return steps
