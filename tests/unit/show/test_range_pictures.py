"""A range test drawn where there is hardly anything to draw."""

import io

import numpy as np
import pytest

from lrbench.config import load_config
from lrbench.show.range_test import picture, write_terminal
from lrbench.studies.find_lr import Found, Wanted, plan_test
from lrbench.studies.range_test import RULES, read, suggest

STEPS = 40
NOTHING = {
    "no number at all": np.full(STEPS, np.nan),
    "one number": np.array([1.0, *[np.inf] * (STEPS - 1)]),
    "zeros": np.zeros(STEPS),
    "below zero": np.linspace(-1, -2, STEPS),
    "from large to small": np.geomspace(1e6, 1e-6, STEPS),
}


class Terminal(io.StringIO):
    """One that has colours."""

    def isatty(self) -> bool:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("losses", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("scale", ["exponential", "linear"])
def test_whatever_the_losses_are_it_can_be_drawn(
    losses: np.ndarray, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan_test(load_config(None, {"engine": "fake"}, {}), Wanted(sweep=scale, steps=STEPS))
    curves = tuple(read(seed, losses, planned.sweep) for seed in range(2))
    found = Found(
        setting=planned.setting,
        sweep=planned.sweep,
        curves=curves,
        suggestions=tuple(suggest(rule, curves, planned.sweep) for rule in RULES),
        remark="\x1b[31mXLA cannot compile this model",
    )
    assert picture(found, "png").startswith(b"\x89PNG")
    for term, stream in (("dumb", io.StringIO()), ("xterm", Terminal())):
        monkeypatch.setenv("TERM", term)
        write_terminal(found, stream)
        assert "a tenth of divergence" in stream.getvalue()
        assert ("\x1b[" in stream.getvalue()) == (term == "xterm")
        assert "\\x1b[31mXLA" in stream.getvalue(), "what commands a terminal is written out"
