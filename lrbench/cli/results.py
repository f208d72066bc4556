"""`lrbench plot` and `lrbench summary`: look at what is stored."""

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrbench.cli.app import BROKEN, DONE, HELD, app, speak
from lrbench.errors import BadConfig, BadResults
from lrbench.show import PlotFormat, SummaryFormat, printable

if TYPE_CHECKING:
    from lrbench.judging.questions import Answer, Question
    from lrbench.plan import Experiment

Baseline = Annotated[
    str | None,
    typer.Option(metavar="LABEL", help="Compare with this schedule. [constant, else the best by validation]"),
]
Margin = Annotated[
    float | None,
    typer.Option(metavar="D", help="What counts as no difference: 0.001 is 0.1 points of accuracy."),
]
Target = Annotated[
    float | None, typer.Option(metavar="A", help="Also say when validation accuracy reached this: 0.97.")
]


@app.command()
def plot(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    format: Annotated[PlotFormat, typer.Option(help="File format of the pictures.")] = "png",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to. [plots/ in the experiment's folder]")
    ] = None,
    target: Target = None,
) -> int:
    """Draw the pictures of every experiment.

    Prints the files' names, the overview first. With several seeds, forest and all-pairs say which differences are
    real.

    \b
    lrbench plot results/
    lrbench plot results/ --format svg --out pictures
    lrbench plot results/ --target 0.97
    """
    experiments, code = _load(results)
    from lrbench.judging.targets import check_target
    from lrbench.show import plots  # matplotlib: only this command pays for it

    if target is not None:
        for experiment in experiments:
            check_target(experiment, target)  # before anything is drawn
    for experiment in experiments:
        folder = out / experiment.folder.name if out and len(experiments) > 1 else out
        for path in plots.draw(experiment, format, folder, target):
            typer.echo(printable(str(path)) if sys.stdout.isatty() else path)
    return code


@app.command()
def summary(
    results: Annotated[
        Path,
        typer.Argument(help="A results folder, one experiment's folder, or a CSV file with scheduler, seed, …"),
    ],
    baseline: Baseline = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Compare every two schedules.")] = False,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="The final figure to compare: test_accuracy, val_loss, …")
    ] = "test_accuracy",
    lower_is_better: Annotated[
        bool | None,
        typer.Option("--lower-is-better/--higher-is-better", help="Of a CSV file's figure. [by its name]"),
    ] = None,
    margin: Margin = None,
    target: Target = None,
    sort: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sort by another figure, or by scheduler.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(metavar="A<B", help="Exit with 4 if A is worse than B (A>B: better). Can be repeated."),
    ] = None,
    format: Annotated[SummaryFormat, typer.Option(help="A table to read, or clean data on stdout.")] = "table",
) -> int:
    """Show the final figures of every schedule, and which differences are real.

    The best mean comes first. Under the table stands a verdict for each schedule against the
    baseline: better, worse, equivalent (with --margin), or cannot tell, and what would settle it.

    \b
    lrbench summary results/
    lrbench summary results/ --baseline cosine --target 0.97
    lrbench summary results/ --all-pairs --format json
    lrbench summary results/ --fail-if "cosine<step"
    lrbench summary my.csv --metric accuracy --baseline sgd
    """
    from lrbench.judging.questions import Question, answer_file, holds

    _check_margin(margin)
    question = Question(
        metric=metric,
        lower_is_better=lower_is_better,
        baseline=baseline,
        every_pair=all_pairs,
        margin=margin,
        target=target,
    )
    if results.suffix.lower() == ".csv":
        answers, code = [answer_file(results, question)], DONE
    else:
        experiments, code = _load(results)
        answers = _answers(experiments, question)
    held = holds(answers, fail_if or ())
    write(answers, format, sort)
    for condition, each, comparison in held:
        from lrbench.show.sentences import sentence

        asked = "asked by itself" if comparison.family < 2 else f"asked with {comparison.family - 1} more"
        said = f"--fail-if {condition!r} holds, {asked}: {sentence(comparison, each.scope(comparison))}"
        typer.echo(printable(said), err=True)
    return HELD if held else code


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to. [report.html in the experiment's folder]"),
    ] = None,
    baseline: Baseline = None,
    margin: Margin = None,
    target: Target = None,
) -> int:
    """Write one HTML page with the verdicts, tables and curves.

    It needs no internet and loads nothing: send it to whom you like.

    \b
    lrbench report results/
    lrbench report results/ --baseline cosine -o comparison.html
    """
    from lrbench.judging.questions import Question

    _check_margin(margin)
    experiments, code = _load(results)
    answers = _answers(experiments, Question(baseline=baseline, margin=margin, target=target))
    from lrbench.show import report as page  # Jinja and matplotlib's tickers

    path = out or (experiments[0].folder if len(experiments) == 1 else results) / "report.html"
    page.write(answers, path)
    typer.echo(printable(str(path)) if sys.stdout.isatty() else path)
    return code


def _check_margin(margin: float | None) -> None:
    if margin is not None and not 0 < margin < math.inf:
        raise BadConfig(f"--margin {margin:g} is not above 0.", "For 0.1 points of accuracy: --margin 0.001")


def show(experiments: "Sequence[Experiment]", format: SummaryFormat) -> None:
    """Print the summaries of experiments on stdout, with verdicts against the default baseline."""
    from lrbench.judging.questions import Question

    write(_answers(experiments, Question()), format)


def write(answers: "Sequence[Answer]", format: SummaryFormat, sort: str | None = None) -> None:
    """Print answers on stdout."""
    from lrbench.show import tables

    tables.write(answers, format, sys.stdout, sort)


def _answers(experiments: "Sequence[Experiment]", question: "Question") -> "list[Answer]":
    """Answer a question from each experiment, knowing the others."""
    from lrbench.judging.questions import answer

    def fitting(each: "Experiment") -> "Question":
        """A baseline that only others have is no mistake: the default one takes its place."""
        own, all_ = [
            {one.run.schedule.label for e in some for one in e.finished} for some in ([each], experiments)
        ]
        elsewhere = question.baseline in all_ - own
        return replace(question, baseline=None) if elsewhere else question

    return [answer(each, fitting(each), experiments) for each in experiments]


def _load(results: Path) -> "tuple[list[Experiment], int]":
    """Read all experiments that have a finished run; say on stderr what was damaged, and return the exit code."""
    from lrbench.store import load_all

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
    finished = [experiment for experiment in experiments if experiment.finished]
    if not finished:
        raise BadResults(f"{results} holds no finished run.", f"Train some with: lrbench run -o {results}")
    return finished, BROKEN if damage else DONE
