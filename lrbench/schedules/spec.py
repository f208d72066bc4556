"""Text to schedule: `cosine`, `step(every=5 epochs, gamma=0.5)`, `slow=cosine(lr=0.01)`, `mine.py:function`.

The way back is `str(schedule)`.

A span carries its unit (`20 epochs`, `1000 steps`, `10%`); a bare number is refused. A rate with `%` is a share
of the peak rate. Lists inside a value are separated by `;`, and so are the pieces of
`join(step; cosine, at=50%)`, which are specs themselves.
"""

import re
from collections.abc import Callable
from typing import Any, get_args, get_origin

from lrbench.calls import NUMBER, Call, Piece, known, no_twins, parse_calls, read_number, read_plain
from lrbench.errors import BadSpec
from lrbench.schedules import functions
from lrbench.schedules.aliases import other_name
from lrbench.schedules.base import PIECES, REGISTRY, Entry, Part, Rate, Span, Unit, text_of
from lrbench.schedules.modifiers import parameters_of
from lrbench.schedules.schedule import Schedule, warms_up

FORMULA = "+-@"  # how a cell begins that spreadsheets calculate; a label cannot begin with =
LONGEST_LABEL = 80
UNITS: dict[str, Unit] = {
    "%": "%",
    "epoch": "epochs",
    "epochs": "epochs",
    "step": "steps",
    "steps": "steps",
}


def parse(text: str, lr: float = 0.1) -> Schedule:
    """Read one spec; `lr` is the peak rate, per update, for a spec that names none. Raises BadSpec.

    Its `table(horizon)` has the rate of every update, float64 (steps,); `to_keras` and `to_lambda` take it home.

    >>> lrbench.parse("step(every=1 epoch)", lr=0.2).table(lrbench.Horizon(epochs=2, steps_per_epoch=2))
    array([0.2, 0.2, 0.1, 0.1])
    """
    schedules = parse_list(text, lr)
    if len(schedules) != 1:
        raise BadSpec(f"{text!r} is {len(schedules)} schedules.", "Name one of them.")
    return schedules[0]


def parse_list(text: str, lr: float = 0.1) -> list[Schedule]:
    """Read specs separated by commas; `lr` is the peak rate for those that name none.

    Raises BadSpec, also for a schedule that stands twice and for a user's label that another one has too.
    Schedules without a label may share their words, if their peak rates differ.
    """
    if isinstance(lr, bool | str):
        raise BadSpec(f"lr={lr!r} is no rate.", "Give a number: lr=0.1.")
    schedules: list[Schedule] = []
    joins = [name for name, entry in REGISTRY.items() if PIECES in entry.parameters]
    for call in parse_calls(text, joins):
        schedule = _schedule(call, float(lr))
        same = [other for other in schedules if other.label == schedule.label]
        if schedule in same or any(each.named for each in (schedule, *same) if same):
            (call.label or call.whole).bad(
                f"The label {schedule.label!r} stands twice",
                "Name one of them: other=" + schedule.spec + ".",
            )
        schedules.append(schedule)
    return schedules


def takes_list(name: str, key: str) -> bool:
    """Whether a schedule's parameter is a list of values, as the `at` of multistep."""
    parameter = parameters_of(REGISTRY[name]).get(key) if name in REGISTRY else None
    return parameter is not None and get_origin(parameter.type) is tuple


def _schedule(call: Call, lr: float) -> Schedule:
    name = call.name.text
    entry = functions.entry(name) if ":" in name else _registered(call.name)
    parameters = parameters_of(entry)
    no_twins(call.pairs)
    values: dict[str, Any] = {}
    for key, value in call.pairs:
        if key.text == "lr":
            values["lr"] = _peak(value, lr)
        else:
            known(key, [*(each for each in parameters if each != PIECES), "lr"], f"parameter of {entry.name}:")
            values[key.text] = _read(parameters[key.text].type, key.text, value)
    peak = values.get("lr", lr)
    if call.items:
        values[PIECES] = tuple(_part(item, peak) for item in call.items)
    given = tuple(
        (key, values[key]) for key in parameters if key in values and values[key] != parameters[key].default
    )
    schedule = Schedule(entry.name, peak, given, _label(call.label) if call.label else "")
    if schedule.label[0] in FORMULA:  # a file of the user's own
        call.whole.bad(
            f"{schedule.label!r} would be a formula in a spreadsheet", f"Write label={call.whole.text}."
        )
    return schedule


def _part(call: Call, lr: float) -> Part:
    schedule = _schedule(call, lr)
    if call.label:
        call.label.bad("A piece has no label", "Give one to the whole: label=join(...).")
    whys = {
        "looks at the training": schedule.entry.feedback,
        "is a function of yours": schedule.is_users_own,
        "has pieces itself": PIECES in schedule.entry.parameters,
    }
    for why in (each for each, holds in whys.items() if holds):
        call.name.bad(f"{schedule.name} cannot be a piece: it {why}", "Join curves such as constant; cosine.")
    own = {} if schedule.lr == lr else {"lr": text_of(schedule.lr)}
    every = ", ".join(f"{key}={value}" for key, value in (own | schedule.resolved()["parameters"]).items())
    return Part(schedule.written(lr), f"{schedule.name}({every})", warms_up(schedule))


def _registered(name: Piece) -> Entry:
    alias = None if name.text in REGISTRY else other_name(name.text)
    if alias:
        name.bad(f"Unknown scheduler {name.text!r}", f"{alias[0]} has another name here: write {alias[1]}.")
    return REGISTRY[known(name, REGISTRY, "scheduler")]


def _peak(value: Piece, lr: float) -> float:
    peak = _rate("lr", value).of(lr)
    if peak <= 0:
        value.bad(f"lr={value.text} is not above 0", "Write a rate such as lr=0.1.")
    return peak


def _label(label: Piece) -> str:
    if len(label.text) > LONGEST_LABEL:
        label.bad(f"A label of {len(label.text)} characters is too long", f"Use up to {LONGEST_LABEL}.")
    if label.text[0] in FORMULA:
        label.bad(f"The label {label.text!r} would be a formula in a spreadsheet", "Begin it with a letter.")
    return label.text


def _read(kind: Any, key: str, value: Piece) -> Any:
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], key, item) for item in _items(value))
    reader = READERS.get(kind)
    return reader(key, value) if reader else read_plain(kind, key, value)


def _items(value: Piece) -> list[Piece]:
    items = [value.cut(match.start(), match.end()).strip() for match in re.finditer(r"[^;]*", value.text)]
    return [item for item in items if item.text] or [value]


def _span(key: str, value: Piece) -> Span:
    match = NUMBER.match(value.text)
    unit = value.text[match.end() :].strip() if match else ""
    if not match or (unit and unit not in UNITS):
        value.bad(f"{key}={value.text[:60]} is no span", f"Write {key}=20 epochs, {key}=1000 steps or {key}=10%.")
    text = match.group()
    if not unit:
        value.bad(f"{key}={text} has no unit", f"Write {key}={text} epochs, {key}={text} steps or {key}={text}%.")
    amount = read_number(key, value.cut(0, match.end()))
    if amount < 0:
        value.bad(f"{key}={value.text} is negative", f"Write {key}={value.text.lstrip('-')}.")
    return Span(amount, UNITS[unit])


def _rate_or_none(key: str, value: Piece) -> Rate | None:
    return None if value.text == "none" else _rate(key, value)


def _rate(key: str, value: Piece) -> Rate:
    share = value.text.endswith("%")
    return Rate(read_number(key, value.cut(0, -1).strip() if share else value), share)


def _figure(key: str, value: Piece) -> str:
    if not re.fullmatch("val_[a-z0-9_]{1,80}", value.text):
        value.bad(f"{key}={value.text[:60]} is no figure of the validation examples", f"Write {key}=val_loss.")
    return value.text


READERS: dict[Any, Callable[[str, Piece], Any]] = {
    Span: _span,
    Rate: _rate,
    Rate | None: _rate_or_none,
    str: _figure,  # the only word that is free
}
