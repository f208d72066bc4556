"""`lrbench run`: train what is missing."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from lrbench.cli.app import BROKEN, DONE, app, complete, speak
from lrbench.cli.effective import as_toml
from lrbench.cli.forecast import asked_of, list_runs
from lrbench.cli.places import no_folder, put
from lrbench.cli.results import show
from lrbench.cli.settling import TAKEN, taken_out
from lrbench.cli.status import show_progress
from lrbench.cli.taking import LogFile, Quiet, Verbose, taking
from lrbench.errors import BadConfig, EngineUnavailable, Stopped
from lrbench.foreign import STANDARD, place
from lrbench.options import TRAINING
from lrbench.show import printable

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.judging.questions import Answer
    from lrbench.plan import Plan
    from lrbench.runner import Outcome, Policy

PRESETS = (
    "quick",
    "tutorial-exponential",
    "tutorial-families",
    "tutorial-five",
    "tutorial-keras-schedules",
    "tutorial-plateau",
)
APART = (  # of each pair, one would be ignored
    ("--dry-run", "--verify"),
    ("--print-config", "--dry-run"),
    ("--print-config", "--verify"),
    ("--print-config", "--json"),
    ("--print-config", "--until-settled"),  # which no configuration file says
    ("--verify", "--json"),
    ("--quiet", "--verbose"),
    ("--json", "-qq"),
    ("--log-file", "--dry-run"),
    ("--log-file", "--verify"),
    ("--log-file", "--print-config"),
)


@app.command()
@taking(*TRAINING, *TAKEN, table=TRAINING | TAKEN, complete=complete)
def run(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE|PRESET",
            help=f"A TOML file, - for stdin, or a preset that comes with lrbench: {', '.join(PRESETS)}.",
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "-n", help="List the runs and how long they may take; train and write nothing."),
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all that is asked for as TOML, and where each came from.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Train a sample of the finished runs again and compare the bytes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary, or the dry run, as JSON.")] = False,
    quiet: Quiet = 0,
    verbose: Verbose = False,
    log_file: LogFile = None,
    **wishes: Any,
) -> int:
    """Train schedules side by side, and show the summary.

    Every schedule is trained with every seed; what is stored already is not trained again.
    Every option down to --name also goes into a configuration file (batch_size = 64) or the
    environment, in capitals behind LRBENCH_: LRBENCH_SEEDS, LRBENCH_LR, LRBENCH_BATCH_SIZE, …

    Exit codes: 0 done; 1 unexpected failure; 2 wrong usage, or a place that cannot be read or
    written; 3 finished, but a run diverged or failed, or something stored was damaged; 130 and
    143 interrupted, and what is finished is kept.

    \b
    lrbench run
    lrbench run --schedulers step,cosine --seeds 10
    lrbench run --optimizers "sgd(momentum=0.9),adam" -s constant,cosine
    lrbench run -s "step(every=5 epochs, gamma=0.1),slow=cosine(lr=0.01)" --epochs 20
    lrbench run --seeds 10 --dry-run
    lrbench run --until-settled --margin 0.001
    lrbench run --verify
    """
    from lrbench.config import load_with_sources

    question, wanted = taken_out(wishes)
    given = {
        "--dry-run": dry_run,
        "--verify": verify,
        "--print-config": print_config,
        "--until-settled": bool(wanted["until_settled"]),
        "--json": as_json,
        "--quiet": quiet > 0,
        "-qq": quiet > 1,
        "--verbose": verbose,
        "--log-file": log_file is not None,
    }
    _refuse({name for name, is_given in given.items() if is_given})
    resolved, sources = load_with_sources(config, wishes)
    most = _most_seeds(wanted, sources, resolved)
    if most:
        resolved, sources = load_with_sources(config, {**wishes, "seeds": str(most)})
    if print_config:
        put(as_toml(resolved, sources), None)
        return DONE
    if dry_run:
        from lrbench.show import noise

        with noise.kept_off_screen(show=context.obj["debug"]):  # a problem of the user's needs TensorFlow
            policy = _policy(resolved, question) if most else None
            return list_runs(resolved, as_json=as_json, policy=policy, question=question)
    if verify:
        return _verify(resolved, debug=context.obj["debug"])
    with opened_log(log_file) as log:
        policy = _policy(resolved, question) if most else None
        outcomes = _conduct(resolved, context, question, policy, quiet=quiet > 0, verbose=verbose, log=log)
    experiments = [each.experiment for each in outcomes]
    answers: list[Answer] = []
    if quiet < 2 and resolved.shard:  # a part is no comparison: who looked at it would look twice
        show_progress(experiments, as_json=as_json)
    elif quiet < 2:
        answers = show(experiments, "json" if as_json else "table", question)
    if not quiet:
        tell_where([each.folder for each in experiments], resolved.out, resolved.shard, answers)
    codes = [speak_of_failures(each) for each in outcomes]
    return BROKEN if BROKEN in codes else DONE


def tell_where(
    folders: Sequence[Path], out: Path, shard: str | None = None, answers: "Sequence[Answer]" = ()
) -> None:
    """Say on stderr where experiments are stored, how their best schedules are taken home, and what to do next."""
    from lrbench.show.reproduce import take_home

    for folder in folders:
        typer.echo(printable(f"Stored in {shlex.quote(str(folder))}"), err=True)
    if shard:
        typer.echo(f"Next, when all shards are done: lrbench merge {shlex.quote(str(out))} … -o whole", err=True)
        return
    first = {each.experiment.folder: each for each in reversed(answers) if each.experiment}  # of a search: tuned
    for command in filter(None, dict.fromkeys(take_home(first[folder]) for folder in folders if folder in first)):
        typer.echo(printable(f"Take home: {command}"), err=True)
    whole = folders[0] if len(folders) == 1 else out
    typer.echo(printable(f"Next: lrbench plot {shlex.quote(str(whole))}"), err=True)


def speak_of_failures(outcome: "Outcome") -> int:
    """Say on stderr where runs failed, and return the exit code of an experiment."""
    failed = [one for one in outcome.planned if one.failed]
    if failed:
        runs = "1 run" if len(failed) == 1 else f"{len(failed)} runs"
        speak(
            f"{runs} failed; run.json in {outcome.experiment.folder / 'runs' / failed[0].run_id} says where.",
            "The same command again tries them once more.",
        )
    broken = any(one.result.status != "done" for one in outcome.planned)
    return BROKEN if broken or outcome.experiment.damage else DONE


def _refuse(given: set[str]) -> None:
    """Raise BadConfig for switches of which one would be ignored."""
    for pair in APART:
        if given >= set(pair):
            raise BadConfig(f"{pair[0]} and {pair[1]} do not go together.", "Leave one of them out.")


@contextlib.contextmanager
def opened_log(log_file: Path | None) -> Iterator[TextIO | None]:
    """Open a log at its end. Raises BadConfig or BadResults if that is no file that can be written."""
    if log_file is None:
        yield None
        return
    no_folder(log_file, "run.log", "--log-file")
    if str(log_file) == STANDARD:
        raise BadConfig("--log-file - is no file; the progress is on stderr.", "Write --log-file run.log")
    with place(log_file, "written", hint="Choose another place: --log-file FILE"):
        log = log_file.open("a", encoding="utf-8", errors="backslashreplace")
    with log:
        yield log


def _most_seeds(wanted: "Mapping[str, Any]", sources: "Mapping[str, str]", resolved: "Config") -> int | None:
    """Return how many seeds there may be until it is settled; None if all are trained. Raises BadConfig."""
    if wanted == {"until_settled": False, "max_seeds": None}:
        return None
    from lrbench.studies.settling import most_seeds

    return most_seeds(**wanted, seeds_are_given="seeds" in sources, shard=resolved.shard)


def _policy(resolved: "Config", question: "Mapping[str, Any]") -> "Callable[[Plan], Policy]":
    """Return what makes of a plan the policy that trains it until it is settled. Raises BadConfig."""
    from lrbench.studies.settling import settling

    settle = settling(resolved, question)
    return lambda plan: settle(plan.runs)


def _conduct(
    wishes: "Config",
    context: typer.Context,
    question: "Mapping[str, Any]",
    policy: "Callable[[Plan], Policy] | None",
    *,
    quiet: bool,
    verbose: bool,
    log: TextIO | None,
) -> "list[Outcome]":
    """Train one experiment after the other, with progress on stderr and TensorFlow's noise kept off it."""
    from lrbench import runner
    from lrbench.plan import make_plans
    from lrbench.show import noise, progress

    outcomes: list[Outcome] = []
    with noise.kept_off_screen(show=context.obj["debug"]) as kept, runner.signals_raise():
        plans = make_plans(wishes)  # what is wrong with any is said before the first is trained
        plans = [(each, replace(plan, at_most=policy is not None)) for each, plan in plans]
        for each, plan in plans:
            _check(question, each, plan)
        asked = asked_of(question)
        for each, plan in plans:
            listener = progress.progress_for(sys.stderr, quiet=quiet, verbose=verbose, log=log)
            try:
                words = context.obj["words"]
                outcomes.append(
                    runner.conduct(each, listener, words=words, plan=plan, policy_of=policy, question=asked)
                )
            except EngineUnavailable:
                typer.echo(kept.read(), err=True)
                raise
            except Stopped as stopped:
                done = f" {len(outcomes)} of {len(plans)} experiments are whole." if len(plans) > 1 else ""
                raise Stopped(stopped.problem + done, stopped.hint, stopped.exit_code) from stopped
            finally:
                listener.close()
    return outcomes


def _check(question: "Mapping[str, Any]", config: "Config", plan: "Plan") -> None:
    """Raise BadConfig for what these runs cannot answer, before any is trained; stored ones may know more."""
    if question:
        from lrbench.judging.questions import Question, check_question
        from lrbench.runner import folder_of

        asked = Question(**question)
        if not (folder_of(config, plan) / "experiment.json").exists():
            check_question(asked, plan.names, is_share=plan.setting.subject.compared.is_share)


def _verify(wishes: "Config", *, debug: bool) -> int:
    """Print of each run that was trained again whether it gave the same bytes."""
    from lrbench import environment, runner
    from lrbench.show import noise

    here = environment.describe()
    code = DONE
    for config in wishes.each():
        with noise.kept_off_screen(show=debug), runner.signals_raise():
            verified, damage = runner.verify(config)
        for broken in damage:
            speak(f"Damaged: {broken.text}", broken.hint)
        setting = f", {config.optimizer}" if wishes.optimizers else ""
        setting += f", {config.epochs} epochs" if isinstance(wishes.epochs, tuple) else ""
        for each in verified:
            name = f"{each.name}, seed {each.stored.seed}{setting}"
            typer.echo(printable(f"{'different' if each.difference else 'same bytes'}  {name}"))
            if each.difference:
                typer.echo(f"  {each.difference}")
                typer.echo(printable(f"  made with {_made_on(each.stored.environment)}"))
                typer.echo(printable(f"  now with  {_made_on(here)}"))
        code = BROKEN if damage or any(each.difference for each in verified) else code
    return code


def _made_on(environment: "Mapping[str, Any]") -> str:
    """Say in a line what the same bytes depend on."""
    versions = environment.get("versions") or {}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    variables = [f", {name}={text}" for name, text in (environment.get("variables") or {}).items()]
    return f"{libraries}, on {(environment.get('host') or {}).get('cpu')}{''.join(variables)}"
