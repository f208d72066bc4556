"""What stands beside the runs in files that are named by what they say: searches, and what was declared."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lrbench.runs import Setting
from lrbench.store.history import HISTORY, read_entry
from lrbench.store.searches import read_search

READERS: Mapping[str, Callable[[Path, Setting], Any]] = {
    "search-*.json": read_search,
    f"{HISTORY}/*.json": lambda path, setting: read_entry(path),
}


def notes_in(folder: Path) -> Iterator[Path]:
    """Yield the notes of an experiment's folder, whether they can be read or not."""
    for pattern in READERS:
        yield from sorted(folder.glob(pattern))


def check_note(path: Path, setting: Setting) -> None:
    """Read a note as one of an experiment of this setting. Raises Damaged."""
    READERS[f"{HISTORY}/*.json" if path.parent.name == HISTORY else "search-*.json"](path, setting)
