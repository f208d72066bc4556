"""Single files: written whole, read strictly.

Every file is written to a temporary one in the same folder, flushed to the disk, and renamed: at every moment
either the old or the new content stands there.
"""

import contextlib
import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

MOST_BYTES = 2**34  # of any file, MOST_JSON of a record: more is no file of ours
MOST_JSON = 2**24
TEMPORARY = ".tmp-"  # how the name of a file begins that is not whole yet


class Damaged(Exception):
    """A stored file cannot be trusted: which file, where in it, and why, in one line."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole: old content or new, never half, whatever happens in between."""
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        os.chmod(temporary, 0o644)  # noqa: PTH101 # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder that survives a power cut, with those above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written. Only who holds the folder's lock may call this."""
    for path in folder.glob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole."""
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a stored file of at most so many bytes. Raises Damaged."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Damaged(f"{path}: not a file")
        if status.st_size > most:
            raise Damaged(f"{path}: {status.st_size:,} bytes are more than it can hold")
        return path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error
    except MemoryError as error:
        raise Damaged(f"{path}: too large for this machine's memory") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read the JSON of a record. Raises Damaged."""
    try:
        value = json.loads(read_bytes(path, MOST_JSON), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Damaged(f"{path}: not the JSON of a record")
    return value


def digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
