"""`--until-settled`: seed by seed, whole pairs first, until every comparison is settled or the seeds are used up.

Whole seeds are left out, never a part of a training. A schedule whose comparisons are settled takes no further
seeds. What is settled is told by the same answer that the summary shows: its p values and intervals hold at every
look, so that looking after each seed costs nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lrbench.designs import Arm, Declared, arms_of
from lrbench.errors import BadConfig
from lrbench.judging.comparisons import Comparison, Verdict
from lrbench.judging.looks import ALPHA
from lrbench.judging.questions import Answer, Question, answer, check_question
from lrbench.judging.sequential import FIRST_LOOK
from lrbench.plan import Plan
from lrbench.runs import Experiment, Run

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


def until_settled(plan: Plan, question: Question, jobs: int) -> UntilSettled:
    """Return the policy for a plan whose seeds are the largest number.

    Raises BadConfig if nothing is compared, or if the question does not fit the plan.
    """
    if len(plan.schedules) < 2:
        raise BadConfig(
            "One schedule is compared with nothing, and so never settled.",
            "Name another: schedulers=constant,cosine",
        )
    check_question(question, plan.names, is_share=plan.setting.subject.compared.is_share)
    return UntilSettled(runs=plan.runs, question=question, jobs=jobs)
