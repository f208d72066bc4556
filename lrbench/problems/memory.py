"""How much memory there is, for data that would not fit."""

import os
from pathlib import Path

from lrbench.errors import BadConfig

CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def check_room(what: str, needed: int, share: float, total: int | None = None) -> None:
    """Raise BadConfig if so many bytes are more than a share of the machine's memory, or of the container's."""
    total = total or total_memory()
    if total and needed > share * total:
        raise BadConfig(
            f"{what} needs {_gigabytes(needed)} of memory; memory_share={share:g} of this machine's "
            f"{_gigabytes(total)} is {_gigabytes(int(share * total))}.",
            "Give fewer or smaller examples (uint8 needs a quarter of float32), or a larger memory_share=0.9",
        )


def total_memory() -> int | None:
    """Return the bytes of memory that this process may use at most; None where nobody says."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):
        found = []
    for path in CGROUP:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return min(found, default=None)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
