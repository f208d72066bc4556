"""Where other worlds begin: files that cannot be read or written, and JSON, which has no word for nan."""

import contextlib
import errno
import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from lrbench.errors import BadResults, BadUsage, MissingExtra, install_extra

UNLINK = "Put what it leads to in its place, or name the folder that it leads to."
STANDARD = "-"  # in the place of a file's name: standard input, standard output


@contextlib.contextmanager
def place(
    path: Path, how: Literal["read", "written"], kind: type[BadUsage] = BadResults, hint: str = ""
) -> Iterator[None]:
    """Raise, in the place of any OSError inside, a BadResults (or another kind) that names the path.

    It names the file below the path that the error is about, if the error says so.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error.filename, str) and Path(error.filename).is_relative_to(path):
            path = Path(error.filename)
        if error.errno == errno.ELOOP:
            hint = UNLINK
        hint = hint or ("Check its name and rights." if how == "read" else "Choose another place: out=PATH")
        raise kind(f"{path} cannot be {how}: {error.strerror or error}.", hint) from error


def read_input(path: Path) -> bytes:
    """Read a file; for `-`, standard input. Raises OSError."""
    return sys.stdin.buffer.read() if str(path) == STANDARD else path.read_bytes()


def input_name(path: Path) -> str:
    """Return what messages call it."""
    return "standard input" if str(path) == STANDARD else str(path)


def finite(value: Any) -> Any:
    """Replace every number that is not finite by None, at any depth: what JSON has no word for is null."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def require(library: str, extra: str, what: str) -> None:
    """Raise MissingExtra if a library cannot be imported that only `what` needs."""
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise MissingExtra(
            f"{what} needs {library}, which cannot be imported: {error}.",
            install_extra(extra),
        ) from error
