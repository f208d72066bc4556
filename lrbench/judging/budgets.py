"""The same comparison at several horizons: where the ranking changes with the budget."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lrbench.judging.order import Side, change
from lrbench.judging.questions import Answer
from lrbench.runs import Setting
from lrbench.schedules.names import Named


@dataclass(frozen=True, slots=True)
class Budgets:
    """Answers that differ in their epochs only, the shortest first."""

    answers: tuple[Answer, ...]

    @property
    def epochs(self) -> list[int]:
        return [_setting(each).epochs for each in self.answers]

    @property
    def schedules(self) -> list[str]:
        """The words of every schedule that stands in two of the answers or more, in the order of the answers."""
        counts = Counter(words for each in self.answers for words in _labels(each))
        return [words for words, count in counts.items() if count > 1]

    def label(self, answer: Answer, words: str) -> str | None:
        """Return what an answer calls a schedule; None if it does not have it."""
        return _labels(answer).get(words)

    def ranking(self, answer: Answer) -> list[str]:
        """Return the words of the shared schedules that an answer has, the best mean first."""
        by_label = {self.label(answer, words): words for words in self.schedules}
        return [by_label[label] for label in answer.scores.ranked() if label in by_label]

    def changes(self) -> list[str]:
        """Say where verdicts are reversed, on the same seeds: `from 5 to 15 epochs: cosine against step`."""
        found = []
        for one, two in pairwise(self.answers):
            pairs = self._compared(one, two)
            reversed_pairs = change(self._side(one), self._side(two), pairs).reversed if pairs else []
            if reversed_pairs:
                named = ", ".join(f"{a} against {b}" for a, b in reversed_pairs)
                found.append(f"from {_setting(one).epochs} to {_setting(two).epochs} epochs: {named}")
        return found

    def _compared(self, one: Answer, two: Answer) -> list[tuple[str, str]]:
        """The pairs that both of them compared, by their words."""
        first, second = (_pairs(answer) for answer in (one, two))
        return [(a, b) for a, b in first if (a, b) in second or (b, a) in second]

    def _side(self, answer: Answer) -> Side:
        return Side(answer.scores, answer.designs, _labels(answer), answer.question.margin)


def budgets_of(answers: Sequence[Answer]) -> tuple[list[Budgets], list[str]]:
    """Return the groups of answers that differ in their epochs only, and say what stands in none of them, and why.

    In a group, each answer shares a schedule with another one, and at least two schedules are shared.
    """
    groups: dict[tuple[str, ...], list[Answer]] = {}
    for each in answers:
        if each.experiment:
            identity = {key: value for key, value in each.experiment.setting.identity.items() if key != "epochs"}
            tuned = str(each.experiment.tuning is not None)
            key = (repr(sorted(identity.items())), each.scores.metric, tuned, each.experiment.part)
            groups.setdefault(key, []).append(each)
    found, left_out = [], []
    for group in groups.values():
        group.sort(key=lambda each: _setting(each).epochs)
        if len({_setting(each).epochs for each in group}) == 1:
            continue
        if twins := [two.name for one, two in pairwise(group) if _setting(one).epochs == _setting(two).epochs]:
            left_out.append(
                f"{', '.join(twins)}: another experiment has the same epochs, and all else but its name."
            )
            group = [each for each in group if each.name not in twins]
        whole = Budgets(tuple(group))
        sharing = [each for each in group if whole.ranking(each)]
        if len(whole.schedules) < 2:
            epochs = ", ".join(map(str, whole.epochs))
            left_out.append(f"The experiments of {epochs} epochs share fewer than two schedules.")
            continue
        left_out += [
            f"{each.name} ({_setting(each).epochs} epochs) shares no schedule with the others."
            for each in group
            if each not in sharing
        ]
        found.append(Budgets(tuple(sharing)))
    return found, left_out


def _setting(answer: Answer) -> Setting:
    assert answer.experiment is not None
    return answer.experiment.setting


def _labels(answer: Answer) -> Mapping[str, str]:
    """Return what an answer calls its schedules, by their words; of words that several share, the first."""
    assert answer.experiment is not None
    names: Mapping[Named, str] = answer.experiment.names
    found: dict[str, str] = {}
    for schedule, label in names.items():
        if label not in answer.apart:
            found.setdefault(schedule.words, label)
    return found


def _pairs(answer: Answer) -> list[tuple[str, str]]:
    """The comparisons of an answer, by the words of their schedules."""
    words = {label: each for each, label in _labels(answer).items()}
    pairs = [(words.get(each.scheduler, ""), words.get(each.baseline, "")) for each in answer.comparisons]
    return [(a, b) for a, b in pairs if a and b]
