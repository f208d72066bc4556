"""Everything that lrbench raises on purpose.

    LrbenchError             something went wrong that the user can be told about        exit 1
    ├── BadUsage             the user's input or place cannot be used                    exit 2
    │   ├── BadSpec          a schedule's text or its parameters
    │   ├── BadConfig        an option, an environment variable or a configuration file
    │   ├── BadResults       a results folder that is missing, empty, in the way, full or not writable
    │   └── MissingExtra     a library that only this command wants is not installed
    ├── BadData              a data file that is missing or damaged                      exit 1
    ├── EngineUnavailable    TensorFlow cannot be imported or set up                     exit 1
    └── Stopped              Ctrl-C or SIGTERM arrived while runs were training          exit 130 or 143

The library raises; only the command line speaks and exits.
"""

import difflib
import re
import shlex
from collections.abc import Iterable


class LrbenchError(Exception):
    """One line that says what is wrong (`problem`) and one that says what to do (`hint`).

    >>> try:
    ...     lrbench.compare(epochs=0)
    ... except lrbench.LrbenchError as error:
    ...     print(error.problem, error.hint, sep="\\n")
    epochs=0 is below 1.
    Write, for example, epochs=15 or epochs=2,5,15.
    """

    exit_code = 1

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.add_note(hint)  # a traceback says it too


class BadUsage(LrbenchError):
    """The user's input or the place for the results cannot be used."""

    exit_code = 2


class BadSpec(BadUsage):
    """A schedule's text or its parameters."""


class BadConfig(BadUsage):
    """An option, an environment variable or a configuration file."""


class BadResults(BadUsage):
    """A results folder that is missing, empty, in the way or not writable."""


class MissingExtra(BadUsage):
    """A library that is not installed with lrbench, and that only this command wants."""


class BadData(LrbenchError):
    """A data file that is missing or damaged."""


class EngineUnavailable(LrbenchError):
    """TensorFlow cannot be imported or set up on this machine."""


class Stopped(LrbenchError):
    """Ctrl-C (130) or SIGTERM (143) arrived while runs were training."""

    def __init__(self, problem: str, hint: str, exit_code: int) -> None:
        super().__init__(problem, hint)
        self.exit_code = exit_code


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hand for a stranger: "did you mean X?" or, without a near match, all known words."""
    words = list(known)
    by_lower = {each.lower(): each for each in words}
    match = [by_lower[each] for each in difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)]
    return f"Did you mean {match[0]!r}?" if match else f"Known: {', '.join(words)}."


def install_extra(extra: str) -> str:
    """Return how to install what an extra of lrbench brings, wherever lrbench itself was installed from."""
    from importlib import metadata  # only an error wants it

    listed = [each.partition(";") for each in metadata.requires("lrbench-keras") or ()]
    needed = [name.strip() for name, _, marker in listed if re.search(rf"""extra == ["']{extra}["']""", marker)]
    return f"Install what it needs: python -m pip install {' '.join(map(shlex.quote, needed))}"
