"""Verdicts in words. A difference of accuracies is in points: hundredths."""

import math

from lrbench.comparisons import Comparison, Verdict


def sentence(comparison: Comparison, scope: str = "") -> str:
    """Say a verdict with its difference, interval, n and adjusted p; with a scope, what it is about.

    `step is worse than constant by 0.13 ± 0.08 points (n = 10, p = 0.023; MNIST 784-128-10, sgd, ...)`
    """
    a, b = comparison.scheduler, comparison.baseline
    said = {
        Verdict.BETTER: f"{a} is better than {b} by {size(comparison)}",
        Verdict.WORSE: f"{a} is worse than {b} by {size(comparison)}",
        Verdict.EQUIVALENT: f"{a} is equivalent to {b}: {difference(comparison)}",
        Verdict.CANNOT_TELL: f"{a} against {b}: cannot tell: {difference(comparison)}",
    }[comparison.verdict]
    said = said.removesuffix(": ")
    if comparison.reason:
        said += ("; " if comparison.n > 1 else ": ") + comparison.reason
    facts = [f"n = {comparison.n}"]
    facts += [p_value(comparison.p_holm)] if comparison.n > 1 else []
    about = f"; {scope}" if scope else ""
    return f"{said} ({', '.join(facts)}{about})"


def size(comparison: Comparison) -> str:
    """Say how large a difference is, without its sign: `0.13 ± 0.08 points`."""
    mean, spread = number(comparison, abs(comparison.mean_difference)), number(comparison, half(comparison))
    return f"{mean} ± {spread}{unit(comparison)}"


def difference(comparison: Comparison) -> str:
    """Say a difference with its sign: `+0.13 ± 0.08 points`; empty where there is none."""
    if comparison.n < 2:
        return ""
    sign = "−" if comparison.mean_difference < 0 else "+"
    return sign + size(comparison)


def half(comparison: Comparison) -> float:
    """Return half of the interval, which lies evenly about the mean difference."""
    return (comparison.ci_high - comparison.ci_low) / 2


def number(comparison: Comparison, value: float) -> str:
    """Write a difference of the comparison's metric: accuracies in points with two decimals."""
    return f"{100 * value:.2f}" if "accuracy" in comparison.metric else f"{value:.3g}"


def unit(comparison: Comparison) -> str:
    """Return the unit of a difference, with a space before it."""
    if "accuracy" in comparison.metric:
        return " points"
    return " nats" if comparison.metric.endswith("_loss") else ""


def p_value(p: float) -> str:
    """Say a p value: `p = 0.023`, `p < 0.001`."""
    if math.isnan(p):
        return "no p"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def summary_sentence(baseline: str | None, family: int) -> str:
    """Say how the verdicts below it came about."""
    against = f"Against {baseline}" if baseline is not None else "Every two schedules"
    together = f"Holm over {family} comparisons" if family > 1 else "one comparison"
    return f"{against}: paired by seed, ± is the 95 % t interval, p from exact sign-flip tests, {together}."
