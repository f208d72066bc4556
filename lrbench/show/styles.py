"""How each schedule is drawn: a colour that depends on the schedule alone, dashes and a marker.

A schedule has the same colour in every picture, page and terminal, whatever else is shown, and at whatever peak
rate. The page of `lrbench preview --html` assigns styles by the same rules; a test holds both to be the same.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lrbench.schedules import REGISTRY


@dataclass(frozen=True, slots=True)
class Ink:
    """One colour on each kind of ground."""

    light: str  # on white paper
    dark: str  # on a page in dark mode
    terminal: int  # of the 256 that terminals know, legible on black and on white


# Each has a contrast of 3:1 or more to its ground. Any two of them, and any of them and a verdict's colour, are 20
# or more apart in CIELAB for every kind of colour vision. Green and rust are kept for verdicts.
INKS = (
    Ink("#000000", "#ffffff", 7),
    Ink("#463ece", "#5244ff", 63),
    Ink("#bf8a00", "#bf8a00", 172),
    Ink("#ff0c8a", "#ff0c8a", 198),
    Ink("#00a3a4", "#00a3a4", 37),
    Ink("#9e76ff", "#9e76ff", 141),
    Ink("#66035d", "#e4baed", 127),
    Ink("#7d9950", "#7d9950", 107),
    Ink("#a362bd", "#a362bd", 134),
)
COLOURS = tuple(ink.light for ink in INKS)
DASHES: tuple[tuple[float, ...], ...] = (  # in line widths: on, off, on, off, ...; none for a solid line
    (),
    (5, 1.5),
    (1, 1.2),
    (6, 1.5, 1, 1.5),
    (3, 1, 1, 1, 1, 1),
    (9, 2),
    (2.5, 2.5),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
PATTERNS = len(DASHES) * len(MARKERS)  # pattern i has dashes i mod 7 and marker i mod 11, so no two are alike
FIXED = {  # curves with their default parameters: number of the ink, and of the pattern
    "constant": (0, 0),
    "step": (2, 1),
    "exponential": (3, 3),
    "cosine": (1, 2),
    "cyclical": (4, 4),
    "plateau": (6, 5),
    "linear": (7, 6),
    "onecycle": (5, 8),
    "wsd": (8, 9),
    "multistep": (2, 10),
    "piecewise": (2, 13),
    "inverse_time": (3, 7),
    "inverse_sqrt": (3, 11),
    "polynomial": (7, 16),
    "rex": (7, 12),
    "sigmoid": (8, 15),
    "restarts": (1, 17),
    "noam": (4, 19),
    "join": (5, 18),
}
FIRST_FREE = 1  # black is for the constant rate alone, against which the others are compared


@dataclass(frozen=True, slots=True)
class Style:
    """How one schedule is drawn."""

    ink: int
    pattern: int

    @property
    def colour(self) -> str:
        return INKS[self.ink].light

    @property
    def terminal(self) -> int:
        return INKS[self.ink].terminal

    @property
    def dashes(self) -> Any:
        """Return the line style as matplotlib takes it."""
        return (0, DASHES[self.pattern % len(DASHES)]) if self.pattern % len(DASHES) else "-"

    @property
    def stroke(self) -> str:
        """Return the dashes as SVG has them, of a line two pixels wide; empty for a solid line."""
        return " ".join(f"{2 * part:g}" for part in DASHES[self.pattern % len(DASHES)])

    @property
    def marker(self) -> str:
        return MARKERS[self.pattern % len(MARKERS)]


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Return a style for each label, curves with a style of their own first and in the registry's order.

    The colour comes from the label without its peak rate. Only where the same schedule is there at several peak
    rates, the rate counts. Of schedules with the same colour, no two have the same dashes and marker.
    """
    distinct = sorted(set(labels), key=_place)
    plain = {label: without_rate(label) for label in distinct}
    counts = Counter(plain.values())
    keys = {label: label if counts[key] > 1 else key for label, key in plain.items()}
    taken: dict[int, list[int]] = {}
    found = {}
    for label in sorted(distinct, key=lambda each: keys[each] not in FIXED):
        ink, pattern = own_style(keys[label])
        patterns = taken.setdefault(ink, [])
        patterns.append(_free(pattern, patterns))
        found[label] = Style(ink, patterns[-1])
    return {label: found[label] for label in distinct}


def own_style(key: str) -> tuple[int, int]:
    """Return the numbers of the ink and of the preferred pattern of a schedule."""
    if key in FIXED:
        return FIXED[key]
    digest = fnv_1a(key)
    return FIRST_FREE + digest % (len(INKS) - FIRST_FREE), digest // 64 % PATTERNS


def fnv_1a(text: str) -> int:
    """Return the 32-bit FNV-1a hash of a text's UTF-8 bytes, with its high bits mixed into the low ones."""
    digest = 0x811C9DC5
    for byte in text.encode("utf-8", "surrogatepass"):
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    return digest ^ digest >> 15


def without_rate(label: str) -> str:
    """Return a label without the peak rate in its parentheses: `cosine` for `cosine(lr=0.316)`."""
    found = re.fullmatch(r"([^(]*?)\s*\((.*)\)", label, re.DOTALL)
    parts = re.split(r",(?![^()]*\))", found[2]) if found else []  # a comma inside parentheses does not separate
    kept = [part.strip() for part in parts if not re.match(r"\s*lr\s*=", part)]
    if not found or len(kept) == len(parts):
        return label
    return f"{found[1]}({', '.join(kept)})" if kept else found[1]


def _place(label: str) -> tuple[int, str]:
    """Sort curves with their defaults as the registry does, and the others behind them."""
    key = without_rate(label)
    return (list(REGISTRY).index(key) if key in REGISTRY else len(REGISTRY)), label


def _free(pattern: int, taken: list[int]) -> int:
    """Return a pattern, or else the next one with free dashes and a free marker, or a free pair of them."""
    order = [(pattern + i) % PATTERNS for i in range(PATTERNS)]
    dashes = {each % len(DASHES) for each in taken}
    markers = {each % len(MARKERS) for each in taken}
    by_both = (each for each in order if each % len(DASHES) not in dashes and each % len(MARKERS) not in markers)
    by_marker = (each for each in order if each % len(MARKERS) not in markers)
    by_pair = (each for each in order if each not in taken)
    return next(itertools.chain(by_both, by_marker, by_pair, order))
