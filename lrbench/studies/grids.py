"""The peak rates that a search tries, as the user writes them: `0.003..3:log:7`, `around:0.12`, `0.01,0.1,1`."""

import math

from lrbench.errors import BadConfig
from lrbench.options import unfit
from lrbench.searches import LARGEST_RATE, MOST_RATES

PER_DECADE = 2  # rates of the default grid
DEFAULT = 7


def read_rates(text: str | None, middle: float) -> tuple[float, ...]:
    """Return the grid that a text means, the lowest rate first; without one, seven half decades around `middle`.

    Raises BadConfig.
    """
    if text is None:
        return around(middle)
    words = text.strip()
    if words.startswith("around:"):
        return around(_rate(words.removeprefix("around:"), text))
    if "..." in words:
        raise unfit("lrs", text, "has three dots where two belong")
    if ".." in words:
        return _distinct(_span(words, text), text)
    rates = [_rate(word, text) for word in words.split(",")]
    if len(set(rates)) < max(2, len(rates)):
        raise unfit("lrs", text, "is no list of two or more different rates")
    return tuple(sorted(rates))


def around(middle: float, count: int = DEFAULT) -> tuple[float, ...]:
    """Return rates half a decade apart around one: float (count,), three significant digits."""
    first = -(count - 1) / 2
    return tuple(_round(middle * 10 ** ((first + i) / PER_DECADE)) for i in range(count))


def _span(words: str, text: str) -> tuple[float, ...]:
    ends, *rest = words.split(":")
    low, _, high = ends.partition("..")
    first, last = _rate(low, text), _rate(high, text)
    scale = rest[0] if rest else "log"
    number = rest[1] if len(rest) > 1 else str(DEFAULT)
    if (
        len(rest) > 2
        or scale not in ("log", "linear")
        or not number.isdecimal()
        or not 2 <= int(number) <= MOST_RATES
    ):
        raise unfit("lrs", text, "is no span of rates")
    if first >= last:
        raise BadConfig(f"lrs={text} does not rise.", f"Write lrs={last:g}..{first:g}:{scale}:{number}")
    count = int(number)
    if scale == "linear":
        return tuple(_round(first + (last - first) * i / (count - 1)) for i in range(count))
    return tuple(_round(first * (last / first) ** (i / (count - 1))) for i in range(count))


def _distinct(rates: tuple[float, ...], text: str) -> tuple[float, ...]:
    if len(set(rates)) < len(rates):
        raise unfit("lrs", text, "has rates that are the same in three digits")
    return rates


def _rate(word: str, text: str) -> float:
    try:
        rate = float(word)
    except ValueError:
        rate = math.nan
    if not 0 < rate < LARGEST_RATE:
        raise unfit("lrs", text, f"holds {word.strip()!r}, which is no rate above 0")
    return rate


def _round(rate: float) -> float:
    return float(f"{rate:.3g}")
