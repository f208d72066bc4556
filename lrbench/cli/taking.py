"""Options of commands, made from the table of wishes: a command names what it takes and receives it by name."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lrbench.options import WISHES, Wish

Command = Callable[..., int]
ConfigFile = Annotated[
    str | None, typer.Option("--config", "-c", metavar="FILE|PRESET", help="As for `lrbench run`.")
]
Quiet = Annotated[
    int,
    typer.Option(
        "--quiet",
        "-q",
        count=True,
        show_default=False,
        help="No progress; only the summary and errors. -qq: only errors.",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="A line for every epoch.")]
LogFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Add every line of the progress to a file, with its time.")
]


def taking(
    *names: str, table: Mapping[str, Wish] = WISHES, complete: Callable[[str], list[str]] | None = None
) -> Callable[[Command], Command]:
    """Give a command the options of some wishes; it receives them, as text or None, in its ** parameter.

    They stand in the help after the command's arguments and before its own options, which are keyword-only.
    `complete` completes what is typed after --schedulers.
    """
    added = [_parameter(table[name], complete if name == "schedulers" else None) for name in names]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        first = [each for each in own if each.kind is not each.KEYWORD_ONLY]
        rest = [each for each in own if each.kind is each.KEYWORD_ONLY]
        parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in (*first, *added, *rest)]
        vars(command)["__signature__"] = signature.replace(parameters=parameters)
        return command

    return decorate


def _parameter(wish: Wish, complete: Callable[[str], list[str]] | None) -> inspect.Parameter:
    """One option as Typer reads it: text, which the library checks, or a switch."""
    if wish.metavar:
        kind: Any = str | None
    else:
        kind = bool | None if wish.opposite else bool
    option = typer.Option(
        f"{wish.long}/{wish.opposite}" if wish.opposite else wish.long,
        *([wish.short] if wish.short else []),
        metavar=wish.metavar or None,
        help=wish.described,
        autocompletion=complete,
    )
    default = False if kind is bool else None
    return inspect.Parameter(
        wish.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )
