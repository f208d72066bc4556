"""What becomes of a run, told as it happens: small values that another thread, process or machine can send."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lrbench.runs import Checkpoint, Row, RunResult


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the run of this id."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """It goes on from its checkpoint, after so many epochs."""

    epochs: int


@dataclass(frozen=True, slots=True)
class Remarked(Event):
    """People should know this of how it trains."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """Its checkpoint is of another model or optimizer: it begins again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kept(Event):
    """Here it could go on."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Epoch(Event):
    """It has trained one more epoch."""

    row: Row


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """It is done, has diverged or has failed."""

    result: RunResult
    environment: Mapping[str, Any] | None = None  # on what it was made, if not in this process
