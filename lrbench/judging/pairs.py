"""The pairs of a comparison, in the order of its design."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrbench.designs import Design
from lrbench.judging.scores import Scores, Values


@dataclass(frozen=True, slots=True)
class Pairs:
    """The values of the seeds that both schedules finished, in the order of the design: float64 (n,) each."""

    x: Values
    y: Values
    lengths: tuple[int, ...]  # of the streams: they add up to n
    lost: int = 0  # seeds that ended for both, and did not finish for one of them
    missing: int | None = None  # of a sequential design: the seed at which it stops, though later ones have ended

    @property
    def differences(self) -> Values:
        return np.asarray(self.x - self.y)

    @property
    def streams(self) -> list[Values]:
        """The differences by independent origin."""
        return np.split(self.differences, np.cumsum(self.lengths)[:-1])


def pairs_of(scores: Scores, a: str, b: str, design: Design) -> Pairs:
    """Return the pairs of a comparison. A sequential one stops at the first seed that has not ended for both.

    So that the order in which runs happen to finish decides nothing.
    """
    left, right = scores.values[a], scores.values[b]
    streams: Sequence[Sequence[int]] = design.streams or [sorted(left)]
    missing = None
    if design.kind == "sequential":
        (order,) = streams
        ended = next((i for i, seed in enumerate(order) if seed not in left or seed not in right), len(order))
        missing = next((order[ended] for seed in order[ended:] if seed in left and seed in right), None)
        streams = [order[:ended]]
    both = [
        [(x, y) for seed in seeds if (x := left.get(seed)) is not None and (y := right.get(seed)) is not None]
        for seeds in streams
    ]
    flat = [pair for stream in both for pair in stream]
    lengths = tuple(len(stream) for stream in both)
    lost = sum(seed in left and seed in right for seeds in streams for seed in seeds) - len(flat)
    a_values, b_values = (np.array([pair[side] for pair in flat], float) for side in (0, 1))
    return Pairs(a_values, b_values, lengths, lost, missing)
