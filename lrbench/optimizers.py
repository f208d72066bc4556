"""Optimizers by name, with their own parameters: `sgd(momentum=0.9)`. The rate is never one of them."""

from dataclasses import dataclass
from typing import Any

from lrbench.calls import known, no_twins, parse_calls, read_plain
from lrbench.errors import BadSpec
from lrbench.schedules.base import text_of

# name: (class in keras.optimizers, {parameter: default}). The defaults are Keras's, written out so that another
# version's do not change what is trained; None stands for nothing.
_COMMON: dict[str, Any] = {"weight_decay": None, "clipnorm": None, "clipvalue": None}
_ADAM: dict[str, Any] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
TABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"momentum": 0.0, "nesterov": False} | _COMMON),
    "adam": ("Adam", _ADAM | {"amsgrad": False} | _COMMON),
    "adamw": ("AdamW", _ADAM | {"amsgrad": False} | _COMMON | {"weight_decay": 0.004}),
    "nadam": ("Nadam", _ADAM | _COMMON),
    "adamax": ("Adamax", _ADAM | _COMMON),
    "rmsprop": ("RMSprop", {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False} | _COMMON),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.1, "epsilon": 1e-7} | _COMMON),
    "adadelta": ("Adadelta", {"rho": 0.95, "epsilon": 1e-7} | _COMMON),
    "lion": ("Lion", {"beta_1": 0.9, "beta_2": 0.99} | _COMMON),
}


FRACTIONS = {"momentum", "beta_1", "beta_2", "rho"}  # 0 <= value < 1; all other numbers are not negative
CLIPS = {"clipnorm", "clipvalue"}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer's name and the parameters that are not its defaults. `str()` of it reads back as the same."""

    name: str
    given: tuple[tuple[str, Any], ...] = ()

    def resolved(self) -> dict[str, Any]:
        """Return every parameter with its value, for hashes and records."""
        return {"name": self.name, "parameters": TABLE[self.name][1] | dict(self.given)}

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={text_of(value)}" for key, value in self.given)
        return f"{self.name}({inside})" if inside else self.name


def parse_optimizer(text: str) -> Optimizer:
    """Read `name` or `name(key=value, ...)`. Raises BadSpec."""
    calls = parse_calls(text)
    if len(calls) != 1 or calls[0].label:
        raise BadSpec(f"{text[:60]!r} is not one optimizer.", "Write, for example, sgd(momentum=0.9).")
    name = known(calls[0].name, TABLE, "optimizer")
    parameters = TABLE[name][1]
    no_twins(calls[0].pairs)
    given = []
    for key, value in calls[0].pairs:
        if key.text in ("lr", "learning_rate"):
            key.bad("The rate belongs to the schedule, not to the optimizer", "Leave it out there.")
        known(key, parameters, f"parameter of {name}:")
        number = read_plain(bool if isinstance(parameters[key.text], bool) else float, key.text, value)
        if key.text in FRACTIONS and not 0 <= number < 1:
            value.bad(f"{key.text}={value.text} does not lie in 0 <= {key.text} < 1", f"Write {key.text}=0.9.")
        if key.text not in FRACTIONS and number < 0:
            value.bad(f"{key.text}={value.text} is negative", f"Write {key.text}={value.text.lstrip('-')}.")
        if key.text in CLIPS and number == 0:
            value.bad(
                f"{key.text}=0 would clip every gradient to nothing", f"Write {key.text}=1, or leave it out."
            )
        given.append((key.text, number))
    if len(CLIPS & {key for key, _ in given}) > 1:
        raise BadSpec(f"{text[:60]} clips twice.", "Keep clipnorm or clipvalue.")
    return Optimizer(name, tuple(sorted(pair for pair in given if pair[1] != parameters[pair[0]])))


def build_optimizer(optimizer: Optimizer) -> Any:
    """Return the keras.optimizers.Optimizer. Raises BadSpec where Keras refuses a value."""
    import keras

    cls = getattr(keras.optimizers, TABLE[optimizer.name][0])
    try:
        return cls(**optimizer.resolved()["parameters"])
    except (TypeError, ValueError) as error:
        raise BadSpec(f"Keras refuses {optimizer}: {error}", "Change the parameter.") from error
