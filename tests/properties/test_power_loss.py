"""The one helper that writes every file, cut off at each of its system calls: nothing is lost, nothing is half."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import fake_run

from lrbench import files
from lrbench.errors import BadResults
from lrbench.runs import Experiment
from lrbench.store import load

CALLS = ("write", "fsync", "close", "replace", "open", "unlink")
LOST = 99  # the exit code of a process that lost its power
MODES = ("before", "after", "torn", "error")


class Trap:
    """Counts the helper's system calls, and at the chosen one does what the mode says."""

    def __init__(self, at: int, mode: str) -> None:
        self.at, self.mode, self.count = at, mode, 0

    def set(self) -> None:
        """Take the place of the module that the helper calls, in this process."""
        caught = {name: self._caught(getattr(os, name)) for name in CALLS}
        files.os = SimpleNamespace(**{**vars(os), **caught})  # type: ignore[assignment]

    def _caught(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def caught(*arguments: Any, **options: Any) -> Any:
            if self.mode == "torn" and call is not os.write:
                return call(*arguments, **options)
            self.count += 1
            if self.count != self.at:
                return call(*arguments, **options)
            if self.mode == "error":
                raise OSError(28, "No space left on device")
            if self.mode == "torn":
                os.write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            elif self.mode == "after":
                call(*arguments, **options)
            os._exit(LOST)

        return caught


def conduct(out: Path) -> Experiment:
    return fake_run(out, schedulers="plateau", epochs=3, jobs=1).experiment


def interrupted(out: Path, trap: Trap) -> int:
    """Conduct in a process of its own that falls into the trap; return how it ended: 0 if it never did."""
    child = os.fork()
    if child == 0:
        code = 98
        try:
            trap.set()
            conduct(out)
            code = 0
        except BadResults:
            code = LOST
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that must be the same bytes; records and the log hold seconds, the time and the machine."""
    return {
        str(path.relative_to(folder)): b"" if path.suffix in (".json", ".jsonl") else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def every_point(mode: str, parent: Path) -> Iterator[Path]:
    """Yield a results folder for each system call at which the command was cut off."""
    for at in range(1, 1000):
        out = parent / f"{mode}-{at}"
        code = interrupted(out, Trap(at, mode))
        if code == 0:
            assert at > (5 if mode == "torn" else 40), "it was cut off at every call of every file"
            return
        assert code == LOST
        yield out
        shutil.rmtree(out)


def check(parent: Path, mode: str) -> None:
    whole = conduct(parent / "whole")
    expected = contents(whole.folder)
    for out in every_point(mode, parent):
        if list(out.glob("*/experiment.json")):
            (folder,) = out.iterdir()
            assert not load(folder).damage
        again = conduct(out)
        found = contents(again.folder)
        assert found == expected, f"{out.name}: {found.items() ^ expected.items()}"
        assert again.finished[0].result.state_sha256 == whole.finished[0].result.state_sha256


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_command_cut_off_at_any_system_call_loses_nothing(tmp_path: Path, mode: str) -> None:
    """In a process of its own, because it forks."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    program = f"import test_power_loss as t, pathlib; t.check(pathlib.Path({str(tmp_path)!r}), {mode!r})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["epochs.csv", "summary.csv", "experiment.json"])
def test_what_is_stored_already_survives_an_error_at_any_system_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    files.write_whole(path, b"old")
    for at in range(1, 100):
        with monkeypatch.context() as patched:
            patched.setattr(files, "os", os)  # brought back afterwards
            trap = Trap(at, "error")
            trap.set()
            try:
                files.write_whole(path, b"new")
            except OSError:
                assert path.read_bytes() in (b"old", b"new")
            if trap.count < at:
                break
        assert [each.name for each in tmp_path.iterdir()] == [name], "no litter"
        files.write_whole(path, b"old")
    assert at > 6
