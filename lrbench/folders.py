"""What is written, moved and removed below a folder: never through a link, never in another file's place.

Every folder on the way down is opened without following links, and system calls are given its descriptor, not its
path: nobody can put a link there in between.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lrbench.files import NEW, NOFOLLOW, TEMPORARY, Opened, naming, write_in

LINK = "it is a link, and nothing is written, moved or removed through links in a results folder"
LONGEST_STEM = 200  # bytes of the name that something set aside keeps, before the time
NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)  # says a file system without such files
IN_THE_WAY = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)  # a folder that is renamed onto what stands there


class Tree:
    """A folder and all below it. The root itself must not be a link; folders above it may be links.

    Every method takes paths that begin with the root's, and raises OSError with the path that it is about.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextlib.contextmanager
    def open(self, folder: Path) -> Iterator[Opened]:
        """Open the root or a folder below it."""
        with self._descend(folder) as opened:
            yield opened

    def make(self, folder: Path) -> None:
        """Make a folder that survives a power cut, with those above it up to the root."""
        with self._descend(folder, make=True):
            pass

    def write(self, path: Path, content: bytes) -> None:
        """Write a file whole; a link in its place is replaced, and what it leads to stays."""
        with self.open(path.parent) as folder:
            write_in(folder, path.name, content)

    def append(self, path: Path, line: bytes) -> None:
        """Add a line to a file and see it to the disk. A line that was cut off before is ended first.

        A file that has another name elsewhere (a hard link, as of a backup) is replaced: that one stays as it is.
        """
        with self.open(path.parent) as folder, naming(path):
            if path.is_symlink():
                raise _link(path)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | NOFOLLOW
            handle = os.open(folder.at(path.name), flags, 0o666, dir_fd=folder.handle)
            try:
                end = os.lseek(handle, 0, os.SEEK_END)
                if end:
                    os.lseek(handle, end - 1, os.SEEK_SET)
                    line = line if os.read(handle, 1) == b"\n" else b"\n" + line
                if os.fstat(handle).st_nlink > 1:
                    os.lseek(handle, 0, os.SEEK_SET)
                    with os.fdopen(os.dup(handle), "rb") as before:
                        write_in(folder, path.name, before.read() + line)
                    return
                left = memoryview(line)
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            if not end:
                folder.sync()

    def remove(self, path: Path) -> None:
        """Remove a file, a link, or a folder with all that is in it; nothing if it is gone already."""
        with contextlib.suppress(FileNotFoundError), self.open(path.parent) as folder, naming(path):
            if _is_folder(folder, path.name):
                shutil.rmtree(folder.at(path.name), dir_fd=folder.handle)
            else:
                os.unlink(folder.at(path.name), dir_fd=folder.handle)

    def move(self, path: Path, target: Path) -> None:
        """Move a file or a folder within the tree. Raises FileExistsError if anything stands there.

        An empty folder is nothing, where a folder is moved.
        """
        with self.open(path.parent) as source, self.open(target.parent) as to:
            ends = {"src_dir_fd": source.handle, "dst_dir_fd": to.handle}
            with naming(path):
                is_folder = _is_folder(source, path.name)
            if os.name != "posix" or is_folder:  # such a rename replaces nothing
                try:
                    os.rename(source.at(path.name), to.at(target.name), **ends)  # noqa: PTH104 # by descriptors
                except OSError as error:
                    taken = error.errno in IN_THE_WAY
                    raise OSError(errno.EEXIST if taken else error.errno, error.strerror, str(target)) from error
            else:
                with naming(target):
                    os.close(os.open(to.at(target.name), NEW, 0o666, dir_fd=to.handle))  # ours alone from here on
                try:
                    with naming(path):
                        os.replace(source.at(path.name), to.at(target.name), **ends)
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(to.at(target.name), dir_fd=to.handle)
                    raise
            to.sync()
            source.sync()

    def set_aside(self, path: Path, folder: Path, stem: str, suffix: str = "") -> Path:
        """Move a file or a folder into another folder, under a new name; return where it is.

        The name has the time in it, so that it is not that of something that was removed from there.
        """
        self.make(folder)
        return _first_free(folder, stem, suffix, lambda target: self.move(path, target))

    def new_folder(self, folder: Path, stem: str) -> Path:
        """Make a folder in another one, under a name as `set_aside` gives."""
        self.make(folder)
        with self.open(folder) as opened:
            return _first_free(folder, stem, "", lambda new: os.mkdir(opened.at(new.name), dir_fd=opened.handle))

    def check_folder(self, folder: Path) -> None:
        """Raise the OSError that making a file in a folder would raise; none if there is no folder yet."""
        with contextlib.suppress(FileNotFoundError), self.open(folder) as opened, naming(folder):
            _try_to_write(opened)

    def check_file(self, path: Path, *, grows: bool = False) -> None:
        """Raise the OSError that replacing a file, or adding to it, would raise; none if there is no file yet."""
        with contextlib.suppress(FileNotFoundError), self.open(path.parent) as folder, naming(path):
            status = os.stat(folder.at(path.name), dir_fd=folder.handle, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if grows and stat.S_ISLNK(status.st_mode):
                raise _link(path)
            if grows:
                os.close(os.open(folder.at(path.name), os.O_WRONLY | os.O_APPEND | NOFOLLOW, dir_fd=folder.handle))
            elif folder.handle is not None and not _may_replace(os.fstat(folder.handle), status):
                raise PermissionError(
                    errno.EPERM, "it is somebody else's, and so is its folder, with the sticky bit"
                )

    def entries(self, folder: Path) -> list[Path]:
        """Return what is in a folder, sorted; nothing if there is no folder, or a link in its place."""
        try:
            with self.open(folder) as opened:
                names = os.listdir(folder if opened.handle is None else opened.handle)  # noqa: PTH208 # the same
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if error.errno == errno.ELOOP:
                return []
            raise
        return [folder / name for name in sorted(names)]

    def remove_leftovers(self, folder: Path) -> None:
        """Remove what a killed process left half-written. Only who holds the folder's lock may call this."""
        for path in self.entries(folder):
            if path.name.startswith(TEMPORARY) and not (path.is_dir() and not path.is_symlink()):
                self.remove(path)

    def links(self) -> Iterator[Path]:
        """Yield every link below the root."""
        if self.root.is_symlink():
            yield self.root
            return
        for folder, folders, files in os.walk(self.root):
            yield from (path for name in sorted([*folders, *files]) if (path := Path(folder, name)).is_symlink())

    @contextlib.contextmanager
    def _descend(self, folder: Path, *, make: bool = False) -> Iterator[Opened]:
        below = folder.relative_to(self.root).parts
        if ".." in below:
            raise ValueError(f"{folder} does not lie in {self.root}")
        with contextlib.ExitStack() as stack:
            here = stack.enter_context(_open(self.root, None))
            for name in below:
                if make:
                    with contextlib.suppress(FileExistsError), naming(here.path / name):
                        os.mkdir(here.at(name), dir_fd=here.handle)
                        here.sync()
                here = stack.enter_context(_open(here.path / name, here))
            yield here


def _first_free(folder: Path, stem: str, suffix: str, take: Callable[[Path], None]) -> Path:
    """Take the first name of a folder that nothing has; whoever else takes it first, it is another one."""
    stem = os.fsdecode(os.fsencode(stem)[:LONGEST_STEM])
    now = datetime.now(UTC)
    while True:
        path = folder / f"{stem}-{now:%Y%m%dT%H%M%S%f}Z{suffix}"
        try:
            take(path)
        except FileExistsError:
            now += timedelta(microseconds=1)
        else:
            return path


@contextlib.contextmanager
def _open(path: Path, parent: Opened | None) -> Iterator[Opened]:
    """Open a folder that is no link, in an open one if there is one."""
    if os.name != "posix":
        if path.is_symlink():
            raise _link(path)
        next(path.iterdir(), None)  # raises unless it is a folder
        yield Opened(path, None)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | NOFOLLOW
    try:
        handle = os.open(path.name if parent else path, flags, dir_fd=parent.handle if parent else None)
    except OSError as error:
        if path.is_symlink():
            raise _link(path) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        yield Opened(path, handle)
    finally:
        os.close(handle)


def _try_to_write(folder: Opened) -> None:
    """Make a file in a folder that is gone again at once. Raises OSError."""
    unnamed = getattr(os, "O_TMPFILE", 0)
    if unnamed and folder.handle is not None:
        try:
            os.close(os.open(".", os.O_WRONLY | unnamed, 0o600, dir_fd=folder.handle))
        except OSError as error:
            if error.errno not in NO_UNNAMED:
                raise
        else:
            return
    name = folder.at(f"{TEMPORARY}{secrets.token_hex(8)}")
    os.close(os.open(name, NEW, 0o600, dir_fd=folder.handle))
    os.unlink(name, dir_fd=folder.handle)


def _may_replace(folder: os.stat_result, file: os.stat_result) -> bool:
    """Whether we may rename another file onto one, where a folder is shared with the sticky bit as /tmp is."""
    return not folder.st_mode & stat.S_ISVTX or os.geteuid() in (0, folder.st_uid, file.st_uid)


def _is_folder(folder: Opened, name: str) -> bool:
    status = os.stat(folder.at(name), dir_fd=folder.handle, follow_symlinks=False)
    return stat.S_ISDIR(status.st_mode)


def _link(path: Path) -> OSError:
    return OSError(errno.ELOOP, LINK, str(path))
