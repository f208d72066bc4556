"""`lrbench tune`: the same search over peak rates for every schedule, then each at its own best on fresh seeds.

The search is a policy on a session. It asks the experiment where it stands (`lrbench.judging.tuning`), so that it
goes on after any interruption, and several commands share its work.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from lrbench.calls import Call, parse_calls
from lrbench.config import Config
from lrbench.designs import Declared, History
from lrbench.engine import open_engine
from lrbench.errors import BadConfig, BadSpec, LrbenchError, Stopped
from lrbench.judging.outlook import outlook
from lrbench.judging.questions import Question
from lrbench.judging.tuning import tuning_of
from lrbench.optimizers import peak_rate
from lrbench.plan import Plan, find_problem, plan_of, resolve_setting, seeded
from lrbench.problems import Problem
from lrbench.runner.conduct import Outcome, Policy, folder_of
from lrbench.runner.executors import executor_of
from lrbench.runner.listener import Listener
from lrbench.runner.session import OpenExecutor, Session
from lrbench.runner.signals import Signalled
from lrbench.runs import Experiment, Finished, Run
from lrbench.schedules import Horizon, Schedule, parse
from lrbench.schedules.spec import takes_list
from lrbench.searches import FIRST_TUNING_SEED, LIMITS, Contender, Point, Search, Tuning, Variant
from lrbench.shards import read_shard, share
from lrbench.studies.grids import read_rates

LEFT = (
    "The other shards have {} of {} runs of this stage, and what comes next depends on them: when they are done, "
    "`lrbench merge` brings them here, and the same command goes on."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for beside a config: how the rates are searched."""

    lrs: str | None = None  # None: seven rates half a decade apart around the peak rate
    tune_seeds: int = 3
    refine: int = 4
    max_extend: int = 2

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise BadConfig(
                    f"{name}={value} does not lie between {least} and {most}.", f"Write {name}={least + 2}"
                )
        if self.refine % 2:
            raise BadConfig(f"refine={self.refine} is odd, and as many points lie on each side.", "Write refine=4")


Settle = Callable[[Sequence[Run]], Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A search that is ready to begin, and the schedules that its points stand for."""

    search: Search
    schedules: dict[Variant, Schedule]  # at any rate
    plan: Plan  # of the whole: the setting, the problem, and the comparison at one rate for the start

    def runs(self, points: Sequence[Point], seeds: Sequence[int]) -> tuple[Run, ...]:
        """Return the runs of some points with some seeds, seed by seed."""
        schedules = [replace(self.schedules[point.variant], lr=point.lr) for point in points]
        return tuple(seeded(schedules, seeds, self.plan.setting))


def plan_search(config: Config, wanted: Wanted, problem: Problem | None = None) -> Planned:
    """Check a search whole, before anything is trained. Raises BadConfig or BadSpec."""
    problem = problem or find_problem(config)
    setting = resolve_setting(config, problem)
    if setting.validate_on == "none":
        raise BadConfig("Rates are chosen by validation, and val_size=0 leaves none.", "Keep a validation set.")
    peak = peak_rate(config.lr, setting.optimizer).value
    rates = read_rates(wanted.lrs, peak)
    schedules: dict[Variant, Schedule] = {}
    contenders = []
    for words, variants in _contenders(",".join(config.schedulers), peak):
        keys = [_variant(each) for each in variants]
        schedules |= dict(zip(keys, variants, strict=True))
        if len(variants) > len(rates):
            raise BadConfig(
                f"{words} leaves {len(variants)} choices open, and there are {len(rates)} rates to try them at.",
                "Leave fewer open, or try more rates: lrs=0.003..3:log:14",
            )
        if not _rises(variants[0], setting.horizon):
            raise BadConfig(f"The rates of {words} do not depend on a peak rate.", "Leave it out of the search.")
        contenders.append(Contender(words, tuple(keys)))
    figure = setting.subject.compared
    tuning = tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + wanted.tune_seeds))
    if both := set(tuning) & set(config.seeds):
        raise BadConfig(
            f"Seed {min(both)} would both tune and report.", f"Choose seeds below {FIRST_TUNING_SEED:,}: seeds=10"
        )
    search = Search(
        contenders=tuple(contenders),
        rates=rates,
        refine=wanted.refine,
        max_extend=wanted.max_extend,
        tune_seeds=tuning,
        seeds=config.seeds,
        figure=f"val_{figure.name}",
        lower_is_better=figure.better == "lower",
        is_share=figure.is_share,
        same_rate=peak,
    )
    firsts = [schedules[each.variants[0]] for each in contenders]
    return Planned(search=search, schedules=schedules, plan=plan_of(config, setting, problem, firsts))


def tune(
    config: Config,
    wanted: Wanted,
    listener: Listener | None = None,
    executor: OpenExecutor | None = None,
    words: Sequence[str] = (),
    problem: Problem | None = None,
    settle: Settle | None = None,
    question: Question | None = None,
) -> Outcome:
    """Search the best peak rate of every schedule with equal effort, then compare each at its own on fresh seeds.

    `settle` makes of the runs of that comparison the policy that trains them until it is settled; None: all of
    them. `question` is what will be asked of that comparison. Raises as `conduct` does.
    """
    listener = listener or Listener()
    planned = plan_search(config, wanted, problem)
    plan, search = planned.plan, planned.search
    executor = executor or executor_of(config, plan.problem)
    with Session(plan.setting, folder_of(config, plan), executor, listener) as session, _logged(session, words):
        planned = with_outlook(planned, session.experiment, question, until_settled=settle is not None)
        plan = planned.plan
        session.keep(search)
        for seeds in (search.tune_seeds, search.seeds):
            session.declare(Declared(arms=(), seeds=seeds))  # of what the search finds
        listener.on_search(search, session.folder, plan)
        asked: set[str] = set()
        try:
            for stage, whole in _stages(session, planned, settle):
                runs = _share(session, planned, whole, config.shard)
                asked |= {run.key for run in runs}
                listener.on_stage(stage, runs, session.todo(runs), session.experiment)
                session.train(runs)
                if left := session.todo(whole):
                    listener.on_remark(LEFT.format(len(left), len(whole)))
                    break
        except Signalled as signalled:
            kept = sum(one.key in asked and not one.failed for one in session.experiment.finished)
            raise Stopped(
                f"{signalled.name}: {kept} of {len(asked)} runs so far are finished and kept in {session.folder}.",
                "Give the same command again to go on.",
                signalled.exit_code,
            ) from signalled
        done = session.tabulate()
        return Outcome(
            experiment=done,
            plan=replace(plan, runs=tuple(_final_runs(planned, done))),
            trained=tuple(session.trained),
        )


def with_outlook(
    planned: Planned, stored: Experiment, question: Question | None, *, until_settled: bool
) -> Planned:
    """Return a search whose plan says if no verdict can come of its comparison, before anything is tried.

    Which runs will be compared is known only of a search that is over; until then, nobody can have looked at them.
    """
    final: Sequence[Run] = planned.plan.runs
    history = History()
    if tuning_of(planned.search, stored.finished).stage == "done":
        found = tuple(_final_runs(planned, stored))
        done = {one.key for one in stored.finished if not one.failed}
        if all(run.key in done for run in found):
            return planned
        final, history = found, stored.history
    alone = replace(stored, finished=(), searches=(), history=history)
    said = outlook(alone, final, question, until_settled=until_settled)
    return replace(planned, plan=replace(planned.plan, outlook=said))


def _share(session: Session, planned: Planned, runs: tuple[Run, ...], shard: str | None) -> tuple[Run, ...]:
    """Return a shard's share of a stage; what comes after it depends on all of the stage.

    It is one of all that was tried by now, so that the same command again has the same share.
    """
    if shard is None:
        return runs
    tuning = _standing(session, planned.search)
    tried = {trial.point for each in tuning.tuned for trial in each.trials} | set(tuning.missing)
    points = sorted(tried, key=lambda point: (point.variant, point.lr))
    whole = planned.runs(points, planned.search.tune_seeds) if tuning.missing else runs
    ours = {whole[i].key for i in share([run.setting.horizon.steps for run in whole], read_shard(shard))}
    return tuple(run for run in runs if run.key in ours)


def left(planned: Planned, finished: Sequence[Finished]) -> int:
    """Return how many runs a search and its comparison still take, as far as is known: the grid may grow."""
    search = planned.search
    stored = [one for one in finished if not one.failed]
    tuning = tuning_of(search, stored)
    keys = {one.key for one in stored}
    missing = sum(run.key not in keys for run in planned.runs(tuning.missing, search.tune_seeds))
    if tuning.stage == "coarse":
        missing += len(search.contenders) * search.refine * len(search.tune_seeds)
    if tuning.stage != "done":
        return missing + len(search.contenders) * len(search.seeds)
    best = [each.best.point for each in tuning.tuned if each.best]
    return missing + sum(run.key not in keys for run in planned.runs(best, search.seeds))


def measure(planned: Planned) -> float:
    """Return the seconds of one epoch with its validation on one replica, after one that warms it up."""
    plan = planned.plan
    engine = open_engine(plan.setting, plan.problem)
    try:
        replica = engine.replica()
        replica.compile()
        replica.reset(0)
        rates = np.zeros(plan.setting.horizon.steps_per_epoch)
        replica.train_epoch(1, rates)
        start = time.perf_counter()
        replica.train_epoch(2, rates)
        replica.validate()
        return time.perf_counter() - start
    finally:
        engine.close()


def _stages(session: Session, planned: Planned, settle: Settle | None) -> Iterator[tuple[str, tuple[Run, ...]]]:
    """Yield what to train next until nothing is left: the grid, its extensions, refinements, the comparison."""
    while (tuning := _standing(session, planned.search)).missing:
        yield _said(tuning), planned.runs(tuning.missing, planned.search.tune_seeds)
    final = tuple(_final_runs(planned, session.experiment))
    if settle and len({run.schedule for run in final}) > 1:
        policy = settle(final)
        session.declare(policy.declared)
        while batch := policy(stands := session.experiment):
            yield f"Each at its own best rate. {policy.said(stands)}", tuple(batch)
    elif session.todo(final):
        yield "Each at its own best rate, on fresh seeds", final


def _standing(session: Session, search: Search) -> Tuning:
    """Return where the search stands; what failed before this session is still to be tried."""
    ended = {one.key for one in session.ended}
    return tuning_of(search, [one for one in session.experiment.finished if not one.failed or one.key in ended])


def _said(tuning: Tuning) -> str:
    if tuning.stage == "refine":
        return "Around each one's best rate"
    return "The same rates for all" if tuning.rates == tuning.search.rates else "The grid grows, for all"


def _final_runs(planned: Planned, experiment: Experiment) -> Iterator[Run]:
    tuning = tuning_of(planned.search, experiment.finished)
    points = [each.best.point for each in tuning.tuned if each.best]
    yield from planned.runs(points, planned.search.seeds)


def _contenders(text: str, lr: float) -> Iterator[tuple[str, list[Schedule]]]:
    """Yield each schedule of a list as the user wrote it, with its variants. Raises BadSpec."""
    seen: set[Variant] = set()
    for call in parse_calls(text, ("join",)):
        if call.label:
            call.label.bad(
                "A label stands for a schedule at one rate, and here the rate is searched", "Leave the label out."
            )
        if any(key.text == "lr" for key, _ in call.pairs):
            call.whole.bad("The peak rate is what is searched", "Leave lr out there, and write lrs=0.01,0.1,1")
        variants = [parse(each, lr) for each in _texts(call)]
        for each in variants:
            if _variant(each) in seen:
                raise BadSpec(f"{each.words} stands twice.", "Leave one of them out.")
            seen.add(_variant(each))
        yield call.whole.text, variants


def _texts(call: Call) -> list[str]:
    """Write out what the user left open: `step(every=10%;20%)` are two."""
    if call.items:
        return [call.whole.text]
    options = [
        [value.text] if takes_list(call.name.text, key.text) else [each.strip() for each in value.text.split(";")]
        for key, value in call.pairs
    ]
    keys = [key.text for key, _ in call.pairs]
    return [
        f"{call.name.text}({', '.join(f'{key}={value}' for key, value in zip(keys, values, strict=True))})"
        if keys
        else call.name.text
        for values in product(*options)
    ]


def _rises(schedule: Schedule, horizon: Horizon) -> bool:
    """Whether its rates rise with its peak rate."""
    one, two = (replace(schedule, lr=lr).table(horizon) for lr in (schedule.lr, 2 * schedule.lr))
    return not np.array_equal(one, two)


def _variant(schedule: Schedule) -> Variant:
    resolved = schedule.resolved()
    return resolved["name"], tuple(sorted(resolved["parameters"].items()))


@contextlib.contextmanager
def _logged(session: Session, words: Sequence[str]) -> Iterator[None]:
    """Add a line to the experiment's log at the end, also after an error, which is then what is told."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(LrbenchError):
            session.log({"words": list(words)})
        raise
    session.log({"words": list(words)})
