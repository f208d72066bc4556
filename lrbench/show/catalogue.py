"""All schedules in a table, and one of them explained."""

import shlex
from collections.abc import Mapping
from typing import Any, TextIO, get_args, get_origin

from rich import box
from rich.table import Table
from rich.text import Text

from lrbench.schedules import REGISTRY, Horizon, Rate, Schedule, Span, parse
from lrbench.schedules.aliases import OTHER_NAMES
from lrbench.schedules.base import Parameter, Part, parameter_text, text_of
from lrbench.schedules.docs import docs_of
from lrbench.schedules.modifiers import MODIFIERS, modifiers_of, parameters_of
from lrbench.show.preview import console_on, sparkline

TAKES = {
    Span: "a span: epochs, steps, or % of the horizon",
    Rate: "a rate, or % of the peak rate",
    Rate | None: "a rate, or % of the peak rate, or none",
    Part: "a schedule",
    float: "a number",
    bool: "true or false",
    str: "a figure of the validation examples, such as val_loss",
}
MEANS = {
    "warmup": "a climb to the first rate, before all else; what it leaves is the curve's",
    "warmup_shape": "how it climbs",
    "warmup_start": "where it begins; with none, its first update is one step up from 0",
    "hold": "stay at the first rate, then run the curve on the rest",
    "cooldown": "a fall to 0 at the end, whatever the curve does",
    "cooldown_shape": "how it falls",
    "per": "let the rate of an epoch's first step serve the whole epoch; a warm-up climbs by epochs then",
}


def write_listing(stream: TextIO) -> None:
    """Write a line for every schedule."""
    console = console_on(stream)
    table = Table("scheduler", "curve", "parameters and defaults", "", box=box.SIMPLE_HEAD)
    for name, entry in REGISTRY.items():
        shown = {
            key: each
            for key, each in parameters_of(entry).items()
            if key in entry.parameters or key in entry.modifiers
        }
        given = " ".join(parameter_text(key, each.default) for key, each in shown.items())
        table.add_row(name, sparkline(_picture(parse(name)), 12), Text(given), Text(docs_of(entry).summary))
    console.print(table)
    console.print(
        f"Every schedule also takes lr (its own peak rate) and {', '.join(MODIFIERS)}.\n"
        "Your own: module:function or file.py:function, of (step), (step, total), (epoch) or (epoch, lr).\n"
        f"Other names: {_other_names()}.\n"
        "More: lrbench schedulers cosine"
    )


def write_explanation(schedule: Schedule, stream: TextIO, note: str = "") -> None:
    """Write what is known of one schedule, below a note."""
    console = console_on(stream)
    entry = REGISTRY[schedule.name]
    docs = docs_of(entry)
    if note:
        console.print(f"{note}\n")
    console.print(f"{schedule.name}: {docs.summary}\n", style="bold")
    for line in docs.formula:
        console.print(f"  {line}")
    console.print(f"\n  {sparkline(_picture(schedule), 60)}\n")
    table = Table("parameter", "default", "takes", box=box.SIMPLE_HEAD)
    _add_parameters(table, entry.parameters, {})
    _add_parameters(table, modifiers_of(entry), MEANS)
    console.print(table)
    for topic, text in docs.topics.items():
        console.print(f"{topic + ':':9}{text}")
    console.print(f"\nNext: lrbench preview {shlex.quote(schedule.words)}")
    console.print(f"      lrbench schedulers {shlex.quote(schedule.words)} --code keras")


def _other_names() -> str:
    """`linear (D2Z, linear-to-zero), ...`: what to write, and what others call it."""
    names: dict[str, list[str]] = {}
    for name, spec in OTHER_NAMES.items():
        names.setdefault(spec, []).append(name)
    return ", ".join(f"{spec} ({', '.join(others)})" for spec, others in names.items())


def _add_parameters(table: Table, parameters: Mapping[str, Parameter], means: Mapping[str, str]) -> None:
    for key, each in parameters.items():
        said = means.get(key)
        takes = _takes(each.type)
        table.add_row(key, text_of(each.default), Text(f"{takes}: {said}" if said else takes))


def _takes(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f"a list separated by ; each {TAKES[get_args(kind)[0]]}"
    return TAKES.get(kind) or " or ".join(get_args(kind))


def _picture(schedule: Schedule) -> Any:
    """The table on a horizon of middle length."""
    return schedule.table(Horizon(epochs=30, steps_per_epoch=100))
