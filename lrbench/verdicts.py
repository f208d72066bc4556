"""A question to an experiment, or to a table from elsewhere, and all of its answer, for every output."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lrbench import problems
from lrbench.cautions import cautions
from lrbench.comparisons import (
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
from lrbench.errors import BadConfig
from lrbench.plan import Experiment
from lrbench.targets import Reached, time_to_target
from lrbench.tidy import read_scores


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
    scope: str  # the same in a few words, for every verdict
    scores: Scores
    baseline: str | None  # None: all pairs
    comparisons: tuple[Comparison, ...]
    winner: str | None  # better than every other schedule, all pairs being one family
    cautions: tuple[str, ...]
    reached: tuple[Reached, ...]  # time to target, if one was given
    question: Question
    experiment: Experiment | None  # None: the scores come from a file


def answer(experiment: Experiment, question: Question, others: Sequence[Experiment] = ()) -> Answer:
    """Answer a question from an experiment's finished runs. Raises BadConfig."""
    scores = scores_of(experiment, question.metric)
    validation = None if experiment.setting.validate_on == "none" else scores_of(experiment, "val_accuracy")
    found = _answer(scores, question, validation or scores)
    return replace(
        found,
        name=experiment.name,
        title=experiment.setting.describe(),
        scope=scope_of(experiment),
        cautions=tuple(cautions(experiment, others)),
        reached=tuple(time_to_target(experiment, question.target)) if question.target is not None else (),
        experiment=experiment,
    )


def answer_file(path: Path, question: Question) -> Answer:
    """Answer a question from a tidy CSV file. Raises BadResults or BadConfig."""
    if question.target is not None:
        raise BadConfig("--target needs an experiment's epochs.", "Leave it out, or name a results folder.")
    scores = read_scores(path, question.metric, question.lower_is_better)
    return replace(_answer(scores, question, None), name=path.name, title=question.metric, scope=path.name)


def holds(answers: Sequence[Answer], condition: str) -> list[tuple[Answer, Comparison]]:
    """Return where a condition such as `cosine<step` is the verdict, each as one comparison by itself.

    `<` says worse and `>` better. Raises BadConfig if it is about no two schedules of any answer.
    """
    stated = [(found, pair, verdict) for found in answers for pair, verdict in _states(found, condition)]
    if not stated:
        labels = ", ".join(dict.fromkeys(label for found in answers for label in found.scores.values))
        raise BadConfig(
            f"{condition!r} is no condition on two of these schedules: {labels}.",
            'Write, for example, --fail-if "cosine<step": it fails if cosine is worse than step.',
        )
    compared = [(found, compare(found.scores, [pair], found.question.margin)[0], v) for found, pair, v in stated]
    return [(found, comparison) for found, comparison, verdict in compared if comparison.verdict is verdict]


def _states(found: Answer, condition: str) -> list[tuple[tuple[str, str], Verdict]]:
    """The pair of labels and the verdict that a condition is about: labels may hold < and > themselves."""
    labels = found.scores.values
    signs = {"<": Verdict.WORSE, ">": Verdict.BETTER}
    splits = [(i, signs[character]) for i, character in enumerate(condition) if character in signs]
    pairs = [((condition[:i].strip(), condition[i + 1 :].strip()), verdict) for i, verdict in splits]
    return [((a, b), verdict) for (a, b), verdict in pairs if a in labels and b in labels and a != b]


def scope_of(experiment: Experiment) -> str:
    """Return what a verdict is about, in a few words: problem, optimizer, epochs, peak rate."""
    setting = experiment.setting
    peaks = {one.run.schedule.lr for one in experiment.finished}
    rate = f"peak rate {peaks.pop():g}" if len(peaks) == 1 else f"peak rates {min(peaks):g} to {max(peaks):g}"
    title = problems.find(setting.problem).title(setting.hidden)
    epochs = "1 epoch" if setting.epochs == 1 else f"{setting.epochs} epochs"
    return f"{title}, {setting.optimizer}, {epochs}, {rate}"


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values: what is nan or infinite is null."""
    record = asdict(comparison)
    record["lost"] = list(comparison.lost)
    return {key: None if _is_odd(value) else value for key, value in record.items()}


def _is_odd(value: object) -> bool:
    return isinstance(value, float) and not abs(value) < float("inf")


def _answer(scores: Scores, question: Question, validation: Scores | None) -> Answer:
    baseline = None
    if question.every_pair:
        found = all_pairs(scores, question.margin)
    elif len(scores.values) > 1:
        baseline = choose_baseline(scores, question.baseline, validation)
        found = against(scores, baseline, question.margin)
    else:
        found = []
    return Answer(
        name="",
        title="",
        scope="",
        scores=scores,
        baseline=baseline,
        comparisons=tuple(found),
        winner=winner(scores),
        cautions=(),
        reached=(),
        question=question,
        experiment=None,
    )
