"""The words of a schedule: horizon, span, rate, curve, schedule; and the registry of their names.

A *curve* is a pure function from update steps to rates. A *factory* in `curves.py` checks its parameters and
returns one for a given horizon. A *schedule* is a factory's name with its parameters, not yet bound to a
horizon, so that the same schedule serves a short and a long run. Steps count from 0, epochs from 1.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadSpec

if TYPE_CHECKING:
    from lrbench.schedules.feedback import Plateau

Steps = NDArray[np.int64]
Rates = NDArray[np.float64]
Curve = Callable[[Steps], Rates]
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long a training is: `steps` updates in all. Turns spans into steps."""

    epochs: int
    steps_per_epoch: int

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.steps_per_epoch < 1:
            raise BadSpec(
                f"A horizon of {self.epochs} epochs of {self.steps_per_epoch} steps is empty.",
                "Train for at least one epoch of one step.",
            )

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch


Unit = Literal["epochs", "steps", "%"]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of training with its unit: `20 epochs`, `1000 steps`, `10%` of the horizon."""

    value: float
    unit: Unit

    def steps(self, horizon: Horizon) -> float:
        """Return the length in steps; a share of the horizon need not be a whole number of them."""
        match self.unit:
            case "epochs":
                return self.value * horizon.steps_per_epoch
            case "steps":
                return self.value
            case "%":
                return self.value * horizon.steps / 100

    def whole_epochs(self, horizon: Horizon) -> int:
        """Return the nearest whole number of epochs; 0 only for an empty span."""
        if self.value == 0:
            return 0
        return max(1, round(self.steps(horizon) / horizon.steps_per_epoch))

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
    feedback: bool  # the factory returns a rule that looks at the training, not a curve


REGISTRY: dict[str, Entry] = {}


def schedule(name: str, *, feedback: bool = False) -> Callable[[Factory], Factory]:
    """Register a factory under `name`. Its keyword-only parameters become those of the spec."""

    def register(factory: Factory) -> Factory:
        if name in REGISTRY:
            raise ValueError(f"two schedules are called {name!r}")
        parameters = {
            p.name: Parameter(p.name, p.annotation, p.default)
            for p in inspect.signature(factory).parameters.values()
            if p.kind is p.KEYWORD_ONLY and p.name != "lr"
        }
        REGISTRY[name] = Entry(name, factory, parameters, feedback)
        return factory

    return register


def check(holds: bool, problem: str, hint: str) -> None:
    """Raise BadSpec unless a factory's parameters hold what they must."""
    if not holds:
        raise BadSpec(problem, hint)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A named curve with its parameters and its peak rate, not yet bound to a horizon.

    `str(schedule)` is a spec that parses back to an equal schedule.
    """

    label: str
    name: str
    lr: float  # the peak rate
    given: tuple[tuple[str, Any], ...] = ()  # what the spec says beyond the defaults, in the factory's order

    @property
    def entry(self) -> Entry:
        return REGISTRY[self.name]

    def curve(self, horizon: Horizon) -> Curve:
        """Return the pure function from steps to rates. Raises BadSpec if the parameters do not fit."""
        made = self._made(horizon)
        return _constant(self.lr) if self.entry.feedback else made

    def feedback(self, horizon: Horizon) -> "Plateau | None":
        """Return the rule that scales the rates between epochs, or None for an open-loop schedule."""
        return self._made(horizon) if self.entry.feedback else None

    def table(self, horizon: Horizon) -> Rates:
        """Return the rate of every update: float64 (steps,). A feedback rule scales it as training goes."""
        return rates(self, horizon)

    def resolved(self) -> dict[str, Any]:
        """Return the schedule with every default written out, for hashes and records."""
        given = dict(self.given)
        parameters = {p.name: text_of(given.get(p.name, p.default)) for p in self.entry.parameters.values()}
        return {"name": self.name, "lr": self.lr, "parameters": parameters}

    @property
    def spec(self) -> str:
        """The spec without its label: `step(every=5 epochs)`."""
        inside = ", ".join(f"{key}={text_of(value)}" for key, value in self.given)
        return f"{self.name}({inside})" if inside else self.name

    def __str__(self) -> str:
        return self.spec if self.label == self.spec else f"{self.label}={self.spec}"

    def _made(self, horizon: Horizon) -> Any:
        given = {key: value for key, value in self.given if key != "lr"}
        return self.entry.factory(horizon, lr=self.lr, **given)


def _constant(lr: float) -> Curve:
    return lambda t: np.full(t.shape, lr)


def rates(schedule: Schedule, horizon: Horizon) -> Rates:
    """Return a schedule's rate at every update: float64 (horizon.steps,).

    Raises BadSpec if the parameters do not fit the horizon or a rate is negative or not finite.
    """
    table = schedule.curve(horizon)(np.arange(horizon.steps))
    bad = np.flatnonzero(~(np.isfinite(table) & (table >= 0)))
    check(
        not bad.size,
        f"{schedule.label} gives the rate {table[bad[0]]} at step {bad[0]}." if bad.size else "",
        "Rates must be finite and not negative; change its parameters.",
    )
    return table


def text_of(value: Any) -> str:
    """Write a parameter's value as a spec has it."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return number(value)
        case tuple():
            return ";".join(text_of(item) for item in value)
        case _:
            return str(value)
