"""What two comparisons of the same schedules say otherwise: by their verdicts, on the seeds that both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lrbench.judging.comparisons import Comparison, Verdict, compare
from lrbench.judging.designs import Designs, designs_of
from lrbench.judging.scores import Scores, scores_of
from lrbench.judging.tuning import variant_of
from lrbench.runs import Experiment
from lrbench.searches import Variant

OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
MOST_NAMED = 3  # pairs; more are counted

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Side:
    """One of two comparisons. Schedules are called by their words, which are the same on both sides."""

    scores: Scores
    designs: Designs
    called: Mapping[str, str]  # words -> the name in the scores
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The verdicts on the same pairs on two sides, on the seeds that both sides have of all their schedules."""

    seeds: int
    before: Mapping[Pair, Verdict]
    after: Mapping[Pair, Verdict]

    @property
    def reversed(self) -> list[Pair]:
        """The pairs that are better on one side and worse on the other."""
        return [pair for pair in self.before if OPPOSITE.get(self.before[pair]) == self.after[pair]]

    def told(self, *, before: bool, after: bool) -> int:
        """Return how many pairs are told apart on both sides, or on one alone."""
        return sum(
            (self.before[pair] in OPPOSITE) == before and (self.after[pair] in OPPOSITE) == after
            for pair in self.before
        )


def change(before: Side, after: Side, pairs: Sequence[Pair]) -> Change:
    """Compare these pairs on both sides, as one family each, on the seeds that ended for all of them on both."""
    words = {each for pair in pairs for each in pair}
    ended = [set(side.scores.values[side.called[each]]) for side in (before, after) for each in words]
    seeds = set[int].intersection(*ended) if ended else set()

    def verdicts(side: Side) -> dict[Pair, Verdict]:
        values = {
            label: {seed: value for seed, value in runs.items() if seed in seeds}
            for label, runs in side.scores.values.items()
        }
        asked = [(side.called[a], side.called[b]) for a, b in pairs]
        found = compare(replace(side.scores, values=values), asked, side.margin, side.designs)
        return {pair: each.verdict for pair, each in zip(pairs, found, strict=True)}

    return Change(len(seeds), verdicts(before), verdicts(after))


def order_note(experiment: Experiment, scores: Scores, comparisons: Sequence[Comparison]) -> str:
    """Say which of these verdicts tuning reversed; empty where there is no comparison at one rate."""
    if experiment.tuning is None:
        return ""
    if experiment.beside is None:
        peak = experiment.tuning.search.same_rate
        return f"There is no comparison at one rate beside it: `lrbench run` with the rate {peak:g} trains it."
    rate = f"one rate of {experiment.beside.same_rate:g} for all"
    words = {variant: each.words for each in experiment.tuning.search.contenders for variant in each.variants}
    tuned, same = _side(experiment, scores.metric, words), _side(experiment.beside, scores.metric, words)
    here = {name: each for each, name in tuned.called.items()}
    pairs = [(here[each.scheduler], here[each.baseline]) for each in comparisons if each.n]
    pairs = [pair for pair in pairs if set(pair) <= same.called.keys()]
    if not pairs:
        return ""
    found = change(same, tuned, pairs)
    if found.seeds < 2:
        return (
            f"The comparison with {rate} is on other seeds, so what tuning changed cannot be told: "
            f"`lrbench run` with that rate and these seeds trains it."
        )
    both, only_same, only_tuned = (
        found.told(before=before, after=after) for before, after in ((True, True), (True, False), (False, True))
    )
    said = f"With {rate}, on the same {found.seeds} seeds, "
    if not (both or only_same or only_tuned):
        return f"{said}no verdict is known that tuning could have changed."
    said += f"{_reversed(found)} by tuning"
    of = "the comparison" if len(pairs) == 1 else f"{len(pairs)} comparisons"
    told = f"{both} told both ways, {only_same} only with one rate, {only_tuned} only at tuned rates"
    return f"{said} ({of}: {told})."


def _reversed(found: Change) -> str:
    """Say how many verdicts are reversed, and name a few."""
    pairs = found.reversed
    if not pairs:
        return "no verdict is reversed"
    named = ", ".join(f"{a} against {b}" for a, b in pairs[:MOST_NAMED])
    more = f" and {len(pairs) - MOST_NAMED} more" if len(pairs) > MOST_NAMED else ""
    return f"{len(pairs)} {'verdict is' if len(pairs) == 1 else 'verdicts are'} reversed, {named}{more},"


def _side(experiment: Experiment, metric: str, words: Mapping[Variant, str]) -> Side:
    called = {words.get(variant_of(schedule), name): name for schedule, name in experiment.names.items()}
    return Side(scores_of(experiment, metric), designs_of(experiment), called)
