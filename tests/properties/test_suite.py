"""The suite itself: `make check` is quick because nothing in it loads TensorFlow, and no mark is forgotten."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

UNMARKED = "def test_it() -> None:\n    import tensorflow\n"
APART = f"import pytest\n\n@pytest.mark.tensorflow\n@pytest.mark.apart\n{UNMARKED}"
TOP = "import tensorflow\n\ndef test_it() -> None:\n    pass\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (UNMARKED, "This test loaded TensorFlow. Mark it"),
        (APART, "This test loaded TensorFlow. Mark it"),
        (TOP, "imports TensorFlow at its top"),
    ],
)
def test_a_test_that_loads_tensorflow_unmarked_is_an_error(tmp_path: Path, source: str, problem: str) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "tests/conftest.py", "tests/processes.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tests" / "tensorflow.py").write_text("")  # its name is all that the check looks at
    (tmp_path / "tests" / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert problem in done.stdout + done.stderr
