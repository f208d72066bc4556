"""Specs with parameters drawn from the registry: what each type can be, and only what its factory takes."""

import random
from typing import Any, get_args, get_origin

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, Rate, Span, parse
from lrbench.schedules.base import PIECES, Part
from lrbench.schedules.modifiers import parameters_of

OPEN_LOOP = sorted(name for name, entry in REGISTRY.items() if not entry.feedback)


def drawn_specs(horizon: Horizon, lr: float, *, each: int) -> list[str]:
    """Every open-loop schedule by default, at a whole number as its rate, and `each` times drawn."""
    draw = random.Random(horizon.steps)
    specs = [*OPEN_LOOP, *(f"{name}(lr=1)" for name in OPEN_LOOP)]
    for name in OPEN_LOOP:
        found = 0
        while found < each:
            text = _drawn(name, draw)
            try:
                parse(text, lr).table(horizon)
            except BadSpec:
                continue
            specs.append(text)
            found += 1
    return specs


def _drawn(name: str, draw: random.Random) -> str:
    parameters = {key: each for key, each in parameters_of(REGISTRY[name]).items() if draw.random() < 0.5}
    inside = [f"{key}={_value(each.type, draw)}" for key, each in parameters.items() if key != PIECES]
    if name == "join":
        inside = [each for each in inside if not each.startswith("at=")]
        pieces = [_drawn(draw.choice([each for each in OPEN_LOOP if each != "join"]), draw) for _ in range(2)]
        inside = [f"{pieces[0]}; {pieces[1]}", f"at={draw.randint(20, 80)}%", *inside]
    if name == "piecewise":
        inside = [each for each in inside if not each.startswith(("at=", "rates="))]
        inside += [f"at={draw.randint(1, 40)}%;{draw.randint(41, 90)}%", "rates=0.1;3%;0.002"]
    return f"{name}({', '.join(inside)})" if inside else name


def _value(kind: Any, draw: random.Random) -> str:
    if get_origin(kind) is tuple:
        return f"{_value(get_args(kind)[0], draw)};{draw.randint(50, 90)}%"
    if kind is Span:
        return draw.choice(
            [f"{draw.uniform(1, 45):.3g}%", f"{draw.randint(1, 60)} steps", "1 epoch", "1.5 epochs"]
        )
    if kind in (Rate, Rate | None):
        return draw.choice([f"{draw.uniform(0, 60):.3g}%", "0.001", "0%"])
    if kind is float:
        return draw.choice(["1", "2", f"{draw.uniform(0.2, 3):.4g}", f"{draw.uniform(0.2, 1):.4g}"])
    if kind is bool:
        return "true"
    assert kind is not Part
    return draw.choice(get_args(kind))
