"""The command line: parse, open one room, print. Heavy rooms are opened inside the commands."""

from lrbench.cli import results, run, schedulers
from lrbench.cli.app import app


def main() -> None:
    """Run the command line."""
    app(prog_name="lrbench")


__all__ = ["app", "main", "results", "run", "schedulers"]
