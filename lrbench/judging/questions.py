"""A question to an experiment, or to a table from elsewhere, and all of its answer, for every output."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lrbench import problems
from lrbench.errors import BadConfig
from lrbench.judging.cautions import cautions
from lrbench.judging.comparisons import (
    Comparison,
    Scores,
    Verdict,
    against,
    all_pairs,
    choose_baseline,
    compare,
    scores_of,
    winner,
)
from lrbench.judging.targets import Reached, time_to_target
from lrbench.judging.tidy import read_scores
from lrbench.plan import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be compared."""

    metric: str = "test_accuracy"
    lower_is_better: bool | None = None  # None: known of lrbench's own figures, guessed from other names
    baseline: str | None = None  # None: `constant`, or the best by validation
    every_pair: bool = False
    margin: float | None = None  # in the metric's unit: what counts as no difference
    target: float | None = None  # validation accuracy, a fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What can be said, for tables, pictures and pages to show."""

    name: str  # of the experiment, or of the file
    title: str  # the setting in a line
    scores: Scores
    baseline: str | None  # None: all pairs
    comparisons: tuple[Comparison, ...]
    winner: str | None  # better than every other schedule, all pairs being one family
    cautions: tuple[str, ...]
    reached: tuple[Reached, ...]  # time to target, if one was given
    question: Question
    experiment: Experiment | None  # None: the scores come from a file

    def scope(self, comparison: Comparison) -> str:
        """Return what a verdict is about, in a few words."""
        if self.experiment is None:
            return self.name
        return scope_of(self.experiment, comparison.scheduler, comparison.baseline)


def answer(experiment: Experiment, question: Question, others: Sequence[Experiment] = ()) -> Answer:
    """Answer a question from an experiment's finished runs. Raises BadConfig."""
    scores = scores_of(experiment, question.metric)
    validation = None if experiment.setting.validate_on == "none" else scores_of(experiment, "val_accuracy")
    found = _answer(scores, question, validation)
    return replace(
        found,
        name=experiment.name,
        title=experiment.setting.describe(),
        cautions=tuple(cautions(experiment, others)),
        reached=tuple(time_to_target(experiment, question.target)) if question.target is not None else (),
        experiment=experiment,
    )


def answer_file(path: Path, question: Question) -> Answer:
    """Answer a question from a tidy CSV file. Raises BadResults or BadConfig."""
    if question.target is not None:
        raise BadConfig("--target needs an experiment's epochs.", "Leave it out, or name a results folder.")
    scores = read_scores(path, question.metric, question.lower_is_better)
    return replace(_answer(scores, question, None), name=path.name, title=question.metric)


def holds(answers: Sequence[Answer], conditions: Sequence[str]) -> list[tuple[str, Answer, Comparison]]:
    """Return which conditions such as `cosine<step` hold where, all conditions on an answer being one family.

    `<` says worse and `>` better. Who loses runs where the other loses none is not better, and `<` then holds.
    Raises BadConfig if a condition is about no two schedules of any answer.
    """
    held = []
    stated = {text: [(found, each) for found in answers for each in _states(found, text)] for text in conditions}
    for text, places in stated.items():
        if not places:
            labels = ", ".join(dict.fromkeys(label for found in answers for label in found.scores.values))
            raise BadConfig(
                f"{text!r} is no condition on two of these schedules: {labels}.",
                'Write, for example, --fail-if "cosine<step": it fails if cosine is worse than step.',
            )
    for found in answers:
        asked = [(text, each) for text, places in stated.items() for place, each in places if place is found]
        compared = compare(found.scores, [pair for _, (pair, _) in asked], found.question.margin)
        for (text, (_, verdict)), comparison in zip(asked, compared, strict=True):
            lost, others = comparison.lost if verdict is Verdict.WORSE else comparison.lost[::-1]
            if comparison.verdict is verdict or (
                lost and not others and comparison.verdict is Verdict.CANNOT_TELL
            ):
                held.append((text, found, comparison))
    return held


def _states(found: Answer, condition: str) -> list[tuple[tuple[str, str], Verdict]]:
    """The pair of labels and the verdict that a condition is about: labels may hold < and > themselves."""
    labels = found.scores.values
    signs = {"<": Verdict.WORSE, ">": Verdict.BETTER}
    splits = [(i, signs[character]) for i, character in enumerate(condition) if character in signs]
    pairs = [((condition[:i].strip(), condition[i + 1 :].strip()), verdict) for i, verdict in splits]
    return [((a, b), verdict) for (a, b), verdict in pairs if a in labels and b in labels and a != b]


def scope_of(experiment: Experiment, *labels: str) -> str:
    """Return what a verdict on these schedules is about, in a few words: problem, optimizer, epochs, peak rate."""
    setting = experiment.setting
    runs = (one.run.schedule for one in experiment.finished)
    peaks = {schedule.lr for schedule in runs if schedule.label in labels or not labels}
    rate = f"peak rate {peaks.pop():g}" if len(peaks) == 1 else f"peak rates {min(peaks):g} and {max(peaks):g}"
    title = problems.find(setting.problem).title(setting.hidden)
    epochs = "1 epoch" if setting.epochs == 1 else f"{setting.epochs} epochs"
    return f"{title}, {setting.optimizer}, {epochs}, {rate}"


def comparison_record(found: Answer, comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values: what is nan or infinite is null."""
    record = asdict(comparison) | {"scope": found.scope(comparison)}
    record["lost"] = list(comparison.lost)
    return {key: None if _is_odd(value) else value for key, value in record.items()}


def _is_odd(value: object) -> bool:
    return isinstance(value, float) and not abs(value) < float("inf")


def _answer(scores: Scores, question: Question, validation: Scores | None) -> Answer:
    baseline = choose_baseline(scores, question.baseline, validation)
    if question.every_pair or len(scores.values) < 2:
        baseline = None
    margin = question.margin
    found = all_pairs(scores, margin) if baseline is None else against(scores, baseline, margin)
    return Answer(
        name="",
        title="",
        scores=scores,
        baseline=baseline,
        comparisons=tuple(found),
        winner=winner(scores),
        cautions=(),
        reached=(),
        question=question,
        experiment=None,
    )
