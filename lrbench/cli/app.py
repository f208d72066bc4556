"""The application itself: what all commands share, above all how errors are spoken and how it ends."""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import lrbench
from lrbench.errors import BadSpec, LrbenchError, Stopped
from lrbench.options import as_options
from lrbench.show import printable

DONE, FAILED, BROKEN = 0, 1, 3  # BROKEN: something diverged, failed or was damaged
HELD, UNDECIDED = 4, 5  # a --fail-if condition holds; one could not be decided


COMMANDS = (  # in the order in which they are used
    *("run", "summary", "plot", "report", "tune", "find-lr", "schedulers", "preview", "init", "status", "list"),
    *("diff", "export", "merge", "clean", "doctor"),
)


class SpokenErrors(TyperGroup):
    """Turns every error into one line of what and one of what to do, on stderr, and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands in the order in which they are used."""
        return sorted(self.commands, key=COMMANDS.index)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """As Typer's, but errors are spoken here; it always ends in SystemExit."""
        words = list(sys.argv[1:] if args is None else args)
        debug, plain = "--debug" in words, "--no-color" in words
        words = [word for word in words if word not in ("--debug", "--no-color")]
        extra["obj"] = {"debug": debug, "words": words}
        try:
            with _without_colour() if plain else contextlib.nullcontext():
                code = super().main(words, "lrbench", complete_var, False, windows_expand_args, **extra)
            sys.exit(code or DONE)
        except Stopped as stopped:
            speak(stopped.problem, f"Go on with: {shlex.join(['lrbench', *words])}")
            sys.exit(stopped.exit_code)
        except LrbenchError as error:
            if debug:
                raise
            typed = str if isinstance(error, BadSpec) else as_options  # a spec's lr=0.1 is no option
            speak(typed(error.problem), typed(error.hint))
            sys.exit(error.exit_code)
        except TyperException as error:  # an unknown option, a missing argument
            known = [word for word in words[:1] if word in self.commands]
            said = error.format_message().replace("Value error, ", "")  # pydantic's, where a word is no choice
            speak(said, f"See: {' '.join(['lrbench', *known])} --help")
            sys.exit(error.exit_code)
        except Exception as error:
            if debug:
                raise
            speak(
                f"Unexpected failure: {type(error).__name__}: {error}",
                "Give the command again with --debug to see where; that is worth a bug report.",
            )
            sys.exit(FAILED)


@contextlib.contextmanager
def _without_colour() -> Iterator[None]:
    """Set NO_COLOR, which everything that draws on a terminal honours, for as long as the command lasts."""
    before = os.environ.get("NO_COLOR")
    os.environ["NO_COLOR"] = "1"
    try:
        yield
    finally:
        del os.environ["NO_COLOR"]
        if before is not None:
            os.environ["NO_COLOR"] = before


def speak(problem: str, hint: str) -> None:
    """Print the two lines of an error on stderr."""
    typer.echo(printable(f"Error: {' '.join(problem.split())}"), err=True)
    typer.echo(printable(f"  {hint}"), err=True)


app = typer.Typer(
    cls=SpokenErrors,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="With any command: show tracebacks and TensorFlow's noise.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="With any command: no colours, as with NO_COLOR=1.")
    ] = False,
) -> None:
    """Which learning-rate schedule should I use, and is the difference real or noise?

    \b
    lrbench run                  compare six schedules on all of MNIST
    lrbench plot results/        draw what came out
    lrbench summary results/     say who came first
    """
    if version:
        typer.echo(f"lrbench {lrbench.__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def complete(incomplete: str) -> list[str]:
    """Complete the last name of a list of schedulers, for the shell."""
    from lrbench.schedules import REGISTRY

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in REGISTRY if name.startswith(last)]
