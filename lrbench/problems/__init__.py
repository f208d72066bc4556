"""What can be trained, a file each: data, model, loss and figures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lrbench.errors import BadConfig
from lrbench.problems import fashion_mnist, line, mnist, mnist_lenet, mnist_logistic  # they register themselves
from lrbench.problems.base import PROBLEMS, Examples, Problem, Splits, find
from lrbench.problems.own import Beside, find_own, problem_of
from lrbench.problems.splits import Sizes, resolve_sizes, split
from lrbench.users import is_users

__all__ = [
    "PROBLEMS",
    "Beside",
    "Examples",
    "Problem",
    "Sizes",
    "Splits",
    "fashion_mnist",
    "find",
    "find_any",
    "line",
    "mnist",
    "mnist_lenet",
    "mnist_logistic",
    "problem_of",
    "resolve_sizes",
    "split",
]


def find_any(spec: str, short: Mapping[str, Any], options: Mapping[str, Any], beside: Beside) -> Problem:
    """Return the problem of a spec: a built-in one by its name, or the user's by `file.py:make` or `module:make`.

    `short` holds parameters that were given beside the spec, `options` and `beside` what belongs to one kind only.
    Raises BadConfig.
    """
    if is_users(spec.partition("(")[0]):
        for word in short:
            raise BadConfig(f"{spec} has no use for {word}.", f"Leave {word} out, or make it a parameter.")
        return find_own(spec, replace(beside, options=options))
    if spec.partition("(")[0].endswith(".py"):
        raise BadConfig(f"{spec} names a file, and no function in it.", f"Write problem={spec}:FUNCTION")
    for word in ("data", "loss", "metric"):
        if (value := getattr(beside, word)) is not None:
            raise BadConfig(
                f"{word}={value} is for a problem of your own; {spec} has its {word}.",
                f"Leave {word} out, or name a model: problem=FILE.py:FUNCTION",
            )
    return find(spec, short, options)
