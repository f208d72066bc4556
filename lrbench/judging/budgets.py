"""The same comparison at several horizons: where the ranking changes with the budget."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

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
        """Say where the order of the means changes: `from 5 to 15 epochs: cosine takes the best mean`."""
        found = []
        for one, two in pairwise(self.answers):
            both = set(self.ranking(one)) & set(self.ranking(two))
            first, second = ([words for words in self.ranking(each) if words in both] for each in (one, two))
            if len(both) < 2:
                continue
            before, after = first[0], second[0]
            flipped = sum(second.index(a) > second.index(b) for a, b in combinations(first, 2))
            epochs = f"from {_setting(one).epochs} to {_setting(two).epochs} epochs"
            if before != after:
                found.append(f"{epochs}: {after} takes the best mean from {before}")
            elif flipped:
                found.append(f"{epochs}: {flipped} of {math.comb(len(first), 2)} pairs change their order")
        return found


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
