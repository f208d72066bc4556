"""`lrbench WORDS` in a process of its own that is there in milliseconds, for tests of what it does afterwards.

It is forked from a server that has imported everything, one for each process of the suite. What the start itself
does is tested with `python -m lrbench`.
"""

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
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
        given = (list(words), str(cwd), {**os.environ, **variables}, [DupFd(end) for end in theirs])
        _have_server()
        self._process = _context.Process(target=_work, args=given)
        self._process.start()
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
            os.kill(self.pid, number)

    def wait(self, timeout: float = 300) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("lrbench", timeout)
        return self._process.exitcode

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """Wait for its end; return the rest of what it wrote."""
        rests: dict[io.TextIOBase, str] = {}

        def read(stream: Any) -> None:
            with stream:
                rests[stream] = stream.read()

        threads = [threading.Thread(target=read, args=(stream,)) for stream in (self.stdout, self.stderr)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout)
        self.wait(timeout)
        return rests[self.stdout], rests[self.stderr]


def start(*words: object, cwd: Path, **variables: str) -> Started:
    """Start `lrbench WORDS` in a folder, with these environment variables beside the test's."""
    return Started([str(word) for word in words], cwd, variables)


def run(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `lrbench WORDS` to its end."""
    process = start(*words, cwd=cwd, **variables)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(list(words), process.wait(), stdout, stderr)


@cache
def _have_server() -> None:
    """Start it. Before Python 3.13 it does not know where this process imports from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        forkserver.ensure_running()


def _work(words: list[str], cwd: str, environment: dict[str, str], pipes: list[Any]) -> None:
    """Be `lrbench WORDS`."""
    for number, pipe in enumerate(pipes, start=1):
        end = pipe.detach()
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
