"""Ctrl-C and SIGTERM, as exceptions that end a command in order."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
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


def signals_raise() -> contextlib.AbstractContextManager[None]:
    """For a command: the first SIGINT or SIGTERM is raised as Stopped; a second one ends the process."""
    return _raised((signal.SIGINT, signal.SIGTERM), signal.SIG_DFL)


def interrupts_raise() -> contextlib.AbstractContextManager[None]:
    """For a call in somebody's program: the first Ctrl-C is raised as Stopped; a second one interrupts at once.

    Where Ctrl-C would not raise KeyboardInterrupt here, in another thread or with a handler of the program's own,
    nothing changes.
    """
    here = threading.current_thread() is threading.main_thread()
    usual = here and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return _raised((signal.SIGINT,) if usual else (), signal.default_int_handler)


@contextlib.contextmanager
def _raised(numbers: Sequence[signal.Signals], second: Any) -> Iterator[None]:
    """Turn the first of these signals into Signalled, and that into Stopped; `second` then handles all of them."""

    def handle(number: int, frame: Any) -> None:
        for each in numbers:
            signal.signal(each, second)
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
            "The same call goes on from there.",
            signalled.exit_code,
        ) from signalled
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)
