"""`lrbench run`: train what is missing."""

import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, complete, speak
from lrbench.cli.results import show
from lrbench.cli.taking import taking
from lrbench.errors import BadConfig, EngineUnavailable
from lrbench.options import TRAINING
from lrbench.show import printable

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.runner import Outcome


@app.command()
@taking(*TRAINING, complete=complete)
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
    *,
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
    **wishes: str | None,
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
    from lrbench.config import load_config

    _refuse(dry_run=dry_run, verify=verify, as_json=as_json, quiet=quiet, verbose=verbose)
    resolved = load_config(config, wishes)
    if dry_run:
        return _list_runs(resolved)
    if verify:
        return _verify(resolved, debug=context.obj["debug"])
    outcome = _conduct(resolved, debug=context.obj["debug"], quiet=quiet, verbose=verbose)
    show([outcome.experiment], "json" if as_json else "table")
    folder = shlex.quote(str(outcome.experiment.folder))
    if not quiet:
        typer.echo(printable(f"Stored in {folder}"), err=True)
        typer.echo(printable(f"Next: lrbench plot {folder}"), err=True)
    failed = [one for one in outcome.planned if one.failed]
    if failed:
        runs = "1 run" if len(failed) == 1 else f"{len(failed)} runs"
        speak(
            f"{runs} failed; run.json in {outcome.experiment.folder / 'runs' / failed[0].run_id} says where.",
            "The same command again tries them once more.",
        )
    broken = any(one.result.status != "done" for one in outcome.planned)
    return BROKEN if broken or outcome.experiment.damage else DONE


def _refuse(*, dry_run: bool, verify: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Raise BadConfig for switches of which one would be ignored."""
    for one, other, both in (
        ("--dry-run", "--verify", dry_run and verify),
        ("--dry-run", "--json", dry_run and as_json),
        ("--verify", "--json", verify and as_json),
        ("--quiet", "--verbose", quiet and verbose),
    ):
        if both:
            raise BadConfig(f"{one} and {other} do not go together.", "Leave one of them out.")


def _conduct(wishes: "Config", *, debug: bool, quiet: bool, verbose: bool) -> "Outcome":
    """Train, with progress on stderr and TensorFlow's noise kept off it."""
    from lrbench import runner
    from lrbench.show import noise, progress

    with noise.kept_off_screen(show=debug) as kept, runner.signals_raise():
        listener = progress.progress_for(sys.stderr, quiet=quiet, verbose=verbose)
        try:
            return runner.conduct(wishes, listener)
        except EngineUnavailable:
            typer.echo(kept.read(), err=True)
            raise
        finally:
            listener.close()


def _verify(wishes: "Config", *, debug: bool) -> int:
    """Print of each run that was trained again whether it gave the same bytes."""
    from lrbench import environment, runner
    from lrbench.show import noise

    with noise.kept_off_screen(show=debug), runner.signals_raise():
        verified, damage = runner.verify(wishes)
    for broken in damage:
        speak(f"Damaged: {broken.text}", broken.hint)
    here = environment.describe()
    for each in verified:
        name = f"{each.name}, seed {each.stored.seed}"
        typer.echo(printable(f"{'different' if each.difference else 'same bytes'}  {name}"))
        if each.difference:
            typer.echo(f"  {each.difference}")
            typer.echo(printable(f"  made with {_made_on(each.stored.environment)}"))
            typer.echo(printable(f"  now with  {_made_on(here)}"))
    return BROKEN if damage or any(each.difference for each in verified) else DONE


def _made_on(environment: "Mapping[str, Any]") -> str:
    """Say in a line what the same bytes depend on."""
    versions = environment.get("versions") or {}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    variables = [f", {name}={text}" for name, text in (environment.get("variables") or {}).items()]
    return f"{libraries}, on {(environment.get('host') or {}).get('cpu')}{''.join(variables)}"


def _list_runs(wishes: "Config") -> int:
    """Print what `run` would do."""
    from lrbench.plan import make_plan
    from lrbench.runner import folder_of
    from lrbench.store import load

    plan = make_plan(wishes)
    folder = folder_of(wishes, plan)
    stored = load(folder).finished if (folder / "experiment.json").exists() else ()
    done = {one.key for one in stored if not one.failed}
    typer.echo(printable(f"{folder}: {plan.describe()}"))
    for each in plan.runs:
        state = "done " if each.key in done else "to do"
        typer.echo(f"{state}  {each.run_id}  {plan.names[each.named]}, seed {each.seed}")
    for warning in plan.warnings:
        typer.echo(f"Warning: {warning}", err=True)
    return DONE
