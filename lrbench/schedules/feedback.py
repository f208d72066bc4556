"""Schedules that look at the training: a rule, a state, and the step from one state to the next.

Between two epochs the engine hands the finished epoch's validation value to `after_epoch`; the new state's
`scale` multiplies every rate of the next epoch. The state is a value, so a stopped run can go on from it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from lrbench.schedules.base import Horizon, Rate, Span, schedule
from lrbench.schedules.checks import check

Better = Literal["lower", "higher"]
Threshold = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """The rule: after `patience` epochs without a gain of more than `min_delta`, times `factor`."""

    monitor: str  # a figure of the validation examples: `val_loss`, `val_accuracy`, ...
    factor: float
    patience: int  # epochs
    cooldown: int  # epochs after a cut in which nothing is counted
    min_delta: float  # in the unit of what is monitored; if relative, a share of the best value
    threshold: Threshold
    min_scale: float  # the scale never falls below this: min_lr / lr, at most 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateauState:
    """What the rule remembers between two epochs."""

    best: float = math.inf  # the lowest cost so far: what is better when higher is negated
    waited: int = 0  # epochs since then, or since the last cut
    cooling: int = 0  # epochs of cooldown left
    scale: float = 1.0  # what the next epoch's rates are multiplied with


@schedule("plateau", feedback=True)
def plateau(
    horizon: Horizon,
    *,
    lr: float,
    factor: float = 0.5,
    patience: Span = Span(5, "%"),
    min_lr: Rate = Rate(1e-6),
    min_delta: float = 1e-4,
    threshold: Threshold = "absolute",
    cooldown: Span = Span(0, "epochs"),
    monitor: str = "val_loss",
) -> Plateau:
    """Holds the rate while validation improves; times factor when it has not for a while.

    rate(t) = max(lr * factor^cuts, min_lr); cuts change between epochs only
    Spans are rounded to whole epochs, patience to at least one. min_delta is in the unit of what is monitored, for
    val_loss nats; with threshold=relative it is a share of the best value. A warm-up or hold is part of what is
    scaled; the cooldown of this one counts epochs after a cut in which nothing is counted.
    The default patience is one epoch of 15, and five of 100. Validation losses of a constant rate on MNIST (15
    epochs, n = 10 seeds) call for the first cut after epoch 6 to 11 then; with two epochs one seed sees none
    and six only after epoch 11 to 14; with three epochs eight see none.
    PyTorch counts patience and cooldown one epoch longer: give it one less of each to get the same cuts, and
    mode="max" for what is better when higher.

    Use: when the length of training is open, or nothing is known of it.
    Avoid: on noisy validation values; a cut is never taken back.
    Keras: ReduceLROnPlateau("val_loss", factor, patience, min_delta=min_delta, cooldown=cooldown, min_lr=min_lr)
    PyTorch: ReduceLROnPlateau(optimizer, "min", factor, patience - 1, min_delta, "abs", cooldown - 1, min_lr)
    Source: Keras documentation, ReduceLROnPlateau.
    """
    check(0 < factor < 1, f"plateau wants 0 < factor < 1; got {factor:g}.", "Try plateau(factor=0.5).")
    check(min_delta >= 0, f"plateau wants min_delta >= 0; got {min_delta:g}.", "Try plateau(min_delta=1e-4).")
    check(patience.value > 0, f"plateau wants patience > 0; got {patience}.", "Try plateau(patience=2 epochs).")
    check(
        min_delta < 1 or threshold == "absolute",
        f"plateau wants min_delta < 1 for threshold=relative; got {min_delta:g}.",
        "Try plateau(min_delta=0.01, threshold=relative).",
    )
    low = min_lr.of(lr)
    check(low >= 0, f"plateau wants min_lr >= 0; got {min_lr}.", "Try plateau(min_lr=1e-6).")
    return Plateau(
        monitor=monitor,
        factor=factor,
        patience=patience.whole_epochs(horizon),
        cooldown=cooldown.whole_epochs(horizon),
        min_delta=min_delta,
        threshold=threshold,
        min_scale=min(1.0, low / lr),
    )


def better(monitor: str) -> Better:
    """Tell by its name whether a figure in a script of the user's is better when higher, as Keras does."""
    return "higher" if monitor.endswith(("acc", "accuracy", "auc")) else "lower"


def after_epoch(rule: Plateau, state: PlateauState, value: float, better: Better = "lower") -> PlateauState:
    """Return the state after an epoch that ended with the monitored `value`, which is better lower or higher.

    A cooldown epoch still moves `best`, as in Keras; the epoch that ends the cooldown counts already.
    """
    cost = -value if better == "higher" else value
    if state.cooling:
        state = replace(state, cooling=state.cooling - 1, waited=0)
    if cost < _to_beat(rule, state.best, better):
        return replace(state, best=cost, waited=0)
    if state.cooling:
        return state
    if state.waited + 1 < rule.patience:
        return replace(state, waited=state.waited + 1)
    scale = max(state.scale * rule.factor, rule.min_scale)
    return replace(state, scale=scale, waited=0, cooling=rule.cooldown)


def _to_beat(rule: Plateau, best: float, better: Better) -> float:
    """The cost below which a value is a gain; a relative one as PyTorch's threshold_mode="rel" has it."""
    if rule.threshold == "absolute" or math.isinf(best):
        return best - rule.min_delta
    return best * (1 + rule.min_delta if better == "higher" else 1 - rule.min_delta)
