"""What users wrote themselves: `module:function` or `file.py:function`, imported only because they named it."""

import builtins
import contextlib
import importlib
import importlib.util
import linecache
import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import Any

from lrbench.errors import BadSpec

MOST_WORDS = 400  # characters of what an error says
Function = Callable[..., Any]
LIBRARIES = {"keras", "tensorflow", "numpy"}  # errors pass through them, but come from elsewhere


def is_users(name: str) -> bool:
    """Whether a name is that of a user's function."""
    return ":" in name


def check_place(name: str) -> None:
    """Raise BadSpec if there is no such file; nothing is imported."""
    where = name.rpartition(":")[0]
    if where.endswith(".py") and not Path(where).is_file():
        raise BadSpec(f"There is no file {where}.", "Check its name; it is looked for from the current folder.")


def find(name: str, parameters: str) -> Function:
    """Import `module:function` or `file.py:function`, relative to the current folder.

    `parameters`: what it usually takes, for the hint where there is no such function. Raises BadSpec.
    """
    check_place(name)
    where, _, attribute = name.rpartition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr), training_stopped():  # stdout is for what was asked for
            module = _from_file(Path(where)) if where.endswith(".py") else _from_module(where)
    except Training as training:
        raise BadSpec(
            f"{where} trains when it is imported,{last_line(traceback.extract_tb(training.__traceback__), '')}",
            f'Put what trains below `if __name__ == "__main__":` and return the model from a function, '
            f"`def make(): ...; return model`: {where}:make."
            if not parameters
            else 'Put what trains below `if __name__ == "__main__":`.',
        ) from None
    except (Exception, SystemExit) as error:
        raise theirs(name, error, "cannot be imported") from error
    function: Any = getattr(module, attribute, None)
    if not callable(function):
        raise BadSpec(
            f"{where} has no function {attribute!r}.", f"Define it there: def {attribute}({parameters}): ..."
        )
    found: Function = function
    return found


def theirs(name: str, error: BaseException, what: str) -> BadSpec:
    """Return the error for an exception in a user's code, with the last line of theirs that it went through."""
    where = last_line(traceback.extract_tb(error.__traceback__), name)
    if isinstance(error, SyntaxError) and error.filename:
        where = f" in {error.filename}, line {error.lineno}"
    said = f"{name} {what}: {type(error).__name__}: {_words(error)}{where}"
    return BadSpec(said, "Mend the function, then try again.")


def last_line(frames: Iterable[traceback.FrameSummary], name: str) -> str:
    """Return the last line of a user's code among frames, as " in FILE, line 3: text"; "" if there is none.

    Lines of the file that `name` names come first.
    """
    own = [frame for frame in frames if _is_theirs(frame.filename)]
    place = name.partition("(")[0].rpartition(":")[0]
    own = [frame for frame in own if Path(frame.filename).name == Path(place).name] or own
    if not own:
        return ""
    file, line = own[-1].filename, own[-1].lineno or 0
    return f" in {file}, line {line}: {own[-1].line or linecache.getline(file, line).strip()}"


def _words(error: BaseException) -> str:
    """Return what an error says in one line; of those that Keras wraps in many, what the first one said."""
    text = str(error)
    inner = re.search(r"\x1b\[1m(.*?)\x1b\[0m", text, re.DOTALL)
    return " ".join((inner[1] if inner else text).split())[:MOST_WORDS]


class Training(BaseException):
    """Raised where a file that is imported for a function in it begins to train.

    A BaseException, so that no `except Exception` in the file hides it.
    """


@contextlib.contextmanager
def training_stopped() -> Iterator[None]:
    """Raise Training where a file that is imported in here calls what trains in Keras.

    Keras is not imported for this, but looked for after each import of the file's.
    """
    ours, plain = threading.get_ident(), builtins.__import__
    undo: list[Callable[[], None]] = []

    def stopping(original: Function) -> Function:
        def stop(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == ours:
                raise Training
            return original(*args, **kwargs)

        return stop

    def look() -> None:
        keras: Any = sys.modules.get("keras")
        if undo or not hasattr(keras, "Model") or not hasattr(keras, "Optimizer"):  # or half imported
            return
        for kind, method in ((keras.Model, "fit"), (keras.Model, "train_on_batch"), (keras.Optimizer, "apply")):
            own = vars(kind).get(method)
            undo.append(partial(setattr, kind, method, own) if own else partial(delattr, kind, method))
            setattr(kind, method, stopping(getattr(kind, method)))

    def importing(*args: Any, **kwargs: Any) -> Any:
        found = plain(*args, **kwargs)
        look()
        return found

    look()
    builtins.__import__ = importing
    try:
        yield
    finally:
        builtins.__import__ = plain
        for put_back in undo:
            put_back()


class _FromSource(SourceFileLoader):
    """Reads the file itself: cached bytecode goes by its size and the second of its time, and may be another's."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _from_file(path: Path) -> Any:
    name = f"lrbench_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_FromSource(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickle look for what it defines
    with _looking_in(path.parent):
        spec.loader.exec_module(module)
    return module


def _from_module(name: str) -> Any:
    with _looking_in(Path.cwd()):
        return importlib.import_module(name)


@contextlib.contextmanager
def _looking_in(folder: Path) -> Iterator[None]:
    """Let imports look in a folder first, as `python` itself would."""
    place = str(folder.resolve())
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _is_theirs(filename: str) -> bool:
    ours = str(Path(__file__).parent)
    if filename.startswith((ours, "<frozen")):
        return False
    if "site-packages" not in filename and filename.startswith(sysconfig.get_path("stdlib")):
        return False
    return not any(
        pair[0] in ("site-packages", "dist-packages") and pair[1] in LIBRARIES
        for pair in pairwise(Path(filename).parts)
    )
