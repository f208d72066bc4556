"""Which design a comparison has, told from what was declared, what was looked at, and what stands there now.

Nobody has to remember anything: seeds that were declared before and are looked at once are fixed; a largest number
that was declared before the first look is sequential; whatever else happened is open, and so is all of a history
of which something was lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace

from lrbench.designs import FIXED, Declared, Design, History, Looked
from lrbench.runs import Experiment, Finished
from lrbench.searches import FIRST_TUNING_SEED

Seeds = frozenset[int]
Designs = Callable[[str, str], Design]


def looked(experiment: Experiment) -> Looked | None:
    """Return what a look at an experiment shows of every schedule; None if nothing can be compared in it."""
    ended = _ended(experiment.finished)
    if len(ended) < 2 or max(map(len, ended.values())) < 2:
        return None
    return Looked(seeds=tuple(sorted((arm, tuple(sorted(seeds))) for arm, seeds in ended.items())))


def designs_of(experiment: Experiment) -> Designs:
    """Return what tells the design of a comparison of two schedules, by their names in the experiment."""
    arms = {name: runs[0].arm.identity for name, runs in experiment.groups.items()}
    return designs_by(experiment.history, arms, _ended(experiment.finished))


def designs_by(history: History, arms: Mapping[str, str], ended: Mapping[str, Set[int]]) -> Designs:
    """As `designs_of`, from the identities of schedules by their names, and the seeds that ended by identity."""

    def design(a: str, b: str) -> Design:
        if a not in arms or b not in arms:
            return FIXED
        pair = (arms[a], arms[b])
        now = frozenset(ended[pair[0]] & ended[pair[1]])
        return replace(_design(history, pair, now), is_seen=len(now) > 1)  # by whoever is told the design

    return design


def saved_note(experiment: Experiment, designs: Iterable[str]) -> str:
    """Say how many of the runs that were declared at most were needed; empty where the designs are others."""
    if not any(each.startswith("sequential") for each in designs):
        return ""
    keys = {(one.arm.identity, one.seed) for one in experiment.finished}
    notes = []
    until = [each for _, each in experiment.history.declared if each.until_settled]
    for declared in until:
        arms = {each.identity for each in declared.arms}
        more = (each for each in until if each != declared and each.seeds == declared.seeds)
        part = any(set(declared.arms) <= set(each.arms) for each in more)
        if part or not arms <= {arm for arm, _ in keys}:
            continue
        most = len(arms) * len(declared.seeds)
        done = sum((arm, seed) in keys for arm in arms for seed in declared.seeds)
        notes.append(
            f"Until settled: {done:,} of {most:,} runs, which {len(declared.seeds)} seeds for all would be."
        )
    return " ".join(notes)


def _ended(finished: Iterable[Finished]) -> dict[str, set[int]]:
    """The seeds of every arm that ended, whether they finished or not."""
    seeds: dict[str, set[int]] = {}
    for one in finished:
        seeds.setdefault(one.arm.identity, set()).add(one.seed)
    return seeds


def _design(history: History, pair: tuple[str, str], now: Seeds) -> Design:
    declared = [(time, each) for time, each in history.declared if _covers(each, pair)]
    before = _looks(history.looked, pair, of_a_search=_is_of_a_search(now))
    others = [(time, seeds) for time, seeds in before if seeds != now]
    planned = [_planned(history, arm, now) for arm in pair]
    if not any(planned) and not others and not history.is_torn:
        return FIXED  # nothing was noted: an earlier version's, or a table from elsewhere
    first = min((time for time, _ in before), default="~")
    until = [(time, each) for time, each in declared if each.until_settled]
    for time, each in until[:1]:  # who sees how it stands after each seed may not choose another number by it
        if time <= first and not history.is_torn and _within([now, *(s for _, s in others)], each.seeds):
            return Design(kind="sequential", most=len(each.seeds), streams=(each.seeds,))
    whole = (planned[0] or now) & (planned[1] or now)
    if now == whole and not (others or until or history.is_torn):
        return FIXED
    looks = [seeds for _, seeds in others]
    return Design(kind="open", streams=_streams(looks, now), looks=tuple(sorted({len(seeds) for seeds in looks})))


def _covers(declared: Declared, arms: Iterable[str]) -> bool:
    """Whether all of these schedules were declared; a search declares whatever it finds."""
    return not declared.arms or set(arms) <= {each.identity for each in declared.arms}


def _is_of_a_search(seeds: Iterable[int]) -> bool:
    """Whether these are seeds that rates are tuned by: another plan than those that report."""
    return min(seeds, default=0) >= FIRST_TUNING_SEED


def _planned(history: History, arm: str, now: Seeds) -> Seeds:
    """All seeds that were ever declared of a schedule, in one plan or in several; empty if none was.

    A plan that was given up for a smaller one still counts: who did that may have seen how it stood.
    """
    plans = [each.seeds for _, each in history.declared if _covers(each, [arm])]
    kind = _is_of_a_search(now)
    return frozenset(seed for seeds in plans for seed in seeds if _is_of_a_search([seed]) == kind)


def _looks(
    entries: Iterable[tuple[str, Looked]], pair: tuple[str, str], *, of_a_search: bool
) -> list[tuple[str, Seeds]]:
    """The earlier looks at a pair: when, and the seeds that both had. One at a part of an earlier one is none."""
    found: list[tuple[str, Seeds]] = []
    for time, each in entries:
        seeds = dict(each.seeds)
        a, b = ({seed for seed in seeds.get(arm, ()) if _is_of_a_search([seed]) == of_a_search} for arm in pair)
        both = frozenset(a & b)
        if len(both) > 1 and not any(both <= before for _, before in found):
            found.append((time, both))
    return found


def _within(sets: Iterable[Seeds], seeds: Sequence[int]) -> bool:
    whole = set(seeds)
    return all(each <= whole for each in sets)


def _streams(looks: Iterable[Seeds], now: Seeds) -> tuple[tuple[int, ...], ...]:
    """Put seeds in the order in which they were first looked at, by independent origin.

    What adds to one earlier look goes on with it. A look that shares nothing with the others is an origin of its
    own, from a folder that was merged, and so are the seeds that were added to several at once.
    """
    streams: list[list[int]] = []
    for look in sorted({*looks, now}, key=lambda seeds: (len(seeds), sorted(seeds))):
        known = {seed for stream in streams for seed in stream}
        new = sorted((look & now) - known)
        within = [stream for stream in streams if set(stream) <= look]
        if len(within) == 1:
            within[0].extend(new)
        elif new:
            streams.append(new)
    return tuple(tuple(stream) for stream in streams)
