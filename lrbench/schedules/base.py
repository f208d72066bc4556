"""The words of a schedule: horizon, span, rate, curve; and the registry of the curves' names.

A *curve* is a pure function from update steps to rates. A *factory* checks its parameters and returns the curve
for a given horizon. Steps count from 0; t = T, the horizon's steps, is just after the last update.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadSpec

Steps = NDArray[np.int64]
Rates = NDArray[np.float64]
Curve = Callable[[Steps], Rates]
PIECES = "pieces"  # the one parameter that a spec gives without its key
MOST_STEPS = 100_000_000  # a table of rates then takes 0.8 GB
ROUNDING = 1e-6  # of a step: what is this near to a whole one is that step
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a training is: `steps` updates in all. Turns spans into steps. Raises BadSpec if it is empty.

    >>> lrbench.Horizon(epochs=15, steps_per_epoch=1719).steps
    25785
    """

    epochs: int
    steps_per_epoch: int
    skipped: int = 0  # updates that a modifier has taken off the beginning
    others: int = 0  # updates that belong to the other pieces of a join
    stride: int = 1  # updates that share a rate: those of an epoch, with per=epoch

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.steps_per_epoch < 1:
            raise BadSpec(
                f"A horizon of {self.epochs} epochs of {self.steps_per_epoch} steps is empty.",
                "Train for at least one epoch of one step.",
            )
        if self.epochs * self.steps_per_epoch > MOST_STEPS:
            raise BadSpec(
                f"{self.epochs:,} epochs of {self.steps_per_epoch:,} steps are more than {MOST_STEPS:,} updates.",
                "Train for fewer epochs, or with larger batches.",
            )

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch - self.others - self.skipped

    @property
    def whole(self) -> "Horizon":
        """The horizon before any modifier took of it."""
        return replace(self, skipped=0)

    def after(self, steps: int) -> "Horizon":
        """Return what is left of the horizon after its first steps."""
        return replace(self, skipped=self.skipped + steps)

    def piece(self, steps: int) -> "Horizon":
        """Return a horizon of so many of these steps: a piece of it that counts for itself."""
        epochs = -(-steps // self.steps_per_epoch)
        others = epochs * self.steps_per_epoch - steps
        return Horizon(epochs, self.steps_per_epoch, others=others, stride=self.stride)


Unit = Literal["epochs", "steps", "%"]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of training with its unit: `20 epochs`, `1000 steps`, `10%` of the horizon."""

    value: float
    unit: Unit

    def steps(self, horizon: Horizon) -> float:
        """Return the length in steps, rounded once: 2.2 epochs of 100 steps are 220.

        A share of the horizon need not be a whole number of steps. What is within a millionth of a step of a whole
        number is that number, as a third of the horizon written with sixteen digits.
        """
        exact = Fraction(repr(float(self.value)))
        match self.unit:
            case "epochs":
                exact *= horizon.steps_per_epoch
            case "%":
                exact *= Fraction(horizon.steps, 100)
        nearest = round(exact)
        return float(nearest if nearest and abs(exact - nearest) <= ROUNDING else exact)

    def whole_epochs(self, horizon: Horizon) -> int:
        """Return the nearest whole number of epochs; 0 only for an empty span."""
        if self.value == 0:
            return 0
        return max(1, math.floor(self.steps(horizon) / horizon.steps_per_epoch + 0.5))

    def __str__(self) -> str:
        if self.unit == "%":
            return f"{number(self.value)}%"
        return f"{number(self.value)} {self.unit.removesuffix('s') if self.value == 1 else self.unit}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A learning rate as a parameter: absolute (`0.001`) or a share of the peak rate (`1%`)."""

    value: float
    share: bool = False

    def of(self, lr: float) -> float:
        """Return the rate, given the peak rate `lr`."""
        return self.value * lr / 100 if self.share else self.value

    def __str__(self) -> str:
        return f"{number(self.value)}%" if self.share else number(self.value)


@dataclass(frozen=True, slots=True)
class Part:
    """A schedule inside another, as text that names a peak rate only where it is not the other's."""

    text: str
    full: str  # the same with every default of its own written out, as it is stored
    warms_up: bool = False  # whether it climbs from one step up from 0

    def __str__(self) -> str:
        return self.text


def spans_passed(t: Steps, length: float) -> Rates:
    """Return how many whole spans have passed at each step; one that ends within rounding of it has."""
    return np.floor((t + ROUNDING) / length)


def number(value: float) -> str:
    """Write a number so that it reads back exactly, without a needless `.0`."""
    return repr(float(value)).removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a factory: its name, the type that its text is read as, and its default."""

    name: str
    type: Any
    default: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the registry. The factory takes a horizon and, by keyword, `lr` and the parameters."""

    name: str
    factory: Callable[..., Any]
    parameters: Mapping[str, Parameter]
    feedback: bool = False  # the factory returns a rule that looks at the training, not a curve
    modifiers: Mapping[str, Any] = field(default_factory=dict)  # those that it has by default, with their values
    later: tuple[str, ...] = ()  # parameters that came after runs were stored: identities omit their defaults


REGISTRY: dict[str, Entry] = {}


def schedule(
    name: str, *, feedback: bool = False, later: tuple[str, ...] = (), **modifiers: Any
) -> Callable[[Factory], Factory]:
    """Register a factory under `name`. Its keyword-only parameters become those of the spec.

    `modifiers` (warmup=..., hold=..., ...) are what the schedule has unless the spec says otherwise. `later` names
    the parameters that the schedule gained after runs of it were stored.
    """

    def register(factory: Factory) -> Factory:
        if name in REGISTRY:
            raise ValueError(f"two schedules are called {name!r}")
        parameters = {
            p.name: Parameter(p.name, p.annotation, p.default)
            for p in inspect.signature(factory).parameters.values()
            if p.kind is p.KEYWORD_ONLY and p.name != "lr"
        }
        REGISTRY[name] = Entry(name, factory, parameters, feedback, modifiers, later)
        return factory

    return register


def text_of(value: Any) -> str:
    """Write a parameter's value as a spec has it."""
    match value:
        case None | bool():
            return str(value).lower()
        case int() | float():
            return number(value)
        case tuple():
            return ";".join(text_of(item) for item in value)
        case _:
            return str(value)


def parameter_text(key: str, value: Any) -> str:
    """Write a parameter as a spec has it: `every=20%`; the pieces of a join without their key."""
    return "; ".join(map(str, value)) if key == PIECES else f"{key}={text_of(value)}"
