"""What a factory's docstring says, taken apart for `lrbench schedulers NAME`.

First line: what it does.

rate(t) = formula
lines of explanation, edges

Use: when people use it
Avoid: when not
Keras: the equal call there
PyTorch: the equal call there
Source: where it comes from
"""

import inspect
from dataclasses import dataclass

from lrbench.schedules.base import Entry

TOPICS = ("Use", "Avoid", "Keras", "PyTorch", "Source")


@dataclass(frozen=True, slots=True)
class Docs:
    """One schedule's documentation. `topics` holds a line for each of TOPICS."""

    summary: str
    formula: tuple[str, ...]  # the first line is the rate, the rest explains
    topics: dict[str, str]


def docs_of(entry: Entry) -> Docs:
    """Take the docstring of a schedule's factory apart."""
    summary, *rest = inspect.cleandoc(entry.factory.__doc__ or "").splitlines()
    formula, topics = [], {}
    for line in filter(None, rest):
        topic, colon, text = line.partition(": ")
        if colon and topic in TOPICS:
            topics[topic] = text
        else:
            formula.append(line)
    return Docs(summary, tuple(formula), topics)
