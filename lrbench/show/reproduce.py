"""The commands that give an experiment again, and that take one of its schedules home."""

import contextlib
import shlex

from lrbench.config import Config
from lrbench.errors import BadSpec
from lrbench.judging.questions import Answer
from lrbench.optimizers import peak_rate
from lrbench.runs import Experiment
from lrbench.schedules import Named, parse
from lrbench.schedules.schedule import CORRECTED

DEFAULT_PROBLEM = "mnist(hidden=128)"  # what --problem mnist stands for


def command(experiment: Experiment) -> str:
    """Return `lrbench run` with every option that is not its default."""
    setting = experiment.setting
    default = Config()
    shared = experiment.peaks[0] if len(experiment.peaks) == 1 else None
    seeds = sorted({one.seed for one in experiment.finished})
    words = ["lrbench", "run"]
    specs = list(dict.fromkeys(_spec(each, with_rate=shared is None) for each in experiment.names))
    if set(specs) != set(default.schedulers):
        words += ["--schedulers", ",".join(specs)]
    if seeds != [0]:
        counted = seeds == list(range(len(seeds)))
        words += ["--seeds", str(len(seeds)) if counted else ",".join(map(str, seeds)) + "," * (len(seeds) == 1)]
    if shared is not None and shared != _default_rate(setting.optimizer):
        words += ["--lr", f"{shared!r}"]
    if setting.subject.spec != DEFAULT_PROBLEM:
        words += ["--problem", setting.subject.spec]
    for name in ("optimizer", "batch_size", "epochs", "engine"):
        value = getattr(setting, name)
        if value != getattr(default, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    if setting.validate_on == "test":
        words += ["--validate-on", "test"]
    elif setting.val_size != setting.subject.examples // 12:
        words += ["--val-size", str(setting.val_size)]
    if setting.train_size != setting.subject.examples - setting.val_size:
        words += ["--train-size", str(setting.train_size)]
    if experiment.name != setting.folder_name:
        words += ["--name", experiment.name]
    return shlex.join(words)


def take_home(answer: Answer) -> str:
    """Return the command that prints the code of the best schedule for this horizon; empty where none finished.

    That is the winner, or the best mean where no schedule is better than all others. A function of the user's is
    in no script that stands alone: there, the script imports it through lrbench.
    """
    experiment, finished = answer.experiment, set(answer.scores.finished)
    best = answer.winner or next((label for label in answer.scores.ranked() if label in finished), None)
    if experiment is None or best is None:
        return ""
    schedule = next(each for each, name in experiment.names.items() if name == best)
    horizon = experiment.setting.horizon
    default = peak_rate(None, Config().optimizer).value
    spec = _spec(schedule, with_rate=schedule.lr != default).removeprefix(f"{schedule.words}=" * schedule.is_label)
    words = ["lrbench", "schedulers", spec, "--code", "keras"]
    words += ["--with-lrbench"] * bool(schedule.rates_sha256)
    words += ["--epochs", str(horizon.epochs), "--steps-per-epoch", str(horizon.steps_per_epoch)]
    return shlex.join(words)


def _default_rate(optimizer: str) -> float | None:
    """Return the peak rate that needs no option; None where an optimizer of another version has none here."""
    with contextlib.suppress(BadSpec):
        return peak_rate(None, optimizer).value
    return None


def _spec(schedule: Named, *, with_rate: bool) -> str:
    """Write a stored schedule as a spec that means the same today: where a default has changed, with its value."""
    words = schedule.spec if with_rate or schedule.is_label else schedule.words
    stored = _parameters(dict(schedule.parameters))
    with contextlib.suppress(BadSpec):
        if _parameters(parse(words).resolved()["parameters"]) != stored:
            facts = {"lr": f"{schedule.lr!r}"} if with_rate or schedule.is_label else {}
            inside = ", ".join(f"{key}={value}" for key, value in (facts | stored).items())
            words = f"{schedule.name}({inside})"
    return f"{schedule.words}={words}" if schedule.is_label else words


def _parameters(stored: dict[str, str]) -> dict[str, str]:
    """Return what a spec can say of them; what lrbench has corrected since cannot be asked for."""
    return {key: value for key, value in stored.items() if key not in CORRECTED}
