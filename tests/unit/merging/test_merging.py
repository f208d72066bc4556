"""Folders made into one: nothing lost, nothing changed, in any order, and what does not fit refused by name."""

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import ROOT, fake_run

from lrbench.errors import BadResults
from lrbench.files import read_json
from lrbench.merging import Merge, carry_out, look
from lrbench.store import load
from lrbench.store.progress import progress_of
from lrbench.store.schema import SEAL, sealed

FROZEN = ROOT / "tests" / "data"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def merged(sources: Sequence[Path], out: Path) -> Merge:
    merge = look(sources, out)
    carry_out(merge)
    return merge


def shards(folder: Path, of: int = 3, **options: object) -> list[Path]:
    parts = []
    for number in range(1, of + 1):
        parts.append(folder / f"part-{number}")
        fake_run(parts[-1], seeds=4, shard=f"{number}/{of}", **options)
    return parts


def resealed(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    record = {key: value for key, value in read_json(path).items() if key not in (SEAL, "schema_version")}
    change(record)
    path.write_text(json.dumps(sealed(record)))


def test_shards_come_to_what_one_command_leaves(tmp_path: Path) -> None:
    whole = fake_run(tmp_path / "whole", seeds=4).experiment
    parts = shards(tmp_path)
    assert [len(load(next(part.iterdir())).finished) for part in parts] == [8, 8, 8]
    merged(parts, tmp_path / "out")
    one = load(tmp_path / "out" / whole.name)
    for table in ("epochs.csv", "summary.csv"):
        assert (one.folder / table).read_bytes() == (whole.folder / table).read_bytes()
    assert [each.run_id for each in one.finished] == [each.run_id for each in whole.finished]
    assert [each for _, each in one.history.declared] == [each for _, each in whole.history.declared], (
        "all shards set out to train the same"
    )
    assert not progress_of(one).missing
    assert len(progress_of(load(parts[0] / whole.name)).missing) == 16
    assert not one.damage


def test_in_any_order_the_same_files_stand_there_and_again_nothing_changes(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    fake_run(parts[0], seeds=4, shard="2/3")  # what the second part has as well
    found = []
    for i, order in enumerate(itertools.permutations(parts)):
        out = tmp_path / f"out-{i}"
        merge = merged(order, out)
        assert sum(len(joint.added) for joint in merge.joints) == 24
        found.append(files(out))
        again = merged(order, out)
        assert not any(joint.added for joint in again.joints)
        assert files(out) == found[-1]
    assert all(each == found[0] for each in found)


def test_step_by_step_comes_to_the_same_runs(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    merged(parts, tmp_path / "at-once")
    for part in reversed(parts):
        merged([part], tmp_path / "by-steps")
    (name,) = (path.name for path in (tmp_path / "at-once").iterdir())
    one, two = (load(tmp_path / each / name) for each in ("at-once", "by-steps"))
    assert [each.result for each in one.finished] == [each.result for each in two.finished]
    assert (one.folder / "epochs.csv").read_bytes() == (two.folder / "epochs.csv").read_bytes()


def test_a_run_that_failed_gives_way_and_is_kept(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="step", name="one")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    record = next(tmp_path.glob("b/one/runs/*/run.json"))
    table = record.with_name("epochs.csv")
    table.write_bytes(table.read_bytes().splitlines(keepends=True)[0])
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    resealed(record, lambda each: each.update(status="failed", test=None, error="Boom", epochs_sha256=sha256))
    assert load(tmp_path / "b" / "one").finished[0].failed
    merged([tmp_path / "a"], tmp_path / "b")
    assert not load(tmp_path / "b" / "one").finished[0].failed
    assert read_json(next(record.parent.glob("failed-*.json")))["error"] == "Boom"
    merged([tmp_path / "b"], tmp_path / "c")
    assert not load(tmp_path / "c" / "one").finished[0].failed


def test_two_trainings_with_other_figures_are_refused_by_name(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="step", name="one")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    record = next(tmp_path.glob("b/one/runs/*/run.json"))
    resealed(record, lambda each: each.update(test={"loss": 0.5, "accuracy": 0.5}))
    with pytest.raises(BadResults, match="are the same run with other figures") as caught:
        look([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    for part in ("a", "b"):
        assert str(tmp_path / part / "one" / "runs" / record.parent.name) in caught.value.problem
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadResults, match="other figures"):
        look([tmp_path / "a"], tmp_path / "b")


def test_a_label_of_two_schedules_is_refused_by_name(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="mine=step", name="one")
    fake_run(tmp_path / "b", schedulers="mine=cosine", name="one")
    with pytest.raises(BadResults, match=r"The label 'mine' stands for another schedule in .*b/one"):
        look([tmp_path / "a", tmp_path / "b"], tmp_path / "out")


def test_two_settings_of_one_name_are_refused_by_name(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="step", name="one")
    fake_run(tmp_path / "b", schedulers="step", name="one", batch_size=64)
    with pytest.raises(BadResults, match=r"a/one and .*b/one have one name and two settings"):
        look([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    with pytest.raises(
        BadResults, match=r"a/one holds another setting than .*b/one: batch_size is 32 there and 64"
    ):
        look([tmp_path / "b"], tmp_path / "a")


def test_several_settings_stay_several_experiments(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="step")
    fake_run(tmp_path / "b", schedulers="step", batch_size=64)
    merge = merged([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert len(merge.joints) == 2
    assert not any(joint.warnings for joint in merge.joints)


def test_other_data_and_other_versions_are_said(tmp_path: Path) -> None:
    for part in "ab":
        fake_run(tmp_path / part, schedulers="step,cosine", name="one", shard="1/2" if part == "a" else "2/2")
    record = next(tmp_path.glob("b/one/runs/*/run.json"))
    resealed(record, lambda each: each["versions"].update(keras="2.0"))  # type: ignore[attr-defined]
    (joint,) = look([tmp_path / "a", tmp_path / "b"], tmp_path / "out").joints
    (warning,) = joint.warnings
    assert "keras differs" in warning
    assert "2.0 in " in warning
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    (tmp_path / "c" / "one").rename(tmp_path / "c" / "two")
    for path in (*tmp_path.glob("c/two/experiment.json"), *tmp_path.glob("c/two/runs/*/run.json")):
        shutil.copy(path, path.with_suffix(".old"))
    experiment = tmp_path / "c" / "two" / "experiment.json"
    resealed(experiment, lambda each: each["identity"].update(data_sha256="0" * 64))  # type: ignore[attr-defined]
    joints = look([tmp_path / "a", tmp_path / "c"], tmp_path / "out").joints
    assert len(joints) == 2
    assert all("its data are not those of" in warning for joint in joints for warning in joint.warnings)


def test_damage_stays_where_it_is_and_is_told(tmp_path: Path) -> None:
    fake_run(tmp_path / "a", schedulers="step,cosine", name="one")
    broken = next(tmp_path.glob("a/one/runs/cosine*/run.json"))
    broken.write_text("{")
    merge = merged([tmp_path / "a"], tmp_path / "out")
    assert [damage.run_folder for damage in merge.damage] == [broken.parent]
    assert [one.schedule.words for one in load(tmp_path / "out" / "one").finished] == ["step"]


@pytest.mark.parametrize("schema", ["schema-1", "schema-2"])
def test_frozen_folders_merge_and_stay_as_they_are(schema: str, tmp_path: Path) -> None:
    before = files(FROZEN / schema)
    source = shutil.copytree(FROZEN / schema, tmp_path / "in")
    merge = merged([source], tmp_path / "out")
    assert files(source) == before
    for joint in merge.joints:
        old, new = load(joint.sources[0].folder), load(joint.folder)
        assert [each.result for each in new.finished] == [each.result for each in old.finished]


def test_searches_and_logs_come_along(tmp_path: Path) -> None:
    from lrbench.config import load_config
    from lrbench.studies.tuning import Wanted, tune

    for number in (1, 2):
        config = load_config(
            None, {"engine": "fake", "epochs": 2, "schedulers": "step", "seeds": 2, "name": "one"}, {}
        )
        tune(config.model_copy(update={"out": tmp_path / str(number), "shard": f"{number}/2"}), Wanted())
    parts = [tmp_path / "1", tmp_path / "2"]
    merged(parts, tmp_path / "out")
    one = load(tmp_path / "out" / "one")
    assert len(one.searches) == 1
    assert len(one.finished) == 7 * 3
    lines = (one.folder / "log.jsonl").read_text().splitlines()
    theirs = [line for part in parts for line in (part / "one" / "log.jsonl").read_text().splitlines()]
    assert sorted(lines) == sorted(theirs)
