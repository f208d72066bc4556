"""The pictures that not every experiment has: verdicts, the way to a target, one panel per schedule."""

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from conftest import ROOT, asked, fake_experiment
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from pictures import Pictures, collisions

from lrbench.judging.comparisons import Verdict, against, all_pairs
from lrbench.judging.scores import scores_of
from lrbench.judging.targets import time_to_target
from lrbench.runs import Experiment, Status
from lrbench.show import canvas, sentences, verdict_plots
from lrbench.show.groups import group, used_rates
from lrbench.store import load

pytestmark = pytest.mark.slow  # all pictures are made for most of these tests

LONG = "cyclical(half=2 epochs, floor=0.001, shape=sine, decay=half, warmup=1 epoch)"


def draw(experiment: Experiment, target: float | None = None, **question: Any) -> Pictures:
    return Pictures(asked(experiment, target=target, **question))


@pytest.fixture(scope="module")
def reference() -> Experiment:
    return load(ROOT / "results" / "reference")


@pytest.fixture(scope="module")
def pictures(reference: Experiment) -> Pictures:
    return draw(reference, 0.975)


@pytest.fixture(scope="module")
def seven() -> Experiment:
    return fake_experiment(schedulers="step,cosine,linear,rex,sigmoid,wsd,hot=constant(lr=11)", seeds=2)


def labels_of(figure: Figure, axis: int = 0) -> list[str]:
    return [text.get_text() for text in figure.axes[axis].get_yticklabels()]


def test_the_forest_is_what_the_comparisons_say(reference: Experiment, pictures: Pictures) -> None:
    compared = against(scores_of(reference, "test_accuracy"), "constant")
    axes = pictures["forest"].axes[0]
    markers = {each.label: each.marker for each in group(asked(reference))}
    zero, *rows = axes.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert labels_of(pictures["forest"]) == [each.scheduler for each in compared]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "row 0, the best, stands on top"
    for y, (each, interval, mean) in enumerate(zip(compared, rows[::2], rows[1::2], strict=True)):
        assert list(interval.get_xdata()) == pytest.approx([100 * each.ci_low, 100 * each.ci_high])
        assert list(mean.get_xdata()) == pytest.approx([100 * each.mean_difference])
        assert [*interval.get_ydata(), *mean.get_ydata()] == [y] * 3
        assert {interval.get_color(), mean.get_color()} == {verdict_plots.VERDICT_COLOURS[each.verdict]}
        told = each.verdict in (Verdict.BETTER, Verdict.WORSE)
        assert (mean.get_markerfacecolor() == mean.get_color()) is told, "filled where there is a verdict"
        assert mean.get_marker() == markers[each.scheduler]
    assert axes.get_title() == "Difference in test accuracy from constant: mean, 95 % paired t interval"
    assert axes.get_xlabel() == "percentage points; to the right is better"


def test_the_colours_of_verdicts_are_those_of_the_page() -> None:
    css = (ROOT / "lrbench/show/page/report.css").read_text().splitlines()[0]
    for verdict, name in ((Verdict.BETTER, "better"), (Verdict.WORSE, "worse"), (Verdict.CANNOT_TELL, "mid")):
        assert verdict_plots.VERDICT_COLOURS[verdict].startswith(re.search(rf"--{name}: (\S+);", css)[1])


def test_another_figure_is_drawn_in_its_own_unit_and_direction(reference: Experiment) -> None:
    pictures = draw(reference, metric="val_loss", baseline="cosine", margin=0.5)
    found = asked(reference, metric="val_loss", baseline="cosine", margin=0.5)
    assert "final-val-loss" in pictures
    assert "test-accuracy" not in pictures
    axes = pictures["forest"].axes[0]
    assert axes.get_title().startswith("Difference in val loss from cosine")
    assert axes.get_xlabel() == "nats per example; to the right is worse"
    drawn = [float(line.get_xdata()[0]) for line in axes.lines[2::2]]
    assert drawn == pytest.approx([each.mean_difference for each in found.comparisons])
    assert labels_of(pictures["forest"], 1)[0].startswith(str(found.comparisons[0].verdict))
    assert found.comparisons[-1].verdict is Verdict.WORSE
    last, cosine = (found.scores.ranked().index(each) for each in (found.comparisons[-1].scheduler, "cosine"))
    assert hue_of(cell_of(pictures, last, cosine)) == "worse", "its loss is higher"
    assert hue_of(cell_of(pictures, cosine, last)) == "better"
    final = pictures["final-val-loss"].axes[0]
    assert final.get_title().startswith("Final val loss")
    assert labels_of(pictures["final-val-loss"]) == found.scores.ranked()[::-1]


def test_beside_each_row_stands_the_verdict(pictures: Pictures) -> None:
    said = labels_of(pictures["forest"], 1)
    assert said[0] == "cannot tell, n = 10, p = 0.059\nabout 27 seeds would settle it"
    assert (
        said[1] == "cannot tell, n = 10, p = 0.65\nmore than 1,000 seeds would be needed:\nof no practical account"
    )
    assert said[-1] == "worse, n = 10, p = 0.0098"
    assert "Holm over 5 comparisons" in pictures["forest"].get_suptitle()


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.0123, "p = 0.012"),
        (0.65, "p = 0.65"),
        (1.0, "p = 1.00"),
        (0.0002, "p < 0.001"),
        (0.04996, "p = 0.04996"),
        (0.0496, "p = 0.0496"),
        (0.05, "p = 0.05"),
    ],
)
def test_p_never_contradicts_the_verdict(p: float, said: str) -> None:
    assert sentences.p_value(p) == said


def test_a_schedule_without_a_pair_has_words_but_no_mark(seven: Experiment) -> None:
    figure = draw(seven)["forest"]
    assert labels_of(figure)[-1] == "hot (2 diverged of 2)"
    assert labels_of(figure, 1)[-1].startswith("cannot tell, n = 0\n2 of 2 runs of hot did not finish")
    assert len(figure.axes[0].lines) == 1 + 2 * 5


@pytest.mark.parametrize("name", ["overview", "test-accuracy"])
def test_beside_each_final_figure_stands_its_verdict(reference: Experiment, pictures: Pictures, name: str) -> None:
    found = asked(reference)
    axes = pictures[name].axes[-1]
    said = dict(zip(labels_of(pictures[name], -1), axes.texts, strict=True))
    assert list(said) == found.scores.ranked()[::-1]
    assert said["constant"].get_text() == "baseline"
    assert said["step"].get_text() == "worse, p = 0.047"
    for each in found.comparisons:
        text = said[each.scheduler]
        assert text.get_text().split(",")[0] == each.verdict
        assert text.get_color() == verdict_plots.VERDICT_COLOURS[each.verdict]
        assert text.get_position()[1] == found.scores.ranked()[::-1].index(each.scheduler)
    assert "verdicts against constant, paired by seed" in pictures[name].get_suptitle().replace("\n", " ")


def test_without_a_baseline_it_is_said_how_many_each_is_better_than() -> None:
    experiment = fake_experiment(schedulers="constant,step,exponential", seeds=12, epochs=6)
    found = asked(experiment, every_pair=True)
    assert [verdict_plots.beside(found, label)[1] for label in ("constant", "step", "exponential")] == [
        "better than 2",
        "better than 1, worse than 1",
        "worse than 2",
    ]
    colours = [verdict_plots.beside(found, label)[0] for label in ("constant", "step", "exponential")]
    assert colours == [Verdict.BETTER, Verdict.CANNOT_TELL, Verdict.WORSE]


def test_one_seed_has_no_words_beside() -> None:
    axes = draw(fake_experiment(schedulers="step,cosine"))["test-accuracy"].axes[0]
    assert [text.get_text() for text in axes.texts] == ["", ""]


def test_the_map_says_no_more_than_the_comparisons(reference: Experiment, pictures: Pictures) -> None:
    """With a baseline, pairs without it have their difference, but no verdict."""
    found = asked(reference)
    order = found.scores.ranked()
    axes = pictures["all-pairs"].axes[0]
    cells = {(order[int(text.get_position()[1])], order[int(text.get_position()[0])]): text for text in axes.texts}
    marked = {pair: text.get_text()[-1] for pair, text in cells.items() if text.get_text()[-1] in "▲▼"}
    expected = {}
    for each in found.comparisons:
        if each.verdict in (Verdict.BETTER, Verdict.WORSE):
            up = each.verdict is Verdict.BETTER
            expected |= {(each.scheduler, "constant"): "▼▲"[up], ("constant", each.scheduler): "▲▼"[up]}
    assert marked == expected
    assert len(expected) == 4
    assert len(cells) == 30
    assert "only those with constant were asked" in axes.get_title().replace("\n", " ")


def test_the_map_is_antisymmetric_and_marked_where_there_is_a_verdict(
    reference: Experiment, pictures: Pictures
) -> None:
    order = scores_of(reference, "test_accuracy").ranked()
    figure = draw(reference, every_pair=True)["all-pairs"]
    axes = figure.axes[0]
    assert labels_of(figure) == order
    assert [text.get_text() for text in axes.get_xticklabels()] == order
    cells = {(int(text.get_position()[1]), int(text.get_position()[0])): text for text in axes.texts}
    assert len(cells) == 30
    for each in all_pairs(scores_of(reference, "test_accuracy")):
        row, column = order.index(each.scheduler), order.index(each.baseline)
        marks = {Verdict.BETTER: "▲▼", Verdict.WORSE: "▼▲"}.get(each.verdict, "")
        for place, sign, mark in zip(((row, column), (column, row)), (1, -1), marks or ("", ""), strict=True):
            text = cells[place]
            said = f"{sign * 100 * each.mean_difference:+.2f} {mark}".replace("-", "−").strip()
            assert text.get_text() in (said, said.lstrip("+−"))
            assert text.get_fontweight() == ("bold" if mark else "normal")
            hue = {"▲": "better", "▼": "worse", "": "grey"}[mark]
            assert hue_of(axes.images[0].get_array()[place]) == hue


def cell_of(pictures: Pictures, row: int, column: int) -> np.ndarray:
    return np.asarray(pictures["all-pairs"].axes[0].images[0].get_array())[row, column]


def hue_of(rgb: np.ndarray) -> str:
    """Tell whose tint a cell has: a verdict's, or grey."""
    rgb = np.asarray(rgb)
    if np.ptp(rgb) < 0.01:
        return "grey"
    tint = (1 - rgb) / (1 - rgb).max()
    for verdict in (Verdict.BETTER, Verdict.WORSE):
        own = 1 - np.array(to_rgb(verdict_plots.VERDICT_COLOURS[verdict]))
        if np.allclose(tint, own / own.max(), atol=0.02):
            return str(verdict)
    return str(rgb)


def test_where_nothing_is_told_no_pair_has_a_colour_or_a_strong_shade() -> None:
    figure = draw(fake_experiment(schedulers="constant,exponential,cosine", seeds=3))["all-pairs"]
    cells = np.asarray(figure.axes[0].images[0].get_array())
    assert np.ptp(cells, axis=2).max() == 0
    assert cells.min() > 0.8


@pytest.mark.parametrize("count", [8, 9])
def test_many_schedules_are_numbered_and_every_cell_has_its_difference(count: int) -> None:
    names = ["constant", "step", "exponential", "cosine", "linear", "rex", "sigmoid", "wsd", "polynomial"][:count]
    experiment = fake_experiment(schedulers=",".join(names), seeds=12)
    axes = draw(experiment, every_pair=True)["all-pairs"].axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == [str(i) for i in range(1, count + 1)]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert [row.split()[0] for row in rows] == [str(i) for i in range(1, count + 1)]
    assert {row.split()[1] for row in rows} == set(names)
    texts = [text.get_text() for text in axes.texts]
    assert len(texts) == count * (count - 1)
    assert all(re.fullmatch(r"([+−]\d+\.\d\d|0\.00)\n?[▲▼]?", text) for text in texts), texts
    assert any(text[-1] in "▲▼" for text in texts)
    assert any("\n" in text for text in texts) is (count == 8)


def test_where_n_is_too_small_for_all_it_is_said_once() -> None:
    title = draw(fake_experiment(schedulers="step,cosine,linear", seeds=3))["all-pairs"].get_suptitle()
    assert title.endswith("no verdicts: n = 3 cannot reach 0.05 among 2 comparisons; 8 seeds can")


def test_one_seed_or_one_schedule_has_no_verdicts() -> None:
    for options in ({"schedulers": "step,cosine"}, {"schedulers": "step", "seeds": 3}):
        assert not {"forest", "all-pairs"} & set(draw(fake_experiment(**options)))


def test_without_anything_to_choose_a_baseline_by_there_is_no_forest() -> None:
    names = set(draw(fake_experiment(schedulers="step,cosine", seeds=2, val_size=0)))
    assert "forest" not in names
    assert "all-pairs" in names


def test_the_way_to_a_target(reference: Experiment, pictures: Pictures) -> None:
    figure = pictures["target"]
    (axes,) = figure.axes
    assert "97.5 %" in axes.get_title()
    found = time_to_target(reference, 0.975)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.split(":")[0] for text in said] == [each.scheduler for each in found]
    assert said[0] == "constant: 10 of 10 reached it, median step 12,033"
    assert said[-1] == "exponential: 0 of 10 reached it, no median step"
    (target,) = [line for line in axes.lines if list(line.get_ydata()) == [97.5, 97.5]]
    assert list(target.get_xdata()) == [0, 1]
    marked = [float(line.get_xdata()[0]) for line in axes.lines if list(line.get_ydata()) == [97.5]]
    assert marked == [each.median_step for each in found if each.median_step is not None]
    cosine = next(line for line in axes.lines if str(line.get_label()).startswith("cosine"))
    (look,) = [each for each in group(asked(reference)) if each.label == "cosine"]
    assert list(cosine.get_xdata()) == [1719 * epoch for epoch in range(1, 16)]
    assert list(cosine.get_ydata()) == pytest.approx(list(100 * look.epochs("val_accuracy").mean(axis=0)))
    assert axes.get_ylim()[0] < 97.5 < axes.get_ylim()[1]


def marks_of(figure: Figure) -> list[tuple[float, float, float]]:
    """The centres of the marks at the target, in pixels, and their sizes."""
    figure.draw_without_rendering()
    marks = [line for line in figure.axes[0].lines if line.get_zorder() == 5]
    size = figure.dpi / 72
    return [
        (*line.get_transform().transform(line.get_xydata()[0]), size * line.get_markersize()) for line in marks
    ]


def test_no_mark_lies_on_another(pictures: Pictures) -> None:
    many = ",".join(f"s{i}=constant(lr=0.{i:02})" for i in range(10, 27))
    for figure in (pictures["target"], draw(fake_experiment(schedulers=many, seeds=2, epochs=15), 0.6)["target"]):
        marks = marks_of(figure)
        assert len(marks) > 4
        for (x, y, size), (other_x, other_y, _) in itertools.combinations(marks, 2):
            assert max(abs(x - other_x), abs(y - other_y)) > 0.7 * size


def test_the_target_can_be_seen_wherever_it_is(reference: Experiment) -> None:
    for target in (0.3, 0.999):
        low, high = draw(reference, target)["target"].axes[0].get_ylim()
        assert low < 100 * target < high


def test_one_run_has_no_median() -> None:
    figure = draw(fake_experiment(schedulers="constant,exponential", epochs=15), 0.6)["target"]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said[0].startswith("constant: reached it at step ")
    assert said[1] == "exponential: did not reach it"


@pytest.mark.parametrize(("val_size", "field"), [(None, "val_accuracy"), (0, "train_loss")])
def test_each_schedule_in_front_of_all_others(val_size: int | None, field: str) -> None:
    names = "constant,step,exponential,cosine,linear,rex,sigmoid"
    experiment = fake_experiment(schedulers=names, seeds=2, val_size=val_size)
    figure = draw(experiment)["small-multiples"]
    looks = {each.label: each for each in group(asked(experiment))}
    groups = [looks[label] for label in asked(experiment).scores.ranked()]
    scale = 100 if "accuracy" in field else 1
    means = [scale * each.epochs(field).mean(axis=0) for each in groups]
    assert [axes.axison for axes in figure.axes] == [True] * 7 + [False]
    for i, (axes, each) in enumerate(zip(figure.axes[:7], groups, strict=True)):
        assert axes.get_title() == each.label
        (line,) = axes.lines
        assert line.get_color() == each.colour
        assert list(line.get_ydata()) == pytest.approx(list(means[i]))
        (behind,) = [one for one in axes.collections if isinstance(one, LineCollection)]
        others = [path.vertices[:, 1] for path in behind.get_paths()]
        assert np.array(others) == pytest.approx(np.array(means[:i] + means[i + 1 :]))
        assert to_hex(behind.get_colors()[0]) == "#c4c4c4"
        assert behind.get_zorder() < line.get_zorder()
    assert len({axes.get_ylim() for axes in figure.axes[:7]}) == 1


def test_six_schedules_need_no_panels_of_their_own(pictures: Pictures) -> None:
    assert "small-multiples" not in pictures


LEAST = {"overview": 0.25, "looks": 0.15, "small-multiples": 0.15, "small-multiples-rates": 0.15, "forest": 0.4}


@pytest.mark.parametrize("count", [6, 8, 20])
def test_no_two_texts_overlap_none_leaves_the_figure_and_there_is_room_for_the_panels(count: int) -> None:
    labels = ["constant", "step(every=5 epochs, gamma=0.1)", LONG, "hot=constant(lr=11)"]
    labels += [f"a_rather_long_label_{i}=constant(lr={i / 100})" for i in range(1, 18)]
    experiment = fake_experiment(
        schedulers=",".join(labels[:count]), seeds=4, optimizer="sgd(momentum=0.9, nesterov=true)"
    )
    for name, figure in draw(experiment, 0.5).items():
        assert not collisions(figure), name
        for axes in figure.axes:
            if axes.get_label() != "<colorbar>":
                assert axes.get_position().width > LEAST.get(name, 0.5), name
                assert axes.get_position().height * figure.get_figheight() > 1, name


def test_texts_that_overlap_are_found() -> None:
    figure = Figure(figsize=(4, 3))
    figure.text(0.5, 0.5, "one")
    figure.text(0.52, 0.5, "two")
    figure.text(0.1, 0.1, "alone")
    figure.text(0.95, 0.9, "a long one")
    assert collisions(figure) == ["'a long one' leaves the figure", "'one' overlaps 'two'"]


def test_hostile_labels_are_drawn_as_text(tmp_path: Path) -> None:
    labels = ["$x$", "$\\nonsense{$", "_hidden", "<b>", "日本", "%s {x}", "&amp;"]
    specs = ",".join(f"{label}=constant(lr=0.{i})" for i, label in enumerate(labels, 1))
    experiment = fake_experiment(schedulers=specs, seeds=2)
    pictures = draw(experiment, 0.5)
    assert {text.strip() for text in labels_of(pictures["forest"])} < set(labels)
    assert {text.split(" ", 1)[1].strip() for text in labels_of(pictures["all-pairs"])} == set(labels)
    assert {axes.get_title().strip() for axes in pictures["small-multiples"].axes} == {*labels, ""}
    said = {text.get_text().split(":")[0].strip() for text in pictures["target"].legends[0].get_texts()}
    assert said == set(labels)
    for name in ("forest", "all-pairs", "small-multiples", "target"):
        with mpl.rc_context(canvas.STYLE):
            canvas.save(pictures[name], tmp_path / f"{name}.svg", "svg")
        assert "$x$" in (tmp_path / f"{name}.svg").read_text()


def test_small_multiples_show_rates_too_and_the_best_first() -> None:
    names = "constant,step,exponential,cosine,linear,rex,sigmoid,late=constant"
    experiment = fake_experiment(schedulers=names, seeds=3)
    kept = [one for one in experiment.finished if experiment.names[one.schedule] != "constant" or one.seed == 0]
    found = asked(replace(experiment, finished=tuple(kept)))
    assert found.apart == ("constant",)
    assert found.scores.ranked()[-1] != "constant"
    pictures = Pictures(found)
    order = [label for label in found.scores.ranked() if label != "constant"] + ["constant"]
    looks = {each.label: each for each in group(found)}
    for name in ("small-multiples", "small-multiples-rates"):
        assert [axes.get_title() for axes in pictures[name].axes[:8]] == order
    steps = canvas.thinned(experiment.setting.horizon.steps)
    for label, axes in zip(order, pictures["small-multiples-rates"].axes, strict=False):
        assert list(axes.lines[0].get_ydata()) == pytest.approx(list(used_rates(looks[label], steps)[0]))
    assert labels_of(pictures["test-accuracy"])[0] == "constant", "at the bottom"
    words = [text.get_text() for text in pictures["test-accuracy"].axes[0].texts]
    assert words[0] == "one seed, not compared"


def test_a_diverged_schedule_s_panel_ends_where_it_ended(seven: Experiment) -> None:
    (axes,) = [each for each in draw(seven)["small-multiples"].axes if each.get_title().startswith("hot")]
    assert [len(line.get_xdata()) for line in axes.lines] == [1]


def test_where_all_runs_failed_nothing_is_reached_and_nothing_breaks(seven: Experiment) -> None:
    failed = {"status": Status.FAILED, "rows": (), "test": None}
    cut = [replace(one, result=replace(one.result, **failed)) for one in seven.finished]
    pictures = draw(replace(seven, finished=tuple(cut)), 0.5)
    assert all("0 of 2 reached it" in text.get_text() for text in pictures["target"].legends[0].get_texts())
    assert not {"forest", "all-pairs"} & set(pictures)
    assert not any(collisions(figure) for figure in pictures.values())
