"""Before anything is trained: whether so many seeds can give a verdict at all, and how many could."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lrbench.designs import ALPHA, Arm, Declared, History, arms_of
from lrbench.judging.designs import Seeds, designs_by, looked
from lrbench.judging.least import smallest_p
from lrbench.judging.pairs import pairs_of
from lrbench.judging.scores import Scores
from lrbench.judging.sign_flips import holm
from lrbench.judging.spellings import meant
from lrbench.runs import Experiment, Run
from lrbench.schedules.names import Named, names

if TYPE_CHECKING:
    from lrbench.judging.questions import Question

_MOST_TRIED = 100  # seeds
_FIRST, _LAST = "0000", "9999"  # times before and after all that are noted
_MOST_NAMED = 3  # schedules; more are counted


@dataclass(frozen=True, slots=True)
class _Plan:
    """What stands in the folder once a plan is trained, as far as designs depend on it."""

    names: Mapping[Named, str]
    arms: Mapping[str, str]  # a schedule's name -> its identity
    seeds: Mapping[str, Seeds]  # by name
    planned: Set[str]  # names of those that are trained
    history: History


def outlook(
    stored: Experiment, runs: Sequence[Run], question: "Question | None" = None, *, until_settled: bool = False
) -> str:
    """Say that no verdict can come of these runs beside the stored ones, and how many seeds could give one.

    Empty where every comparison can be told, by differences of one sign and size. "Equivalent" may still be said
    with a margin.
    """
    declared = tuple(dict.fromkeys(run.seed for run in runs))
    plan = _plan(stored, runs, Declared(arms=arms_of(runs), seeds=declared, until_settled=until_settled))
    untold = _untold(plan, question)
    if not untold:
        return ""
    family = len(_pairs(plan, question))
    n = max(len(plan.seeds[a] & plan.seeds[b]) for a, b in untold)
    more = range(n + 1, _MOST_TRIED)
    enough = next((number for number in more if not _untold(_with(plan, number), question, alone=True)), None)
    count = "one seed" if n == 1 else f"{'at most ' * until_settled}{n} seeds"
    among = f" among {family} comparisons" if family > 1 else ""
    can = f"{enough} seeds can" if enough else "no number of seeds can"
    said = f"{count} cannot tell better from worse{among}; {can}."
    return f"{_few([a for a, _ in untold])}: {said}" if len(untold) < family else said[0].upper() + said[1:]


def _plan(stored: Experiment, runs: Sequence[Run], declared: Declared) -> _Plan:
    """What stands there once these runs are trained. A search's own runs are shown apart."""
    finished = () if stored.searches else stored.finished
    ended: dict[Named, set[int]] = {}
    arms: dict[Named, str] = {}
    for run in runs:
        ended.setdefault(run.named, set()).add(run.seed)
        arms.setdefault(run.named, Arm.of(run.schedule.label, run.identity).identity)
    planned = tuple(arms)
    for one in finished:
        ended.setdefault(one.schedule, set()).add(one.seed)
        arms.setdefault(one.schedule, one.arm.identity)
    called = names(arms)
    unnoted = None if stored.history.is_kept or not stored.finished else looked(stored)
    history = replace(
        stored.history,
        looked=(*([(_FIRST, unnoted)] if unnoted else []), *stored.history.looked),
        declared=(*stored.history.declared, (_LAST, declared)),
    )
    return _Plan(
        names=called,
        arms={called[named]: identity for named, identity in arms.items()},
        seeds={called[named]: frozenset(its) for named, its in ended.items()},
        planned={called[named] for named in planned},
        history=history,
    )


def _with(plan: _Plan, number: int) -> _Plan:
    """The same plan with so many seeds for every schedule: first those that it has."""
    (*before, (time, declared)) = plan.history.declared
    known = list(dict.fromkeys([*declared.seeds, *sorted(set[int]().union(*plan.seeds.values()))]))
    seeds = [*known, *(seed for seed in range(number) if seed not in known)][:number]
    more = replace(declared, seeds=tuple(seeds))
    return replace(
        plan,
        seeds={label: its | set(seeds) for label, its in plan.seeds.items()},
        history=replace(plan.history, declared=(*before, (time, more))),
    )


def _pairs(plan: _Plan, question: "Question | None") -> list[tuple[str, str]]:
    """What is compared: all pairs, or each with the baseline, which may still have to be chosen by validation."""
    most = max(map(len, plan.seeds.values()), default=0)
    labels = [label for label, seeds in plan.seeds.items() if len(seeds) > 1 or most < 2]
    if question and question.every_pair:
        return list(combinations(labels, 2))
    wanted = meant(question.baseline if question else None, plan.names)
    constant = [label for named, label in plan.names.items() if named.name == "constant" and label in labels]
    baseline = wanted if wanted in plan.seeds else next(iter(constant or labels), None)
    return [(label, baseline) for label in labels if baseline is not None and label != baseline]


def _untold(plan: _Plan, question: "Question | None", *, alone: bool = False) -> list[tuple[str, str]]:
    """The comparisons of what is trained that no differences of one sign and size would tell.

    With `alone`, those that would not be told if none of the others was.
    """
    pairs = _pairs(plan, question)
    known = designs_by(plan.history, plan.arms, {plan.arms[label]: its for label, its in plan.seeds.items()})
    ones = Scores("", False, {label: dict.fromkeys(sorted(its), 1.0) for label, its in plan.seeds.items()})
    p = []
    for a, b in pairs:
        lengths = pairs_of(ones, a, b, known(a, b)).lengths
        p.append(smallest_p(lengths, known(a, b)) if sum(lengths) > 1 else 1.0)
    told = (len(p) * np.array(p) if alone else holm(p)) < ALPHA
    return [pair for pair, is_told in zip(pairs, told, strict=True) if not is_told and plan.planned & set(pair)]


def _few(labels: Sequence[str]) -> str:
    """Name a few; of more, name the first and count the rest."""
    if len(labels) > _MOST_NAMED:
        return f"{labels[0]} and {len(labels) - 1} more"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"
