"""What `lrbench.compare` and `lrbench.load` return: experiments as tables, verdicts, pictures and pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbench import store
from lrbench.api.questions import judge_all, summarize
from lrbench.errors import BadConfig, BadResults
from lrbench.runs import Damage, Experiment
from lrbench.show import PAGE, counted

if TYPE_CHECKING:  # each call pays for its own rooms
    import pandas as pd
    from matplotlib.figure import Figure

    from lrbench.export import Table
    from lrbench.judging.questions import Answer


def load(results: str | Path) -> "Results":
    """Return all experiments of a results folder, or the one whose folder it is.

    What cannot be trusted is left out and stands in `damage`. Raises BadResults if there is nothing to read.

    >>> _ = lrbench.compare(schedulers="step", epochs=2, engine="fake", out="mine", name="short")
    >>> _ = lrbench.compare(schedulers="step", epochs=4, engine="fake", out="mine", name="long")
    >>> lrbench.load("mine")
    <Results of 2 experiments, 2 runs>
    >>> lrbench.load("mine/short")
    <Results of short: 1 schedule, 1 run>
    """
    experiments, damage = store.load_all(Path(results))
    if not experiments:
        raise BadResults(damage[0].text, damage[0].hint)
    return Results(tuple(experiments), tuple(damage))


@dataclass(frozen=True, repr=False)
class Results:
    """One experiment or several, as they are stored: `compare` returns one, `load` all of a folder.

    A notebook shows their verdicts and tables, `print` their headlines. Iterating gives each experiment as Results
    of its own. Tables, verdicts, pictures and pages raise BadResults if no run has finished.

    >>> results = lrbench.compare(schedulers=["constant", "step"], seeds=8, epochs=4, engine="fake", name="mine")
    >>> print(results)
    mine: constant is better than step.
    >>> results.runs.shape, results.epochs.shape
    ((16, 11), (64, 11))
    >>> [one.judge().winner for one in results]
    ['constant']
    """

    experiments: tuple[Experiment, ...]
    damage: tuple[Damage, ...] = ()  # stored files that cannot be trusted, and were left out

    def __len__(self) -> int:
        return len(self.experiments)

    def __iter__(self) -> Iterator["Results"]:
        return (Results((each,), each.damage) for each in self.experiments)

    @property
    def epochs(self) -> "pd.DataFrame":
        """A new table with a row per epoch of every run: the columns of epochs.csv, `run_id` first.

        Steps are updates, accuracies fractions 0..1, losses nats per example; absent is nan. Several experiments
        stand under a first column `experiment`.
        """
        from lrbench import export

        return self._stacked(lambda each: _frame(export.epochs_of(each)))

    @property
    def runs(self) -> "pd.DataFrame":
        """A new table with a row per run: `run_id`, `scheduler`, `spec`, `seed`, `lr`, `status`, then its figures.

        Those are `test_loss`, `test_accuracy`, ..., nan if the run did not finish, and where its time went, in
        seconds: `seconds_compile`, `seconds_train`, `seconds_evaluate`. Several experiments stand under a first
        column `experiment`.
        """
        from lrbench import export

        return self._stacked(lambda each: _frame(export.runs_of(each)))

    def summary(self) -> "pd.DataFrame":
        """Return a row per schedule, as `lrbench.summarize`.

        Several experiments stand under a first column `experiment`.
        """
        from lrbench.judging.tuning import views

        shown = [view for each in self._finished() for view in views(each)]
        if len(self.experiments) == len(shown) == 1:
            return summarize(shown[0])
        from lrbench import summary

        return summary.stacked({each.name: summarize(each) for each in shown})

    def judge(self, **question: Any) -> "Answer":
        """Return what can be said of the differences, as `lrbench.judge`.

        Raises BadConfig, also for several experiments: an answer is about one setting, and schedules of different
        settings are never compared.
        """
        if len(self.experiments) > 1:
            raise BadConfig(
                f"These are {len(self.experiments)} experiments, and each has an answer of its own.",
                "Ask one after the other: [one.judge() for one in results]",
            )
        return self._answers(question)[0]

    def plot(self, kind: str = "overview", **question: Any) -> "Figure":
        """Return a picture of one experiment as a matplotlib figure, which pyplot does not know of.

        `kind` is what `lrbench plot` calls its file: overview, rates, train-loss, val-accuracy, forest, ... The
        question is that of `judge`. A notebook shows the figure, its `savefig` writes it.
        Raises BadConfig, also for several experiments.
        """
        from lrbench.show import plots

        return plots.picture(self.judge(**question), kind)

    def report(self, path: str | Path, **question: Any) -> Path:
        """Write the page of `lrbench report`, of all experiments, and return where it is.

        The question is that of `judge`. Raises BadConfig, or BadResults if it cannot be written there.
        """
        from lrbench.show import report as page

        place = Path(path)
        if place.suffix.lower() not in PAGE:
            raise BadConfig(
                f"{place} does not end in .html, and the report is a page.",
                'Write report("report.html").',
            )
        page.write(self._answers(question), place)
        return place

    def __repr__(self) -> str:
        runs = counted(sum(len(each.finished) for each in self.experiments), "run")
        damaged = f", {len(self.damage)} damaged" if self.damage else ""
        if len(self.experiments) > 1:
            return f"<Results of {len(self.experiments)} experiments, {runs}{damaged}>"
        (one,) = self.experiments
        return f"<Results of {one.name}: {counted(len(one.groups), 'schedule')}, {runs}{damaged}>"

    def __str__(self) -> str:
        from lrbench.show.headline import headline

        answers, unfinished = self._shown()
        said = [f"{each.name}: {headline(each)}" for each in answers]
        said += [f"{name}: No run finished." for name in unfinished]
        return "\n".join([*said, *(f"Damaged: {each.text}" for each in self.damage)])

    def _repr_html_(self) -> str:
        from lrbench.show.summary_html import as_html

        return as_html(*self._shown(), self.damage)

    def _shown(self) -> "tuple[list[Answer], list[str]]":
        """The answers to the question that nobody asked, and the names of experiments that have none yet."""
        finished = [each for each in self.experiments if each.finished]
        return judge_all(finished), [each.name for each in self.experiments if not each.finished]

    def _answers(self, question: dict[str, Any]) -> "list[Answer]":
        return judge_all(self._finished(), **question)

    def _finished(self) -> list[Experiment]:
        """The experiments that have runs. Raises BadResults if there is none."""
        finished = [each for each in self.experiments if each.finished]
        if not finished:
            folders = ", ".join(str(each.folder) for each in self.experiments)
            raise BadResults(f"No run has finished in {folders}.", "Train with: lrbench.compare(...)")
        return finished

    def _stacked(self, table_of: "Callable[[Experiment], pd.DataFrame]") -> "pd.DataFrame":
        """The tables of all experiments, under their names if they are several."""
        from lrbench import summary

        tables = {each.name: table_of(each) for each in self._finished()}
        return summary.stacked(tables) if len(self.experiments) > 1 else tables.popitem()[1]


def _frame(table: "Table") -> "pd.DataFrame":
    """Return a table as pandas has it: int64, float64 with nan for what is absent, and texts."""
    import pandas as pd

    numbers = {name: kind for name, kind in table.kinds.items() if kind is not str}
    return pd.DataFrame(table.rows, columns=list(table.kinds)).astype(numbers)
