"""The summary with its verdicts: for a terminal, for papers (Markdown, LaTeX), for programs (CSV, JSON)."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from tabulate import tabulate

from lrbench import summary
from lrbench.designs import ALPHA
from lrbench.errors import BadConfig, nearest
from lrbench.foreign import finite
from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Answer, comparison_record
from lrbench.judging.statistics import mean_interval
from lrbench.judging.targets import Reached
from lrbench.searches import Tuning
from lrbench.show import PIPE_WIDTH, SummaryFormat, latex, numbers, printable
from lrbench.show.headline import headline
from lrbench.show.labels import Label
from lrbench.show.sentences import family, figure_name, p_from, summary_sentence, target, value, verdicts
from lrbench.show.tuning import HEADINGS, tuning_caption, tuning_rows

COLOURS: dict[Verdict | None, str] = {Verdict.BETTER: "green", Verdict.WORSE: "red"}
LEAST_WIDTH = 36  # columns for the compared figure beside its schedule; a narrower terminal wraps the lines
LOST = ("diverged", "failed", "lost")  # shown only where a run was, but for diverged


def write(answers: Sequence[Answer], form: SummaryFormat, stream: TextIO, sort: str | None = None) -> None:
    """Write answers to a stream in the given format; `sort` names a figure that one has, or `scheduler`.

    Raises BadConfig for a stranger, before anything is written.
    """
    if sort:
        known = [name for answer in answers for name in summary.sorted_by(_table_of(answer))]
        if sort not in known:
            raise BadConfig(f"There is no column {sort!r} to sort by.", nearest(sort, dict.fromkeys(known)))
    WRITERS[form](answers, stream, sort)


def _write_tables(answers: Sequence[Answer], stream: TextIO, sort: str | None) -> None:
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)
    console.width = max(console.width, LEAST_WIDTH)
    boundless = console.options.update(max_width=PIPE_WIDTH * 10)  # a measure never exceeds its options' width
    for answer in answers:
        headings, rows = cells(answer, sort)
        note = caption(answer)
        left_out: list[str] = []
        table = _table(answer, headings, rows, note, console)
        for heading in _dispensable(headings, rows):  # what the terminal has no room for is named below
            if Measurement.get(console, boundless, table).minimum <= console.width:  # with its labels wrapped
                break
            i = headings.index(heading)
            left_out += [heading] if any(row[i] for row in rows) else []  # an empty column says nothing
            headings, rows = _without(i, headings), [_without(i, row) for row in rows]
            said = f"{note} Left out for want of room: {', '.join(left_out)}." if left_out else note
            table = _table(answer, headings, rows, said, console)
        console.print(table)
        if answer.experiment and answer.experiment.tuning:
            console.print(_tuning_table(answer.experiment.tuning, console))
        lines = [(line, COLOURS.get(verdict, "")) for verdict, line in _judged_lines(answer)]
        lines += [(answer.note, "")] if answer.note else []
        lines += [(f"Warning: {each}", "") for each in answer.cautions]
        for line, colour in lines:
            console.print(
                Text(printable(line), colour), soft_wrap=not stream.isatty()
            )  # in a pipe, a line is a line


def _table(answer: Answer, headings: list[str], rows: list[list[str]], note: str, console: Console) -> Table:
    """Lay a table out; labels wrap where they must."""
    table = Table(
        *[heading.replace(" ", "\n") for heading in headings],  # two lines, to fit 80 columns
        title=Text(printable(f"{answer.name}: {answer.title}")),
        title_justify="left",
        title_style="bold",
        caption=Text(note),
        caption_justify="left",
        box=box.SIMPLE_HEAD if console.encoding.startswith("utf") else box.ASCII,
    )
    for i, column in enumerate(table.columns[1:], start=1):
        column.justify = "right"
        column.no_wrap = True
        column.min_width = max(map(cell_len, [*headings[i].split(" "), *(row[i] for row in rows)]))
    for label, *figures in rows:
        table.add_row(Label(label), *[Text(cell) for cell in figures])
    return table


def _tuning_table(tuning: Tuning, console: Console) -> Table:
    """Lay out what a search found."""
    table = Table(
        *HEADINGS,
        caption=Text(tuning_caption(tuning)),
        caption_justify="left",
        box=box.SIMPLE_HEAD if console.encoding.startswith("utf") else box.ASCII,
    )
    for label, *figures in tuning_rows(tuning):
        table.add_row(Label(printable(label)), *[Text(printable(cell)) for cell in figures])
    return table


def _dispensable(headings: list[str], rows: list[list[str]]) -> list[str]:
    """Return which columns can go, the first to go first: from the right, and those that count lost runs last.

    The scheduler, n and the compared figure stay.
    """
    lost = [name for i, name in enumerate(headings) if name in LOST and any(row[i] for row in rows)]
    others = [name for name in headings[3:] if name not in lost]
    return [*reversed(others), *reversed(lost)]


def _without(i: int, row: list[str]) -> list[str]:
    return [*row[:i], *row[i + 1 :]]


def _write_csv(answers: Sequence[Answer], stream: TextIO, sort: str | None) -> None:
    tables = {each.name: _ordered(each, sort) for each in answers}
    stream.write(summary.as_csv(summary.stacked(tables)))


def _write_json(answers: Sequence[Answer], stream: TextIO, sort: str | None) -> None:
    json.dump([as_record(each, sort) for each in answers], stream, indent=2, allow_nan=False)
    stream.write("\n")


def _write_markdown(answers: Sequence[Answer], stream: TextIO, sort: str | None) -> None:
    for answer in answers:
        headings, rows = cells(answer, sort)
        marked = [[_plain(cell) for cell in row] for row in rows]
        for row in marked:
            row[:] = [f"**{cell}**" if cell and row[0] == _plain(answer.winner or "") else cell for cell in row]
        right = ("left", *["right"] * (len(headings) - 1))
        stream.write(f"### {_plain(answer.name)}\n\n{_plain(headline(answer))}\n\n{_plain(answer.title)}\n\n")
        stream.write(tabulate(marked, headings, tablefmt="pipe", colalign=right, disable_numparse=True))
        stream.write(f"\n\n{_plain(caption(answer))} {bold_note(answer)}\n\n")
        first, *lines = verdict_lines(answer) or [""]
        stream.write(f"{_plain(first)}\n\n" if first else "")
        stream.writelines(f"- {_plain(line.strip())}\n" for line in lines)
        if answer.experiment and (tuning := answer.experiment.tuning):
            rows = [[_plain(cell) for cell in row] for row in tuning_rows(tuning)]
            stream.write(f"\n{tabulate(rows, HEADINGS, tablefmt='pipe', disable_numparse=True)}\n")
            stream.write(f"\n{_plain(tuning_caption(tuning))}\n")
        stream.write(f"\n{_plain(answer.note)}\n" if answer.note else "")
        stream.writelines(f"\n*Warning*: {_plain(each)}\n" for each in answer.cautions)
        stream.write("\n")


def _write_latex(answers: Sequence[Answer], stream: TextIO, sort: str | None) -> None:
    for answer in answers:
        headings, rows = cells(answer, sort)
        text = f"{answer.title}. {n_words(answer)}. {caption(answer)} {bold_note(answer)}"
        stream.write(latex.table(headings, rows, text, bold=answer.winner))


WRITERS: dict[SummaryFormat, Callable[[Sequence[Answer], TextIO, str | None], None]] = {
    "table": _write_tables,
    "csv": _write_csv,
    "json": _write_json,
    "markdown": _write_markdown,
    "latex": _write_latex,
}


def as_record(answer: Answer, sort: str | None = None) -> dict[str, Any]:
    """Return an answer as JSON values; absent is null."""
    table = _ordered(answer, sort)
    rows = finite(table.to_dict(orient="records"))
    return {
        "experiment": answer.name,
        "setting": answer.experiment.record() if answer.experiment else None,
        "metric": answer.scores.metric,
        "lower_is_better": answer.scores.lower_is_better,
        "baseline": answer.baseline,
        "margin": answer.question.margin,
        "rows": rows,
        "comparisons": [comparison_record(answer, each) for each in answer.comparisons],
        "time_to_target": [asdict(each) for each in answer.reached],
        **(
            {"tuning": finite(asdict(tuning))}
            if (tuning := answer.experiment and answer.experiment.tuning)
            else {}
        ),
        **({"note": answer.note} if answer.note else {}),
        "warnings": list(answer.cautions),
    }


def cells(answer: Answer, sort: str | None = None) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows that people see: the compared figure first, with its interval."""
    scores = answer.scores
    table = _ordered(answer, sort)
    first = heading_of(scores.metric)
    others = {heading_of(column): column for column in _shown_columns(answer) if column != scores.metric}
    reached = {each.scheduler: each for each in answer.reached}
    headings = ["scheduler", "n", first, *others]
    headings += [f"steps to {target(answer.reached[0].figure, answer.reached[0].target)}"] if reached else []
    lost = [name for name in LOST if name in table and (name == "diverged" or table[name].any())]
    rows = []
    for row in table.to_dict(orient="records"):
        label = row["scheduler"]
        line = [label, str(row["n"]), _mean(answer, label)]
        line += [_figure(answer, column, row[f"{column}_mean"]) for column in others.values()]
        line += [steps_to_target(reached[label])] if reached else []
        rows.append(line + [str(row[name] or "") for name in lost])
    return [*headings, *lost], rows


def _ordered(answer: Answer, sort: str | None) -> Any:
    """The summary's rows, the best mean of the compared figure first, or sorted by another that is there."""
    table = _table_of(answer)
    by = sort if sort in summary.sorted_by(table) else None
    subject = answer.experiment.setting.subject if answer.experiment else None
    rows = summary.sort(table, by or "", answer.scores, subject)
    if by:
        return rows
    return rows.sort_values(
        "scheduler", key=lambda labels: labels.isin(answer.apart), kind="stable", ignore_index=True
    )


def _table_of(answer: Answer) -> Any:
    """A row per schedule, in any order."""
    if answer.experiment is None:
        return summary.summarize_scores(answer.scores)
    return summary.summarize(answer.experiment)


def _shown_columns(answer: Answer) -> list[str]:
    """The figures of the table that people see, after the scheduler and n."""
    if answer.experiment is None:
        return [answer.scores.metric]
    subject = answer.experiment.setting.subject
    compared = subject.compared.name
    others = [f"test_{figure.name}" for figure in subject.figures if figure.name != compared]
    return [f"test_{compared}", f"val_{compared}", *others, "final_rate"]


def heading_of(column: str) -> str:
    """Return what stands above a figure: `validation accuracy`."""
    return re.sub("^val ", "validation ", figure_name(column))


def _mean(answer: Answer, label: str) -> str:
    """A mean with half of its interval, from two runs on."""
    finals = answer.scores.finals(label)
    low, high = mean_interval(finals)
    return numbers.with_spread(answer.scores.mean(label), (high - low) / 2, finals.size, answer.scores.is_share)


def _figure(answer: Answer, column: str, mean: float) -> str:
    if column == "final_rate":
        return "–" if math.isnan(mean) else f"{mean:.3g}"
    assert answer.experiment is not None
    return value(answer.experiment.setting.subject.find(column), mean)


def steps_to_target(each: Reached) -> str:
    """Say how many runs reached the target, and the median step if at least half did."""
    median = "–" if each.median_step is None else f"{each.median_step:,.0f}"
    return f"{median} ({each.reached} of {each.n})"


def verdict_lines(answer: Answer) -> list[str]:
    """Return a line on how the verdicts came about, and one for each comparison."""
    return [line for _, line in _judged_lines(answer)]


def _judged_lines(answer: Answer) -> list[tuple[Verdict | None, str]]:
    """As `verdict_lines`; also what each comparison's verdict is."""
    if not answer.comparisons or answer.one_seed:
        return []
    how = summary_sentence(answer.baseline, answer.comparisons, lower_is_better=answer.scores.lower_is_better)
    said = [(verdict, f"  {line}") for verdict, line in verdicts(answer.comparisons, answer.scope)]
    return [(None, how), *said, *((None, line) for line in also_stored(answer))]


def also_stored(answer: Answer) -> list[str]:
    """Name the schedules that stand apart."""
    return [f"Also stored, with 1 seed: {', '.join(answer.apart)}."] if answer.apart else []


def n_words(answer: Answer) -> str:
    """Say how many runs stand behind the means: `n = 10`, `n = 8 to 10`."""
    counts = {answer.scores.finals(label).size for label in answer.scores.values}
    low, high = min(counts), max(counts)
    return f"n = {low}" if low == high else f"n = {low} to {high}"


def caption(answer: Answer) -> str:
    """Say what n and ± are."""
    if answer.one_seed:
        said = "n = finished runs. One seed: a difference may be noise; train more seeds, for example 10."
    else:
        said = "n = finished runs; ± is the 95 % t interval of the mean over them."
    if answer.experiment and answer.experiment.setting.validate_on == "test":
        said += " The validation figures are those of the TEST SET: nothing may be chosen by them."
    return said


def bold_note(answer: Answer) -> str:
    """Say what bold means, or that nothing is bold."""
    if not answer.comparisons or answer.one_seed:
        return "Nothing was compared, so none is bold."
    test = f"{p_from(answer.comparisons)}, {family(answer.comparisons)}, {100 * ALPHA:g} %"
    if answer.winner is None:
        return f"No schedule is better than all others ({test}), so none is bold."
    return f"Bold: better than every other schedule ({test})."


def _plain(text: str) -> str:
    """Escape what Markdown and HTML would take for markup."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return text
