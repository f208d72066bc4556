"""The command that gives an experiment again."""

import shlex

from lrbench.config import Config
from lrbench.datasets import resolve_sizes
from lrbench.judging.groups import by_scheduler
from lrbench.runs import Experiment
from lrbench.problems import PROBLEMS


def command(experiment: Experiment) -> str:
    """Return `lrbench run` with every option that is not its default."""
    setting = experiment.setting
    default = Config()
    schedules = [runs[0].run.schedule for runs in by_scheduler(experiment).values()]
    seeds = sorted({one.run.seed for one in experiment.finished})
    words = ["lrbench", "run"]
    specs = [str(schedule) for schedule in schedules]
    if set(specs) != set(default.schedulers):
        words += ["--schedulers", ",".join(specs)]
    if seeds != [0]:
        counted = seeds == list(range(len(seeds)))
        words += ["--seeds", str(len(seeds)) if counted else ",".join(map(str, seeds)) + "," * (len(seeds) == 1)]
    for name in ("problem", "hidden", "optimizer", "lr", "batch_size", "epochs", "engine"):
        value = getattr(setting, name)
        if value != getattr(default, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    if setting.validate_on == "test":
        words += ["--validate-on", "test"]
    elif setting.val_size != 5_000:
        words += ["--val-size", str(setting.val_size)]
    whole = resolve_sizes(PROBLEMS[setting.problem].dataset, None, setting.val_size, "split").train
    if setting.train_size != whole:
        words += ["--train-size", str(setting.train_size)]
    if experiment.name != setting.experiment:
        words += ["--name", experiment.name]
    return shlex.join(words)
