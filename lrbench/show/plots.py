"""Pictures of one experiment. A schedule has the same colour, dashes and marker in all of them."""

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lrbench.errors import BadConfig, BadResults, nearest
from lrbench.judging.comparisons import Comparison
from lrbench.judging.questions import Answer
from lrbench.judging.statistics import mean_interval
from lrbench.outputs import check_output
from lrbench.runs import Figure as Measured
from lrbench.runs import Setting
from lrbench.searches import Tuning
from lrbench.show import PlotFormat, counted
from lrbench.show.canvas import (
    STYLE,
    Picture,
    add_legend,
    fitted,
    label_y,
    save,
    scale_rates,
    scale_y,
    thinned,
)
from lrbench.show.groups import (
    Group,
    best_first,
    end_rows,
    figure_window,
    finals_window,
    group,
    label_beyond,
    mark_border,
    mean_and_range,
    rates_window,
    used_rates,
)
from lrbench.show.looks import draw_looks, shown
from lrbench.show.looks import note as looks_note
from lrbench.show.panels import MANY, draw_small_multiples, draw_small_rates, draw_target
from lrbench.show.sensitivity import NOTE, draw_sensitivity
from lrbench.show.sentences import axis_label, family, figure_name
from lrbench.show.verdict_plots import (
    beside_note,
    draw_all_pairs,
    draw_forest,
    percents,
    scores_label,
    write_beside,
)

MOST_LINES = 14  # of labels beside an axis
MOST_IN_LABEL = 3  # lines
TITLE_WIDTH = 14  # characters per inch
BANDS = "lines are means, bands reach from the lowest to the highest seed"


def draw(answer: Answer, form: PlotFormat, out: Path | None = None, *, log_rate: bool | None = None) -> list[Path]:
    """Draw all pictures of an answer into `out`, or its experiment's plots/. Return the files, the overview first.

    `log_rate`: whether the axis of the rates is logarithmic; None: where a linear one lays a curve flat.
    Raises BadResults if there is nothing to draw, nowhere to draw it to, or the folder cannot be written.
    """
    experiment = answer.experiment
    if experiment and not experiment.finished:
        raise BadResults(f"{experiment.folder} holds no finished run.", "Train some with: lrbench run")
    within = experiment.folder if experiment and out is None else None
    folder = out or (within / "plots" / experiment.part if experiment and within else None)
    if folder is None:
        raise BadResults(f"{answer.name} is no experiment with a folder for pictures.", "Say out=a folder")
    paths = {folder / f"{name}.{form}": drawn for name, drawn in figures(answer, log_rate=log_rate).items()}
    for path in paths:  # before any is replaced
        check_output(path)
    with mpl.rc_context(STYLE):
        for path, drawn in paths.items():
            save(drawn(), path, form, within)
    return list(paths)


def picture(answer: Answer, name: str) -> Figure:
    """Return one picture of an answer by its name, for nobody's window yet.

    Raises BadConfig if this answer has none that is called so.
    """
    there = figures(answer)
    if name not in there:
        raise BadConfig(f"There is no picture {name!r} of {answer.name}.", nearest(name, list(there)))
    with mpl.rc_context(STYLE):
        return there[name]()


def figures(answer: Answer, *, log_rate: bool | None = None) -> dict[str, Callable[[], Figure]]:
    """Return what draws each picture: `overview`, one per panel, then those that not every answer has.

    Of figures from elsewhere there are no epochs, so only the final ones and what was compared are drawn.
    """
    return dict(_figures(answer, log_rate))


def _figures(answer: Answer, log_rate: bool | None) -> Iterator[tuple[str, Callable[[], Figure]]]:
    groups = group(answer)

    def finished(draw: Callable[[], Figure], **how: Any) -> Callable[[], Figure]:
        return lambda: _finish(draw(), answer, groups, **how)

    final = final_name(answer.scores.metric)
    panels: dict[str, Callable[[Axes, list[Group]], None]] = {final: partial(draw_final, answer=answer)}
    if answer.experiment:
        panels = {"rates": partial(draw_rates, log=log_rate), **_per_figure(answer.experiment.setting), **panels}
        loss = f"val-{answer.experiment.setting.subject.figures[0].name}"
        quarters = [panel for name, panel in panels.items() if name != loss]  # one loss is enough there
        note = BANDS + beside_note(answer)
        yield "overview", finished(partial(_overview, quarters, groups), legend=True, note=note)
    for name, panel in panels.items():
        seeds = name == final
        height = max(4.8, _beside(groups)) if seeds else 4.8
        note = beside_note(answer).removeprefix("; ") if seeds else BANDS
        yield name, finished(partial(_alone, panel, groups, height), legend=not seeds, note=note)
    if any(each.n > 1 for each in answer.comparisons):
        if answer.baseline is not None:
            yield "forest", finished(partial(draw_forest, answer, groups), note=_how(answer))
        note = _how(answer) + _why_no_marks(answer.comparisons)
        yield "all-pairs", finished(partial(draw_all_pairs, answer, groups), note=note)
    if shown(answer):
        yield "looks", finished(partial(draw_looks, answer, groups), note=looks_note(answer))
    tuning = answer.experiment.tuning if answer.experiment else None
    if answer.experiment and tuning:
        measured = answer.experiment.setting.subject.find(tuning.search.figure)
        yield "sensitivity", partial(_sensitivity, answer.experiment.setting, tuning, measured, groups)
    if answer.reached:
        yield "target", finished(partial(draw_target, answer.reached, groups), legend=True)
    if answer.experiment and len(groups) > MANY:
        setting, note = answer.experiment.setting, f"{BANDS}; grey: the others' means; the best final mean first"
        validated = setting.validate_on != "none"
        measured = setting.subject.compared if validated else setting.subject.figures[0]
        by_label = {each.label: each for each in groups}
        ordered = [by_label[label] for label in best_first(answer)]
        split = "val" if validated else "train"
        yield "small-multiples", finished(partial(draw_small_multiples, ordered, measured, split), note=note)
        yield "small-multiples-rates", finished(partial(draw_small_rates, ordered, log_rate), note=note)


def _alone(panel: Callable[[Axes, list[Group]], None], groups: list[Group], height: float) -> Figure:
    figure = Picture(figsize=(8, height), layout="constrained")
    panel(figure.subplots(), groups)
    return figure


def _sensitivity(setting: Setting, tuning: Tuning, measured: Measured, groups: list[Group]) -> Figure:
    figure = draw_sensitivity(tuning, measured, groups)
    rates = sorted({trial.point.lr for each in tuning.tuned for trial in each.trials})
    swept = setting.describe(f"peak rates {rates[0]:g} to {rates[-1]:g}")
    seeds = counted(len(tuning.search.tune_seeds), "tuning seed")
    how = (
        f"{seeds}: lines are means, bands reach from seed to seed" if len(tuning.search.tune_seeds) > 1 else seeds
    )
    return titled(figure, [swept, f"{how}; {NOTE}"])


def final_name(metric: str) -> str:
    """Return the name of the picture of a final figure: test-accuracy, final-val-loss."""
    return ("" if metric.startswith("test_") else "final-") + metric.replace("_", "-")


def _per_figure(setting: Setting) -> dict[str, Callable[[Axes, list[Group]], None]]:
    """The panels of what was measured after every epoch: the loss, and what schedules are compared by."""
    loss, compared = setting.subject.figures[0], setting.subject.compared
    shown = [("train", loss), *([("val", loss), ("val", compared)] if setting.validate_on != "none" else [])]
    return {
        f"{split}-{figure.name.replace('_', '-')}": partial(draw_epochs, figure=figure, split=split)
        for split, figure in shown
    }


def _beside(groups: list[Group]) -> float:
    """Return the inches that a panel needs for a line of text beside each schedule."""
    return 1.5 + 0.19 * len(groups)


def _overview(quarters: Sequence[Callable[[Axes, list[Group]], None]], groups: list[Group]) -> Figure:
    rows = math.ceil(len(quarters) / 2)
    overview = Picture(figsize=(11, rows * max(3.9, _beside(groups))), layout="constrained")
    places = list(overview.subplots(rows, 2).flat)
    for axes, panel in zip(places, quarters, strict=False):
        panel(axes, groups)
    for axes in places[len(quarters) :]:
        axes.set_axis_off()
    return overview


def draw_rates(axes: Axes, groups: list[Group], log: bool | None = None) -> None:
    """The rate that every update used; where seeds differ (plateau), their mean and range."""
    steps = thinned(groups[0].runs[0].setting.horizon.steps)
    tables = [used_rates(each, steps) for each in groups]
    window = rates_window(groups, tables)
    for each, table in zip(groups, tables, strict=True):
        mean_and_range(axes, steps, table, each, marker=None, drawstyle="steps-post", window=window)
    scale_rates(axes, [window.inside(table) for table in tables], log)
    mark_border(axes, window, groups, steps, tables)
    axes.set(title="Learning rate per update", xlabel="step")
    label_y(axes, "learning rate")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def draw_epochs(axes: Axes, groups: list[Group], figure: Measured, split: str) -> None:
    """A figure of the training or validation examples after each epoch."""
    scale = 100 if figure.is_share else 1
    tables = [scale * each.epochs(f"{split}_{figure.name}") for each in groups]
    window = figure_window(groups, tables, figure)
    epochs = np.arange(1, tables[0].shape[1] + 1)
    for each, table in zip(groups, tables, strict=True):
        mean_and_range(axes, epochs, table, each, marker=each.marker, window=window)
    scale_y(axes, [window.inside(table) for table in tables], figure)
    mark_border(axes, window, groups, epochs, tables)
    axes.set(title=f"{'Training' if split == 'train' else 'Validation'} {figure.title}", xlabel="epoch")
    label_y(axes, axis_label(figure))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def draw_final(axes: Axes, groups: list[Group], answer: Answer) -> None:
    """The final figure: every seed a dot, the mean a bar, its 95 % t interval a line, beside it the verdict."""
    scores = answer.scores
    looks = {each.label: each for each in groups}
    ranked = [looks[label] for label in reversed(best_first(answer))]
    finals = [percents(scores) * each.finals for each in ranked]
    window = finals_window(scores, percents(scores))
    seen = np.concatenate([window.inside(values) for values in finals] or [np.empty(0)])
    for y, (each, values) in enumerate(zip(ranked, finals, strict=True)):
        if not values.size:
            continue
        offsets = np.linspace(-0.22, 0.22, values.size) if values.size > 1 else np.zeros(1)
        axes.plot(
            np.where(window.beyond(values), np.nan, values),
            y + offsets,
            color=each.colour,
            marker=each.marker,
            linestyle="none",
            markersize=4.5,
            alpha=0.55,
        )
        low, high = window.drawn(np.array(mean_interval(values)))
        if math.isfinite(low):
            mean = window.drawn(np.array([values.mean()]))[0]
            axes.plot([low, high], [y, y], color=each.colour, linewidth=1.6)
            axes.plot([mean] * 2, [y - 0.3, y + 0.3], color=each.colour, linewidth=2.4)
        if (outside := window.extreme(np.array([*values, values.mean()]))) is not None:
            label_beyond(axes, each.colour, y, window, values.mean() if window.beyond(values.mean()) else outside)
    lines = min(MOST_IN_LABEL, max(1, MOST_LINES // len(ranked)))
    axes.set_yticks(range(len(ranked)), fitted([each.said for each in ranked], lines))
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    end_rows(axes, window, seen)
    write_beside(axes, answer, [each.label for each in ranked])
    several = any(each.finals.size > 1 for each in groups)
    axes.set(
        title=f"Final {figure_name(scores.metric)}",
        xlabel=scores_label(scores) + (": seeds, mean, 95 % t interval" if several else ""),
    )


def _balanced(text: str, width: int) -> str:
    """Wrap a text so that no line is left with a single word."""
    lines = -(-len(text) // width)
    return textwrap.fill(text, width if lines == 1 else min(width, len(text) // lines + 10))


def _how(answer: Answer) -> str:
    """Say by which test, and over how many comparisons, what is shown was judged."""
    together = f", {family(answer.comparisons)}" if len(answer.comparisons) > 1 else ""
    designs = {each.design.partition(":")[0] for each in answer.comparisons}
    tests = {
        "fixed": "the sign-flip test",
        "sequential": "sign-flip tests that hold at every look",
        "open": "e-values",
    }
    return f"paired by seed; p of {' or '.join(tests[each] for each in tests if each in designs)}{together}"


def _why_no_marks(compared: Sequence[Comparison]) -> str:
    reasons = {each.reason for each in compared if each.n > 1}
    return f"\nno verdicts: {reasons.pop()}" if len(reasons) == 1 and "" not in reasons else ""


def _finish(
    figure: Figure, answer: Answer, groups: list[Group], *, legend: bool = False, note: str = BANDS
) -> Figure:
    """Add what all pictures have: the setting, n and how to read them; where asked for, the legend."""
    counts = sorted({each.finals.size for each in groups})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    seeds = f"{n} finished run{'' if counts[-1] == 1 else 's'} per schedule"
    said = f"; {note}" if note and counts[-1] > 1 else ""
    lines = [answer.title if answer.experiment else answer.name, *f"{seeds}{said}".split("\n")]
    if legend:
        add_legend(figure, figure.axes[-1 if len(figure.axes) == 1 else 1])
    return titled(figure, lines)


def titled(figure: Figure, lines: Sequence[str]) -> Figure:
    """Write lines above a figure, and take no text of it for a formula."""
    width = TITLE_WIDTH * int(figure.get_figwidth())
    figure.suptitle("\n".join(_balanced(line, width) for line in lines), fontsize=8.5, color="#444444")
    for text in figure.findobj(Text):
        if text.get_text() and not text.get_text().startswith("$\\mathdefault"):  # the axes' own powers of ten
            text.set_parse_math(False)  # a label is no formula
    return figure
