"""TensorFlow's native libraries write to descriptor 2 as they start; nobody needs to read that."""

import contextlib
import faulthandler
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, TextIO

from lrbench.show import in_notebook
from lrbench.show.pipes import unread


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

    With `show`, or where sys.stderr is not descriptor 2, nothing changes. A notebook is the exception: its kernel
    shows what descriptor 2 gets, and has another way for sys.stderr. A crash in native code still says so.
    """
    usual = _is_descriptor_2(sys.stderr)
    if show or not (usual or in_notebook()):
        yield Noise()
        return
    with (
        tempfile.TemporaryFile() as aside,
        _descriptor_2(aside) as screen,
        _stderr_to(screen) if usual else contextlib.nullcontext(),
    ):
        yield Noise(aside)


@contextlib.contextmanager
def _descriptor_2(aside: IO[bytes]) -> Iterator[int]:
    """Send descriptor 2 to a file; yield a descriptor of where it led before."""
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(aside.fileno(), 2)
    try:
        yield before
    finally:
        os.dup2(before, 2)
        os.close(before)


@contextlib.contextmanager
def _stderr_to(screen: int) -> Iterator[None]:
    """Let sys.stderr write there, and a crash in native code too."""
    before, was_enabled = sys.stderr, faulthandler.is_enabled()
    with unread(screen, before, line_buffering=True) as stderr:
        sys.stderr = stderr
        faulthandler.enable(stderr)
        try:
            yield
        finally:
            faulthandler.disable()
            sys.stderr = before
            if was_enabled:
                faulthandler.enable(before)


def _is_descriptor_2(stream: TextIO) -> bool:
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, io.UnsupportedOperation):
        return False
