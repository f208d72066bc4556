"""Runs from elsewhere: any table with the columns `scheduler`, `seed` and a figure. Also lrbench's own tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lrbench.errors import BadConfig, BadResults
from lrbench.judging.exports import ExportNote
from lrbench.judging.scores import Scores
from lrbench.judging.scores import lower_is_better as guess_direction
from lrbench.judging.table_files import Table, read_table
from lrbench.judging.table_runs import HINT, TRAIN_LOSSES, Key, RunOfTable, runs_of
from lrbench.searches import FIRST_TUNING_SEED

OWN = ("run_id", "lr_first", "lr")  # the columns by which epochs.csv is known
OWN_LOSSES = TRAIN_LOSSES | {"val_loss"}  # lrbench stops a run at either


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOfRuns:
    """A figure of every run of a table, and what else is known of them."""

    scores: Scores
    validation: Scores | None = None  # what a baseline is chosen by; None: nothing is known of it
    usual: str | None = "constant"  # the baseline where nobody names one
    cautions: tuple[str, ...] = ()
    note: ExportNote | None = None  # of what `lrbench export` wrote


def read_runs(path: Path, metric: str | None, lower_is_better: bool | None = None) -> TableOfRuns:
    """Read a figure of every run from a table; the path `-` is standard input.

    What counts is a run's own last value, wherever the others end. A run is lost if it has no value, if its last
    value or its last training loss is not finite, or if a column `status` says that it failed. `metric` None: the
    test accuracy, or in what lrbench itself wrote, what schedules are compared by there. `lower_is_better` None:
    decided by the figure's name. Raises BadResults; BadConfig if the name does not say.
    """
    table = read_table(path)
    _refuse_summary(path, table)
    if table.note is not None:
        return _of_export(table, table.note, metric, lower_is_better)
    if all(name in table.columns for name in OWN):
        found = _of_epochs(table, metric, lower_is_better)
        return replace(found, cautions=(*found.cautions, *_looks_elsewhere(path)))
    runs = runs_of(table, metric or "test_accuracy")
    scores = _scores(table, metric or "test_accuracy", runs, lower_is_better)
    return TableOfRuns(scores=scores, cautions=tuple(_early_ends(scores, runs)))


def _of_export(table: Table, note: ExportNote, metric: str | None, lower_is_better: bool | None) -> TableOfRuns:
    """Read what `lrbench export` wrote: its note says what a figure is, and which runs did not finish."""
    test, val = (f"{split}_{note.compared}" for split in ("test", "val"))
    asked = metric or (test if test in table.columns else val)
    if asked in note.figures and table.find(asked) is None:
        where = "epochs.parquet" if test in table.columns else "runs.parquet"
        raise table.missing(asked, f"It is in {where}; the JSON export and the results folder have every figure.")
    runs = runs_of(table, asked, OWN_LOSSES)
    if note.searched:
        raise _trials(table)
    found = _scores(table, asked, runs, lower_is_better, note)
    values = {label: dict(seeds) for label, seeds in found.values.items()}
    for label, ended in note.lost.items():
        values.setdefault(label, {}).update(dict.fromkeys(ended))
    return TableOfRuns(
        scores=replace(found, values=_in_order(values)),
        validation=note.validation,
        usual=note.constant,
        cautions=() if metric or asked == test else (_no_test_figures(table, asked),),
        note=note,
    )


def _of_epochs(table: Table, metric: str | None, lower_is_better: bool | None) -> TableOfRuns:
    """Read an epochs.csv: all of its runs have as many epochs, unless they diverged."""
    if metric and metric.startswith("test_"):
        raise table.missing(metric, "Test figures are in the experiment's folder: lrbench summary DIR")
    figures = [name.removeprefix("train_") for name in table.columns if name.startswith("train_")]
    compared = f"val_{figures[1] if len(figures) > 1 else 'loss'}"
    found: dict[str, Scores] = {}
    for name in dict.fromkeys((metric or compared, compared)):
        runs = runs_of(table, name, OWN_LOSSES)
        if any(seed >= FIRST_TUNING_SEED for _, seed in runs):
            raise _trials(table)
        end = max((run.end for run in runs.values() if run.end), default=None)
        whole = {key: run if run.end == end else RunOfTable(end=run.end) for key, run in runs.items()}
        found[name] = _scores(table, name, whole, lower_is_better if name == metric else None)
    constants = [label for label in found[compared].values if label.partition("(")[0] == "constant"]
    return TableOfRuns(
        scores=found[metric or compared],
        validation=found[compared],
        usual=constants[0] if len(constants) == 1 else None,
        cautions=() if metric else (_no_test_figures(table, compared),),
    )


def _scores(
    table: Table,
    metric: str,
    runs: Mapping[Key, RunOfTable],
    lower_is_better: bool | None,
    note: ExportNote | None = None,
) -> Scores:
    """The figure of every run, its direction, and its unit. Raises BadResults or BadConfig."""
    if not runs:
        raise BadResults(f"{table.called} holds no run.", HINT)
    name = table.columns[table.find(metric) or 0]
    values: dict[str, dict[int, float | None]] = {}
    for (label, seed), run in runs.items():
        values.setdefault(label, {})[seed] = run.final
    measured = note.figures.get(name) if note else None
    if measured is not None:
        if measured.better == "neither":
            raise BadConfig(f"No {measured.title} is better than another.", "Compare another metric=NAME.")
        return Scores(name, measured.better == "lower", values, measured.is_share, measured.unit)
    lower = guess_direction(name) if lower_is_better is None else lower_is_better
    figures = [value for its in values.values() for value in its.values() if value is not None]
    is_share = "accuracy" in name.lower() and all(0 <= value <= 1 for value in figures)
    of_classes = name.removesuffix("loss") + "accuracy" in table.columns  # then the loss is a cross-entropy
    return Scores(name, lower, values, is_share, "nats" if name.endswith("_loss") and of_classes else "")


def _early_ends(scores: Scores, runs: Mapping[Key, RunOfTable]) -> Iterator[str]:
    """Say that runs which count end in different places, and which is the shortest."""
    ends = {key: run.end[0] for key, run in runs.items() if run.end and run.final is not None}
    low, high = (pick(ends.values(), default=0.0) for pick in (min, max))
    if low < high:
        label, seed = min(ends, key=lambda key: ends[key])
        yield (
            f"The runs end between epoch {low:g} and {high:g}; the shortest is {label}, seed {seed}. Each counts "
            f"with its own last {scores.metric}. If a run was cut off and did not stop by itself, train it to its "
            "end, or add a column status that says failed."
        )


def _refuse_summary(path: Path, table: Table) -> None:
    """Raise BadResults for means without seeds, such as summary.csv or `lrbench summary --format json`."""
    columns = set(table.columns)
    of_means = "n" in columns and any(name.endswith("_mean") for name in columns)
    if "seed" not in columns and (of_means or {"rows", "comparisons"} <= columns):
        beside = path.parent / "epochs.csv"
        what = str(beside) if beside.is_file() else "the experiment's epochs.csv, or its folder"
        raise BadResults(
            f"{table.called} is a summary: it has means, and no seeds.", f"A comparison needs runs: name {what}."
        )


def _trials(table: Table) -> BadResults:
    """The error for runs among which a search chose: only its folder knows which of them may be compared."""
    return BadResults(
        f"{table.called} contains the trials of a search over rates.",
        "Compare what was tuned in its results folder: lrbench summary DIR",
    )


def _looks_elsewhere(path: Path) -> Iterator[str]:
    """Say that an epochs.csv, read where it was written, does not know what its experiment does."""
    if (path.parent / "history").is_dir():
        yield (
            f"{path} is judged as seeds that were looked at once. Its folder knows how often one looked: "
            f"lrbench summary {path.parent}"
        )


def _no_test_figures(table: Table, metric: str) -> str:
    return f"{table.called} has no test figures: this is {metric}. The experiment's folder has them."


def _in_order(values: Mapping[str, Mapping[int, float | None]]) -> dict[str, dict[int, float | None]]:
    return {label: dict(sorted(seeds.items())) for label, seeds in values.items()}
