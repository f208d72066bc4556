"""From wishes to runs. Here, and nowhere else, epochs become steps and runs get their ids."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lrbench import optimizers, problems
from lrbench.config import Config
from lrbench.datasets import Sizes, resolve_sizes
from lrbench.errors import BadConfig
from lrbench.records import EpochRow, RunResult, Seconds, Status
from lrbench.schedules import Horizon, Schedule, parse_list, warnings
from lrbench.schedules.base import Rates
from lrbench.schedules.feedback import PlateauState

SCHEMA_VERSION = 1  # of the files in a results folder; part of every run's hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that two runs must share to be compared. Sizes are examples, `lr` is the peak rate per update."""

    problem: str
    hidden: int  # units of the hidden layer
    optimizer: str  # canonical, as optimizers.parse_optimizer reads it
    lr: float
    batch_size: int
    epochs: int
    train_size: int
    val_size: int  # 0 with validate_on="test", or without any validation
    validate_on: str  # "split" (off the training set), "test" or "none"
    engine: str
    data_sha256: str

    @property
    def horizon(self) -> Horizon:
        """The last, smaller batch is trained too."""
        return Horizon(self.epochs, -(-self.train_size // self.batch_size))

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.train_size, self.val_size, self.validate_on)

    @property
    def experiment(self) -> str:
        """The name of the folder when the user gives none: `mnist-sgd-lr0.1-b32-e15-3f9a`."""
        words = [self.problem, slug(self.optimizer), f"lr{self.lr:g}", f"b{self.batch_size}", f"e{self.epochs}"]
        words += ["valtest"] if self.validate_on == "test" else []
        words += [self.engine] if self.engine != "compiled" else []
        return "-".join([*words, digest(asdict(self))[:4]])

    def describe(self) -> str:
        """One line for titles: what is trained, how, on how much, validated on what."""
        images = {
            "split": f"{self.train_size:,} training and {self.val_size:,} validation images",
            "test": f"{self.train_size:,} training images, VALIDATED ON THE TEST SET",
            "none": f"{self.train_size:,} training images, no validation",
        }[self.validate_on]
        engine = "" if self.engine == "compiled" else f", engine {self.engine}"
        return (
            f"{problems.PROBLEMS[self.problem].title(self.hidden)}, {self.optimizer}, peak rate {self.lr:g}, "
            f"batch {self.batch_size}, {self.epochs} epoch{'s' if self.epochs > 1 else ''}, {images}{engine}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One schedule, one seed, one setting."""

    schedule: Schedule
    seed: int
    setting: Setting
    rates_sha256: str = ""  # of the table, where the user's own code makes it: other code is another run
    own_rates: Rates | None = field(default=None, compare=False, repr=False)  # that table, float64 (steps,)

    @property
    def resolved(self) -> dict[str, Any]:
        """Everything that decides the run's numbers, every default written out."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scheduler": self.schedule.label,
            "schedule": self.schedule.resolved(),
            "seed": self.seed,
            "setting": asdict(self.setting),
            **({"rates_sha256": self.rates_sha256} if self.rates_sha256 else {}),
        }

    @property
    def run_id(self) -> str:
        """`cosine-s0-1a2b3c4d`: for people to read, and a hash of `resolved` to be sure."""
        return f"{slug(self.schedule.label)}-s{self.seed}-{digest(self.resolved)[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The runs of one command, all of one setting, seed by seed so that whole pairs come first."""

    experiment: str
    setting: Setting
    runs: tuple[Run, ...]
    warnings: tuple[str, ...]

    @property
    def schedules(self) -> list[Schedule]:
        return list(dict.fromkeys(run.schedule for run in self.runs))

    @property
    def seeds(self) -> list[int]:
        return list(dict.fromkeys(run.seed for run in self.runs))


@dataclass(frozen=True, slots=True)
class Finished:
    """A run and what came of it."""

    run: Run
    result: RunResult
    environment: dict[str, Any] = field(default_factory=dict, compare=False)  # on what it was made

    @property
    def failed(self) -> bool:
        """Whether an exception ended it, so that it is to be tried again."""
        return self.result.status is Status.FAILED


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A run between two epochs: all that it needs to go on as if nothing had happened."""

    rows: tuple[EpochRow, ...]  # of the epochs so far, at least one
    feedback: PlateauState
    state: tuple[NDArray[Any], ...]  # every variable of model and optimizer, random generators included
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class Task:
    """A run to be trained, and where to go on from."""

    run: Run
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """A stored file that cannot be trusted."""

    text: str  # which file, which line, why
    hint: str  # what to do
    run_folder: Path | None = None  # the run it belongs to, if any


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """All finished runs of one setting, as they stand in their folder."""

    name: str
    folder: Path
    setting: Setting
    finished: tuple[Finished, ...]  # as in_order has them
    damage: tuple[Damage, ...]
    table_is_current: bool = field(default=False, compare=False)  # epochs.csv holds exactly these runs


def in_order(finished: Iterable[Finished]) -> tuple[Finished, ...]:
    """Sort by scheduler, then seed, whenever each was trained."""
    return tuple(sorted(finished, key=lambda one: (one.run.schedule.label, one.run.seed)))


def make_plan(config: Config) -> Plan:
    """Resolve a config to its runs, checking all that can be checked before training.

    Raises BadConfig or BadSpec.
    """
    setting = resolve_setting(config)
    schedules = parse_list(",".join(config.schedulers), config.lr)
    for schedule in schedules:
        rule = schedule.feedback(setting.horizon)
        if rule and setting.validate_on == "none":
            raise BadConfig(
                f"{schedule.label} looks at {rule.monitor}, and --val-size 0 leaves nothing to validate on.",
                "Leave it out of --schedulers, keep a validation set, or say --validate-on test.",
            )
    odd = warnings(schedules, setting.horizon)
    own = {
        each: each.table(setting.horizon) for each in schedules if each.is_users_own
    }  # asked here, and only here
    sha256 = {each: hashlib.sha256(table.tobytes()).hexdigest() for each, table in own.items()}
    return Plan(
        experiment=config.name or setting.experiment,
        setting=setting,
        runs=tuple(
            Run(
                schedule=schedule,
                seed=seed,
                setting=setting,
                rates_sha256=sha256.get(schedule, ""),
                own_rates=own.get(schedule),
            )
            for seed in config.seeds
            for schedule in schedules
        ),
        warnings=tuple(odd),
    )


def resolve_setting(config: Config) -> Setting:
    """Fill in what the config leaves open. Raises BadConfig."""
    dataset = problems.find(config.problem).dataset
    sizes = resolve_sizes(dataset, config.train_size, config.val_size, config.validate_on)
    return Setting(
        problem=config.problem,
        hidden=config.hidden,
        optimizer=str(optimizers.parse_optimizer(config.optimizer)),
        lr=config.lr,
        batch_size=config.batch_size,
        epochs=config.epochs,
        train_size=sizes.train,
        val_size=sizes.val,
        validate_on=sizes.validate_on if sizes.val or sizes.validate_on == "test" else "none",
        engine=config.engine,
        data_sha256=dataset.sha256,
    )


def slug(text: str) -> str:
    """Return a short, safe piece of a file name: a-z, 0-9, dots and hyphens, never empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:40].rstrip("-.") or "x"


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
