"""The commands as Python calls: `import lrbench; lrbench.compare(schedulers="step,cosine", seeds=5)`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbench import store
from lrbench.errors import BadConfig, nearest
from lrbench.runs import Experiment

if TYPE_CHECKING:  # each call pays for its own rooms
    import pandas as pd

    from lrbench.judging.questions import Answer
    from lrbench.runner import Listener


def compare(listener: "Listener | None" = None, **wishes: Any) -> "pd.DataFrame":
    """Train what is missing, as `lrbench run` does, and return a row per schedule (see `summarize`).

    The wishes are the options of `lrbench run`, with _ for -: schedulers, seeds, epochs, lr, out, ...
    Raises BadConfig, BadSpec, BadResults, BadData or EngineUnavailable.
    """
    from lrbench import config, runner, summary

    outcome = runner.conduct(config.load_config(None, wishes), listener)
    return summary.summarize(outcome.experiment)


def load(results: str | Path) -> list[Experiment]:
    """Return all experiments of a results folder, or the one whose folder it is.

    What is damaged stands in each one's `damage`. Raises BadResults if there is nothing to read.
    """
    experiments, _ = store.load_all(Path(results))
    return experiments


def summarize(experiment: Experiment) -> "pd.DataFrame":
    """Return one row per schedule, the best mean of the test figure first; see lrbench.summary.summary_columns."""
    from lrbench import summary

    return summary.summarize(experiment)


def judge(experiment: Experiment, **question: Any) -> "Answer":
    """Return what can be said of an experiment's differences: its `comparisons`, `winner` and `cautions`.

    The question's words are those of `lrbench summary`: baseline, metric, margin, target, every_pair.
    Raises BadConfig.
    """
    (found,) = judge_all([experiment], **question)
    return found


def judge_all(experiments: Sequence[Experiment], **question: Any) -> "list[Answer]":
    """Ask several experiments the same, as the commands do. A baseline that only some have is asked of those.

    Raises BadConfig.
    """
    from lrbench.judging.questions import Question, answer, fitting

    unknown = [word for word in question if word not in Question.__dataclass_fields__]
    if unknown:
        raise BadConfig(f"There is no wish {unknown[0]!r}.", nearest(unknown[0], Question.__dataclass_fields__))
    asked = Question(**question)
    return [answer(each, fitting(asked, each, experiments)) for each in experiments]
