"""`lrbench find-lr`: a learning-rate range test with several seeds, which says when it does not know.

Every seed sweeps from its own initial weights, with its own order of the examples. Nothing is stored.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrbench.config import Config
from lrbench.engine import STEPWISE, open_stepwise
from lrbench.engine.replica import Stepper
from lrbench.errors import BadConfig, Stopped
from lrbench.foreign import finite
from lrbench.options import number, shown, unfit, whole_number
from lrbench.plan import find_problem, resolve_setting
from lrbench.problems import Problem
from lrbench.runner.signals import Signalled
from lrbench.runs import Setting
from lrbench.studies.range_test import RULES, Curve, Suggestion, Sweep, divergence, memory_of, read, suggest

SCALES = ("exponential", "linear")
HIGHEST = 1e30
FEWEST, MOST = 20, 1_000_000  # steps
USUAL = 100  # steps at least, where nobody says how many
PIECES = 20  # of a sweep; after each it asks whether it has diverged


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for beside a config: how the rate is swept. It checks itself: raises BadConfig.

    Numbers may come as texts.
    """

    sweep: str = "exponential"
    lowest: float = 1e-6
    highest: float = 10.0
    steps: int | None = None  # None: one pass over the training set, and at least 100
    smooth: float | None = None  # None: a mean that remembers a fiftieth of the sweep

    def __post_init__(self) -> None:
        if self.sweep not in SCALES:
            raise unfit("sweep", self.sweep, "is neither exponential nor linear")
        for name in ("lowest", "highest"):
            rate = number(name, getattr(self, name))
            if not 0 < rate <= HIGHEST:
                raise unfit(name, rate, "is not above 0" if rate <= 0 else f"is above {HIGHEST:g}")
            object.__setattr__(self, name, rate)
        if self.lowest >= self.highest:
            raise BadConfig(
                f"lowest={self.lowest:g} is not below highest={self.highest:g}.",
                "Write, for example, lowest=1e-6 and highest=10.",
            )
        if self.steps is not None:
            steps = whole_number("steps", str(self.steps))
            if not FEWEST <= steps <= MOST:
                raise unfit("steps", steps, f"does not lie between {FEWEST} and {MOST:,}")
            object.__setattr__(self, "steps", steps)
        if self.smooth is not None:
            smooth = number("smooth", self.smooth)
            if not 0 <= smooth < 1:
                raise unfit("smooth", smooth, "does not lie in 0 <= smooth < 1")
            object.__setattr__(self, "smooth", smooth)

    def on(self, setting: Setting) -> Sweep:
        """Return the sweep for a setting, all of it decided."""
        steps = self.steps or min(MOST, max(USUAL, setting.train_size // setting.batch_size))
        smooth = memory_of(steps) if self.smooth is None else self.smooth
        return Sweep(scale=self.sweep, lowest=self.lowest, highest=self.highest, steps=steps, smooth=smooth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A range test that is ready to begin."""

    setting: Setting
    problem: Problem
    sweep: Sweep
    seeds: tuple[int, ...]
    jobs: int | None  # sweeps side by side; None: as many as suit the engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a range test came to."""

    setting: Setting
    sweep: Sweep
    curves: tuple[Curve, ...]  # one for each seed, in their order
    suggestions: tuple[Suggestion, ...]  # one for each rule
    remark: str = ""  # what people should know of how it trained

    @property
    def rate(self) -> float | None:
        """The rate of the first suggestion that is one."""
        return next((each.rate for each in self.suggestions if each.rate is not None), None)

    def describe(self) -> str:
        """One line for titles."""
        setting = self.setting
        engine = "" if setting.engine == "compiled" else f", engine {setting.engine}"
        return (
            f"{setting.subject.title}, {setting.optimizer}, batch {setting.batch_size}, "
            f"{setting.train_size:,} training {setting.subject.noun}{engine}"
        )

    def record(self) -> dict[str, Any]:
        """Return all of it as JSON values; what is no number, or is not there, is None."""
        sweep = self.sweep
        identity = {key: value for key, value in self.setting.identity.items() if key != "epochs"}
        record = {
            "title": self.describe(),
            "setting": {**identity, "optimizer": self.setting.optimizer},
            "sweep": {
                "scale": sweep.scale,
                "from": sweep.lowest,
                "to": sweep.highest,
                "steps": sweep.steps,
                "smooth": sweep.smooth,
            },
            "suggestions": {each.rule.name: _suggestion(each) for each in self.suggestions},
            "rates": sweep.rates.tolist(),
            "curves": [_curve(each) for each in self.curves],
        }
        return {key: finite(value) for key, value in record.items()}


def plan_test(config: Config, wanted: Wanted | None = None, problem: Problem | None = None) -> Planned:
    """Resolve a config to a range test. `problem` takes the place of the config's, if it is given.

    Of the config, `schedulers`, `epochs`, `lr`, `out` and `name` play no part. Raises BadConfig or BadSpec.
    """
    if config.optimizers is not None:
        raise BadConfig(
            f"optimizers={shown(','.join(config.optimizers))} are several, and each wants a rate of its own.",
            f"Write optimizer={config.optimizers[0]}",
        )
    if config.engine not in STEPWISE:
        raise BadConfig(f"engine={config.engine} tells no step's loss.", "Leave it out, or write engine=compiled")
    problem = problem or find_problem(config)
    setting = resolve_setting(config.model_copy(update={"epochs": 1}), problem)
    return Planned(
        setting=setting,
        problem=problem,
        sweep=(wanted or Wanted()).on(setting),
        seeds=config.seeds,
        jobs=config.jobs,
    )


def find_lr(planned: Planned, hear: Callable[[Curve], None] | None = None) -> Found:
    """Sweep the rate once for each seed, side by side, and say what that suggests. `hear` is told each curve.

    Raises EngineUnavailable, BadData; Stopped after Ctrl-C or SIGTERM.
    """
    sweep = planned.sweep
    try:
        curves, remark = _swept(planned, hear)
    except Signalled as signalled:
        raise Stopped(
            f"{signalled.name}: nothing is kept of a sweep.",
            "The same call begins again.",
            signalled.exit_code,
        ) from signalled
    suggestions = tuple(suggest(rule, curves, sweep) for rule in RULES)
    return Found(setting=planned.setting, sweep=sweep, curves=curves, suggestions=suggestions, remark=remark)


def _swept(planned: Planned, hear: Callable[[Curve], None] | None) -> tuple[tuple[Curve, ...], str]:
    """Return the curves in the order of the seeds, and the steppers' remark."""
    engine = open_stepwise(planned.setting, planned.problem)
    stop = threading.Event()
    local = threading.local()  # each thread's stepper
    steppers: list[Stepper] = []

    def curve_of(seed: int) -> Curve:
        if not hasattr(local, "stepper"):
            local.stepper = engine.stepper()
            steppers.append(local.stepper)
        return _curve_of(local.stepper, seed, planned.sweep, stop)

    pool = ThreadPoolExecutor(planned.jobs or engine.jobs, thread_name_prefix="stepper")
    curves = {}
    try:
        for done in as_completed([pool.submit(curve_of, seed) for seed in planned.seeds]):
            curve = done.result()
            curves[curve.seed] = curve
            if hear:
                hear(curve)
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        engine.close()
    remark = next((each.remark for each in steppers if each.remark), "")
    return tuple(curves[seed] for seed in planned.seeds), remark


def _curve_of(stepper: Stepper, seed: int, sweep: Sweep, stop: threading.Event) -> Curve:
    stepper.compile()
    stepper.reset(seed)
    losses = np.empty(0)
    for rates in np.array_split(sweep.rates, PIECES):
        losses = np.concatenate([losses, stepper.train_steps(len(losses), rates)])
        if stop.is_set() or divergence(losses, sweep) is not None:
            break
    return read(seed, losses, sweep)


def _suggestion(each: Suggestion) -> dict[str, Any]:
    return {
        "rate": each.rate,
        "range": each.span,
        "interval": each.interval,
        "reason": each.reason,
        "by_seed": {str(seed): rate for seed, rate in each.rates.items()},
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "seed": curve.seed,
        "diverged": curve.diverged,
        "losses": curve.losses.tolist(),
        "smoothed": {"rates": curve.at.tolist(), "losses": curve.means.tolist()},
    }
