"""What every schedule takes beside its own parameters: warmup, hold, cooldown, per. Functions around any curve.

Each takes a maker (a function from a horizon to a curve) and returns another. They are applied from the inside
out: hold, then warmup, then cooldown, then per; so a warm-up comes before a hold, and the % of a hold is a share
of what the warm-up has left. The % of warmup and cooldown are shares of the whole horizon.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from lrbench.schedules.base import Curve, Entry, Horizon, Parameter, Rate, Rates, Span, Steps
from lrbench.schedules.checks import check
from lrbench.schedules.shapes import Climb, Fall, passed

Maker = Callable[[Horizon], Curve]
Per = Literal["step", "epoch"]


def held(make: Maker, length: Span) -> Maker:
    """Stay at the curve's first rate for `length`, then run the curve on the rest of the horizon."""

    def made(horizon: Horizon) -> Curve:
        wait = whole_steps(length, horizon)
        curve = make(horizon.after(wait))
        return lambda t: curve(np.maximum(t - wait, 0))

    return made


def warmed_up(make: Maker, length: Span, shape: Climb = "linear", start: float | None = None) -> Maker:
    """Climb to the curve's first rate r0, then run the curve on the rest of the horizon.

    rate(t) = r0 * s((t + 1) / (w + 1)) for t < w: no update is wasted at rate 0, and r0 is reached at t = w
    with per=epoch, t and w count epochs here, so that the first of them is no longer spent one step up from 0
    with a start rate: start + (r0 - start) * s(t / w), which begins at the start rate itself
    s(z) = z for the linear shape, (1 - cos(pi * z)) / 2 for the cosine one

    A start of 0 is transformers' warm-up, another one timm's `warmup_lr` and optax's `init_value`.
    Source: Goyal et al. 2017, https://arxiv.org/abs/1706.02677.
    """

    def made(horizon: Horizon) -> Curve:
        climb, stride = whole_steps(length, horizon), horizon.stride
        curve = make(horizon.after(climb))
        peak = float(curve(np.zeros(1, np.int64))[0])
        check(
            start is None or 0 <= start <= peak,
            f"warmup_start={start} does not lie between 0 and {peak:g}, the rate that the warm-up climbs to.",
            "Write a lower one, such as warmup_start=0.",
        )

        def rate(t: Steps) -> Rates:
            if start is not None:
                climbing = start + (peak - start) * passed(shape, np.minimum(t / (climb or 1), 1))
            elif shape == "linear":
                climbing = peak * (t + stride) / (climb + stride)
            else:
                climbing = peak * passed(shape, np.minimum((t + stride) / (climb + stride), 1))
            return np.where(t < climb, climbing, curve(np.maximum(t - climb, 0)))

        return rate

    return made


def cooled_down(make: Maker, length: Span, shape: Fall = "linear") -> Maker:
    """Multiply the curve by a factor that falls from 1 to 0 at the end, arriving just after the last update.

    rate(t) = curve(t) * (1 - s(z)), z = max(0, t - (T - c)) / c for a cooldown of c steps; s stands in shapes.py
    The curve itself stays what it is without a cooldown.

    Sources: Hägele et al. 2024, https://arxiv.org/abs/2405.18392 (after a constant rate); Zhai et al. 2022,
    https://arxiv.org/abs/2106.04560 (after an inverse square root); Ibrahim et al. 2024,
    https://arxiv.org/abs/2403.08763 ("infinite" schedules).
    """

    def made(horizon: Horizon) -> Curve:
        down = min(length.steps(horizon), horizon.steps)
        curve = make(horizon)

        def rate(t: Steps) -> Rates:
            z = np.clip((t - (horizon.steps - down)) / (down or 1), 0, 1)
            return curve(t) * (1 - passed(shape, z))

        return rate

    return made


def per_epoch(make: Maker) -> Maker:
    """Let the rate of an epoch's first step serve the whole epoch."""

    def made(horizon: Horizon) -> Curve:
        curve = make(replace(horizon, stride=horizon.steps_per_epoch))
        return lambda t: curve(t - t % horizon.steps_per_epoch)

    return made


NOTHING = Span(0, "steps")
MODIFIERS = {
    "warmup": Parameter("warmup", Span, NOTHING),
    "warmup_shape": Parameter("warmup_shape", Climb, "linear"),
    "warmup_start": Parameter("warmup_start", Rate | None, None),
    "hold": Parameter("hold", Span, NOTHING),
    "cooldown": Parameter("cooldown", Span, NOTHING),
    "cooldown_shape": Parameter("cooldown_shape", Fall, "linear"),
    "per": Parameter("per", Per, "step"),
}


def modifiers_of(entry: Entry) -> dict[str, Parameter]:
    """Return the modifiers that a schedule takes, as it has them.

    Where a parameter of its own has a modifier's name (the cooldown of wsd and of plateau), it stands instead.
    """
    return {
        key: replace(each, default=entry.modifiers.get(key, each.default))
        for key, each in MODIFIERS.items()
        if key.partition("_")[0] not in entry.parameters
    }


def parameters_of(entry: Entry) -> dict[str, Parameter]:
    """Return every parameter that a schedule takes: the modifiers, as it has them, and its own."""
    return modifiers_of(entry) | dict(entry.parameters)


def modified(make: Maker, given: Mapping[str, Any], lr: float) -> Maker:
    """Apply the modifiers, from the inside out; those that are not given are as they are by default."""
    values = {key: each.default for key, each in MODIFIERS.items()} | dict(given)
    _check_words(values)
    start = values["warmup_start"].of(lr) if values["warmup_start"] is not None else None
    if values["hold"].value:
        make = held(make, values["hold"])
    if values["warmup"].value:
        make = warmed_up(make, values["warmup"], values["warmup_shape"], start)
    if values["cooldown"].value:
        make = cooled_down(make, values["cooldown"], values["cooldown_shape"])
    if values["per"] == "epoch":
        make = per_epoch(make)

    def made(horizon: Horizon) -> Curve:
        _check_fit(values, horizon)
        return make(horizon)

    return made


def _check_words(values: Mapping[str, Any]) -> None:
    """A shape or a start of what is not there would be a wish without effect."""
    for key, each in MODIFIERS.items():
        of, _, what = key.partition("_")
        check(
            not what or values[key] == each.default or values[of].value > 0,
            f"{key} wants a {of}.",
            f"Add {of}=5%, or leave {key} out.",
        )


def _check_fit(values: Mapping[str, Any], horizon: Horizon) -> None:
    """What the modifiers ask for, added up, must leave something to the curve, and a cooldown all of its own."""
    spans = {key: values[key] for key in ("warmup", "hold") if values[key].value}
    before = sum(whole_steps(span, horizon) for span in spans.values())
    asked = " and ".join(f"{key}={span}" for key, span in spans.items())
    check(
        before < horizon.steps,
        f"{asked} {'leave' if len(spans) > 1 else 'leaves'} nothing of the {horizon.steps:,} steps.",
        f"Try {', '.join(f'{key}=5%' for key in spans)}.",
    )
    down = values["cooldown"].steps(horizon)
    check(
        before + down <= horizon.steps + 0.5,  # a warm-up is rounded to whole steps
        f"cooldown={values['cooldown']} is more than is left of the {horizon.steps:,} steps.",
        "Try cooldown=20%.",
    )


def whole_steps(length: Span, horizon: Horizon) -> int:
    """Return a span in whole steps, as warm-ups and holds count."""
    return round(length.steps(horizon))
