"""Who wants to know how a command goes. All of it is told from the conductor's own thread."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrbench.runs import Damage, Experiment, Finished, Row, Run
from lrbench.searches import Search

if TYPE_CHECKING:
    from lrbench.plan import Plan


class Listener:
    """Hears everything and says nothing; whoever speaks overrides what is worth a word."""

    def on_start(self, plan: "Plan", todo: Sequence[Run], folder: Path) -> None: ...
    def on_search(self, search: Search, folder: Path, plan: "Plan") -> None: ...
    def on_stage(
        self, stage: str, runs: Sequence[Run], todo: Sequence[Run], experiment: Experiment
    ) -> None: ...  # of a search: what is trained next
    def on_stored(self, finished: Finished) -> None: ...  # of the plan, by an earlier command
    def on_damage(self, damage: Damage, moved: bool) -> None: ...
    def on_remark(self, text: str) -> None: ...  # something that people should know of how it trains
    def on_resume(self, run: Run, epochs: int) -> None: ...
    def on_epoch(self, run: Run, row: Row) -> None: ...
    def on_finished(self, run: Run, finished: Finished) -> None: ...
    def on_elsewhere(self, run: Run, finished: Finished) -> None: ...  # trained by another command meanwhile
    def on_wait(self, runs: int) -> None: ...
    def on_signal(self, name: str) -> None: ...
    def close(self) -> None: ...
