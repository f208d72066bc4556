"""One page to try schedules on: it computes every curve itself, and loads nothing."""

import json
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from markupsafe import Markup

import lrbench
from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, Rate, Schedule, Span, called, parse
from lrbench.schedules.base import PIECES, Entry, Parameter, parameter_text, text_of
from lrbench.schedules.docs import docs_of
from lrbench.schedules.modifiers import modifiers_of, parameters_of
from lrbench.show.styles import COLOURS, DASHES, FIXED, INKS, MARKERS, Style
from lrbench.show.take_home import TABLE
from lrbench.show.templates import template

KINDS = {Span: "span", Rate: "rate", Rate | None: "optional", float: "number", bool: "switch"}
SHORT = Horizon(epochs=30, steps_per_epoch=100)


def render(schedules: Sequence[Schedule], horizon: Horizon, lr: float) -> str:
    """Return the page as HTML, opened on these schedules. Raises BadSpec for one that it cannot draw."""
    for each in schedules:
        if each.is_users_own or each.entry.feedback:
            why = "is a function of yours" if each.is_users_own else "looks at the training"
            raise BadSpec(
                f"The page cannot draw {each.words}: it {why}.", f"See it by lrbench preview {each.name}."
            )
        each.table(horizon)
    specs = [Schedule(each.name, each.lr, each.given).written(lr) for each in schedules]
    labels = dict(zip(specs, called(schedules), strict=True))
    start = {
        "epochs": horizon.epochs,
        "steps": horizon.steps_per_epoch,
        "lr": lr,
        "specs": specs,
        "labels": labels,
    }
    table = TABLE.replace("{{}}", "{}")
    entries = {name: _entry(entry) for name, entry in REGISTRY.items() if not entry.feedback}
    data = json.dumps({"entries": entries, "start": {**start, "table": table}, "styles": style_rules()})
    safe = Markup(data.replace("<", "\\u003c"))  # JSON in a script: nothing in it can end the script
    return template("preview.html.j2").render(data=safe, version=lrbench.__version__, inks=INKS)


def style_rules() -> dict[str, Any]:
    """Return what the page needs to draw schedules as all pictures do."""
    strokes = [Style(0, i).stroke for i in range(len(DASHES))]
    return {"colours": COLOURS, "strokes": strokes, "markers": len(MARKERS), "fixed": FIXED}


def _entry(entry: Entry) -> dict[str, Any]:
    docs = docs_of(entry)
    parameters = {key: _parameter(entry, each) for key, each in parameters_of(entry).items()}
    return {
        "summary": docs.summary,
        "formula": docs.formula[0],
        "modifiers": list(modifiers_of(entry)),
        "parameters": parameters,
    }


def _parameter(entry: Entry, each: Parameter) -> dict[str, Any]:
    if each.name == PIECES:
        return {"kind": "pieces", "standard": parameter_text(PIECES, each.default)}
    if get_origin(each.type) is tuple:
        return {"kind": f"{KINDS[get_args(each.type)[0]]}s", "standard": text_of(each.default)}
    kind = KINDS.get(each.type, "choice")
    found = {"kind": kind, "standard": text_of(each.default)}
    if kind == "number":
        return found | {"most": _most(entry, each)}
    choices = {"switch": ["false", "true"], "choice": list(get_args(each.type))}
    return found | ({"choices": choices[kind]} if kind in choices else {})


def _most(entry: Entry, each: Parameter) -> float:
    """How far a slider reaches: to twice the default, or to 1 where the schedule refuses that."""
    most = float(2 * max(each.default, 1))
    try:
        parse(f"{entry.name}({each.name}={most})").table(SHORT)
    except BadSpec:
        return 1.0
    return most
