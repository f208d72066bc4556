"""Every command that the pages on many machines show is run with the fake engine, from top to bottom."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import Result

from lrbench.store import load

SBATCH = r"""#!/bin/bash
# Slurm's, as far as a job array goes: all its tasks at once, and wait for them.
array=$(sed -n 's/^#SBATCH --array=//p' "$1")
first=${array%-*} last=${array#*-}
export SLURM_ARRAY_JOB_ID=$$ SLURM_ARRAY_TASK_MIN=$first SLURM_ARRAY_TASK_COUNT=$((last - first + 1))
tasks=()
for SLURM_ARRAY_TASK_ID in $(seq "$first" "$last"); do
  export SLURM_ARRAY_TASK_ID
  bash -e "$1" & tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || exit 1; done
"""


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def in_a_shell(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a page's commands where its scripts stand, with `lrbench` and `sbatch` at hand."""
    for name, script in re.findall(r"`(\w+\.sh)`:\n\n```bash\n(.*?)```", text, re.DOTALL):
        (folder / name).write_text(script)
    tools = folder / ".tools"
    tools.mkdir()
    for name, content in [
        ("lrbench", f'#!/bin/sh\nexec "{sys.executable}" -m lrbench "$@"\n'),
        ("sbatch", SBATCH),
    ]:
        (tools / name).write_text(content)
        (tools / name).chmod(0o755)
    return subprocess.run(
        ["bash", "-e", "-c", "".join(blocks(text, "sh"))],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(tools),
            "LRBENCH_ENGINE": "fake",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_the_page_on_slurm(tmp_path: Path) -> None:
    text = page("slurm")
    assert len(blocks(text, "bash")) == 3
    done = in_a_shell(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for out in ("results", "shared"):
        (folder,) = (path.parent for path in tmp_path.glob(f"{out}/*/experiment.json"))
        assert f"{out}/{folder.name}: 30 of 30 runs done" in done.stdout
    (one,), (other,) = (list(tmp_path.glob(f"{out}/*/epochs.csv")) for out in ("results", "tuned-by-parts"))
    assert len(load(one.parent).finished) == 30
    assert load(other.parent).searches
    assert "all is tried and compared" in done.stdout, "on the shared folder"
    assert "runs missing" in done.stdout, "after one round by parts"
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {"1", "2", "3", "4"}


@pytest.mark.slow
def test_the_page_for_a_classroom(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    done = in_a_shell(page("classroom"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (path.parent for path in tmp_path.glob("class/*/experiment.json"))
    assert f"class/{folder.name}: 5 of 30 runs done, 25 missing" in done.stdout
    assert (folder / "report.html").exists()


@pytest.mark.parametrize("name", ["slurm", "ray", "classroom", "scaling"])
def test_every_option_of_a_page_is_one(name: str, cli: Callable[..., Result]) -> None:
    """Also where nobody can run the command here."""
    for line in re.findall(r"^lrbench .*$", page(name), re.MULTILINE):
        command = line.split()[1]
        known = cli(command, "--help").stdout
        for option in re.findall(r" (--[a-z-]+)", line):
            assert option in known, line
