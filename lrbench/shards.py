"""A share of what there is to do, for machines that know nothing of one another: the same for the same plan."""

import heapq
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lrbench.errors import BadConfig
from lrbench.options import is_whole, unfit

AUTO = "auto"
TASK, FIRST, STEP, COUNT = (
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
)


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `of` shares, by its number from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def read_shard(text: str, environ: Mapping[str, str] = os.environ) -> Shard:
    """Read `2/8`, or for `auto` what Slurm tells a task of a job array. Raises BadConfig."""
    if text == AUTO:
        return _of_array_task(environ)
    number, slash, of = (part.strip() for part in text.partition("/"))
    if not (slash and is_whole(number) and is_whole(of)):
        raise unfit("shard", text, "is no share")
    shard = Shard(int(number), int(of))
    if not 1 <= shard.number <= shard.of:
        raise unfit("shard", text, "is no share: they count from 1")
    return shard


def share(steps: Sequence[int], shard: Shard) -> list[int]:
    """Return the places of what a shard is to do, of tasks that take so many steps each, in their order.

    The longest are dealt first, each to the shard with the least to do, so that no two differ by more than one of
    the longest.
    """
    loads = [(0, number) for number in range(1, shard.of + 1)]  # a heap as it is
    ours = []
    for i in sorted(range(len(steps)), key=lambda i: -steps[i]):
        load, number = loads[0]
        heapq.heapreplace(loads, (load + steps[i], number))
        if number == shard.number:
            ours.append(i)
    return sorted(ours)


def _of_array_task(environ: Mapping[str, str]) -> Shard:
    """Where this process stands in its job array. Arrays may begin at any number and leave some out evenly."""
    read = {}
    for name, default in ((TASK, ""), (COUNT, ""), (FIRST, "0"), (STEP, "1")):
        text = environ.get(name, default)
        if not is_whole(text):
            what = f"{name}={text[:40]} is no whole number" if text else f"there is no {name}"
            raise BadConfig(
                f"shard=auto goes by Slurm's job array, and {what}.", "Name the share itself: shard=2/8"
            )
        read[name] = int(text)
    place, left = divmod(read[TASK] - read[FIRST], max(read[STEP], 1))
    if left or not 0 <= place < read[COUNT]:
        raise BadConfig(
            f"Task {read[TASK]} of a job array of {read[COUNT]} is none of its evenly numbered tasks.",
            "Number them evenly, such as --array=0-7, or name the share itself: shard=2/8",
        )
    return Shard(place + 1, read[COUNT])
