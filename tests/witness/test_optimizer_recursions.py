"""Keras's optimizers against recursions in numpy, written from papers and documentation and not from Keras's code.

`Model.fit` shares the faults of Keras's optimizers; these do not. Each says where Keras differs from the paper.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lrbench.backend import optimizers as backend
from lrbench.backend.optimizers import build_optimizer, check_optimizer, schedule_free
from lrbench.errors import BadSpec
from lrbench.optimizers import TABLE, Optimizer, parse_optimizer

pytestmark = pytest.mark.tensorflow

Array = NDArray[np.float64]
State = dict[str, Array]
# weights, gradient, state, rate, update from 1, parameters -> new weights
Recursion = Callable[[Array, Array, State, float, int, dict[str, Any]], Array]

RNG = np.random.default_rng(5)
WEIGHTS = [RNG.normal(size=(3, 2)), RNG.normal(size=2)]
GRADIENTS = [[RNG.normal(size=(3, 2)), RNG.normal(size=2)] for _ in range(6)]
RATES = [0.02, 0.05, 0.05, 0.01, 0.03, 0.04]


def mean_of(state: State, name: str, beta: float, new: Array) -> Array:
    """The exponential moving average, from 0."""
    state[name] = beta * state.get(name, np.zeros_like(new)) + (1 - beta) * new
    return state[name]


def sgd(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Sutskever et al. 2013: v = μ v - ε g; Nesterov's looks ahead along it."""
    v = s["v"] = p["momentum"] * s.get("v", np.zeros_like(w)) - rate * g
    return w + (p["momentum"] * v - rate * g if p["nesterov"] else v)


def adam(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Kingma & Ba 2014, in the form before section 2.1, where ε is ε-hat; amsgrad without its bias correction."""
    m, v = mean_of(s, "m", p["beta_1"], g), mean_of(s, "v", p["beta_2"], g**2)
    if p["amsgrad"]:
        v = s["most"] = np.maximum(s.get("most", v), v)
    rate *= np.sqrt(1 - p["beta_2"] ** t) / (1 - p["beta_1"] ** t)
    return w - rate * m / (np.sqrt(v) + p["epsilon"])


def nadam(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Dozat 2016: μ_t = β1 (1 - 0.96^t / 2). The paper has 0.96^(t / 250), Keras does without the 250."""

    def mu(i: int) -> float:
        return float(p["beta_1"] * (1 - 0.5 * 0.96**i))

    before, now = np.prod([mu(i) for i in range(1, t + 1)]), np.prod([mu(i) for i in range(1, t + 2)])
    m, v = mean_of(s, "m", p["beta_1"], g), mean_of(s, "v", p["beta_2"], g**2)
    ahead = mu(t + 1) * m / (1 - now) + (1 - mu(t)) * g / (1 - before)
    return w - rate * ahead / (np.sqrt(v / (1 - p["beta_2"] ** t)) + p["epsilon"])


def adamax(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Kingma & Ba 2014, algorithm 2, with ε behind the largest norm."""
    m = mean_of(s, "m", p["beta_1"], g)
    u = s["u"] = np.maximum(p["beta_2"] * s.get("u", np.zeros_like(w)), abs(g))
    return w - rate / (1 - p["beta_1"] ** t) * m / (u + p["epsilon"])


def rmsprop(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Hinton's lecture 6e; centered as in Graves 2013; ε under the root."""
    v = mean_of(s, "v", p["rho"], g**2)
    if p["centered"]:
        v = v - mean_of(s, "m", p["rho"], g) ** 2
    step = rate * g / np.sqrt(v + p["epsilon"])
    step = s["step"] = p["momentum"] * s.get("step", np.zeros_like(w)) + step
    return w - step


def adagrad(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Duchi et al. 2011; ε under the root."""
    n = s["n"] = s.get("n", np.full_like(w, p["initial_accumulator_value"])) + g**2
    return w - rate * g / np.sqrt(n + p["epsilon"])


def adadelta(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Zeiler 2012, algorithm 1, whose step is multiplied by the rate."""
    n = mean_of(s, "n", p["rho"], g**2)
    step = -np.sqrt(s.get("d", np.zeros_like(w)) + p["epsilon"]) / np.sqrt(n + p["epsilon"]) * g
    mean_of(s, "d", p["rho"], step**2)
    return w + rate * step


def adafactor(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Shazeer & Stern 2018, algorithms 4 and 5; Keras caps the rate at the paper's 1 / √t."""
    beta = 1 - t ** p["beta_2_decay"]
    squares = g**2 + p["epsilon_1"]
    if g.ndim == 2:
        rows = mean_of(s, "r", beta, squares.sum(axis=1))
        columns = mean_of(s, "c", beta, squares.sum(axis=0))
        v = np.outer(rows, columns) / rows.sum()
    else:
        v = mean_of(s, "v", beta, squares)
    u = g / np.sqrt(v)
    u /= max(1, np.sqrt(np.mean(u**2)) / p["clip_threshold"])
    return w - min(rate, t**-0.5) * max(p["epsilon_2"], np.sqrt(np.mean(w**2))) * u


def lamb(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """You et al. 2019, algorithm 2; Keras has its weight decay before the update and not within the ratio."""
    m = mean_of(s, "m", p["beta_1"], g) / (1 - p["beta_1"] ** t)
    v = mean_of(s, "v", p["beta_2"], g**2) / (1 - p["beta_2"] ** t)
    step = m / (np.sqrt(v) + p["epsilon"])
    return w - rate * np.linalg.norm(w) / np.linalg.norm(step) * step


def lion(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Chen et al. 2023, algorithm 2."""
    step = np.sign(p["beta_1"] * s.get("m", np.zeros_like(w)) + (1 - p["beta_1"]) * g)
    mean_of(s, "m", p["beta_2"], g)
    return w - rate * step


def ftrl(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """McMahan et al. 2013, algorithm 1, with TensorFlow's power, its 2 λ2 and its shrinkage."""
    power, n = -p["learning_rate_power"], s.get("n", np.full_like(w, p["initial_accumulator_value"]))
    s["n"] = n + g**2
    shrunk = g + 2 * p["l2_shrinkage_regularization_strength"] * w
    z = s["z"] = s.get("z", np.zeros_like(w)) + shrunk - (s["n"] ** power - n**power) / rate * w
    l1, l2 = p["l1_regularization_strength"], p["l2_regularization_strength"]
    steep = (p["beta"] + s["n"] ** power) / rate + 2 * l2
    return np.where(abs(z) <= l1, 0, (np.sign(z) * l1 - z) / steep)


def muon(w: Array, g: Array, s: State, rate: float, t: int, p: dict[str, Any]) -> Array:
    """Jordan et al. 2024, scaled as in Liu et al. 2025 (0.2 √max(n, m)); AdamW on what is no matrix."""
    if w.ndim != 2:
        own = {"beta_1": p["adam_beta_1"], "beta_2": p["adam_beta_2"], "amsgrad": False, "epsilon": p["epsilon"]}
        return adam(w, g, s, rate * p["adam_lr_ratio"], t, own)
    m = s["m"] = p["momentum"] * s.get("m", np.zeros_like(w)) + g
    x = g + p["momentum"] * m if p["nesterov"] else m
    x = x / np.linalg.norm(x)
    for _ in range(p["ns_steps"]):
        a = x @ x.T
        x = p["muon_a"] * x + (p["muon_b"] * a + p["muon_c"] * a @ a) @ x
    return w - rate * p["rms_rate"] * np.sqrt(max(w.shape)) * x


RECURSIONS: dict[str, Recursion] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "nadam": nadam,
    "adamax": adamax,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "adafactor": adafactor,
    "lamb": lamb,
    "lion": lion,
    "ftrl": ftrl,
    "muon": muon,
}
VARIANTS = [
    "sgd(momentum=0.9)",
    "sgd(momentum=0.9, nesterov=true)",
    "sgd(weight_decay=0.5, clipnorm=0.3)",
    "sgd(use_ema=true, ema_momentum=0.5)",
    "sgd(use_ema=true, ema_momentum=0.5, ema_overwrite_frequency=2)",
    "sgd(loss_scale_factor=64, clipvalue=0.2)",
    "adam(beta_1=0.5, beta_2=0.9, epsilon=0.1)",
    "adam(amsgrad=true, beta_2=0.5)",
    "adamw(weight_decay=0.3, global_clipnorm=0.5, use_ema=true)",
    "nadam(beta_1=0.6, beta_2=0.8, epsilon=0.01)",
    "adamax(beta_1=0.6, beta_2=0.8, epsilon=0.01)",
    "rmsprop(rho=0.6, momentum=0.5, epsilon=0.01)",
    "rmsprop(centered=true, epsilon=0.1)",
    "adagrad(initial_accumulator_value=0.3, epsilon=0.1)",
    "adadelta(rho=0.6, epsilon=0.01)",
    "adafactor(beta_2_decay=-0.5, epsilon_1=0.01, epsilon_2=2, clip_threshold=0.5)",
    "lamb(beta_1=0.6, beta_2=0.8, epsilon=0.1)",
    "lion(beta_1=0.6, beta_2=0.8)",
    "ftrl(l1_regularization_strength=0.5, l2_regularization_strength=0.2, beta=0.3)",
    "ftrl(learning_rate_power=-0.8, l2_shrinkage_regularization_strength=0.2, initial_accumulator_value=0.3)",
    "muon(momentum=0.5, nesterov=false, ns_steps=3, rms_rate=0.5, muon_a=3, muon_b=-4, muon_c=2)",
    "muon(adam_beta_1=0.6, adam_beta_2=0.8, adam_lr_ratio=0.5, epsilon=0.01)",
    "muon(adam_weight_decay=0.3, weight_decay=0.4)",
]


def clipped(gradients: Sequence[Array], p: dict[str, Any]) -> list[Array]:
    """Each by its own norm, all by their common one, or number by number."""
    if p["clipnorm"] is not None:
        return [g * min(1, p["clipnorm"] / np.linalg.norm(g)) for g in gradients]
    if p["global_clipnorm"] is not None:
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
        return [g * min(1, p["global_clipnorm"] / norm) for g in gradients]
    if p["clipvalue"] is not None:
        return [np.clip(g, -p["clipvalue"], p["clipvalue"]) for g in gradients]
    return list(gradients)


def by_hand(optimizer: Optimizer) -> Iterator[tuple[list[Array], list[Array]]]:
    """Yield the weights after each update, and their averages.

    Weight decay is Loshchilov & Hutter's (w -= rate * decay * w, before the update); the average is
    ema = m * ema + (1 - m) * w from the first update's weights on, and every so many updates it takes their place.
    """
    p, step = optimizer.parameters, RECURSIONS[optimizer.name]
    weights, states = [w.copy() for w in WEIGHTS], [{}, {}]
    averages: list[Array] = []
    for t, (gradients, rate) in enumerate(zip(GRADIENTS, RATES, strict=True), start=1):
        for i, g in enumerate(clipped(gradients, p)):
            decay = p["adam_weight_decay" if optimizer.name == "muon" and g.ndim != 2 else "weight_decay"] or 0
            weights[i] = step(weights[i] * (1 - rate * decay), g, states[i], rate, t, p)
        m = p["ema_momentum"]
        averages = [m * a + (1 - m) * w for a, w in zip(averages or weights, weights, strict=True)]
        if p["use_ema"] and p["ema_overwrite_frequency"] and t % p["ema_overwrite_frequency"] == 0:
            weights = list(averages)
        yield list(weights), averages


def by_keras(built: Any) -> Iterator[tuple[list[Array], list[Array]]]:
    """As `by_hand`; the averages are those that Keras would put in place at the end."""
    import keras

    variables = [keras.Variable(w, dtype="float32") for w in WEIGHTS]
    built.build(variables)
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        built.learning_rate = rate
        scaled = [built.scale_loss(keras.ops.convert_to_tensor(g, dtype="float32")) for g in gradients]
        built.apply(scaled, variables)
        averages = getattr(built, "_model_variables_moving_average", [])
        yield [variable.numpy() for variable in variables], [average.numpy() for average in averages]


def test_every_optimizer_has_a_recursion_and_every_parameter_a_variant() -> None:
    assert set(RECURSIONS) | {"schedulefreeadamw"} == set(TABLE)
    given = {(optimizer.name, key) for optimizer in map(parse_optimizer, VARIANTS) for key, _ in optimizer.given}
    common = set.intersection(*(set(parameters) for _, parameters in TABLE.values()))
    own = {(name, key) for name, (_, parameters) in TABLE.items() for key in parameters if key not in common}
    left = {("adamw", key) for key in ("beta_1", "beta_2", "epsilon", "amsgrad")}  # adam's
    left |= {("schedulefreeadamw", key) for key in ("beta_1", "beta_2", "epsilon")}
    assert own - given - left == {("adafactor", "relative_step"), ("muon", "exclude_embeddings")}
    assert common <= {key for _, key in given}


@pytest.mark.parametrize("spec", [*RECURSIONS, *VARIANTS])
def test_keras_s_updates_are_those_of_papers_and_documentation(spec: str) -> None:
    optimizer = parse_optimizer(spec)
    for (ours, averages), (theirs, kept) in zip(
        by_hand(optimizer), by_keras(build_optimizer(optimizer)), strict=True
    ):
        for one, two in zip(ours, theirs, strict=True):
            assert two == pytest.approx(one, rel=1e-4, abs=1e-5)
        assert bool(kept) == optimizer.parameters["use_ema"]
        for one, two in zip(averages if kept else [], kept, strict=True):
            assert two == pytest.approx(one, rel=1e-4, abs=1e-5)


def test_relative_step_has_no_effect_in_keras_and_is_refused_for_that() -> None:
    found = [
        [*by_keras(build_optimizer(Optimizer("adafactor", (("relative_step", on),))))] for on in (True, False)
    ]
    for (on, _), (off, _) in zip(*found, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(on, off, strict=True))


@pytest.fixture
def mended() -> Any:
    """Keras's class, with the value of `momentum` that was there before the update where it asks for it."""
    import keras
    import tensorflow as tf

    class Mended(keras.optimizers.ScheduleFreeAdamW):  # type: ignore[misc]
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            at = self._get_variable_index(variable)
            momentum = self._momentums[at]
            before, weight = tf.identity(momentum.value), tf.identity(variable)
            super().update_step(gradient, variable, learning_rate)
            share, beta_1 = 1 / tf.cast(self.iterations + 1, tf.float32), self.beta_1
            x = (weight - (1 - beta_1) * before) / beta_1
            x += share * (momentum.value - x)
            variable.assign((1 - beta_1) * momentum.value + beta_1 * x)

    return Mended


@pytest.mark.parametrize(("beta_1", "right"), [(0.5, -0.010362), (0.9, -0.072720)])
def test_the_paper_s_recursion_of_schedule_free(beta_1: float, right: float, mended: Any) -> None:
    import keras

    assert schedule_free(beta_1, 50) == pytest.approx(right, abs=1e-6)
    y = keras.Variable(1.0, dtype="float32")
    optimizer = mended(learning_rate=0.1, beta_1=beta_1)
    for _ in range(50):
        optimizer.apply([keras.ops.copy(y)], [y])
    assert float(y.numpy()) == pytest.approx(right, abs=1e-5)


def test_schedule_free_is_refused_exactly_where_keras_has_it_wrong(
    mended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    optimizer = parse_optimizer("schedulefreeadamw(beta_1=0.7)")
    found = backend._schedule_free(keras.optimizers.ScheduleFreeAdamW)
    if abs(found - schedule_free(0.5, backend.STEPS)) > 1e-4:
        for ask in (check_optimizer, build_optimizer):
            with pytest.raises(BadSpec, match=r"is not Schedule-Free: 3 updates on y²/2 lead from 1 to 0\.8060"):
                ask(optimizer)
    else:
        build_optimizer(optimizer)
    monkeypatch.setattr(keras.optimizers, "ScheduleFreeAdamW", mended)
    check_optimizer(optimizer)
    assert build_optimizer(optimizer).beta_1 == 0.7
