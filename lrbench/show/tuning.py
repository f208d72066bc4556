"""What a search over peak rates found, for people: a table, with its luck."""

import math

from lrbench.searches import Trial, Tuned, Tuning
from lrbench.show import counted

HEADINGS = ("scheduler", "best rate", "near the best", "lost", "chosen otherwise", "cost")


def tuning_rows(tuning: Tuning) -> list[list[str]]:
    """Return a row of HEADINGS for each schedule, in the order in which they were asked for."""
    return [_row(tuning, each) for each in tuning.tuned]


def tuning_caption(tuning: Tuning) -> str:
    """Say by which rules the rates were chosen, and what the columns are."""
    search = tuning.search
    grown = len(tuning.rates) - len(search.rates)
    rates = f"{len(tuning.rates)} rates from {tuning.rates[0]:g} to {tuning.rates[-1]:g}"
    rates += f", {grown} of them added for all" if grown else ""
    seeds = counted(len(search.tune_seeds), "tuning seed")
    counts = sorted({sum(len(trial.values) for trial in each.trials) for each in tuning.tuned})
    trials = counted(counts[0], "trial") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} trials"
    near = "0.5 points" if search.is_share else "5 %"
    return (
        f"Every schedule had {trials}: {rates}, {search.refine} around its own best, "
        f"{seeds}, which report nothing of this comparison. Best: the mean of the final {_figure(search.figure)}. "
        f"near the best: the rates whose means lie within {near} of the best, and the last over the first. "
        "lost: trials that diverged or failed. chosen otherwise: tuning seeds that alone would have chosen "
        "another rate; cost: what that would have lost on the other seeds, on average."
    )


def _row(tuning: Tuning, each: Tuned) -> list[str]:
    trials = [value for trial in each.trials for _, value in trial.values]
    lost = sum(value is None for value in trials)
    said_lost = f"{lost} of {len(trials)}" if lost else "0"
    if each.best is None:
        return [each.contender.words, "–", "–", said_lost, "–", "–"]
    seeds = len(tuning.search.tune_seeds)
    return [
        each.contender.words,
        _best(each, each.best),
        _near(each),
        said_lost,
        f"{each.chosen_otherwise} of {seeds}",
        _cost(tuning, each),
    ]


def _best(each: Tuned, best: Trial) -> str:
    """The best rate, and the parameters where some were left open."""
    variants = each.contender.variants
    if len(variants) == 1:
        return f"{best.point.lr:g}"
    _, parameters = best.point.variant
    telling = [pair for pair in parameters if any(pair not in other for _, other in variants)]
    return f"{best.point.lr:g}, {', '.join(f'{key}={value}' for key, value in telling)}"


def _near(each: Tuned) -> str:
    low, high = each.near or (math.nan, math.nan)
    return f"{low:g}" if low == high else f"{low:g} to {high:g} (×{high / low:.2g})"


def _cost(tuning: Tuning, each: Tuned) -> str:
    if not each.chosen_otherwise:
        return "–"
    if math.isinf(each.cost):
        return "a run"
    return f"{100 * each.cost:.2f} points" if tuning.search.is_share else f"{each.cost:.3g}"


def _figure(column: str) -> str:
    return column.replace("val_", "validation ").replace("_", " ")
