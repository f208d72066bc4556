"""What a run leaves behind: its epochs and its end. The columns of epochs.csv are the fields of EpochRow."""

from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """How a run ended."""

    DONE = "done"
    DIVERGED = "diverged"  # a loss was not finite; the run stopped after that epoch
    FAILED = "failed"  # an exception ended it; the next `lrbench run` tries it again


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """One line of epochs.csv. The order of the fields is the order of the columns.

    Losses are mean nats per example, accuracies fractions 0..1. The training figures are means over the
    epoch's examples as they were trained on, as Keras shows them.
    """

    scheduler: str
    seed: int
    epoch: int  # 1 = after the first pass
    step: int  # updates so far
    lr_first: float  # the rate that the epoch's first update used
    lr: float  # the rate that the epoch's last update used
    train_loss: float
    train_accuracy: float
    val_loss: float | None  # None (an empty cell) without a validation set
    val_accuracy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Where a run's time went, in wall-clock seconds. `compile` is 0 when the program was compiled before."""

    compile: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """One finished run. The test figures are computed once, after the last epoch; None if it did not get there."""

    status: Status
    rows: tuple[EpochRow, ...]
    test_loss: float | None
    test_accuracy: float | None
    seconds: Seconds = field(default_factory=Seconds)
    state_sha256: str | None = None  # of every variable of model and optimizer after the last update
    error: str | None = None  # the traceback of a run that failed; such a run has no rows
