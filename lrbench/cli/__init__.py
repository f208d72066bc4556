"""The command line: parse, open one room, print. Heavy rooms are opened inside the commands."""

import io
import sys

from lrbench.cli import doctor, export, find_lr, folders, init, merge, results, run, schedulers, status, tune
from lrbench.cli.app import app
from lrbench.show.pipes import outlive_readers


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character that the terminal lacks is no reason to die
            stream.reconfigure(errors="backslashreplace")
    outlive_readers()
    app(prog_name="lrbench")


__all__ = [
    "app",
    "doctor",
    "export",
    "find_lr",
    "folders",
    "init",
    "main",
    "merge",
    "results",
    "run",
    "schedulers",
    "status",
    "tune",
]
