"""What speaks against believing a result: each caution is what was seen, its likely cause, and what to do."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lrbench.judging.comparisons import Comparison, Verdict
from lrbench.judging.tuning import edge_cautions
from lrbench.runs import Experiment, Finished, Groups, Status, Subject

FITTED = 0.999  # of a share on the training examples: from there on nothing is left to fit
SMALL_RATE = 1e-3  # of the peak rate
NO_CHANGE = 1e-4  # relative, of a loss from one epoch to the next


def cautions(experiment: Experiment, comparisons: Sequence[Comparison]) -> list[str]:
    """Return a sentence or two for each thing to know of an experiment and what is compared of it."""
    runs = experiment.groups
    subject = experiment.setting.subject
    checks = (
        _lost(runs),
        _untuned(experiment, runs),
        _ceiling(runs, subject, comparisons),
        _asleep(runs),
        _twins(runs),
        _mixed(experiment),
    )
    found = [text for check in checks for text in check]
    if experiment.tuning:
        found += edge_cautions(experiment.tuning)
    if experiment.setting.validate_on == "test":
        found.append(
            "Validation figures are those of the test set: whatever was chosen by them, test figures flatter. "
            f"Validate on held-out training {subject.noun} before choosing."
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


def _untuned(experiment: Experiment, runs: Groups) -> Iterator[str]:
    rates = {label: each[0].schedule.lr for label, each in runs.items()}
    shared = {peak: [label for label, rate in rates.items() if rate == peak] for peak in rates.values()}
    if experiment.tuning or _has_several_rates(experiment):
        return
    for peak, sharing in shared.items():
        if len(sharing) > 1:
            everyone = "Both" if len(rates) == 2 else f"All {len(rates)}"
            who = everyone if len(sharing) == len(rates) else f"{len(sharing)} of {len(rates)}"
            yield (
                f"{who} schedules ran at the peak rate {peak:g}, which was tuned for none of them: another rate "
                "may give another order. Repeat at a third of it and at three times as much, or let "
                "`lrbench tune` find each one's own."
            )


def _has_several_rates(experiment: Experiment) -> bool:
    """Whether a schedule was tried at more than one peak rate."""
    tried = {(schedule.name, schedule.parameters, schedule.lr) for schedule in experiment.names}
    return len(tried) > len({(name, parameters) for name, parameters, _ in tried})


def _ceiling(runs: Groups, subject: Subject, comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Schedules that both fit all there is, and cannot be told apart: others may differ for all that."""
    figure = subject.compared
    if not (figure.is_share and figure.better == "higher"):
        return
    fitted = [label for label, each in runs.items() if _mean_at_end(each, f"train_{figure.name}") >= FITTED]
    still_open = [each for each in comparisons if each.verdict is Verdict.CANNOT_TELL]
    pairs = [
        (each.scheduler, each.baseline) for each in still_open if {each.scheduler, each.baseline} <= {*fitted}
    ]
    if pairs:
        alike = [label for label in fitted if any(label in pair for pair in pairs)]
        yield (
            f"{_named(alike)} fit over {100 * FITTED:g} % of the training {subject.noun} and cannot be told "
            "apart: at the ceiling, schedules come out alike. Use fewer epochs, fewer training "
            f"{subject.noun} or a harder problem."
        )


def _mean_at_end(each: Sequence[Finished], column: str) -> float:
    values = [value for one in each if (value := one.final(column)) is not None]
    return float(np.mean(values)) if values else 0.0


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
    loss = np.array([row.train[0] for row in rows])
    still = np.abs(np.diff(loss)) <= NO_CHANGE * np.abs(loss[1:])
    low = np.array([max(row.lr_first, row.lr) for row in rows[1:]]) < SMALL_RATE * one.schedule.lr
    awake = np.flatnonzero(~(still & low))
    return len(rows) - 1 - (int(awake[-1]) + 1 if awake.size else 0)


def _twins(runs: Groups) -> Iterator[str]:
    """Different schedules that were the same curve."""
    paths = {label: {one.seed: _path(one) for one in each if one.result.rows} for label, each in runs.items()}
    for a, b in combinations(paths, 2):
        shared = paths[a].keys() & paths[b].keys()
        if shared and all(np.array_equal(paths[a][seed], paths[b][seed]) for seed in shared):
            yield (
                f"{a} and {b} trained exactly alike: on this horizon they are the same curve. "
                "Leave one out, or change its parameters."
            )


def _path(one: Finished) -> NDArray[np.float64]:
    return np.array([(row.lr_first, row.lr, *row.train) for row in one.result.rows])


def _mixed(experiment: Experiment) -> Iterator[str]:
    """Hardware, versions or environment variables that differ between the runs that tell of them."""
    for key, what in (("host", "machines"), ("versions", "versions"), ("variables", "environments")):
        told = [one.environment.get(key) for one in experiment.finished]
        described = {_flat(each) for each in told if each is not None}
        if len(described) > 1:
            common = set.intersection(*map(set, described))
            differing = sorted({f"{name} {value}" for each in described for name, value in set(each) - common})
            yield (
                f"The runs come from different {what} ({', '.join(differing)}): paired seeds are then no longer "
                "exactly paired. Train all in one place; `lrbench run --verify` says whether the bytes agree."
            )


def _flat(described: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in described.items() if key != "cores")


def _named(labels: Sequence[str]) -> str:
    return f"{', '.join(labels[:-1])} and {labels[-1]}"
