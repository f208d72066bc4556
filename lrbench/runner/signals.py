"""Ctrl-C and SIGTERM, as exceptions that end a command in order."""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from lrbench.errors import Stopped


class Signalled(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that nobody on the way mistakes it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = "Interrupted" if number == signal.SIGINT else "Terminated"
        self.exit_code = 128 + number


class _Held:
    """Whether a signal is to wait, and which one does."""

    on = False
    waiting: Signalled | None = None


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let a signal wait inside, so that nothing is torn while it is stored: `raise_held` lets it through."""
    _Held.on = True
    try:
        yield
    finally:
        _Held.on = False
    raise_held()


def raise_held() -> None:
    """Raise the signal that has come since, if one has."""
    if _Held.waiting:
        waiting, _Held.waiting = _Held.waiting, None
        raise waiting


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into Signalled, and that into Stopped; a second one ends the process."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def handle(number: int, frame: Any) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        if _Held.on:
            _Held.waiting = Signalled(number)
        else:
            raise Signalled(number)

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    except Signalled as signalled:
        raise Stopped(
            f"{signalled.name}: what was finished before is kept.",
            "Give the same command again to go on.",
            signalled.exit_code,
        ) from signalled
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)
