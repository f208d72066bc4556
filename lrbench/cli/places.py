"""Where a command's output goes: to the screen, to standard output as data, or whole into a file."""

import io
import sys
from pathlib import Path

import typer

from lrbench.errors import BadConfig
from lrbench.files import write_whole
from lrbench.foreign import STANDARD, place
from lrbench.show import printable


def put(text: str, out: Path | None) -> None:
    """Write text, in UTF-8 whatever the locale: whole into a file, whose name is printed, or on stdout for `-`.

    Raises BadConfig if `out` is a folder, BadResults if it cannot be written.
    """
    if out is None or str(out) == STANDARD:
        _data(text)
        return
    with place(out, "written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, text.encode(errors="surrogateescape"))
    tell(out)


def tell(path: Path) -> None:
    """Print the name of a file that was written; on a terminal without what would command it."""
    typer.echo(printable(str(path)) if sys.stdout.isatty() else path)


def no_folder(out: Path | None, example: str, option: str = "-o") -> None:
    """Raise BadConfig if a folder stands where a file is to be written."""
    if out is not None and str(out) != STANDARD and out.is_dir():
        raise BadConfig(f"{out} is a folder.", f"Name a file in it: {option} {out / example}")


def _data(text: str) -> None:
    """Write on stdout what programs read: UTF-8, whatever the terminal's encoding."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(text)
