"""A table for a paper: LaTeX with booktabs."""

from collections.abc import Sequence

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{character: "\\" + character for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
}


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str, bold: str | None = None) -> str:
    """Return a table environment; needs \\usepackage{booktabs}. `bold` is the first cell of the row in bold."""
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(caption)}}}",
        rf"  \begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
        r"    \toprule",
        f"    {' & '.join(escaped(heading) for heading in headings)} \\\\",
        r"    \midrule",
    ]
    for row in rows:
        shown = [escaped(cell) for cell in row]
        if bold is not None and row[0] == bold:
            shown = [rf"\textbf{{{cell}}}" if cell else "" for cell in shown]
        lines.append(f"    {' & '.join(shown)} \\\\")
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def escaped(text: str) -> str:
    """Escape what LaTeX would take for a command."""
    return "".join(SPECIAL.get(character, character) for character in text)
