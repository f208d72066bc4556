"""One page with everything: the verdict first, then what it rests on. Nothing in it is loaded from anywhere."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

import lrbench
from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Answer, after, scope_of
from lrbench.judging.statistics import mean_interval
from lrbench.outputs import check_output, write_output
from lrbench.show import looks, numbers, sentences, tables
from lrbench.show.canvas import STYLE, picture_of
from lrbench.show.charts import Cell, Chart, Curve, Row, Rows, chart, forest, matrix, rows
from lrbench.show.groups import Group, best_first, finals_window, group, used_rates
from lrbench.show.headline import headline
from lrbench.show.reproduce import command, take_home
from lrbench.show.sensitivity import NOTE, draw_sensitivity
from lrbench.show.styles import INKS
from lrbench.show.templates import template
from lrbench.show.tuning import HEADINGS, tuning_caption, tuning_rows
from lrbench.show.verdict_plots import beside, scores_label

MOST_RATES = 400  # points of a rate's curve
RUN_KEYS = ("scheduler", "seed", "ended")
MOST_PAIRED = 20  # schedules in the table of all pairs
STORIES = (1, 2, 3, 5, 10, 20, 50, 100)  # numbers of seeds whose verdicts are told, below those that there are


@dataclass(frozen=True, slots=True)
class Switch:
    """A schedule in the legend: what it looks like, and the number of its class."""

    number: int
    label: str
    colour: str
    dashes: str  # of the stroke, as SVG has them; empty for a whole line
    said: str  # how many runs stand behind it


@dataclass(frozen=True, slots=True)
class TuningPart:
    """What a search found."""

    rows: list[list[str]]
    caption: str
    picture: str  # a PNG in base64
    said: str  # of the picture
    note: str  # how to read it


@dataclass(frozen=True, slots=True)
class Story:
    """What the first so many seeds alone would have said."""

    seeds: int
    first: str  # the best mean, and its value
    headline: str
    lines: list[tuple[Verdict, str]]


@dataclass(frozen=True, slots=True)
class LooksPart:
    """The comparisons by the number of seeds."""

    picture: str  # a PNG in base64
    said: str  # of the picture
    note: str  # how to read it
    stories: list[Story]


@dataclass(frozen=True, slots=True)
class Section:
    """All that the template needs of one experiment."""

    key: str  # for ids on the page
    answer: Answer
    headline: str
    about: str  # the setting, in a line
    lines: list[tuple[Verdict, str]]
    how: str  # they came about, and for what they hold
    apart: list[str]  # what was not compared
    headings: list[str]
    rows: list[list[str]]
    caption: str
    tuning: TuningPart | None
    looks: LooksPart | None
    finals: Rows  # and their axis
    axis: str
    means: str  # what lines and bands are
    switches: list[Switch]
    charts: list[Chart]
    forest: Rows | None
    labels: list[str]
    pairs: list[list[Cell]]
    run_headings: list[str]
    runs: list[list[str]]
    facts: list[tuple[str, str]]
    command: str
    take_home: str

    @property
    def data(self) -> list[dict[str, Any]]:
        """The numbers that the script shows under the pointer."""
        keys = ("number", "label", "counts", "x", "values", "y")
        return [
            {
                "percent": each.percent,
                "by": "step" if each.key == "rate" else "epoch",
                "lines": [{key: getattr(line, key) for key in keys} for line in each.lines],
            }
            for each in self.charts
        ]


def write(
    answers: Sequence[Answer], path: Path, within: Path | None = None, *, log_rate: bool | None = None
) -> None:
    """Write the page whole; `within` as in `write_output`. Raises BadResults."""
    check_output(path)  # before it is put together
    write_output(path, render(answers, log_rate=log_rate).encode(), within)


def render(answers: Sequence[Answer], *, log_rate: bool | None = None) -> str:
    """Return the page as HTML; `log_rate` as in `plots.draw`."""
    sections = [section(f"e{i}", each, log_rate=log_rate) for i, each in enumerate(answers)]
    return template("report.html.j2").render(
        sections=sections,
        sentences=sentences,
        numbers=numbers,
        inks=INKS,
        version=lrbench.__version__,
        most_paired=MOST_PAIRED,
        tuning_headings=HEADINGS,
        parts=_parts(answers),
    )


def _parts(answers: Sequence[Answer]) -> str:
    """Return what the page calls its sections: a search is several comparisons in one experiment."""
    folders = {answer.experiment.folder if answer.experiment else None for answer in answers}
    return "comparisons" if len(folders) < len(answers) else "experiments"


def section(key: str, answer: Answer, *, log_rate: bool | None = None) -> Section:
    """Prepare one experiment, or the figures of one file, for the template."""
    groups = group(answer)
    headings, cells = tables.cells(answer)
    labels = best_first(answer)
    share = answer.scores.is_share
    several = len(labels) > 1 and any(each.n > 1 for each in answer.comparisons)
    seeds = any(each.finals.size + each.unfinished > 1 for each in groups)
    run_headings, runs = _runs(answer)
    return Section(
        key=key,
        answer=answer,
        headline=headline(answer),
        about=answer.title if answer.experiment else f"{sentences.figure_name(answer.title)} of {answer.name}",
        lines=_lines(answer),
        how=_how(answer),
        apart=tables.also_stored(answer),
        headings=headings,
        rows=cells,
        caption=tables.caption(answer),
        tuning=_tuning(answer, groups),
        looks=_looks(answer, groups),
        finals=rows(
            [_final(answer, label) for label in labels], percent=share, window=finals_window(answer.scores, 1)
        ),
        axis=scores_label(answer.scores) + (": seeds, mean, 95 % t interval" if seeds else ""),
        means="Lines are means over seeds, bands reach from the lowest to the highest seed." if seeds else "",
        switches=[_switch(number, each) for number, each in enumerate(groups)],
        charts=_charts(groups, answer, log_rate) if answer.experiment else [],
        forest=forest(answer.comparisons, percent=share, against=answer.baseline is not None),
        labels=labels,
        pairs=matrix(labels, answer.pairs) if several and len(labels) <= MOST_PAIRED else [],
        run_headings=run_headings,
        runs=runs,
        facts=_facts(answer),
        command=command(answer.experiment) if answer.experiment else "",
        take_home=take_home(answer),
    )


def _tuning(answer: Answer, groups: Sequence[Group]) -> TuningPart | None:
    """What a search found: its table, and the picture of the sensitivity as it stands in a page without files."""
    tuning = answer.experiment.tuning if answer.experiment else None
    if answer.experiment is None or tuning is None:
        return None
    measured = answer.experiment.setting.subject.find(tuning.search.figure)
    with mpl.rc_context(STYLE):
        picture = picture_of(draw_sensitivity(tuning, measured, groups), "png")
    return TuningPart(
        rows=tuning_rows(tuning),
        caption=tuning_caption(tuning),
        picture=base64.b64encode(picture).decode(),
        said=f"Final validation {measured.title} by peak rate, a curve for each schedule",
        note=f"Lines are means over the tuning seeds, bands reach from seed to seed; {NOTE}.",
    )


def _looks(answer: Answer, groups: Sequence[Group]) -> LooksPart | None:
    """The picture of the looks as it stands in a page without files, and what fewer seeds would have said."""
    compared = looks.shown(answer)
    if not compared:
        return None
    with mpl.rc_context(STYLE):
        picture = picture_of(looks.draw_looks(answer, groups), "png")
    most = max(each.n for each in compared)
    counts = [n for n in STORIES if n < most] + [most]
    return LooksPart(
        picture=base64.b64encode(picture).decode(),
        said="Difference and its interval by the number of seeds: "
        + "; ".join(sentences.sentence(each) for each in compared),
        note=looks.note(answer),
        stories=[_story(after(answer, n), n) for n in counts],
    )


def _story(answer: Answer, seeds: int) -> Story:
    best = answer.scores.ranked()[0]
    mean = answer.scores.mean(best)
    value = numbers.measure(mean, answer.scores.is_share)
    return Story(seeds=seeds, first=f"{best} ({value})", headline=headline(answer), lines=_lines(answer))


def _lines(answer: Answer) -> list[tuple[Verdict, str]]:
    """The verdicts in words; the setting in which they hold stands below them, once. None with a single seed."""
    said = sentences.verdicts(answer.comparisons, lambda _: "")
    return [] if answer.one_seed else [(verdict, line.removesuffix(" ()")) for verdict, line in said]


def _how(answer: Answer) -> str:
    """Say how the verdicts came about, and for what they hold."""
    if not answer.comparisons:
        return ""
    lower = answer.scores.lower_is_better
    how = sentences.summary_sentence(answer.baseline, answer.comparisons, lower_is_better=lower)
    scopes = {answer.scope(each) for each in answer.comparisons}
    scope = scope_of(answer.experiment) if answer.experiment and len(scopes) > 1 else scopes.pop()
    return f"{how} All of it is about {scope}."


def _final(answer: Answer, label: str) -> Row:
    """A row of the final figures: the seeds, their mean and interval, and the verdict."""
    values = answer.scores.finals(label)
    low, high = mean_interval(values)
    return (label, *beside(answer, label), (low, answer.scores.mean(label), high), list(map(float, values)))


def _switch(number: int, each: Group) -> Switch:
    done = each.finals.size
    said = f"n = {done}" if done == len(each.runs) else f"n = {done} of {len(each.runs)}"
    return Switch(number, each.label, each.colour, each.style.stroke, said)


def _charts(groups: Sequence[Group], answer: Answer, log_rate: bool | None) -> list[Chart]:
    """The panels: by epoch what was logged, and the rate by update."""
    assert answer.experiment
    subject = answer.experiment.setting.subject
    loss, compared = subject.figures[0], subject.compared
    shown = [("Validation", compared), ("Validation", loss), ("Training", loss)]
    if answer.experiment.setting.validate_on == "none":
        del shown[:2]
    horizon = answer.experiment.setting.horizon
    epochs = np.arange(1, horizon.epochs + 1, dtype=float)
    found = [
        chart(
            column,
            f"{split} {figure.title}",
            sentences.axis_label(figure),
            [
                Curve(i, each.label, epochs, each.epochs(column), decides=bool(each.finals.size))
                for i, each in enumerate(groups)
            ],
            percent=figure.is_share,
            higher=figure.better == "higher",
        )
        for split, figure, column in (
            (split, figure, f"{'val' if split == 'Validation' else 'train'}_{figure.name}")
            for split, figure in dict.fromkeys(shown)
        )
    ]
    steps = np.unique(np.linspace(0, horizon.steps - 1, MOST_RATES).astype(np.int64))
    epoch_of = steps // horizon.steps_per_epoch
    rates = [
        Curve(
            i,
            each.label,
            steps / horizon.steps_per_epoch,
            used_rates(each, steps),
            _alive(each)[epoch_of],
            each.in_sight,
        )
        for i, each in enumerate(groups)
    ]
    return [*found, chart("rate", "Learning rate", "per update", rates, rates=True, log=log_rate)]


def _alive(each: Group) -> NDArray[np.int64]:
    """How many runs of a schedule trained each epoch: int64 (epochs,)."""
    lengths = np.array([len(one.result.rows) for one in each.runs])
    return np.asarray((lengths[:, None] > np.arange(each.runs[0].setting.epochs)).sum(axis=0))


def _run_columns(answer: Answer) -> list[str]:
    """The figures in the table of runs: the test's first, then what schedules are compared by, then the loss."""
    assert answer.experiment
    subject = answer.experiment.setting.subject
    compared, loss = subject.compared.name, subject.figures[0].name
    others = [figure.name for figure in subject.figures if figure.name != compared]
    return [*(f"test_{name}" for name in (compared, *others)), f"val_{compared}", f"train_{loss}"]


def _runs(answer: Answer) -> tuple[list[str], list[list[str]]]:
    """The headings and rows of the table of runs; a dash where there is no figure."""
    if answer.experiment is None:
        figure = sentences.figure_name(answer.scores.metric)
        values = answer.scores.values
        found = [(label, seed, value) for label, its in values.items() for seed, value in sorted(its.items())]
        rows = [
            [label, str(seed), numbers.measure(math.nan if value is None else value, answer.scores.is_share)]
            for label, seed, value in found
        ]
        return ["scheduler", "seed", figure], rows
    subject, columns = answer.experiment.setting.subject, _run_columns(answer)
    rows = []
    for label, one in ((label, one) for label, runs in answer.experiment.groups.items() for one in runs):
        figures = [sentences.value(subject.find(column), one.final(column)) for column in columns]
        rate, seconds = one.final("lr"), one.result.seconds.train + one.result.seconds.evaluate
        figures += ["–" if rate is None else f"{rate:.3g}", f"{seconds:.1f}"]
        rows.append([label, str(one.seed), str(one.result.status), *figures])
    return [*RUN_KEYS, *map(tables.heading_of, columns), "final rate", "seconds"], rows


def _facts(answer: Answer) -> list[tuple[str, str]]:
    """Setting, versions, machine, code, variables and data, as they were when the runs were made."""
    if answer.experiment is None:
        return [("File", answer.name)]
    setting = answer.experiment.setting
    made = [one.environment for one in answer.experiment.finished if one.environment]
    facts = [("Setting", answer.experiment.describe()), ("Engine", setting.engine)]
    for key, name in (("versions", "Versions"), ("host", "Machine"), ("git", "Code"), ("variables", "Variables")):
        described = {
            ", ".join(f"{word} {value}" for word, value in (each.get(key) or {}).items() if value is not None)
            for each in made
        }
        facts += [(name, text) for text in sorted(described) if text]
    return [*facts, ("Data", f"sha256 {setting.subject.data_sha256}")]
