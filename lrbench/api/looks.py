"""A look at verdicts, noted where they stand: nobody has to remember how often one looked."""

import contextlib

from lrbench.errors import BadResults
from lrbench.foreign import place
from lrbench.judging.designs import looked
from lrbench.runs import Experiment
from lrbench.store import note_in


def note_look(experiment: Experiment) -> None:
    """Note that the verdicts of an experiment become known, unless they were known with the same seeds.

    What an earlier version stored has no history, and none is begun by looking; a folder that cannot be written
    keeps what it has.
    """
    seen = looked(experiment)
    if seen is None or not experiment.history.is_kept:
        return
    if all(each != seen for _, each in experiment.history.looked):
        with contextlib.suppress(BadResults), place(experiment.folder, "written"):
            note_in(experiment.folder, seen)
