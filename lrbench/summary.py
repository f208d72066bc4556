"""From the runs of an experiment to one row per schedule."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lrbench.judging.scores import Scores
from lrbench.judging.statistics import mean_interval
from lrbench.judging.tuning import views
from lrbench.runs import Experiment, Finished, Status, Subject


def summary_columns(subject: Subject) -> dict[str, str]:
    """Return the columns of `summarize`, each with what it holds. Figures are in their own units, shares 0..1."""
    compared = subject.compared.name
    others = [figure.name for figure in subject.figures if figure.name != compared]
    return {
        "scheduler": "the schedule's name",
        "n": "runs that finished: every mean of the row is over these",
        "diverged": "runs that did not, because a loss was not finite",
        "failed": "runs that an exception ended",
        f"test_{compared}_mean": "after the last epoch",
        f"test_{compared}_low": "95 % t interval of the mean, from two runs on",
        f"test_{compared}_high": "",
        f"val_{compared}_mean": "after the last epoch",
        **{f"{split}_{name}_mean": SPLITS[split] for name in others for split in SPLITS},
        "final_rate_mean": "the rate that the last update used",
        "validated_on": "split, test or none",
    }


SPLITS = {
    "test": "after the last epoch",
    "val": "after the last epoch",
    "train": "over the last epoch as it was trained",
}


def summarize(experiment: Experiment) -> pd.DataFrame:
    """Return one row per schedule with the columns of `summary_columns`, the best mean of the test figure first.

    A mean without a run, and an interval without two, is nan.
    """
    subject = experiment.setting.subject
    columns = summary_columns(subject)
    rows = [_row(name, runs, columns) for name, runs in experiment.groups.items()]
    table = pd.DataFrame(rows, columns=list(columns)).assign(validated_on=experiment.setting.validate_on)
    return table.sort_values(
        [f"test_{subject.compared.name}_mean", "scheduler"],
        ascending=[subject.compared.better == "lower", True],
        na_position="last",
        ignore_index=True,
    )


def tabulated(experiment: Experiment) -> bytes:
    """Return summary.csv: a row per schedule, or where rates were searched, per schedule and comparison."""
    shown = {view.name: summarize(view) for view in views(experiment)}
    return as_csv(stacked(shown) if len(shown) > 1 else summarize(experiment)).encode()


def summarize_scores(scores: Scores) -> pd.DataFrame:
    """Return one row per schedule of a table from elsewhere, with what is known of it."""
    rows = [
        {
            "scheduler": label,
            "n": len(runs) - scores.lost(label),
            f"{scores.metric}_mean": scores.mean(label),
            "lost": scores.lost(label),
        }
        for label, runs in scores.values.items()
    ]
    return pd.DataFrame(rows)


def sorted_by(table: pd.DataFrame) -> dict[str, str]:
    """Return what rows can be sorted by, each with its column."""
    means = {column.removesuffix("_mean"): column for column in table.columns if column.endswith("_mean")}
    return means | {"scheduler": "scheduler", "n": "n"}


def sort(table: pd.DataFrame, by: str, scores: Scores, subject: Subject | None) -> pd.DataFrame:
    """Order the rows by the mean of the scores, or by one of `sorted_by`: the best first, `scheduler` by name."""
    if not by:
        order = {label: i for i, label in enumerate(scores.ranked())}
        return table.sort_values("scheduler", key=lambda labels: labels.map(order), ignore_index=True)
    if by in ("scheduler", "n", "final_rate"):
        ascending = by == "scheduler"
    else:
        ascending = subject.find(by).better == "lower" if subject else scores.lower_is_better
    return table.sort_values(
        sorted_by(table)[by], ascending=ascending, na_position="last", ignore_index=True, kind="stable"
    )


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several experiments, under a first column `experiment`."""
    together = pd.concat(tables.values(), keys=tables, names=["experiment"])
    return together.reset_index(level=0).reset_index(drop=True)


def as_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV; floats as repr, absent as an empty cell."""
    return table.to_csv(index=False, lineterminator="\n")


def _row(name: str, runs: Sequence[Finished], columns: Iterable[str]) -> dict[str, object]:
    done = [one for one in runs if one.result.status is Status.DONE]
    row: dict[str, object] = {
        "scheduler": name,
        "n": len(done),
        "diverged": sum(one.result.status is Status.DIVERGED for one in runs),
        "failed": sum(one.failed for one in runs),
    }
    for column in columns:
        figure, _, kind = column.rpartition("_")
        if kind == "mean":
            values = _finals(done, figure)
            row[column] = values.mean() if values.size else np.nan
        elif kind == "low":
            row[column], row[f"{figure}_high"] = mean_interval(_finals(done, figure))
    return row


def _finals(done: Sequence[Finished], figure: str) -> NDArray[np.float64]:
    values = [one.final("lr" if figure == "final_rate" else figure) for one in done]
    return np.array([np.nan if value is None else value for value in values], float)
