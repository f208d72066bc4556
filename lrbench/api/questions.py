"""One experiment asked by itself, or several asked the same."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lrbench.errors import BadConfig, nearest
from lrbench.runs import Experiment

if TYPE_CHECKING:  # each call pays for its own rooms
    import pandas as pd

    from lrbench.judging.questions import Answer


def summarize(experiment: Experiment) -> "pd.DataFrame":
    """Return one row per schedule, the best mean of the test figure first.

    The columns are `scheduler`, `n` (runs that finished), `diverged`, `failed`, the mean of each figure, that of
    the test with its 95 % interval, and others; lrbench.summary.summary_columns says what each holds. Accuracies
    are fractions 0..1, losses nats per example, rates per update; what is absent is nan.

    >>> results = lrbench.compare(schedulers=["constant", "step"], seeds=3, epochs=4, engine="fake")
    >>> (experiment,) = results.experiments
    >>> lrbench.summarize(experiment)[["scheduler", "n", "diverged"]]
      scheduler  n  diverged
    0  constant  3         0
    1      step  3         0
    """
    from lrbench import summary

    return summary.summarize(experiment)


def judge(experiment: Experiment, **question: Any) -> "Answer":
    """Return what can be said of an experiment's differences: its `comparisons`, `winner` and `cautions`.

    Of a search, that is the comparison of every schedule at its own tuned rate.
    The question's words are those of `lrbench summary`: `baseline` (a schedule), `metric` (a final figure, such as
    "val_loss"), `margin` (in the metric's unit: 0.001 is 0.1 points of accuracy), `target`, `every_pair`.
    Raises BadConfig.

    >>> results = lrbench.compare(schedulers=["constant", "step"], seeds=8, epochs=4, engine="fake")
    >>> (experiment,) = results.experiments
    >>> (comparison,) = lrbench.judge(experiment, baseline="step").comparisons
    >>> comparison.scheduler, str(comparison.verdict), comparison.n, comparison.p_value
    ('constant', 'better', 8, 0.0078125)
    """
    return judge_all([experiment], **question)[0]


def judge_all(experiments: Sequence[Experiment], **question: Any) -> "list[Answer]":
    """Ask several experiments the same, as the commands do. A baseline that only some have is asked of those.

    Those that cannot answer, because they lack the metric or a validation, are left out, as the first answer says.
    A search gives two answers: every schedule at its own tuned rate, then all at one rate. It is a look, which the
    experiment's folder notes: verdicts on seeds that are added later will take it into account.

    Raises BadConfig, also if none can answer.
    """
    from lrbench.api.looks import note_look
    from lrbench.judging.questions import Answer, Question, answer, fitting, leaving_out
    from lrbench.judging.tuning import views

    unknown = [word for word in question if word not in Question.__dataclass_fields__]
    if unknown:
        raise BadConfig(f"There is no wish {unknown[0]!r}.", nearest(unknown[0], Question.__dataclass_fields__))
    asked = Question(**question)
    shown = [view for each in experiments for view in views(each)]
    answers: list[Answer] = []
    refused: dict[str, BadConfig] = {}
    for each in shown:
        try:
            answers.append(answer(each, fitting(asked, each, shown)))
        except BadConfig as error:
            refused[each.name] = error
    if refused and not answers:
        raise next(iter(refused.values()))
    for experiment in experiments:
        if any(each.experiment and each.experiment.folder == experiment.folder for each in answers):
            note_look(experiment)
    return [leaving_out(answers[0], refused), *answers[1:]] if answers else []
