"""The rooms: who may import whom, and what a light command never loads."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "lrbench"
# From left to right; a room imports only from rooms before it.
# Those that read and judge what is stored come first: they stand without the ones that make it.
ROOMS = [
    "directions",
    "errors",
    "foreign",
    "options",
    "files",
    "folders",
    "outputs",
    "calls",
    "users",
    "schedules",
    "searches",
    "designs",
    "runs",
    "store",
    "judging",
    "summary",
    "merging",
    "export",
    "optimizers",
    "shards",
    "config",
    "backend",
    "problems",
    "plan",
    "environment",
    "engine",
    "runner",
    "studies",
    "doctor",
    "show",
    "api",
    "cli",
    "__main__",
]
STRANGERS = [{"engine"}, {"store"}, {"judging", "summary"}]  # they never import one another


def room_of(module: str) -> str | None:
    """`lrbench.store.read` -> `store`; None for the package itself and for others."""
    parts = module.split(".")
    return parts[1] if parts[0] == "lrbench" and len(parts) > 1 else None


def imports_of(path: Path) -> set[str]:
    """The rooms that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {room_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "lrbench":
            found |= {alias.name for alias in node.names if alias.name in ROOMS}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(room_of(node.module))
    return {room for room in found if room}


def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def test_every_file_stands_in_a_known_room() -> None:
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files()} == set(ROOMS)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_to_its_left(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other in imports_of(path) - {room}:
        assert ROOMS.index(other) < ROOMS.index(room), f"{path} imports {other}, which stands to its right"
        sides = [side for side in STRANGERS if side & {room, other}]
        assert len(sides) < 2, f"{room} and {other} are strangers"


def test_the_package_itself_imports_nothing() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    assert [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)] == [
        "from typing import TYPE_CHECKING, Any"
    ]


@pytest.mark.parametrize("path", [path for path in files() if {"show", "cli"} & set(path.parts)], ids=str)
def test_outputs_compare_nothing_themselves(path: Path) -> None:
    """They show an Answer: one question is asked in one place."""
    asking = {
        "compare",
        "all_pairs",
        "against",
        "with_all_pairs",
        "scores_of",
        "choose_baseline",
        "time_to_target",
    }
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not names & asking


SPEAKS_PYTHON = (
    *(
        "errors",
        "foreign",
        "config",
        "judging",
        "summary",
        "export",
        "api",
        "optimizers",
        "users",
        "backend",
        "problems",
        "plan",
    ),
    *("store", "engine", "runner", "studies"),
)


@pytest.mark.parametrize(
    "path",
    [path for path in files() if path.relative_to(PACKAGE).parts[0].removesuffix(".py") in SPEAKS_PYTHON],
    ids=lambda path: path.name,
)
def test_only_the_command_line_speaks_of_options(path: Path) -> None:
    """What these rooms say, Python callers read too: a wish has its plain name. A whole command may be named."""
    tree = ast.parse(path.read_text())
    docs = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in ast.walk(node)}
    texts = [ast.unparse(node) for node in formatted]
    texts += [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
    ]
    loose = [
        text
        for text in texts
        if text not in docs and re.search(r"--[a-z]", re.sub(r"`(lrbench|ray) [^`]*`|python -m pip .*", "", text))
    ]
    assert not loose


REFERENCE = str(ROOT / "results/reference")
LIGHT: list[tuple[list[str], set[str]]] = [  # with what they never load
    (["--version"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "numpy"}),
    (["--help"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "pydantic", "numpy"}),
    (["run", "--help"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "numpy"}),
    (["preview", "step,cosine"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["schedulers"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["schedulers", "cosine", "--code", "keras"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["run", "--dry-run"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["init", "-"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "numpy"}),
    (["init", "--schema"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["find-lr", "--help"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "numpy"}),
    (["find-lr", "--from", "10"], {"tensorflow", "keras", "pandas", "matplotlib"}),
    (["find-lr", "--engine", "fake"], {"tensorflow", "keras", "pandas", "matplotlib"}),
    (["run", "--lr", "nan"], {"tensorflow", "keras", "pandas", "matplotlib", "scipy"}),
    (["plot", str(ROOT / "tests/data/schema-2/tested"), "--out", "."], {"tensorflow", "keras"}),
    (["export", REFERENCE, "--to", "json", "--out", "."], {"tensorflow", "keras", "pandas"}),
    (["export", REFERENCE, "--to", "parquet", "--out", "."], {"tensorflow", "keras"}),
    (["export", REFERENCE, "--to", "tensorboard", "--out", "."], {"tensorflow", "keras"}),
    (["summary", REFERENCE], {"tensorflow", "keras", "matplotlib"}),
]
ONE_BY_ONE = """
import json, sys
from lrbench.cli import main

found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["lrbench", *words]
    try:
        main()
    except SystemExit:
        pass
    found.append([words, [name.partition(".")[0] for name in sys.modules]])
print("\\nLOADED", json.dumps(found))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What a process has loaded after each of these commands, where those that may load less come first."""
    commands = [words for words, _ in sorted(LIGHT, key=lambda light: -len(light[1]))]
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps(commands)],
        cwd=tmp_path_factory.mktemp("light"),
        capture_output=True,
        text=True,
        check=True,
    )
    return {str(words): set(names) for words, names in json.loads(done.stdout.rpartition("LOADED")[2])}


@pytest.mark.parametrize(
    ("words", "never"),
    LIGHT,
    ids=lambda value: " ".join(Path(word).name for word in value) if isinstance(value, list) else "",
)
def test_a_light_command_loads_nothing_heavy(
    words: list[str], never: set[str], loaded: dict[str, set[str]]
) -> None:
    assert "lrbench" in loaded[str(words)]
    assert not loaded[str(words)] & never
