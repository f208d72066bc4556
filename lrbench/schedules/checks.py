"""What factories ask of their parameters, and what they say otherwise."""

from lrbench.errors import BadSpec
from lrbench.schedules.base import Horizon, Rate, Span


def check(holds: bool, problem: str, hint: str) -> None:
    """Raise BadSpec unless a factory's parameters hold what they must."""
    if not holds:
        raise BadSpec(problem, hint)


def positive(name: str, key: str, span: Span, horizon: Horizon) -> float:
    """Return a span in steps, above 0."""
    steps = span.steps(horizon)
    check(steps > 0, f"{name} wants {key} > 0; got {span}.", f"Try {name}({key}=10%).")
    return steps


def above_zero(name: str, key: str, value: float) -> None:
    """Check that a number is above 0."""
    check(value > 0, f"{name} wants {key} > 0; got {value:g}.", f"Try {name}({key}=1).")


def shrinking(name: str, key: str, factor: float) -> None:
    """Check that a factor makes smaller, or at most keeps."""
    check(0 < factor <= 1, f"{name} wants 0 < {key} <= 1; got {factor:g}.", f"Try {name}({key}=0.5).")


def below_peak(name: str, key: str, rate: Rate, lr: float) -> float:
    """Return a rate that lies between 0 and the peak."""
    low = rate.of(lr)
    check(
        0 <= low <= lr,
        f"{name} wants 0 <= {key} <= lr; got {key}={rate} with lr={lr:g}.",
        f"Write {key} as a share of the peak: {name}({key}=1%).",
    )
    return low


def rising(name: str, spans: tuple[Span, ...], horizon: Horizon) -> list[float]:
    """Return boundaries in steps, each above the one before and the first above 0."""
    steps = [span.steps(horizon) for span in spans]
    holds = all(a < b for a, b in zip([0.0, *steps], steps, strict=False))
    written = ";".join(map(str, spans))
    check(holds, f"{name} wants boundaries above 0 that rise; got at={written}.", f"Try {name}(at=50%;75%).")
    return steps
