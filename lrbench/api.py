"""The commands as Python calls: `import lrbench; lrbench.compare(schedulers="step,cosine", seeds=5)`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbench import config, runner, store, summary
from lrbench.judging.questions import Answer, Question, answer
from lrbench.plan import Experiment
from lrbench.runner import Listener
from lrbench.show.progress import Silent

if TYPE_CHECKING:
    import pandas as pd


def compare(listener: Listener | None = None, **wishes: Any) -> "pd.DataFrame":
    """Train what is missing, as `lrbench run` does, and return a row per schedule (see `summarize`).

    The wishes are the options of `lrbench run`, with _ for -: schedulers, seeds, epochs, lr, out, ...
    Raises BadConfig, BadSpec, BadResults, BadData or EngineUnavailable.
    """
    outcome = runner.conduct(config.load(None, wishes), listener or Silent(), summary_csv)
    return summary.summarize(outcome.experiment)


def load(results: str | Path) -> list[Experiment]:
    """Return all experiments of a results folder, or the one whose folder it is.

    What is damaged stands in each one's `damage`. Raises BadResults if there is nothing to read.
    """
    experiments, _ = store.load_all(Path(results))
    return experiments


def summarize(experiment: Experiment) -> "pd.DataFrame":
    """Return one row per schedule, the best mean test accuracy first; the columns are lrbench.summary.COLUMNS."""
    return summary.summarize(experiment)


def judge(experiment: Experiment, **question: Any) -> Answer:
    """Return what can be said of an experiment's differences: its `comparisons`, `winner` and `cautions`.

    The question's words are those of `lrbench summary`: baseline, metric, margin, target, every_pair.
    Raises BadConfig.
    """
    return answer(experiment, Question(**question))


def summary_csv(experiment: Experiment) -> bytes:
    """Return an experiment's summary.csv."""
    return summary.as_csv(summary.summarize(experiment)).encode()
