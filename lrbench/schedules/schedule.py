"""A schedule: a curve's name with its parameters and its peak rate, not yet bound to a horizon."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbench.schedules import functions
from lrbench.schedules.base import PIECES, REGISTRY, Curve, Entry, Horizon, Rates, parameter_text, text_of
from lrbench.schedules.checks import check
from lrbench.schedules.modifiers import modified, modifiers_of, parameters_of

if TYPE_CHECKING:
    from lrbench.schedules.feedback import Plateau


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a spec says. `str(schedule)` parses back to an equal schedule, whatever the command's peak rate is.

    The same schedule serves a short and a long training: a horizon turns its spans into steps.
    """

    name: str
    lr: float  # the peak rate, whether the spec or the command named it
    given: tuple[tuple[str, Any], ...] = ()  # what the spec says beyond the defaults and the peak rate
    title: str = ""  # the label that the user gave it, if any

    @property
    def named(self) -> bool:
        """Whether the user gave it a label."""
        return bool(self.title)

    @property
    def label(self) -> str:
        """The user's label, else its words."""
        return self.title or self.words

    @property
    def words(self) -> str:
        """The spec without label and peak rate: `step(every=5 epochs)`."""
        return self._call(self._inside())

    @property
    def spec(self) -> str:
        """The spec without label, with the peak rate: `step(lr=0.1, every=5 epochs)`."""
        return self._call([f"lr={text_of(self.lr)}", *self._inside()])

    def __str__(self) -> str:
        return self._labelled(self.spec)

    def written(self, lr: float) -> str:
        """Return the shortest text that parses to it where `lr` is the command's peak rate."""
        return self._labelled(self.words if self.lr == lr else self.spec)

    @property
    def entry(self) -> Entry:
        """The registry's line, or one made for a function of the user's."""
        return REGISTRY[self.name] if self.name in REGISTRY else functions.entry(self.name)

    @property
    def is_users_own(self) -> bool:
        """Whether the rates come from the user's code."""
        return self.name not in REGISTRY

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter and modifier with its value, defaults included."""
        defaults = {key: parameter.default for key, parameter in parameters_of(self.entry).items()}
        return defaults | dict(self.given)

    def curve(self, horizon: Horizon) -> Curve:
        """Return the pure function from steps to rates; a curve of lrbench's own may be asked for t = T as well.

        A feedback schedule's is what its rule scales. Raises BadSpec if the parameters do not fit.
        """
        make = self._make if not self.entry.feedback else self._make_constant
        values = self.parameters
        return modified(make, {key: values[key] for key in modifiers_of(self.entry)}, self.lr)(horizon)

    def feedback(self, horizon: Horizon) -> "Plateau | None":
        """Return the rule that scales the rates between epochs, or None for an open-loop schedule."""
        return self._make(horizon) if self.entry.feedback else None

    def table(self, horizon: Horizon) -> Rates:
        """Return the rate of every update: float64 (horizon.steps,); a feedback rule scales it as it goes."""
        return rates(self, horizon)

    def to_lambda(self, horizon: Horizon) -> Callable[[int], float]:
        """Return step -> rate / lr, for PyTorch's LambdaLR, stepped after every update.

        After the horizon's end it stays at the last rate. Raises BadSpec for a feedback schedule, which is no
        function of the step.
        """
        check(not self.entry.feedback, f"{self.label} looks at the training.", "Use ReduceLROnPlateau in PyTorch.")
        factors = self.table(horizon) / self.lr
        return lambda step: float(factors[min(step, horizon.steps - 1)])

    def to_keras(self, horizon: Horizon) -> Any:
        """Return a serialisable keras.optimizers.schedules.LearningRateSchedule, or for plateau a callback.

        The callback goes into Model.fit(callbacks=[...]); the schedule into an optimizer, as learning_rate. A
        script that loads a model saved with the schedule imports lrbench.schedules.for_keras first.
        """
        from lrbench.schedules import for_keras

        return for_keras.convert(self, horizon)

    def resolved(self) -> dict[str, Any]:
        """Return the schedule with every default of its own written out, for hashes and records.

        A modifier stands there only if it is given, and a parameter that came later only if it is not at its
        default, so that a new one does not change what is stored. What is computed otherwise than it once was
        bears a mark of CORRECTED, so that no old run is taken for a new one.
        """
        entry = self.entry
        own = {key: each.default for key, each in entry.parameters.items() if key not in entry.later}
        own |= entry.modifiers
        parameters = {
            key: ";".join(part.full for part in value) if key == PIECES else text_of(value)
            for key, value in (own | dict(self.given)).items()
        }
        parameters |= {key: value for key, (value, holds) in CORRECTED.items() if holds(self)}
        return {"name": self.name, "lr": self.lr, "parameters": parameters}

    def _inside(self) -> list[str]:
        return [parameter_text(key, value) for key, value in self.given]

    def _call(self, inside: list[str]) -> str:
        return f"{self.name}({', '.join(inside)})" if inside else self.name

    def _labelled(self, text: str) -> str:
        return f"{self.title}={text}" if self.named else text

    def _make(self, horizon: Horizon) -> Any:
        own = self.entry.parameters
        given = {key: value for key, value in self.given if key in own}
        return self.entry.factory(horizon, lr=self.lr, **given)

    def _make_constant(self, horizon: Horizon) -> Curve:
        self._make(horizon)  # checks the rule's parameters
        return lambda t: np.full(t.shape, self.lr)


def warms_up(schedule: Schedule) -> bool:
    """Whether a schedule, or a piece of it, climbs from one step up from 0."""
    values = schedule.parameters
    climbs = "warmup" in modifiers_of(schedule.entry) and values["warmup"].value and values["warmup_start"] is None
    return bool(climbs) or any(part.warms_up for part in values.get(PIECES, ()))


CORRECTED: dict[
    str, tuple[str, Callable[[Schedule], bool]]
] = {  # in an identity: what was once computed otherwise
    "warmup_by": ("epochs", lambda each: each.parameters["per"] == "epoch" and warms_up(each)),  # by steps
    "relative_to": ("size", lambda each: each.parameters.get("threshold") == "relative"),  # the signed value
}


def rates(schedule: Schedule, horizon: Horizon) -> Rates:
    """Return a schedule's rate at every update: float64 (horizon.steps,).

    Raises BadSpec if the parameters do not fit the horizon or a rate is negative or not finite.
    """
    with np.errstate(all="ignore"):  # what overflows is found below, and said in words
        table = schedule.curve(horizon)(np.arange(horizon.steps))
    if not (table.min() >= 0 and table.max() < np.inf):  # nan fails both
        bad = int(np.flatnonzero(~(np.isfinite(table) & (table >= 0)))[0])
        check(
            False,
            f"{schedule.label} gives the rate {table[bad]} at step {bad}.",
            "Rates must be finite and not negative; change its parameters.",
        )
    return table
