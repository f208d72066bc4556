"""Everything that people look at: tables, progress, pictures."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lrbench.plan import Plan

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


def setting_lines(plan: "Plan") -> list[str]:
    """Return what is trained, and whose default the peak rate is if nobody named one."""
    default = [f"Peak rate {plan.peak}; --lr sets another."] if plan.takes_default_rate else []
    return [plan.describe(), *default, *(f"Note: {note}" for note in plan.notes)]
