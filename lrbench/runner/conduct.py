"""One command: what is done is skipped, the rest trained side by side, each run stored as it ends."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lrbench.config import Config
from lrbench.designs import Declared, arms_of
from lrbench.errors import LrbenchError, Stopped
from lrbench.judging.outlook import outlook
from lrbench.plan import Plan, make_plan
from lrbench.problems import Problem
from lrbench.runner.executors import executor_of
from lrbench.runner.listener import Listener
from lrbench.runner.session import OpenExecutor, Session
from lrbench.runner.signals import Signalled
from lrbench.runs import Experiment, Finished, Run
from lrbench.store import find_setting, load

if TYPE_CHECKING:
    from lrbench.judging.questions import Question  # scipy: not before something is judged


class Policy(Protocol):
    """What to train next, seeing what is there; () when there is nothing more to do."""

    @property
    def declared(self) -> Declared:
        """What one sets out to train, before the first run of it."""

    def __call__(self, experiment: Experiment) -> Sequence[Run]: ...

    def said(self, experiment: Experiment) -> str:
        """What to tell of how it stands, before the next batch; empty if nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command left: the experiment as it stands now, and how much of the plan was trained just now."""

    experiment: Experiment
    plan: Plan
    trained: tuple[Finished, ...]

    @property
    def planned(self) -> list[Finished]:
        """The plan's own runs, whether trained now or before."""
        keys = {run.key for run in self.plan.runs}
        return [one for one in self.experiment.finished if one.key in keys]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The simplest policy: these runs, once."""

    batches: Iterator[Sequence[Run]]
    declared: Declared

    def __call__(self, experiment: Experiment) -> Sequence[Run]:
        return next(self.batches, ())

    def said(self, experiment: Experiment) -> str:
        return ""


def fixed(runs: Sequence[Run], whole: Sequence[Run] | None = None) -> Policy:
    """Return the simplest policy: these runs, once. `whole`: all that were declared, if these are a share."""
    declared = runs if whole is None else whole
    seeds = tuple(dict.fromkeys(run.seed for run in declared))
    return Fixed(iter([runs]), Declared(arms=arms_of(declared), seeds=seeds))


def conduct(
    config: Config,
    listener: Listener | None = None,
    executor: OpenExecutor | None = None,
    words: Sequence[str] = (),
    problem: Problem | None = None,
    plan: Plan | None = None,
    policy_of: Callable[[Plan], Policy] | None = None,
    question: "Question | None" = None,
) -> Outcome:
    """Train what is missing of a config's plan and store it. `words` are the command's, for the experiment's log.

    `problem` is trained instead of the config's, if it is given; `plan` is its plan, if it is made already.
    `policy_of` makes of the plan what decides how much of it is trained; None: all of it. `question` is what
    will be asked of the runs: the plan that a listener gets says if no verdict on it can come of them.

    Raises BadConfig, BadSpec or BadResults before anything is trained; EngineUnavailable, BadData; Stopped after
    Ctrl-C or SIGTERM, when all that finished is stored, and the rest up to its last epoch.
    """
    listener = listener or Listener()
    plan = plan or make_plan(config, problem)
    policy = policy_of(plan) if policy_of else fixed(plan.runs, plan.whole)
    executor = executor or executor_of(config, plan.problem)
    folder = folder_of(config, plan)
    with Session(plan.setting, folder, executor, listener) as session, _logged(session, plan, words):
        session.check(plan.runs)
        plan = with_outlook(plan, session.experiment, question, until_settled=policy.declared.until_settled)
        _announce(plan, session, listener)
        if session.todo(plan.whole):
            session.declare(policy.declared)
        try:
            while batch := policy(stands := session.experiment):
                if said := policy.said(stands):
                    listener.on_stage(said, batch, session.todo(batch), stands)
                session.train(batch)
        except Signalled as signalled:
            keys = {run.key for run in plan.runs}
            kept = sum(one.key in keys and not one.failed for one in session.experiment.finished)
            raise Stopped(
                f"{signalled.name}: {kept} of {len(plan.runs)} runs are finished and kept in {session.folder}.",
                "The same call goes on from there.",
                signalled.exit_code,
            ) from signalled
        return Outcome(experiment=session.tabulate(), plan=plan, trained=tuple(session.trained))


def with_outlook(plan: Plan, stored: Experiment, question: "Question | None", *, until_settled: bool) -> Plan:
    """Return the plan with what can be said of its verdicts before any of it is trained; nothing where none is."""
    done = {one.key for one in stored.finished if not one.failed}
    if all(run.key in done for run in plan.whole):
        return plan
    return replace(plan, outlook=outlook(stored, plan.whole, question, until_settled=until_settled))


def folder_of(config: Config, plan: Plan) -> Path:
    """Return the folder of a plan's experiment: by its name, or the only one of its setting, whatever its name."""
    named = config.out / plan.experiment
    if config.name or named.exists():
        return named
    alike = find_setting(config.out, plan.setting)
    return alike[0] if len(alike) == 1 else named


def stored_of(config: Config, plan: Plan) -> Experiment:
    """Return what is stored of a plan's experiment by now; without runs where nothing is. Raises BadResults."""
    folder = folder_of(config, plan)
    if (folder / "experiment.json").exists():
        return load(folder)
    return Experiment(name=plan.experiment, folder=folder, setting=plan.setting, finished=())


@contextlib.contextmanager
def _logged(session: Session, plan: Plan, words: Sequence[str]) -> Iterator[None]:
    """Add a line to the experiment's log at the end, also after an error, which is then what is told."""
    schedulers = [str(schedule) for schedule in plan.schedules]
    entry = {"words": list(words), "seeds": plan.seeds, "schedulers": schedulers}
    try:
        yield
    except BaseException:
        with contextlib.suppress(LrbenchError):
            session.log(entry)
        raise
    session.log(entry)


def _announce(plan: Plan, session: Session, listener: Listener) -> None:
    """Tell what is there and what is to be done."""
    todo = session.todo(plan.runs)
    listener.on_start(plan, todo, session.folder)
    planned = {run.key for run in plan.runs}
    for one in session.experiment.finished:
        if not one.failed and one.key in planned:
            listener.on_stored(one)
    again = {run.run_id for run in todo}
    for damage in session.experiment.damage:
        if damage.run_folder is None or damage.run_folder.name not in again:  # the others when they are claimed
            listener.on_damage(damage, False)
