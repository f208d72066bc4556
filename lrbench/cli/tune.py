"""`lrbench tune`: every schedule at its own best peak rate, found with equal effort."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, complete, speak
from lrbench.cli.forecast import cores
from lrbench.cli.places import put
from lrbench.cli.results import show
from lrbench.cli.run import opened_log, speak_of_failures, tell_where
from lrbench.cli.settling import TAKEN, taken_out
from lrbench.cli.status import show_progress
from lrbench.cli.taking import ConfigFile, LogFile, Quiet, Verbose, taking
from lrbench.errors import EngineUnavailable
from lrbench.options import TRAINING, TUNING, is_whole, unfit
from lrbench.show import counted, duration, printable

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.judging.questions import Answer
    from lrbench.runner import Outcome
    from lrbench.studies.tuning import Wanted

SEEDS = "10"  # of the comparison, unless others are asked for
WISHES = TRAINING | TUNING | TAKEN | {"seeds": replace(TRAINING["seeds"], said="10, that is 0 to 9")}


@app.command()
@taking(*WISHES, table=WISHES, complete=complete)
def tune(
    context: typer.Context,
    config: ConfigFile = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", "-n", help="Say how many runs and how long; train a moment, write nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary, or the dry run, as JSON.")] = False,
    quiet: Quiet = 0,
    verbose: Verbose = False,
    log_file: LogFile = None,
    **wishes: Any,
) -> int:
    """Find every schedule's best peak rate with equal effort, and compare each at its own.

    Every schedule is tried at the same rates, with the same tuning seeds; four more rates lie around each
    one's own best. The best has the best mean final validation figure; a rate that lost a run is worst.
    Then every schedule is trained at its own best rate with fresh seeds (10), and those are compared on
    the test set. What is stored already is not trained again. A parameter can be left open, too:
    step(every=10%;20%) spends its trials within the same budget.

    \b
    lrbench tune
    lrbench tune -s cosine,step --lrs 0.003..3:log:7 --tune-seeds 3 --seeds 10
    lrbench tune -s "constant,step(every=10%;20%;40%)" --lrs around:0.12
    lrbench tune --dry-run
    """
    from lrbench.config import load_with_sources

    question, until = taken_out(wishes)
    search = {name: wishes.pop(name) for name in TUNING}
    resolved, sources = load_with_sources(config, wishes)
    from lrbench.judging.questions import Question
    from lrbench.show import noise, progress
    from lrbench.studies import tuning
    from lrbench.studies.settling import most_seeds, settling

    most = most_seeds(**until, seeds_are_given="seeds" in sources, shard=resolved.shard)
    if "seeds" not in sources:
        resolved, _ = load_with_sources(config, {**wishes, "seeds": str(most or SEEDS)})

    wanted = _wanted(search)
    with noise.kept_off_screen(show=context.obj["debug"]) as kept:
        if dry_run:
            return _forecast(resolved.each(), wanted, question, until_settled=bool(most), as_json=as_json)
        from lrbench import runner

        with opened_log(log_file) as log, runner.signals_raise():
            listener = progress.progress_for(sys.stderr, quiet=quiet > 0, verbose=verbose, log=log)
            settle = settling(resolved, question) if most else None
            try:
                _check(question, resolved.each(), wanted)
                asked = Question(**question)
                outcomes = [
                    tuning.tune(each, wanted, listener, words=context.obj["words"], settle=settle, question=asked)
                    for each in resolved.each()
                ]
            except EngineUnavailable:
                typer.echo(kept.read(), err=True)
                raise
            finally:
                listener.close()
    experiments = [each.experiment for each in outcomes]
    answers: list[Answer] = []
    if quiet < 2 and resolved.shard:
        show_progress(experiments, as_json=as_json)
    elif quiet < 2:
        answers = show(experiments, "json" if as_json else "table", question)
    if not quiet:
        tell_where([each.folder for each in experiments], resolved.out, resolved.shard, answers)
    codes = [_code(each) for each in outcomes]
    return BROKEN if BROKEN in codes else DONE


def _check(question: dict[str, Any], configs: "Sequence[Config]", wanted: "Wanted") -> None:
    """Raise BadConfig for what no comparison of these schedules could answer, before any is trained."""
    if question:
        from lrbench.judging.questions import Question, check_question
        from lrbench.studies.tuning import plan_search

        asked = Question(**question)
        for config in configs:
            plan = plan_search(config, wanted).plan
            check_question(asked, plan.names, is_share=plan.setting.subject.compared.is_share)


def _wanted(search: dict[str, str | None]) -> "Wanted":
    """Read the wishes that only this command has. Raises BadConfig."""
    from lrbench.studies.tuning import Wanted

    given: dict[str, Any] = {}
    for name, text in search.items():
        if text is not None:
            given[name] = text if name == "lrs" else _whole(name, text)
    return Wanted(**given)


def _whole(name: str, text: str) -> int:
    if not is_whole(text):
        raise unfit(name, text, "is no whole number")
    return int(text)


def _code(outcome: "Outcome") -> int:
    """Say on stderr what failed, or found nothing, and return the exit code."""
    from lrbench.judging.tuning import edge_cautions, tuning_of

    code = speak_of_failures(outcome)
    experiment = outcome.experiment
    for search in experiment.searches[-1:]:
        tuning = tuning_of(search, experiment.finished)
        failed = [one for one in experiment.finished if one.failed and one.seed in search.tune_seeds]
        if failed:
            speak(
                f"{counted(len(failed), 'trial')} failed; run.json in {failed[0].run_id} says where.",
                "The same command again tries them once more.",
            )
            code = BROKEN
        if not tuning.missing and not any(each.best for each in tuning.tuned):
            for text in edge_cautions(tuning):
                typer.echo(printable(f"Warning: {text}"), err=True)
            code = BROKEN
    return code


def _forecast(
    configs: "Sequence[Config]", wanted: "Wanted", question: dict[str, Any], *, until_settled: bool, as_json: bool
) -> int:
    """Print what `lrbench tune` would do, and how long it may take by a short measurement."""
    from lrbench.judging.questions import Question
    from lrbench.runner import stored_of
    from lrbench.searches import runs_of
    from lrbench.show.progress import search_lines
    from lrbench.studies.tuning import left, measure, plan_search, with_outlook

    records = []
    asked = Question(**question)
    for config in configs:
        planned = plan_search(config, wanted)
        experiment = stored_of(config, planned.plan)
        planned = with_outlook(planned, experiment, asked, until_settled=until_settled)
        search, setting = planned.search, planned.plan.setting
        seconds = measure(planned)
        jobs = config.jobs or cores()
        todo = left(planned, experiment.finished)
        total = todo * setting.epochs * seconds / jobs
        records.append(
            {
                "experiment": planned.plan.experiment,
                "runs": runs_of(search),
                "to_do": todo,
                "trials_per_schedule": search.budget,
                "rates": search.rates,
                "tune_seeds": search.tune_seeds,
                "seeds": search.seeds,
                "epochs": setting.epochs,
                "seconds_per_epoch": seconds,
                "seconds": total,
                "jobs": jobs,
                "warnings": [planned.plan.outlook] if planned.plan.outlook else [],
            }
        )
        if as_json:
            continue
        for line in search_lines(search, Path(planned.plan.experiment), planned.plan):
            typer.echo(printable(line))
        typer.echo(
            f"To do: {counted(todo, 'run')}; it may take about {duration(total)} with {jobs} at a time: an epoch "
            f"took {seconds:.2g} s just now. Where a best rate lies at the edge, the grid grows, "
            f"at most {search.max_extend} times."
        )
    if as_json:
        put(json.dumps(records if len(records) > 1 else records[0], indent=2) + "\n", None)
    return DONE
