"""How a comparison goes, told in a notebook: one line that changes."""

import html
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrbench.plan import Plan
from lrbench.runs import Damage, Finished, Row, Run, Status
from lrbench.show import counted, duration, note_lines, printable
from lrbench.show.progress import Counted

PAUSE = 0.2  # seconds from one change of the line to the next
MOST_KEPT = 10  # lines below it; more are counted


class OneLine(Counted):
    """As Lines, but each takes the place of the one before, beside a bar of all epochs.

    What must be read stays below it: warnings, damage, runs that did not finish.
    """

    def __init__(self) -> None:
        super().__init__(None, verbose=True)
        self._shown: Any = None  # IPython's handle of what is displayed
        self._shown_at = 0.0  # seconds, as of time.monotonic
        self._said = ""
        self._kept: list[str] = []
        self._place = Path()
        self._trained = 0  # epochs, just now
        self._began = 0.0  # when the first of them was over

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
        super().on_start(plan, todo, folder)
        self._place = folder
        self._kept += note_lines(plan)
        self._kept += [f"Warning: {each}" for each in plan.warnings]
        self._show()

    def on_remark(self, text: str) -> None:
        self._kept.append(f"Note: {text}")
        super().on_remark(text)

    def on_damage(self, damage: Damage, moved: bool) -> None:
        super().on_damage(damage, moved)
        self._kept.append(f"Damaged: {damage.text} {self._said.strip()}")

    def on_epoch(self, run: Run, row: Row) -> None:
        self._began = self._began or time.monotonic()
        self._trained += 1
        super().on_epoch(run, row)

    def on_finished(self, run: Run, finished: Finished) -> None:
        super().on_finished(run, finished)
        self._keep_if_lost(finished)

    def on_elsewhere(self, run: Run, finished: Finished) -> None:
        super().on_elsewhere(run, finished)
        self._keep_if_lost(finished)

    def close(self) -> None:
        if self._shown is None:
            return
        if self._todo:
            self._said = f"{self._finished} of {counted(self._todo, 'run')} finished, in {self._place}"
        self._show(bar=False)

    def _keep_if_lost(self, finished: Finished) -> None:
        if finished.result.status is not Status.DONE:
            self._kept.append(self._said)

    def _say(self, text: str) -> None:
        self._said = text
        self._show_in_time()

    def _reach(self, run: Run, epochs: int) -> None:
        super()._reach(run, epochs)
        self._show_in_time()

    def _show_in_time(self) -> None:
        if self._shown is not None and time.monotonic() - self._shown_at >= PAUSE:
            self._show()

    def _show(self, *, bar: bool = True) -> None:
        from IPython.display import display  # a notebook has it

        lines, drawn = [self._said, *self._kept[:MOST_KEPT]], ""
        if len(self._kept) > MOST_KEPT:
            lines.append(f"… and {len(self._kept) - MOST_KEPT} more")
        if bar and self._todo:
            reached = sum(self._reached.values())
            runs = counted(self._todo, "run")
            lines[0] = f"{self._finished} of {runs}{self._left(reached)} · {self._said}"
            style = "width: 12em; vertical-align: middle"
            drawn = f'<progress max="{self._epochs}" value="{reached}" style="{style}"></progress> '
        lines = list(map(printable, lines))
        rows = [drawn + html.escape(lines[0]), *map(html.escape, lines[1:])]
        shown = {"text/html": "".join(f"<div>{row}</div>" for row in rows), "text/plain": "\n".join(lines)}
        if self._shown is None:
            self._shown = display(shown, raw=True, display_id=True)
        else:
            self._shown.update(shown, raw=True)
        self._shown_at = time.monotonic()

    def _left(self, reached: int) -> str:
        """Say how long the rest may take at the pace so far; empty before that is known."""
        if self._trained < 2 or reached >= self._epochs:
            return ""
        seconds = (self._epochs - reached) * (time.monotonic() - self._began) / (self._trained - 1)
        return f", about {duration(seconds)} left"
