"""The command line: parse, open one room, print. Heavy rooms are opened inside the commands."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import lrbench
from lrbench.errors import BadResults, EngineUnavailable, LrbenchError, Stopped
from lrbench.records import Status
from lrbench.show import PlotFormat, SummaryFormat

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.plan import Experiment, Plan
    from lrbench.runner import Outcome

DONE, FAILED, BROKEN = 0, 1, 3  # BROKEN: finished, but something diverged or was damaged


class SpokenErrors(TyperGroup):
    """Turns every error into one line of what and one of what to do, on stderr, and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """As Typer's, but errors are spoken here; it always ends in SystemExit."""
        words = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in words
        words = [word for word in words if word != "--debug"]
        extra["obj"] = {"debug": debug}
        try:
            code = super().main(words, "lrbench", complete_var, False, windows_expand_args, **extra)
            sys.exit(code or DONE)
        except Stopped as stopped:
            speak(stopped.problem, f"Go on with: {shlex.join(['lrbench', *words])}")
            sys.exit(stopped.exit_code)
        except LrbenchError as error:
            if debug:
                raise
            speak(error.problem, error.hint)
            sys.exit(error.exit_code)
        except TyperException as error:  # an unknown option, a missing argument
            known = [word for word in words[:1] if word in self.commands]
            speak(error.format_message(), f"See: {' '.join(['lrbench', *known])} --help")
            sys.exit(error.exit_code)
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has gone; nobody is left to tell
            sys.exit(FAILED)
        except Exception as error:
            if debug:
                raise
            speak(
                f"Unexpected failure: {type(error).__name__}: {error}",
                "Give the command again with --debug to see where; that is worth a bug report.",
            )
            sys.exit(FAILED)


def speak(problem: str, hint: str) -> None:
    """Print the two lines of an error on stderr."""
    typer.echo(f"Error: {' '.join(problem.split())}", err=True)
    typer.echo(f"  {hint}", err=True)


app = typer.Typer(
    cls=SpokenErrors,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="With any command: show tracebacks and TensorFlow's noise.")
    ] = False,
) -> None:
    """Which learning-rate schedule should I use, and is the difference real or noise?

    \b
    lrbench run                  compare six schedules on all of MNIST
    lrbench plot results/        draw what came out
    lrbench summary results/     say who came first
    """
    if version:
        typer.echo(f"lrbench {lrbench.__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE|PRESET",
            help="A TOML file, or a preset that comes with lrbench: quick.",
        ),
    ] = None,
    schedulers: Annotated[
        str | None,
        typer.Option(
            "--schedulers",
            "-s",
            metavar="LIST",
            help="Schedules, separated by commas. [constant,step,exponential,cosine,cyclical,plateau]",
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N|LIST", help="A number of seeds, or a list: 0,3,7. [1, that is seed 0]")
    ] = None,
    epochs: Annotated[str | None, typer.Option(metavar="N", help="Passes over the training set. [15]")] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="N", help="Examples per update. [32]")] = None,
    lr: Annotated[
        str | None, typer.Option(metavar="RATE", help="The peak rate of every schedule that names none. [0.1]")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help='sgd, adam, …; with parameters: "sgd(momentum=0.9)". [sgd]')
    ] = None,
    hidden: Annotated[str | None, typer.Option(metavar="N", help="Units of the hidden layer. [128]")] = None,
    problem: Annotated[str | None, typer.Option(metavar="NAME", help="What is trained. [mnist]")] = None,
    train_size: Annotated[
        str | None,
        typer.Option(metavar="N", help="Train on a class-balanced subset of N images. [all that remain]"),
    ] = None,
    val_size: Annotated[
        str | None,
        typer.Option(metavar="N", help="Images taken off the training set for validation; 0 for none. [5000]"),
    ] = None,
    validate_on: Annotated[
        str | None,
        typer.Option(
            metavar="split|test", help="test: train on all, validate on the test set, as tutorials do. [split]"
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="compiled, or fit (Keras's Model.fit), or fake (made-up figures). [compiled]"
        ),
    ] = None,
    jobs: Annotated[
        str | None, typer.Option("--jobs", "-j", metavar="N", help="Runs that train side by side. [one per core]")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="DIR", help="The results folder. [results]")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The experiment's folder in it. [made from the setting]")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="List the runs; train and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress; only the summary and errors.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for every epoch.")] = False,
) -> int:
    """Train schedules side by side, and show the summary.

    Every schedule is trained with every seed; what is stored already is not trained again.
    Every option also goes into a configuration file (batch_size = 64) or the environment
    (LRBENCH_BATCH_SIZE=64).

    \b
    lrbench run
    lrbench run --schedulers step,cosine --seeds 10
    lrbench run -s "step(every=5 epochs, gamma=0.1),slow=cosine(lr=0.01)" --epochs 20
    """
    from lrbench.config import Config, load
    from lrbench.plan import make_plan

    config_keys = {key: value for key, value in context.params.items() if key in Config.model_fields}
    wishes = load(config, config_keys)
    plan = make_plan(wishes)
    if dry_run:
        return _list_runs(plan, wishes.out)
    outcome = _conduct(wishes, debug=context.obj["debug"], quiet=quiet, verbose=verbose)
    show([outcome.experiment], "json" if as_json else "table")
    folder = shlex.quote(str(outcome.experiment.folder))
    if not quiet:
        typer.echo(f"Stored in {folder}\nNext: lrbench plot {folder}", err=True)
    return BROKEN if any(one.result.status is not Status.DONE for one in outcome.planned) else DONE


@app.command()
def plot(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    format: Annotated[PlotFormat, typer.Option(help="File format of the pictures.")] = "png",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to. [plots/ in the experiment's folder]")
    ] = None,
) -> int:
    """Draw the pictures of every experiment.

    Prints the files' names, the overview first.

    \b
    lrbench plot results/
    lrbench plot results/ --format svg --out pictures
    """
    experiments, code = _load(results)
    from lrbench.show import plots  # matplotlib: only this command pays for it

    for experiment in experiments:
        folder = out / experiment.name if out and len(experiments) > 1 else out
        for path in plots.draw(experiment, format, folder):
            typer.echo(path)
    return code


@app.command()
def summary(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    format: Annotated[SummaryFormat, typer.Option(help="A table to read, or clean data on stdout.")] = "table",
) -> int:
    """Show the final figures of every schedule.

    The best mean test accuracy comes first.

    \b
    lrbench summary results/
    lrbench summary results/ --format json
    """
    experiments, code = _load(results)
    show(experiments, format)
    return code


def show(experiments: "Sequence[Experiment]", format: SummaryFormat) -> None:
    """Print the summaries of experiments on stdout."""
    from lrbench.show import tables

    tables.write(experiments, format, sys.stdout)


def _load(results: Path) -> "tuple[list[Experiment], int]":
    """Read all experiments that have a finished run; say on stderr what was damaged, and return the exit code."""
    from lrbench.store import load_all

    experiments, damage = load_all(results)
    for text in damage:
        speak(f"Damaged and left out: {text}", "The same `lrbench run` as before trains it again.")
    finished = [experiment for experiment in experiments if experiment.finished]
    if not finished:
        raise BadResults(f"{results} holds no finished run.", f"Train some with: lrbench run -o {results}")
    return finished, BROKEN if damage else DONE


def _conduct(wishes: "Config", *, debug: bool, quiet: bool, verbose: bool) -> "Outcome":
    """Train, with progress on stderr and TensorFlow's noise kept off it."""
    from lrbench import runner
    from lrbench.show import noise, progress

    def tabulate(experiment: "Experiment") -> bytes:
        from lrbench import summary  # pandas: not before something is to be tabulated

        return summary.as_csv(summary.summarize(experiment)).encode()

    with noise.kept_off_screen(show=debug) as kept, runner.signals_raise():
        listener = progress.progress_for(sys.stderr, quiet=quiet, verbose=verbose)
        try:
            return runner.conduct(wishes, listener, tabulate)
        except EngineUnavailable:
            typer.echo(kept.read(), err=True)
            raise
        finally:
            listener.close()


def _list_runs(plan: "Plan", results: Path) -> int:
    """Print what `run` would do."""
    from lrbench.store import load

    folder = results / plan.experiment
    done = {one.run.run_id for one in load(folder).finished} if (folder / "experiment.json").exists() else set()
    typer.echo(f"{folder}: {plan.setting.describe()}")
    for each in plan.runs:
        typer.echo(
            f"{'done ' if each.run_id in done else 'to do'}  {each.run_id}  {each.schedule}, seed {each.seed}"
        )
    for warning in plan.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    return DONE


def main() -> None:
    """Run the command line."""
    app(prog_name="lrbench")
