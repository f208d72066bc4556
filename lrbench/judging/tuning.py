"""A fair search over peak rates, judged: where it stands, what each schedule's best rate is, and by how much luck.

Every contender gets the same grid and the same number of trials. The best point has the best mean of the final
validation figure over the tuning seeds; a point that lost a run is worse than any other. Rules: Choi et al. 2019,
https://arxiv.org/abs/1910.05446; Godbole et al., Deep Learning Tuning Playbook.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from lrbench.runs import Experiment, Finished
from lrbench.schedules.names import Named
from lrbench.searches import LARGEST_RATE, Contender, Point, Search, Trial, Tuned, Tuning, Variant

NEAR_SHARE = 0.005  # 0.5 points: what comes near the best of a figure that is a share
NEAR_OTHER = 0.05  # of the best, for another figure


def variant_of(schedule: Named) -> Variant:
    """Return what a stored schedule is without its peak rate."""
    return schedule.name, schedule.parameters


def tuning_of(search: Search, finished: Iterable[Finished]) -> Tuning:
    """Tell from the runs that ended where a search stands. The same runs give the same answer, in any order."""
    seeds = set(search.tune_seeds)
    values: dict[tuple[Point, int], float | None] = {
        (Point(variant_of(one.schedule), one.schedule.lr), one.seed): one.final(search.figure)
        for one in finished
        if one.seed in seeds and not one.schedule.is_label
    }

    def trial(point: Point) -> Trial | None:
        known = [(point, seed) in values for seed in search.tune_seeds]
        if not all(known):
            return None
        return Trial(point=point, values=tuple((seed, values[point, seed]) for seed in search.tune_seeds))

    below = above = 0
    for _ in range(search.max_extend + 1):
        points = [_coarse(search, each, below, above) for each in search.contenders]
        missing = _missing(points, trial)
        tried = [_tried(each, trial) for each in points]
        if missing:
            return _tuning(search, below, above, tried, missing, "coarse")
        bests = [_best(search, trials) for trials in tried]
        rates = _grid(search, below, above)
        low, high = rates[0], rates[-1]
        downward = any(best is None or best.point.lr == low for best in bests)
        upward = any(best and best.point.lr == high for best in bests)
        if below + above >= search.max_extend or not (downward or upward):
            break
        below, above = below + downward, above + (upward and below + downward + above < search.max_extend)
    points = [[*coarse, *_refined(search, best)] for coarse, best in zip(points, bests, strict=True)]
    missing = _missing(points, trial)
    return _tuning(
        search, below, above, [_tried(each, trial) for each in points], missing, "refine" if missing else "done"
    )


def tuned_view(experiment: Experiment, search: Search) -> Experiment | None:
    """Return the comparison of every schedule at its own best rate, on the seeds that tuned nothing.

    None if there is no such run yet.
    """
    tuning = tuning_of(search, experiment.finished)
    if tuning.stage != "done":
        return None
    best = {each.best.point for each in tuning.tuned if each.best}
    found = tuple(
        one
        for one in experiment.finished
        if one.seed in search.seeds
        and not one.schedule.is_label
        and Point(variant_of(one.schedule), one.schedule.lr) in best
    )
    if not found:
        return None
    return replace(
        experiment,
        name=f"{experiment.name}, tuned",
        finished=found,
        searches=(),
        tuning=tuning,
        beside=same_rate_view(experiment, search),
    )


def same_rate_view(experiment: Experiment, search: Search) -> Experiment | None:
    """Return the comparison of all schedules at one peak rate.

    On the seeds of the tuned comparison where every contender has some, else on the tuning seeds, else None.
    """
    variants = {each.variants[0] for each in search.contenders}
    at_rate = [one for one in experiment.finished if one.schedule.lr == search.same_rate]
    for seeds in (search.seeds, search.tune_seeds):
        found = tuple(one for one in at_rate if one.seed in seeds)
        if variants <= {variant_of(one.schedule) for one in found if not one.schedule.is_label}:
            return replace(
                experiment,
                name=f"{experiment.name}, all at {search.same_rate:g}",
                finished=found,
                searches=(),
                same_rate=search.same_rate,
                part="same-rate",
            )
    return None


def views(experiment: Experiment) -> list[Experiment]:
    """Return what is to be shown of an experiment: itself, or what was tuned, what ran at one rate, and the rest.

    Only trials are left out: they have reported what they had to in what was tuned by them.
    """
    tuned = [view for search in experiment.searches if (view := tuned_view(experiment, search))]
    if not tuned:
        return [experiment]
    for number, view in enumerate(tuned[1:], start=2):
        tuned[number - 1] = replace(view, name=f"{view.name} {number}", part=f"tuned-{number}")
    beside = {view.beside.name: view.beside for view in tuned if view.beside}
    found = [*tuned, *beside.values()]
    shown = {one.key for view in found for one in view.finished}
    trials = {seed for search in experiment.searches for seed in search.tune_seeds}
    rest = tuple(one for one in experiment.finished if one.key not in shown and one.seed not in trials)
    if rest:
        name = f"{experiment.name}, other runs"
        found.append(replace(experiment, name=name, finished=rest, searches=(), part="others"))
    return found


def edge_cautions(tuning: Tuning) -> Iterator[str]:
    """Warn of what the grid may have cut off."""
    for each in tuning.tuned:
        if each.best is None:
            yield (
                f"No rate of {each.contender.words} finished on all tuning seeds, so it is not compared. "
                "Search lower rates: `lrbench tune --lrs GRID`."
            )
        elif each.at_edge:
            yield (
                f"The best rate of {each.contender.words}, {each.best.point.lr:g}, lies at the edge of what was "
                "tried: a better one may lie beyond. Search further out: `lrbench tune --lrs GRID`."
            )


def _coarse(search: Search, contender: Contender, below: int, above: int) -> list[Point]:
    """Return a contender's points on the grid. Variants take turns along it, so that they cost no trial more."""
    variants = contender.variants
    rates = _grid(search, below, above)
    return [Point(variants[i % len(variants)], rate) for i, rate in enumerate(rates, start=-below)]


def _refined(search: Search, best: Trial | None) -> list[Point]:
    """Return the points around a contender's best: half a grid step apart, and none of them on the grid."""
    if best is None or not search.refine:
        return []
    half = search.refine / 2
    exponents = [(i + 0.5 - half) / 2 for i in range(search.refine)]
    rates = [_round(best.point.lr * search.step**exponent) for exponent in exponents]
    return [Point(best.point.variant, rate) for rate in rates if 0 < rate < LARGEST_RATE]


def _grid(search: Search, below: int, above: int) -> tuple[float, ...]:
    """Return the coarse grid with what extends it: each new rate goes on as the last three do, further out."""
    rates = list(search.rates)
    for _ in range(below):
        rates.insert(0, _beyond(rates[2::-1]))
    for _ in range(above):
        rates.append(_beyond(rates[-3:]))
    return tuple(rates)


def _beyond(last: Sequence[float]) -> float:
    """Return what comes after two or three rates: 10 after 0.316, 1, 3.16."""
    return _round(last[-2] * last[-1] / last[-3] if len(last) > 2 else last[-1] ** 2 / last[-2])


def _round(rate: float) -> float:
    return float(f"{rate:.3g}")


def _tried(points: Sequence[Point], trial: Callable[[Point], Trial | None]) -> list[Trial]:
    return [found for point in dict.fromkeys(points) if (found := trial(point))]


def _missing(points: Sequence[Sequence[Point]], trial: Callable[[Point], Trial | None]) -> tuple[Point, ...]:
    return tuple(dict.fromkeys(point for each in points for point in each if trial(point) is None))


def _best(search: Search, trials: Sequence[Trial]) -> Trial | None:
    sign = 1 if search.lower_is_better else -1
    whole = [each for each in trials if each.mean is not None]
    return min(whole, key=lambda each: (sign * (each.mean or 0.0), each.point.lr), default=None)


def _tuning(
    search: Search,
    below: int,
    above: int,
    tried: Sequence[Sequence[Trial]],
    missing: tuple[Point, ...],
    stage: str,
) -> Tuning:
    rates = _grid(search, below, above)
    return Tuning(
        search=search,
        rates=rates,
        tuned=tuple(
            _tuned(search, contender, trials, rates)
            for contender, trials in zip(search.contenders, tried, strict=True)
        ),
        missing=missing,
        stage=stage,
    )


def _tuned(search: Search, contender: Contender, trials: Sequence[Trial], rates: tuple[float, ...]) -> Tuned:
    best = _best(search, trials)
    ordered = tuple(sorted(trials, key=lambda each: (each.point.lr, each.point.variant)))
    alone = [(seed, _chosen_by(search, trials, seed)) for seed in search.tune_seeds]
    otherwise = [(seed, each) for seed, each in alone if each and each != best]
    costs = [_cost(search, each, best, seed) for seed, each in otherwise if best]
    return Tuned(
        contender=contender,
        trials=ordered,
        best=best,
        at_edge=best is not None and not rates[0] < best.point.lr < rates[-1],
        chosen_otherwise=len(otherwise) if best else 0,
        cost=sum(costs) / len(costs) if costs else 0.0,
        near=_near(search, ordered, best) if best else None,
    )


def _chosen_by(search: Search, trials: Sequence[Trial], seed: int) -> Trial | None:
    """Return the trial that one tuning seed alone would have chosen."""
    sign = 1 if search.lower_is_better else -1
    seen = [(value, each) for each in trials if (value := dict(each.values)[seed]) is not None]
    return min(seen, key=lambda pair: (sign * pair[0], pair[1].point.lr), default=(None, None))[1]


def _cost(search: Search, chosen: Trial, best: Trial, seed: int) -> float:
    """Return how much worse the choice of one seed is than the best, on the seeds that did not choose it."""
    mine, theirs = dict(chosen.values), dict(best.values)
    others = [(mine[each], theirs[each]) for each in search.tune_seeds if each != seed]
    if any(a is None for a, _ in others):
        return math.inf
    differences = [
        (a - b) if search.lower_is_better else (b - a) for a, b in others if a is not None and b is not None
    ]
    return sum(differences) / len(differences) if differences else 0.0


def _loss(search: Search, trial: Trial, best: Trial) -> float:
    """Return how much worse a trial's mean is than the best one's; infinite where it lost a run."""
    if trial.mean is None or best.mean is None:
        return math.inf
    return trial.mean - best.mean if search.lower_is_better else best.mean - trial.mean


def _near(search: Search, trials: Sequence[Trial], best: Trial) -> tuple[float, float]:
    """Return the ends of the unbroken range of rates around the best whose means come near it."""
    near = NEAR_SHARE if search.is_share else NEAR_OTHER * abs(best.mean or 0.0)
    same = [each for each in trials if each.point.variant == best.point.variant]
    at = same.index(best)
    low = high = at
    while low > 0 and _loss(search, same[low - 1], best) <= near:
        low -= 1
    while high < len(same) - 1 and _loss(search, same[high + 1], best) <= near:
        high += 1
    return same[low].point.lr, same[high].point.lr
