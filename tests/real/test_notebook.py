"""The notebook in docs/ runs from its first cell to its last, and says what is true."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

import lrbench

NOTEBOOK = ROOT / "docs" / "notebooks" / "compare.ipynb"
pytestmark = pytest.mark.apart  # a kernel trains, not this process


def data(cell: Any, form: str) -> list[str]:
    return [output["data"][form] for output in cell.outputs if form in output.get("data", {})]


def test_it_is_kept_without_what_it_shows() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert all(not cell.outputs and cell.execution_count is None for cell in cells if cell.cell_type == "code")


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_the_words_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of the clone's folders, by a kernel of its own."""
    for variable in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(variable)  # a kernel would not show what TensorFlow says
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "results" / "reference")
    here = tmp_path / "docs" / "notebooks"
    here.mkdir(parents=True)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(here)}}).execute()
    shown, judged, overview, forest, runs, trained, last = [
        cell for cell in notebook.cells if cell.cell_type == "code"
    ]
    reference = lrbench.load(ROOT / "results" / "reference")
    assert str(reference).removeprefix("reference: ") in data(shown, "text/html")[0]
    assert re.findall(r"^\w+ +([a-z ]+[a-z])  ", judged.outputs[0].text, re.MULTILINE) == [
        str(each.verdict) for each in reference.judge(baseline="cosine", margin=0.002).comparisons
    ]
    assert all(len(data(cell, "image/png")) == 1 for cell in (overview, forest))
    assert "plateau" in data(runs, "text/html")[0]
    progress, results = data(trained, "text/html")
    assert progress == f"<div>24 of 24 runs finished, in {Path('../../results/notebook')}</div>"
    (mine,) = lrbench.load(tmp_path / "results" / "notebook")
    assert results == mine._repr_html_()
    assert mine.summary()["n"].tolist() == [8, 8, 8]
    assert len(data(last, "text/plain")) == 1
    streams = [output.name for cell in notebook.cells for output in cell.get("outputs", ()) if "name" in output]
    assert streams == ["stdout"], "TensorFlow says nothing"
    assert list(here.iterdir()) == []
