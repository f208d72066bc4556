"""From the runs of an experiment to one row per schedule."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lrbench.errors import BadConfig, nearest
from lrbench.judging.groups import by_scheduler
from lrbench.judging.scores import Scores
from lrbench.judging.statistics import mean_interval
from lrbench.plan import Experiment
from lrbench.records import Status

SUMMARY_COLUMNS = {
    "scheduler": "the schedule's label",
    "n": "runs that finished: every mean of the row is over these",
    "diverged": "runs that did not, because a loss was not finite",
    "failed": "runs that an exception ended",
    "test_accuracy_mean": "fraction 0..1",
    "test_accuracy_low": "95 % t interval of the mean, from two runs on",
    "test_accuracy_high": "",
    "val_accuracy_mean": "fraction 0..1, after the last epoch",
    "test_loss_mean": "nats",
    "val_loss_mean": "nats, after the last epoch",
    "train_loss_mean": "nats, over the last epoch as it was trained",
    "final_rate_mean": "the rate that the last update used",
    "validated_on": "split, test or none",
}


def summarize(experiment: Experiment) -> pd.DataFrame:
    """Return one row per schedule with the columns SUMMARY_COLUMNS, the best mean test accuracy first.

    A mean without a run, and an interval without two, is nan.
    """
    groups = by_scheduler(experiment)
    ends = pd.DataFrame([_end(label, one.result) for label, runs in groups.items() for one in runs])
    rows = [
        _row(str(label), group) | {"validated_on": experiment.setting.validate_on}
        for label, group in (ends.groupby("scheduler") if len(ends) else [])
    ]
    table = pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))
    return table.sort_values(
        ["test_accuracy_mean", "scheduler"], ascending=[False, True], na_position="last", ignore_index=True
    )


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


def sort(table: pd.DataFrame, by: str, scores: Scores) -> pd.DataFrame:
    """Order the rows by the mean of the scores, or by another column: the best first, `scheduler` by name.

    Raises BadConfig for a stranger.
    """
    if not by:
        order = {label: i for i, label in enumerate(scores.ranked())}
        return table.sort_values("scheduler", key=lambda labels: labels.map(order), ignore_index=True)
    columns = {column.removesuffix("_mean"): column for column in table.columns if column.endswith("_mean")}
    columns |= {"scheduler": "scheduler", "n": "n"}
    if by not in columns:
        raise BadConfig(f"There is no column {by!r} to sort by.", nearest(by, columns))
    ascending = scores.lower_is_better if by == scores.metric else by == "scheduler" or "loss" in by
    return table.sort_values(
        columns[by], ascending=ascending, na_position="last", ignore_index=True, kind="stable"
    )


def stacked(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of several experiments, under a first column `experiment`."""
    together = pd.concat(tables.values(), keys=tables, names=["experiment"])
    return together.reset_index(level=0).reset_index(drop=True)


def as_csv(table: pd.DataFrame) -> str:
    """Return the table as CSV; floats as repr, absent as an empty cell."""
    return table.to_csv(index=False, lineterminator="\n")


def _end(label: str, result: Any) -> dict[str, Any]:
    done = result.status is Status.DONE
    last = result.rows[-1] if done else None
    figures = {
        "test_accuracy": result.test_accuracy,
        "test_loss": result.test_loss,
        "val_accuracy": last and last.val_accuracy,
        "val_loss": last and last.val_loss,
        "train_loss": last and last.train_loss,
        "final_rate": last and last.lr,
    }
    return {"scheduler": label, "status": result.status} | {
        key: np.nan if value is None or not done else value for key, value in figures.items()
    }


def _row(label: str, group: pd.DataFrame) -> dict[str, Any]:
    done = group[group["status"] == Status.DONE]
    low, high = mean_interval(done["test_accuracy"])
    return {
        "scheduler": label,
        "n": len(done),
        "diverged": int((group["status"] == Status.DIVERGED).sum()),
        "failed": int((group["status"] == Status.FAILED).sum()),
        "test_accuracy_low": low,
        "test_accuracy_high": high,
    } | {
        f"{key}_mean": done[key].mean()
        for key in ("test_accuracy", "val_accuracy", "test_loss", "val_loss", "train_loss", "final_rate")
    }
