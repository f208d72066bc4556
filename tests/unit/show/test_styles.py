"""One schedule, one colour: whatever else is shown, whatever its peak rate, in every kind of picture."""

import matplotlib as mpl
import numpy as np
import pytest
from conftest import ROOT, asked, fake_experiment
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pictures import Pictures
from rich.text import Text

from lrbench.judging.questions import Question, answer
from lrbench.judging.tuning import views
from lrbench.schedules import REGISTRY
from lrbench.show import canvas, curve_plot, preview, report
from lrbench.show.styles import COLOURS, FIXED, INKS, styles, without_rate
from lrbench.store import load

LABELS = st.one_of(
    st.sampled_from(
        [*REGISTRY, "cosine(lr=0.316)", "cosine(lr=0.1)", "step(lr=0.1, every=5 epochs)", "mine", "日本"]
    ),
    st.text(max_size=12),
)


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("cosine(lr=0.316)", "cosine"),
        ("step(lr=0.1, every=5 epochs)", "step(every=5 epochs)"),
        ("step(every=5 epochs, lr = 0.1)", "step(every=5 epochs)"),
        ("mine (lr=0.1)", "mine"),
        ("join(step(every=1 epoch, lr=0.2); cosine, at=50%)", "join(step(every=1 epoch, lr=0.2); cosine, at=50%)"),
        ("cosine", "cosine"),
        ("my (old) one", "my (old) one"),
        ("a(b", "a(b"),
    ],
)
def test_a_peak_rate_is_no_part_of_what_a_schedule_looks_like(label: str, plain: str) -> None:
    assert without_rate(label) == plain


@given(LABELS, st.lists(LABELS, max_size=12), st.lists(LABELS, max_size=12))
def test_a_colour_depends_on_the_schedule_alone(label: str, some: list[str], others: list[str]) -> None:
    """But for another peak rate of the same schedule: then the rate is what tells them apart."""
    some, others = (
        [each for each in company if without_rate(each) != without_rate(label)] for company in (some, others)
    )
    assert styles([*some, label])[label].colour == styles([label, *others])[label].colour


@given(st.lists(LABELS, unique=True, max_size=40))
def test_no_two_look_alike(labels: list[str]) -> None:
    found = styles(labels)
    assert set(found) == set(labels)
    assert len({(each.ink, each.pattern) for each in found.values()}) == len(labels)
    for ink in range(len(COLOURS)):
        same = [each for each in found.values() if each.ink == ink]
        assert len({each.marker for each in same}) == min(len(same), 11)
        if len(same) <= 7:
            assert len({str(each.dashes) for each in same}) == len(same)


def test_every_curve_has_a_style_and_the_default_ones_a_colour_each() -> None:
    assert set(FIXED) == set(REGISTRY), "give a new curve a line in FIXED of lrbench/show/styles.py"
    found = styles(REGISTRY)
    assert {name: (each.ink, each.pattern) for name, each in found.items()} == FIXED, "none of them clash"
    assert (
        len({found[each].colour for each in ("constant", "step", "exponential", "cosine", "cyclical", "plateau")})
        == 6
    )


def test_several_rates_of_one_schedule_can_be_told_apart() -> None:
    rates = [f"constant(lr={rate})" for rate in (0.01, 0.03, 0.1)]
    assert len({each.colour for each in styles(rates).values()}) > 1


def colours_of(figure: Figure) -> dict[str, object]:
    lines = [line for line in figure.axes[0].lines if not str(line.get_label()).startswith("_")]
    return {without_rate(str(line.get_label()).replace("\n", " ")): line.get_color() for line in lines}


@pytest.mark.slow
def test_a_schedule_has_one_colour_in_every_picture_and_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = [*views(load(ROOT / "results" / "tuned")), load(ROOT / "results" / "reference")]
    expected = {
        name: styles([name])[name].colour for name in ("constant", "cosine", "step", "exponential", "cyclical")
    }
    assert len(parts) == 3
    for found in (answer(part, Question()) for part in parts):
        pictures = Pictures(found)
        for name in ("rates", "val-loss", *(["sensitivity"] if "sensitivity" in pictures else [])):
            drawn = colours_of(pictures[name])
            assert {label: drawn[label] for label in expected} == expected, name
        switches = {without_rate(each.label): each.colour for each in report.section("e0", found).switches}
        assert {label: switches[label] for label in expected} == expected
    kept: list[Figure] = []
    monkeypatch.setattr(curve_plot, "picture_of", lambda figure, form: kept.append(figure) or b"")
    names = ["cosine", "step", "constant(lr=0.3)"]
    tables = {name: np.linspace(1, 0, 9) for name in names}
    curve_plot.draw_curves(tables, "png", title="", x_label="", x_end=9)
    assert colours_of(kept[0]) == {name: expected[name] for name in ("cosine", "step", "constant")}


@pytest.mark.parametrize("names", [["cosine", "step"], ["constant", "linear", "cosine"]])
def test_the_terminal_has_the_same_colours(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is handed to the terminal's libraries; what it knows of 256 colours is its own."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    tables = {name: np.linspace(1 - i / 4, 0, 50) for i, name in enumerate(names)}
    marks = dict.fromkeys(names, "•")
    curves = preview._figure(tables, marks, True, 80, "step", 50)
    cells = preview._listing(tables, marks, True, ()).columns[0].cells
    for name, cell in zip(names, cells, strict=True):
        code = styles([name])[name].terminal
        assert f"[38;5;{code}m" in curves
        assert isinstance(cell, Text)
        assert cell.style == f"color({code})"
    assert not {ink.terminal for ink in INKS} & {1, 2, 9, 10}, "red and green are for verdicts"


def test_a_figure_of_elsewhere_has_the_colours_of_its_names() -> None:
    experiment = fake_experiment(schedulers="cosine,sgd=step")
    with mpl.rc_context(canvas.STYLE):
        drawn = colours_of(Pictures(asked(experiment))["val-loss"])
    assert drawn == {name: styles([name])[name].colour for name in ("cosine", "sgd")}
