"""A schedule as the text of plain Python functions of the step, with every span and rate as the number that it is.

Each curve is a few lines; modifiers and joins are functions around functions, as in lrbench.schedules. The last
one is called `rate`. lrbench/show/page/preview.js writes the same text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, Schedule
from lrbench.schedules.base import PIECES, Span, number
from lrbench.schedules.docs import docs_of
from lrbench.schedules.joins import stretches
from lrbench.schedules.modifiers import modifiers_of, whole_steps


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a curve is written from: its parameters, its horizon, its peak rate, and how to turn one into text."""

    values: Mapping[str, Any]
    horizon: Horizon
    lr: float

    @property
    def total(self) -> str:
        return str(self.horizon.steps)

    @property
    def peak(self) -> str:
        return number(self.lr)

    def span(self, key: str) -> float:
        return float(self.values[key].steps(self.horizon))

    def rate(self, key: str) -> float:
        return float(self.values[key].of(self.lr))

    def spans(self, key: str) -> str:
        return f"[{', '.join(number(each.steps(self.horizon)) for each in self.values[key])}]"

    def above(self, key: str, share: str) -> str:
        """`0.001 + (0.1 - 0.001) * share`, from a low rate up to the peak."""
        return _between(self.rate(key), self.peak, share)

    def stairs(self, key: str) -> str:
        """How many whole spans have passed."""
        length = self.span(key)
        return f"step // {number(length)}" if length.is_integer() else f"math.floor({PAST} / {number(length)})"

    def passed(self, key: str) -> str:
        """How many spans have passed: whole ones only, for a staircase."""
        return self.stairs(key) if self.values["staircase"] else f"step / {number(self.span(key))}"


def lines_of(schedule: Schedule, horizon: Horizon) -> list[str]:
    """Return the lines of one or more functions, the last of them `rate(step)`. Raises BadSpec.

    They give what `schedule.table(horizon)` holds at every step of the horizon, whatever else they give beyond it.
    """
    if schedule.name not in BODIES and PIECES not in schedule.entry.parameters:
        raise BadSpec(
            f"{schedule.name} is a function of yours, and its code is not copied.",
            "Call it in your script, or add --with-lrbench.",
        )
    schedule.table(horizon)  # says what does not fit
    return _functions(schedule, horizon, "rate", "")


def _functions(schedule: Schedule, horizon: Horizon, name: str, prefix: str) -> list[str]:
    """The curve inside, and around it the modifiers that it has: hold, warmup, cooldown, per."""
    values, own = schedule.parameters, modifiers_of(schedule.entry)
    has = [key for key in LAYERS if key in own and (values[key] == "epoch" if key == "per" else values[key].value)]
    names = [f"{prefix}curve", *(f"{prefix}{LAYERS[key]}" for key in has)]
    names[-1] = name
    horizon = replace(horizon, stride=horizon.steps_per_epoch) if "per" in has else horizon
    climb = whole_steps(values["warmup"], horizon) if "warmup" in has else 0
    wait = whole_steps(values["hold"], horizon.after(climb)) if "hold" in has else 0
    lines = _curve(schedule, horizon.after(climb + wait), names[0], prefix)
    for key, inner, outer in zip(has, names, names[1:], strict=False):
        match key:
            case "hold":
                lines += _function(
                    outer,
                    f"Stay at the first rate for {wait:,} updates.",
                    [f"return {inner}(max(step - {wait}, 0))"],
                )
            case "warmup":
                start = values["warmup_start"].of(schedule.lr) if values["warmup_start"] is not None else None
                lines += _function(
                    outer,
                    f"Climb to the first rate in {climb:,} updates.",
                    _climb(inner, climb, horizon.stride, values["warmup_shape"], start),
                )
            case "cooldown":
                down = min(values["cooldown"].steps(horizon), horizon.steps)
                lines += _function(
                    outer,
                    f"Fall to 0 in the last {number(down)} updates.",
                    [
                        f"z = max(step - {number(horizon.steps - down)}, 0) / {number(down)}",
                        f"return {inner}(step) * {LEFT[values['cooldown_shape']]}",
                    ],
                )
            case "per":
                lines += _function(
                    outer,
                    "The rate of an epoch's first step serves the whole epoch.",
                    [f"return {inner}(step - step % {horizon.steps_per_epoch})"],
                )
    return lines


def _curve(schedule: Schedule, horizon: Horizon, name: str, prefix: str) -> list[str]:
    numbers = Numbers(schedule.parameters, horizon, schedule.lr)
    summary = docs_of(REGISTRY[schedule.name]).summary
    if PIECES not in schedule.entry.parameters:
        return _function(name, summary, BODIES[schedule.name](numbers))
    parts = stretches(horizon, schedule.lr, schedule.parameters[PIECES], schedule.parameters["at"])
    lines, body = [], []
    for i, (begin, piece, stretch) in enumerate(parts, 1):
        lines += _functions(piece, stretch, f"{prefix}piece_{i}", f"{prefix}piece_{i}_")
        call = f"{prefix}piece_{i}(step - {begin})" if begin else f"{prefix}piece_{i}(step)"
        last = i == len(parts)
        body += [f"return {call}"] if last else [f"if step < {parts[i][0]}:", f"    return {call}"]
    return lines + _function(name, summary, body)


def _function(name: str, doc: str, body: list[str]) -> list[str]:
    return ["", "", f"def {name}(step):", f'    """{doc}"""', *(f"    {line}" for line in body)]


def _climb(inner: str, climb: int, stride: int, shape: str, start: float | None) -> list[str]:
    z = f"(step + {stride}) / {climb + stride}" if start is None else f"step / {climb}"
    way = z if shape == "linear" else f"(1 - math.cos(math.pi * {z})) / 2"
    climbing = _between(start or 0, f"{inner}(0)", way)
    climbed = f"return {inner}(step - {climb})"
    return [f"if step < {climb}:", f"    return {climbing}", climbed] if climb else [climbed]


def _between(low: float, high: str, share: str) -> str:
    return f"{number(low)} + ({high} - {number(low)}) * {share}" if low else f"{high} * {share}"


def _multistep(x: Numbers) -> list[str]:
    return [
        f"passed = sum(step >= boundary for boundary in {x.spans('at')})",
        f"return {x.peak} * {number(x.values['gamma'])} ** passed",
    ]


def _piecewise(x: Numbers) -> list[str]:
    rates = ", ".join(number(each.of(x.lr)) for each in x.values["rates"])
    return [
        f"passed = sum(step >= boundary for boundary in {x.spans('at')})",
        f"return [{rates}][passed]",
    ]


def _inverse_time(x: Numbers) -> list[str]:
    gamma, power = x.values["gamma"], x.values["power"]
    below = f"(1 + {'' if gamma == 1 else number(gamma) + ' * '}({x.passed('every')}))"
    return [f"return {x.peak} / {below}" + ("" if power == 1 else f" ** {number(power)}")]


def _inverse_sqrt(x: Numbers) -> list[str]:
    after = number(x.span("after"))
    return ["return " + x.above("floor", f"({after} / max(step, {after})) ** {number(x.values['power'])}")]


def _linear(x: Numbers) -> list[str]:
    end = x.rate("to")
    if not end:
        return [f"return {x.peak} * (1 - step / {x.total})"]
    return [f"return {x.peak} + ({number(end)} - {x.peak}) * step / {x.total}"]


def _polynomial(x: Numbers) -> list[str]:
    z = f"step / {x.total}" if x.values["k"] == 1 else f"(step / {x.total}) ** {number(x.values['k'])}"
    return ["return " + x.above("to", f"(1 - {z}) ** {number(x.values['power'])}")]


def _cosine(x: Numbers) -> list[str]:
    z = f"step / {x.total}" if x.values["k"] == 1 else f"(step / {x.total}) ** {number(x.values['k'])}"
    return ["return " + x.above("floor", f"(1 + math.cos(math.pi * {z})) / 2")]


def _sigmoid(x: Numbers) -> list[str]:
    steep, centre = number(x.values["gamma"] / 2), number(x.span("centre"))
    return ["return " + x.above("floor", f"(1 - math.tanh({steep} * (step - {centre}) / {x.total})) / 2")]


def _cyclical(x: Numbers) -> list[str]:
    waves = {"triangle": "1 - abs(halves % 2 - 1)", "sine": "abs(math.sin(math.pi / 2 * halves))"}
    shrinks = {"none": "", "half": " * 0.5 ** (halves // 2)", "exp": f" * {number(x.values['gamma'])} ** step"}
    return [
        f"halves = step / {number(x.span('half'))}",
        f"wave = {waves[x.values['shape']]}",
        "return " + x.above("floor", f"wave{shrinks[x.values['decay']]}"),
    ]


def _restarts(x: Numbers) -> list[str]:
    first: Span = x.values["first"]
    mult, shrink = x.values["mult"], x.values["shrink"]
    length = number(max(first.steps(x.horizon), 1.0) if first.unit == "%" else first.steps(x.horizon))
    low = x.rate("floor")
    if mult == 1:
        lines = [
            f"cycle = math.floor({PAST} / {length})  # a millionth of a step is rounding",
            f"z = step / {length} - cycle",
        ]
    else:
        lines = [
            f"begin, length, cycle = 0, {length}, 0",
            "while step >= begin + length - 1e-6:  # a millionth of a step is rounding",
            f"    begin, length, cycle = begin + length, length * {number(mult)}, cycle + 1",
            "z = (step - begin) / length",
        ]
    high = x.peak if shrink == 1 else f"{x.peak} * {number(shrink)} ** cycle"
    if shrink != 1 and low:
        lines.append(f"high = max({high}, {number(low)})")
        high = "high"
    return [*lines, "return " + _between(low, high, "(1 + math.cos(math.pi * z)) / 2")]


def _noam(x: Numbers) -> list[str]:
    climb, update = number(x.span("warmup")), f"(step + {x.horizon.stride})"
    return [f"return {x.peak} * min({update} / {climb}, math.sqrt({climb} / {update}))"]


def _onecycle(x: Numbers) -> list[str]:
    turn, end = x.span("up"), number(x.rate("end"))

    def way(z: str) -> str:
        return z if x.values["shape"] == "linear" else f"(1 - math.cos(math.pi * {z})) / 2"

    up = way(f"step / {number(turn)}")
    down = way(f"(step - {number(turn)}) / {number(x.horizon.steps - turn)}" if turn else f"step / {x.total}")
    climb = [f"if step < {number(turn)}:", f"    return {x.above('start', up)}"] if turn else []
    return [*climb, f"return {x.peak} + ({end} - {x.peak}) * {down}"]


def _wsd(x: Numbers) -> list[str]:
    down = min(x.values["cooldown"].steps(x.horizon.whole), x.horizon.steps)
    if not down:
        return [f"return {x.peak}"]
    return [
        f"z = max(step - {number(x.horizon.steps - down)}, 0) / {number(down)}",
        "return " + x.above("floor", LEFT[x.values["shape"]]),
    ]


LAYERS = {"hold": "held", "warmup": "warmed_up", "cooldown": "cooled_down", "per": "per_epoch"}
LEFT = {  # of the way, when z of the time has passed
    "linear": "(1 - z)",
    "sqrt": "(1 - math.sqrt(z))",
    "cosine": "(1 + math.cos(math.pi * z)) / 2",
    "exponential": "(2 * 0.5**z - 1)",
    "square": "(1 - z**2)",
    "inverse-linear": "(1 - z) / (1 + 9 * z)",
}
PAST = "(step + 1e-6)"  # base.ROUNDING
BODIES: dict[str, Callable[[Numbers], list[str]]] = {
    "constant": lambda x: [f"return {x.peak}"],
    "step": lambda x: [f"return {x.peak} * {number(x.values['gamma'])} ** ({x.stairs('every')})"],
    "multistep": _multistep,
    "piecewise": _piecewise,
    "exponential": lambda x: [f"return {x.peak} * {number(x.values['gamma'])} ** ({x.passed('every')})"],
    "inverse_time": _inverse_time,
    "inverse_sqrt": _inverse_sqrt,
    "linear": _linear,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "rex": lambda x: [f"z = step / {x.total}", "return " + x.above("floor", "(1 - z) / (1 - z / 2)")],
    "sigmoid": _sigmoid,
    "cyclical": _cyclical,
    "restarts": _restarts,
    "onecycle": _onecycle,
    "noam": _noam,
    "wsd": _wsd,
    "plateau": lambda x: [f"return {x.peak}"],
}
