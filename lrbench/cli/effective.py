"""`lrbench run --print-config`: what all the layers come to, as a file that says the same again."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lrbench.options import TRAINING
from lrbench.show import printable

if TYPE_CHECKING:
    from lrbench.config import Config


def as_toml(config: "Config", sources: Mapping[str, str]) -> str:
    """Return a line for each wish, with where its value came from behind it; what is left open is a comment."""
    lines = []
    for key, wish in TRAINING.items():
        value = getattr(config, key)
        source = printable(sources.get(key, "default"))
        if value is None:
            lines.append(f"# {key} is left open: {wish.said}  # {source}")
        else:
            lines.append(f"{key} = {_toml(value)}  # {source}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Write a value as TOML does: numbers as Python has them, all else as text."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
