"""Schedules that look at the training: a rule, a state, and the step from one state to the next.

Between two epochs the engine hands the finished epoch's validation value to `after_epoch`; the new state's
`scale` multiplies every rate of the next epoch. The state is a value, so a stopped run can go on from it.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from lrbench.directions import higher_is_better
from lrbench.errors import BadSpec
from lrbench.schedules.base import Horizon, Rate, Span, schedule
from lrbench.schedules.checks import check

Better = Literal["lower", "higher"]
Threshold = Literal["absolute", "relative"]
Mode = Literal["auto", "min", "max"]
MODES: dict[Mode, Better | None] = {"auto": None, "min": "lower", "max": "higher"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """The rule: after `patience` epochs without a gain of more than `min_delta`, times `factor`."""

    monitor: str  # a figure of the validation examples: `val_loss`, `val_accuracy`, ...
    mode: Mode  # whether it is better when lower or higher; auto: as the figure is known, or as its name says
    factor: float
    patience: int  # epochs
    cooldown: int  # epochs after a cut, the last of which counts already: never 1, which changes nothing
    min_delta: float  # in the unit of what is monitored; if relative, a share of the best value's size
    threshold: Threshold
    min_scale: float  # the scale never falls below this: min_lr / lr, at most 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateauState:
    """What the rule remembers between two epochs."""

    best: float = math.inf  # the lowest cost so far: what is better when higher is negated
    waited: int = 0  # epochs since then, or since the last cut
    cooling: int = 0  # epochs of cooldown left
    scale: float = 1.0  # what the next epoch's rates are multiplied with


@schedule("plateau", feedback=True, later=("mode",))
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
    mode: Mode = "auto",
) -> Plateau:
    """Holds the rate while validation improves; times factor when it has not for a while.

    rate(t) = max(lr * factor^cuts, min_lr); cuts change between epochs only
    Spans are rounded to whole epochs, patience to at least one. min_delta is in the unit of what is monitored, for
    val_loss nats; with threshold=relative a gain goes beyond the best value by more than min_delta * |best|. A
    warm-up or hold is part of what is scaled. The cooldown counts epochs after a cut, and the last of them counts
    already, as in Keras: one epoch is none.
    mode=min or max says whether the figure is better when lower or higher. With auto, `run` knows it of what it
    measures; a script goes by the name, and one that does not say is refused.
    The default patience is one epoch of 15, and five of 100. Validation losses of a constant rate on MNIST (15
    epochs, n = 10 seeds) call for the first cut after epoch 6 to 11 then; with two epochs one seed sees none
    and six only after epoch 11 to 14; with three epochs eight see none.
    PyTorch counts patience and cooldown one epoch longer: give it one less of each to get the same cuts. Its
    threshold_mode="rel" is another rule below 0, where it never cuts.

    Use: when the length of training is open, or nothing is known of it.
    Avoid: on noisy validation values; a cut is never taken back.
    Keras: ReduceLROnPlateau("val_loss", factor, patience, min_delta=min_delta, cooldown=cooldown, min_lr=min_lr)
    PyTorch: ReduceLROnPlateau(optimizer, "min", factor, patience - 1, min_delta, "abs", cooldown - 1, min_lr, 0)
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
    rest = cooldown.whole_epochs(horizon)
    return Plateau(
        monitor=monitor,
        mode=mode,
        factor=factor,
        patience=patience.whole_epochs(horizon),
        cooldown=rest if rest > 1 else 0,
        min_delta=min_delta,
        threshold=threshold,
        min_scale=min(1.0, low / lr),
    )


def direction(rule: Plateau, known: Better | None = None) -> Better:
    """Return whether what a rule monitors is better lower or higher: by its mode, as it is known, or by its name.

    Raises BadSpec if none of them says.
    """
    found = MODES[rule.mode] or known or _named(rule.monitor)
    if found is None:
        raise BadSpec(
            f"plateau(monitor={rule.monitor}): the name does not say whether higher or lower is better.",
            f"Add mode=max or mode=min: plateau(monitor={rule.monitor}, mode=max).",
        )
    return found


def same_rule(rule: Plateau) -> Plateau:
    """Return a rule with the mode that its monitor's name stands for, so that equal rules are equal."""
    higher = _named(rule.monitor)
    return replace(rule, mode="auto") if MODES[rule.mode] == higher else rule


def _named(monitor: str) -> Better | None:
    higher = higher_is_better(monitor)
    return None if higher is None else ("higher" if higher else "lower")


def after_epoch(rule: Plateau, state: PlateauState, value: float, better: Better = "lower") -> PlateauState:
    """Return the state after an epoch that ended with the monitored `value`, which is better lower or higher.

    A cooldown epoch still moves `best`, as in Keras; the epoch that ends the cooldown counts already.
    """
    cost = -value if better == "higher" else value
    if state.cooling:
        state = replace(state, cooling=state.cooling - 1, waited=0)
    if cost < _to_beat(rule, state.best):
        return replace(state, best=cost, waited=0)
    if state.cooling:
        return state
    if state.waited + 1 < rule.patience:
        return replace(state, waited=state.waited + 1)
    scale = max(state.scale * rule.factor, rule.min_scale)
    return replace(state, scale=scale, waited=0, cooling=rule.cooldown)


def _to_beat(rule: Plateau, best: float) -> float:
    """Return the cost below which a value is a gain; a relative gain is a share of the best value's size."""
    if rule.threshold == "absolute" or math.isinf(best):
        return best - rule.min_delta
    return best - rule.min_delta * abs(best)
