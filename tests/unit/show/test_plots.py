"""The pictures, compared by their data: axes, lines, labels."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from conftest import ROOT, asked, fake_experiment, fake_run
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from pictures import Pictures

from lrbench.errors import BadResults
from lrbench.judging.comparisons import Verdict
from lrbench.runs import Experiment
from lrbench.runs import Figure as Measured
from lrbench.schedules import parse
from lrbench.show import PlotFormat, canvas, plots, report
from lrbench.show.groups import BEYOND, group, used_rates
from lrbench.show.styles import COLOURS, INKS
from lrbench.show.verdict_plots import VERDICT_COLOURS
from lrbench.store import load

NAMES = ["overview", "rates", "train-loss", "val-loss", "val-accuracy", "test-accuracy"]


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return fake_experiment(schedulers="constant,step,cosine,plateau(patience=1 epoch)", seeds=3, epochs=6)


@pytest.fixture(scope="module")
def pictures(experiment: Experiment) -> Pictures:
    return Pictures(asked(experiment))


@pytest.mark.slow
@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_picture_is_written_in_every_format(tmp_path: Path, form: PlotFormat, magic: bytes) -> None:
    stored = fake_run(tmp_path, seeds=2, schedulers="step,cosine").experiment
    paths = plots.draw(asked(stored), form)
    assert [path.name for path in paths] == [f"{name}.{form}" for name in [*NAMES, "forest", "all-pairs"]]
    assert all(path.parent == stored.folder / "plots" for path in paths)
    assert all(path.read_bytes().startswith(magic) for path in paths)


@pytest.mark.slow
def test_svg_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    stored = fake_run(tmp_path, schedulers="step").experiment
    one, two = plots.draw(asked(stored), "svg", tmp_path / "a"), plots.draw(asked(stored), "svg", tmp_path / "b")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_rates_are_the_schedules_tables(experiment: Experiment, pictures: Pictures) -> None:
    (axes,) = pictures["rates"].axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert set(lines) == {"constant", "step", "cosine", "plateau(patience=1\nepoch)"}
    for name in ("constant", "step", "cosine"):
        x, y = lines[name].get_data()
        table = parse(name).table(experiment.setting.horizon)
        assert np.asarray(y) == pytest.approx(table[np.asarray(x)], abs=1e-3 * table.max())
    assert (axes.get_yscale(), axes.get_ylabel()) == ("linear", "learning rate")


@pytest.mark.parametrize(
    ("schedulers", "scale"),
    [
        ("constant,exponential(gamma=0.1)", "linear"),  # it falls by decades, and is seen to fall
        ("constant,low=constant(lr=0.02)", "linear"),
        ("constant,low=constant(lr=0.01)", "log"),  # a tenth: it would lie on the axis
        ("constant,none=constant(lr=1e-30),low=cosine(lr=0.001)", "log"),
    ],
)
def test_rates_are_linear_unless_that_lays_a_whole_curve_flat(schedulers: str, scale: str) -> None:
    found = asked(fake_experiment(schedulers=schedulers, seeds=2))
    pictures = Pictures(found)
    (axes,) = pictures["rates"].axes
    assert axes.get_yscale() == scale
    assert axes.get_ylabel() == ("learning rate, log scale" if scale == "log" else "learning rate")
    (*_, chart) = report.section("e0", found).charts
    assert (chart.key, chart.kind) == ("rate", scale)
    (axes,) = pictures["train-loss"].axes
    assert axes.get_ylabel().endswith(", log scale") == (axes.get_yscale() == "log")


@pytest.mark.slow
@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize(
    "schedulers",
    ["constant", "constant,low=constant(lr=0.01)", "exponential(gamma=0.001),off=piecewise(at=50%, rates=0.1;0)"],
)
def test_an_axis_of_rates_is_what_was_asked_for(schedulers: str, log: bool) -> None:
    found = asked(fake_experiment(schedulers=schedulers, seeds=2))
    pictures = Pictures(found, log_rate=log)
    for axes in (pictures["rates"].axes[0], pictures["overview"].axes[0]):
        assert axes.get_yscale() == ("log" if log else "linear")
        assert axes.get_ylabel() == ("learning rate, log scale" if log else "learning rate")
        low, high = axes.get_ylim()
        assert 0.1 < high < 2, "there is some air above the peak, and not much"
        assert low < 0.1 * (1 if schedulers == "constant" else 0.1)
    (*_, chart) = report.section("e0", found, log_rate=log).charts
    assert (chart.key, chart.kind, bool(chart.scale_words)) == ("rate", "log" if log else "linear", log)
    assert ("per update, log scale" in report.render([found], log_rate=log)) == log


def test_the_axis_that_was_asked_for_is_that_of_every_panel() -> None:
    found = asked(fake_experiment(schedulers=",".join(f"r{i}=constant(lr=0.0{i})" for i in range(1, 9))))
    figure = Pictures(found, log_rate=True)["small-multiples-rates"]
    assert {axes.get_yscale() for axes in figure.axes[:8]} == {"log"}
    assert figure.get_supylabel() == "learning rate, log scale"


def test_rates_that_are_nothing_have_no_logarithm() -> None:
    found = asked(fake_experiment(schedulers="off=piecewise(at=50%, rates=0;0)"))
    pictures = Pictures(found, log_rate=True)
    assert list(pictures.values()), "every other one can be drawn, too"
    (axes,) = pictures["rates"].axes
    assert (axes.get_yscale(), axes.get_ylabel()) == ("linear", "learning rate")
    (*_, chart) = report.section("e0", found, log_rate=True).charts
    assert chart.kind == "linear"


def test_who_diverged_at_a_high_rate_leaves_at_the_border_and_is_named() -> None:
    alone = asked(fake_experiment(schedulers="constant,cosine", seeds=2))
    found = asked(fake_experiment(schedulers="constant,cosine,hot=constant(lr=1000)", seeds=2))
    (axes,), (other,) = [Pictures(each)["rates"].axes for each in (found, alone)]
    top = axes.get_ylim()[1]
    assert axes.get_yscale() == other.get_yscale() == "linear"
    assert 0.1 < top < 0.13
    (hot,) = [line for line in axes.lines if str(line.get_label()).startswith("hot")]
    assert min(np.asarray(hot.get_ydata())) > top
    (mark,) = [line for line in axes.lines if line.get_label() == BEYOND]
    assert (mark.get_marker(), mark.get_color(), list(mark.get_ydata())) == ("^", hot.get_color(), [1.0])
    assert [text.get_text() for text in axes.texts] == ["above: hot (1000)"]
    assert not other.texts
    charts = {each.key: each for each in report.section("e0", found).charts}
    plain = {each.key: each for each in report.section("e0", alone).charts}
    assert (charts["rate"].beyond, charts["rate"].leaves_below) == (["hot (1000)"], False)
    assert charts["rate"].y_ticks == plain["rate"].y_ticks
    (line,) = [line for line in charts["rate"].lines if line.label == "hot"]
    assert (set(line.y), len(line.marks)) == ({0.0}, 1)
    assert "above: hot (1000)" in report.render([found])


def test_where_nobody_finished_everybody_decides() -> None:
    found = asked(fake_experiment(schedulers="hot=constant(lr=1000),warm=constant(lr=900)", seeds=2))
    pictures = Pictures(found)
    assert list(pictures.values()), "every other one can be drawn, too"
    (axes,) = pictures["rates"].axes
    assert axes.get_ylim()[1] > 1000
    assert not axes.texts


def test_a_feedback_schedule_shows_the_rates_that_were_used() -> None:
    experiment = fake_experiment(schedulers="plateau(patience=1 epoch, min_delta=1)", epochs=4, train_size=64)
    (each,) = group(asked(experiment))
    assert used_rates(each, np.arange(8))[0] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


@pytest.mark.parametrize(
    ("name", "field", "scale"),
    [("train-loss", "train_loss", 1), ("val-loss", "val_loss", 1), ("val-accuracy", "val_accuracy", 100)],
)
def test_lines_are_means_and_bands_reach_from_lowest_to_highest(
    experiment: Experiment, pictures: Pictures, name: str, field: str, scale: float
) -> None:
    (axes,) = pictures[name].axes
    (line,) = [line for line in axes.lines if line.get_label() == "step"]
    values = scale * np.array([one.column(field) for one in experiment.finished if one.schedule.words == "step"])
    assert np.asarray(line.get_xdata()).tolist() == [1, 2, 3, 4, 5, 6]
    assert np.asarray(line.get_ydata()) == pytest.approx(values.mean(axis=0))
    band = axes.collections[[str(line.get_label()) for line in axes.lines].index("step")]
    corners = band.get_paths()[0].vertices
    assert np.asarray(corners)[:, 1].min() == pytest.approx(values.min())
    assert np.asarray(corners)[:, 1].max() == pytest.approx(values.max())


def test_every_seed_is_a_dot_and_the_best_stands_on_top(experiment: Experiment, pictures: Pictures) -> None:
    (axes,) = pictures["test-accuracy"].axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    drawn = sorted(float(x) for line in dots for x in np.asarray(line.get_xdata()))
    assert drawn == pytest.approx(sorted(100 * (one.final("test_accuracy") or 0) for one in experiment.finished))
    means = [np.mean(np.asarray(line.get_xdata())) for line in dots]
    assert means == sorted(means)


def test_one_colour_dash_and_marker_per_schedule_in_all_pictures(pictures: Pictures) -> None:
    looks: dict[str, set[object]] = {}
    for name in ("rates", "train-loss", "val-loss", "val-accuracy"):
        for line in pictures[name].axes[0].lines:
            looks.setdefault(str(line.get_label()), set()).add(line.get_color())
    assert len(looks) == 4
    assert all(len(colours) == 1 for colours in looks.values())
    assert len(set.union(*looks.values())) == 4


def test_twenty_schedules_can_all_be_called() -> None:
    twenty = fake_experiment(schedulers=",".join(f"s{i}=constant(lr={i / 100})" for i in range(1, 21)), epochs=1)
    groups = group(asked(twenty))
    assert len({(each.colour, str(each.dashes)) for each in groups}) == 20
    assert len({(each.colour, each.marker) for each in groups}) == 20


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    return float(np.dot((0.2126, 0.7152, 0.0722), linear(colour)))


def linear(colour: str) -> np.ndarray:
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_has_the_contrast_that_lines_need() -> None:
    assert min(contrast(each, "#ffffff") for each in COLOURS) >= 3
    assert min(contrast(ink.dark, "#161616") for ink in INKS) >= 3


DICHROMATS = {  # Machado, Oliveira and Fernandes 2009, severity 1, of linear RGB
    "none": np.eye(3),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


@pytest.mark.parametrize("kind", DICHROMATS)
def test_every_two_colours_can_be_told_apart_with_any_colour_vision(kind: str) -> None:
    """In CIELAB, where 2 can just be seen side by side; Okabe & Ito's own seven come down to 16.

    Nor is any taken for a verdict's colour.
    """

    def lab(colour: str) -> np.ndarray:
        rgb = np.clip(np.array(DICHROMATS[kind]) @ linear(colour), 0, 1)
        xyz = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))) @ rgb
        t = xyz / np.array((0.9505, 1.0, 1.089))
        f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
        return np.array((116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])))

    verdicts = {VERDICT_COLOURS[each] for each in (Verdict.BETTER, Verdict.WORSE)}
    pairs = [*itertools.combinations(COLOURS, 2), *itertools.product(COLOURS, verdicts)]
    assert min(np.linalg.norm(lab(a) - lab(b)) for a, b in pairs) > 20


def test_the_first_colours_differ_in_greyscale_from_white_and_mostly_from_each_other() -> None:
    grey = sorted(float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114))) for colour in COLOURS)
    assert grey[-1] < 0.75
    assert grey[0] == 0
    assert len({round(each, 2) for each in grey}) > 6


@pytest.mark.parametrize("others", ["cosine", "cosine,mine=step,plateau", "rex,a=cosine,cosine,constant,linear"])
def test_a_schedule_has_the_same_colour_whatever_else_is_shown(others: str) -> None:
    all_six = {each.label: each for each in group(asked(fake_experiment()))}
    here = {each.label: each for each in group(asked(fake_experiment(schedulers=others)))}
    assert {here[label].colour == all_six[label].colour for label in set(here) & set(all_six)} == {True}
    assert here["cosine"].colour == all_six["cosine"].colour
    assert len({(each.colour, str(each.dashes)) for each in here.values()}) == len(here)
    assert len({(each.colour, each.marker) for each in here.values()}) == len(here)


def test_every_epoch_is_inside_and_the_ends_can_be_told_apart() -> None:
    """On a share's axis; where its ends are close to each other and to 100 %, they still have room."""
    found = asked(load(ROOT / "results" / "reference"))
    pictures = Pictures(found)
    pictures["val-accuracy"].draw_without_rendering()
    (axes,) = pictures["val-accuracy"].axes
    assert axes.get_ylabel() == "% of examples, log scale towards 100"
    low, high = axes.get_ylim()
    values = [100 * each.epochs("val_accuracy") for each in group(found)]
    assert low < min(table.min() for table in values) < max(table.max() for table in values) < high < 100
    ends = axes.transAxes.inverted().transform(
        axes.transData.transform([(15, table[:, -1].mean()) for table in values])
    )
    assert np.ptp(ends[:, 1]) > 0.15, "exponential's end is a point below the others'"
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert len(ticks) > 4
    chart = report.section("e0", found).charts[0]
    assert all(0 <= y <= 240 for line in chart.lines for y in line.y)
    assert chart.scale_words == ", log scale towards 100"


@pytest.mark.parametrize(
    ("values", "least"),
    [([99.0, 98.0], None), ([100.0, 100.0], None), ([98.0, 90.0], 2.0), ([100.0, 99.0, 98.0], 0.5)],
)
def test_a_share_s_axis_is_linear_where_all_is_close(values: list[float], least: float | None) -> None:
    assert canvas.least_rest(np.array(values)) == least


@given(st.floats(0, 99.9), st.floats(0.001, 50))
def test_the_axis_of_a_share_goes_there_and_back(value: float, least: float) -> None:
    forward, back = canvas.rest_scale(least)
    there = forward(np.array([value, value - 1]))
    assert there[0] >= there[1]
    assert back(there)[1] == pytest.approx(min(value - 1, 100 - least / 2))


def test_a_share_that_is_to_be_low_is_logarithmic_in_itself() -> None:
    figure = Figure()
    axes = figure.subplots()
    canvas.scale_y(axes, [np.array([[50.0, 1.0]])], Measured("error", "", "lower", is_share=True))
    assert axes.get_yscale() == "log"
    axes = figure.subplots()
    canvas.scale_y(axes, [np.array([[-50.0, 100.0]])], Measured("reward", "", "higher"))
    assert axes.get_yscale() == "linear"


@pytest.mark.parametrize(
    ("figure", "unit", "there"),
    [
        (Measured("mean_error", "m", "lower"), "m per example", "worse"),
        (Measured("misses", "", "lower", is_share=True), "% of examples", "worse"),
        (Measured("reward", "", "higher"), "reward", "better"),
    ],
)
def test_what_is_said_of_a_figure_comes_from_the_figure(figure: Measured, unit: str, there: str) -> None:
    """The fake engine's second figure under another name: nothing calls it what it is called elsewhere."""
    made = fake_experiment(schedulers="constant,step,cosine", seeds=8, epochs=6)
    subject = replace(made.setting.subject, figures=(made.setting.subject.figures[0], figure))
    setting = replace(made.setting, subject=subject)
    finished = tuple(replace(one, setting=setting) for one in made.finished)
    found = asked(replace(made, setting=setting, finished=finished), target=0.3)
    pictures = Pictures(found)
    for name, picture in pictures.items():
        assert "accuracy" not in " ".join(text.get_text() for text in picture.findobj(Text)), name
    name = figure.name.replace("_", "-")
    assert pictures[f"val-{name}"].axes[0].get_ylabel() == unit
    assert pictures[f"val-{name}"].axes[0].get_title() == f"Validation {figure.title}"
    assert pictures["forest"].axes[0].get_xlabel().endswith(f"to the right is {there}")
    page = re.sub(r"<(script|style).*?</\1>", "", report.render([found]), flags=re.DOTALL)
    assert "accuracy" not in page
    assert f"right of 0 is {there}" in page


def test_no_two_labels_are_cut_alike() -> None:
    long = "cyclical(half=2 epochs, floor=0.001, shape={}, decay=half, warmup={} epochs)"
    labels = [long.format(shape, n) for shape in ("sine", "triangle") for n in (1, 2)]
    labels += [
        "constant",
        f"{'x' * 90}1",
        f"{'x' * 90}2",
        "a_rather_long_label_indeed_1",
        "a_rather_long_label_indeed_2",
    ]
    for lines in (1, 2, 3):
        cuts = canvas.fitted(labels, lines)
        assert len(set(cuts)) == len(labels), cuts
        assert all(cut.count("\n") < lines for cut in cuts)
        assert all(cut.strip()[0] == label[0] for cut, label in zip(cuts, labels, strict=True))
    assert cuts[4] == "constant"


@pytest.mark.parametrize(("entries", "most", "columns"), [(6, 5, 3), (17, 3, 3), (7, 5, 4), (2, 6, 2), (1, 4, 1)])
def test_no_row_of_a_legend_has_a_single_entry(entries: int, most: int, columns: int) -> None:
    assert canvas.columns_of(entries, most) == columns


def test_titles_name_the_setting_and_n(experiment: Experiment, pictures: Pictures) -> None:
    for name in NAMES:
        title = pictures[name].get_suptitle()
        assert experiment.describe() in title.replace("\n", " ")
        assert "n = 3 finished runs" in title


def test_unequal_n_and_diverged_runs_are_said() -> None:
    experiment = fake_experiment(schedulers="step,hot=constant(lr=11)", seeds=2)
    cut = Experiment(
        name="x", folder=Path("x"), setting=experiment.setting, finished=experiment.finished[1:], damage=()
    )
    pictures = Pictures(asked(cut))
    assert list(pictures.values()), "every one can be drawn"
    assert "n = 0 to 1 finished run" in pictures["train-loss"].get_suptitle()
    labels = [str(text.get_text()) for text in pictures["val-accuracy"].legends[0].get_texts()]
    assert "hot (2 diverged of 2)" in labels


def test_without_validation_there_are_no_validation_pictures() -> None:
    names = list(plots.figures(asked(fake_experiment(schedulers="step", val_size=0))))
    assert names == ["overview", "rates", "train-loss", "test-accuracy"]


def test_validating_on_the_test_set_stands_in_every_title() -> None:
    for figure in Pictures(asked(fake_experiment(schedulers="step", validate_on="test"))).values():
        assert "VALIDATED ON THE TEST SET" in figure.get_suptitle().replace("\n", " ")


def test_hostile_labels_are_drawn_as_text(tmp_path: Path) -> None:
    labels = ["$\\frac{1}$", "$\\nonsense{$", "_hidden", "日本", "<b>&amp;", "%s {x}"]
    specs = ",".join(f"{label}=constant(lr=0.{i})" for i, label in enumerate(labels, 1))
    experiment = fake_experiment(schedulers=specs)
    figure = Pictures(asked(experiment))["val-accuracy"]
    assert {str(text.get_text()).strip() for text in figure.legends[0].get_texts()} == set(labels)
    assert len(plots.draw(asked(experiment), "svg", tmp_path)) == 6
    assert "frac{1}" in (tmp_path / "test-accuracy.svg").read_text()


def test_nothing_to_draw(tmp_path: Path) -> None:
    empty = Experiment(name="x", folder=tmp_path, setting=fake_experiment().setting, finished=(), damage=())
    with pytest.raises(BadResults, match="no finished run"):
        plots.draw(asked(empty), "png")


@pytest.fixture(autouse=True)
def _defaults_stay() -> Iterator[None]:
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
