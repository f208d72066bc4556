"""Where a command's output goes: to the screen, to standard output as data, or whole into a file."""

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import typer

from lrbench.errors import BadConfig
from lrbench.foreign import STANDARD, place
from lrbench.outputs import check_output, write_output
from lrbench.show import PlotFormat, printable

PICTURES: Mapping[str, PlotFormat] = {".png": "png", ".svg": "svg", ".pdf": "pdf"}


def put(data: str | bytes, out: Path | None) -> None:
    """Write bytes, or text in UTF-8: whole into a file, whose name is printed, or on stdout for `-`.

    Raises BadResults if the file cannot be written, or lrbench did not write what stands there.
    """
    written = data if isinstance(data, bytes) else data.encode(errors="surrogateescape")
    if out is None or str(out) == STANDARD:
        _data(written)
        return
    write_output(out, written)
    tell(out)


def tell(path: Path) -> None:
    """Print the name of a file that was written; on a terminal without what would command it."""
    typer.echo(printable(str(path)) if sys.stdout.isatty() else path)


def no_folder(out: Path | None, example: str, option: str = "-o") -> None:
    """Raise BadConfig if a folder stands where a file is to be written."""
    if out is not None and str(out) != STANDARD and out.is_dir():
        raise BadConfig(f"{out} is a folder.", f"Name a file in it: {option} {out / example}")


def free_place(out: Path | None, example: str) -> None:
    """Check where a file is to be written, before the work for it begins.

    Raises BadConfig for a folder, BadResults for a file that lrbench did not write.
    """
    no_folder(out, example)
    if out is not None and str(out) != STANDARD:
        check_output(out)


def make_room(out: Path | None) -> None:
    """Make the folder of a file, before the long work for it begins. Raises BadResults if there can be none."""
    if out is not None and str(out) != STANDARD:
        with place(out, "written"):
            out.parent.mkdir(parents=True, exist_ok=True)


def picture_format(out: Path) -> PlotFormat:
    """Return the format that a file's name ends in; on stdout it is PNG. Raises BadConfig."""
    form = "png" if str(out) == STANDARD else PICTURES.get(out.suffix)
    if form is None:
        raise BadConfig(f"{out} is no picture.", "Name a file that ends in .png, .svg or .pdf.")
    return form


def utf_8() -> TextIO:
    """Return stdout, from now on in UTF-8 whatever the locale: for what is written piece by piece."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    return sys.stdout


def _data(written: bytes) -> None:
    """Write on stdout what programs read, as it would stand in a file."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(written.decode(errors="surrogateescape"))
