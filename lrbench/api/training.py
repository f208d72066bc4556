"""`lrbench run` as a call, in a notebook, a script or a program of somebody else's."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbench.api.problems import problem as as_problem
from lrbench.api.results import Results
from lrbench.errors import BadConfig, EngineUnavailable
from lrbench.options import shown
from lrbench.show import in_notebook

if TYPE_CHECKING:  # each call pays for its own rooms
    from lrbench.plan import Plan
    from lrbench.problems import Problem
    from lrbench.runner import Listener
    from lrbench.runs import Run


def compare(
    listener: "Listener | None" = None,
    *,
    model: "Callable[[], Any] | None" = None,
    data: Any = None,
    loss: Any = None,
    problem: "Problem | str | None" = None,
    progress: bool | None = None,
    **wishes: Any,
) -> Results:
    """Train what is missing, as `lrbench run` does, and return the experiment that it belongs to, as a whole.

    `model` (a function that makes a keras.Model), `data` and `loss` are those of `lrbench.problem`, which says
    what they can be: compare(model=make, data=(x, y)). `problem` is what it returns, or a name: "mnist-lenet".
    The wishes are the options of `lrbench run`, with _ for -: `schedulers` and `seeds` (lists, or the command's
    text; seeds=5 is 0 to 4), `epochs`, `batch_size` (examples), `lr` (the peak rate), `out` (a folder), ...

    `until_settled=True` trains seed by seed, at most `max_seeds` (50), until every comparison is settled, with the
    `margin`, `baseline` and `every_pair` of `judge`.

    A notebook shows how it goes in a line that changes, a terminal in bars, and TensorFlow's own messages are kept
    off both. `progress=True` writes lines to stderr where there is neither, False shows nothing anywhere. A
    `listener` takes the place of all that: it hears of every epoch and every run. If the seeds are too few for any
    verdict, that is said before training: with the progress, or as a UserWarning where none is shown.

    Raises BadConfig, BadSpec, BadResults, BadData or EngineUnavailable. After Ctrl-C it raises Stopped: what has
    finished is stored, the rest up to its last epoch, and the same call goes on from there.

    >>> lrbench.compare(schedulers=["constant", "step"], seeds=8, epochs=4, engine="fake", name="mine")
    <Results of mine: 2 schedules, 16 runs>
    >>> lrbench.compare(schedulers=["cosine"], seeds=[0, 3], epochs=4, engine="fake", name="mine")
    <Results of mine: 3 schedules, 18 runs>
    >>> lrbench.compare(schedulers="constant,step", epochs=4, engine="fake", name="clear", until_settled=True)
    <Results of clear: 2 schedules, 20 runs>
    """
    from lrbench import config, runner
    from lrbench.judging.questions import Question
    from lrbench.plan import make_plans
    from lrbench.studies.settling import most_seeds, settling

    own = None if problem is None or isinstance(problem, str) else problem
    if own is not None and (data is not None or loss is not None):
        raise BadConfig("This problem has its data and its loss.", "Leave data and loss out.")
    if model is None:
        named = {"data": data, "loss": loss, "problem": problem if isinstance(problem, str) else None}
        wishes |= {word: value for word, value in named.items() if value is not None}
    elif problem is not None:
        raise BadConfig("model and problem are two different things to train.", "Leave one of them out.")
    metric = wishes.pop("metric", None) if model is not None else None
    asked: dict[str, Any] = {
        name: wishes.pop(name) for name in ("baseline", "every_pair", "margin") if name in wishes
    }
    until = {name: wishes.pop(name, None) for name in ("until_settled", "max_seeds")}
    wanted = config.load_config(None, wishes)
    given = wishes.get("seeds") is not None
    policy = None
    if most := most_seeds(**until, seeds_are_given=given, shard=wanted.shard):
        wanted = config.load_config(None, {**wishes, "seeds": most})
        settle = settling(wanted, asked)
        policy = lambda plan: settle(plan.runs)  # noqa: E731 # one line, where it is used
    elif asked:
        name, value = next(iter(asked.items()))
        raise BadConfig(
            f"{name}={shown(value)} is a question to results.", f"Ask them: results.judge({name}={shown(value)})"
        )
    with _told(listener, progress) as hearing, runner.interrupts_raise():
        if model is not None:
            own = as_problem(model, data, loss=loss, metric=metric, memory_share=wanted.memory_share)
        plans = make_plans(wanted, own)
        experiments = [
            runner.conduct(each, hearing, plan=plan, policy_of=policy, question=Question(**asked)).experiment
            for each, plan in plans
        ]
    return Results(tuple(experiments), tuple(damage for each in experiments for damage in each.damage))


@contextlib.contextmanager
def _told(listener: "Listener | None", progress: bool | None) -> "Iterator[Listener]":
    """Yield who hears how it goes. Where that is shown, TensorFlow's noise is kept off it. Raises BadConfig."""
    from lrbench.runner import Listener
    from lrbench.show import noise

    if listener is not None:
        if not isinstance(listener, Listener):
            raise BadConfig(f"{shown(listener)} is no listener.", 'Name the wishes: schedulers=["step", "cosine"]')
        if progress:
            raise BadConfig("A listener takes the place of progress=True.", "Leave one of them out.")
        yield listener
        return
    watched = _is_watched() if progress is None else progress
    with noise.kept_off_screen(show=not watched) as kept:
        hearing = _display() if watched else _warner() if progress is None else Listener()
        try:
            yield hearing
        except EngineUnavailable as error:
            if said := kept.read():
                error.add_note(said)  # why
            raise
        finally:
            hearing.close()


def _is_watched() -> bool:
    """Whether there is a notebook or a terminal, and so perhaps somebody who waits."""
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _warner() -> "Listener":
    """Return what shows no progress, and warns if no verdict can come of what is trained."""
    from lrbench.runner import Listener

    class Warner(Listener):
        def on_start(self, plan: "Plan", todo: "Sequence[Run]", folder: Path) -> None:
            if plan.outlook:
                warnings.warn(plan.outlook, UserWarning, stacklevel=2)

    return Warner()


def _display() -> "Listener":
    """Return what shows the progress here."""
    if in_notebook():
        from lrbench.show.notebook import OneLine

        return OneLine()
    from lrbench.show.progress import progress_for

    return progress_for(sys.stderr)
