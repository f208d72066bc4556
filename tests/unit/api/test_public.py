"""The public names: which there are, that editors know them, and that their examples are true."""

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import lrbench

NAMES = ["Horizon", "LrbenchError", "Results", "compare", "judge", "load", "parse", "problem", "summarize"]


def test_these_names_are_public_and_no_others() -> None:
    assert sorted({*lrbench.__all__} - {"__version__"}) == NAMES
    assert dir(lrbench) == sorted(lrbench.__all__)
    for name in NAMES:
        assert getattr(lrbench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lrbench.nonsense  # noqa: B018


def test_no_room_takes_a_public_name() -> None:
    """Importing a module puts it into its package: `lrbench.judge` would no longer be the function."""
    rooms = {path.stem for path in Path(lrbench.__file__).parent.iterdir()}
    assert not rooms & set(lrbench.__all__)


def test_editors_see_what_is_imported_when_it_is_asked_for() -> None:
    """Type checkers read the imports of the package, which never run."""
    tree = ast.parse((ROOT / "lrbench" / "__init__.py").read_text())
    (block,) = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imports for alias in node.names} == lrbench._PUBLIC
    assert (ROOT / "lrbench" / "py.typed").exists()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.tensorflow] if name == "problem" else []) for name in NAMES],
)
def test_the_examples_of_a_public_name_are_true(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(getattr(lrbench, name), name, globs={"lrbench": lrbench})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0, capsys.readouterr().out


def test_the_package_alone_loads_no_library() -> None:
    program = "import sys, lrbench\nlrbench.LrbenchError\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {
        "tensorflow",
        "keras",
        "numpy",
        "pandas",
        "pydantic",
        "matplotlib",
        "rich",
    }


@pytest.mark.slow
def test_judging_draws_nothing(tmp_path: Path) -> None:
    program = (
        f"import sys, lrbench\nresults = lrbench.load({str(ROOT / 'results' / 'reference')!r})\n"
        "assert results.judge().comparisons and len(results.summary()) == 6\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lrbench.judging.comparisons" in loaded
    assert not loaded & {"tensorflow", "matplotlib", "rich", "jinja2", "lrbench.show.plots", "lrbench.engine"}
