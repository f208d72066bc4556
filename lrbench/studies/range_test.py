"""A learning-rate range test as pure functions: which rates, what the losses say, and whether the seeds agree.

Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, https://arxiv.org/abs/1506.01186:
train while the rate rises from step to step, and look where the loss falls and where it blows up.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lrbench.judging.statistics import mean_interval
from lrbench.schedules.base import Rates

Values = NDArray[np.float64]
MEMORY = 0.02  # of the sweep's steps: what the mean of the losses remembers, unless it is asked otherwise
SKIPPED = 0.1  # of the sweep, at its beginning: the mean is one of few batches there. As fastai
STRETCH = 0.05  # of the sweep: along which a descent is measured. From step to step, it is the noise's
BLOWN = 4  # times its best, and a loss has diverged. As fastai
ROUNDING = 1e-6  # of the first loss; whatever is smaller is as good as 0
STANDS_OUT = 6  # standard errors of the mean: of noise alone, one sweep of 200 falls as far
AGREE = 3  # the highest over the lowest rate of the seeds, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How the rate rises, and how losses are smoothed."""

    scale: str  # "exponential": by the same factor each step; "linear": by the same amount
    lowest: float
    highest: float
    steps: int
    smooth: float  # 0 <= smooth < 1: what each step keeps of the mean before it

    @property
    def rates(self) -> Rates:
        """The rate of every step: float64 (steps,), from the lowest to the highest."""
        space = np.geomspace if self.scale == "exponential" else np.linspace
        return np.asarray(space(self.lowest, self.highest, self.steps))

    @property
    def skipped(self) -> int:
        """Steps before anything is judged."""
        return int(SKIPPED * self.steps)

    @property
    def stretch(self) -> int:
        """Steps along which a descent is measured."""
        return max(1, int(STRETCH * self.steps))


def memory_of(steps: int) -> float:
    """Return the smoothing with which a mean remembers a fiftieth of so many steps, 1 / (1 - smooth)."""
    return max(0.0, 1 - 1 / (MEMORY * steps))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """What one seed's sweep says. Its means end where it diverged, if it did."""

    seed: int
    losses: Values  # (trained,): of every step that was trained, each before its update
    means: Values  # (n,): the losses, smoothed
    at: Rates  # (n,): the rates that the means belong to, smoothed alike, so that smoothing shifts no curve
    diverged: float | None  # the rate at which it did


def smoothed(values: Values, smooth: float) -> Values:
    """Return the bias-corrected exponential mean: float64 (n,) -> (n,).

    m(t) = (smooth * s(t-1) + (1 - smooth) * v(t)) / (1 - smooth^(t+1)), s(t) the numerator; Kingma & Ba 2015, as
    fastai smooths the losses of its finder.
    """
    means, total = np.empty(len(values)), 0.0
    for t, value in enumerate(values.tolist()):
        total = smooth * total + (1 - smooth) * value
        means[t] = total / (1 - smooth ** (t + 1))
    return means


def divergence(losses: Values, sweep: Sweep) -> int | None:
    """Return the step at which a sweep diverges: its loss is no number, or its mean is four times its best.

    None: it has not so far. What comes later changes nothing, so that a sweep can ask as it goes.
    """
    finite = np.isfinite(losses)
    end = len(losses) if finite.all() else int(finite.argmin())
    means = smoothed(losses[:end], sweep.smooth)[sweep.skipped :]
    if means.size:
        best = np.minimum.accumulate(means)
        least = np.maximum(np.abs(best), ROUNDING * abs(losses[0]))  # a loss that can be negative rises by as much
        blown = means - best > (BLOWN - 1) * least
        if blown.any():
            return sweep.skipped + int(blown.argmax())
    return end if end < len(losses) else None


def read(seed: int, losses: Values, sweep: Sweep) -> Curve:
    """Return what a seed's losses say. losses: float64 (trained,), in the order of the sweep's rates."""
    end = divergence(losses, sweep)
    kept = losses if end is None else losses[: end + 1][np.isfinite(losses[: end + 1])]
    return Curve(
        seed=seed,
        losses=losses,
        means=smoothed(kept, sweep.smooth),
        at=np.exp(smoothed(np.log(sweep.rates[: len(kept)]), sweep.smooth)),
        diverged=None if end is None else float(sweep.rates[end]),
    )


def steepest(curve: Curve, sweep: Sweep) -> float | None:
    """Return the rate at which the mean falls most per decade on its way to its best.

    None where it does not fall; or most at the very beginning, for then it is steeper before.
    """
    if not _falls(curve, sweep):
        return None
    means, at, far = curve.means[sweep.skipped :], np.log(curve.at[sweep.skipped :]), sweep.stretch
    down = slice(int(means.argmin()) + 1)
    slopes = (means[down][far:] - means[down][:-far]) / (at[down][far:] - at[down][:-far])
    step = int(slopes.argmin()) if slopes.size else 0
    if step == 0 or slopes[step] >= 0:
        return None
    return float(np.exp((at[step] + at[step + far]) / 2))


def valley(curve: Curve, sweep: Sweep) -> float | None:
    """Return the rate in the middle of the longest valley, or None where the mean does not fall.

    As fastai's `valley`: the longest falling subsequence, taken as if it had no gaps, and half of its way down.
    """
    if not _falls(curve, sweep):
        return None
    end, length = _longest_fall(curve.means[sweep.skipped :])
    middle = end - length + length // 3 + length // 6
    return float(curve.at[sweep.skipped + max(0, middle)])


def tenth(curve: Curve, sweep: Sweep) -> float | None:
    """Return a tenth of the rate at which it diverged; None where that is none, or below the sweep."""
    if curve.diverged is None or curve.diverged / 10 < sweep.lowest:
        return None
    return curve.diverged / 10


@dataclass(frozen=True, slots=True)
class Rule:
    """One way from a curve to a rate."""

    name: str
    title: str
    rate: Callable[[Curve, Sweep], float | None]
    otherwise: str  # what a sweep did for which it has no rate


RULES = (
    Rule("valley", "longest valley", valley, "the loss did not fall"),
    Rule("steepest", "steepest descent", steepest, "the loss did not fall, or fell most at the beginning"),
    Rule(
        "tenth", "a tenth of divergence", tenth, "the loss did not diverge, or did below ten times the lowest rate"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A rule's rate over all seeds, or why there is none."""

    rule: Rule
    rates: Mapping[int, float | None] = field(repr=False)  # by seed
    rate: float | None  # their geometric mean; None: no suggestion
    span: tuple[float, float] | None  # the least and the greatest of the seeds' rates; None if no seed has one
    interval: tuple[float, float] | None  # the mean's 95 % t interval, made of logarithms; None for one seed
    reason: str  # why there is none; else empty


def suggest(rule: Rule, curves: Sequence[Curve], sweep: Sweep) -> Suggestion:
    """Return a rule's rate if every seed has one and they agree within a factor of three."""
    rates = {curve.seed: rule.rate(curve, sweep) for curve in curves}
    found = [rate for rate in rates.values() if rate is not None]
    span = (min(found), max(found)) if found else None
    reason = ""
    if span is None or len(found) < len(rates):
        reason = f"in {len(rates) - len(found)} of {len(rates)} sweeps {rule.otherwise}"
    elif span[1] > AGREE * span[0]:
        reason = f"the seeds disagree by a factor of {span[1] / span[0]:.2g}"
    logs = np.log(found)
    interval = mean_interval(logs) if len(found) > 1 and not reason else None
    return Suggestion(
        rule=rule,
        rates=rates,
        rate=None if reason or span is None else float(np.clip(np.exp(logs.mean()), *span)),
        span=span,
        interval=interval and (float(np.exp(interval[0])), float(np.exp(interval[1]))),
        reason=reason,
    )


def _falls(curve: Curve, sweep: Sweep) -> bool:
    """Whether the mean falls by more than its noise, and by more than rounding.

    The noise is told from the losses of neighbouring steps: 1.05 times the median of their distances is the
    standard deviation of a normal loss, and a mean's is sqrt((1 - smooth) / (1 + smooth)) of that.
    """
    means = curve.means[sweep.skipped :]
    if means.size < 2:
        return False
    losses = curve.losses[: curve.means.size]
    error = 1.05 * np.median(np.abs(np.diff(losses))) * np.sqrt((1 - sweep.smooth) / (1 + sweep.smooth))
    return bool(means[0] - means.min() > max(STANDS_OUT * error, ROUNDING * abs(losses[0])))


def _longest_fall(values: Values) -> tuple[int, int]:
    """Return where the longest falling subsequence first ends, and its length."""
    tails: list[float] = []  # of all falling subsequences of a length, the highest last value, negated
    end, longest = 0, 0
    for i, value in enumerate((-values).tolist()):
        length = bisect_left(tails, value) + 1
        tails[length - 1 : length] = [value]
        if length > longest:
            end, longest = i, length
    return end, longest
