"""From wishes to runs. Here, and nowhere else, epochs become steps and schedules become tables of rates."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lrbench import problems
from lrbench.backend.devices import has_gpu
from lrbench.backend.optimizers import check_optimizer
from lrbench.config import Config
from lrbench.errors import BadConfig, nearest
from lrbench.optimizers import PeakRate, odd_rates, parse_optimizer, peak_rate
from lrbench.problems import Problem
from lrbench.runs import Run, Setting
from lrbench.schedules import Schedule, parse_list, rates, warnings
from lrbench.schedules.names import Named, called, names, peak_rates
from lrbench.schedules.spans import were_rounded_otherwise
from lrbench.shards import read_shard, share


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The runs of one command, all of one setting, seed by seed so that whole pairs come first."""

    experiment: str  # its folder's name
    setting: Setting
    problem: Problem  # what the engine trains
    peak: PeakRate  # of the schedules that name none
    runs: tuple[Run, ...]  # what is to be trained here: all of them, or a shard's share
    whole: tuple[Run, ...]  # all of them
    warnings: tuple[str, ...]
    at_most: bool = False  # whether verdicts may settle before all of them are trained
    notes: tuple[str, ...] = ()  # what was told from the user's model and data
    outlook: str = ""  # that no verdict can come of it, and how many seeds could give one; empty if one can

    @cached_property
    def names(self) -> dict[Named, str]:
        """What each schedule is called among these: a name that no other has."""
        first = {run.schedule: run for run in reversed(self.whole)}
        return names(first[schedule].named for schedule in self.schedules)

    @property
    def schedules(self) -> list[Schedule]:
        return list(dict.fromkeys(run.schedule for run in self.whole))

    @property
    def seeds(self) -> list[int]:
        return list(dict.fromkeys(run.seed for run in self.whole))

    @property
    def takes_default_rate(self) -> bool:
        """Whether nobody named the peak rate of some schedule."""
        return bool(self.peak.default_of) and any(each.lr == self.peak.value for each in self.schedules)

    def describe(self) -> str:
        """One line for titles."""
        return self.setting.describe(peak_rates(self.names))


def make_plans(config: Config, problem: Problem | None = None) -> list[tuple[Config, Plan]]:
    """Return the config and the plan of each experiment that a config makes; a shard's share is one of all runs.

    What they train is made once. Raises as `make_plan` does.
    """
    if problem:
        _refuse_beside(config)
    problem = problem or find_problem(config)
    plans = [(each, _plan(each, problem)) for each in config.each()]
    if config.shard is None:
        return plans
    steps = [plan.setting.horizon.steps for _, plan in plans for _ in plan.runs]
    ours = set(share(steps, read_shard(config.shard)))
    shared, first = [], 0
    for each, plan in plans:
        runs = tuple(run for i, run in enumerate(plan.whole, first) if i in ours)
        shared.append((each, replace(plan, runs=runs)))
        first += len(plan.whole)
    return shared


def make_plan(config: Config, problem: Problem | None = None) -> Plan:
    """Resolve a config to its runs, checking all that can be checked before training.

    `problem` takes the place of the config's, if it is given. Raises BadConfig or BadSpec.
    """
    if config.is_several:
        raise BadConfig("Several optimizers or horizons make several plans.", "Make one of each: config.each().")
    ((_, plan),) = make_plans(config, problem)
    return plan


def _plan(config: Config, problem: Problem) -> Plan:
    setting = resolve_setting(config, problem)
    peak = peak_rate(config.lr, setting.optimizer)
    return plan_of(config, setting, problem, parse_list(",".join(config.schedulers), peak.value))


def plan_of(config: Config, setting: Setting, problem: Problem, schedules: list[Schedule]) -> Plan:
    """Return the plan of training schedules with a config's seeds. Raises BadConfig or BadSpec."""
    horizon = setting.horizon
    for schedule in schedules:
        _check_feedback(schedule, setting)
    runs = tuple(seeded(schedules, config.seeds, setting))
    return Plan(
        experiment=config.name or setting.folder_name,
        setting=setting,
        problem=problem,
        peak=peak_rate(config.lr, setting.optimizer),
        runs=runs,
        whole=runs,
        warnings=(*warnings(schedules, horizon), *_odd_rates(schedules, runs, setting)),
        notes=problem.notes,
    )


def _refuse_beside(config: Config) -> None:
    """Raise BadConfig for wishes that a problem which is given leaves nothing to say."""
    default = Config()
    for name in ("problem", "hidden", "activation", "data", "loss", "metric", "data_dir"):
        value = getattr(config, name)
        if value != getattr(default, name):
            raise BadConfig(f"{name}={value} is not used: the problem is given.", f"Leave {name} out.")


def find_problem(config: Config) -> Problem:
    """Return what a config wants to train; a problem of the user's is made, its data read. Raises BadConfig."""

    def given(*names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(config, name)) is not None}

    beside = problems.Beside(**given("data", "loss", "metric"), memory_share=config.memory_share)
    return problems.find_any(config.problem, given("hidden", "activation"), given("data_dir"), beside)


def resolve_setting(config: Config, problem: Problem) -> Setting:
    """Fill in what the config leaves open. Raises BadConfig."""
    assert isinstance(config.epochs, int)  # one of its `each`
    subject = problem.subject
    jit = resolve_jit(config, problem)
    sizes = problems.resolve_sizes(subject, config.train_size, config.val_size, config.validate_on)
    optimizer = parse_optimizer(config.optimizer)
    if config.engine != "fake":
        check_optimizer(optimizer)
    return Setting(
        subject=subject,
        optimizer=str(optimizer),
        batch_size=config.batch_size,
        epochs=config.epochs,
        train_size=sizes.train,
        val_size=sizes.val,
        validate_on=sizes.validate_on,
        engine=config.engine,
        jit=jit,
        identity={
            **(problem.identity or {"problem": subject.spec}),
            "data_sha256": subject.data_sha256,
            "optimizer": optimizer.resolved(),
            "batch_size": config.batch_size,
            "epochs": config.epochs,
            "train_size": sizes.train,
            "val_size": sizes.val,
            "validate_on": sizes.validate_on,
            "engine": config.engine,
            **({} if jit else {"jit": False}),  # as it always was where XLA compiles
        },
    )


def resolve_jit(config: Config, problem: Problem) -> bool:
    """Tell whether XLA compiles the epoch: by the model and the device, never by a stopwatch. Raises BadConfig.

    On a CPU, XLA's convolutions and random numbers are slower than TensorFlow's own.
    """
    if config.jit == "auto":
        on_gpu = has_gpu() if config.executor == "local" else config.gpus_per_run is not None
        return config.engine != "compiled" or not problem.prefers_graph or on_gpu
    if config.engine != "compiled":
        raise BadConfig(
            f"jit={config.jit} is for the compiled engine; this is {config.engine}.", "Leave one of them out."
        )
    return config.jit == "on"


def seeded(schedules: Sequence[Schedule], seeds: Sequence[int], setting: Setting) -> Iterator[Run]:
    """Yield every schedule with every seed. Its rates are made once, and a user's function is asked only then.

    The digest of its rates tells a schedule's runs from those that its words alone do not tell from them.
    """
    tables = {each: rates(each, setting.horizon) for each in schedules}
    sha256 = {
        each: hashlib.sha256(table.tobytes()).hexdigest()
        for each, table in tables.items()
        if each.is_users_own or were_rounded_otherwise(each, setting.horizon)
    }
    for seed in seeds:
        for each in schedules:
            yield Run(
                schedule=each,
                seed=seed,
                setting=setting,
                rates=tables[each],
                rates_sha256=sha256.get(each, ""),
            )


def _odd_rates(schedules: list[Schedule], runs: tuple[Run, ...], setting: Setting) -> Iterator[str]:
    """What the optimizer makes otherwise of the schedules, whose runs of the first seed come first."""
    for name, run in zip(called(schedules), runs, strict=False):
        yield from odd_rates(setting.optimizer, name, run.rates)


def _check_feedback(schedule: Schedule, setting: Setting) -> None:
    """A schedule that looks at the training needs something to look at."""
    rule = schedule.feedback(setting.horizon)
    directed = rule is not None and rule.mode != "auto"
    columns = [
        column
        for column in setting.subject.columns
        if column.startswith("val_") and (directed or setting.subject.find(column).better != "neither")
    ]
    if rule and rule.monitor not in columns:
        raise BadConfig(
            f"{schedule.label} looks at {rule.monitor}, which is not measured.", nearest(rule.monitor, columns)
        )
    if rule and setting.validate_on == "none":
        raise BadConfig(
            f"{schedule.label} looks at {rule.monitor}, and val_size=0 leaves nothing to validate on.",
            "Leave that schedule out, keep a validation set, or say validate_on=test",
        )
