"""Every open-loop curve that only falls: a factory that checks its parameters and returns a pure function.

In the formulas `t` is the step (0, 1, ... T-1), `T` the horizon's steps, `lr` the peak rate; "just after the last
update" is t = T. A new curve is one more function here (or, if it also rises, in cycles.py) and nothing elsewhere:
its docstring is what `lrbench schedulers NAME` shows.
"""

import numpy as np

from lrbench.schedules.base import Curve, Horizon, Rate, Rates, Span, Steps, schedule, spans_passed
from lrbench.schedules.checks import above_zero, below_peak, check, positive, rising, shrinking


@schedule("constant")
def constant(horizon: Horizon, *, lr: float) -> Curve:
    """The same rate at every step.

    rate(t) = lr

    Use: as the baseline of every comparison; for short trainings it is hard to beat.
    Avoid: where the last bit of accuracy counts and the training is long.
    Keras: SGD(learning_rate=lr)
    PyTorch: SGD(params, lr=lr)
    Source: Robbins & Monro 1951 is why it should decay in the end.
    """

    def rate(t: Steps) -> Rates:
        return np.full(t.shape, lr)

    return rate


@schedule("step")
def step(horizon: Horizon, *, lr: float, every: Span = Span(20, "%"), gamma: float = 0.5) -> Curve:
    """A staircase: times gamma after each span.

    rate(t) = lr * gamma^floor(t / every)
    At gamma = 1 it is constant.

    Use: when a training is watched and each level is to be seen at work.
    Avoid: when there is no time to tune where the stairs stand.
    Keras: ExponentialDecay(lr, decay_steps=every, decay_rate=gamma, staircase=True)
    PyTorch: StepLR(optimizer, step_size=every, gamma=gamma)
    Source: He et al. 2016, https://arxiv.org/abs/1512.03385 (with fixed boundaries).
    """
    length = positive("step", "every", every, horizon)
    shrinking("step", "gamma", gamma)

    def rate(t: Steps) -> Rates:
        return lr * gamma ** spans_passed(t, length)

    return rate


@schedule("multistep")
def multistep(
    horizon: Horizon, *, lr: float, at: tuple[Span, ...] = (Span(50, "%"), Span(75, "%")), gamma: float = 0.1
) -> Curve:
    """Times gamma at each boundary.

    rate(t) = lr * gamma^(boundaries passed), a boundary b being passed from t >= b on
    Boundaries beyond the horizon are never reached.
    A warm-up or hold comes first and moves every boundary by its length: multistep(at=30 epochs, warmup=5 epochs)
    falls after epoch 35, and a % counts in what is left. Papers mostly count from the first update: subtract it.

    Use: to repeat a paper that names its boundaries.
    Avoid: on another horizon than the paper's; the boundaries were tuned for it.
    Keras: PiecewiseConstantDecay([b - 1 for b in at], [lr * gamma**i for i in range(len(at) + 1)])
    PyTorch: MultiStepLR(optimizer, milestones=at, gamma=gamma)
    Source: He et al. 2016, https://arxiv.org/abs/1512.03385.
    """
    boundaries = rising("multistep", at, horizon)
    shrinking("multistep", "gamma", gamma)
    levels = np.array([lr * gamma**passed for passed in range(len(boundaries) + 1)])

    def rate(t: Steps) -> Rates:
        return levels[np.searchsorted(boundaries, t, side="right")]

    return rate


@schedule("piecewise")
def piecewise(
    horizon: Horizon,
    *,
    lr: float,
    at: tuple[Span, ...] = (Span(1000, "steps"), Span(2000, "steps")),
    rates: tuple[Rate, ...] = (Rate(0.1), Rate(0.01), Rate(0.001)),
) -> Curve:
    """A rate of its own between any two boundaries.

    rate(t) = rates[boundaries passed], a boundary b being passed from t >= b on
    Keras's PiecewiseConstantDecay switches one update later, after t = b; subtract 1 there to get the same rates.

    Use: to repeat a published table of rates.
    Avoid: as a first choice; it has more numbers to tune than any other.
    Keras: PiecewiseConstantDecay([b - 1 for b in at], rates)
    PyTorch: LambdaLR(optimizer, lambda t: rates[bisect.bisect_right(at, t)] / lr)
    Source: Keras documentation, PiecewiseConstantDecay.
    """
    boundaries = rising("piecewise", at, horizon)
    check(
        len(rates) == len(at) + 1,
        f"piecewise wants one rate more than boundaries; got {len(at)} boundaries and {len(rates)} rates.",
        "Try piecewise(at=50%;75%, rates=0.1;0.01;0.001).",
    )
    levels = np.array([each.of(lr) for each in rates])
    check(bool((levels >= 0).all()), "piecewise wants rates that are not negative.", "Try rates=0.1;0.01;0.001.")

    def rate(t: Steps) -> Rates:
        return levels[np.searchsorted(boundaries, t, side="right")]

    return rate


@schedule("exponential")
def exponential(
    horizon: Horizon, *, lr: float, gamma: float = 0.95, every: Span = Span(1, "%"), staircase: bool = False
) -> Curve:
    """A smooth decay by the factor gamma per span; with staircase, in jumps.

    rate(t) = lr * gamma^(t / every), with staircase lr * gamma^floor(t / every)
    Ends at lr * gamma^(T / every), by default 0.59 % of lr.

    Use: where each stretch of training should count for the same share of progress.
    Avoid: when the decay was tuned for another length; it falls fast and then changes nothing.
    Keras: ExponentialDecay(lr, decay_steps=every, decay_rate=gamma, staircase=staircase)
    PyTorch: ExponentialLR(optimizer, gamma=gamma ** (1 / every))
    Source: Keras documentation, ExponentialDecay.
    """
    length = positive("exponential", "every", every, horizon)
    shrinking("exponential", "gamma", gamma)

    def rate(t: Steps) -> Rates:
        return lr * gamma ** (spans_passed(t, length) if staircase else t / length)

    return rate


@schedule("inverse_time")
def inverse_time(
    horizon: Horizon,
    *,
    lr: float,
    gamma: float = 1.0,
    every: Span = Span(10, "%"),
    power: float = 1.0,
    staircase: bool = False,
) -> Curve:
    """The 1/t decay: lr divided by a straight line in time.

    rate(t) = lr * (1 + gamma * t / every)^-power, with staircase floor(t / every) for t / every
    Ends at lr * (1 + gamma * T / every)^-power, by default 9.1 % of lr; it never arrives at 0.

    Use: where the theory of stochastic approximation is to hold.
    Avoid: for deep networks on a fixed budget; it ends high or wastes the beginning.
    Keras: InverseTimeDecay(lr, decay_steps=every, decay_rate=gamma, staircase=staircase), for power=1
    PyTorch: LambdaLR(optimizer, lambda t: (1 + gamma * t / every) ** -power)
    Source: Robbins & Monro 1951, https://doi.org/10.1214/aoms/1177729586; Caffe `inv` for power other than 1.
    """
    length = positive("inverse_time", "every", every, horizon)
    above_zero("inverse_time", "gamma", gamma)
    above_zero("inverse_time", "power", power)

    def rate(t: Steps) -> Rates:
        passed = spans_passed(t, length) if staircase else t / length
        return lr * (1 + gamma * passed) ** -power

    return rate


@schedule("inverse_sqrt")
def inverse_sqrt(
    horizon: Horizon,
    *,
    lr: float,
    after: Span = Span(5, "%"),
    power: float = 0.5,
    floor: Rate = Rate(0, share=True),
) -> Curve:
    """Flat for a while, then falling with the square root of time, or another power.

    rate(t) = floor + (lr - floor) * min(1, after / t)^power
    Ends at floor + (lr - floor) * (after / T)^power, by default 22 % of lr; it never arrives at its floor.
    transformers' and fairseq's schedule is this one with a climb in place of the flat part, and so is noam.

    Use: when the training may go on for longer than planned.
    Avoid: on a fixed budget; its end is high.
    Keras: LearningRateScheduler, by hand
    PyTorch: LambdaLR(optimizer, lambda t: min(1, after / max(t, 1)) ** power), for floor=0%
    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.
    """
    length = positive("inverse_sqrt", "after", after, horizon)
    above_zero("inverse_sqrt", "power", power)
    low = below_peak("inverse_sqrt", "floor", floor, lr)

    def rate(t: Steps) -> Rates:
        left = length / np.maximum(t, length)
        return low + (lr - low) * (np.sqrt(left) if power == 0.5 else left**power)

    return rate


@schedule("linear")
def linear(horizon: Horizon, *, lr: float, to: Rate = Rate(0, share=True)) -> Curve:
    """A straight line from lr at step 0 to another rate just after the last update.

    rate(t) = lr + (to - lr) * t / T

    Use: as a strong default on a fixed budget, with a warm-up for large models.
    Avoid: when the length of training is not known beforehand.
    Keras: PolynomialDecay(lr, decay_steps=T, end_learning_rate=to, power=1)
    PyTorch: LinearLR(optimizer, start_factor=1, end_factor=to / lr, total_iters=T)
    Source: Defazio et al. 2023, https://arxiv.org/abs/2310.07831; "D2Z" in https://arxiv.org/abs/2502.15938.
    """
    end = to.of(lr)
    check(end >= 0, f"linear wants to >= 0; got {to}.", "Try linear(to=0%).")

    def rate(t: Steps) -> Rates:
        return lr + (end - lr) * (t / horizon.steps)

    return rate


@schedule("polynomial")
def polynomial(
    horizon: Horizon, *, lr: float, to: Rate = Rate(0, share=True), power: float = 2.0, k: float = 1.0
) -> Curve:
    """A power of the straight line; arrives just after the last update.

    rate(t) = (lr - to) * (1 - (t / T)^k)^power + to
    At power = 1 it is linear; above it the end is flat, below it the beginning. A k above 1 (k-decay,
    https://arxiv.org/abs/2004.05909) stays high for longer and falls later.

    Use: to choose how much of the training is spent at low rates.
    Avoid: as one more number to tune when linear or cosine would do.
    Keras: PolynomialDecay(lr, decay_steps=T, end_learning_rate=to, power=power), for k=1
    PyTorch: PolynomialLR(optimizer, total_iters=T, power=power), for to=0% and k=1
    Source: Liu et al. 2015, https://arxiv.org/abs/1506.04579; "power decay" in https://arxiv.org/abs/2602.06797.
    """
    end = below_peak("polynomial", "to", to, lr)
    above_zero("polynomial", "power", power)
    above_zero("polynomial", "k", k)

    def rate(t: Steps) -> Rates:
        z = t / horizon.steps
        return (lr - end) * (1 - (z if k == 1 else z**k)) ** power + end

    return rate


@schedule("cosine")
def cosine(horizon: Horizon, *, lr: float, floor: Rate = Rate(1, share=True), k: float = 1.0) -> Curve:
    """Half a cosine from lr at step 0 down to its floor just after the last update.

    rate(t) = floor + (lr - floor) * (1 + cos(pi * (t / T)^k)) / 2
    A k above 1 (k-decay, https://arxiv.org/abs/2004.05909) stays high for longer and falls later.

    Use: as the usual choice on a fixed budget.
    Avoid: when the length of training is not known beforehand.
    Keras: CosineDecay(lr, decay_steps=T, alpha=floor / lr), for k=1
    PyTorch: CosineAnnealingLR(optimizer, T_max=T, eta_min=floor), for k=1
    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983 (one cycle).
    """
    low = below_peak("cosine", "floor", floor, lr)
    above_zero("cosine", "k", k)

    def rate(t: Steps) -> Rates:
        angle = np.pi / horizon.steps * t if k == 1 else np.pi * (t / horizon.steps) ** k
        return low + 0.5 * (lr - low) * (1 + np.cos(angle))

    return rate


@schedule("rex")
def rex(horizon: Horizon, *, lr: float, floor: Rate = Rate(0, share=True)) -> Curve:
    """Reflected exponential: high for long, then down to its floor just after the last update.

    rate(t) = floor + (lr - floor) * (1 - z) / (1 - z / 2), z = t / T

    Use: on short budgets; it stays above linear all the way.
    Avoid: when low rates at the end are to last.
    Keras: LearningRateScheduler, by hand
    PyTorch: LambdaLR(optimizer, lambda t: (1 - t / T) / (1 - t / T / 2)), for floor=0%
    Source: Chen et al. 2022, https://arxiv.org/abs/2107.04197.
    """
    low = below_peak("rex", "floor", floor, lr)

    def rate(t: Steps) -> Rates:
        z = t / horizon.steps
        return low + (lr - low) * (1 - z) / (1 - z / 2)

    return rate


@schedule("sigmoid")
def sigmoid(
    horizon: Horizon,
    *,
    lr: float,
    centre: Span = Span(50, "%"),
    gamma: float = 20.0,
    floor: Rate = Rate(0, share=True),
) -> Curve:
    """An S from lr down to almost its floor, half of the way at the centre.

    rate(t) = floor + (lr - floor) / (1 + exp(gamma * (t - centre) / T))
    gamma is the steepness per horizon: Caffe's and LRBench's gamma, which counts per step, is gamma / T.
    timm's tanh(-7, 3) is sigmoid(centre=70%, gamma=20).

    Use: for a soft step whose place is known.
    Avoid: when cosine would do: it has one number less.
    Keras: LearningRateScheduler, by hand
    PyTorch: LambdaLR(optimizer, lambda t: 1 / (1 + math.exp(gamma * (t - centre) / T))), for floor=0%
    Source: Caffe `sigmoid`; Wu et al. 2019 (LRBench), https://arxiv.org/abs/1908.06477.
    """
    middle = centre.steps(horizon)
    above_zero("sigmoid", "gamma", gamma)
    low = below_peak("sigmoid", "floor", floor, lr)

    def rate(t: Steps) -> Rates:
        # 1 / (1 + exp(x)) written so that no x overflows
        return low + 0.5 * (lr - low) * (1 - np.tanh(0.5 * gamma / horizon.steps * (t - middle)))

    return rate
