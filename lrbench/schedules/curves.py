"""Every open-loop curve: a factory that checks its parameters and returns a pure function of the step.

In the formulas `t` is the step (0, 1, ... T-1), `T` the horizon's steps, `lr` the peak rate. "Just after the
last update" is t = T. A new curve is one more function here and nothing elsewhere.
"""

from typing import Literal

import numpy as np

from lrbench.schedules.base import Curve, Horizon, Rate, Rates, Span, Steps, check, schedule


@schedule("constant")
def constant(horizon: Horizon, *, lr: float) -> Curve:
    """The same rate at every step.

    rate(t) = lr
    """

    def rate(t: Steps) -> Rates:
        return np.full(t.shape, lr)

    return rate


@schedule("step")
def step(horizon: Horizon, *, lr: float, every: Span = Span(20, "%"), gamma: float = 0.5) -> Curve:
    """A staircase: times `gamma` after each `every`.

    rate(t) = lr * gamma^floor(t / every)
    At gamma = 1 it is constant. PyTorch StepLR; Keras ExponentialDecay(staircase=True).
    """
    length = _positive("step", "every", every, horizon)
    _factor("step", gamma)

    def rate(t: Steps) -> Rates:
        return lr * gamma ** np.floor(t / length)

    return rate


@schedule("exponential")
def exponential(
    horizon: Horizon,
    *,
    lr: float,
    gamma: float = 0.95,
    every: Span = Span(1, "%"),
    staircase: bool = False,
) -> Curve:
    """A smooth decay by the factor `gamma` per `every`; with `staircase`, in jumps.

    rate(t) = lr * gamma^(t / every), with staircase lr * gamma^floor(t / every)
    Ends at lr * gamma^(T / every), by default 0.59 % of lr. Keras ExponentialDecay; PyTorch ExponentialLR.
    """
    length = _positive("exponential", "every", every, horizon)
    _factor("exponential", gamma)

    def rate(t: Steps) -> Rates:
        passed = t / length
        return lr * gamma ** (np.floor(passed) if staircase else passed)

    return rate


@schedule("cosine")
def cosine(horizon: Horizon, *, lr: float, floor: Rate = Rate(1, share=True)) -> Curve:
    """Half a cosine from `lr` at step 0 down to `floor` just after the last update.

    rate(t) = floor + (lr - floor) * (1 + cos(pi * t / T)) / 2
    Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983 (one cycle). Keras CosineDecay; PyTorch
    CosineAnnealingLR.
    """
    low = _below_peak("cosine", "floor", floor, lr)

    def rate(t: Steps) -> Rates:
        return low + 0.5 * (lr - low) * (1 + np.cos(np.pi * t / horizon.steps))

    return rate


@schedule("cyclical")
def cyclical(
    horizon: Horizon,
    *,
    lr: float,
    half: Span = Span(20, "%"),
    floor: Rate = Rate(1, share=True),
    shape: Literal["triangle", "sine"] = "triangle",
    decay: Literal["none", "half", "exp"] = "none",
    gamma: float = 0.999,
) -> Curve:
    """Up from `floor` to `lr` in one `half`, down again in the next, over and over.

    rate(t) = floor + (lr - floor) * wave(t) * shrink(t)
    wave: triangle 1 - |t/half mod 2 - 1|, sine |sin(pi/2 * t/half)|
    shrink: none 1; half 2^-(whole cycles passed); exp gamma^t (gamma acts per step, on `exp` only)
    The default half of 20 % makes two and a half cycles: it ends at its peak; half=25% or 12.5% ends low.
    Smith 2017, https://arxiv.org/abs/1506.01186. PyTorch CyclicLR.
    """
    length = _positive("cyclical", "half", half, horizon)
    low = _below_peak("cyclical", "floor", floor, lr)
    _factor("cyclical", gamma)

    def rate(t: Steps) -> Rates:
        passed = t / length
        wave = 1 - np.abs(passed % 2 - 1) if shape == "triangle" else np.abs(np.sin(np.pi / 2 * passed))
        match decay:
            case "none":
                return low + (lr - low) * wave
            case "half":
                return low + (lr - low) * wave * 0.5 ** np.floor(passed / 2)
            case "exp":
                return low + (lr - low) * wave * gamma**t

    return rate


def _positive(name: str, key: str, span: Span, horizon: Horizon) -> float:
    steps = span.steps(horizon)
    check(steps > 0, f"{name} wants {key} > 0; got {span}.", f"Try {name}({key}=10%).")
    return steps


def _factor(name: str, gamma: float) -> None:
    check(0 < gamma <= 1, f"{name} wants 0 < gamma <= 1; got {gamma:g}.", f"Try {name}(gamma=0.5).")


def _below_peak(name: str, key: str, rate: Rate, lr: float) -> float:
    low = rate.of(lr)
    check(
        0 <= low <= lr,
        f"{name} wants 0 <= {key} <= lr; got {key}={rate} with lr={lr:g}.",
        f"Write {key} as a share of the peak: {name}({key}=1%).",
    )
    return low
