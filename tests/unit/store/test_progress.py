"""How far an experiment is: each run in one place, whatever became of it."""

from contextlib import suppress
from pathlib import Path

import pytest
from conftest import fake_run

from lrbench.config import load_config
from lrbench.runner import Listener, conduct
from lrbench.runs import Row, Run
from lrbench.store import load
from lrbench.store.locks import Locks
from lrbench.store.progress import Progress, held_in, progress_of
from lrbench.store.write import WHOLE

WISHES = {"schedulers": "step,cosine", "seeds": 3, "name": "one"}


def stands(out: Path) -> Progress:
    return progress_of(load(out / "one"))


class Stop(Exception):
    """Ends a command on its way."""


class Stopper(Listener):
    def on_epoch(self, run: Run, row: Row) -> None:
        if row.epoch == 2:
            raise Stop


def begin(out: Path) -> None:
    """Stop two epochs into the first run, whose checkpoint stays."""
    wishes = {"engine": "fake", "epochs": 4, "out": out, "jobs": 1, "checkpoint_every": 1, **WISHES}
    with suppress(Stop):
        conduct(load_config(None, wishes, {}), Stopper())


def test_a_whole_comparison_is_done(tmp_path: Path) -> None:
    runs = fake_run(tmp_path, **WISHES).plan.runs
    found = stands(tmp_path)
    assert sorted(found.done) == sorted(run.run_id for run in runs)
    assert found.whole == 6
    assert [found.missing, found.begun, found.running, found.failed, found.diverged] == [()] * 5


def test_missing_is_what_was_declared_seed_by_seed(tmp_path: Path) -> None:
    outcome = fake_run(tmp_path, **WISHES, shard="1/3")
    found = stands(tmp_path)
    assert len(found.done) == 2
    assert list(found.missing) == [run.run_id for run in outcome.plan.whole if run.run_id not in found.done]
    fake_run(tmp_path, **{**WISHES, "schedulers": "rex"}, shard="1/3")
    assert stands(tmp_path).whole == 9


def test_what_nobody_declared_counts_as_well(tmp_path: Path) -> None:
    fake_run(tmp_path, **WISHES)
    for path in (tmp_path / "one" / "history").iterdir():
        path.unlink()
    assert stands(tmp_path).whole == len(stands(tmp_path).done) == 6


def test_diverged_is_a_place_of_its_own(tmp_path: Path) -> None:
    fake_run(tmp_path, **{**WISHES, "schedulers": "step,constant(lr=100)"})
    found = stands(tmp_path)
    assert (len(found.done), len(found.diverged)) == (3, 3)


def test_begun_is_what_stopped_on_the_way(tmp_path: Path) -> None:
    begin(tmp_path)
    found = stands(tmp_path)
    (begun,) = found.begun
    assert begun.startswith("step-s0-")
    assert (len(found.missing), found.whole) == (5, 6)


@pytest.mark.parametrize("is_begun", [False, True])
def test_running_is_what_somebody_holds(tmp_path: Path, is_begun: bool) -> None:
    begin(tmp_path)
    before = stands(tmp_path)
    run_id = before.begun[0] if is_begun else before.missing[0]
    locks = Locks(tmp_path / "one")
    assert locks.claim(run_id)
    try:
        found = stands(tmp_path)
        assert found.running == (run_id,)
        assert found.whole == 6
        assert run_id not in found.begun + found.missing
    finally:
        locks.release_all()
    assert stands(tmp_path) == before


def test_who_writes_the_shared_files_is_at_work_on_no_run(tmp_path: Path) -> None:
    fake_run(tmp_path, **WISHES)
    with Locks(tmp_path / "one").waiting_for(WHOLE):
        assert held_in(load(tmp_path / "one")) == set()
        assert stands(tmp_path).whole == 6


def test_a_lock_that_a_dead_command_left_is_nobody_s(tmp_path: Path) -> None:
    outcome = fake_run(tmp_path, **WISHES, shard="1/2")
    missing = stands(tmp_path).missing[0]
    (tmp_path / "one" / ".locks").mkdir(exist_ok=True)
    (tmp_path / "one" / ".locks" / f"{missing}.lock").touch()
    assert stands(tmp_path).running == ()
    assert missing in stands(tmp_path).missing
    assert len(outcome.plan.runs) == 3
