"""A question to an experiment, or to a table from elsewhere, and all of its answer, for every output."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lrbench.designs import MOST_SEQUENTIAL, Design
from lrbench.errors import BadConfig
from lrbench.foreign import finite, input_name
from lrbench.judging.cautions import cautions
from lrbench.judging.comparisons import (
    Comparison,
    Verdict,
    against,
    all_pairs,
    always_fixed,
    choose_baseline,
    compare,
    no_schedule,
    winner,
    with_all_pairs,
)
from lrbench.judging.designs import Designs, designs_of, saved_note
from lrbench.judging.exports import ExportNote
from lrbench.judging.order import order_note
from lrbench.judging.scores import Scores, scores_of
from lrbench.judging.spellings import meant
from lrbench.judging.targets import Reached, time_to_target
from lrbench.judging.tidy import read_runs
from lrbench.options import is_whole, number, shown, unfit
from lrbench.runs import Experiment
from lrbench.schedules import Named, peak_rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be compared. It checks itself: raises BadConfig. Numbers may come as texts."""

    metric: str | None = None  # None: the test figure that the problem is compared by
    lower_is_better: bool | None = None  # None: known of lrbench's own figures, guessed from other names
    baseline: str | None = None  # None: `constant`, or the best by validation
    every_pair: bool = False
    margin: float | None = None  # in the metric's unit: what counts as no difference
    target: float | None = None  # of the validation figure that the problem is compared by
    design: str | None = None  # of a table from elsewhere: "fixed" (None), "sequential:50" or "open"

    def __post_init__(self) -> None:
        for name, value in (("metric", self.metric), ("baseline", self.baseline)):
            if value is not None and (not isinstance(value, str) or not value):
                raise unfit(name, value, "is no name")
        for name in ("margin", "target"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else number(name, value))
        if self.design is not None:
            read_design(self.design)
        for name, switch in (("every_pair", self.every_pair), ("lower_is_better", self.lower_is_better)):
            if not isinstance(switch, bool | None):
                raise BadConfig(f"{name}={shown(switch)} is neither True nor False.", f"Write {name}=True")
        if self.margin is not None and not 0 < self.margin < math.inf:
            problem = "is not above 0" if self.margin <= 0 else "is not finite"
            raise BadConfig(f"margin={self.margin:g} {problem}.", "For 0.1 points of accuracy, write margin=0.001")
        if self.every_pair and self.baseline is not None:
            raise BadConfig(
                f"baseline={self.baseline} and every_pair=True are two different questions.",
                "Leave one of them out.",
            )


@dataclass(frozen=True, kw_only=True)  # no slots: `pairs` is made once, when it is asked for
class Answer:
    """What can be said, for tables, pictures and pages to show. All of it rests on one family of comparisons."""

    name: str  # of the experiment, or of the file
    title: str  # the setting in a line
    scores: Scores
    baseline: str | None  # None: all pairs
    comparisons: tuple[Comparison, ...]  # with the baseline, or of all pairs: the family; the best mean first
    apart: tuple[str, ...]  # schedules with one seed where others have more: shown, and compared with nothing
    cautions: tuple[str, ...]
    reached: tuple[Reached, ...]  # time to target, if one was given
    question: Question
    experiment: Experiment | None  # None: the scores come from a file
    export: ExportNote | None = None  # of a file that `lrbench export` wrote
    left_out: tuple[str, ...] = ()  # other experiments that were asked the same and cannot answer; cautions, too
    note: str = ""  # what tuning changed of the order, and what a look after every seed saved
    designs: Designs = field(default=always_fixed, compare=False)  # of every two schedules

    def __repr__(self) -> str:
        verdicts = [f"{each.scheduler} against {each.baseline}: {each.verdict}" for each in self.comparisons]
        return f"<Answer on {self.scores.metric} of {self.name}: {'; '.join(verdicts) or 'nothing to compare'}>"

    @property
    def winner(self) -> str | None:
        """The schedule that is better than every other that finished, as far as the comparisons say so."""
        return winner(self.scores, self.comparisons)

    @cached_property
    def pairs(self) -> tuple[Comparison, ...]:
        """Every two schedules, the better mean first; `not asked` where the pair is none of the comparisons."""
        return with_all_pairs(self.scores, self.comparisons)

    @property
    def one_seed(self) -> bool:
        """Whether there is but one seed in all, so that nothing can be compared."""
        return len({seed for runs in self.scores.values.values() for seed in runs}) < 2

    def scope(self, comparison: Comparison) -> str:
        """Return what a verdict is about, in a few words."""
        labels = (comparison.scheduler, comparison.baseline)
        if self.experiment is not None:
            return scope_of(self.experiment, *labels)
        return self.export.scope(*labels) if self.export is not None else self.name


def answer(experiment: Experiment, question: Question) -> Answer:
    """Answer a question from an experiment's finished runs. Raises BadConfig."""
    compared = experiment.setting.subject.compared.name
    scores = scores_of(experiment, question.metric or f"test_{compared}")
    validation = None if experiment.setting.validate_on == "none" else scores_of(experiment, f"val_{compared}")
    if question.lower_is_better is not None:
        raise BadConfig(
            "lower_is_better is known of stored figures.", "Leave it out; it is for tables from elsewhere."
        )
    if question.design is not None:
        raise BadConfig(
            f"design={question.design} is not asked of stored runs: the folder knows when it was looked at.",
            "Leave it out; it is for tables from elsewhere.",
        )
    asked = replace(question, baseline=_called(experiment, question.baseline))
    given = _answer(scores, asked, validation, experiment.the_constant, designs_of(experiment))
    return replace(
        given,
        name=experiment.name,
        title=experiment.describe(),
        cautions=tuple(cautions(experiment, given.comparisons)),
        reached=tuple(time_to_target(experiment, question.target)) if question.target is not None else (),
        experiment=experiment,
        note=" ".join(
            filter(
                None,
                (
                    order_note(experiment, scores, given.comparisons),
                    saved_note(experiment, (each.design for each in given.comparisons)),
                ),
            )
        ),
    )


def check_question(question: Question, names: Mapping[Named, str], *, is_share: bool) -> None:
    """Raise BadConfig for what no run of these schedules could answer, before any is trained."""
    baseline = meant(question.baseline, names)
    if baseline is not None and baseline not in names.values():
        raise no_schedule(baseline, names.values())
    _check_margin(question, is_share=is_share)


def answer_file(path: Path, question: Question) -> Answer:
    """Answer a question from a table in a file. Raises BadResults or BadConfig."""
    if question.target is not None:
        raise BadConfig("A target needs an experiment's epochs.", "Leave it out, or name a results folder.")
    read = read_runs(path, question.metric, question.lower_is_better)
    seeds = tuple(sorted({seed for runs in read.scores.values.values() for seed in runs}))
    design = read_design(question.design or "fixed")
    if design.most is not None and len(seeds) > design.most:
        raise unfit("design", question.design, f"is for fewer than the {len(seeds)} seeds of the table")
    stated = design if design.kind == "fixed" else replace(design, streams=(seeds,))
    noted = read.note.designs if read.note and question.design is None else None
    return replace(
        _answer(read.scores, question, read.validation, read.usual, noted or (lambda a, b: stated)),
        name=Path(input_name(path)).name,
        title=read.scores.metric,
        cautions=read.cautions,
        export=read.note,
    )


def after(given: Answer, seeds: int) -> Answer:
    """Return what the first so many seeds alone would have said, declared and looked at once: the same pairs."""
    known = sorted({seed for runs in given.scores.values.values() for seed in runs})[:seeds]
    values = {
        label: {seed: value for seed, value in runs.items() if seed in known}
        for label, runs in given.scores.values.items()
    }
    scores = replace(given.scores, values={label: runs for label, runs in values.items() if runs})
    asked = [(each.scheduler, each.baseline) for each in given.comparisons]
    pairs = [pair for pair in asked if set(pair) <= set(scores.values)]
    compared = compare(scores, pairs, given.question.margin)
    return replace(given, scores=scores, comparisons=tuple(compared), designs=always_fixed, apart=())


def fitting(question: Question, experiment: Experiment, all_: Iterable[Experiment]) -> Question:
    """Return the question as it fits one of several: where only others have its baseline, the default one."""

    def has(each: Experiment) -> bool:
        return _called(each, question.baseline) in each.groups

    return replace(question, baseline=None) if not has(experiment) and any(map(has, all_)) else question


def leaving_out(given: Answer, refused: Mapping[str, BadConfig]) -> Answer:
    """Return an answer that also names the experiments that could not answer, and why."""
    said = tuple(
        f"{name} is left out: {error.problem[:1].lower()}{error.problem[1:]}" for name, error in refused.items()
    )
    return replace(given, cautions=(*given.cautions, *said), left_out=said) if said else given


@dataclass(frozen=True, slots=True)
class Tried:
    """A condition such as `cosine<step` on the schedules of an answer, and what came of it."""

    condition: str
    answer: Answer
    comparison: Comparison
    holds: bool

    @property
    def undecided(self) -> bool:
        """Whether it could not have held, whatever the figures were: too few seeds."""
        told = self.comparison.verdict is not Verdict.CANNOT_TELL
        return not self.holds and not told and not self.comparison.can_tell


def tried(answers: Sequence[Answer], conditions: Sequence[str]) -> list[Tried]:
    """Try conditions such as `cosine<step` on answers, all conditions on an answer being one family.

    `<` says worse and `>` better. Who loses runs where the other loses none is not better, and `<` then holds.
    Raises BadConfig if a condition is about no two schedules of any answer.
    """
    stated = {text: [(given, each) for given in answers for each in _states(given, text)] for text in conditions}
    for text, places in stated.items():
        if not places:
            labels = ", ".join(dict.fromkeys(label for given in answers for label in given.scores.values))
            raise BadConfig(
                f"{text!r} is no condition on two of these schedules: {labels}.",
                "Write, for example, cosine<step: it holds if cosine is worse than step.",
            )
    outcomes = []
    for given in answers:
        asked = [(text, each) for text, places in stated.items() for place, each in places if place is given]
        pairs = [pair for _, (pair, _) in asked]
        compared = compare(given.scores, pairs, given.question.margin, given.designs)
        for (text, (_, verdict)), comparison in zip(asked, compared, strict=True):
            lost, others = comparison.lost if verdict is Verdict.WORSE else comparison.lost[::-1]
            loses = lost and not others and comparison.verdict is Verdict.CANNOT_TELL
            outcomes.append(Tried(text, given, comparison, comparison.verdict is verdict or bool(loses)))
    return outcomes


def _states(given: Answer, condition: str) -> list[tuple[tuple[str, str], Verdict]]:
    """The pair of labels and the verdict that a condition is about: labels may hold < and > themselves."""
    labels = given.scores.values

    def called(words: str) -> str:
        return (given.experiment and _called(given.experiment, words.strip())) or words.strip()

    signs = {"<": Verdict.WORSE, ">": Verdict.BETTER}
    splits = [(i, signs[character]) for i, character in enumerate(condition) if character in signs]
    pairs = [((called(condition[:i]), called(condition[i + 1 :])), verdict) for i, verdict in splits]
    return [((a, b), verdict) for (a, b), verdict in pairs if a in labels and b in labels and a != b]


def scope_of(experiment: Experiment, *labels: str) -> str:
    """Return what a verdict on these schedules is about, in a few words: problem, optimizer, epochs, peak rate."""
    rate = peak_rates({each: name for each, name in experiment.names.items() if name in labels or not labels})
    if experiment.tuning:
        rate = "each at its tuned rate"
    return f"{experiment.setting.brief}, {rate}"


def comparison_record(given: Answer, comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values: what is nan or infinite is null."""
    return dict(finite(asdict(comparison) | {"scope": given.scope(comparison)}))


def _called(experiment: Experiment, words: str | None) -> str | None:
    """Return the name here of the schedule that words mean."""
    return meant(words, experiment.names)


def read_design(text: str) -> Design:
    """Read `fixed`, `sequential:50` or `open`. Raises BadConfig."""
    kind, _, most = str(text).partition(":")
    if kind == "sequential" and is_whole(most) and 2 <= int(most) <= MOST_SEQUENTIAL:
        return Design(kind="sequential", most=int(most))
    if text in ("fixed", "open"):
        return Design(kind="open" if text == "open" else "fixed")
    raise unfit("design", text, "is none of fixed, sequential:N and open")


def _check_margin(question: Question, *, is_share: bool) -> None:
    if is_share and question.margin is not None and question.margin >= 1:
        share = f"For {question.margin:g} points, write margin={question.margin / 100:g}"
        raise BadConfig(f"margin={question.margin:g} of a share that lies between 0 and 1.", share)


def _answer(
    scores: Scores, question: Question, validation: Scores | None, usual: str | None, designs: Designs
) -> Answer:
    _check_margin(question, is_share=scores.is_share)
    apart = [label for label in scores.with_one_seed() if label != question.baseline]
    asked = scores.without(apart)
    baseline = choose_baseline(asked, question.baseline, validation and validation.without(apart), usual)
    if question.every_pair or len(asked.values) < 2:
        baseline = None
    margin = question.margin
    compared = all_pairs(asked, margin, designs) if baseline is None else against(asked, baseline, margin, designs)
    return Answer(
        name="",
        title="",
        scores=scores,
        baseline=baseline,
        comparisons=tuple(compared),
        designs=designs,
        apart=tuple(apart),
        cautions=(),
        reached=(),
        question=question,
        experiment=None,
    )
