"""The picture of several horizons: what it draws, and what it says of it."""

import matplotlib as mpl
import numpy as np
import pytest
from conftest import fake_experiment
from matplotlib.collections import LineCollection

from lrbench.judging.budgets import Budgets, budgets_of
from lrbench.judging.questions import Answer, Question, answer
from lrbench.show import budgets, canvas
from lrbench.show.styles import styles


def of(epochs: int, schedulers: str, seeds: int) -> Answer:
    return answer(fake_experiment(epochs=epochs, schedulers=schedulers, seeds=seeds), Question())


def drawn(found: Budgets) -> canvas.Figure:
    with mpl.rc_context(canvas.STYLE):
        return budgets._figure(found)


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_are_promised_where_they_are_drawn(seeds: int) -> None:
    (found,), _ = budgets_of([of(n, "constant,cosine", seeds) for n in (2, 5, 15)])
    figure = drawn(found)
    bars = [each for each in figure.axes[0].collections if isinstance(each, LineCollection)]
    heights = [np.ptp(segment[:, 1]) for each in bars for segment in each.get_segments() if len(segment)]
    assert (np.nan_to_num(heights) > 0).sum() == (6 if seeds > 1 else 0)
    assert ("95 % t intervals" in figure.get_suptitle()) is (seeds > 1)


def test_a_schedule_stands_where_it_was_trained_in_its_own_colour() -> None:
    answers = [
        of(2, "constant,cosine", 2),
        of(5, "cosine,step", 2),
        of(15, "constant,step", 2),
        of(30, "linear", 2),
    ]
    (found,), left_out = budgets_of(answers)
    lines = {str(line.get_label()): line for line in drawn(found).axes[0].lines}
    assert {label: list(line.get_xdata()) for label, line in lines.items()} == {
        "constant": [2, 15],
        "cosine": [2, 5],
        "step": [5, 15],
    }
    assert {label: line.get_color() for label, line in lines.items()} == {
        label: style.colour for label, style in styles(lines).items()
    }
    assert len(left_out) == 1
