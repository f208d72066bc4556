"""Pictures of one experiment. A schedule has the same colour, dashes and marker in all of them."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from lrbench.config import Config
from lrbench.errors import BadResults
from lrbench.plan import Experiment, Finished
from lrbench.records import Status
from lrbench.schedules import rates
from lrbench.show import PlotFormat
from lrbench.show.canvas import MARKERS, STYLE, add_legend, colour, dashes, log_if_wide, save, shown, thinned
from lrbench.stats import mean_interval

MOST_LINES = 18  # of labels beside an axis


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one schedule, and how it is drawn everywhere. Figures are (runs, epochs), nan after an end."""

    label: str
    runs: tuple[Finished, ...]
    colour: str
    dashes: object
    marker: str

    @property
    def legend(self) -> str:
        ends = [one.result.status for one in self.runs]
        lost = [f"{ends.count(end)} {end}" for end in (Status.DIVERGED, Status.FAILED) if end in ends]
        said = f"{self.label} ({', '.join(lost)} of {len(self.runs)})" if lost else self.label
        return shown(said)

    def epochs(self, field: str) -> NDArray[np.float64]:
        """Return a column of epochs.csv for each run: float64 (runs, epochs)."""
        found = np.full((len(self.runs), self.runs[0].run.setting.epochs), np.nan)
        for values, one in zip(found, self.runs, strict=True):
            for row in one.result.rows:
                value = getattr(row, field)
                values[row.epoch - 1] = np.nan if value is None or not math.isfinite(value) else value
        return found

    def finals(self) -> NDArray[np.float64]:
        """Return the final test accuracies of the runs that finished: float64 (n,)."""
        found = [one.result.test_accuracy for one in self.runs]
        return np.array([value for value in found if value is not None], float)


def draw(experiment: Experiment, form: PlotFormat, out: Path | None = None) -> list[Path]:
    """Draw all pictures of an experiment into `out` (default: its plots/). Return the files, the overview first.

    Raises BadResults if there is nothing to draw or the folder cannot be written.
    """
    if not experiment.finished:
        raise BadResults(f"{experiment.folder} holds no finished run.", "Train some with: lrbench run")
    folder = out or experiment.folder / "plots"
    paths = []
    with mpl.rc_context(STYLE):
        for name, figure in figures(experiment):
            paths.append(folder / f"{name}.{form}")
            save(figure, paths[-1])
    return paths


def figures(experiment: Experiment) -> Iterable[tuple[str, Figure]]:
    """Yield every picture with its name: `overview`, then one per panel."""
    groups = group(experiment)
    panels: dict[str, Callable[[Axes, list[Group]], None]] = {
        "rates": draw_rates,
        "train-loss": draw_train_loss,
        "val-loss": draw_val_loss,
        "val-accuracy": draw_val_accuracy,
        "test-accuracy": draw_test_accuracy,
    }
    if experiment.setting.validate_on == "none":
        del panels["val-loss"], panels["val-accuracy"]
    quarters = [name for name in panels if name != "val-loss"]
    overview = Figure(figsize=(11, 3.9 * math.ceil(len(quarters) / 2)), layout="constrained")
    for axes, name in zip(overview.subplots(math.ceil(len(quarters) / 2), 2).flat, quarters, strict=False):
        panels[name](axes, groups)
    for axes in overview.axes[len(quarters) :]:
        axes.set_axis_off()
    _finish(overview, experiment, legend=True)
    yield "overview", overview
    for name, panel in panels.items():
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        panel(figure.subplots(), groups)
        _finish(figure, experiment, legend=name != "test-accuracy")
        yield name, figure


def looks(labels: Iterable[str]) -> dict[str, int]:
    """Return a number for each label that decides how it is drawn.

    The schedules of the default comparison have the same one in every experiment; the others take what is free.
    """
    fixed = {name: i for i, name in enumerate(Config().schedulers)}
    found = {label: fixed[label] for label in labels if label in fixed}
    free = (i for i in itertools.count() if i not in set(found.values()))
    return found | {label: next(free) for label in sorted(set(labels) - set(fixed))}


def group(experiment: Experiment) -> list[Group]:
    """Return the runs by schedule, each with a look of its own."""
    runs: dict[str, list[Finished]] = {}
    for one in experiment.finished:
        runs.setdefault(one.run.schedule.label, []).append(one)
    return [
        Group(label, tuple(runs[label]), colour(i), dashes(i), MARKERS[i % len(MARKERS)])
        for label, i in sorted(looks(runs).items(), key=lambda item: item[1])
    ]


def draw_rates(axes: Axes, groups: list[Group]) -> None:
    """The rate that every update used; where seeds differ (plateau), their mean and range."""
    lowest, highest = math.inf, 0.0
    for each in groups:
        steps = thinned(each.runs[0].run.setting.horizon.steps)
        table = used_rates(each, steps)
        positive = table[table > 0]
        if positive.size:
            lowest, highest = min(lowest, float(positive.min())), max(highest, float(positive.max()))
        _mean_and_range(axes, steps, table, each, marker=None, drawstyle="steps-post")
    log_if_wide(axes, lowest, highest)
    axes.set(title="Learning rate per update", xlabel="step", ylabel="learning rate")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def used_rates(each: Group, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the rates that a schedule used at some steps: float64 (curves, steps), nan after a run's end.

    One curve, unless feedback made the seeds' rates differ: what `lr` logs of each epoch then scales its part.
    """
    run = each.runs[0].run
    horizon = run.setting.horizon
    if run.schedule.is_users_own:  # their code is not run to look at results: straight lines from lr_first to lr
        longest = int(np.argmax([len(one.result.rows) for one in each.runs]))
        first, last = each.epochs("lr_first")[longest], each.epochs("lr")[longest]
        return np.linspace(first, last, horizon.steps_per_epoch, axis=1).reshape(1, horizon.steps)[:, steps]
    table = rates(run.schedule, horizon)
    if run.schedule.feedback(horizon) is None:
        return table[None, steps]
    ends = table[horizon.steps_per_epoch - 1 :: horizon.steps_per_epoch]
    scale = each.epochs("lr") / ends
    return np.asarray(scale[:, steps // horizon.steps_per_epoch] * table[steps])


def draw_train_loss(axes: Axes, groups: list[Group]) -> None:
    """Mean training loss of each epoch."""
    _per_epoch(axes, groups, "train_loss", "Training loss", "nats per example")


def draw_val_loss(axes: Axes, groups: list[Group]) -> None:
    """Validation loss after each epoch."""
    _per_epoch(axes, groups, "val_loss", "Validation loss", "nats per example")


def draw_val_accuracy(axes: Axes, groups: list[Group]) -> None:
    """Validation accuracy after each epoch."""
    _per_epoch(axes, groups, "val_accuracy", "Validation accuracy", "% of examples", scale=100)


def _per_epoch(axes: Axes, groups: list[Group], field: str, title: str, unit: str, scale: float = 1) -> None:
    values = [scale * each.epochs(field) for each in groups]
    for each, table in zip(groups, values, strict=True):
        _mean_and_range(axes, np.arange(1, table.shape[1] + 1), table, each, marker=each.marker)
    everything = np.concatenate([table[np.isfinite(table)] for table in values])
    positive = everything[everything > 0]
    if scale == 1 and positive.size:
        log_if_wide(axes, float(positive.min()), float(positive.max()))
    elif everything.size:  # the first epochs may fall off, so that the last ones can be told apart
        lowest = everything.max() - 4 * _spread(values)
        if lowest > everything.min():
            axes.set_ylim(bottom=lowest)
            title += ", the last epochs (the first lie below)"
    axes.set(title=title, xlabel="epoch", ylabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))


def _spread(values: list[NDArray[np.float64]]) -> float:
    """How far the last epochs reach from the best value down, with some air; at least 1."""
    last = np.concatenate([table[:, -1] for table in values])
    last = last[np.isfinite(last)]
    return max(1.0, float(last.max() - np.median(last))) if last.size else 25.0


def draw_test_accuracy(axes: Axes, groups: list[Group]) -> None:
    """Final test accuracy: every seed a dot, the mean a bar, its 95 % t interval a line. Best on top."""
    ranked = sorted(groups, key=lambda each: each.finals().mean() if each.finals().size else -1)
    for y, each in enumerate(ranked):
        values = 100 * each.finals()
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
    several = any(each.finals().size > 1 for each in groups)
    axes.set(
        title="Final test accuracy" + (": seeds, mean, 95 % t interval" if several else ""),
        xlabel="% of examples",
    )


def _mean_and_range(
    axes: Axes,
    x: NDArray[np.int64],
    table: NDArray[np.float64],
    each: Group,
    marker: str | None,
    drawstyle: Literal["default", "steps-post"] = "default",
) -> None:
    """Draw the mean over runs, and with several runs the band from the lowest to the highest; (runs, x)."""
    alive = np.isfinite(table).any(axis=0)
    x, table = x[alive], table[:, alive]
    if table.shape[0] > 1:
        low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
        step: Any = "post" if drawstyle == "steps-post" else None
        axes.fill_between(x, low, high, step=step, color=each.colour, alpha=0.13, linewidth=0)
    axes.plot(
        x,
        np.nanmean(table, axis=0),
        color=each.colour,
        linestyle=each.dashes,
        marker=marker,
        markersize=4,
        linewidth=1.6,
        label=each.legend,
        drawstyle=drawstyle,
    )


def _finish(figure: Figure, experiment: Experiment, *, legend: bool) -> None:
    counts = sorted({each.finals().size for each in group(experiment)})
    n = f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "")
    seeds = f"{n} finished run{'' if counts[-1] == 1 else 's'} per schedule"
    band = "; lines are means, bands reach from the lowest to the highest seed" if counts[-1] > 1 else ""
    figure.suptitle(f"{experiment.setting.describe()}\n{seeds}{band}", fontsize=8.5, color="#444444")
    if legend:
        add_legend(figure, figure.axes[-1 if len(figure.axes) == 1 else 1])
    for text in figure.findobj(Text):
        if text.get_text() and not text.get_text().startswith("$\\mathdefault"):  # the axes' own powers of ten
            text.set_parse_math(False)  # a label is no formula
