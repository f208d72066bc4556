"""The little grammar `label=name(key=value, ...)` that schedules and optimizers share. No eval.

list  = item { "," item }                      commas inside parentheses do not separate
item  = [ label "=" ] name [ "(" [ part { "," part } ] ")" ]
part  = key "=" value | items                   items: for the names that take them, `linear(to=50%); cosine`
items = item { ";" item }
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from string import digits
from typing import Any, Literal, NoReturn, get_args, get_origin

from lrbench.errors import BadSpec, nearest

LONGEST = 10_000  # characters; nothing that a person writes comes near
LARGEST = 1e30  # so that no product of two of them overflows
PAIR = re.compile(r"[^(;=]*=")  # how key=value begins
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text that the user wrote, and where it stands in it."""

    text: str
    at: int
    whole: str

    def strip(self) -> "Piece":
        left = len(self.text) - len(self.text.lstrip())
        return Piece(self.text.strip(), self.at + left, self.whole)

    def cut(self, start: int, end: int | None = None) -> "Piece":
        return Piece(self.text[start:end], self.at + start, self.whole)

    def bad(self, problem: str, hint: str) -> NoReturn:
        """Raise BadSpec with the place in the user's text."""
        start = max(0, self.at - 30)
        shown = self.whole[start : self.at + 30]
        shown = ("…" if start else "") + shown + ("…" if self.at + 30 < len(self.whole) else "")
        where = "" if shown == self.text else f" (character {self.at + 1} of {shown!r})"
        raise BadSpec(f"{problem}{where}.", hint)


@dataclass(frozen=True, slots=True)
class Call:
    """One item of the list: `slow=step(every=5 epochs)`."""

    whole: Piece
    label: Piece | None
    name: Piece
    pairs: tuple[tuple[Piece, Piece], ...]
    items: tuple["Call", ...] = ()


def parse_calls(text: str, takes_items: Collection[str] = ()) -> list[Call]:
    """Split a text into its calls, of which those named in `takes_items` have calls inside.

    Raises BadSpec if it does not follow the grammar.
    """
    source = Piece(text, 0, text)
    if len(text) > LONGEST:
        source.cut(0, 20).bad(f"A text of {len(text):,} characters is no list", "Write something shorter.")
    for i, character in enumerate(text):
        if not character.isprintable():
            source.cut(i, i + 1).bad(f"{character!r} cannot stand here", "Use printable characters only.")
    return [_call(item, takes_items) for item in _split(source, ",")]


def _split(source: Piece, separator: str) -> Iterator[Piece]:
    """Yield the stripped pieces between the separators outside parentheses."""
    depth, start = 0, 0
    for i, character in enumerate(source.text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                source.cut(i, i + 1).bad("')' closes nothing", "Remove it, or open it with '('.")
        elif character == separator and not depth:
            yield source.cut(start, i).strip()
            start = i + 1
    if depth:
        opened = source.text.rindex("(")
        source.cut(opened, opened + 1).bad("'(' is never closed", "Close it with ')'.")
    yield source.cut(start).strip()


def _call(item: Piece, takes_items: Collection[str] = ()) -> Call:
    if not item.text:
        item.bad("A name is missing", "Write names separated by single commas: step,cosine.")
    sides = [side.at - item.at for side in _split(item, "=")]
    label = None
    call = item
    if len(sides) > 1:
        label = item.cut(0, item.text.rindex("=", 0, sides[1])).strip()
        call = item.cut(sides[1])
        if not label.text:
            label.bad("A label is missing before '='", "Write label=name(...), or just the name.")
    opened = call.text.find("(")
    if opened < 0:
        return Call(item, label, call, ())
    name = call.cut(0, opened).strip()
    if not name.text:
        call.bad("A name is missing before '('", "Write name(key=value).")
    if not call.text.endswith(")"):
        end = call.text.rindex(")")
        call.cut(end + 1).strip().bad("Text follows ')'", "Separate names by commas.")
    inside = call.cut(opened + 1, -1)
    parts = list(_split(inside, ",")) if inside.text.strip() else []
    lists = [part for part in parts if name.text in takes_items and part.text and not PAIR.match(part.text)]
    if len(lists) > 1:
        lists[1].bad(f"{name.text} has two lists", "Separate what belongs together by ; and not by commas.")
    items = tuple(_call(each) for part in lists for each in _split(part, ";"))
    plain = [part for part in parts if part not in lists]
    for before, part in pairwise(plain):
        if part.text and PAIR.match(before.text) and part.text[0] in digits and "=" not in part.text:
            key, _, value = before.text.partition("=")
            values = f"{key.strip()}={value.strip()};{part.text}"
            part.bad(f"{part.text!r} has no key", f"Separate several values by ; and not by commas: {values}")
    return Call(item, label, name, tuple(_pair(part) for part in plain), items)


def _pair(pair: Piece) -> tuple[Piece, Piece]:
    key, equals, _ = pair.text.partition("=")
    if not equals or not key.strip():
        pair.bad(f"{pair.text!r} is no key=value", "Write name(key=value, key=value).")
    value = pair.cut(len(key) + 1).strip()
    if not value.text or "(" in value.text:
        value.bad(f"{key.strip()} wants a plain value", f"Write {key.strip()}=value.")
    return Piece(key.strip(), pair.at, pair.whole), value


def known(word: Piece, words: Iterable[str], what: str) -> str:
    """Return the word if it is one of `words`; else raise BadSpec and name the nearest."""
    words = list(words)
    if word.text not in words:
        word.bad(f"Unknown {what} {word.text[:60]!r}", nearest(word.text, words))
    return word.text


def read_number(key: str, value: Piece) -> float:
    """Read a plain finite number."""
    if not NUMBER.fullmatch(value.text) or not math.isfinite(float(value.text)):
        value.bad(f"{key}={value.text[:60]} is no finite number", f"Write a number: {key}=0.5.")
    if abs(float(value.text)) > LARGEST:
        value.bad(f"{key}={value.text[:60]} is beyond {LARGEST:g}", f"Write a smaller number: {key}=0.5.")
    return float(value.text)


def read_whole(key: str, value: Piece) -> int:
    """Read a whole number, not negative."""
    if not value.text.isascii() or not value.text.isdecimal() or len(value.text) > 18:
        value.bad(f"{key}={value.text[:60]} is no whole number", f"Write {key}=128.")
    return int(value.text)


def read_plain(kind: Any, key: str, value: Piece) -> Any:
    """Read a value of one of the types float, bool or Literal[...]."""
    if get_origin(kind) is Literal:
        return known(value, get_args(kind), f"value of {key}:")
    if kind is bool:
        return known(replace(value, text=value.text.lower()), ("true", "false"), f"value of {key}:") == "true"
    return read_number(key, value)


def no_twins(pairs: Iterable[tuple[Piece, Piece]]) -> None:
    """Raise BadSpec if a key stands twice."""
    seen: set[str] = set()
    for key, _ in pairs:
        if key.text in seen:
            key.bad(f"{key.text} is given twice", "Keep one of them.")
        seen.add(key.text)
