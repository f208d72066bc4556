"""The files that commands write for people: nothing that lrbench did not write is overwritten.

Whether lrbench wrote a file is told by its content. Pages and pictures name their generator, exports have a note,
tables for people end in a line with the sha256 of those above it, so that a table that was edited since is not
replaced. CSV and JSON for programs have no room for a mark: they are known by their columns and keys.
"""

import csv
import hashlib
import io
import json
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrbench.errors import BadResults
from lrbench.files import write_whole
from lrbench.folders import Tree
from lrbench.foreign import place

GENERATOR = "lrbench"  # of a page or picture, and the key of an export's note
COMMENTS: Mapping[str, tuple[str, str]] = {".md": ("<!-- ", " -->"), ".tex": ("% ", "")}
SIGNATURE = re.compile(rb"\n(?:<!-- |% )?Written by lrbench; sha256 of the above: ([0-9a-f]{16})(?: -->)?\n\Z")
ELSEWHERE = "Move it away, or choose another place: out=PATH"
HEAD = 4096  # bytes in which pages and pictures have their mark
RECORDS = (  # the keys of what is JSON: of an export, and of each record of a summary
    {"experiment", "setting", "runs"},
    {"experiment", "setting", "metric", "rows", "comparisons"},
)


def write_output(path: Path, content: bytes, within: Path | None = None) -> None:
    """Write a file whole, making its folder.

    `within` is the experiment's folder where the user named no other: below it no link is followed.

    Raises BadResults if it cannot be written, or would overwrite what lrbench did not write.
    """
    check_output(path)
    with place(path, "written"):
        if within:
            tree = Tree(within)
            tree.make(path.parent)
            tree.write(path, content)
        elif path.exists() and not stat.S_ISREG(path.stat().st_mode):  # a pipe, /dev/null
            path.write_bytes(content)
        else:
            real = path.resolve()  # a link stays one
            real.parent.mkdir(parents=True, exist_ok=True)
            write_whole(real, content)


def write_new(path: Path, content: bytes) -> None:
    """Write a file where there is none, not even one of lrbench's. Raises BadResults."""
    with place(path, "written", hint="Choose another place."):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("xb")
        except FileExistsError:
            raise BadResults(f"{path} is there already.", "Name another file: nothing is overwritten.") from None
        with file:
            file.write(content)


def check_output(path: Path) -> None:
    """Raise BadResults if a file stands there that lrbench did not write, or that was changed since."""
    with place(path, "written"):
        if not path.is_file():
            return
        content = path.read_bytes()
    if content and not is_ours(content) and not _is_old_picture(path, content):
        raise BadResults(
            f"{path} was not written by lrbench, or was edited since: it is not overwritten.", ELSEWHERE
        )


def check_output_folder(folder: Path, name: str) -> None:
    """Raise BadResults unless a folder that is to be replaced has nothing but folders with a file of that name."""
    stranger = None
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        stranger = folder
    elif folder.exists():
        for path in sorted(folder.iterdir()):
            inside = sorted(path.iterdir()) if path.is_dir() and not path.is_symlink() else []
            others = [each for each in inside if each.name != name or not each.is_file()]
            if others or not inside:
                stranger = others[0] if others else path
                break
    if stranger:
        raise BadResults(
            f"{folder} is to be replaced, and {stranger} was not written by lrbench export.", ELSEWHERE
        )


def signed(text: str, ending: str) -> str:
    """Return a table to read with a last line that says who wrote it; in Markdown and LaTeX it is a comment."""
    start, end = COMMENTS.get(ending, ("", ""))
    return f"{text}\n{start}Written by lrbench; sha256 of the above: {_digest(text.encode())}{end}\n"


def is_ours(content: bytes) -> bool:
    """Whether lrbench wrote this, and nobody changed it where that can be told."""
    return any(recognises(content) for recognises in RECOGNISED)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _is_page(content: bytes) -> bool:
    marks = (b'<meta name="generator" content="lrbench', b"<title>lrbench: ")  # the second: of earlier versions
    return any(mark in content[:HEAD] for mark in marks)


def _is_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG") and f"Software\0{GENERATOR}".encode() in content[:HEAD]


def _is_svg(content: bytes) -> bool:
    return b"<svg" in content[:HEAD] and f"<dc:title>{GENERATOR}</dc:title>".encode() in content[:HEAD]


def _is_pdf(content: bytes) -> bool:
    return content.startswith(b"%PDF") and f"/Creator ({GENERATOR})".encode() in content


def _is_parquet(content: bytes) -> bool:
    """By the key of the note in the footer; an earlier version's by its columns."""
    footer = content[-8 - int.from_bytes(content[-8:-4], "little") :] if content.startswith(b"PAR1") else b""
    earlier = b"run_id" in footer and (b"lr_first" in footer or b"seconds_compile" in footer)
    return f"\x07{GENERATOR}".encode() in footer or earlier


def _is_json(content: bytes) -> bool:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    records: list[Any] = value if isinstance(value, list) else [value]
    return bool(records) and all(
        isinstance(record, dict) and any(keys <= set(record) for keys in RECORDS) for record in records
    )


def _is_summary(content: bytes) -> bool:
    """Whether it is the CSV of `lrbench summary`, to its last row."""
    try:
        header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    except (ValueError, csv.Error):
        return False
    known = header[:3] == ["experiment", "scheduler", "n"] and any(name.endswith("_mean") for name in header)
    return known and all(len(row) == len(header) for row in rows)


def _is_signed(content: bytes) -> bool:
    found = SIGNATURE.search(content)
    return found is not None and _digest(content[: found.start()]).encode() == found[1]


RECOGNISED: tuple[Callable[[bytes], bool], ...] = (
    _is_page,
    _is_png,
    _is_svg,
    _is_pdf,
    _is_parquet,
    _is_signed,
    _is_summary,
    _is_json,
)


def _is_old_picture(path: Path, content: bytes) -> bool:
    """Whether it was drawn before pictures had a mark: Matplotlib made it, in the plots/ of an experiment."""
    folders = [folder for folder in path.parents[:2] if folder.name == "plots"]
    of_matplotlib = re.search(rb"Software\0Matplotlib|<dc:title>Matplotlib|/Creator \(Matplotlib", content)
    return bool(of_matplotlib) and any((folder.parent / "experiment.json").exists() for folder in folders)
