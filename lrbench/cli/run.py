"""`lrbench run`: train what is missing."""

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, complete, speak
from lrbench.cli.results import show
from lrbench.errors import EngineUnavailable
from lrbench.runs import Status
from lrbench.show import printable

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.runs import Experiment
    from lrbench.runner import Outcome


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
            autocompletion=complete,
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
    checkpoint_every: Annotated[
        str | None, typer.Option(metavar="N", help="Epochs after which a run can go on if it is interrupted. [1]")
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
    verify: Annotated[
        bool, typer.Option("--verify", help="Train a sample of the finished runs again and compare the bytes.")
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
    lrbench run --verify
    """
    from lrbench.config import Config, load

    config_keys = {key: value for key, value in context.params.items() if key in Config.model_fields}
    wishes = load(config, config_keys)
    if dry_run:
        return _list_runs(wishes)
    if verify:
        return _verify(wishes, debug=context.obj["debug"])
    outcome = _conduct(wishes, debug=context.obj["debug"], quiet=quiet, verbose=verbose)
    show([outcome.experiment], "json" if as_json else "table")
    folder = shlex.quote(str(outcome.experiment.folder))
    if not quiet:
        typer.echo(printable(f"Stored in {folder}"), err=True)
        typer.echo(printable(f"Next: lrbench plot {folder}"), err=True)
    failed = [one for one in outcome.planned if one.failed]
    if failed:
        runs = "1 run" if len(failed) == 1 else f"{len(failed)} runs"
        speak(
            f"{runs} failed; run.json in {outcome.experiment.folder / 'runs' / failed[0].run.run_id} says where.",
            "The same command again tries them once more.",
        )
    broken = any(one.result.status is not Status.DONE for one in outcome.planned)
    return BROKEN if broken or outcome.experiment.damage else DONE


def _conduct(wishes: "Config", *, debug: bool, quiet: bool, verbose: bool) -> "Outcome":
    """Train, with progress on stderr and TensorFlow's noise kept off it."""
    from lrbench import runner
    from lrbench.show import noise, progress

    def tabulate(experiment: "Experiment") -> bytes:
        from lrbench import api  # pandas: not before something is to be tabulated

        return api.summary_csv(experiment)

    with noise.kept_off_screen(show=debug) as kept, runner.signals_raise():
        listener = progress.progress_for(sys.stderr, quiet=quiet, verbose=verbose)
        try:
            return runner.conduct(wishes, listener, tabulate)
        except EngineUnavailable:
            typer.echo(kept.read(), err=True)
            raise
        finally:
            listener.close()


def _verify(wishes: "Config", *, debug: bool) -> int:
    """Print of each run that was trained again whether it gave the same bytes."""
    from lrbench import environment, runner
    from lrbench.show import noise
    from lrbench.show.progress import name

    with noise.kept_off_screen(show=debug), runner.signals_raise():
        verified, damage = runner.verify(wishes)
    for broken in damage:
        speak(f"Damaged: {broken.text}", broken.hint)
    here = environment.describe()
    for each in verified:
        typer.echo(f"{'different' if each.difference else 'same bytes'}  {name(each.stored.run)}")
        if each.difference:
            typer.echo(f"  {each.difference}")
            typer.echo(printable(f"  made with {_made_on(each.stored.environment)}"))
            typer.echo(f"  now with  {_made_on(here)}")
    return BROKEN if damage or any(each.difference for each in verified) else DONE


def _made_on(environment: "Mapping[str, Any]") -> str:
    """Say in a line what the same bytes depend on."""
    versions = environment.get("versions") or {}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{libraries}, on {(environment.get('host') or {}).get('cpu')}"


def _list_runs(wishes: "Config") -> int:
    """Print what `run` would do."""
    from lrbench.plan import make_plan
    from lrbench.store import load

    plan = make_plan(wishes)
    folder = wishes.out / plan.experiment
    stored = load(folder).finished if (folder / "experiment.json").exists() else ()
    done = {one.run.run_id for one in stored if not one.failed}
    typer.echo(printable(f"{folder}: {plan.setting.describe()}"))
    for each in plan.runs:
        state = "done " if each.run_id in done else "to do"
        typer.echo(f"{state}  {each.run_id}  {each.schedule.written(each.setting.lr)}, seed {each.seed}")
    for warning in plan.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    return DONE
