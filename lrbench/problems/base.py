"""What a problem is, and how a spec such as `mnist(hidden=256)` names one. TensorFlow is imported in functions."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from lrbench.calls import Piece, known, no_twins, parse_calls, read_number, read_plain
from lrbench.errors import BadConfig, BadSpec
from lrbench.options import is_whole
from lrbench.runs import Subject


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs and targets, one row each: x (n, ...), y (n, ...)."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(self.x[rows], self.y[rows])


@dataclass(frozen=True, slots=True)
class Splits:
    """What is trained on, validated on (None: nothing, or what is taken off the training set) and tested on."""

    train: Examples
    val: Examples | None
    test: Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Data, model, loss and figures. Only the plan, the engine and the doctor touch it."""

    subject: Subject
    load: Callable[[], Splits]  # raises BadData or BadConfig
    model: Callable[[], Any]  # a fresh, built keras.Model, initialised from the process's global seed
    loss: Callable[[], Any]  # a keras.losses.Loss: the mean over a batch
    measures: tuple[Callable[[Any, Any], Any], ...] = ()
    """For each figure after the loss: targets and outputs of a batch -> its value for every example, (n,)."""
    stratify: bool = False  # whether y holds classes that every split shall hold in equal shares
    prefers_graph: bool = False  # whether XLA is slow at the model on a CPU: convolutions, random numbers
    identity: Mapping[str, Any] | None = None  # what decides its numbers, where its spec does not
    notes: tuple[str, ...] = ()  # what was told from its model and data, for people


Factory = Callable[..., Problem]
PROBLEMS: dict[str, Factory] = {}
OPTIONS = ("data_dir",)  # keyword parameters of a factory that are no part of a spec


def problem(name: str) -> Callable[[Factory], Factory]:
    """Register a factory under `name`. Its keyword-only parameters become those of the spec."""

    def register(factory: Factory) -> Factory:
        if name in PROBLEMS:
            raise ValueError(f"two problems are called {name!r}")
        PROBLEMS[name] = factory
        return factory

    return register


def find(spec: str, short: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None) -> Problem:
    """Return the built-in problem that a spec such as `mnist(hidden=256)` names.

    `short` holds parameters that were given beside the spec, `options` those of OPTIONS. Raises BadConfig.
    """
    try:
        name, pairs = read_spec(spec)
        known(name, PROBLEMS, "problem")
        factory = PROBLEMS[name.text]
        parameters = inspect.signature(factory).parameters
        values = read_parameters(
            name.text, pairs, {key: parameters[key] for key in parameters if key not in OPTIONS}
        )
    except BadSpec as error:
        raise BadConfig(error.problem, error.hint) from error
    for word, value in (short or {}).items():
        if word not in parameters:
            raise BadConfig(f"The problem {name.text} has no parameter {word!r}.", f"Leave {word} out.")
        if values.get(word, value) != value:
            raise BadConfig(f"{word}={said(value)} is not what {spec} says.", "Leave one of them out.")
        values[word] = value
    for word, value in (options or {}).items():
        if word not in parameters:
            raise BadConfig(f"The problem {name.text} has no use for {word}={value}.", f"Leave {word} out.")
        values[word] = value
    return factory(**values)


def read_spec(spec: str) -> tuple[Piece, tuple[tuple[Piece, Piece], ...]]:
    """Split a problem's spec into its name and its pairs. Raises BadSpec."""
    calls = parse_calls(spec)
    if len(calls) != 1 or calls[0].label:
        raise BadSpec(f"{spec[:60]!r} is not one problem.", "Write, for example, mnist(hidden=256).")
    return calls[0].name, calls[0].pairs


def read_parameters(
    name: str, pairs: tuple[tuple[Piece, Piece], ...], parameters: Mapping[str, inspect.Parameter]
) -> dict[str, Any]:
    """Read the values of a spec by the annotations, or else the defaults, of what it calls. Raises BadSpec."""
    no_twins(pairs)
    values = {}
    for key, value in pairs:
        known(key, parameters, f"parameter of {name}:")
        values[key.text] = _read(_kind(parameters[key.text]), key.text, value)
    return values


def _kind(parameter: inspect.Parameter) -> Any:
    """Return the type that a parameter is read as: its annotation's, else its default's, else text."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    return str if parameter.default in (parameter.empty, None) else type(parameter.default)


def _read(kind: Any, key: str, value: Piece) -> Any:
    if isinstance(kind, str):
        kind = {"int": int, "float": float, "bool": bool}.get(kind, str)
    if type(None) in get_args(kind):  # int | None
        if value.text == "none":
            return None
        (kind, *_) = [each for each in get_args(kind) if each is not type(None)]
    listed = get_origin(kind) or kind
    if listed in (tuple, list):  # 512;512
        (each, *_) = (*get_args(kind), int)
        parts = [Piece(part.strip(), value.at, value.whole) for part in value.text.split(";")]
        return listed(_read(each, key, part) for part in parts)
    if kind is int:
        if not is_whole(value.text.removeprefix("+")):
            value.bad(f"{key}={value.text[:60]} is no whole number", f"Write {key}=128.")
        return int(value.text)
    if kind is float:
        return read_number(key, value)
    if kind is bool or get_origin(kind) is Literal:
        return read_plain(kind, key, value)
    return value.text


def said(value: Any) -> str:
    """Write a parameter's value as a spec has it."""
    if isinstance(value, tuple):
        return ";".join(map(said, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
