"""How far an experiment is: what of that which was declared is done, running, begun, failed or missing."""

import contextlib
from dataclasses import dataclass

from lrbench.errors import BadResults
from lrbench.runs import Experiment, Status, run_id
from lrbench.store.locks import Locks
from lrbench.store.write import WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Runs by their ids, each in one place; those that nobody declared count as well."""

    done: tuple[str, ...]
    diverged: tuple[str, ...]
    failed: tuple[str, ...]
    running: tuple[str, ...]  # a command is at work on it, here or on a machine that shares the folder
    begun: tuple[str, ...]  # it stopped on the way, and goes on with the command that began it
    missing: tuple[str, ...]  # declared, and nothing of it is here

    @property
    def whole(self) -> int:
        """How many runs there are in all."""
        parts = (self.done, self.diverged, self.failed, self.running, self.begun, self.missing)
        return sum(map(len, parts))


def progress_of(experiment: Experiment) -> Progress:
    """Look at an experiment's runs, its declarations and its locks. Nothing is written."""
    held = held_in(experiment)
    ended: dict[Status, list[str]] = {status: [] for status in Status}
    for one in experiment.finished:
        if not (one.failed and one.run_id in held):  # which is tried again just now
            ended[one.result.status].append(one.run_id)
    finished = {name for names in ended.values() for name in names}
    begun = {
        path.parent.name
        for path in (experiment.folder / "runs").glob("*/checkpoint.npz")
        if path.parent.name not in finished | held
    }
    running = held - finished
    keys = {one.key for one in experiment.finished}
    missing = [name for name, key in _declared(experiment) if key not in keys and name not in begun | running]
    return Progress(
        done=tuple(ended[Status.DONE]),
        diverged=tuple(ended[Status.DIVERGED]),
        failed=tuple(ended[Status.FAILED]),
        running=tuple(sorted(running)),
        begun=tuple(sorted(begun)),
        missing=tuple(missing),
    )


def held_in(experiment: Experiment) -> set[str]:
    """Return the ids of the runs that a command is at work on, as far as this machine can see its locks."""
    locks = Locks(experiment.folder)
    held = set()
    for name in sorted(locks.left() - {WHOLE}):
        with contextlib.suppress(BadResults):  # a folder that can only be read shows no locks
            if locks.claim(name):
                locks.release(name)
            else:
                held.add(name)
    return held


def _declared(experiment: Experiment) -> list[tuple[str, str]]:
    """Return every declared run's id and key, each once, seed by seed."""
    setting = experiment.setting.identity
    found = {}
    for _, declared in experiment.history.declared:
        if declared.until_settled:  # it may end with fewer
            continue
        keys = [arm.keys(declared.seeds, setting) for arm in declared.arms]
        for i, seed in enumerate(declared.seeds):
            for arm, its in zip(declared.arms, keys, strict=True):
                found[run_id(arm.label, seed, its[i])] = its[i]
    return list(found.items())
