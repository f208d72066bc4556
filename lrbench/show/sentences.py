"""Verdicts in words. A difference of accuracies is in points: hundredths."""

import math
from collections.abc import Callable, Sequence

from lrbench.designs import ALPHA
from lrbench.judging.comparisons import UNSETTLED, Comparison, Verdict
from lrbench.runs import Figure
from lrbench.show import numbers

MOST_LOOKS = 5  # earlier ones that are named
MOST_DIGITS = 6  # of a p
TESTS = {
    "fixed": "± is the 95 % t interval, p from exact sign-flip tests",
    "sequential": "looked at after every seed up to {}, ± is the repeated 95 % interval, p from sign-flip tests "
    "whose 5 % lasts for all looks",
    "open": "looked at otherwise than declared, intervals (95 %) and p from e-values, which hold at every look",
}

P_FROM = {
    "fixed": "exact sign-flip tests",
    "sequential": "sign-flip tests that hold at every look",
    "open": "e-values that hold at every look",
}


def sentence(comparison: Comparison, scope: str = "") -> str:
    """Say a verdict with its difference, interval, n and adjusted p; with a scope, what it is about.

    `step is worse than constant by 0.13 ± 0.08 points (n = 10, p = 0.023; MNIST 784-128-10, sgd, ...)`
    """
    a, b = comparison.scheduler, comparison.baseline
    said = {
        Verdict.BETTER: f"{a} is better than {b} by {size(comparison)}",
        Verdict.WORSE: f"{a} is worse than {b} by {size(comparison)}",
        Verdict.EQUIVALENT: f"{a} is equivalent to {b}: {difference(comparison)}, {within(comparison)}",
        Verdict.CANNOT_TELL: f"{a} against {b}: cannot tell: {difference(comparison)}",
        Verdict.NOT_ASKED: f"{a} against {b}: not asked: {difference(comparison)}",
    }[comparison.verdict]
    said = said.removesuffix(": ")
    most = most_seeds(comparison)
    if most and comparison.reason.startswith(UNSETTLED):
        largest = max(abs(comparison.ci_low), abs(comparison.ci_high))
        said = f"{a} against {b}: cannot tell within {most} seeds"
        if math.isfinite(largest):
            said += f": the difference is inside ±{_told(comparison, largest)}{unit(comparison)} with 95 %"
        said += comparison.reason.removeprefix(f"{UNSETTLED} {most} seeds")
    elif comparison.reason:
        said += ("; " if comparison.n > 1 else ": ") + comparison.reason
    facts = [seen(comparison)]
    if comparison.n > 1 and comparison.verdict is not Verdict.NOT_ASKED:
        valid = "" if comparison.design == "fixed" else " at every look"
        facts.append(p_value(comparison.p_holm) + valid)
    about = f"; {scope}" if scope else ""
    return f"{said} ({', '.join(facts)}{about})"


def seen(comparison: Comparison) -> str:
    """Say on how many pairs it rests, and how they were looked at: `n = 20, looked at before at n = 10`."""
    n = f"n = {comparison.n}"
    if most := most_seeds(comparison):
        return f"{n} of at most {most}"
    if comparison.looks:
        return f"{n}, looked at before at n = {', '.join(map(str, comparison.looks[-MOST_LOOKS:]))}"
    return n


def most_seeds(comparison: Comparison) -> int:
    """Return the largest number of seeds of a sequential design; 0 of another one."""
    kind, _, most = comparison.design.partition(":")
    return int(most) if kind == "sequential" else 0


def verdicts(comparisons: Sequence[Comparison], scope: Callable[[Comparison], str]) -> list[tuple[Verdict, str]]:
    """Return a sentence for each comparison; what none of them can tell is said once, before their differences."""
    reason = nothing_can_be_told(comparisons)
    if reason is None:
        return [(each.verdict, sentence(each, scope(each))) for each in comparisons]
    said = [
        (each.verdict, f"{each.scheduler} against {each.baseline}: {difference(each)}") for each in comparisons
    ]
    return [(Verdict.CANNOT_TELL, f"Nothing can be told yet: {reason} ({scope(comparisons[0])})"), *said]


def nothing_can_be_told(comparisons: Sequence[Comparison]) -> str | None:
    """Return why, if several comparisons have too few seeds, and all for the same reason."""
    reasons = {each.reason for each in comparisons if not each.can_tell and each.n > 1 and not any(each.lost)}
    same = len(reasons) == 1 and not any(each.can_tell or each.n < 2 or any(each.lost) for each in comparisons)
    return reasons.pop() if same and len(comparisons) > 1 else None


def size(comparison: Comparison) -> str:
    """Say how large a difference is, without its sign: `0.13 ± 0.08 points`, or `0.13 (0.02 to 0.2) points`.

    An interval that does not lie evenly about the mean has both of its ends, one that is infinite has none. Where
    every seed shows the same difference, that is said instead: `0.13 points on both seeds`.
    """
    mean, low, high = comparison.mean_difference, comparison.ci_low, comparison.ci_high
    ends = (-high, -low) if mean < 0 else (low, high)
    return _with_interval(comparison, _told(comparison, abs(mean)), abs(mean), *ends)


def difference(comparison: Comparison) -> str:
    """Say a difference with its sign, if it does not round to nought: `+0.13 ± 0.08 points`; empty without any."""
    if comparison.n < 2:
        return ""
    if comparison.ties == comparison.n:
        return f"no difference on {_seeds(comparison, 'any of')}"
    mean = comparison.mean_difference
    said = signed(comparison, mean, "+")
    return _with_interval(comparison, said, mean, comparison.ci_low, comparison.ci_high)


def _with_interval(comparison: Comparison, said: str, mean: float, low: float, high: float) -> str:
    """Put the interval behind a mean that is said, and the unit behind both."""
    if math.isinf(comparison.effect_size):
        return f"{said}{unit(comparison)} on {_seeds(comparison, 'each of')}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return said + unit(comparison)
    if abs(low + high - 2 * mean) <= 1e-6 * (high - low):
        return f"{said} ± {_told(comparison, (high - low) / 2)}{unit(comparison)}"
    return f"{said} ({signed(comparison, low)} to {signed(comparison, high)}){unit(comparison)}"


def _seeds(comparison: Comparison, each: str) -> str:
    n = comparison.n
    return ("both seeds" if each == "each of" else "either seed") if n == 2 else f"{each} {n} seeds"


def signed(comparison: Comparison, value: float, plus: str = "") -> str:
    """Write a difference with its sign; none where it rounds to nought: `−0.02`, with `plus` `+0.13`, `0.00`."""
    text = number(comparison, abs(value))
    return text if not float(text) else ("−" if value < 0 else plus) + text


def _told(comparison: Comparison, value: float) -> str:
    """Write what is more than nought so that it does not read as nought: with one digit that tells."""
    text = number(comparison, value)
    return f"{100 * value:.1g}" if value and comparison.unit == "points" and not float(text) else text


def within(comparison: Comparison) -> str:
    """Say in what an equivalent difference lies."""
    which = "its 90 % interval" if comparison.design == "fixed" else "its interval"
    return f"{which} within ±{_told(comparison, comparison.margin or math.nan)}{unit(comparison)}"


def number(comparison: Comparison, value: float) -> str:
    """Write a difference of the comparison's metric: points with two decimals."""
    return f"{100 * value:.2f}" if comparison.unit == "points" else f"{value:.3g}"


def unit(comparison: Comparison) -> str:
    """Return the unit of a difference, with a space before it."""
    return f" {comparison.unit}" if comparison.unit else ""


def p_value(p: float) -> str:
    """Say a p value with two digits, or with as many as show on which side of 5 % it lies: `p = 0.023`."""
    if math.isnan(p):
        return "no p"
    if p < 0.001:
        return "p < 0.001"
    if p > 0.1:
        return f"p = {p:.2f}"
    texts = (f"{p:.{digits}g}" for digits in range(2, MOST_DIGITS + 1))
    side = f"p {'<' if p < ALPHA else '>'} {ALPHA}"
    return next((f"p = {text}" for text in texts if (float(text) < ALPHA) == (p < ALPHA)), side)


def figure_name(metric: str) -> str:
    """Return a figure's name for people: `test accuracy`."""
    return metric.replace("_", " ")


def value(figure: Figure, number: float | None) -> str:
    """Write a figure's value for people: a share in percent; absent or nan is a dash."""
    return numbers.measure(math.nan if number is None else number, figure.is_share)


def target(figure: Figure, number: float) -> str:
    """Write a target as it was stated: `97 %`, `0.05`."""
    return f"{100 * number:g} %" if figure.is_share else f"{number:g}"


def axis_label(figure: Figure) -> str:
    """Say what an axis counts."""
    if figure.is_share:
        return "% of examples"
    return f"{figure.unit} per example" if figure.unit else figure.title


def signs(baseline: str | None) -> str:
    """Say what the signs in a table of all pairs mean, and what none means."""
    if baseline is None:
        return "▲ better, ▼ worse; without a sign it cannot be told"
    return f"▲ better, ▼ worse; of the pairs without a sign, only those with {baseline} were asked"


def family(comparisons: Sequence[Comparison]) -> str:
    """Say how many comparisons share the 5 %."""
    size = max((each.family for each in comparisons), default=0) or len(comparisons)
    return f"Holm over {size} comparisons" if size > 1 else "one comparison"


def summary_sentence(baseline: str | None, comparisons: Sequence[Comparison], *, lower_is_better: bool) -> str:
    """Say how verdicts came about: of what, against what, by which test, and what counts as no difference."""
    against = f"Against {baseline}" if baseline is not None else "Every two schedules"
    first = comparisons[0]
    lower = "lower" if lower_is_better else "higher"
    margin = ""
    if first.margin is not None:
        which = "the 90 % interval" if first.design == "fixed" else "the interval"
        margin = f" Equivalent: {which} lies within ±{_told(first, first.margin)}{unit(first)}."
    return (
        f"{against}, on {figure_name(first.metric)} ({lower} is better): paired by seed, {test(comparisons)}, "
        f"{family(comparisons)}.{margin}"
    )


def test(comparisons: Sequence[Comparison]) -> str:
    """Say what intervals and p values are, by the designs of the comparisons."""
    designs = list(dict.fromkeys(each.design.partition(":")[0] for each in comparisons))
    if len(designs) == 1:
        most = most_seeds(comparisons[0])
        return TESTS[designs[0]].format(most)
    by = {"fixed": "seeds looked at once", "sequential": "seeds looked at as planned", "open": "others"}
    return "; ".join(f"of {by[each]}: {TESTS[each].format('the largest number')}" for each in designs)


def p_from(comparisons: Sequence[Comparison]) -> str:
    """Say in a few words what p values come from, by the designs of the comparisons."""
    return " and ".join(dict.fromkeys(P_FROM[each.design.partition(":")[0]] for each in comparisons))
