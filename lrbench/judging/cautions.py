"""What speaks against believing a result: each caution is what was seen, its likely cause, and what to do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lrbench.judging.groups import Groups, by_scheduler
from lrbench.plan import Experiment, Finished, Setting
from lrbench.records import Status

FITTED = 0.999  # train accuracy from which on there is nothing left to fit
SMALL_RATE = 1e-3  # of the peak rate
NO_CHANGE = 1e-4  # relative, of a loss from one epoch to the next


def cautions(experiment: Experiment, others: Iterable[Setting] = ()) -> list[str]:
    """Return a sentence or two for each thing to know. `others`, of those beside it, are looked at if needed."""
    runs = by_scheduler(experiment)
    checks = (
        _lost(runs),
        _untuned(experiment, runs, others),
        _ceiling(runs),
        _asleep(runs),
        _twins(runs),
        _mixed(experiment),
    )
    found = [text for check in checks for text in check]
    if experiment.setting.validate_on == "test":
        found.append(
            "Validation figures are those of the test set: whatever was chosen by them, test figures flatter. "
            "Validate on held-out training images before choosing."
        )
    return found


def _lost(runs: Groups) -> Iterator[str]:
    for label, each in runs.items():
        for status, hint in (
            (Status.DIVERGED, "its rate is probably too high; try a lower lr or a warm-up"),
            (Status.FAILED, "run.json holds the traceback; the next `lrbench run` tries again"),
        ):
            count = sum(one.result.status is status for one in each)
            if count:
                yield f"{count} of {len(each)} runs of {label} {status}: {hint}."


def _untuned(experiment: Experiment, runs: Groups, others: Iterable[Setting]) -> Iterator[str]:
    rates = {label: each[0].run.schedule.lr for label, each in runs.items()}
    shared = {peak: [label for label, rate in rates.items() if rate == peak] for peak in rates.values()}
    if all(len(sharing) < 2 for sharing in shared.values()):
        return
    if any(_tunes(experiment.setting, other) for other in others):
        return
    for peak, sharing in shared.items():
        if len(sharing) > 1:
            everyone = "Both" if len(rates) == 2 else f"All {len(rates)}"
            who = everyone if len(sharing) == len(rates) else f"{len(sharing)} of {len(rates)}"
            yield (
                f"{who} schedules ran at the peak rate {peak:g}, which was tuned for none of them: another rate "
                "may give another order. Repeat at a third of it and at three times as much, or give each its "
                "own: cosine(lr=0.2)."
            )


def _tunes(setting: Setting, other: Setting) -> bool:
    """Whether the other setting differs in its peak rate alone."""
    return other != setting and replace(other, lr=setting.lr) == setting


def _ceiling(runs: Groups) -> Iterator[str]:
    fitted = [label for label, each in runs.items() if _mean_train_accuracy(each) >= FITTED]
    if len(fitted) > 1 and 2 * len(fitted) >= len(runs):
        yield (
            f"{_named(fitted)} fit over {100 * FITTED:g} % of the training images: at the ceiling, schedules come "
            "out alike. Use fewer epochs, fewer training images or a harder problem."
        )


def _mean_train_accuracy(each: Sequence[Finished]) -> float:
    found = [one.result.rows[-1].train_accuracy for one in each if one.result.status is Status.DONE]
    return float(np.mean(found)) if found else 0.0


def _asleep(runs: Groups) -> Iterator[str]:
    """Schedules whose rate is so low that the last epochs changed nothing."""
    for label, each in runs.items():
        done = [one for one in each if one.result.status is Status.DONE]
        epochs = min((_sleeping_epochs(one) for one in done), default=0)
        if epochs > 1:
            last = done[0].result.rows[-1]
            yield (
                f"{label} ended at the rate {last.lr:.2g}, and its last {epochs} epochs changed nothing. "
                "Let it fall more slowly or end higher, or train fewer epochs."
            )


def _sleeping_epochs(one: Finished) -> int:
    rows = one.result.rows
    loss = np.array([row.train_loss for row in rows])
    still = np.abs(np.diff(loss)) <= NO_CHANGE * np.abs(loss[1:])
    low = np.array([max(row.lr_first, row.lr) for row in rows[1:]]) < SMALL_RATE * one.run.schedule.lr
    awake = np.flatnonzero(~(still & low))
    return len(rows) - 1 - (int(awake[-1]) + 1 if awake.size else 0)


def _twins(runs: Groups) -> Iterator[str]:
    """Different schedules that were the same curve."""
    paths = {label: {one.run.seed: _path(one) for one in each if one.result.rows} for label, each in runs.items()}
    for a, b in combinations(paths, 2):
        shared = paths[a].keys() & paths[b].keys()
        if shared and all(np.array_equal(paths[a][seed], paths[b][seed]) for seed in shared):
            yield (
                f"{a} and {b} trained exactly alike: on this horizon they are the same curve. "
                "Leave one out, or change its parameters."
            )


def _path(one: Finished) -> NDArray[np.float64]:
    return np.array([(row.lr_first, row.lr, row.train_loss, row.train_accuracy) for row in one.result.rows])


def _mixed(experiment: Experiment) -> Iterator[str]:
    """Hardware or versions that differ between the runs."""
    for key, what in (("host", "machines"), ("versions", "versions")):
        described = {_flat(one.environment.get(key)) for one in experiment.finished if one.environment.get(key)}
        if len(described) > 1:
            common = set.intersection(*map(set, described))
            differing = sorted({f"{name} {value}" for each in described for name, value in set(each) - common})
            yield (
                f"The runs come from different {what} ({', '.join(differing)}): paired seeds are then no longer "
                "exactly paired. Train all in one place; `lrbench run --verify` says whether the bytes agree."
            )


def _flat(described: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in (described or {}).items() if key != "cores")


def _named(labels: Sequence[str]) -> str:
    return f"{', '.join(labels[:-1])} and {labels[-1]}"
