"""Every open-loop curve that also rises. The conventions are those of curves.py."""

from typing import Literal

import numpy as np

from lrbench.schedules.base import Curve, Horizon, Rate, Rates, Span, Steps, schedule
from lrbench.schedules.checks import below_peak, check, positive, shrinking
from lrbench.schedules.shapes import Climb, Fall, passed


@schedule("cyclical")
def cyclical(
    horizon: Horizon,
    *,
    lr: float,
    half: Span = Span(12.5, "%"),
    floor: Rate = Rate(1, share=True),
    shape: Literal["triangle", "sine"] = "triangle",
    decay: Literal["none", "half", "exp"] = "none",
    gamma: float = 0.999,
) -> Curve:
    """Up from a floor to lr in one half of a cycle, down again in the other, over and over.

    rate(t) = floor + (lr - floor) * wave(t) * shrink(t)
    wave: triangle 1 - |t/half mod 2 - 1|, sine |sin(pi/2 * t/half)|
    shrink: none 1; half 2^-(whole cycles passed); exp gamma^t (gamma acts per step, on `exp` only)
    The default half makes four whole cycles, so it ends low, and in 15 to 80 epochs it is about the 2 to 10 epochs
    that its author advises.
    PyTorch names the floor base_lr and the peak max_lr, decay=half mode="triangular2" and decay=exp "exp_range".

    Use: to find good rates while training, and against sharp minima.
    Avoid: ending a training near the peak; the last rate is what the result was made with.
    Keras: LearningRateScheduler, by hand
    PyTorch: CyclicLR(optimizer, floor, lr, half, mode="triangular", cycle_momentum=False), for shape=triangle
    Source: Smith 2017, https://arxiv.org/abs/1506.01186; LRBench TRI, TRI2, TRIEXP, SIN, SIN2, SINEXP.
    """
    length = positive("cyclical", "half", half, horizon)
    low = below_peak("cyclical", "floor", floor, lr)
    shrinking("cyclical", "gamma", gamma)

    def rate(t: Steps) -> Rates:
        halves = t / length
        wave = 1 - np.abs(halves % 2 - 1) if shape == "triangle" else np.abs(np.sin(np.pi / 2 * halves))
        match decay:
            case "none":
                return low + (lr - low) * wave
            case "half":
                return low + (lr - low) * wave * 0.5 ** np.floor(halves / 2)
            case "exp":
                return low + (lr - low) * wave * np.exp(np.log(gamma) * t)  # ten times faster than gamma**t

    return rate


@schedule("restarts")
def restarts(
    horizon: Horizon,
    *,
    lr: float,
    first: Span = Span(100 / 15, "%"),
    mult: float = 2.0,
    shrink: float = 1.0,
    floor: Rate = Rate(0, share=True),
) -> Curve:
    """Cosines one after the other, each mult times as long as the one before and shrink times as high.

    rate(t) = floor + (peak - floor) * (1 + cos(pi * z)) / 2, z the share of the cycle that has passed
    cycle i (0, 1, ...) has first * mult^i steps and the peak max(lr * shrink^i, floor)
    Keras lets the height above the floor shrink instead: its peak is floor + (lr - floor) * shrink^i.
    The default first is 1/15 of the horizon: 1 + 2 + 4 + 8 fifteenths are four whole cycles, so it ends low.
    A cycle that begins within a millionth of a step of a whole one begins there. A first that is a share has at
    least one step, however short the training is.

    Use: to have several good models on the way, one at the end of each cycle.
    Avoid: a horizon that cuts off the last cycle: the training then ends at a high rate.
    Keras: CosineDecayRestarts(lr, first_decay_steps=first, t_mul=mult, m_mul=shrink, alpha=floor / lr)
    PyTorch: CosineAnnealingWarmRestarts(optimizer, T_0=first, T_mult=mult, eta_min=floor), whole mult, shrink=1
    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983 (SGDR).
    """
    length = first.steps(horizon)
    if first.unit == "%" and first.value > 0:
        length = max(length, 1.0)
    check(length >= 1, f"restarts wants first >= 1 step; got {first}.", "Try restarts(first=10%).")
    check(mult >= 1, f"restarts wants mult >= 1; got {mult:g}.", "Try restarts(mult=2).")
    shrinking("restarts", "shrink", shrink)
    low = below_peak("restarts", "floor", floor, lr)
    cycles = horizon.steps / length if mult == 1 else np.log1p(horizon.steps / length * (mult - 1)) / np.log(mult)
    lengths = length * mult ** np.arange(int(cycles) + 2)
    starts = _on_whole_steps(np.concatenate([[0], np.cumsum(lengths)]))
    peaks = np.maximum(lr * shrink ** np.arange(len(lengths)), low)

    def rate(t: Steps) -> Rates:
        cycle = np.searchsorted(starts, t, side="right") - 1
        z = (t - starts[cycle]) / lengths[cycle]
        return low + 0.5 * (peaks[cycle] - low) * (1 + np.cos(np.pi * z))

    return rate


def _on_whole_steps(starts: Rates) -> Rates:
    """Round away what is left of computing with shares, so that a restart is never one update late."""
    whole = np.round(starts)
    return np.where(np.abs(starts - whole) < 1e-6, whole, starts)


@schedule("onecycle")
def onecycle(
    horizon: Horizon,
    *,
    lr: float,
    up: Span = Span(30, "%"),
    start: Rate = Rate(4, share=True),
    end: Rate = Rate(0.01, share=True),
    shape: Climb = "cosine",
) -> Curve:
    """Once up to lr and once down again, arriving at the end just after the last update.

    rate(t) = start + (lr - start) * s(t / up) for t < up, then lr + (end - lr) * s((t - up) / (T - up))
    s(z) = (1 - cos(pi * z)) / 2 for the cosine shape, z for the linear one
    PyTorch's OneCycleLR does the same on a clock in which `end` is the last update itself: T - 1 and up - 1.
    It calls the shapes anneal_strategy="cos" and "linear", and moves the momentum unless cycle_momentum=False.

    Use: for short trainings at high rates.
    Avoid: without looking for the highest rate that holds first.
    Keras: LearningRateScheduler, by hand
    PyTorch: OneCycleLR(optimizer, lr, T, pct_start=up / T, div_factor=lr / start, final_div_factor=start / end)
    Source: Smith & Topin 2018, https://arxiv.org/abs/1708.07120.
    """
    turn = up.steps(horizon)
    check(0 <= turn < horizon.steps, f"onecycle wants 0 <= up < 100%; got {up}.", "Try onecycle(up=30%).")
    low, last = below_peak("onecycle", "start", start, lr), below_peak("onecycle", "end", end, lr)

    def rate(t: Steps) -> Rates:
        climbing = t < turn
        z = np.where(climbing, t / (turn or 1), (t - turn) / (horizon.steps - turn))
        s = passed(shape, z)
        return np.where(climbing, low + (lr - low) * s, lr + (last - lr) * s)

    return rate


@schedule("noam")
def noam(horizon: Horizon, *, lr: float, warmup: Span = Span(5, "%")) -> Curve:
    """The Transformer paper's: a straight climb to lr, then falling with the square root of time.

    rate(t) = lr * min((t + 1) / warmup, sqrt(warmup / (t + 1)))
    The paper counts updates from 1 and writes d_model^-0.5 * min(s^-0.5, s * warmup^-1.5): lr is then
    (d_model * warmup)^-0.5, which is 7e-4 for 512 and 4,000 steps. With per=epoch, t and warmup count epochs.
    Ends at lr * sqrt(warmup / T), by default 22 % of lr; it never arrives at 0.
    TensorFlow's tutorial counts from 0, so its first update has rate 0 and all others come one later.

    Use: to repeat a Transformer whose paper names its warm-up steps.
    Avoid: on a fixed budget; its end is high.
    Keras: LearningRateScheduler, by hand
    PyTorch: LambdaLR(optimizer, lambda t: min((t + 1) / warmup, (warmup / (t + 1)) ** 0.5))
    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 5.3.
    """
    climb = positive("noam", "warmup", warmup, horizon)

    def rate(t: Steps) -> Rates:
        update = t + horizon.stride
        return lr * np.minimum(update / climb, np.sqrt(climb / update))

    return rate


@schedule("wsd", warmup=Span(5, "%"))
def wsd(
    horizon: Horizon,
    *,
    lr: float,
    cooldown: Span = Span(20, "%"),
    shape: Fall = "linear",
    floor: Rate = Rate(0, share=True),
) -> Curve:
    """Warm-up, stable, decay: a trapezoid that arrives at its floor just after the last update.

    rate(t) = lr * (t + 1) / (warmup + 1), then lr, then for the cooldown floor + (lr - floor) * (1 - s(z))
    z is the share of the cooldown that has passed; s(z) is z for the linear shape, sqrt(z) for `sqrt`,
    (1 - cos(pi * z)) / 2 for `cosine`, 2 - 2 * 0.5^z for `exponential`, z^2 for `square` and 10z / (1 + 9z) for
    `inverse-linear`, whose 1 / rate is a straight line where floor=10%
    The cooldown is a share of the whole horizon, warm-up included. With the default floor it is
    constant(warmup=5%, cooldown=20%): any schedule can have such a warm-up and cooldown.
    transformers' get_wsd_schedule starts its warm-up from rate 0 and so wastes the first update.

    Use: when the length may change: the stable part can go on, only the cooldown is final.
    Avoid: reading the loss before the cooldown; most of the gain comes in it.
    Keras: LearningRateScheduler, by hand
    PyTorch: LambdaLR(optimizer, lambda t: min(1, (t + 1) / (warmup + 1), (T - t) / cooldown)), for floor=0%
    Source: Hägele et al. 2024, https://arxiv.org/abs/2405.18392; cosine and exponential: Megatron-LM.
    """
    down = cooldown.steps(horizon.whole)
    low = below_peak("wsd", "floor", floor, lr)
    check(
        down <= horizon.steps + 0.5,  # a warm-up is rounded to whole steps
        f"wsd wants warmup, hold and cooldown within 100%; cooldown={cooldown} is more than is left.",
        "Try wsd(warmup=5%, cooldown=20%).",
    )
    down = min(down, horizon.steps)

    def rate(t: Steps) -> Rates:
        z = np.maximum(t - (horizon.steps - down), 0) / (down or 1)
        return low + (lr - low) * (1 - passed(shape, z))

    return rate
