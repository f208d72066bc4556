"""What an engine is: one setting's data, and replicas that train on it."""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lrbench.runs import Figures
from lrbench.schedules.base import Rates

Losses = NDArray[np.float64]
EVALUATION_BATCH = 1_000  # examples; the same for all engines, and no part of what is trained


class Replica(Protocol):
    """One model with its optimizer. One thread drives it, one run after the other.

    Figures are means over all examples of a split, in the order of the subject's.
    """

    @property
    def remark(self) -> str:
        """What people should know of how it trains, once it is compiled; empty if nothing."""

    def compile(self) -> None:
        """Get ready, so that what follows is only training. The second call does nothing."""

    def reset(self, seed: int) -> None:
        """Go back to the seed's initial weights and an untouched optimizer."""

    def state(self) -> list[NDArray[Any]]:
        """Return copies of every variable of model and optimizer, random generators included."""

    def restore(self, seed: int, state: Sequence[NDArray[Any]]) -> None:
        """Go back to what `state` returned. Raises Unfit if that was another model or optimizer."""

    def train_epoch(self, epoch: int, rates: Rates) -> Figures:
        """Train one epoch (from 1) in the order `shuffle(seed, epoch, n)`; rates: float64 (steps_per_epoch,)."""

    def validate(self) -> Figures | None:
        """Measure the validation split; None if there is none."""

    def test(self) -> Figures:
        """Measure the test split."""


class Engine(Protocol):
    """One setting's data, and the replicas that train on it."""

    @property
    def jobs(self) -> int:
        """How many replicas side by side suit this machine."""

    def replica(self) -> Replica:
        """Return a new replica. May be called from several threads at once."""

    def close(self) -> None:
        """Put back what it set in this process. The second call does nothing."""


class Stepper(Protocol):
    """One model with its optimizer, for who wants to know every step's loss. One thread drives it."""

    @property
    def remark(self) -> str:
        """As a replica's."""

    def compile(self) -> None:
        """As a replica's."""

    def reset(self, seed: int) -> None:
        """As a replica's."""

    def train_steps(self, first: int, rates: Rates) -> Losses:
        """Train on, from step `first` since `reset`, a step for each rate; rates: float64 (n,).

        Every step takes the next whole batch, pass after pass over the training set, each in an epoch's order.
        Returns the batches' mean losses, each before its update: float64 (n,).
        """


class StepwiseEngine(Engine, Protocol):
    """An engine that can also train step by step."""

    def stepper(self) -> Stepper:
        """Return a new stepper. May be called from several threads at once."""


class Unfit(Exception):
    """A checkpoint's arrays are not those of this model and optimizer."""


def check_fit(state: Sequence[NDArray[Any]], own: Sequence[NDArray[Any]]) -> None:
    """Raise Unfit unless both hold arrays of the same shapes and types."""
    kinds = [[(array.shape, array.dtype) for array in arrays] for arrays in (state, own)]
    if kinds[0] != kinds[1]:
        raise Unfit(f"its {len(state)} arrays are not those of this model and optimizer")


def fingerprint(state: Sequence[NDArray[Any]]) -> str:
    """Return the sha256 of a replica's state, in hex."""
    sha256 = hashlib.sha256()
    for array in state:
        sha256.update(f"{array.dtype.str}{array.shape}".encode())
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()


def shuffle(seed: int, epoch: int, n: int) -> NDArray[np.int32]:
    """Return the order of the examples: int32 (n,), a function of seed and epoch alone."""
    return np.random.default_rng([seed, epoch]).permutation(n).astype(np.int32)
