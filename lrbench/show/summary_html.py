"""The summary as a piece of a page, for notebooks: it takes its colours from what is around it, white or dark."""

from collections.abc import Sequence

from lrbench.judging.questions import Answer
from lrbench.runs import Damage
from lrbench.show import tables
from lrbench.show.headline import headline
from lrbench.show.templates import template


def as_html(answers: Sequence[Answer], unfinished: Sequence[str], damage: Sequence[Damage]) -> str:
    """Return answers as a piece of HTML: what came out, the verdicts, the table, the warnings.

    `unfinished` are the names of experiments without a finished run.
    """
    sections = []
    for each in answers:
        headings, rows = tables.cells(each)
        sections.append((each, headline(each), tables.verdict_lines(each), headings, rows, tables.caption(each)))
    return template("results.html.j2").render(
        sections=sections, unfinished=unfinished, damage=damage, several=len(sections) + len(unfinished) > 1
    )
