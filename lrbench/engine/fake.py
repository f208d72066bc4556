"""An engine without TensorFlow and without data: instant, deterministic, for tests of everything around it.

Its figures are made up, but behave: they improve with the sum of the rates, differ between seeds, and
diverge when a rate is above 10. The losses of single steps fall alike, and blow up at rates above 1.
"""

import math
import os
import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrbench.engine.replica import Losses, check_fit
from lrbench.runs import Figure, Figures, Setting
from lrbench.schedules.base import Rates


class FakeEngine:
    """`LRBENCH_FAKE_SECONDS` makes each epoch take that long, for tests that interrupt it."""

    def __init__(self, setting: Setting) -> None:
        self._figures = setting.subject.figures
        self._validates = setting.validate_on != "none"
        self._pause = float(os.environ.get("LRBENCH_FAKE_SECONDS", "0"))
        self.jobs = 2

    def replica(self) -> "FakeReplica":
        return FakeReplica(self._figures, self._validates, self._pause)

    def stepper(self) -> "FakeStepper":
        return FakeStepper(self._pause)

    def close(self) -> None:
        """Nothing to do: it set nothing."""


class FakeReplica:
    """Loss is a decreasing function of the rates seen so far, plus a seed's own noise."""

    remark = ""

    def __init__(self, figures: tuple[Figure, ...], validates: bool, pause: float) -> None:
        self._figures = figures
        self._validates = validates
        self._pause = pause
        self.reset(0)

    def compile(self) -> None:
        pass

    def reset(self, seed: int) -> None:
        self._seed = seed
        self._travelled = 0.0
        self._loss = math.log(10)

    def state(self) -> list[NDArray[Any]]:
        return [np.array([self._travelled, self._loss])]

    def restore(self, seed: int, state: Sequence[NDArray[Any]]) -> None:
        check_fit(state, self.state())
        self._seed = seed
        self._travelled, self._loss = map(float, state[0])

    def train_epoch(self, epoch: int, rates: Rates) -> Figures:
        if self._pause:
            time.sleep(self._pause)
        self._travelled += float(np.sum(rates)) / len(rates)
        noise = random.Random(f"{self._seed} {epoch}").uniform(0, 0.02)
        self._loss = math.inf if rates.max() > 10 else math.log(10) / (1 + 4 * self._travelled) + noise
        return self._measured(0.0)

    def validate(self) -> Figures | None:
        return self._measured(0.01) if self._validates else None

    def test(self) -> Figures:
        return self._measured(0.02)

    def _measured(self, gap: float) -> Figures:
        loss = self._loss + gap
        good = math.exp(-loss)
        return (loss, *(good if each.better == "higher" else 1 - good for each in self._figures[1:]))


class FakeStepper:
    """Loss falls with the sum of the rates to about 0.3, and grows with each step at a rate above 1."""

    remark = ""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self.reset(0)

    def compile(self) -> None:
        pass

    def reset(self, seed: int) -> None:
        self._seed = seed
        self._travelled = 0.0
        self._grown = 0.0

    def train_steps(self, first: int, rates: Rates) -> Losses:
        if self._pause:
            time.sleep(self._pause)
        noise = np.random.default_rng([self._seed, first]).uniform(-0.05, 0.05, len(rates))
        travelled = self._travelled + np.cumsum(rates)
        grown = self._grown + np.cumsum(np.log(np.maximum(rates, 1)))
        self._travelled, self._grown = float(travelled[-1]), float(grown[-1])
        with np.errstate(over="ignore"):  # as a loss does that diverges
            return np.asarray(0.3 + 2 / (1 + travelled) + noise + np.expm1(grown))
