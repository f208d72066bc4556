"""The runs of an experiment by schedule: what a schedule's runs are called is known here, and nowhere else."""

from collections.abc import Mapping

from lrbench.runs import Experiment, Finished

Groups = Mapping[str, tuple[Finished, ...]]


def by_scheduler(experiment: Experiment) -> dict[str, tuple[Finished, ...]]:
    """Return label -> its runs, both in the order in which the experiment has them."""
    runs: dict[str, list[Finished]] = {}
    for one in experiment.finished:
        runs.setdefault(one.run.schedule.label, []).append(one)
    return {label: tuple(each) for label, each in runs.items()}
