"""Data in IDX files, gzipped, as MNIST and its kin have them: checked by sha256 at every load. No network."""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrbench.errors import BadData
from lrbench.problems.base import Examples


@dataclass(frozen=True, slots=True)
class File:
    """One IDX file, gzipped: its name, sha256, the length of its header and the shape of what follows."""

    name: str
    sha256: str
    shape: tuple[int, ...]

    @property
    def header(self) -> bytes:
        """The IDX header: 0, 0, 8 (unsigned bytes), the number of axes, then each axis as a big-endian int32."""
        return bytes([0, 0, 8, len(self.shape)]) + np.array(self.shape, ">i4").tobytes()


@dataclass(frozen=True, slots=True)
class DataSet:
    """A named data set: where its files lie, and what is known without reading them."""

    name: str
    folder: Path
    train_x: File
    train_y: File
    test_x: File
    test_y: File

    @property
    def train_examples(self) -> int:
        return self.train_y.shape[0]

    @property
    def sha256(self) -> str:
        """One fingerprint of all files."""
        files = (self.train_x, self.train_y, self.test_x, self.test_y)
        return hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()

    def load(self) -> tuple[Examples, Examples]:
        """Read training and test examples from the four files. Raises BadData if one is damaged."""
        return (
            Examples(self._read(self.train_x), self._read(self.train_y)),
            Examples(self._read(self.test_x), self._read(self.test_y)),
        )

    def _read(self, file: File) -> NDArray[np.uint8]:
        path = self.folder / file.name
        hint = f"Install lrbench again: its own copy of {self.name} must be whole."
        try:
            packed = path.read_bytes()
        except OSError as error:
            raise BadData(f"The data file {path} cannot be read: {error.strerror}.", hint) from error
        if hashlib.sha256(packed).hexdigest() != file.sha256:
            raise BadData(f"The data file {path} is damaged: its sha256 is not the published file's.", hint)
        start = len(file.header)
        size = start + int(np.prod(file.shape))
        plain = zlib.decompress(packed, wbits=31, bufsize=size)  # the hint spares zlib every reallocation
        if len(plain) != size or plain[:start] != file.header:
            raise BadData(f"The data file {path} does not hold uint8 {file.shape}.", hint)
        return np.frombuffer(plain, np.uint8, offset=start).reshape(file.shape)
