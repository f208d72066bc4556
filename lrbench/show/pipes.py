"""Standard output and error that somebody may stop reading, as `lrbench schedulers | head -1` does."""

import io
import os
import sys
from typing import TextIO


class Unread(io.FileIO):
    """A descriptor whose reader may leave: what is written after that goes nowhere, and the command goes on.

    So that its exit code still says what it found, and what it trains is trained to the end.
    """

    def write(self, data: object) -> int:
        """Write to the descriptor, or to nowhere once its reader has left."""
        try:
            return super().write(data)  # type: ignore[arg-type] # what FileIO takes
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(data)  # type: ignore[arg-type]


def unread(descriptor: int, like: TextIO, *, line_buffering: bool) -> TextIO:
    """Return a text stream on a descriptor whose reader may leave, with the encoding of another stream."""
    raw = io.BufferedWriter(Unread(descriptor, "wb", closefd=False))
    return io.TextIOWrapper(raw, like.encoding, like.errors, line_buffering=line_buffering)


def outlive_readers() -> None:
    """Let sys.stdout and sys.stderr outlive whoever reads them, where that is no terminal."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.flush()
            setattr(sys, name, unread(stream.fileno(), stream, line_buffering=name == "stderr"))
