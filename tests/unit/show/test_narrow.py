"""Labels and numbers in narrow columns."""

import io
import math
import re

import numpy as np
import pytest
from conftest import asked, fake_experiment
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from test_sight import HUGE, strayed

from lrbench.judging.questions import Answer
from lrbench.runs import Figure as Measured
from lrbench.show import numbers, preview, sentences, tables
from lrbench.show.labels import longest_piece, wrapped
from lrbench.show.standing import Row
from lrbench.show.summary_html import as_html

LONG = "cyclical(half=2 epochs, floor=0.001, shape=sine, decay=half, warmup=1 epoch)"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text(max_size=60), st.integers(2, 40))
def test_lines_are_no_longer_than_they_may_be_and_nothing_is_lost(label: str, width: int) -> None:
    lines = wrapped(label, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(label.split())


@pytest.mark.parametrize(
    ("label", "width", "lines"),
    [
        ("exponential(lr=0.316)", 12, ["exponential(", "lr=0.316)"]),
        ("exponential(lr=0.316)", 20, ["exponential(", "lr=0.316)"]),
        ("exponential(lr=0.316)", 21, ["exponential(lr=0.316)"]),
        ("step(every=5 epochs, gamma=0.1)", 20, ["step(every=5 epochs,", "gamma=0.1)"]),
        ("a long label of mine", 10, ["a long", "label of", "mine"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
    ],
)
def test_a_label_breaks_between_its_words_and_parameters(label: str, width: int, lines: list[str]) -> None:
    assert wrapped(label, width) == lines


def whole_pieces(text: str, label: str) -> bool:
    """Whether every word and number of a label stands unbroken in a table's lines."""
    return all(re.search(rf"(?<![\w.]){re.escape(word)}(?![\w.])", text) for word in re.findall(r"[\w.]+", label))


@pytest.mark.parametrize("columns", [60, 70, 80])
@pytest.mark.parametrize("terminal", [True, False])
def test_no_label_breaks_inside_a_word_in_a_narrow_terminal(
    columns: int, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    labels = ["exponential(lr=0.316)", "plateau(lr=0.421)", LONG.replace("(", "(lr=0.25, ")]
    found = asked(fake_experiment(schedulers=",".join(labels), seeds=3))
    stream = Terminal() if terminal else io.StringIO()
    tables.write([found], "table", stream)
    rates = {name: np.linspace(1, 0, 20) for name in labels}
    previewed = Terminal() if terminal else io.StringIO()
    preview.write_terminal(rates, [], previewed, x_label="step", x_end=20)
    for text in (stream.getvalue().split("Against")[0].split("n = finished")[0], previewed.getvalue()):
        plain = re.sub(r"\x1b\[[\d;]*m", "", text)
        assert all(whole_pieces(plain, label) for label in labels), plain
        if terminal:
            assert [line for line in plain.splitlines() if cell_len(line.rstrip()) > columns] == []


def test_pieces_are_what_lies_between_two_breaks() -> None:
    assert longest_piece("exponential(lr=0.316)") == len("exponential(")
    assert longest_piece(LONG) == len("floor=0.001,")
    assert longest_piece("") == 0


# ---- numbers


@given(st.floats(-1e300, 1e300))
def test_a_number_of_any_size_is_short_and_has_three_digits_or_more(value: float) -> None:
    text = numbers.short(value)
    assert len(text.lstrip("-")) <= 10
    assert float(text) == pytest.approx(value, rel=5e-2, abs=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0704, "0.0704"),
        (0.0, "0.0000"),
        (HUGE, "5.034e+16"),
        (2.289e25, "2.289e+25"),
        (-123456.0, "-1.235e+05"),
        (0.000412, "0.000412"),
        (4.12e-5, "4.12e-05"),
        (12345.678, "12345.6780"),
        (math.nan, "–"),
        (math.inf, "inf"),
    ],
)
def test_a_number_reads_the_same_everywhere(value: float, text: str) -> None:
    loss = Measured("loss", "nats", "lower")
    assert numbers.short(value) == sentences.value(loss, value) == text
    assert Row("a", 1, 0, value, math.nan, is_share=False).cells[2] == text
    assert numbers.with_spread(value, math.nan, 1, False) == text


@pytest.fixture(scope="module")
def wild() -> Answer:
    made = fake_experiment(schedulers="constant,cosine,wild=constant(lr=9)", seeds=5)
    return asked(strayed(made, "wild"))


def test_a_huge_loss_fits_every_table(wild: Answer) -> None:
    for form in ("table", "markdown", "latex"):
        stream = io.StringIO()
        tables.write([wild], form, stream)
        assert "5.034e+16" in stream.getvalue(), form
        assert not re.search(r"\d{9}", stream.getvalue().split("sha256")[0]), form
    page = as_html([wild], [], [])
    assert "5.034e+16" in page
    assert not re.search(r"\d{9}", page)


def test_at_80_columns_a_huge_loss_costs_no_column(wild: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    tables.write([wild], "table", stream)
    assert "Left out" not in stream.getvalue()
