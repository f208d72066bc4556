"""Everything that people look at: tables, progress, pictures."""

from typing import Literal

PlotFormat = Literal["png", "svg", "pdf"]
SummaryFormat = Literal["table", "csv", "json", "markdown", "latex"]
PreviewFormat = Literal["curves", "csv", "json"]
PIPE_WIDTH = 160  # columns where nobody's terminal sets a width


def printable(text: str) -> str:
    """Escape what would command the terminal: names of files and stored texts can hold anything."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def counted(number: int, word: str) -> str:
    """Return `1 run`, `1,200 runs`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")
