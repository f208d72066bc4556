"""One schedule under two labels: what real trainings differ by from seed to seed is never settled too often.

`constant` of the reference has ten seeds. The difference of two of them, drawn again and again, is a difference of
two labels of one schedule whose seeds have nothing in common: real noise, and no effect. n = 200 experiments of up
to 50 pairs each, with a look after every pair.
"""

from itertools import permutations

import numpy as np
import pytest
from conftest import ROOT
from looks import error, flips_p, open_p, t_p

from lrbench.judging.comparisons import Verdict, compare
from lrbench.judging.designs import Designs
from lrbench.judging.questions import read_design
from lrbench.judging.scores import Scores, scores_of
from lrbench.store import load_all

EXPERIMENTS = 200
MOST = 50


@pytest.fixture(scope="module")
def differences() -> np.ndarray:
    """(experiments, 1, pairs)"""
    ((reference,), _) = load_all(ROOT / "results" / "reference")
    known = scores_of(reference, "test_accuracy").finals("constant")
    assert known.size == 10
    each = np.array([a - b for a, b in permutations(known, 2)])
    return np.random.default_rng(5).choice(each, (EXPERIMENTS, 1, MOST))


def test_no_design_settles_it_in_more_than_five_percent(differences: np.ndarray) -> None:
    flips = error(flips_p(differences, MOST, np.array([0.05])))
    t, evidence = error(t_p(differences, MOST)), error(open_p(differences))
    assert max(flips, t, evidence) <= 0.05, (flips, t, evidence)


def test_a_test_for_one_look_would(differences: np.ndarray) -> None:
    """So that the test above shows something."""
    n = np.arange(1, MOST + 1)
    mean = differences.cumsum(-1) / n
    spread = np.sqrt((differences**2).cumsum(-1) / n - mean**2)
    t = np.abs(mean[..., 5:]) / (spread[..., 5:] / np.sqrt(n[5:] - 1))
    assert (t > 2).any((1, 2)).mean() > 0.15


@pytest.mark.parametrize("text", ["sequential:14", "open"])
def test_the_verdicts_themselves(differences: np.ndarray, text: str) -> None:
    """Of 14 pairs each: Verdict, not p."""
    design = read_design(text)
    seeds = tuple(range(14))
    designs: Designs = lambda a, b: type(design)(kind=design.kind, most=design.most, streams=(seeds,))  # noqa: E731
    different = 0
    for (d,) in differences[:, :, :14]:
        known = Scores(
            "test_accuracy", False, {"a": dict(enumerate(map(float, d))), "b": dict.fromkeys(seeds, 0.0)}, True
        )
        (comparison,) = compare(known, [("a", "b")], None, designs)
        different += comparison.verdict in (Verdict.BETTER, Verdict.WORSE)
    assert different <= 0.05 * EXPERIMENTS
