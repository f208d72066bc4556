"""TensorFlow's native libraries write to descriptor 2 as they start; nobody needs to read that."""

import contextlib
import faulthandler
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, TextIO


class Noise:
    """What was written to descriptor 2 behind Python's back."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._file = file

    def read(self) -> str:
        """Return it so far."""
        if self._file is None:
            return ""
        self._file.seek(0)
        return self._file.read().decode(errors="replace")


@contextlib.contextmanager
def kept_off_screen(*, show: bool = False) -> Iterator[Noise]:
    """Send descriptor 2 to a temporary file; Python's own sys.stderr still reaches the screen.

    With `show`, or where sys.stderr is not descriptor 2, nothing changes. A crash in native code still says so.
    """
    if show or not _is_descriptor_2(sys.stderr):
        yield Noise()
        return
    sys.stderr.flush()
    before = sys.stderr
    screen = os.dup(2)
    with tempfile.TemporaryFile() as aside, os.fdopen(screen, "w", 1, before.encoding, before.errors) as stderr:
        os.dup2(aside.fileno(), 2)
        sys.stderr = stderr
        faulthandler.enable(stderr)
        try:
            yield Noise(aside)
        finally:
            faulthandler.disable()
            stderr.flush()
            os.dup2(screen, 2)
            sys.stderr = before


def _is_descriptor_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, io.UnsupportedOperation):
        return False
