"""Everything that people look at: tables, progress, pictures."""

import sys
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lrbench.plan import Plan

PlotFormat = Literal["png", "svg", "pdf"]
SummaryFormat = Literal["table", "csv", "json", "markdown", "latex"]
PAGE = (".html", ".htm")  # what the name of a page may end in
PreviewFormat = Literal["curves", "csv", "json"]
PIPE_WIDTH = 160  # columns where nobody's terminal sets a width


def printable(text: str) -> str:
    """Escape what would command the terminal: names of files and stored texts can hold anything."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def counted(number: int, word: str) -> str:
    """Return `1 run`, `1,200 runs`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def setting_lines(plan: "Plan") -> list[str]:
    """Return what is trained, whose default the peak rate is if nobody named one, and how much of it here."""
    default = [f"Peak rate {plan.peak}; --lr sets another."] if plan.takes_default_rate else []
    share = [f"Of these, {len(plan.runs):,} for this shard."] if len(plan.runs) < len(plan.whole) else []
    return [plan.describe(), *default, *share, *note_lines(plan)]


def note_lines(plan: "Plan") -> list[str]:
    """Return what was told from the user's model and data, and that no verdict can come of the plan, if so."""
    return [f"Note: {note}" for note in (*plan.notes, plan.outlook) if note]


def duration(seconds: float) -> str:
    """Say a length of time in the unit that suits it: `0.4 s`, `12 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.1g} s" if seconds < 1 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this program."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
