"""Single files: written whole, read strictly.

Every file is written to a temporary one in the same folder, flushed to the disk, and renamed: at every moment
either the old or the new content stands there.
"""

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_BYTES = 2**34  # of any file, MOST_JSON of a record: more is no file of ours
MOST_JSON = 2**24
TEMPORARY = ".tmp-"  # how the name of a file begins that is not whole yet
NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | getattr(os, "O_BINARY", 0)


class Damaged(Exception):
    """A stored file cannot be trusted: which file, where in it, and why, in one line."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open folder: names in it stay those of its files, whatever happens to its path."""

    path: Path
    handle: int | None  # None where the system opens no folders (Windows): then names are paths

    def at(self, name: str) -> str:
        """Return what system calls take for a name in it, together with `dir_fd=handle`."""
        return name if self.handle is not None else str(self.path / name)

    def sync(self) -> None:
        """Make the names in it survive a power cut."""
        if self.handle is not None:
            os.fsync(self.handle)


@contextlib.contextmanager
def open_folder(path: Path) -> Iterator[Opened]:
    """Open a folder that the user named: it may be reached by links."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY) if os.name == "posix" else None
    try:
        yield Opened(path, handle)
    finally:
        if handle is not None:
            os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole: old content or new, never half, whatever happens in between."""
    with open_folder(path.parent) as folder:
        write_in(folder, path.name, content)


def write_in(folder: Opened, name: str, content: bytes) -> None:
    """Write a file of an open folder whole, with the rights that the umask leaves."""
    at, temporary = folder.handle, folder.at(f"{TEMPORARY}{secrets.token_hex(8)}")
    with naming(folder.path / name):
        handle = os.open(temporary, NEW, 0o666, dir_fd=at)
        try:
            try:
                left = memoryview(content)
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            os.replace(temporary, folder.at(name), src_dir_fd=at, dst_dir_fd=at)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=at)
            raise
        folder.sync()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError name the file by its whole path, where the system call had only its name."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def make_folder(folder: Path) -> None:
    """Make a folder that survives a power cut, with those above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        with open_folder(folder.parent) as parent:
            parent.sync()


def json_bytes(value: dict[str, Any]) -> bytes:
    """Return the content of a JSON file."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


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
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return a value as JSON in the one way in which it is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
