"""Optimizers by name, with their own parameters: `sgd(momentum=0.9)`. The rate is never one of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lrbench.calls import Call, Piece, known, no_twins, parse_calls, read_plain, read_whole
from lrbench.errors import BadSpec
from lrbench.schedules.base import Rates, text_of

# name: (class in keras.optimizers, {parameter: default}). The name is the class's in small letters, as in Keras's
# own `compile(optimizer="adamw")`. The defaults are Keras's, written out so that another version's do not change
# what is trained; None stands for nothing.
_EMA: dict[str, Any] = {"use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None}
_COMMON: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    **_EMA,
    "loss_scale_factor": None,
}
_ADAM: dict[str, Any] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
_ADAFACTOR: dict[str, Any] = {
    "beta_2_decay": -0.8,
    "epsilon_1": 1e-16,  # Keras has 1e-30, whose square is 0 in float32: inputs and units that are silent give nan
    "epsilon_2": 0.001,
    "clip_threshold": 1.0,
    "relative_step": False,  # Keras has true; see REFUSED
}
_FTRL: dict[str, Any] = {
    "learning_rate_power": -0.5,
    "initial_accumulator_value": 0.1,
    "l1_regularization_strength": 0.0,
    "l2_regularization_strength": 0.0,
    "l2_shrinkage_regularization_strength": 0.0,
    "beta": 0.0,
}
_MUON: dict[str, Any] = {  # on matrices, and AdamW's update with the parameters adam_… on all else
    "momentum": 0.95,
    "nesterov": True,
    "ns_steps": 5,
    "rms_rate": 0.2,
    "muon_a": 3.4445,
    "muon_b": -4.775,
    "muon_c": 2.0315,
    "adam_beta_1": 0.9,
    "adam_beta_2": 0.999,
    "adam_weight_decay": 0.004,
    "adam_lr_ratio": 1.0,
    "epsilon": 1e-7,
    "exclude_embeddings": True,
}
TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"momentum": 0.0, "nesterov": False} | _COMMON),
    "adam": ("Adam", _ADAM | {"amsgrad": False} | _COMMON),
    "adamw": ("AdamW", _ADAM | {"amsgrad": False} | _COMMON | {"weight_decay": 0.004}),
    "nadam": ("Nadam", _ADAM | _COMMON),
    "adamax": ("Adamax", _ADAM | _COMMON),
    "rmsprop": ("RMSprop", {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False} | _COMMON),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.1, "epsilon": 1e-7} | _COMMON),
    "adadelta": ("Adadelta", {"rho": 0.95, "epsilon": 1e-7} | _COMMON),
    "adafactor": ("Adafactor", _ADAFACTOR | _COMMON),
    "lamb": ("Lamb", _ADAM | _COMMON),
    "lion": ("Lion", {"beta_1": 0.9, "beta_2": 0.99} | _COMMON),
    "ftrl": ("Ftrl", _FTRL | _COMMON),
    "muon": ("Muon", _MUON | _COMMON | {"weight_decay": 0.004}),
    "schedulefreeadamw": ("ScheduleFreeAdamW", _ADAM | {"epsilon": 1e-8} | _COMMON),
}
# Parameters that came when runs were stored already: they are part of a run only where they are given, and
# those of averages only where there are averages.
LATER = {"global_clipnorm", "loss_scale_factor", *_EMA}
# What Keras's optimizers take and lrbench does not: why, and what to write instead.
REFUSED: dict[str, tuple[str, str]] = {
    "lr": ("The rate belongs to the schedule, not to the optimizer", "Leave it out there."),
    "learning_rate": ("The rate belongs to the schedule, not to the optimizer", "Leave it out there."),
    "decay": (
        "The decay of the rate belongs to the schedule",
        "Leave it out, and choose inverse_time, for example.",
    ),
    "warmup_steps": (
        "The warm-up belongs to the schedule",
        "Leave it out, and write cosine(warmup=5%), for example.",
    ),
    "gradient_accumulation_steps": (
        "gradient_accumulation_steps is not supported: a schedule's rates and steps count updates, one per batch",
        "Multiply batch_size by it instead: an update then takes the mean gradient of as many examples.",
    ),
    "relative_step": (
        "relative_step changes nothing: Keras caps the rate of update t at 1 / √t with it and without it",
        "Leave it out.",
    ),
    "exclude_layers": ("exclude_layers is not supported: names of layers differ between models", "Leave it out."),
    "name": ("An optimizer's name changes nothing", "Leave it out."),
}

# The peak rate where nobody names one: Keras's own default, unless a line says why it is another.
DEFAULT_RATES: dict[str, float] = {
    "sgd": 0.1,  # Keras: 0.01, with which plain SGD on MNIST is far from its end after 15 epochs
    "adam": 0.001,
    "adamw": 0.001,
    "nadam": 0.001,
    "adamax": 0.001,
    "rmsprop": 0.001,
    "adagrad": 0.01,  # Keras: 0.001; PyTorch's, for its steps can only shrink
    "adadelta": 1.0,  # Keras: 0.001, and "1.0 to match the exact form in the original paper"
    "adafactor": 0.005,  # Keras: 0.001; half of Shazeer & Stern's 0.01, below their 1 / √t for 40,000 updates
    "lamb": 0.001,
    "lion": 0.0001,  # Keras: 0.001; "3-10x smaller than for AdamW", Chen et al. 2023
    "ftrl": 0.1,  # Keras: 0.001, with which MNIST stays at chance
    "muon": 0.001,
    "schedulefreeadamw": 0.0025,
}
ADDS_UP = {"sgd", "rmsprop"}  # with momentum m a step lasts for 1 / (1 - m) of them

FRACTIONS = {"momentum", "beta_1", "beta_2", "rho", "adam_beta_1", "adam_beta_2", "ema_momentum"}  # 0 <= value < 1
EXPONENTS = {"beta_2_decay", "learning_rate_power"}  # value <= 0
COEFFICIENTS = {"muon_a", "muon_b", "muon_c"}  # any; all other numbers are not negative
WHOLE = {"ns_steps", "ema_overwrite_frequency"}
CLIPS = {"clipnorm", "clipvalue", "global_clipnorm"}
ZERO: dict[str, str] = {  # what 0 would do, where it is no value
    **dict.fromkeys([*CLIPS, "clip_threshold"], "clip every gradient to nothing"),
    "ema_overwrite_frequency": "never overwrite the weights",
    "loss_scale_factor": "leave no gradient",
}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer's name and the parameters that are not its defaults. `str()` of it reads back as the same."""

    name: str
    given: tuple[tuple[str, Any], ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter with its value."""
        return TABLE[self.name][1] | dict(self.given)

    def resolved(self) -> dict[str, Any]:
        """Return every parameter with its value, for hashes and records; a later one only where it is given."""
        given = dict(self.given)
        stored = given.keys() | (_EMA.keys() if "use_ema" in given else set())
        parameters = {key: value for key, value in self.parameters.items() if key not in LATER or key in stored}
        return {"name": self.name, "parameters": parameters}

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={text_of(value)}" for key, value in self.given)
        return f"{self.name}({inside})" if inside else self.name


@dataclass(frozen=True, slots=True)
class PeakRate:
    """The peak rate of all schedules that name none."""

    value: float
    default_of: str = ""  # whose default it is, `adam`; empty where it was asked for

    def __str__(self) -> str:
        return f"{self.value:g}" + (f", the default of {self.default_of}" if self.default_of else "")


def parse_optimizer(text: str) -> Optimizer:
    """Read `name` or `name(key=value, ...)`. Raises BadSpec."""
    calls = parse_calls(text)
    if len(calls) != 1:
        raise BadSpec(f"{text[:60]!r} is not one optimizer.", "Write, for example, sgd(momentum=0.9).")
    return _optimizer(calls[0])


def parse_optimizers(text: str) -> tuple[Optimizer, ...]:
    """Read optimizers separated by commas. Raises BadSpec, also for one that stands twice."""
    found: list[Optimizer] = []
    for call in parse_calls(text):
        optimizer = _optimizer(call)
        if optimizer in found:
            call.whole.bad(f"{optimizer} stands twice", "Keep one of them.")
        found.append(optimizer)
    return tuple(found)


def peak_rate(asked: float | None, optimizer: str) -> PeakRate:
    """Return the rate that was asked for, or else the optimizer's default. Raises BadSpec.

    Where momentum m adds up steps, the default is (1 - m) of that without: sgd has 0.1, sgd(momentum=0.9) 0.01.
    """
    if asked is not None:
        return PeakRate(asked)
    parsed = parse_optimizer(optimizer)
    rate = DEFAULT_RATES[parsed.name]
    if parsed.name in ADDS_UP:
        rate = float(f"{rate * (1 - parsed.parameters['momentum']):.2g}")
    return PeakRate(rate, default_of=str(parsed))


def odd_rates(optimizer: str, name: str, rates: Rates) -> Iterator[str]:
    """Say where an optimizer does not do what a schedule called `name` asks. rates: float64 (steps,)."""
    kind = parse_optimizer(optimizer).name
    if kind == "adafactor":
        beyond = np.flatnonzero(rates * np.sqrt(np.arange(1, rates.size + 1)) > 1)
        if beyond.size:
            yield (
                f"{name} asks for more than adafactor gives: Keras holds the rate of its update t below 1 / √t, "
                f"from update {int(beyond[0]) + 1:,} on; choose a lower peak rate."
            )
    elif kind == "ftrl" and not rates.all():
        yield (
            f"{name} is 0 at update {int(np.argmin(rates)) + 1:,}, and ftrl divides by the rate, so "
            "the run diverges; keep the rate above 0."
        )


def _optimizer(call: Call) -> Optimizer:
    if call.label:
        call.label.bad("An optimizer has no label", "Write, for example, sgd(momentum=0.9).")
    name = known(replace(call.name, text=call.name.text.lower()), TABLE, "optimizer")  # or Keras's class: Adam
    parameters = TABLE[name][1]
    no_twins(call.pairs)
    given = []
    for key, value in call.pairs:
        if key.text in REFUSED:
            key.bad(*REFUSED[key.text])
        known(key, parameters, f"parameter of {name}:")
        given.append((key.text, _read(key.text, parameters[key.text], value)))
    clips = [key for key, _ in given if key in CLIPS]
    if len(clips) > 1:
        raise BadSpec(f"{call.whole.text[:60]} clips twice.", f"Keep {' or '.join(clips)}.")
    for parameter, number in given:
        if parameter in _EMA.keys() - {"use_ema"} and not dict(given).get("use_ema"):
            words = f"{parameter}={text_of(number)}"
            raise BadSpec(
                f"{words} has no effect without use_ema=true.",
                f"Write {name}(use_ema=true, {words}), or leave it out.",
            )
    return Optimizer(name, tuple(sorted(pair for pair in given if pair[1] != parameters[pair[0]])))


def _read(key: str, default: Any, value: Piece) -> Any:
    """Read a parameter's value, of its default's type and within its range."""
    if isinstance(default, bool):
        return read_plain(bool, key, value)
    number = read_whole(key, value) if key in WHOLE else read_plain(float, key, value)
    if key in FRACTIONS and not 0 <= number < 1:
        value.bad(f"{key}={value.text} does not lie in 0 <= {key} < 1", f"Write {key}=0.9.")
    if key in EXPONENTS and number > 0:
        value.bad(f"{key}={value.text} is above 0", f"Write {key}=-{value.text.lstrip('+')}.")
    if key not in FRACTIONS | EXPONENTS | COEFFICIENTS and number < 0:
        value.bad(f"{key}={value.text} is negative", f"Write {key}={value.text.lstrip('-')}.")
    if key in ZERO and number == 0:
        value.bad(f"{key}=0 would {ZERO[key]}", f"Write {key}=1, or leave it out.")
    return number
