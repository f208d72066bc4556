"""What a problem is, how it is named, and how its examples are split. TensorFlow is imported in functions only."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.calls import known, no_twins, parse_calls, read_whole
from lrbench.errors import BadConfig, BadSpec
from lrbench.runs import Subject

SPLIT_SEED = 20_200_607  # one fixed split for every run: seeds vary the training, never the data


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
    """What one setting trains on, validates on (None: nothing) and is tested on."""

    train: Examples
    val: Examples | None
    test: Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Data, model, loss and figures. Only the plan, the engine and the doctor touch it."""

    subject: Subject
    load: Callable[[], tuple[Examples, Examples]]  # training and test examples; raises BadData
    model: Callable[[], Any]  # a fresh keras.Model, initialised from the process's global seed
    loss: Callable[[], Any]  # a keras.losses.Loss: the mean over a batch
    measures: tuple[Callable[[Any, Any], Any], ...] = ()
    """For each figure after the loss: targets and outputs of a batch -> its value for every example, (n,)."""
    stratify: bool = False  # whether y holds classes that every split shall hold in equal shares


Factory = Callable[..., Problem]
PROBLEMS: dict[str, Factory] = {}


def problem(name: str) -> Callable[[Factory], Factory]:
    """Register a factory under `name`. Its keyword-only parameters, whole numbers, become those of the spec."""

    def register(factory: Factory) -> Factory:
        if name in PROBLEMS:
            raise ValueError(f"two problems are called {name!r}")
        PROBLEMS[name] = factory
        return factory

    return register


def find(spec: str, short: Mapping[str, int] | None = None) -> Problem:
    """Return the problem that a spec such as `mnist(hidden=256)` names.

    `short` holds parameters that were given beside the spec. Raises BadConfig.
    """
    try:
        calls = parse_calls(spec)
        if len(calls) != 1 or calls[0].label:
            raise BadSpec(f"{spec[:60]!r} is not one problem.", "Write, for example, mnist(hidden=256).")
        name = known(calls[0].name, PROBLEMS, "problem")
        parameters = inspect.signature(PROBLEMS[name]).parameters
        no_twins(calls[0].pairs)
        values = {}
        for key, value in calls[0].pairs:
            known(key, parameters, f"parameter of {name}:")
            values[key.text] = read_whole(key.text, value)
    except BadSpec as error:
        raise BadConfig(error.problem, error.hint) from error
    for word, number in (short or {}).items():
        if word not in parameters:
            raise BadConfig(f"The problem {name} has no parameter {word!r}.", f"Leave {word} out.")
        if values.get(word, number) != number:
            raise BadConfig(f"{word}={number} is not what {spec} says.", "Leave one of them out.")
        values[word] = number
    return PROBLEMS[name](**values)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many examples are trained on and validated on, and where the latter come from."""

    train: int
    val: int
    validate_on: str  # "split": off the training set; "test": the test set itself


def resolve_sizes(subject: Subject, train_size: int | None, val_size: int | None, validate_on: str) -> Sizes:
    """Turn the user's wishes into sizes; the validation set comes off first. Raises BadConfig."""
    whole, name = subject.examples, subject.title
    if validate_on == "test":
        if val_size:
            raise BadConfig(
                f"val_size={val_size} and validate_on=test are two different validation sets.",
                "Leave one of them out.",
            )
        val_size = 0
    val = whole // 12 if val_size is None else val_size
    if val >= whole:
        raise BadConfig(
            f"val_size={val} leaves none of the {whole:,} {subject.noun} of {name} to train on.",
            f"Choose a number below {whole:,}, for example val_size={whole // 12}",
        )
    train = whole - val if train_size is None else train_size
    if train + val > whole:
        raise BadConfig(
            f"train_size={train} with val_size={val} is more than the {whole:,} {subject.noun} of {name}.",
            f"Choose at most train_size={whole - val}",
        )
    return Sizes(train, val, validate_on)


def split(problem: Problem, sizes: Sizes) -> Splits:
    """Load a problem's examples and split them, always in the same way for the same sizes.

    The validation set is the same for every `train` size, and the training set grows with `train`: a smaller one
    is part of a larger one. Where the problem stratifies, both are as class-balanced as can be.
    """
    whole, test = problem.load()
    order_of = balanced_order if problem.stratify else _shuffled
    rng = np.random.default_rng(SPLIT_SEED)
    order = order_of(whole.y, rng)
    rest = order[sizes.val :]
    rest = rest[order_of(whole.y[rest], rng)]
    train = whole.take(np.sort(rest[: sizes.train]))
    if sizes.validate_on == "test":
        return Splits(train, test, test)
    return Splits(train, whole.take(np.sort(order[: sizes.val])) if sizes.val else None, test)


def balanced_order(y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return all rows, shuffled so that every beginning of it holds the classes as equally as can be.

    y: classes (n,) -> int64 (n,). A class that runs out leaves its turns to the others.
    """
    shuffled = rng.permutation(len(y))
    turn = np.empty(len(y), np.int64)  # how many of its class come before it
    for label in np.unique(y):
        members = np.flatnonzero(y[shuffled] == label)
        turn[members] = np.arange(len(members))
    return shuffled[np.argsort(turn, kind="stable")]


def _shuffled(y: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.permutation(len(y))
