"""Keras's own schedules, where they have the rates of one of lrbench's within float32 rounding."""

from collections.abc import Callable
from typing import Any

from lrbench.schedules import Horizon, Schedule
from lrbench.schedules.base import number
from lrbench.schedules.modifiers import modifiers_of
from lrbench.show.formulas import Numbers

EXACT = 2**24  # steps that float32 tells apart; Keras counts in it


def keras_own(schedule: Schedule, horizon: Horizon) -> tuple[str, dict[str, str]] | None:
    """Return the name and the arguments of Keras's own schedule with the same rates, or None if it has none."""
    values, own = schedule.parameters, modifiers_of(schedule.entry)
    modified = {key for key, each in own.items() if key in values and values[key] != each.default}
    numbers = Numbers(values, horizon, schedule.lr)
    if horizon.steps > EXACT or schedule.name not in OWN:
        return None
    if schedule.name == "cosine" and "warmup" in modified and modified <= {"warmup", "warmup_start"}:
        return _cosine_warmed_up(numbers)
    return None if modified else OWN[schedule.name](numbers)


def _decay(kind: str) -> Callable[[Numbers], Any]:
    """ExponentialDecay or InverseTimeDecay; stairs that are no whole steps can be one late there."""

    def made(x: Numbers) -> tuple[str, dict[str, str]] | None:
        length, staircase = x.span("every"), x.values.get("staircase", kind == "ExponentialDecay")
        if x.values.get("power", 1) != 1 or (staircase and not length.is_integer()):
            return None
        arguments = {"decay_steps": number(length), "decay_rate": number(x.values["gamma"])}
        return kind, {
            "initial_learning_rate": keras_rate(x.lr),
            **arguments,
            **({"staircase": "True"} if staircase else {}),
        }

    return made


def _piecewise_constant(x: Numbers) -> tuple[str, dict[str, str]]:
    """Keras stays until its boundary has passed, and lrbench until it is reached."""
    boundaries = [-int(-each.steps(x.horizon) // 1) - 1 for each in x.values["at"]]
    if "rates" in x.values:
        rates = [each.of(x.lr) for each in x.values["rates"]]
    else:
        rates = [x.lr * x.values["gamma"] ** passed for passed in range(len(boundaries) + 1)]
    return "PiecewiseConstantDecay", {
        "boundaries": str(boundaries),
        "values": f"[{', '.join(map(keras_rate, rates))}]",
    }


def _polynomial(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Below a power of 1 the end is so steep that float32 is too coarse."""
    power = x.values.get("power", 1.0)
    if x.values.get("k", 1) != 1 or power < 1:
        return None
    return "PolynomialDecay", {
        "initial_learning_rate": keras_rate(x.lr),
        "decay_steps": x.total,
        "end_learning_rate": number(x.rate("to")),
        "power": number(power),
    }


def _cosine(x: Numbers) -> tuple[str, dict[str, str]] | None:
    if x.values["k"] != 1:
        return None
    alpha = number(x.rate("floor") / x.lr)
    return "CosineDecay", {"initial_learning_rate": keras_rate(x.lr), "decay_steps": x.total, "alpha": alpha}


def _cosine_warmed_up(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Keras climbs from its first rate at step 0: one step up from 0, for lrbench's warm-up."""
    climb = round(x.span("warmup"))
    own = _cosine(Numbers(x.values, x.horizon.after(climb), x.lr))
    if own is None or not climb:
        return None
    start = x.lr / (climb + 1) if x.values["warmup_start"] is None else x.rate("warmup_start")
    arguments = {**own[1], "initial_learning_rate": keras_rate(start)}
    return own[0], {**arguments, "warmup_target": keras_rate(x.lr), "warmup_steps": str(climb)}


def _restarts(x: Numbers) -> tuple[str, dict[str, str]] | None:
    """Cycles that grow are found by a logarithm there, whose float32 can be a step late."""
    length, shrink = x.span("first"), x.values["shrink"]
    if x.values["mult"] != 1 or not length.is_integer() or (shrink != 1 and x.rate("floor")):
        return None
    return "CosineDecayRestarts", {
        "initial_learning_rate": keras_rate(x.lr),
        "first_decay_steps": number(length),
        "t_mul": "1.0",
        "m_mul": number(shrink),
        "alpha": number(x.rate("floor") / x.lr),
    }


OWN: dict[str, Callable[[Numbers], tuple[str, dict[str, str]] | None]] = {
    "step": _decay("ExponentialDecay"),
    "exponential": _decay("ExponentialDecay"),
    "inverse_time": _decay("InverseTimeDecay"),
    "multistep": _piecewise_constant,
    "piecewise": _piecewise_constant,
    "linear": _polynomial,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "restarts": _restarts,
}


def keras_rate(value: float) -> str:
    """A rate as Keras wants it: `1.0`, for of `1` it makes a whole number."""
    return repr(float(value))
