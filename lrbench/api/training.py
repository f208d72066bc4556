"""`lrbench run` as a call, in a notebook, a script or a program of somebody else's."""

import sys
from typing import TYPE_CHECKING, Any

from lrbench.api.results import Results
from lrbench.errors import BadConfig, EngineUnavailable
from lrbench.show import in_notebook

if TYPE_CHECKING:  # each call pays for its own rooms
    from lrbench.runner import Listener


def compare(listener: "Listener | None" = None, *, progress: bool | None = None, **wishes: Any) -> Results:
    """Train what is missing, as `lrbench run` does, and return the experiment that it belongs to, as a whole.

    The wishes are the options of `lrbench run`, with _ for -: `schedulers` and `seeds` (lists, or the command's
    text; seeds=5 is 0 to 4), `epochs`, `batch_size` (examples), `lr` (the peak rate), `out` (a folder), ...

    A notebook shows how it goes in a line that changes, a terminal in bars, and TensorFlow's own messages are kept
    off both. `progress=True` writes lines to stderr where there is neither, False shows nothing anywhere. A
    `listener` takes the place of all that: it hears of every epoch and every run.

    Raises BadConfig, BadSpec, BadResults, BadData or EngineUnavailable. After Ctrl-C it raises Stopped: what has
    finished is stored, the rest up to its last epoch, and the same call goes on from there.

    >>> results = lrbench.compare(schedulers=["constant", "step"], seeds=8, epochs=4, engine="fake", out="mine")
    >>> results
    <Results of mnist-sgd-b32-e4-fake-99a7: 2 schedules, 16 runs>
    >>> results.judge(baseline="step").winner
    'constant'
    """
    from lrbench import config, runner
    from lrbench.show import noise

    if listener and progress:
        raise BadConfig("A listener takes the place of progress=True.", "Leave one of them out.")
    wanted = config.load_config(None, wishes)
    shown = _is_watched() and listener is None if progress is None else progress
    with noise.kept_off_screen(show=not shown) as kept, runner.interrupts_raise():
        hearing = listener or (_display() if shown else runner.Listener())
        try:
            outcome = runner.conduct(wanted, hearing)
        except EngineUnavailable as error:
            error.add_note(kept.read())  # it may say why
            raise
        finally:
            if listener is None:
                hearing.close()
    return Results((outcome.experiment,), outcome.experiment.damage)


def _is_watched() -> bool:
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _display() -> "Listener":
    """Return what shows the progress here."""
    if in_notebook():
        from lrbench.show.notebook import OneLine

        return OneLine()
    from lrbench.show.progress import progress_for

    return progress_for(sys.stderr)
