"""`lrbench WORDS` in a process of its own that is there in milliseconds, for tests of what it does then.

It is forked from a server that has imported everything, one for each process of the suite, and leaves without
taking Python down. How a command starts, and how it is gone, is tested with `python -m lrbench`.
"""

import atexit
import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest

WITH_TENSORFLOW = "PRELOAD_TENSORFLOW"  # the server has it, too, if this is set

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["preloaded"])


class Started:
    """What tests ask of `subprocess.Popen`, of a command that writes text to two pipes."""

    def __init__(self, words: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> None:
        (out, err), theirs = zip(*(os.pipe() for _ in range(2)), strict=True)
        given = (list(words), str(cwd), {**os.environ, **variables}, [_End(end) for end in theirs])
        _have_server()
        self._process = _context.Process(target=_work, args=given)
        self._process.start()
        _started.append(self._process)
        for end in theirs:
            os.close(end)
        self.stdout, self.stderr = (open(end, encoding="utf-8") for end in (out, err))  # noqa: SIM115, PTH123

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # the server has seen its end, and not said so yet
                os.kill(self.pid, number)

    def wait(self, timeout: float = 300) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("lrbench", timeout)
        return self._process.exitcode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait for its end; return the rest of what it wrote. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        rests: dict[io.TextIOBase, str] = {}

        def read(stream: Any) -> None:
            with stream:
                rests[stream] = stream.read()

        streams = (self.stdout, self.stderr)
        threads = [threading.Thread(target=read, args=(stream,), daemon=True) for stream in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        self.wait(max(deadline - time.monotonic(), 0))
        if len(rests) < len(streams):
            raise subprocess.TimeoutExpired("lrbench", timeout)
        return rests[self.stdout], rests[self.stderr]


def start(*words: object, cwd: Path, **variables: str) -> Started:
    """Start `lrbench WORDS` in a folder, with these environment variables beside the test's."""
    return Started([str(word) for word in words], cwd, variables)


def run(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `lrbench WORDS` to its end."""
    process = start(*words, cwd=cwd, **variables)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(list(words), process.wait(), stdout, stderr)


class _End:
    """An end of a pipe that becomes the child's own as it is sent."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> Any:
        return _received, (DupFd(self._number),)


def _received(sent: Any) -> int:
    return int(sent.detach())


_started: list[Any] = []


@atexit.register  # after multiprocessing's own, so before it waits for all of them without end
def _kill_who_is_left() -> None:
    for process in _started:
        if process.is_alive():
            process.kill()


@cache
def _have_server() -> None:
    """Start it. Before Python 3.13 it does not know where this process imports from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        forkserver.ensure_running()


def _work(words: list[str], cwd: str, environment: dict[str, str], ends: list[int]) -> None:
    """Be `lrbench WORDS`."""
    assert "preloaded" in sys.modules, "multiprocessing says nothing where that fails"
    for number, end in enumerate(ends, start=1):
        os.dup2(end, number)
        os.close(end)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    tempfile.tempdir = None  # TMPDIR is asked again
    sys.argv = ["lrbench", *words]

    from lrbench.cli import main

    main()
