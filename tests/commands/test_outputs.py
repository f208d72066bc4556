"""Nothing that lrbench did not write is overwritten, by any command; what it wrote is."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import fake_experiment, fake_run
from typer.testing import Result

import lrbench
from lrbench import export
from lrbench.errors import BadResults
from lrbench.outputs import check_output, is_ours, signed, write_output
from lrbench.show.canvas import Picture, picture_of

Cli = Callable[..., Result]
TABLE = "scheduler,seed,accuracy\n" + "".join(
    f"{x},{seed},0.9{seed}\n" for x in ("sgd", "adam") for seed in range(2)
)
MINE = {  # what people keep in files of such names
    "page.html": "<!doctype html><title>My thesis</title><p>Made with the help of lrbench.</p>",
    "table.txt": "sgd 0.91\n",
    "table.csv": "experiment,scheduler,n,note\nx,sgd,3,mine\n",
    "table.json": '[{"experiment": "x", "metric": "accuracy"}]\n',
    "table.md": "# My thesis\n\n| scheduler | n |\n|---|---|\n\nn = finished runs; ± is the 95 % t interval.\n",
    "table.tex": "\\documentclass{article}\n",
    "curve.png": "\x89PNG\r\n\x1a\n not really",
    "curve.svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>mine</title></svg>',
    "curve.pdf": "%PDF-1.4\n/Creator (Matplotlib)\n",
}


def test_the_report_and_pictures_of_each_table_stand_beside_it_under_its_name(cli: Cli, unrendered: None) -> None:
    Path("report.html").write_text("mine")
    Path("plots").mkdir()
    Path("plots/final-accuracy.png").write_text("mine")
    for name in ("my.csv", "other.csv", "my.tsv"):
        Path(name).write_text(TABLE)
        stem = name.removesuffix(".csv")
        result = cli("report", name, "--metric", "accuracy")
        assert (result.exit_code, result.stdout) == (0, f"{stem}.report.html\n"), result.output
        drawn = cli("plot", name, "--metric", "accuracy").stdout.split()
        assert drawn
        assert all(path.startswith(f"{stem}.plots/") for path in drawn)
    assert {"my.report.html", "other.report.html", "my.tsv.report.html"} <= {
        path.name for path in Path().iterdir()
    }
    assert Path("report.html").read_text() == Path("plots/final-accuracy.png").read_text() == "mine"
    assert cli("report", "my.csv", "--metric", "accuracy").exit_code == 0, "its own report is replaced"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("report r -o {}", "page.html"),
        ("report my.csv --metric accuracy -o {}", "page.html"),
        ("report r", "r/one/report.html"),
        ("report my.csv --metric accuracy", "my.report.html"),
        ("plot r", "r/one/plots/forest.png"),
        ("plot my.csv --metric accuracy", "my.plots/final-accuracy.png"),
        ("plot r --format svg --out x", "x/overview.svg"),
        ("summary r -o {}", "table.txt"),
        ("summary r --format csv -o {}", "table.csv"),
        ("summary r --format json -o {}", "table.json"),
        ("summary r --format markdown -o {}", "table.md"),
        ("summary r --format latex -o {}", "table.tex"),
        ("export r --to json", "r/one/export/one.json"),
        ("export r --to json --out x", "x/one.json"),
        ("export r --to parquet", "r/one/export/runs.parquet"),
        ("export r --to tensorboard --out x", "x/tensorboard"),
        ("preview cosine -o {}", "curve.png"),
        ("preview cosine -o {}", "curve.svg"),
        ("preview cosine -o {}", "curve.pdf"),
        ("preview --html", "preview.html"),
        ("preview --html -o {}", "page.html"),
        ("find-lr --engine fake --steps 20 -o {}", "curve.png"),
        ("init", "lrbench.toml"),
        ("init {}", "mine.toml"),
        ("init --schema {}", "table.json"),
    ],
)
def test_no_command_overwrites_what_is_not_its_own(cli: Cli, words: str, name: str) -> None:
    fake_run(Path("r"), schedulers="constant,step", seeds=2, name="one")
    Path("my.csv").write_text(TABLE)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(MINE.get(name, "mine"), encoding="latin-1" if "png" in name else "utf-8")
    before = {
        each: each.read_bytes() for each in Path().rglob("*") if each.is_file() and "history" not in each.parts
    }
    result = cli(*words.format(name).split())
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert re.search("not overwritten|nothing is overwritten|was not written by lrbench", result.stderr)
    assert str(path) in result.stderr
    after = {
        each: each.read_bytes() for each in Path().rglob("*") if each.is_file() and "history" not in each.parts
    }
    assert after == before, "nor is anything else written"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("report r -o {}", "page.html"),
        ("report r", "r/one/report.html"),
        ("summary r -o {}", "table.txt"),
        ("summary r --format csv -o {}", "table.csv"),
        ("summary r --format json -o {}", "table.json"),
        ("summary r --format markdown -o {}", "table.md"),
        ("summary r --format latex -o {}", "table.tex"),
        ("export r --to json", "r/one/export/one.json"),
        ("export r --to parquet", "r/one/export/runs.parquet"),
        ("export r --to tensorboard", "r/one/export/tensorboard"),
        ("preview --html", "preview.html"),
        ("preview cosine -o {}", "curve.png"),
    ],
)
def test_every_command_replaces_what_it_wrote(cli: Cli, words: str, name: str) -> None:
    fake_run(Path("r"), schedulers="constant,step", seeds=2, name="one")
    for _ in range(2):
        result = cli(*words.format(name).split())
        assert result.exit_code == 0, result.output
        assert name in result.stdout.split()


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_a_picture_has_a_mark_and_that_of_others_has_none(form: str, tmp_path: Path) -> None:
    figure = Picture(figsize=(1, 1))
    assert is_ours(picture_of(figure, form))  # type: ignore[arg-type]
    path = tmp_path / f"x.{form}"
    figure.savefig(path)
    assert not is_ours(path.read_bytes())
    with pytest.raises(BadResults, match="was not written by lrbench"):
        check_output(path)


def test_a_picture_of_before_there_were_marks_is_replaced_where_it_was_drawn(tmp_path: Path) -> None:
    folder = fake_run(tmp_path, schedulers="step").experiment.folder
    for path in (folder / "plots" / "overview.png", folder / "plots" / "others" / "overview.png"):
        path.parent.mkdir(exist_ok=True)
        Picture(figsize=(1, 1)).savefig(path)
        check_output(path)
    elsewhere = tmp_path / "plots" / "overview.png"
    elsewhere.parent.mkdir()
    Picture(figsize=(1, 1)).savefig(elsewhere)
    with pytest.raises(BadResults):
        check_output(elsewhere)


@pytest.mark.parametrize("ending", [".txt", ".md", ".tex"])
def test_a_table_that_was_edited_is_its_editor_s(ending: str) -> None:
    text = signed("a table\n", ending)
    assert text.startswith("a table\n")
    assert is_ours(text.encode())
    for edited in (text.replace("table", "Table"), text + "a note\n", "a note\n" + text, text[:-1]):
        assert not is_ours(edited.encode())


def test_exports_of_before_there_were_notes_are_known_by_what_they_hold(tmp_path: Path) -> None:
    import json

    import pyarrow as pa
    from pyarrow import parquet

    experiment = fake_experiment(schedulers="step")
    (path,) = export.write(experiment, "json", tmp_path)
    record = {key: value for key, value in json.loads(path.read_text()).items() if key != "lrbench"}
    assert is_ours(json.dumps(record).encode())
    for path in export.write(experiment, "parquet", tmp_path):
        parquet.write_table(parquet.read_table(path).replace_schema_metadata(), path)
        assert is_ours(path.read_bytes())
    parquet.write_table(pa.table({"run_id": ["a"], "accuracy": [0.5]}), path)
    assert not is_ours(path.read_bytes())


@pytest.mark.parametrize("content", ["", "[]", "{}", "[1]", "null", "nan", '"lrbench"', "PAR1", "a,b\n", "\n"])
def test_what_has_no_mark_is_nobody_s_of_ours(content: str) -> None:
    assert not is_ours(content.encode())


def test_empty_files_links_and_devices(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    write_output(empty, b"new")  # as mktemp makes them
    assert empty.read_bytes() == b"new"
    link, mine = tmp_path / "link", tmp_path / "mine"
    link.symlink_to(mine)
    page = b'<meta name="generator" content="lrbench">'
    write_output(link, page)
    assert link.is_symlink()
    assert mine.read_bytes() == page
    mine.write_bytes(b"mine")
    with pytest.raises(BadResults, match="was not written by lrbench"):
        write_output(link, page)
    assert mine.read_bytes() == b"mine"
    write_output(Path(os.devnull), page)
    assert Path(os.devnull).is_char_device()


def test_python_overwrites_nothing_either(tmp_path: Path) -> None:
    fake_run(tmp_path / "r", schedulers="constant,step", seeds=2)
    results = lrbench.load(tmp_path / "r")
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(BadResults, match="was not written by lrbench") as caught:
        results.report(page)
    assert caught.value.hint == "Move it away, or choose another place: out=PATH"
    assert page.read_text() == "mine"
