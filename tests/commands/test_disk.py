"""Places that are full, read-only, elsewhere or oddly named: it works, or it says why, and nothing is touched."""

import errno
import fcntl
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench import files
from lrbench.errors import BadResults
from lrbench.store import load

Cli = Callable[..., Result]
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]  # a mount of our own, gone with the process
LRBENCH = f"{sys.executable} -m lrbench"
RUN = f"{LRBENCH} run --engine fake -q -o disk"


def contents(folder: Path) -> dict[str, str]:
    """A hash of every file, but for those that only say who is at work, or repeat what runs say."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".locks" not in path.parts and path.name != "labels.json"
    }


def mounted(folder: Path, script: str, size: str = "400k") -> "subprocess.CompletedProcess[str]":
    """Run a shell script with a tmpfs at `disk`. Skips where the machine forbids the mount."""
    (folder / "disk").mkdir()
    mount = f"mount -t tmpfs -o size={size} none disk"
    try:
        allowed = subprocess.run([*NAMESPACE, "sh", "-c", mount], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here; the error is injected in other tests")
    if allowed.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs; the error is injected in other tests")
    return subprocess.run(
        [*NAMESPACE, "sh", "-c", f"set -e\n{mount}\n{script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


HASH = "find disk -type f -not -path '*/.locks/*' -exec sha256sum {} + | sort"


@pytest.mark.slow
def test_a_disk_that_is_really_full_ends_in_an_error_and_touches_nothing(tmp_path: Path) -> None:
    done = mounted(
        tmp_path,
        f"""
        {RUN} -s step --seeds 2
        {HASH} > before
        {RUN} -s step --seeds 500 2> said && exit 9 || echo exit code $?
        sha256sum -c --quiet < before || echo RUNS LOST  # of runs; the tables may have grown
        {LRBENCH} summary disk > summary 2>> said || echo cannot be read
        {LRBENCH} doctor disk
        head -c 40000 /dev/zero > filler 2>/dev/null
        """,
    )
    said = (tmp_path / "said").read_text().splitlines()
    assert "exit code 2" in done.stdout, done
    assert "cannot be written: No space left on device." in said[0]
    assert said[1] == "  Choose another results folder, --out PATH, or free the place."
    assert len(said) == 2
    lost = [line for line in (done.stdout + done.stderr).splitlines() if "FAILED" in line]
    assert all(line.startswith(("disk/", "sha256sum")) and "/runs/" not in line for line in lost), lost
    assert "cannot be read" not in done.stdout
    assert "good  disk/" in done.stdout


@pytest.mark.slow
def test_a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written(tmp_path: Path) -> None:
    done = mounted(
        tmp_path,
        f"""
        {RUN} -s step
        {HASH} > before
        mount -o remount,ro disk
        {RUN} -s cosine 2> said && exit 9 || echo exit code $?
        {LRBENCH} summary disk
        {LRBENCH} plot disk --out elsewhere
        {LRBENCH} plot disk 2>> said && exit 9 || echo exit code $?
        {HASH} | cmp - before
        """,
    )
    assert done.returncode == 0, done
    assert done.stdout.count("exit code 2") == 2
    said = (tmp_path / "said").read_text().splitlines()
    assert len(said) == 4
    assert all("cannot be written: Read-only file system." in line for line in said[::2])


@pytest.mark.slow
def test_results_on_another_file_system_simply_work(tmp_path: Path) -> None:
    """The temporary files stand beside the real ones, so no rename crosses a border."""
    done = mounted(tmp_path, f"{RUN} -s step,cosine\n{LRBENCH} plot disk --out disk\n{LRBENCH} doctor disk", "50m")
    assert done.returncode == 0, done
    assert "good  disk/" in done.stdout


def test_odd_names_simply_work(cli: Cli, tmp_path: Path) -> None:
    place = tmp_path / "été 🎉 'quoted' results"
    for words in (
        ["run", "--engine", "fake", "-s", "größe=step", "-o", place],
        ["plot", place],
        ["doctor", place],
    ):
        done = cli(*words)
        assert done.exit_code == 0, done.stderr
    assert "größe" in cli("summary", place).stdout


@pytest.mark.parametrize("name", ["runs", "epochs.csv", "quarantine", ".locks"])
def test_a_file_or_folder_in_the_way_is_an_error(tmp_path: Path, name: str) -> None:
    stored = fake_run(tmp_path, schedulers="step").experiment
    way = stored.folder / name
    (stored.folder / "log.jsonl").unlink()  # it grows
    before = contents(stored.folder)
    if name == "epochs.csv":
        way.unlink()
        way.mkdir()
        (way / "precious").write_text("x")
    elif name == "runs":
        way.rename(stored.folder / "moved")
        way.write_text("x")
    elif name == "quarantine":
        way.write_text("x")
        (stored.folder / "runs" / stored.finished[0].run_id / "run.json").write_text("{")
    else:
        for each in way.iterdir():
            each.unlink()
        way.rmdir()
        way.write_text("x")
    with pytest.raises(BadResults, match=r"cannot be (written|read)"):
        fake_run(tmp_path, schedulers="step,cosine")
    lost = set(before.values()) - set(contents(stored.folder).values())
    assert len(lost) <= 1 + (name == "quarantine"), "but for the table and the file that this test overwrote"


def test_an_error_while_storing_ends_in_two_lines_and_keeps_what_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk full by injection, in the middle of a command."""
    count = 0
    whole = os.fsync

    def full(handle: int) -> None:
        nonlocal count
        count += 1
        if 60 < count < 70:
            raise OSError(28, "No space left on device")
        whole(handle)

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "fsync", full)
        with pytest.raises(BadResults, match="No space left on device"):
            fake_run(tmp_path, seeds=4, jobs=1)
    (folder,) = tmp_path.iterdir()
    stored = load(folder)
    assert stored.finished
    assert not stored.damage
    assert len(fake_run(tmp_path, seeds=4).trained) == 24 - len(stored.finished)


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """Locks that nobody can reach are given back before a test or after it, and not counted in its midst."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize(("number", "ever"), [(errno.EIO, True), (errno.ENOLCK, True), (errno.EIO, False)])
def test_a_lock_that_cannot_be_taken_or_given_back_is_an_error_of_two_lines(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, number: int, ever: bool
) -> None:
    """From each call of flock on it fails, or only once, by injection; whatever was stored until then is whole."""
    words = ("run", "--engine", "fake", "-q", "-s", "step", "--jobs", "1")
    whole = fcntl.flock
    for at in range(1, 100):
        calls = 0

        def flock(handle: int, how: int, at: int = at) -> None:
            nonlocal calls
            calls += 1
            if calls == at or (ever and calls > at):
                raise OSError(number, os.strerror(number))
            whole(handle, how)

        with monkeypatch.context() as patched:
            patched.setattr(fcntl, "flock", flock)
            result = cli(*words, "-o", f"out-{at}")
        if calls < at:
            break
        assert result.exit_code in ((2,) if ever else (0, 2)), result.output
        if result.exit_code == 2:
            problem, hint = result.stderr.splitlines()
            assert problem.endswith(f".locks cannot be locked: {os.strerror(number)}.")
            assert hint.endswith("--out PATH")
        for folder in Path().glob(f"out-{at}/*/experiment.json"):
            assert not load(folder.parent).damage
        if not ever:
            assert cli(*words, "-o", f"out-{at}").exit_code == 0, "afterwards it goes on"
    assert at > 5, "it failed at every call"
