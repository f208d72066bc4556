"""The number of seeds that a sentence names is the one that the next command reaches, and no smaller one does."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from conftest import fake_experiment
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lrbench.designs import Arm, Declared, Design, History, Looked
from lrbench.judging import statistics as stats
from lrbench.judging.comparisons import Comparison, Verdict, against, all_pairs, always_fixed
from lrbench.judging.designs import Designs, designs_by
from lrbench.judging.evalues import e_process
from lrbench.judging.needed import open_pairs_needed
from lrbench.judging.questions import Question, answer
from lrbench.judging.scores import Scores

SCHEDULERS = ("constant", "cosine", "step", "exponential", "linear", "rex")


@cache
def arms() -> dict[str, Arm]:
    """The schedules of a real plan, by name."""
    return {name: runs[0].arm for name, runs in fake_experiment(schedulers=",".join(SCHEDULERS)).groups.items()}


def history(*events: tuple[str, int]) -> History:
    """What was declared and looked at, each with its number of seeds."""
    declared: list[tuple[str, Declared]] = []
    looked: list[tuple[str, Looked]] = []
    for i, (kind, seeds) in enumerate(events):
        time, each = f"2026-01-01T00:00:{i:02}", tuple(range(seeds))
        if kind == "look":
            looked.append((time, Looked(seeds=tuple((arm.identity, each) for arm in arms().values()))))
        else:
            plan = Declared(arms=tuple(arms().values()), seeds=each, until_settled=kind == "until")
            declared.append((time, plan))
    return History(declared=tuple(declared), looked=tuple(looked))


def designs(seeds: int, *events: tuple[str, int]) -> Designs:
    """The designs of a folder in which all this happened, with so many seeds now."""
    identities = {name: arm.identity for name, arm in arms().items()}
    return designs_by(history(*events), identities, {key: set(range(seeds)) for key in identities.values()})


def alike(count: int, seeds: int) -> Scores:
    """Schedules that nothing can tell apart: they take turns."""
    values = {
        label: {seed: 0.5 + 0.01 * ((seed + i) % 2) for seed in range(seeds)}
        for i, label in enumerate(SCHEDULERS[:count])
    }
    return Scores("test_accuracy", False, values, is_share=True)


def extreme(count: int, seeds: int) -> Scores:
    """Schedules that differ by the same in every seed: no differences of one size are clearer."""
    values = {label: dict.fromkeys(range(seeds), 0.5 + 0.01 * i) for i, label in enumerate(SCHEDULERS[:count])}
    return Scores("test_accuracy", False, values, is_share=True)


def named(comparison: Comparison) -> int | None:
    """The number that a sentence names as enough."""
    found = re.search(r"(\d+) seeds can", comparison.reason)
    return int(found[1]) if found else None


FAMILIES: dict[str, Callable[[Scores, Designs], list[Comparison]]] = {
    "baseline": lambda scores, known: against(scores, "constant", designs=known),
    "all pairs": lambda scores, known: all_pairs(scores, designs=known),
}


@settings(max_examples=30)
@given(
    st.sampled_from([*FAMILIES]),
    st.integers(2, 6),
    st.integers(1, 9),
    st.sampled_from(["looked", "not noted", "twice", "until", "table"]),
    st.integers(5, 14),
)
def test_the_number_named_can_and_one_less_cannot(
    family: str, count: int, seeds: int, past: str, most: int
) -> None:
    """Whatever a folder's past: more seeds are declared, trained and looked at as the next command does it."""
    assume(past != "until" or seeds < most)
    compare = FAMILIES[family]
    before: list[tuple[str, int]] = {
        "looked": [("plan", seeds)],
        "not noted": [],
        "twice": [("plan", 2), ("look", 2), ("plan", seeds)],
        "until": [("until", most)],
        "table": [],
    }[past]

    def known(number: int, *events: tuple[str, int]) -> Designs:
        return always_fixed if past == "table" else designs(number, *before, *events)

    now = compare(alike(count, seeds), known(seeds))
    said = {named(each) for each in now}
    assume(said != {None})
    (number,) = said
    assert number is not None
    assert number > seeds
    for then in {max(number - 1, seeds), number}:
        goes_on = past == "until" and then <= most
        events = [("look", seeds), *([] if goes_on else [("plan", then)])] if then > seeds else []
        verdicts = {each.verdict for each in compare(extreme(count, then), known(then, *events))}
        assert verdicts == {Verdict.BETTER if then == number else Verdict.CANNOT_TELL}
        if then == number:  # and it names no other number then
            assert {named(each) for each in compare(alike(count, then), known(then, *events))} == {None}


def test_the_number_of_pairs_is_one_of_seeds_where_runs_are_lost() -> None:
    def with_lost(make: Callable[[int, int], Scores], seeds: int) -> Scores:
        found = make(2, seeds)
        return replace(found, values={**found.values, "cosine": {**found.values["cosine"], 0: None, 1: None}})

    (now,) = against(with_lost(alike, 5), "constant")
    assert (now.n, now.reason) == (
        3,
        "n = 3 cannot reach 0.05; 8 seeds can; 2 of 5 runs of cosine did not finish",
    )
    for seeds, verdict in ((7, Verdict.CANNOT_TELL), (8, Verdict.WORSE)):
        worse = replace(with_lost(extreme, seeds), lower_is_better=True)
        assert against(worse, "constant")[0].verdict is verdict


def test_who_has_no_pair_yet_shares_the_5_percent_of_the_next_command() -> None:
    """A third schedule with two seeds of its own gets the others' by then, one that only diverges gets none."""
    scores = alike(3, 5)
    own = dict.fromkeys((7, 8), 0.5)
    fewer = replace(scores, values={**scores.values, "step": own})
    (first, *_) = (each for each in against(fewer, "constant") if each.scheduler == "cosine")
    assert first.reason == "n = 5 cannot reach 0.05; 7 seeds can"
    lost: dict[int, float | None] = dict.fromkeys(range(5))
    (first, *_) = against(replace(scores, values={**scores.values, "step": lost}), "constant")
    assert first.reason == "n = 5 cannot reach 0.05; 6 seeds can"


def test_a_largest_number_that_cannot_is_named() -> None:
    (first, *_) = against(alike(6, 5), "constant", designs=designs(5, ("until", 6)))
    assert first.reason == (
        "n = 5 cannot reach 0.05 among 5 comparisons, nor can 6, the most that were declared; 10 seeds can"
    )
    (first, *_) = against(alike(6, 6), "constant", designs=designs(6, ("until", 6)))
    assert first.reason == "not settled within 6 seeds, which cannot reach 0.05 among 5 comparisons"


def test_a_seed_that_is_missing_among_those_that_come_in_their_order_is_named() -> None:
    """Not "one seed tells nothing" above a table of three."""
    scores = alike(2, 4)
    gap = replace(
        scores, values={label: {s: v for s, v in its.items() if s} for label, its in scores.values.items()}
    )
    order = Design(kind="sequential", most=8, streams=(tuple(range(8)),))
    (found,) = against(gap, "constant", designs=lambda a, b: order)
    assert (found.n, found.reason) == (0, "seed 0 is missing, and the seeds after it count only once it is there")
    later = replace(
        scores, values={label: {s: v for s, v in its.items() if s != 2} for label, its in scores.values.items()}
    )
    (found,) = against(later, "constant", designs=lambda a, b: order)
    assert (found.n, found.reason) == (2, "n = 2 cannot reach 0.05; 7 seeds can")


@pytest.mark.parametrize("comparisons", [1, 5])
@pytest.mark.parametrize("effect", [0.25, 0.5, 1.0, 2.0])
def test_an_open_design_finds_a_difference_as_seen_with_about_so_many_seeds(
    effect: float, comparisons: int
) -> None:
    """80 % power within what "about" means: 1,000 simulated comparisons."""
    alpha = 0.05 / comparisons
    pairs = open_pairs_needed(effect, alpha)
    assert pairs is not None
    drawn = np.random.default_rng(0).normal(effect, 1, (1_000, pairs))
    told = (e_process(drawn).max(-1) > 1 / alpha).mean()
    assert 0.72 < told < 0.92


def test_small_effects_are_found_by_no_open_design_and_large_ones_at_its_floor() -> None:
    assert open_pairs_needed(0.02) is None
    assert open_pairs_needed(0.0) is None
    assert open_pairs_needed(float("inf"), 0.05 / 5) == 10
    assert (stats.pairs_needed(0.02) or 0) > 1_000


def test_seeds_that_are_added_after_a_look_are_counted_for_the_design_that_they_make() -> None:
    """Looked at once, 0.8 standard deviations take 15 seeds; added to what was looked at, twice as many."""
    rng = np.random.default_rng(4)
    noise = rng.normal(size=10)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    values = {"constant": dict.fromkeys(range(10), 0.5), "cosine": dict(enumerate(0.5 + 0.01 * (noise + 0.8)))}
    scores = Scores("test_accuracy", False, values, is_share=True)
    (alone,) = against(scores, "constant")
    (added,) = against(scores, "constant", designs=designs(10, ("plan", 10)))
    assert (alone.seeds_needed, added.seeds_needed) == (15, open_pairs_needed(0.8))
    assert added.reason.startswith("about 2") or alone.verdict is not Verdict.CANNOT_TELL


def test_the_answer_of_a_folder_names_the_next_command_s_number() -> None:
    """Two comparisons, five seeds: 7 would do in one look, and 8 do once these five have been looked at."""
    found = answer(fake_experiment(schedulers="constant,cosine,step", seeds="5", epochs="1"), Question())
    assert {each.fewest_seeds for each in found.comparisons} == {8}
