"""`--until-settled`: seed by seed, whole pairs first, until every comparison is settled or the seeds are used up.

Whole seeds are left out, never a part of a training. A schedule whose comparisons are settled takes no further
seeds. What is settled is told by the same answer that the summary shows: its p values and intervals hold at every
look, so that looking after each seed costs nothing.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lrbench.config import Config
from lrbench.designs import ALPHA, MOST_SEQUENTIAL, Arm, Declared, arms_of
from lrbench.errors import BadConfig
from lrbench.judging.comparisons import Comparison, Verdict
from lrbench.judging.questions import Answer, Question, answer, check_question
from lrbench.judging.sequential import FIRST_LOOK
from lrbench.options import SETTLING, shown, whole_number
from lrbench.runs import Experiment, Run
from lrbench.schedules.names import names

SETTLED = (Verdict.BETTER, Verdict.WORSE, Verdict.EQUIVALENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilSettled:
    """A policy: what to train next, seeing what is there; () when nothing is open or the last seed is reached.

    It decides by whole batches of seeds alone, from the first one on, also where a command goes on: so what it
    trains does not depend on where it was interrupted, and a run that fails is not tried twice.
    """

    runs: tuple[Run, ...]  # all that it may come to, seed by seed
    question: Question
    jobs: int  # runs side by side: so many at least are asked for at a time, where there are as many
    stops: list[int] = field(default_factory=lambda: [0], compare=False)  # numbers of seeds after which it looks

    @property
    def declared(self) -> Declared:
        """What is declared before the first of them: the largest number of seeds, and their order."""
        return Declared(arms=arms_of(self.runs), seeds=self.seeds, until_settled=True)

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    def __call__(self, experiment: Experiment) -> Sequence[Run]:
        done = {one.key for one in experiment.finished if not one.failed}
        seeds = self.seeds
        while (stop := self.stops[-1]) < len(seeds) and (arms := self._needed(experiment)):
            several = -(-self.jobs // len(arms))
            first = min(FIRST_LOOK, len(seeds)) if stop == 0 else 1
            self.stops.append(min(stop + max(first, several), len(seeds)))
            ours = seeds[stop : self.stops[-1]]
            batch = [
                run
                for run in self.runs
                if run.seed in ours and arm_of(run).identity in arms and run.key not in done
            ]
            if batch:
                return tuple(batch)
        return ()

    def said(self, experiment: Experiment) -> str:
        """Say in a line what is settled, and what each of the others still lacks."""
        n, most = self.stops[-2] if len(self.stops) > 1 else 0, len(self.seeds)
        given = self.answer(experiment, n)
        if given is None or not given.comparisons:
            return f"At most {most} seeds, with a look after every one from {min(FIRST_LOOK, most)} on"
        still = open_ones(given)
        done = len(given.comparisons) - len(still)
        lacks = [
            f"{each.scheduler}{'' if given.baseline else f' against {each.baseline}'} {p_now(each)}"
            for each in still
        ]
        against = f" against {given.baseline}" if given.baseline else ""
        settled = f"{done} of {len(given.comparisons)} comparisons{against} settled"
        return f"After {n} of at most {most} seeds: {settled}; open: {', '.join(lacks) or 'none'}"

    def answer(self, experiment: Experiment, upto: int | None = None) -> Answer | None:
        """Return what can be said after so many of its seeds; None where no two of its schedules have two."""
        keys = {run.key for run in self.runs}
        seeds = set(self.seeds[:upto])
        ours = tuple(one for one in experiment.finished if one.key in keys and one.seed in seeds)
        if len({one.seed for one in ours}) < 2 or len({one.schedule for one in ours}) < 2:
            return None
        return answer(replace(experiment, finished=ours, searches=()), self.question)

    def _needed(self, experiment: Experiment) -> set[str]:
        """The arms that further seeds are needed of: by the seeds of the batches so far, or else by all."""
        for upto in (self.stops[-1], None):
            given = self.answer(experiment, upto)
            if given is None or not given.comparisons or given.experiment is None:
                return {arm_of(run).identity for run in self.runs}
            arms = {name: runs[0].arm.identity for name, runs in given.experiment.groups.items()}
            if needed := {arms[name] for each in open_ones(given) for name in (each.scheduler, each.baseline)}:
                return needed
        return set()


def arm_of(run: Run) -> Arm:
    """Return a run's schedule, as far as its identity tells of it."""
    return Arm.of(run.schedule.label, run.identity)


def p_now(each: Comparison) -> str:
    """Say the adjusted p as it stands; it has to come below 5 %, or the interval into the margin."""
    return f"(p = {each.p_holm:.2g})" if math.isfinite(each.p_holm) else "(no p yet)"


def open_ones(given: Answer) -> list[Comparison]:
    """Return the comparisons that more seeds may settle.

    They will not where one of the two has only lost runs so far, or where the better side has lost some.
    """
    return [
        each
        for each in given.comparisons
        if each.verdict not in SETTLED and not (each.n == 0 and any(each.lost)) and not each.p_holm < ALPHA
    ]


def most_seeds(until_settled: Any, max_seeds: Any, *, seeds_are_given: bool, shard: str | None) -> int | None:
    """Return how many seeds there may be at most; None if they are not to be trained until it is settled.

    Raises BadConfig for what does not go with it.
    """
    if not until_settled:
        if max_seeds is not None:
            raise BadConfig(
                f"max_seeds={shown(max_seeds)} is for until_settled=True.",
                "Leave it out, or say how many: seeds=10",
            )
        return None
    if seeds_are_given:
        raise BadConfig(
            "seeds and until_settled=True do not go together: the seeds are 0, 1, 2, …",
            "Say how many there may be: max_seeds=50",
        )
    if shard:
        raise BadConfig(
            f"shard={shard} and until_settled=True do not go together: what comes next depends on all runs.",
            "Use one machine or a cluster: executor=ray",
        )
    most = whole_number("max_seeds", str(SETTLING["max_seeds"].default if max_seeds is None else max_seeds))
    if not 2 <= most <= MOST_SEQUENTIAL:
        raise BadConfig(f"max_seeds={most} does not lie between 2 and {MOST_SEQUENTIAL:,}.", "Write max_seeds=50")
    return most


def settling(config: Config, question: Mapping[str, Any]) -> Callable[[Sequence[Run]], UntilSettled]:
    """Return what makes the policy of runs. Raises BadConfig for a question that is none."""
    asked = Question(**question)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = config.jobs or (cores if config.executor == "local" else 1)
    return lambda runs: until_settled(runs, asked, jobs)


def until_settled(runs: Sequence[Run], question: Question, jobs: int) -> UntilSettled:
    """Return the policy for runs whose seeds are the largest number.

    Raises BadConfig if nothing is compared, or if the question does not fit the runs.
    """
    first = {run.schedule: run for run in runs}
    if len(first) < 2:
        raise BadConfig(
            "One schedule is compared with nothing, and so never settled.",
            "Name another: schedulers=constant,cosine",
        )
    called = names(run.named for run in first.values())
    check_question(question, called, is_share=runs[0].setting.subject.compared.is_share)
    return UntilSettled(runs=tuple(runs), question=question, jobs=jobs)
