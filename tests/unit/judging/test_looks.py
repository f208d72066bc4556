"""A comparison at its looks: which pairs, in which order, and what holds of them at every look."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lrbench.designs import FIXED, Design
from lrbench.judging import evalues, sequential
from lrbench.judging import statistics as stats
from lrbench.judging.comparisons import Comparison, Verdict, compare
from lrbench.judging.looks import anytime_p, e_value, first_inside, interval, is_inside, looks_of
from lrbench.judging.pairs import pairs_of
from lrbench.judging.scores import Scores

RNG = np.random.default_rng(4)
NOISE = RNG.normal(0, 1, 40)
OPEN = Design(kind="open")
MOST = 14


def up_to(most: int, seeds: Sequence[int] | None = None) -> Design:
    return Design(kind="sequential", most=most, streams=(tuple(seeds or range(most)),))


def scores(**values: Sequence[float | None] | dict[int, float | None]) -> Scores:
    """A figure of which more is better: by label, by seed or in their order from 0."""
    by_seed = {label: dict(its if isinstance(its, dict) else enumerate(its)) for label, its in values.items()}
    return Scores("score", False, by_seed)


def against_nought(d: Sequence[float]) -> Scores:
    return scores(a=d, b=[0.0] * len(d))


def test_pairs_come_in_the_order_of_their_streams() -> None:
    known = scores(a={3: 1.0, 0: 2.0, 7: 4.0, 1: 8.0}, b={0: 0.0, 1: 0.0, 3: 0.0, 7: 0.0, 9: 0.0})
    assert pairs_of(known, "a", "b", FIXED).differences.tolist() == [2, 8, 1, 4], "of no order: by seed"
    streams = Design(kind="open", streams=((7, 3), (1, 0)))
    pairs = pairs_of(known, "a", "b", streams)
    assert pairs.differences.tolist() == [4, 1, 8, 2]
    assert [stream.tolist() for stream in pairs.streams] == [[4, 1], [8, 2]]


def test_a_look_counts_the_seeds_up_to_the_first_that_has_not_ended_for_both() -> None:
    known = scores(a=[1.0, 2.0, 3.0, 4.0, 5.0], b={0: 0.0, 1: 0.0, 3: 0.0, 4: 0.0})
    assert pairs_of(known, "a", "b", up_to(9)).differences.tolist() == [1, 2]
    assert pairs_of(known, "b", "a", up_to(9)).differences.tolist() == [-1, -2]
    assert pairs_of(known, "a", "b", OPEN).differences.tolist() == [1, 2, 4, 5], "no order was declared"
    assert pairs_of(known, "a", "b", up_to(9, [4, 3, 2, 1])).differences.tolist() == [5, 4]


def test_who_lost_a_run_has_ended_it() -> None:
    known = scores(a=[1.0, None, 3.0], b=[0.0, 0.0, 0.0])
    pairs = pairs_of(known, "a", "b", up_to(9))
    assert pairs.differences.tolist() == [1, 3]
    assert pairs.lengths == (2,)


def test_intervals_and_p_are_those_of_the_design() -> None:
    d = NOISE[:20] + 0.4
    known = against_nought(d)
    fixed, until, open_ = (pairs_of(known, "a", "b", design) for design in (FIXED, up_to(30), OPEN))
    assert interval(fixed, FIXED) == stats.mean_interval(d)
    assert interval(until, up_to(30)) == sequential.repeated_interval(d, 30, 0.05)
    assert interval(open_, OPEN) == evalues.confidence_sequence([d], 0.05)
    assert anytime_p(until, up_to(30)) == sequential.valid_p(d, 30)
    assert anytime_p(open_, OPEN) == evalues.open_p([d])
    widths = [
        high - low for low, high in (interval(fixed, FIXED), interval(until, up_to(30)), interval(open_, OPEN))
    ]
    assert widths == sorted(widths), "what may be looked at more often is wider"


def test_evidence_of_independent_streams_multiplies() -> None:
    d = NOISE[:12] + 1
    design = Design(kind="open", streams=((0, 1, 2, 3, 4, 5, 6), (7, 8, 9, 10, 11)))
    pairs = pairs_of(against_nought(d), "a", "b", design)
    one, two = (float(evalues.e_process(part)[-1]) for part in (d[:7], d[7:]))
    assert e_value(pairs) == pytest.approx(one * two)
    assert anytime_p(pairs, design) == pytest.approx(min(1, 1 / (one * two)))


@pytest.mark.parametrize("design", [up_to(30), OPEN], ids=str)
def test_with_fewer_than_two_pairs_there_is_nothing(design: Design) -> None:
    pairs = pairs_of(against_nought([1.0]), "a", "b", design)
    assert math.isnan(anytime_p(pairs, design))
    assert all(map(math.isnan, interval(pairs, design)))
    assert looks_of(pairs, design) == []


@pytest.mark.parametrize("design", [up_to(40), OPEN], ids=str)
def test_what_is_shown_of_a_look_is_what_stood_there(design: Design) -> None:
    d = NOISE + 0.5
    for look in looks_of(pairs_of(against_nought(d), "a", "b", design), design)[::5]:
        then = pairs_of(against_nought(d[: look.n]), "a", "b", design)
        assert look.mean == pytest.approx(float(d[: look.n].mean()))
        assert (look.low, look.high) == pytest.approx(interval(then, design))
        assert look.p == anytime_p(then, design)


def test_of_several_streams_only_now_is_known() -> None:
    design = Design(kind="open", streams=((0, 1, 2), (3, 4, 5)))
    assert [look.n for look in looks_of(pairs_of(against_nought(NOISE[:6]), "a", "b", design), design)] == [6]


def test_many_looks_are_shown_as_some() -> None:
    d = np.random.default_rng(0).normal(size=200)
    looks = looks_of(pairs_of(against_nought(d), "a", "b", OPEN), OPEN)
    assert (looks[0].n, looks[-1].n) == (2, 200)
    assert len(looks) <= 60


def test_equivalent_at_an_earlier_look_stays_so() -> None:
    d = [*(0.01 * NOISE[:8]), 0.5, -0.5]
    design = up_to(40)
    pairs = pairs_of(against_nought(d), "a", "b", design)
    low, high = interval(pairs, design)
    assert not (low > -0.1 and high < 0.1)
    assert is_inside(pairs, design, 0.1)
    assert first_inside(pairs, design, 0.1) == 5
    assert first_inside(pairs, design, 0.0001) is None
    ((verdict, _),) = verdicts(against_nought(d), 40, 0.1)
    assert verdict is Verdict.EQUIVALENT


def verdicts(known: Scores, most: int, margin: float | None) -> list[tuple[Verdict, str]]:
    pairs = [(label, "b") for label in known.values if label != "b"]
    return [(each.verdict, each.reason) for each in compare(known, pairs, margin, lambda a, b: up_to(most))]


def test_pairs_that_came_after_it_was_equivalent_change_no_verdict() -> None:
    """Five pairs lie inside the margin; with twelve the small difference would be settled too."""
    small = [0.01 + 0.001 * each for each in NOISE[:12]]
    (alone,) = verdicts(against_nought(small[:5]), 12, 0.1)
    (later,) = verdicts(against_nought(small), 12, 0.1)
    assert alone == later == (Verdict.EQUIVALENT, "")
    assert verdicts(against_nought(small), 12, None)[0][0] is Verdict.BETTER, "where no margin is stated"


def test_what_was_settled_before_it_was_inside_stays_settled() -> None:
    d = [0.05 + 0.04 * each for each in NOISE]
    ((verdict, reason),) = verdicts(against_nought(d), 40, 0.075)
    pairs = pairs_of(against_nought(d), "a", "b", up_to(40))
    settled = next(look.n for look in looks_of(pairs, up_to(40)) if look.p < 0.05)
    inside = first_inside(pairs, up_to(40), 0.075)
    assert inside is not None
    assert settled < inside
    assert (verdict, reason) == (Verdict.BETTER, "but within the margin")


@pytest.mark.parametrize("margin", [None, 0.6])
def test_in_whatever_order_runs_end_the_verdicts_are_the_same(margin: float | None) -> None:
    """Each comparison has so many pairs as it needed, or more, as it comes when several runs go side by side."""
    rng = np.random.default_rng(6)
    for _ in range(12):
        effects = rng.choice([0, 0.1, 1.0, -1.0], 3)
        d = {f"a{i}": rng.normal(effect, 0.6, MOST) for i, effect in enumerate(effects)}

        def stands(counts: dict[str, int], d: dict[str, np.ndarray] = d) -> list[Comparison]:
            values = {label: list(its[: counts[label]]) for label, its in d.items()}
            known = scores(**values, b=[0.0] * MOST)
            return compare(known, [(label, "b") for label in d], margin, lambda a, b: up_to(MOST))

        one_by_one = counts_of(stands, list(d), lambda: 1)
        batches = counts_of(stands, list(d), lambda: int(rng.integers(1, 6)))
        found = [[each.verdict for each in stands(counts)] for counts in (one_by_one, batches)]
        assert found[0] == found[1], (effects, one_by_one, batches)


def counts_of(
    stands: Callable[[dict[str, int]], list[Comparison]], labels: list[str], step: Callable[[], int]
) -> dict[str, int]:
    """Train whoever is open, so many seeds at a time, until nobody is or the last seed is reached."""
    counts, n = dict.fromkeys(labels, 5), 5
    while n < MOST and (still := [e.scheduler for e in stands(counts) if e.verdict is Verdict.CANNOT_TELL]):
        n = min(n + step(), MOST)
        counts |= dict.fromkeys(still, n)
    return counts
