"""Labels of schedules in narrow places: lines end between words and parameters, never inside a word that fits."""

import re
from collections.abc import Iterable

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment

LONGEST = 20  # cells of a piece that always stays whole in a table; a longer one may be cut
NARROW = 60  # columns of a terminal; a narrower one gives less room
LONGEST_IN_NARROW = 8
BREAKS = (  # what stands between two breaks, from the best kind of break to the poorest
    r"\S+\s*",
    r"[^\s(,;]*[(,;]+\s*|[^\s(,;]+\s*",
    r"[^\s(,;=]*[(,;=]+\s*|[^\s(,;=]+\s*",
)


def wrapped(label: str, width: int) -> list[str]:
    """Return a label in lines of at most `width` cells, broken at spaces, or else after ( , ; and last after =.

    What has no such place and is longer than a line is cut.
    """
    lines = [""]
    _add(lines, label.strip(), width, BREAKS)
    return [line.rstrip() for line in lines]


def _add(lines: list[str], text: str, width: int, breaks: tuple[str, ...]) -> None:
    """Append a text to the last line, or below it; what is longer than a line is broken as `breaks` allow."""
    if cell_len((lines[-1] + text).rstrip()) <= width:
        lines[-1] += text
    elif len(breaks) < len(BREAKS) and cell_len(text.rstrip()) <= width:
        lines.append(text)
    elif not breaks:
        lines[-1:] = [line for line in (lines[-1], *chop_cells(text.rstrip(), width)) if line]
    else:
        for piece in re.findall(breaks[0], text):
            _add(lines, piece, width, breaks[1:])


def longest_piece(label: str) -> int:
    """Return the cells of the longest piece of a label that has no place to break but after an equals sign."""
    return max((cell_len(piece.rstrip()) for piece in re.findall(BREAKS[1], label)), default=0)


class Label:
    """A label as a cell of a table: as narrow as its longest piece."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        least = least_width([self.text], console.width)
        return Measurement(least, max(least, cell_len(self.text))).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in wrapped(self.text, options.max_width):
            yield Segment(line)
            yield Segment.line()


def least_width(labels: Iterable[str], columns: int) -> int:
    """Return the cells that a column of labels needs in a terminal of so many columns."""
    longest = max(map(longest_piece, labels), default=1)
    return max(1, min(longest, LONGEST if columns >= NARROW else LONGEST_IN_NARROW))
