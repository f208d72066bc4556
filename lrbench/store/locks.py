"""Who works on what, when several commands share a results folder.

A lock is an empty file in the experiment's `.locks/` that the operating system holds for a living process: when
its owner dies, however it dies, the lock is free.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from lrbench.errors import BadResults
from lrbench.folders import Tree
from lrbench.foreign import place

LOCKS = ".locks"
NO_LOCKS = (errno.EIO, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ESTALE)  # says flock


class Locks:
    """The locks of one experiment's folder that this command holds."""

    def __init__(self, folder: Path) -> None:
        self._tree = Tree(folder)
        self._folder = folder / LOCKS
        self._held: dict[str, FileLock] = {}

    def claim(self, name: str) -> bool:
        """Take a lock if it is free; return whether it is ours now. Raises BadResults."""
        with self._locking():
            lock = self._make(name)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                return False
        self._held[name] = lock
        return True

    def release(self, name: str) -> None:
        """Give a lock back. Raises BadResults."""
        with self._locking():
            _remove(self._held.pop(name))

    def left(self) -> set[str]:
        """Return the names of all locks that have a file, whether anybody holds them or not."""
        return {path.stem for path in self._folder.glob("*.lock")}

    def release_all(self) -> None:
        """Give every lock back, also those after one that cannot be. Raises BadResults."""
        with contextlib.ExitStack() as each:
            for name in list(self._held):
                each.callback(self.release, name)

    @contextlib.contextmanager
    def waiting_for(self, name: str) -> Iterator[None]:
        """Hold a lock, waiting until it is free. Raises BadResults."""
        with self._locking():
            lock = self._make(name)
            lock.acquire(poll_interval=0.02)
        try:
            yield
        finally:
            with self._locking():
                _remove(lock)

    @contextlib.contextmanager
    def _locking(self) -> Iterator[None]:
        """Raise BadResults where the file system, or what it left of an earlier lock, allows none."""
        hint = (
            "Choose a results folder on a file system that knows locks, such as this machine's own disk: out=PATH"
        )
        with place(self._folder, "written", hint="Choose another results folder, out=PATH, or free the place."):
            try:
                yield
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                raise BadResults(f"{self._folder} cannot be locked: {error.strerror}.", hint) from error
            except RuntimeError as error:  # filelock's: this process holds what it could not give back
                raise BadResults(f"{self._folder} cannot be locked: {error}", hint) from error

    def _make(self, name: str) -> FileLock:
        self._tree.make(self._folder)
        return FileLock(self._folder / f"{name}.lock", thread_local=False)


def _remove(lock: FileLock) -> None:
    """Delete a lock's file, then release it: who waited for that file sees it gone, and asks anew."""
    if os.name == "posix":  # elsewhere nobody can delete an open file, and filelock does it itself
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink()
    try:
        lock.release()
    except OSError:
        lock.release()  # nobody is kept out any more, but in this process filelock still counts it as held
