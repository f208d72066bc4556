"""The nouns: what is measured, what is trained, a run, and what it leaves behind. Values only, for any problem."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from lrbench.designs import Arm, History
from lrbench.errors import BadConfig, nearest
from lrbench.files import digest
from lrbench.schedules import Horizon, Schedule
from lrbench.schedules.base import Rates
from lrbench.schedules.feedback import PlateauState
from lrbench.schedules.knots import Knots
from lrbench.schedules.names import Named, named, names, peak_rates
from lrbench.searches import Search, Tuning

Figures = tuple[float, ...]  # one value for each of a subject's figures, in their order
SPLITS = ("train", "val", "test")


class Status(StrEnum):
    """How a run ended."""

    DONE = "done"
    DIVERGED = "diverged"  # a loss was not finite; the run stopped after that epoch
    FAILED = "failed"  # an exception ended it; the next `lrbench run` tries it again


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured of a split, as a mean over its examples."""

    name: str  # `accuracy`: the columns are train_accuracy, val_accuracy, test_accuracy
    unit: str  # of its values: "nats"; empty where it has none
    better: Literal["higher", "lower", "neither"]  # neither: it is shown, and nothing is compared by it
    is_share: bool = False  # a fraction 0..1, which people read in percent

    @property
    def title(self) -> str:
        """Its name for people: `mean absolute error`."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is trained, as far as results can be read without its code."""

    spec: str  # `mnist(hidden=128)`, every parameter written out
    title: str  # `MNIST 784-128-10`
    noun: str  # what an example is called, in the plural: `images`
    figures: tuple[Figure, ...]  # the loss first
    examples: int  # to train on, before validation takes its share
    validation: int = 0  # examples of its own to validate on; 0: they are taken off those to train on
    data_sha256: str

    @property
    def compared(self) -> Figure:
        """The figure that schedules are compared by unless another is asked for: the first after the loss."""
        return self.figures[min(1, len(self.figures) - 1)]

    @property
    def columns(self) -> list[str]:
        """The figures' columns in epochs.csv."""
        return [f"{split}_{figure.name}" for split in SPLITS[:2] for figure in self.figures]

    def find(self, column: str) -> Figure:
        """Return the figure behind `test_accuracy`, `val_loss`, ... Raises BadConfig for a stranger."""
        columns = {f"{split}_{figure.name}": figure for split in SPLITS for figure in self.figures}
        if column not in columns:
            raise BadConfig(f"There is no final figure {column!r}.", nearest(column, columns))
        return columns[column]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that two runs must share to be compared. Sizes are examples."""

    subject: Subject
    optimizer: str  # as the command line has it: `sgd(momentum=0.9)`
    batch_size: int
    epochs: int
    train_size: int
    val_size: int  # 0 with validate_on="test", or without any validation
    validate_on: str  # "split" (off the training set), "own" (the problem's), "test" or "none"
    engine: str
    jit: bool = True  # whether the compiled engine has XLA compile it, or TensorFlow run its graph
    identity: Mapping[str, Any] = field(repr=False)  # everything that decides the numbers, as JSON values

    @property
    def horizon(self) -> Horizon:
        """The last, smaller batch is trained too."""
        return Horizon(self.epochs, -(-self.train_size // self.batch_size))

    @property
    def folder_name(self) -> str:
        """The name of the experiment's folder when the user gives none: `mnist-sgd-b32-e15-3f9a`."""
        problem = self.subject.spec.partition("(")[0]
        words = [slug(problem), slug(self.optimizer), f"b{self.batch_size}", f"e{self.epochs}"]
        words += ["valtest"] if self.validate_on == "test" else []
        words += [self.engine] if self.engine != "compiled" else []
        return "-".join([*words, digest(self.identity)[:4]])

    @property
    def brief(self) -> str:
        """What is trained, how, and for how long: `MNIST 784-128-10, sgd, 15 epochs`."""
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        return f"{self.subject.title}, {self.optimizer}, {epochs}"

    def describe(self, peaks: str) -> str:
        """One line for titles: what is trained, how, at which peak rates, on how much, validated on what."""
        noun = self.subject.noun
        both = f"{self.train_size:,} training and {self.val_size:,} validation {noun}"
        examples = {
            "split": both,
            "own": both,
            "test": f"{self.train_size:,} training {noun}, VALIDATED ON THE TEST SET",
        }.get(self.validate_on, f"{self.train_size:,} training {noun}, no validation")
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        engine = "" if self.engine == "compiled" else f", engine {self.engine}"
        return (
            f"{self.subject.title}, {self.optimizer}, {peaks}, batch {self.batch_size}, "
            f"{epochs}, {examples}{engine}"
        )


@dataclass(frozen=True, kw_only=True)  # no slots: its key is made once
class Run:
    """One schedule, one seed, one setting."""

    schedule: Schedule
    seed: int
    setting: Setting
    rates: Rates = field(compare=False, repr=False)  # float64 (steps,); a feedback rule scales it as it goes
    rates_sha256: str = ""  # of that table, where other code, of the user or of lrbench, makes another one

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the run's numbers, defaults written out, and the label if the user gave one."""
        return {
            "schedule": self.schedule.resolved(),
            **({"label": self.schedule.label} if self.schedule.named else {}),
            **({"rates_sha256": self.rates_sha256} if self.rates_sha256 else {}),
            "seed": self.seed,
            "setting": dict(self.setting.identity),
        }

    @cached_property
    def key(self) -> str:
        """The digest of its identity: what tells it from every other run."""
        return digest(self.identity)

    @property
    def run_id(self) -> str:
        """`cosine-s0-1a2b3c4d`: for people to read, and enough of the key to be sure."""
        return run_id(self.schedule.label, self.seed, self.key)

    @property
    def named(self) -> Named:
        """Its schedule, as it is stored."""
        return named(self.schedule, self.rates_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One epoch of one run: a line of epochs.csv. Train figures are means over it, as it was trained."""

    scheduler: str
    seed: int
    epoch: int  # 1 = after the first pass
    step: int  # updates so far
    lr_first: float  # the rate that the epoch's first update used
    lr: float  # the rate that the epoch's last update used
    train: Figures
    val: Figures | None  # None (empty cells) without a validation set


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Where a run's time went, in wall-clock seconds. `compile` is 0 when the program was compiled before."""

    compile: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended. The test figures are computed once, after the last epoch; None if it did not get there."""

    status: Status
    rows: tuple[Row, ...]
    test: Figures | None
    seconds: Seconds = field(default_factory=Seconds)
    state_sha256: str | None = None  # of every variable of model and optimizer after the last update
    error: str | None = None  # the traceback of a run that failed; such a run has no rows


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A run between two epochs: all that it needs to go on as if nothing had happened."""

    rows: tuple[Row, ...]  # of the epochs so far, at least one
    feedback: PlateauState
    state: tuple[NDArray[Any], ...]  # every variable of model and optimizer, random generators included
    seconds: Seconds
    made_on: Mapping[str, Any] | None = None  # versions and host; None: those of this process


@dataclass(frozen=True, slots=True)
class Task:
    """A run to be trained, and where to go on from."""

    run: Run
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that ended, as it stands in its folder; to be read without the code that made it."""

    run_id: str  # the name of its folder
    key: str  # the digest of its identity
    schedule: Named
    seed: int
    setting: Setting
    result: RunResult
    curve: Knots | None = None  # the rates that were planned; None in what older versions stored
    environment: Mapping[str, Any] = field(default_factory=dict, compare=False)  # on what it was made

    @classmethod
    def of(cls, run: Run, result: RunResult, curve: Knots, environment: Mapping[str, Any]) -> "Finished":
        """Return a run that has just ended as it will be read from its folder."""
        return cls(
            run_id=run.run_id,
            key=run.key,
            schedule=run.named,
            seed=run.seed,
            setting=run.setting,
            result=result,
            curve=curve,
            environment=environment,
        )

    @property
    def arm(self) -> Arm:
        """Its schedule, as far as its identity tells of it."""
        schedule = self.schedule
        identity = {
            "schedule": {"name": schedule.name, "lr": schedule.lr, "parameters": dict(schedule.parameters)},
            **({"label": schedule.label} if schedule.is_label else {}),
            **({"rates_sha256": schedule.rates_sha256} if schedule.rates_sha256 else {}),
        }
        return Arm.of(schedule.words, identity)

    @property
    def failed(self) -> bool:
        """Whether an exception ended it, so that it is to be tried again."""
        return self.result.status is Status.FAILED

    def column(self, name: str) -> list[float | None]:
        """Return a column of its epochs: `lr_first`, `lr`, or `train_loss`, `val_accuracy`, ..."""
        split, _, figure = name.partition("_")
        if split not in SPLITS:
            return [getattr(row, name) for row in self.result.rows]
        i = [each.name for each in self.setting.subject.figures].index(figure)
        values = [getattr(row, split) for row in self.result.rows]
        return [None if figures is None else figures[i] for figures in values]

    def final(self, name: str) -> float | None:
        """Return a figure at the end of a run that got there, `test_accuracy` or a column's last; else None."""
        if self.result.status is not Status.DONE:
            return None
        if not name.startswith("test_"):
            return self.column(name)[-1]
        i = [each.name for each in self.setting.subject.figures].index(name.removeprefix("test_"))
        return self.result.test[i] if self.result.test else None


Groups = Mapping[str, tuple[Finished, ...]]  # the runs of each schedule, by its name


@dataclass(frozen=True, slots=True)
class Damage:
    """A stored file that cannot be trusted."""

    text: str  # which file, which line, why
    hint: str  # what to do
    run_folder: Path | None = None  # the run it belongs to, if any
    is_later: bool = False  # nothing is wrong with it: a later version stored it


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """All finished runs of one setting, as they stand in their folder."""

    name: str
    folder: Path
    setting: Setting
    finished: tuple[Finished, ...] = field(repr=False)  # as in_order has them
    damage: tuple[Damage, ...] = ()
    searches: tuple[Search, ...] = ()  # over peak rates, whose trials are among the runs
    history: History = field(default=History(), compare=False)  # what was declared, and looked at
    tuning: Tuning | None = None  # of a view: every schedule at its own best rate, found by this
    same_rate: float | None = None  # of a view: every schedule at this peak rate, beside a tuned comparison
    beside: "Experiment | None" = None  # of a tuned view: the same schedules at one rate
    part: str = ""  # of a view that is not the first: the folder of its pictures below those of its experiment
    table_is_current: bool = field(default=False, compare=False)  # epochs.csv holds exactly these runs

    @cached_property
    def names(self) -> dict[Named, str]:
        """What each schedule is called here: a name that no other has."""
        return names(one.schedule for one in self.finished)

    @cached_property
    def groups(self) -> Groups:
        """The runs of each schedule, by its name, ordered by seed."""
        runs: dict[str, list[Finished]] = {}
        for one in self.finished:
            runs.setdefault(self.names[one.schedule], []).append(one)
        return {name: tuple(its) for name, its in runs.items()}

    @property
    def the_constant(self) -> str | None:
        """The name of the schedule that keeps its rate; None if there is none, or several."""
        meant = [name for each, name in self.names.items() if each.name == "constant" and not each.is_label]
        return meant[0] if len(meant) == 1 else None

    @property
    def peaks(self) -> list[float]:
        """The peak rates of its schedules, each once, the lowest first."""
        return sorted({schedule.lr for schedule in self.names})

    def describe(self) -> str:
        """One line for titles."""
        return self.setting.describe(self.rates)

    @property
    def rates(self) -> str:
        """Its peak rates in words: `peak rate 0.1`, `each at its tuned rate, 0.03 to 0.3`."""
        said = peak_rates(self.names)
        if self.tuning:
            return f"each at its tuned rate ({said.removeprefix('peak rates ').removeprefix('peak rate ')})"
        return f"all at the {said}" if self.same_rate is not None else said

    def record(self) -> dict[str, Any]:
        """Return its setting as JSON values, with the peak rates of its schedules."""
        title = {"title": self.setting.subject.title, "peak_rates": self.peaks}
        return {**title, **self.setting.identity, "optimizer": self.setting.optimizer}


def in_order(finished: Iterable[Finished]) -> tuple[Finished, ...]:
    """Sort by schedule, then seed, whenever each was trained."""

    def key(one: Finished) -> tuple[Any, ...]:
        schedule = one.schedule
        return schedule.words, schedule.lr, schedule.parameters, schedule.rates_sha256, one.seed, one.run_id

    return tuple(sorted(finished, key=key))


def run_id(label: str, seed: int, key: str) -> str:
    """Return the name of a run's folder."""
    return f"{slug(label)}-s{seed}-{key[:8]}"


def slug(text: str) -> str:
    """Return a short, safe piece of a file name: a-z, 0-9, dots and hyphens, never empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:40].rstrip("-.") or "x"


def is_finite(figures: Figures | None) -> bool:
    """Whether a run can go on: its loss, the first figure, is finite, or nothing was measured."""
    return figures is None or math.isfinite(figures[0])
