"""What is written, moved and removed below a folder: through no link, in nobody's place, as the umask wants."""

import multiprocessing
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrbench.errors import BadResults
from lrbench.files import write_whole
from lrbench.folders import Tree
from lrbench.outputs import write_output


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root" / "in").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("years of work")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "root" / "file-link").symlink_to(tmp_path / "out" / "precious")
    return Tree(tmp_path / "root")


@pytest.fixture(params=[0o022, 0o002, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_nothing_passes_a_link(tree: Tree) -> None:
    link = tree.root / "link"
    (tree.root / "in" / "x").write_text("x")
    for act in (
        lambda: tree.make(link / "new"),
        lambda: tree.write(link / "precious", b"gone"),
        lambda: tree.append(link / "precious", b"gone"),
        lambda: tree.append(tree.root / "file-link", b"gone"),
        lambda: tree.remove(link / "precious"),
        lambda: tree.move(link / "precious", tree.root / "in" / "precious"),
        lambda: tree.move(tree.root / "in" / "x", link / "x"),
        lambda: tree.set_aside(tree.root / "in" / "x", link, "x"),
        lambda: tree.check_folder(link),
        lambda: Tree(link).write(link / "precious", b"gone"),
    ):
        with pytest.raises(
            OSError, match="it is a link, and nothing is written, moved or removed through"
        ) as said:
            act()
        assert "link" in said.value.filename
    with pytest.raises(BadResults, match="it is a link, and nothing is written"):
        write_output(link / "x.png", b"", tree.root)
    assert tree.entries(link) == []
    tree.remove_leftovers(link)
    assert [path.read_text() for path in link.iterdir()] == ["years of work"]
    assert sorted(tree.links()) == [tree.root / "file-link", link]


def test_a_link_in_a_file_s_place_is_replaced_or_removed_alone(tree: Tree) -> None:
    tree.write(tree.root / "file-link", b"new")
    assert (tree.root / "file-link").read_text() == "new"
    assert not (tree.root / "file-link").is_symlink()
    tree.remove(tree.root / "link")
    assert not (tree.root / "link").is_symlink()
    (tree.root / "in" / "deep").symlink_to(tree.root.parent / "out")
    tree.remove(tree.root / "in")
    assert (tree.root.parent / "out" / "precious").read_text() == "years of work"


def test_what_lies_outside_is_refused(tree: Tree) -> None:
    for path in (tree.root.parent / "out" / "precious", tree.root / ".." / "out" / "precious"):
        with pytest.raises(ValueError, match="root"):
            tree.remove(path)


def test_a_move_replaces_nothing(tree: Tree) -> None:
    for name in ("a", "b"):
        (tree.root / name).write_text(name)
        (tree.root / f"{name}-folder").mkdir()
        (tree.root / f"{name}-folder" / "inside").write_text(name)
    for source, target in (("a", "b"), ("a", "b-folder"), ("a-folder", "b-folder"), ("a-folder", "b")):
        with pytest.raises(FileExistsError):
            tree.move(tree.root / source, tree.root / target)
    with pytest.raises(FileNotFoundError):
        tree.move(tree.root / "gone", tree.root / "c")
    assert sorted(path.name for path in tree.root.iterdir()) == [
        *("a", "a-folder", "b", "b-folder", "file-link", "in", "link")
    ]
    assert (tree.root / "b").read_text() == "b"


def test_a_name_that_was_removed_does_not_come_again(tree: Tree) -> None:
    names = []
    for i in range(5):
        (tree.root / "run").mkdir()
        (tree.root / "run" / "n").write_text(str(i))
        names.append(tree.set_aside(tree.root / "run", tree.root / "aside", "run"))
        if i % 2:
            tree.remove(names[-1])
    assert len(set(names)) == 5
    assert [path.joinpath("n").read_text() for path in sorted((tree.root / "aside").iterdir())] == ["0", "2", "4"]


def put_aside(root: Path, worker: int) -> None:
    tree = Tree(root)
    for i in range(60):
        path = root / f"note-{worker}-{i}"
        path.write_text(path.name)
        tree.set_aside(path, root / "aside", "note", ".json")


def test_two_processes_at_once_lose_nothing(tree: Tree) -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.starmap(put_aside, [(tree.root, 0), (tree.root, 1)])
    kept = {path.read_text() for path in (tree.root / "aside").iterdir()}
    assert kept == {f"note-{worker}-{i}" for worker in (0, 1) for i in range(60)}


def test_the_same_moment_is_two_names(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("lrbench.folders.datetime", Stopped)
    for name in ("a", "b"):
        (tree.root / name).write_text(name)
        tree.set_aside(tree.root / name, tree.root / "aside", "x", ".json")
    assert [path.name for path in tree.entries(tree.root / "aside")] == [
        "x-20260101T000000000000Z.json",
        "x-20260101T000000000001Z.json",
    ]


def test_a_hard_link_s_other_name_keeps_what_it_has(tree: Tree) -> None:
    tree.append(tree.root / "log", b"one\n")
    os.link(tree.root / "log", tree.root.parent / "backup")
    tree.append(tree.root / "log", b"two\n")
    assert (tree.root / "log").read_bytes() == b"one\ntwo\n"
    assert (tree.root.parent / "backup").read_bytes() == b"one\n"


def test_rights_are_what_the_umask_leaves(tree: Tree, umask: int) -> None:
    tree.make(tree.root / "made")
    tree.write(tree.root / "made" / "a", b"a")
    tree.append(tree.root / "made" / "b", b"b")
    write_whole(tree.root / "made" / "c", b"c")
    assert stat.S_IMODE((tree.root / "made").stat().st_mode) == 0o777 & ~umask
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tree.root / "made").iterdir()} == {0o666 & ~umask}
