"""The nouns of how one looks: what was declared before it was trained. Values only."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lrbench.files import digest


@dataclass(frozen=True, slots=True)
class Arm:
    """A schedule of a plan, as far as its runs' identities tell of it: all but seed and setting."""

    label: str  # in the names of its runs
    identity: str  # canonical JSON

    @classmethod
    def of(cls, label: str, identity: Mapping[str, Any]) -> "Arm":
        """Return the arm of a run, by its identity."""
        own = {key: value for key, value in identity.items() if key not in ("seed", "setting")}
        return cls(label, json.dumps(own, sort_keys=True, separators=(",", ":")))

    def key(self, seed: int, setting: Mapping[str, Any]) -> str:
        """Return the digest of its run with a seed, as `Run.key` does."""
        return digest({**json.loads(self.identity), "seed": seed, "setting": dict(setting)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A plan as it was declared before any of its runs was trained: every arm with every seed."""

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]


def arms_of(runs: Iterable[Any]) -> tuple[Arm, ...]:
    """Return the arms of runs, each once, in their order."""
    first: dict[Any, Any] = {}
    for run in runs:
        first.setdefault(run.schedule, run)
    return tuple(Arm.of(run.schedule.label, run.identity) for run in first.values())
