"""`lrbench plot` and `lrbench summary`: look at what is stored."""

import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, HELD, UNDECIDED, app, speak
from lrbench.cli.places import free_place, put, tell
from lrbench.cli.taking import taking
from lrbench.errors import BadConfig, BadResults
from lrbench.foreign import STANDARD, input_name
from lrbench.options import DRAWING, QUESTION, as_options
from lrbench.outputs import signed
from lrbench.show import PAGE, PlotFormat, SummaryFormat, printable

if TYPE_CHECKING:
    from lrbench.judging.questions import Answer, Tried
    from lrbench.runs import Experiment

ENDINGS: Mapping[SummaryFormat, str] = {
    "table": "txt",
    "csv": "csv",
    "json": "json",
    "markdown": "md",
    "latex": "tex",
}
ASKED = [name for name in QUESTION if name not in ("lower_is_better", "design")]  # of stored figures it is known
Results = Annotated[
    Path,
    typer.Argument(
        help="A results folder, one experiment's folder, or a table (CSV, Parquet, JSON) with scheduler, seed, …; "
        "- is stdin."
    ),
]


@app.command()
@taking(*QUESTION, *DRAWING)
def plot(
    results: Results,
    *,
    format: Annotated[PlotFormat, typer.Option(help="File format of the pictures.")] = "png",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to. [plots/ in the experiment's folder; my.plots/ beside my.csv]"),
    ] = None,
    **question: Any,
) -> int:
    """Draw the pictures of every experiment.

    Prints the files' names, the overview first. With several seeds, forest and all-pairs say which differences are
    real.

    \b
    lrbench plot results/
    lrbench plot results/ --format svg --out pictures
    lrbench plot results/ --baseline cosine --target 0.97
    lrbench plot results/ --log-rate
    lrbench plot my.csv --metric accuracy --baseline sgd
    """
    log_rate = _rate_axis(results, question)
    answers, code = _ask(results, question)
    _say_left_out(answers)
    from lrbench.judging.budgets import budgets_of
    from lrbench.show import plots  # matplotlib: only this command pays for it
    from lrbench.show.budgets import draw_budgets

    for each in answers:
        folder = out
        if out and each.experiment and len(answers) > 1:
            several = len({one.experiment.folder for one in answers if one.experiment}) > 1
            folder = out / (each.experiment.folder.name if several else "") / each.experiment.part
        if each.experiment is None:
            folder = out or beside(results, "plots")
        for path in plots.draw(each, format, folder, log_rate=log_rate):
            tell(path)
    by_budget, left_out = budgets_of(answers)
    for budgets in by_budget:
        tell(draw_budgets(budgets, format, out or results))
    for line in left_out:
        typer.echo(printable(f"Note: not in the picture by budget: {line}"), err=True)
    return code


@app.command()
@taking(*QUESTION)
def summary(
    results: Results,
    *,
    sort: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sort by another figure, or by scheduler.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A<B",
            help="Exit with 4 if A is worse than B (A>B: better), with 5 if too few seeds can say. Repeatable.",
        ),
    ] = None,
    allow_undecided: Annotated[
        bool, typer.Option("--allow-undecided", help="With --fail-if: too few seeds are no reason to fail.")
    ] = False,
    format: Annotated[SummaryFormat, typer.Option(help="A table to read, or clean data on stdout.")] = "table",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it into a file. [stdout]")
    ] = None,
    **question: Any,
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
    lrbench summary results/ --format markdown -o table.md
    """
    from lrbench.judging.questions import tried

    free_place(out, f"summary.{ENDINGS[format]}")
    answers, code = _ask(results, question)
    tuned = [each for each in answers if each.experiment and each.experiment.tuning]
    asked = tuned or answers  # where rates were tuned, a gate is about that
    outcomes = tried(asked, fail_if or ())
    write(answers, format, sort, out)
    if format in ("csv", "latex"):  # the others say it themselves
        _say_left_out(answers)
    for each in outcomes:
        _speak_of(each)
    if any(each.holds for each in outcomes):
        return HELD
    return UNDECIDED if any(each.undecided for each in outcomes) and not allow_undecided else code


def _speak_of(tried: "Tried") -> None:
    """Say on stderr what came of a condition, unless it was tested and does not hold."""
    from lrbench.show.sentences import sentence

    if not tried.holds and not tried.undecided:
        return
    family = tried.comparison.family
    how = "asked by itself" if family < 2 else f"asked with {family - 1} more"
    what = "holds" if tried.holds else "cannot be decided"
    said = sentence(tried.comparison, tried.answer.scope(tried.comparison))
    typer.echo(printable(f"--fail-if {tried.condition!r} {what}, {how}: {said}"), err=True)


@app.command()
@taking(*QUESTION, *DRAWING)
def report(
    results: Results,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where to; - is stdout. [report.html in the experiment's folder; my.report.html beside my.csv]",
        ),
    ] = None,
    **question: Any,
) -> int:
    """Write one HTML page with the verdicts, tables and curves.

    It needs no internet and loads nothing: send it to whom you like.

    \b
    lrbench report results/
    lrbench report results/ --baseline cosine -o comparison.html
    lrbench report my.csv --metric accuracy --baseline sgd
    """
    free_place(out, "report.html")
    if out and str(out) != STANDARD and out.suffix.lower() not in PAGE:
        raise BadConfig(f"{out} does not end in .html, and the report is a page.", f"Write -o {_as_page(out)}")
    log_rate = _rate_axis(results, question)
    answers, code = _ask(results, question)
    from lrbench.show import report as page  # Jinja and matplotlib's tickers

    folders = list(dict.fromkeys(each.experiment.folder for each in answers if each.experiment))
    if folders:
        path = out or (folders[0] if len(folders) == 1 else results) / "report.html"
    else:
        path = out or beside(results, "report.html")
    free_place(path, "report.html")
    if str(path) == STANDARD:
        put(page.render(answers, log_rate=log_rate), path)
    else:
        within = folders[0] if out is None and len(folders) == 1 else None
        page.write(answers, path, within, log_rate=log_rate)
        tell(path)
    return code


def beside(table: Path, name: str) -> Path:
    """Return where a table's page or pictures go: `my.report.html` beside `my.csv`; of standard input, `name`."""
    if str(table) == STANDARD:
        return Path(name)
    return table.with_name(f"{table.name.removesuffix('.csv')}.{name}")  # two tables never share one


def _as_page(out: Path) -> Path:
    """Return the name that a page can have: another ending in the place of one of a few letters."""
    return out.with_suffix(".html") if 1 < len(out.suffix) <= 5 else out.with_name(f"{out.name}.html")


def show(
    experiments: "Sequence[Experiment]", format: SummaryFormat, question: Mapping[str, Any] | None = None
) -> "list[Answer]":
    """Print the summaries of experiments on stdout, with verdicts against the default baseline or as asked.

    Return them.
    """
    from lrbench.api import judge_all

    answers = judge_all(experiments, **(question or {}))
    write(answers, format)
    return answers


def write(
    answers: "Sequence[Answer]", format: SummaryFormat, sort: str | None = None, out: Path | None = None
) -> None:
    """Write answers on stdout, or into a file."""
    from lrbench.show import tables

    if format == "table" and (out is None or str(out) == STANDARD):
        tables.write(answers, format, sys.stdout, sort)  # it asks the terminal for its width and colours
        return
    stream = io.StringIO()
    tables.write(answers, format, stream, sort)
    text = stream.getvalue()
    is_file = out is not None and str(out) != STANDARD
    put(signed(text, f".{ENDINGS[format]}") if is_file and format not in ("csv", "json") else text, out)


def _given(question: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was not asked for: the question has its own defaults."""
    return {name: value for name, value in question.items() if value is not None}


def _rate_axis(results: Path, wishes: dict[str, Any]) -> bool | None:
    """Take the wish for the axis of rates out of what was asked. Raises BadConfig for a table, which has none."""
    from lrbench.judging.table_files import is_table

    log_rate: bool | None = wishes.pop("log_rate")
    if log_rate is not None and is_table(results):
        raise BadConfig(
            f"log_rate={log_rate} needs rates, and {input_name(results)} has none.",
            "Leave it out, or name a results folder.",
        )
    return log_rate


def _ask(results: Path, question: Mapping[str, Any]) -> "tuple[list[Answer], int]":
    """Ask a table, or every experiment of a folder that has a finished run; return answers and exit code."""
    from lrbench.api import judge_all
    from lrbench.judging.questions import Question, answer_file
    from lrbench.judging.table_files import is_table

    if is_table(results):
        return [answer_file(results, Question(**_given(question)))], DONE
    experiments, code = load_finished(results)
    return judge_all(experiments, **_given(question)), code


def _say_left_out(answers: "Sequence[Answer]") -> None:
    """Name on stderr the experiments that could not answer."""
    for each in answers:
        for text in each.left_out:
            typer.echo(printable(as_options(f"Warning: {text}")), err=True)


def _nothing_finished(results: Path, experiments: "Sequence[Experiment]") -> BadResults:
    """The error for a folder without a finished run: what there is instead, and how to go on."""
    from lrbench.store import survey

    begun = sum(survey(each.folder).unfinished for each in experiments)
    if begun:
        runs = "1 run that is" if begun == 1 else f"{begun} runs that are"
        return BadResults(
            f"{results} holds no finished run, and {runs} unfinished.",
            "The `lrbench run` that began them goes on with them when it is given again.",
        )
    return BadResults(f"{results} holds no finished run.", f"Train some with: lrbench run -o {results}")


def load_finished(results: Path) -> "tuple[list[Experiment], int]":
    """Read all experiments that have a finished run; say on stderr what was damaged, and return the exit code."""
    from lrbench.store import load_all

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
    finished = [experiment for experiment in experiments if experiment.finished]
    if not finished:
        raise _nothing_finished(results, experiments)
    return finished, BROKEN if damage else DONE
