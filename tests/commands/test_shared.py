"""A results folder that several users share: rights follow the umask, and are checked before the training."""

import os
import stat
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench.errors import BadResults
from lrbench.store import load

Cli = Callable[..., Result]
ANNA, BEN, GROUP = 60_001, 60_002, 60_100
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become two users")


def as_user(user: int, umask: int, act: Callable[[], object]) -> str:
    """Do something as another user, in a process of its own; return what it was refused with, if it was."""
    read, write = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # of libraries with threads, which the child does not use
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([GROUP])
            os.setgid(user)
            os.setuid(user)
            os.umask(umask)
            act()
            code = 0
        except BadResults as error:
            os.write(write, f"{error.problem}\n{error.hint}".encode())
            code = 0
        except BaseException:
            os.write(write, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        said = told.read().decode()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, said
    return said


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder of a group, whose files belong to the group."""
    train(tmp_path / "imports", 2)()  # all that is imported on the way, where others may not read the libraries
    temporary = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(temporary) and folder != temporary:
            folder.chmod(0o755)
    results = tmp_path / "results"
    results.mkdir()
    os.chown(results, ANNA, GROUP)
    results.chmod(0o2775)
    return results


def train(results: Path, seeds: int) -> Callable[[], object]:
    return lambda: fake_run(results, schedulers="mine=step,cosine", seeds=seeds, name="one", jobs=1)


def rights(folder: Path) -> set[int]:
    return {
        stat.S_IMODE(path.stat().st_mode) & 0o777
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


@as_root
def test_two_users_go_on_with_each_other_s_runs(shared: Path) -> None:
    assert as_user(ANNA, 0o002, train(shared, 2)) == ""
    assert as_user(BEN, 0o002, train(shared, 3)) == ""
    assert as_user(ANNA, 0o002, train(shared, 4)) == ""
    stored = load(shared / "one")
    assert len(stored.finished) == 8
    assert not stored.damage
    assert rights(shared) == {0o664}
    assert {path.stat().st_gid for path in shared.rglob("*")} == {GROUP}


@as_root
@pytest.mark.parametrize(
    ("closed", "mode"),
    [("history", 0o755), ("runs", 0o755), (".locks", 0o755), ("log.jsonl", 0o644), (".", 0o755), (".", 0o3775)],
)
def test_what_cannot_be_written_is_named_before_anything_is_trained(shared: Path, closed: str, mode: int) -> None:
    assert as_user(ANNA, 0o002, train(shared, 2)) == ""
    (shared / "one" / closed).chmod(mode)
    said = as_user(BEN, 0o002, train(shared, 3))
    named = shared / "one" / closed
    if mode == 0o3775:
        assert f"{shared}/one/labels.json cannot be written: it is somebody else's" in said
    else:
        assert f"{named} cannot be written: Permission denied." in said
    assert len(list(shared.glob("one/runs/*"))) == 4, "nothing was begun"


@as_root
def test_a_run_of_somebody_else_s_is_named_too(shared: Path) -> None:
    assert as_user(ANNA, 0o002, train(shared, 2)) == ""
    run = next(shared.glob("one/runs/cosine-s1-*"))
    (run / "run.json").unlink()
    run.chmod(0o755)
    said = as_user(BEN, 0o002, train(shared, 3))
    assert f"{run} cannot be written: Permission denied." in said
    assert len(list(shared.glob("one/runs/*"))) == 4


def test_with_a_private_umask_files_are_private(cli: Cli, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        fake_run(tmp_path / "results", schedulers="step,cosine", seeds=2, name="one", checkpoint_every=1)
        for words in (
            ["summary", "results", "-o", "table.txt"],
            ["report", "results"],
            ["export", "results", "--to", "json"],
            ["merge", "results", "-o", "whole"],
        ):
            assert cli(*words).exit_code == 0
    finally:
        os.umask(before)
    assert rights(tmp_path) == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_dir()} == {0o700}
