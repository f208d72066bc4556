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
    gone = {
        wish.instead_of for key, wish in TRAINING.items() if wish.instead_of and getattr(config, key) is not None
    }
    for key, wish in TRAINING.items():
        value = getattr(config, key)
        source = printable(sources.get(key, "default"))
        if key in gone:
            lines.append(f"# {key} gives way to what stands in its place  # {source}")
        elif value is None:
            lines.append(f"# {key} is left open: {_rates(config) if key == 'lr' else wish.said}  # {source}")
        else:
            lines.append(f"{key} = {in_toml(value)}  # {source}")
    return "\n".join(lines) + "\n"


def _rates(config: "Config") -> str:
    """Say what the open peak rate comes to."""
    from lrbench.optimizers import peak_rate

    return "; ".join(str(peak_rate(None, each.optimizer)) for each in config.each())


def in_toml(value: Any) -> str:
    """Write a value as TOML does: numbers as Python has them, all else as text."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(in_toml, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
