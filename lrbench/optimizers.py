"""Optimizers by name, with their own parameters: `sgd(momentum=0.9)`. The rate is never one of them."""

from dataclasses import dataclass
from typing import Any

from lrbench.calls import known, no_twins, parse_calls, read_plain
from lrbench.errors import BadSpec
from lrbench.schedules.base import text_of

# name: (class in keras.optimizers, {parameter: type}). What is not given stays at Keras's default.
_COMMON: dict[str, type] = {"weight_decay": float, "clipnorm": float, "clipvalue": float}
_ADAM: dict[str, type] = {"beta_1": float, "beta_2": float, "epsilon": float}
TABLE: dict[str, tuple[str, dict[str, type]]] = {
    "sgd": ("SGD", {"momentum": float, "nesterov": bool}),
    "adam": ("Adam", _ADAM | {"amsgrad": bool}),
    "adamw": ("AdamW", _ADAM | {"amsgrad": bool}),
    "nadam": ("Nadam", _ADAM),
    "adamax": ("Adamax", _ADAM),
    "rmsprop": ("RMSprop", {"rho": float, "momentum": float, "epsilon": float, "centered": bool}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": float, "epsilon": float}),
    "adadelta": ("Adadelta", {"rho": float, "epsilon": float}),
    "lion": ("Lion", {"beta_1": float, "beta_2": float}),
}


FRACTIONS = {"momentum", "beta_1", "beta_2", "rho"}  # 0 <= value < 1; all other numbers are not negative
CLIPS = {"clipnorm", "clipvalue"}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer's name and the parameters that were given. `str()` of it reads back as the same."""

    name: str
    given: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={text_of(value)}" for key, value in self.given)
        return f"{self.name}({inside})" if inside else self.name


def parse_optimizer(text: str) -> Optimizer:
    """Read `name` or `name(key=value, ...)`. Raises BadSpec."""
    calls = parse_calls(text)
    if len(calls) != 1 or calls[0].label:
        raise BadSpec(f"{text[:60]!r} is not one optimizer.", "Write, for example, sgd(momentum=0.9).")
    name = known(calls[0].name, TABLE, "optimizer")
    parameters = TABLE[name][1] | _COMMON
    no_twins(calls[0].pairs)
    given = []
    for key, value in calls[0].pairs:
        if key.text in ("lr", "learning_rate"):
            key.bad("The rate belongs to the schedule, not to the optimizer", "Use --lr.")
        known(key, parameters, f"parameter of {name}:")
        number = read_plain(parameters[key.text], key.text, value)
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
    return Optimizer(name, tuple(sorted(given)))


def build_optimizer(optimizer: Optimizer) -> Any:
    """Return the keras.optimizers.Optimizer. Raises BadSpec where Keras refuses a value."""
    import keras

    cls = getattr(keras.optimizers, TABLE[optimizer.name][0])
    try:
        return cls(**dict(optimizer.given))
    except (TypeError, ValueError) as error:
        raise BadSpec(f"Keras refuses {optimizer}: {error}", "Change the parameter.") from error
