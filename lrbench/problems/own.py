"""The user's own problem: a function that returns a Keras model, and examples from a file or from arrays.

Whatever can be wrong with them is said before anything is trained. TensorFlow is imported in functions only.
"""

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lrbench.backend import bring_in
from lrbench.calls import Piece
from lrbench.errors import BadConfig, BadSpec
from lrbench.problems import goals, isolation
from lrbench.problems.arrays import Data, from_arrays, from_file, shape
from lrbench.problems.base import PROBLEMS, Examples, Problem, find, read_parameters, read_spec, said
from lrbench.problems.fingerprint import FIRST_BATCH, fingerprint
from lrbench.problems.graph import foreign_state
from lrbench.runs import Subject
from lrbench.users import check_place, last_line, theirs
from lrbench.users import find as find_function

MAKES = "it must return a keras.Model, or what lrbench.problem(...) returns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is given beside a model: its examples, and what cannot be told from them."""

    data: Any = None  # the path of an .npz file, the name of a built-in problem, or arrays (see `forms.from_form`)
    loss: Any = None  # a name of Keras's, a keras.losses.Loss, or a function of targets and outputs
    metric: str | None = None
    memory_share: float = 0.5
    options: Mapping[str, Any] = field(default_factory=dict)  # of the built-in problem whose data are taken


def find_own(spec: str, beside: Beside) -> Problem:
    """Return the problem that `file.py:make(width=64)` or `module:make` makes. Raises BadConfig."""
    try:
        name, pairs = read_spec(spec)
        check_place(name.text)  # before TensorFlow is imported for nothing
    except BadSpec as error:
        raise BadConfig(error.problem, error.hint) from error
    with _keras_at_work():
        return _found(name.text, pairs, beside)


def problem_of(make: Callable[[], Any], beside: Beside, name: str) -> Problem:
    """Return the problem of training what a function makes, built or not, compiled or not. Raises BadConfig.

    `name` is what it is called in errors, titles and records.
    """
    with _keras_at_work():
        return _problem_of(make, beside, name)


@contextlib.contextmanager
def _keras_at_work() -> Iterator[None]:
    """Have Keras compute in here as the engines will. Raises EngineUnavailable."""
    keras = bring_in("keras")
    from lrbench.backend.process import Settled, use_one_thread_per_replica

    use_one_thread_per_replica()
    callers = keras.config.dtype_policy()
    settled = Settled()
    try:
        if callers.name.startswith("mixed_"):  # nobody but the caller's own code asks for that
            keras.config.set_dtype_policy(callers)
        yield
    finally:
        settled.undo()


def _found(name: str, pairs: tuple[tuple[Piece, Piece], ...], beside: Beside) -> Problem:
    """Import the user's function, read its parameters, and ask it."""
    from lrbench.backend.process import seeded

    try:
        with seeded(0):  # what the module draws, every process draws alike
            function = find_function(name, "")
        _check_function(function, name)
        with contextlib.suppress(NameError, TypeError, ValueError):
            function = _evaluated(function)
        parameters = _parameters(name, function)
        values = read_parameters(name, pairs, parameters)
        missing = [key for key, each in parameters.items() if each.default is each.empty and key not in values]
        if missing:
            inside = ", ".join(f"{key}=…" for key in missing)
            raise BadSpec(f"{name} needs {', '.join(missing)}.", f"Write {name}({inside}).")
    except BadSpec as error:
        raise BadConfig(error.problem, error.hint) from error
    where, _, attribute = name.rpartition(":")
    words = ", ".join(f"{key}={said(value)}" for key, value in values.items())
    called = f"{Path(where).name}:{attribute}{f'({words})' if words else ''}"
    return _problem_of(functools.wraps(function)(lambda: function(**values)), beside, called)


def _problem_of(make: Callable[[], Any], beside: Beside, name: str) -> Problem:
    from lrbench.backend.process import seeded

    with seeded(0):
        made = _made(make, name)
    if not isinstance(made, Problem):
        return _problem_of_model(made, make, beside, name)
    if beside.data is not None or beside.loss is not None or beside.metric is not None:
        raise BadConfig(f"{name} brings its own data, loss and figures.", "Leave data, loss and metric out.")
    if made.identity is None:
        raise BadConfig(f"{name} returned a Problem that was made by hand.", f"In it, {MAKES}.")
    return replace(made, subject=replace(made.subject, spec=name))


def _problem_of_model(model: Any, make: Callable[[], Any], beside: Beside, name: str) -> Problem:
    import keras

    from lrbench.backend.process import seeded

    if not isinstance(model, keras.Model):
        raise BadConfig(f"{name} returned {_what(model)}; {MAKES}.", "End it with: return model")
    if beside.data is None:
        raise BadConfig(f"{name} makes a model, and there is nothing to train it on.", "Add data=FILE.npz")
    data = _data(beside)
    first = Examples(data.splits.train.x[:FIRST_BATCH], data.splits.train.y[:FIRST_BATCH])
    policy = keras.config.dtype_policy()  # the user's function, or its module, may have set another one

    def fresh() -> Any:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return _built(_made(make, name), first, name)
        finally:
            keras.config.set_dtype_policy(before)

    models = []
    for seed in isolation.SEEDS:
        with seeded(seed):
            models.append(fresh())
    if models[0] is models[1]:
        raise BadConfig(
            f"{name} returns the same model twice.", "Make a new one in each call: each run needs its own."
        )
    isolation.check_seeds(models, name)
    outputs = _outputs(models[0], first, data, name)
    _check_training(models[0], first, name)
    goal = goals.tell(models[0], outputs, data, beside.loss, beside.metric, name)
    splits = data.splits
    for part, examples in (("train", splits.train), ("val", splits.val), ("test", splits.test)):
        if examples is not None:
            goals.check_targets(goal, part, examples, data, name)
    _check_state(models[0], goal, first, name)
    notes = (*goal.notes, *_notes(models[:2], data, name))
    try:
        observed = isolation.observed_alone(models, make, goal.loss, first, name)
    except BadConfig:
        raise
    except (Exception, SystemExit) as error:
        raise _theirs(name, error, "fails on its first examples") from error
    return Problem(
        subject=Subject(
            spec=name,
            title=f"{name} on {data.name}",
            noun="examples",
            figures=goal.figures,
            examples=len(data.splits.train),
            validation=len(data.splits.val) if data.splits.val else 0,
            data_sha256=data.sha256,
        ),
        load=lambda: data.splits,
        model=fresh,
        loss=goal.loss,
        measures=goal.measures,
        stratify=goal.has_classes and data.has_classes,
        prefers_graph=_prefers_graph(models[0]),
        identity={"problem": "own", "model_sha256": fingerprint(observed, [each.name for each in goal.figures])},
        notes=notes,
    )


def _prefers_graph(model: Any) -> bool:
    """Whether a model has convolutions or draws random numbers, which XLA is slow at on a CPU.

    Measured there: LeNet-5 1.9 times, 784-128-128-10 with Dropout 6 to 12 times slower than as a plain graph.
    """
    draws = any("seed_generator" in variable.path for variable in model.variables)
    return draws or any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


def _notes(models: list[Any], data: Data, name: str) -> Iterator[str]:
    if data.holds_out:
        yield (
            f"{data.name} has no test examples: {len(data.splits.test):,} were taken off the training set, "
            "the same ones every time."
        )
    if getattr(models[0], "optimizer", None) is not None:
        own = type(models[0].optimizer).__name__
        yield f"{name} compiles with {own}, which is not used: lrbench's optimizer is, at each schedule's rates."
    weights = [[np.asarray(variable) for variable in model.trainable_variables] for model in models]
    if weights[0] and all(np.array_equal(one, two) for one, two in zip(*weights, strict=True)):
        yield f"{name} starts from the same weights for every seed: seeds vary the order of the examples only."


def _data(beside: Beside) -> Data:
    given = beside.data
    if isinstance(given, str) and given in PROBLEMS:
        loaded = find(given, options=beside.options)
        return Data(loaded.load(), loaded.subject.data_sha256, given, False)
    if beside.options:
        word, value = next(iter(beside.options.items()))
        raise BadConfig(
            f"{word}={value} is for the data of built-in problems; these are yours.", f"Leave {word} out."
        )
    if isinstance(given, str | Path):
        return from_file(Path(given), beside.memory_share)
    return from_arrays(given, beside.memory_share)


def _made(make: Callable[[], Any], name: str) -> Any:
    """Call the user's function; whatever goes wrong in it is said with its line."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return make()
    except BadConfig:
        raise
    except (Exception, SystemExit) as error:
        raise _theirs(name, error, "fails") from error


def _check_function(function: Any, name: str) -> None:
    """Raise BadSpec for a model where a function is expected that makes one."""
    import keras

    if isinstance(function, keras.Model):
        file, _, attribute = name.rpartition(":")
        raise BadSpec(
            f"{name} is a model; expected a function that makes one, for each run needs its own.",
            f"Put the lines that build it into one: `def make(): ...; return {attribute}`, and name {file}:make.",
        )


def _built(model: Any, first: Examples, name: str) -> Any:
    """Return the model with its variables; one without an Input gets them from its first example."""
    stateful = [layer.name for layer in model._flatten_layers() if getattr(layer, "stateful", False)]
    if stateful:
        raise BadConfig(
            f"{name} has a stateful layer, {stateful[0]!r}, which carries its state on from batch to batch; "
            "here the examples of a batch are drawn at random.",
            "Leave out stateful=True, and give each example its whole sequence.",
        )
    if not model.built:
        try:
            model(first.x[:1])
        except (Exception, SystemExit) as error:
            raise _theirs(name, error, "cannot be built") from error
    return model


def _outputs(model: Any, first: Examples, data: Data, name: str) -> np.ndarray[Any, Any]:
    """Return what a model says of the first examples: float32 (n, ...). Raises BadConfig if they do not fit."""
    inputs = getattr(model, "inputs", None) or [None]
    if len(inputs) > 1:
        raise BadConfig(
            f"{name} has {len(inputs)} inputs; lrbench hands one array to a model.",
            "Put them side by side in one array, and take them apart in the model's first layers.",
        )
    if inputs[0] is not None and inputs[0].shape[0] is not None:
        raise BadConfig(
            f"{name} has an Input with the fixed batch size {inputs[0].shape[0]}; the last batch of an epoch and "
            "those of an evaluation have others.",
            "Give its Input the shape of one example: keras.Input(shape), without batch_shape or batch_size.",
        )
    wanted = inputs[0].shape[1:] if inputs[0] is not None else None
    given = first.x.shape[1:]
    fits = wanted is None or (
        len(wanted) == len(given) and all(a in (None, b) for a, b in zip(wanted, given, strict=True))
    )
    if not fits:
        raise BadConfig(
            f"{name} takes examples of shape {tuple(wanted or ())}; those of {data.name} are {shape(first.x)}.",
            "Give the model that Input, or a first layer such as Reshape or Flatten.",
        )
    try:
        found = model(first.x, training=False)
    except (Exception, SystemExit) as error:
        raise _theirs(name, error, f"cannot be called on the examples of {data.name}") from error
    if isinstance(found, list | tuple | dict):
        raise BadConfig(f"{name} has {len(found)} outputs; lrbench compares one.", "Return one of them.")
    values = np.asarray(found, np.float32)
    if values.ndim == 0 or len(values) != len(first):
        raise BadConfig(
            f"{name} answers {len(first)} examples with shape {values.shape}.",
            "Its output's first axis must be that of the examples.",
        )
    return values


def _check_training(model: Any, first: Examples, name: str) -> None:
    """Raise BadConfig if a model cannot be trained in lrbench's own loop."""
    import keras

    for method in ("train_step", "compute_loss"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            raise BadConfig(
                f"{name} has a {method} of its own, which lrbench does not run.",
                "Give it a loss instead, or add_loss in a layer.",
            )
    if not model.trainable_variables:
        raise BadConfig(f"{name} has nothing to train.", "Give it a layer with weights that are trainable.")


def _check_state(model: Any, goal: goals.Goal, first: Examples, name: str) -> None:
    """Raise BadConfig if a model, its loss or a figure keeps state that is no variable of the model."""
    loss = goal.loss()

    def step(x: Any, y: Any) -> Any:
        outputs = [model(x, training=training) for training in (True, False)]
        return [loss(y, outputs[0]), *(measure(y, outputs[0]) for measure in goal.measures), outputs[1]]

    try:
        found = foreign_state(step, (first.x, first.y), model.variables)
    except (Exception, SystemExit) as error:
        raise _theirs(name, error, "cannot be called in training") from error
    if found:
        problem, hint = found.why
        raise BadConfig(f"{name} {problem}{last_line(found.frames, name)}.", hint)


def _parameters(name: str, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise BadSpec(f"{name} does not say what it takes: {error}.", "Name a plain function.") from error
    return {
        key: each
        for key, each in parameters.items()
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD, each.POSITIONAL_ONLY)
    }


def _evaluated(function: Any) -> Any:
    """Give a function whose annotations are text their types."""
    if any(isinstance(each, str) for each in getattr(function, "__annotations__", {}).values()):
        function.__signature__ = inspect.signature(function, eval_str=True)
    return function


def _theirs(name: str, error: BaseException, what: str) -> BadConfig:
    said_of = theirs(name, error, what)
    return BadConfig(said_of.problem, said_of.hint)


def _what(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
