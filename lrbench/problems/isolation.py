"""Whether a user's function makes models that share nothing: each run must depend on its seed alone.

Models are made with the seeds 0, 1 and 0 again. The first and the last must be the same to the last bit, all must
have the same layers, and none may hold a variable of another's that training changes. TensorFlow is imported in
functions only.
"""

import ast
import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrbench.errors import BadConfig
from lrbench.problems.base import Examples
from lrbench.problems.fingerprint import Observed, configurations, observe

SEEDS = (0, 1, 0)  # of the models that are compared
CLOSE = 1e-4  # relative; losses of the same model on the same examples differ by less, on a GPU too
HINT = "Create it inside {function}: random generators, layers, variables and counters that are made outside last."


def observed_alone(
    models: Sequence[Any], make: Callable[[], Any], loss: Callable[[], Any], first: Examples, name: str
) -> Observed:
    """Observe the first of three models, made by `make` with SEEDS; they are of no other use afterwards.

    Raises BadConfig if one changes when another one trains, or if two of the same seed train differently.
    """
    from lrbench.backend.process import seeded

    shared = _Shared(models[0], models[1])
    with seeded(0):
        observed = observe(models[0], loss(), first)
    shared.check_unchanged(make, name)
    models[2](first.x, training=False)  # as the first was called before: recurrent layers draw there, too
    with seeded(1):  # what draws from the process and not from a variable of the model draws something else now
        again = observe(models[2], loss(), first)
    if not np.allclose(observed.losses, again.losses, rtol=CLOSE, atol=0, equal_nan=True):
        raise BadConfig(
            f"Two models of {name} with the same seed train differently: losses {observed.said} and {again.said}.",
            f"{HINT.format(function=name)} In a layer, numpy's and Python's random numbers are drawn only once.",
        )
    return observed


def check_seeds(models: Sequence[Any], name: str) -> None:
    """Raise BadConfig unless the models have the same layers, and those of the same seed the same weights."""
    first, other, again = models
    if not _same_layers(first, again):
        raise BadConfig(
            f"{name} makes another model when it is called again with the same seed.", HINT.format(function=name)
        )
    if not _same_layers(first, other):
        raise BadConfig(
            f"{name} makes a model with other layers for another seed, so its runs could not be compared.",
            "Draw nothing but initial weights at random.",
        )
    for variable, twin in zip(first.variables, again.variables, strict=True):
        if np.asarray(variable).tobytes() != np.asarray(twin).tobytes():
            raise BadConfig(
                f"{name} makes other initial weights ({variable.path}) when called again with the same seed.",
                HINT.format(function=name),
            )


def _same_layers(one: Any, two: Any) -> bool:
    """Compare variables by shape, and layers by their configurations without seeds, which are reset as weights."""
    shapes = [[(tuple(each.shape), each.dtype) for each in model.variables] for model in (one, two)]
    return shapes[0] == shapes[1] and _seedless(configurations(one)) == _seedless(configurations(two))


def _seedless(configuration: Any) -> Any:
    if isinstance(configuration, dict):
        return {key: _seedless(value) for key, value in configuration.items() if key != "seed"}
    return [_seedless(value) for value in configuration] if isinstance(configuration, list) else configuration


class _Shared:
    """The variables that two models hold in common."""

    def __init__(self, one: Any, two: Any) -> None:
        self._one, self._two = one, two
        others = {id(variable) for variable in two.variables}
        self._variables = [variable for variable in one.variables if id(variable) in others]
        self._before = [np.asarray(variable).copy() for variable in self._variables]

    def check_unchanged(self, function: Callable[..., Any], name: str) -> None:
        """Raise BadConfig if training changes one of them, now that one of the models has been trained on.

        What never changes may be shared: a frozen base model, an adapted normalisation.
        """
        for variable, before in zip(self._variables, self._before, strict=True):
            if variable.trainable or not np.array_equal(np.asarray(variable), before):
                owner = self._owner(variable)
                line = _assignment(function, owner) if owner is not None else ""
                what = f"the layer {owner.name!r}" if owner is not None else f"the variable {variable.path!r}"
                raise BadConfig(
                    f"All models of {name} share {what}{line}: each run would start where another one stopped.",
                    f"Move {'that line' if line else 'what makes it'} into {name}.",
                )

    def _owner(self, variable: Any) -> Any:
        """Return the outermost layer that both models hold, and that holds the variable."""
        others = {id(layer) for layer in self._two._flatten_layers()}
        for layer in self._one._flatten_layers():
            if id(layer) in others and any(each is variable for each in layer.variables):
                return layer
        return None


def _assignment(function: Callable[..., Any], value: Any) -> str:
    """Return where a value gets the name by which a function knows it, as " (FILE, line 3: base = ...)"; or ""."""
    with contextlib.suppress(TypeError, ValueError, OSError, SyntaxError):
        function = inspect.unwrap(function)
        known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        (name, *_) = [key for key, each in known.items() if each is value]
        path = Path(inspect.getsourcefile(function) or "")
        text = path.read_text(encoding="utf-8")
        for statement in _assignments(ast.parse(text), name):
            return f" ({path.name}, line {statement.lineno}: {text.splitlines()[statement.lineno - 1].strip()})"
    return ""


def _assignments(tree: ast.AST, name: str) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            yield node
