"""Which executor a config asks for."""

import re

from lrbench.config import Config
from lrbench.engine import open_engine
from lrbench.engine.executor import Executor
from lrbench.errors import BadConfig
from lrbench.options import unfit
from lrbench.problems import Problem
from lrbench.runner.session import OpenExecutor
from lrbench.runner.threads import Threads
from lrbench.runs import Setting

ADDRESS = re.compile(r"auto|(ray://)?([^\s/:]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")
OF_CLUSTERS = ("address", "runs_per_node", "gpus_per_run")


def executor_of(config: Config, problem: Problem) -> OpenExecutor:
    """Return what opens the executor that a config asks for, to train a problem. Raises BadConfig."""
    if config.executor == "ray":
        if config.jobs is not None:
            raise BadConfig(
                f"jobs={config.jobs} is for this machine; the runs train on a cluster.",
                f"Say how many train on each node: runs_per_node={config.jobs}",
            )
        _check(config)
        from lrbench.runner.cluster import on_ray

        return on_ray(
            problem,
            address=config.address,
            runs_per_node=config.runs_per_node,
            gpus_per_run=config.gpus_per_run,
            every=config.checkpoint_every,
        )
    for name in OF_CLUSTERS:
        if (value := getattr(config, name)) is not None:
            raise BadConfig(f"{name}={value} is for a cluster.", "Leave it out, or write executor=ray")
    return threads(problem, config.jobs, config.checkpoint_every)


def _check(config: Config) -> None:
    """Raise BadConfig for what no cluster can be asked."""
    if config.address is not None and not ADDRESS.fullmatch(config.address):
        raise unfit("address", config.address, "is no address")
    share = config.gpus_per_run
    if share is not None and share > 1 and share % 1:
        raise unfit("gpus_per_run", share, "is neither a share of one GPU nor a number of them")


def threads(problem: Problem, jobs: int | None = None, every: int | None = None) -> OpenExecutor:
    """Return what opens the engine for a problem with `jobs` replicas side by side; None: as many as suit.

    `every` is the number of epochs from one checkpoint to the next; None: one a second.
    """

    def opened(setting: Setting) -> Executor:
        engine = open_engine(setting, problem)
        return Threads(engine, jobs or engine.jobs, every)

    return opened
