"""Data in IDX files, gzipped, as MNIST and its kin have them: checked by sha256 at every load. No network."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadConfig, BadData
from lrbench.problems.base import Examples, Splits


@dataclass(frozen=True, slots=True)
class File:
    """One IDX file, gzipped: its name, a sha256, the length of its header and the shape of what follows."""

    name: str
    sha256: str  # of the file itself; with `unpacked`, of what it holds, for files that others have packed again
    shape: tuple[int, ...]
    unpacked: bool = False

    @property
    def header(self) -> bytes:
        """The IDX header: 0, 0, 8 (unsigned bytes), the number of axes, then each axis as a big-endian int32."""
        return bytes([0, 0, 8, len(self.shape)]) + np.array(self.shape, ">i4").tobytes()


@dataclass(frozen=True, slots=True)
class DataSet:
    """A named data set: where its files may lie, and what is known without reading them."""

    name: str
    folders: tuple[Path, ...]  # the first that has all files is taken
    train_x: File
    train_y: File
    test_x: File
    test_y: File
    how_to_get: str  # what to do where no folder has them, or a file is damaged

    @property
    def files(self) -> tuple[File, ...]:
        return (self.train_x, self.train_y, self.test_x, self.test_y)

    @property
    def train_examples(self) -> int:
        return self.train_y.shape[0]

    @property
    def sha256(self) -> str:
        """One fingerprint of all files."""
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()

    def find(self, also: Sequence[Path] = ()) -> Path:
        """Return the first folder that has all files; those of `also` come first. Raises BadConfig.

        Where there is only one, it is that: to load it then says what is wrong with it.
        """
        folders = [*also, *self.folders]
        for folder in folders:
            if len(folders) == 1 or all((folder / file.name).is_file() for file in self.files):
                return folder
        names = ", ".join(file.name for file in self.files)
        raise BadConfig(
            f"The files of {self.name} are in none of {', '.join(map(str, folders))}: {names}.", self.how_to_get
        )

    def load(self, also: Sequence[Path] = ()) -> Splits:
        """Read training and test examples from the four files (see `find`). Raises BadData if one is damaged."""
        folder = self.find(also)
        (train_x, train_y, test_x, test_y) = [self._read(folder / file.name, file) for file in self.files]
        return Splits(Examples(train_x, train_y), None, Examples(test_x, test_y))

    def _read(self, path: Path, file: File) -> NDArray[np.uint8]:
        try:
            packed = path.read_bytes()
        except OSError as error:
            raise BadData(f"The data file {path} cannot be read: {error.strerror}.", self.how_to_get) from error
        if not file.unpacked and hashlib.sha256(packed).hexdigest() != file.sha256:
            raise self._damaged(path)
        start = len(file.header)
        size = start + int(np.prod(file.shape))
        try:
            plain = zlib.decompress(packed, wbits=31, bufsize=size)  # the hint spares zlib every reallocation
        except zlib.error as error:
            raise self._damaged(path) from error
        if file.unpacked and hashlib.sha256(plain).hexdigest() != file.sha256:
            raise self._damaged(path)
        if len(plain) != size or plain[:start] != file.header:
            raise BadData(f"The data file {path} does not hold uint8 {file.shape}.", self.how_to_get)
        return np.frombuffer(plain, np.uint8, offset=start).reshape(file.shape)

    def _damaged(self, path: Path) -> BadData:
        return BadData(
            f"The data file {path} is damaged: its sha256 is not the published file's.", self.how_to_get
        )
