"""Pictures of one experiment. A schedule has the same colour, dashes and marker in all of them."""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from lrbench.errors import BadResults
from lrbench.judging.comparisons import Comparison
from lrbench.judging.questions import Answer
from lrbench.judging.scores import Scores
from lrbench.judging.statistics import mean_interval
from lrbench.runs import Figure as Measured
from lrbench.runs import Setting
from lrbench.schedules.knots import interpolate
from lrbench.show import PlotFormat
from lrbench.show.canvas import STYLE, add_legend, label_y, log_if_needed, log_if_wide, save, thinned
from lrbench.show.groups import Group, group, lowest_shown, mean_and_range, name_cut, within
from lrbench.show.panels import MANY, draw_small_multiples, draw_target
from lrbench.show.sentences import axis_label, family, figure_name
from lrbench.show.verdict_plots import draw_all_pairs, draw_forest, percents, scores_label

MOST_LINES = 18  # of labels beside an axis
TITLE_WIDTH = 14  # characters per inch
BANDS = "lines are means, bands reach from the lowest to the highest seed"


def draw(answer: Answer, form: PlotFormat, out: Path | None = None) -> list[Path]:
    """Draw all pictures of an answer into `out`, or its experiment's plots/. Return the files, the overview first.

    Raises BadResults if there is nothing to draw or the folder cannot be written.
    """
    experiment = answer.experiment
    if experiment is None or not experiment.finished:
        where = experiment.folder if experiment else answer.name
        raise BadResults(f"{where} holds no finished run.", "Train some with: lrbench run")
    folder = out or experiment.folder / "plots"
    paths = []
    with mpl.rc_context(STYLE):
        for name, figure in figures(answer):
            paths.append(folder / f"{name}.{form}")
            save(figure, paths[-1])
    return paths


def figures(answer: Answer) -> Iterable[tuple[str, Figure]]:
    """Yield every picture with its name: `overview`, one per panel, then those that not every answer has."""
    assert answer.experiment is not None
    groups = group(answer)
    final = final_name(answer.scores.metric)
    panels: dict[str, Callable[[Axes, list[Group]], None]] = {
        "rates": draw_rates,
        **_per_figure(answer.experiment.setting),
        final: partial(draw_final, scores=answer.scores),
    }
    loss = f"val-{answer.experiment.setting.subject.figures[0].name}"
    quarters = [panel for name, panel in panels.items() if name != loss]  # one loss is enough there
    yield "overview", _finish(_overview(quarters, groups), answer, groups, legend=True)
    for name, panel in panels.items():
        seeds = name == final
        figure = Figure(figsize=(8, max(4.8, _beside(groups)) if seeds else 4.8), layout="constrained")
        panel(figure.subplots(), groups)
        yield name, _finish(figure, answer, groups, legend=not seeds, note="" if seeds else BANDS)
    if any(each.n > 1 for each in answer.comparisons):
        if answer.baseline is not None:
            yield "forest", _finish(draw_forest(answer, groups), answer, groups, note=_how(answer))
        note = _how(answer) + _why_no_marks(answer.comparisons)
        yield "all-pairs", _finish(draw_all_pairs(answer, groups), answer, groups, note=note)
    if answer.reached:
        yield "target", _finish(draw_target(answer.reached, groups), answer, groups, legend=True)
    validated = answer.experiment.setting.validate_on != "none"
    if len(groups) > MANY:
        subject = answer.experiment.setting.subject
        measured = subject.compared if validated else subject.figures[0]
        figure = draw_small_multiples(groups, measured, "val" if validated else "train")
        yield "small-multiples", _finish(figure, answer, groups, note=f"{BANDS}; grey: the others' means")


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
    overview = Figure(figsize=(11, rows * max(3.9, _beside(groups))), layout="constrained")
    for axes, panel in zip(overview.subplots(rows, 2).flat, quarters, strict=False):
        panel(axes, groups)
    for axes in overview.axes[len(quarters) :]:
        axes.set_axis_off()
    return overview


def draw_rates(axes: Axes, groups: list[Group]) -> None:
    """The rate that every update used; where seeds differ (plateau), their mean and range."""
    steps = thinned(groups[0].runs[0].setting.horizon.steps)
    tables, cut = within(groups, [used_rates(each, steps) for each in groups])
    for each, table in zip(groups, tables, strict=True):
        mean_and_range(axes, steps, table, each, marker=None, drawstyle="steps-post")
    log_if_needed(axes, tables)
    name_cut(axes, cut)
    axes.set(title="Learning rate per update", xlabel="step")
    label_y(axes, "learning rate")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def used_rates(each: Group, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rates that a schedule used at some steps: float64 (curves, steps), nan after a run's end.

    One curve, unless feedback made the seeds' rates differ: what `lr` logs of each epoch then scales its part.
    """
    first = each.runs[0]
    horizon = first.setting.horizon
    longest = int(np.argmax([len(one.result.rows) for one in each.runs]))
    epochs = steps // horizon.steps_per_epoch
    if first.curve is None:  # stored by an early version: straight lines from lr_first to lr
        rows = slice(None) if first.schedule.feedback else slice(longest, longest + 1)
        begin, end = each.epochs("lr_first")[rows, epochs], each.epochs("lr")[rows, epochs]
        share = steps % horizon.steps_per_epoch / max(horizon.steps_per_epoch - 1, 1)
        return np.asarray(begin + share * (end - begin))
    planned = interpolate(first.curve, steps)
    if not first.schedule.feedback:
        return np.where(epochs < len(each.runs[longest].result.rows), planned, np.nan)[None, :]
    ends = interpolate(first.curve, np.arange(1, horizon.epochs + 1) * horizon.steps_per_epoch - 1)
    scale = each.epochs("lr") / np.where(ends > 0, ends, 1)
    return np.asarray(scale[:, epochs] * planned)


def draw_epochs(axes: Axes, groups: list[Group], figure: Measured, split: str) -> None:
    """A figure of the training or validation examples after each epoch."""
    title = f"{'Training' if split == 'train' else 'Validation'} {figure.title}"
    scale = 100 if figure.is_share else 1
    _per_epoch(axes, groups, f"{split}_{figure.name}", title, axis_label(figure), scale)


def _per_epoch(axes: Axes, groups: list[Group], field: str, title: str, unit: str, scale: float = 1) -> None:
    values, cut = within(groups, [scale * each.epochs(field) for each in groups])
    for each, table in zip(groups, values, strict=True):
        mean_and_range(axes, np.arange(1, table.shape[1] + 1), table, each, marker=each.marker)
    positive = np.concatenate([table[table > 0] for table in values])
    if scale == 1 and positive.size:
        log_if_wide(axes, float(positive.min()), float(positive.max()))
    elif scale != 1 and (lowest := lowest_shown(values)) is not None:
        axes.set_ylim(bottom=lowest)
        title += ", the last epochs (the first lie below)"
    name_cut(axes, cut)
    axes.set(title=title, xlabel="epoch")
    label_y(axes, unit)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def draw_final(axes: Axes, groups: list[Group], scores: Scores) -> None:
    """The final figure: every seed a dot, the mean a bar, its 95 % t interval a line. Best on top."""
    looks = {each.label: each for each in groups}
    ranked = [looks[label] for label in reversed(scores.ranked())]
    for y, each in enumerate(ranked):
        values = percents(scores) * each.finals
        if not values.size:
            continue
        offsets = np.linspace(-0.22, 0.22, values.size) if values.size > 1 else np.zeros(1)
        axes.plot(
            values,
            y + offsets,
            color=each.colour,
            marker=each.marker,
            linestyle="none",
            markersize=4.5,
            alpha=0.55,
        )
        low, high = mean_interval(values)
        if math.isfinite(low):
            axes.plot([low, high], [y, y], color=each.colour, linewidth=1.6)
            axes.plot([values.mean()] * 2, [y - 0.3, y + 0.3], color=each.colour, linewidth=2.4)
    names = [each.legend for each in ranked]
    if len(names) * max(name.count("\n") + 1 for name in names) > MOST_LINES:
        names = [name if "\n" not in name else name.partition("\n")[0] + " …" for name in names]
    axes.set_yticks(range(len(ranked)), names)
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    several = any(each.finals.size > 1 for each in groups)
    axes.set(
        title=f"Final {figure_name(scores.metric)}" + (": seeds, mean, 95 % t interval" if several else ""),
        xlabel=scores_label(scores),
    )


def _balanced(text: str, width: int) -> str:
    """Wrap a text so that no line is left with a single word."""
    lines = -(-len(text) // width)
    return textwrap.fill(text, width if lines == 1 else min(width, len(text) // lines + 10))


def _how(answer: Answer) -> str:
    """Say by which test, and over how many comparisons, what is shown was judged."""
    together = f", {family(answer.comparisons)}" if len(answer.comparisons) > 1 else ""
    return f"paired by seed; p of the sign-flip test{together}"


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
    setting = _balanced(answer.title, TITLE_WIDTH * int(figure.get_figwidth()))
    figure.suptitle(f"{setting}\n{seeds}{said}", fontsize=8.5, color="#444444")
    if legend:
        add_legend(figure, figure.axes[-1 if len(figure.axes) == 1 else 1])
    for text in figure.findobj(Text):
        if text.get_text() and not text.get_text().startswith("$\\mathdefault"):  # the axes' own powers of ten
            text.set_parse_math(False)  # a label is no formula
    return figure
