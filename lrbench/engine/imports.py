"""How the engines import TensorFlow, which makes some two million objects on its way."""

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's cyclic garbage collector off while TensorFlow is imported in here for the first time.

    The collector would look again and again at modules and classes that live as long as the process. Afterwards
    it is as it was, also after an exception, but leaves alone all that there is by then (`gc.freeze`).
    Saves about a third of the import's time.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collects:
            gc.enable()
