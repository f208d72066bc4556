"""What an axis shows where one schedule went astray: the others, and a mark at the border."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT, asked, fake_experiment
from hypothesis import given
from hypothesis import strategies as st
from pictures import Pictures, collisions

from lrbench.judging.questions import Answer
from lrbench.judging.tuning import views
from lrbench.runs import Experiment, Finished
from lrbench.show import canvas, report
from lrbench.show.groups import BEYOND
from lrbench.show.looks import limits
from lrbench.show.sight import ALL, around_zero, mark_places, rate_window, stretches, window_of
from lrbench.store import load

HUGE = 5.034e16


def strayed(experiment: Experiment, label: str) -> Experiment:
    """The same experiment, in which all learn, but one ends with a loss of 5e16 and an accuracy by chance."""

    def figures(one: Finished, values: Sequence[float]) -> tuple[float, float]:
        loss, accuracy = values
        return (HUGE, 0.1) if experiment.names[one.schedule] == label else (loss, 0.85 + 0.1 * accuracy)

    def changed(one: Finished) -> Finished:
        rows = [
            replace(row, train=figures(one, row.train), val=figures(one, row.val or ())) for row in one.result.rows
        ]
        test = figures(one, one.result.test or ())
        return replace(one, result=replace(one.result, rows=tuple(rows), test=test))

    return replace(experiment, finished=tuple(map(changed, experiment.finished)))


@pytest.fixture(scope="module")
def wild() -> Answer:
    names = "constant,cosine,step,wild=constant(lr=9)"
    return asked(strayed(fake_experiment(schedulers=names, seeds=8, epochs=6), "wild"))


@pytest.fixture(scope="module")
def pictures(wild: Answer) -> Pictures:
    return Pictures(wild)


@pytest.mark.parametrize("name", ["rates", "train-loss", "val-loss", "val-accuracy"])
def test_one_that_went_astray_does_not_hide_the_others(wild: Answer, pictures: Pictures, name: str) -> None:
    (axes,) = pictures[name].axes
    low, high = axes.get_ylim()
    place = axes.yaxis.get_transform().transform
    bottom, top = place(np.array([low, high]))
    curves = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in axes.lines}
    seen = np.concatenate([place(curves[label]) for label in ("constant", "cosine", "step")])
    assert bottom <= seen.min() < seen.max() <= top
    assert np.ptp(seen) > 0.6 * (top - bottom), "they fill the axis"
    assert not ((low < curves["wild"]) & (curves["wild"] < high)).any(), "it is nowhere in it"
    (mark,) = [line for line in axes.lines if line.get_label() == BEYOND]
    below = name == "val-accuracy"
    assert (mark.get_marker(), list(mark.get_ydata())) == ("v" if below else "^", [0.0 if below else 1.0])
    said = {"rates": "9", "val-accuracy": "10"}.get(name, "5.034e+16")
    assert [text.get_text() for text in axes.texts] == [f"{'below' if below else 'above'}: wild ({said})"]
    assert not collisions(pictures[name])


@pytest.mark.parametrize("name", ["test-accuracy", "forest"])
def test_rows_end_where_the_others_end_and_write_what_lies_beyond(
    wild: Answer, pictures: Pictures, name: str
) -> None:
    axes = pictures[name].axes[0]
    low, high = axes.get_xlim()
    drawn = [np.asarray(line.get_xdata(), float) for line in axes.lines if line.get_label() != BEYOND]
    inside = [values for values in drawn if values.size and (values >= low).all() and (values <= high).all()]
    assert np.ptp(np.concatenate(inside)) > 0.5 * (high - low)
    assert high - low < 75, "from chance to the best are 80"
    texts = [text.get_text() for text in axes.texts]
    mean = wild.scores.mean("wild") if name == "test-accuracy" else -1.0
    assert any(text == "10" if mean > 0 else text.startswith("−") for text in texts)
    assert len([line for line in axes.lines if line.get_label() == BEYOND]) == 1
    assert not collisions(pictures[name])


def test_a_loss_that_strayed_is_written_beside_its_row(wild: Answer) -> None:
    assert wild.experiment is not None
    figure = Pictures(asked(wild.experiment, metric="test_loss"))["test-loss"]
    axes = figure.axes[0]
    assert axes.get_xlim()[1] < 100
    assert "5.034e+16" in [text.get_text() for text in axes.texts]


def test_the_page_shows_what_the_pictures_show(wild: Answer) -> None:
    section = report.section("e0", wild)
    for chart in section.charts:
        lines = {line.label: line for line in chart.lines}
        y = np.concatenate([lines[label].y for label in ("constant", "cosine", "step")])
        assert np.ptp(y) > 100, "of 240 pixels"
        assert len(lines["wild"].marks) == 1
        assert [each.split(" ")[0] for each in chart.beyond] == ["wild"]
        assert chart.leaves_below == chart.percent
        assert all(len(tick.text) < 8 for tick in chart.y_ticks)
    for rows in (section.finals, section.forest):
        assert rows is not None
        bars = {bar.label: bar for bar in rows.bars}
        assert bars["wild"].mean is None
        assert bars["wild"].beyond_left
        assert bars["wild"].beyond
        means = [bar.mean for bar in rows.bars if bar.mean is not None]
        assert np.ptp(means) > 15, "of 100"
        assert not any(bars[label].beyond for label in bars if label != "wild")
    assert 'class="beyond e0-3"' in report.render([wild])


def test_nothing_of_a_usual_comparison_leaves() -> None:
    found = asked(load(ROOT / "results" / "reference"))
    for name, figure in Pictures(found).items():
        assert not [line for axes in figure.axes for line in axes.lines if line.get_label() == BEYOND], name
    assert not any(chart.beyond for chart in report.section("e0", found).charts)


VALUES = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=6)


@given(st.lists(VALUES, min_size=1, max_size=7), st.booleans())
def test_the_best_is_always_in_sight(schedules: list[list[float]], lower: bool) -> None:
    tables = [np.array(values)[:, None] for values in schedules]
    window = window_of(tables, lower=lower)
    medians = [float(np.median(table)) for table in tables]
    best = min(medians) if lower else max(medians)
    assert window.inside(np.array([best])).size == 1
    everything = np.concatenate([table.ravel() for table in tables])
    assert window.is_open == (window.inside(everything).size == everything.size)
    assert np.isfinite(window.drawn(everything)).all()


def test_twice_the_best_is_in_sight_however_close_the_others_are() -> None:
    one, two, three = (np.full((3, 1), value) for value in (0.01, 0.0100001, 0.0199))
    assert window_of([one, two, three], lower=True) == ALL
    assert window_of([one, two, three * 1.1], lower=True).high == 0.0100001
    shares = [np.full((3, 1), value) for value in (98.0, 97.99, 96.1)]
    assert window_of(shares, lower=False, best=100) == ALL
    assert window_of([*shares[:2], shares[2] - 1], lower=False, best=100).low == 97.99


def test_who_did_not_finish_decides_nothing() -> None:
    ended = [np.array([[2.0, 1.0]]), np.array([[2.0, 1.1]])]
    assert window_of(ended, lower=True, others=[np.array([[900.0, np.nan]])]).high == 2.0
    assert window_of([], lower=True, others=[np.array([[900.0]])]) == ALL
    assert rate_window([np.array([[0.1]])], [np.array([[0.11]])]) == ALL
    assert rate_window([np.array([[0.1]])], [np.array([[5.0]])]).high == pytest.approx(0.118)


def test_differences_near_zero_decide_both_ends() -> None:
    window = around_zero([(-0.1, 0.0, 0.1), (-0.05, 0.1, 0.2), (-80.0, -78.0, -76.0), (900.0, 901.0, 902.0)])
    assert (window.low, window.high) == (-0.1, 0.2)
    assert around_zero([(-80.0, -78.0, -76.0)]).is_open, "one alone is what there is to see"
    assert around_zero([(math.nan, math.nan, math.nan)]).is_open
    assert around_zero([]).is_open


def test_marks_stand_where_a_curve_is_beyond_and_not_on_one_another() -> None:
    x = np.arange(5.0)
    assert stretches(x, np.array([True, False, True, True, True])) == [(0.0, 0.5), (1.5, 4.0)]
    tables = [np.array([[1.0, 9, 9, 9, 1]]), np.array([[1.0, 9, 9, 9, 1]]), np.ones((1, 5))]
    first, second, none = mark_places(x, tables, replace(ALL, high=2.0, room=1.0))
    assert (len(first), len(second), none) == (1, 1, [])
    assert 0.5 < first[0] < second[0] < 3.5


def test_rates_far_below_the_usual_ones_do_not_hide_them_nor_far_above() -> None:
    for peaks in ((0.1, 1e6), (0.1, 0.01, 1e-30)):
        axes = canvas.Picture().subplots()
        canvas.scale_rates(axes, [np.full((1, 3), peak) for peak in peaks])
        low, high = axes.get_ylim()
        assert low < 0.1 < high


def test_looks_fill_their_axes() -> None:
    means = np.array([-0.2, -0.16, -0.2, -0.19])
    ends = np.array([[np.nan, np.nan], [-9.0, 8.0], [-0.5, 0.1], [-0.4, 0.0]])
    low, high = limits(means, ends)
    assert (low, high) == pytest.approx((-0.6 - 0.06 * 0.8, 0.2 + 0.06 * 0.8))
    low, high = limits(means, np.full((4, 2), np.nan))
    assert -0.25 < low < -0.2
    assert 0 < high < 0.02


@pytest.mark.parametrize("seeds", [5, 10])
def test_looks_promise_bands_only_where_there_are_some(seeds: int) -> None:
    figure = Pictures(asked(fake_experiment(schedulers="constant,cosine,step", seeds=seeds)))["looks"]
    bands = [
        np.isfinite(np.asarray(path.vertices)).all(axis=1).sum() > 4
        for axes in figure.axes
        for band in axes.collections
        for path in band.get_paths()
    ]
    title = figure.get_suptitle().replace("\n", " ")
    assert ("bands 95 % intervals" in title) is any(bands) is (seeds == 10)
    assert ("so few pairs have no interval" in title) is (seeds == 5)


@pytest.mark.slow
def test_the_sensitivity_shows_the_range_near_the_best_and_a_star_for_each() -> None:
    (tuned, *_) = views(load(ROOT / "results" / "tuned"))
    figure = Pictures(asked(tuned))["sensitivity"]
    axes, below = figure.axes
    best = max(float(np.nanmax(np.asarray(line.get_ydata()))) for line in axes.lines if line.get_label() != BEYOND)
    place = axes.yaxis.get_transform().transform
    bottom, top = place(np.array(axes.get_ylim()))
    worst_near = place(np.array([best - 1]))[0]
    assert (place(np.array([best]))[0] - worst_near) / (top - bottom) > 0.2, "a point below the best"
    stars = [line for line in below.lines if line.get_marker() == "*"]
    assert tuned.tuning is not None
    rates = sorted(each.best.point.lr for each in tuned.tuning.tuned if each.best)
    assert sorted(float(np.asarray(star.get_xdata())[0]) for star in stars) == pytest.approx(rates)
    rows = [float(np.asarray(star.get_ydata())[0]) for star in stars]
    assert sorted(rows) == list(range(len(stars))), "each has a row of its own"
    assert not [line for line in axes.lines if line.get_marker() == "*"]
    title = figure.get_suptitle().replace("\n", " ")
    assert "peak rates 0.00316 to 3.16" in title
    assert "tuned rate" not in title
    assert not collisions(figure)
