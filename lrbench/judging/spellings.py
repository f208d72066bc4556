"""Which stored schedule the user's words mean."""

import contextlib
from collections.abc import Mapping

from lrbench.errors import BadSpec
from lrbench.schedules import Named, parse


def meant(words: str | None, names: Mapping[Named, str]) -> str | None:
    """Return which of these schedules words mean: by its name, its words, or any spelling of it."""
    if words is None or words in names.values():
        return words
    meant = [name for each, name in names.items() if words in (each.words, each.spec)]
    if not meant:
        with contextlib.suppress(BadSpec):
            meant = [name for each, name in names.items() if _means(words, each)]
    return meant[0] if len(meant) == 1 else words


def _means(words: str, schedule: Named) -> bool:
    """Whether the user's words are another spelling of a stored schedule. Raises BadSpec."""
    low, high = (parse(words, lr) for lr in (0.5, 1.0))  # equal rates: the words say it
    resolved = low.resolved()
    alike = (resolved["name"], resolved["parameters"]) == (schedule.name, dict(schedule.parameters))
    return alike and not schedule.is_label and (low.lr != high.lr or low.lr == schedule.lr)
