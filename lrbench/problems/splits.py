"""How many examples are trained on and validated on, and which."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig
from lrbench.problems.base import Problem, Splits
from lrbench.runs import Subject

SPLIT_SEED = 20_200_607  # one fixed split for every run: seeds vary the training, never the data


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many examples are trained on and validated on, and where the latter come from."""

    train: int
    val: int
    validate_on: str  # "split": off the training set; "own": the problem's; "test": the test set itself; "none"


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
    own = subject.validation if validate_on == "split" and val_size is None else 0
    val = 0 if own else whole // 12 if val_size is None else val_size
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
    if own:
        return Sizes(train, own, "own")
    return Sizes(train, val, validate_on if val or validate_on == "test" else "none")


def split(problem: Problem, sizes: Sizes) -> Splits:
    """Load a problem's examples and split them, always in the same way for the same sizes.

    The validation set is the same for every `train` size, and the training set grows with `train`: a smaller one
    is part of a larger one. Where the problem stratifies, both are as class-balanced as can be. Raises what the
    problem's `load` does.
    """
    loaded = problem.load()
    whole = loaded.train
    taken = sizes.val if sizes.validate_on == "split" else 0
    held_out = None
    train = whole  # as it is, where nothing is left out
    if sizes.train < len(whole):
        order_of = balanced_order if problem.stratify else _shuffled
        rng = np.random.default_rng(SPLIT_SEED)
        order = order_of(whole.y, rng)
        rest = order[taken:]
        rest = rest[order_of(whole.y[rest], rng)]
        train = whole.take(np.sort(rest[: sizes.train]))
        held_out = whole.take(np.sort(order[:taken])) if taken else None
    val = {"test": loaded.test, "own": loaded.val, "split": held_out}.get(sizes.validate_on)
    return Splits(train, val, loaded.test)


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
