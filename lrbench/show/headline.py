"""The answer in a sentence: no more than the comparisons that are shown can carry."""

from collections.abc import Sequence

from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Answer

MOST_NAMED = 3  # schedules; more are counted


def headline(answer: Answer) -> str:
    """Say what came out, from the comparisons that the answer holds and from nothing else."""
    scores = answer.scores
    done = [label for label in scores.ranked() if label in scores.finished]
    if len(scores.values) == 1:
        return f"Only {scores.ranked()[0]} was trained: there is nothing to compare it with."
    if len(done) < 2:
        return f"Only {done[0]} finished a run: nothing can be compared." if done else "No run finished."
    if answer.one_seed:
        enough = max(each.fewest_seeds or 0 for each in answer.comparisons)
        return f"One seed cannot tell these {len(scores.values)} schedules apart: {enough} seeds can."
    if answer.winner is not None:
        return _of_winner(answer, answer.winner, done)
    return _against(answer, answer.baseline) if answer.baseline is not None else _of_first(answer, done)


def _of_winner(answer: Answer, first: str, done: Sequence[str]) -> str:
    """One is better than all others: compared with each of them, or with the baseline that beats the rest."""
    unfinished = len(done) < len(answer.scores.values)
    if len(done) == 2:
        other = done[1] if first == done[0] else done[0]
        return f"{first} is better than {other}{', the only other that finished' if unfinished else ''}."
    if answer.baseline in (None, first):
        return (
            f"{first} is better than each of the other {len(done) - 1} schedules{' that finished' * unfinished}."
        )
    rest = [label for label in done if label not in (first, answer.baseline)]
    return (
        f"{first} is better than every other schedule{' that finished' * unfinished}: "
        f"better than {answer.baseline}, and {_few(rest)} {_are(rest)} worse than {answer.baseline}."
    )


def _against(answer: Answer, baseline: str) -> str:
    """What was compared with a baseline, verdict by verdict."""
    if baseline not in answer.scores.finished:
        return f"{baseline} finished no run: nothing can be compared with it."
    of: dict[str, list[str]] = {}
    for each in answer.comparisons:
        ended = each.scheduler in answer.scores.finished
        of.setdefault(each.verdict if ended else "unfinished", []).append(each.scheduler)
    said = {
        Verdict.WORSE: "{} {} worse",
        Verdict.EQUIVALENT: "{} {} equivalent to it",
        Verdict.CANNOT_TELL: "{} cannot be told from it",
        "unfinished": "{} did not finish",
    }
    rest = [text.format(_few(of[key]), _are(of[key])) for key, text in said.items() if key in of]
    if better := of.get(Verdict.BETTER):
        return "; ".join([f"{_few(better)} {_are(better)} better than {baseline}", *rest]) + "."
    return f"No schedule is better than {baseline}: {'; '.join(rest)}."


def _of_first(answer: Answer, done: Sequence[str]) -> str:
    """Of all pairs: what keeps the best mean from being better than all others."""
    first = done[0]
    of: dict[Verdict, list[str]] = {}
    for each in answer.comparisons:
        if each.scheduler == first and each.n:
            of.setdefault(each.verdict, []).append(each.baseline)
    said = {
        Verdict.CANNOT_TELL: "cannot be told from {}",
        Verdict.EQUIVALENT: "is equivalent to {}",
        Verdict.WORSE: "is worse than {} on the seeds that they share",
    }
    reasons = [text.format(_any_of(of[key], len(done) - 1)) for key, text in said.items() if key in of]
    if not reasons:
        return f"{first} has the best mean, but shares too few seeds with the others to say more."
    return f"No schedule is better than all others: {first} has the best mean, but {' and '.join(reasons)}."


def _few(labels: Sequence[str]) -> str:
    """Name a few; of more, name the first and count the rest: `step`, `step and rex`, `step and 3 more`."""
    if len(labels) > MOST_NAMED:
        return f"{labels[0]} and {len(labels) - 1} more"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _any_of(labels: Sequence[str], others: int) -> str:
    """As `_few`, in a sentence that denies."""
    if len(labels) > MOST_NAMED:
        return "any other" if len(labels) == others else f"{len(labels)} of the other {others}"
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} or {labels[-1]}"


def _are(labels: Sequence[str]) -> str:
    return "is" if len(labels) == 1 else "are"
