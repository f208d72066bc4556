"""The nouns of how one looks: what was declared before it was trained, and what stood there at each look."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lrbench.files import canonical

Kind = Literal["fixed", "sequential", "open"]
ALPHA = 0.05  # of an interval, and of the whole family of comparisons
MOST_SEEDS = 10_000  # of a plan
MOST_SEQUENTIAL = 1_000  # seeds of a sequential design
MOST_SEED = 2**32 - 1
MOST_RUNS = 1_000_000  # of a plan


@dataclass(frozen=True, slots=True)
class Arm:
    """A schedule of a plan, as far as its runs' identities tell of it: all but seed and setting."""

    label: str  # in the names of its runs
    identity: str  # canonical JSON

    @classmethod
    def of(cls, label: str, identity: Mapping[str, Any]) -> "Arm":
        """Return the arm of a run, by its identity."""
        own = {key: value for key, value in identity.items() if key not in ("seed", "setting")}
        return cls(label, canonical(own))

    def key(self, seed: int, setting: Mapping[str, Any]) -> str:
        """Return the digest of its run with a seed, as `Run.key` does."""
        (key,) = self.keys([seed], setting)
        return key

    def keys(self, seeds: Iterable[int], setting: Mapping[str, Any]) -> list[str]:
        """Return the digests of its runs with several seeds, writing what they share only once."""
        shared = {**json.loads(self.identity), "setting": dict(setting)}
        before, after = (
            canonical({key: value for key, value in shared.items() if (key < "seed") == is_before})
            for is_before in (True, False)
        )
        return [hashlib.sha256(f'{before[:-1]},"seed":{seed},{after[1:]}'.encode()).hexdigest() for seed in seeds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A plan as it was declared before any of its runs was trained: every arm with every seed.

    With `until_settled`, the seeds are what it may come to, in their order, with a look after each.
    """

    arms: tuple[Arm, ...]  # none: those that a search finds
    seeds: tuple[int, ...]
    until_settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A moment at which verdicts became known: the seeds of each arm that had ended by then."""

    seeds: tuple[tuple[str, tuple[int, ...]], ...]  # by the arm's identity


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that was declared and looked at, each with its time (ISO 8601), the earliest first."""

    declared: tuple[tuple[str, Declared], ...] = ()
    looked: tuple[tuple[str, Looked], ...] = ()
    is_torn: bool = False  # whether something was noted that cannot be read any more

    @property
    def is_kept(self) -> bool:
        """Whether anything was noted: what earlier versions stored has no history."""
        return bool(self.declared or self.looked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a comparison is looked at, and what follows from it: what keeps its 5 %."""

    kind: Kind = "fixed"
    most: int | None = None  # of a sequential one: the largest number of seeds
    streams: tuple[tuple[int, ...], ...] = ()  # seeds in the order in which they came, by independent origin
    looks: tuple[int, ...] = ()  # numbers of pairs at which it was looked at before
    is_seen: bool = field(default=False, compare=False)  # whether seeds that are added now come after a look

    def with_more(self, seeds: int) -> "Design":
        """Return the design that a comparison has once so many seeds have ended, more than now."""
        if self.kind == "sequential" and seeds <= (self.most or 0):
            return self
        return Design() if self.kind == "fixed" and not self.is_seen else Design(kind="open")

    def __str__(self) -> str:
        return f"sequential:{self.most}" if self.kind == "sequential" else self.kind


FIXED = Design()


def arms_of(runs: Iterable[Any]) -> tuple[Arm, ...]:
    """Return the arms of runs, each once, in their order."""
    first: dict[Any, Any] = {}
    for run in runs:
        first.setdefault(run.schedule, run)
    return tuple(Arm.of(run.schedule.label, run.identity) for run in first.values())
