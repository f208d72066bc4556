"""How a command goes, told on stderr: live bars on a terminal, plain lines in a pipe, nothing with --quiet."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from lrbench.plan import Plan
from lrbench.runner.listener import Listener
from lrbench.runs import Damage, Experiment, Figure, Finished, Row, Run, Status, Subject
from lrbench.schedules.names import Named, names
from lrbench.searches import Search, runs_of
from lrbench.show import counted, note_lines, printable, sentences, setting_lines

if TYPE_CHECKING:
    from lrbench.show.standing import Standing


def progress_for(
    stream: TextIO, *, quiet: bool = False, verbose: bool = False, log: TextIO | None = None
) -> Listener:
    """Return the listener that suits the stream. Its lines also go into `log`; with `quiet`, only there."""
    console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
    if quiet:
        return Lines(None, verbose, log)
    if console.is_terminal and not console.is_dumb_terminal:
        return Bars(console, verbose, log)
    return Lines(console, verbose, log)


class Lines(Listener):
    """A line at the start and one per finished run; with `verbose`, one per epoch. In a log, each has its time."""

    def __init__(self, console: Console | None, verbose: bool, log: TextIO | None = None) -> None:
        self._console = console
        self._verbose = verbose
        self._log = log
        self._todo = 0
        self._finished = 0
        self._names: dict[Named, str] = {}

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
        self._todo = len(todo)
        self._names = plan.names
        for line in start_lines(plan, todo, folder):
            self._say(line)

    def on_search(self, search: Search, folder: Path, plan: Plan) -> None:
        for line in search_lines(search, folder, plan):
            self._say(line)

    def on_stage(self, stage: str, runs: Sequence[Run], todo: Sequence[Run], experiment: Experiment) -> None:
        self._todo, self._finished = len(todo), 0
        self._names = names([*experiment.names, *(run.named for run in runs)])
        done = f", {len(runs) - len(todo)} of them done already" if len(todo) < len(runs) else ""
        self._say(f"{stage}: {counted(len(runs), 'run')}{done}.")

    def on_damage(self, damage: Damage, moved: bool) -> None:
        self._say(f"Damaged: {damage.text}")
        self._say("  Moved to quarantine/; it is trained again." if moved else f"  {damage.hint}")

    def on_remark(self, text: str) -> None:
        self._say(f"Note: {text}")

    def on_resume(self, run: Run, epochs: int) -> None:
        self._say(f"{self._name(run)}: goes on after epoch {epochs} of {run.setting.epochs}")

    def on_epoch(self, run: Run, row: Row) -> None:
        if self._verbose:
            val = validated(row, run.setting.subject)
            epoch = f"epoch {row.epoch}/{run.setting.epochs}"
            self._say(f"{self._name(run)}: {epoch} {figures(row, run.setting.subject)}{val}")

    def on_finished(self, run: Run, finished: Finished) -> None:
        self._finished += 1
        self._say(f"[{self._finished}/{self._todo}] {self._name(run)}: {end(finished)}")

    def on_elsewhere(self, run: Run, finished: Finished) -> None:
        self._finished += 1
        self._say(f"[{self._finished}/{self._todo}] {self._name(run)}: {end(finished)}, by another command")

    def on_wait(self, runs: int) -> None:
        self._say(f"Waiting for another command, which is at work on {counted(runs, 'run')}.")

    def on_signal(self, name: str) -> None:
        self._say(f"{name}: ending the epochs under way. Once more stops at once.")

    def _say(self, text: str) -> None:
        if self._console:
            self._console.print(Text(printable(text)))
        if self._log:
            self._log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {printable(text)}\n")
            self._log.flush()

    def _called(self, schedule: Named) -> str:
        """What a schedule is called among those of the plan."""
        return self._names.get(schedule, schedule.words)

    def _name(self, run: Run) -> str:
        """A run's name for people: `cosine, seed 0`."""
        return f"{self._called(run.named)}, seed {run.seed}"


class Counted(Lines):
    """As Lines; also counts the epochs that are behind each run, of all that are to be trained."""

    def __init__(self, console: Console | None, verbose: bool, log: TextIO | None = None) -> None:
        super().__init__(console, verbose, log)
        self._epochs = 0
        self._reached: dict[str, int] = {}  # by run: one that begins again goes back

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
        super().on_start(plan, todo, folder)
        self._epochs = sum(run.setting.epochs for run in todo)

    def on_resume(self, run: Run, epochs: int) -> None:
        super().on_resume(run, epochs)
        self._reach(run, epochs)

    def on_epoch(self, run: Run, row: Row) -> None:
        super().on_epoch(run, row)
        self._reach(run, row.epoch)

    def on_finished(self, run: Run, finished: Finished) -> None:
        super().on_finished(run, finished)
        self._reach(run, run.setting.epochs)  # also what a diverged run left out

    def on_elsewhere(self, run: Run, finished: Finished) -> None:
        super().on_elsewhere(run, finished)
        self._reach(run, run.setting.epochs)

    def _reach(self, run: Run, epochs: int) -> None:
        self._reached[run.run_id] = epochs


class BarsAndStanding(Progress):
    """Rich's bars, and the standing below them if there is one and the terminal has room for it."""

    standing: "Standing | None" = None

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        if self.standing:
            table = self.standing.table(self.console.height - len(self.tasks) - 1)  # what is taller is not erased
            if table:
                yield table


class Bars(Counted):
    """As Lines, and below them a bar for all runs, one for each under way, and with several seeds the standing."""

    def __init__(self, console: Console, verbose: bool, log: TextIO | None = None) -> None:
        super().__init__(console, verbose, log)
        self._progress = BarsAndStanding(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=6 if console.width < 100 else 20),
            TextColumn("{task.fields[said]}", markup=False, table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=console,
            transient=True,
        )
        self._all: TaskID | None = None
        self._each: dict[str, TaskID] = {}

    def on_start(self, plan: Plan, todo: Sequence[Run], folder: Path) -> None:
        super().on_start(plan, todo, folder)
        if todo and len(plan.seeds) > 1:
            from lrbench.show.standing import Standing  # scipy: one seed has no interval

            self._progress.standing = Standing(plan.setting.subject.compared)
        if todo:
            self._all = self._progress.add_task("all runs", total=self._epochs, said=f"0/{len(todo)} done")
            self._progress.start()

    def on_stage(self, stage: str, runs: Sequence[Run], todo: Sequence[Run], experiment: Experiment) -> None:
        super().on_stage(stage, runs, todo, experiment)
        self._reached = {}
        if self._all is not None:
            self._progress.remove_task(self._all)
            self._all = None
        if todo:
            epochs = sum(run.setting.epochs for run in todo)
            self._all = self._progress.add_task("these runs", total=epochs, said=f"0/{len(todo)} done")
            self._progress.start()

    def on_stored(self, finished: Finished) -> None:
        super().on_stored(finished)
        self._stands(finished)

    def on_epoch(self, run: Run, row: Row) -> None:
        super().on_epoch(run, row)
        if run.run_id not in self._each:
            self._each[run.run_id] = self._progress.add_task(self._short(run), total=run.setting.epochs, said="")
        said = f"{row.epoch}/{run.setting.epochs} {figures(row, run.setting.subject)}"
        self._progress.update(self._each[run.run_id], completed=row.epoch, said=said)

    def on_finished(self, run: Run, finished: Finished) -> None:
        super().on_finished(run, finished)
        if run.run_id in self._each:
            self._progress.remove_task(self._each.pop(run.run_id))
        self._stands(finished)

    def on_elsewhere(self, run: Run, finished: Finished) -> None:
        super().on_elsewhere(run, finished)
        self._stands(finished)

    def close(self) -> None:
        self._progress.stop()

    def _stands(self, finished: Finished) -> None:
        if self._progress.standing:
            self._progress.standing.add(self._called(finished.schedule), finished)

    def _short(self, run: Run) -> str:
        """Return a run's name in at most 20 characters."""
        seed = f" s{run.seed}"
        room = 20 - len(seed)
        label = self._called(run.named)
        return (label if len(label) <= room else label[: room - 1] + "…") + seed

    def _reach(self, run: Run, epochs: int) -> None:
        super()._reach(run, epochs)
        if self._all is not None:
            said = f"{self._finished}/{self._todo} done"
            self._progress.update(self._all, completed=sum(self._reached.values()), said=said)


def start_lines(plan: Plan, todo: Sequence[Run], folder: Path) -> list[str]:
    """Return what is known before anything is loaded."""
    schedules, seeds = len(plan.schedules), len(plan.seeds)
    most = "at most " if plan.at_most else ""
    runs = (
        f"{counted(schedules, 'schedule')} × {counted(seeds, 'seed')} = {most}{counted(schedules * seeds, 'run')}"
        f" of {counted(plan.setting.epochs, 'epoch')}"
    )
    lines = [f"lrbench: {runs}, into {folder}", *setting_lines(plan)]
    lines += [f"Warning: {warning}" for warning in plan.warnings]
    if not plan.runs:
        lines.append("There are more shards than runs: nothing to train.")
    elif not todo:
        every = "The run is" if len(plan.runs) == 1 else f"All {counted(len(plan.runs), 'run')} are"
        lines.append(f"{every} done already: nothing to train.")
    else:
        if len(todo) < len(plan.runs):
            lines.append(f"Done already: {len(plan.runs) - len(todo)} of {counted(len(plan.runs), 'run')}.")
        if plan.setting.engine != "fake":
            lines.append("Loading TensorFlow and the data …")
    return lines


def search_lines(search: Search, folder: Path, plan: Plan) -> list[str]:
    """Return what is known of a search before anything is loaded."""
    counts = f"{counted(len(search.rates), 'rate')} and {search.refine} around the best"
    lines = [
        f"lrbench: {counted(len(search.contenders), 'schedule')}, each with {counts} × "
        f"{counted(len(search.tune_seeds), 'tuning seed')} = {counted(search.budget, 'trial')}, then "
        f"{counted(len(search.seeds), 'fresh seed')}: {counted(runs_of(search), 'run')}, into {folder}",
        plan.setting.describe(f"peak rates {', '.join(f'{rate:g}' for rate in search.rates)}"),
    ]
    return [*lines, *note_lines(plan)]


def figures(row: Row, subject: Subject) -> str:
    """Return an epoch's figures in one line: the loss, what schedules are compared by, and the last rate."""
    shown = dict.fromkeys((subject.figures[0], subject.compared))
    values = [f"{short(each)} {sentences.value(each, row.train[subject.figures.index(each)])}" for each in shown]
    return f"{' '.join(values)} rate {row.lr:.3g}"


def validated(row: Row, subject: Subject) -> str:
    """Return the validation figure of an epoch, with a space before it; empty without validation."""
    if row.val is None:
        return ""
    figure = subject.compared
    return f" val {short(figure)} {sentences.value(figure, row.val[subject.figures.index(figure)])}"


def short(figure: Figure) -> str:
    """Return a figure's name for a narrow place: `loss`, `acc`, `mae` for mean_absolute_error."""
    words = figure.name.split("_")
    if len(words) > 1:
        return "".join(word[0] for word in words)
    return figure.name if len(figure.name) <= 4 else figure.name[:3]


def end(finished: Finished) -> str:
    """Return how a run ended, in one line."""
    result, figure = finished.result, finished.setting.subject.compared
    if result.error is not None:
        return f"FAILED: {result.error.strip().splitlines()[-1]}"
    seconds = result.seconds.train + result.seconds.evaluate
    if result.status is Status.DIVERGED:
        return f"DIVERGED in epoch {len(result.rows)}, its loss is not finite"
    value = sentences.value(figure, finished.final(f"test_{figure.name}"))
    return f"test {figure.title} {value}  ({seconds:.1f} s)"
