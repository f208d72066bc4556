"""A table of rates as a few points."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbench.schedules import REGISTRY, Horizon, parse
from lrbench.schedules.knots import MOST, WITHIN, interpolate, knots

horizons = st.builds(Horizon, st.integers(1, 60), st.integers(1, 2000))
MODIFIERS = ["", "per=epoch", "warmup=10%, warmup_shape=cosine", "warmup=3%, cooldown=30%"]
specs = st.builds(
    lambda name, modifiers: f"{name}({modifiers})", st.sampled_from(sorted(REGISTRY)), st.sampled_from(MODIFIERS)
)


def off(table: np.ndarray) -> float:
    """How far the lines are from the table, as a share of its highest rate."""
    return float(np.abs(interpolate(knots(table), np.arange(len(table))) - table).max() / table.max())


@settings(deadline=None)
@given(specs, horizons)
def test_the_lines_follow_every_schedule(spec: str, horizon: Horizon) -> None:
    if horizon.steps > 20:
        assert off(parse(spec).table(horizon)) <= WITHIN


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0, 1)), min_size=1, max_size=200))
def test_the_lines_follow_any_staircase_and_its_jumps_exactly(stairs: list[tuple[int, float]]) -> None:
    table = np.repeat([rate for _, rate in stairs] + [1], [length for length, _ in stairs] + [3])
    found = dict(knots(table))
    assert off(table) <= WITHIN
    for step in np.flatnonzero(np.abs(np.diff(table)) > WITHIN):
        before, after = np.diff(table)[step - 1 : step], np.diff(table)[step + 1 : step + 2]
        if np.all(before == 0) and np.all(after == 0):  # it stands alone
            assert (found[int(step)], found[int(step) + 1]) == (table[step], table[step + 1])


@given(specs, horizons)
def test_they_are_points_of_the_table_in_order_with_both_ends(spec: str, horizon: Horizon) -> None:
    if horizon.steps > 20:
        table = parse(spec).table(horizon)
        found = knots(table)
        at = [step for step, _ in found]
        assert (at[0], at[-1]) == (0, horizon.steps - 1)
        assert at == sorted(set(at))
        assert [rate for _, rate in found] == table[at].tolist()


@pytest.mark.parametrize(
    ("spec", "most"),
    [("constant", 2), ("linear", 2), ("step", 10), ("wsd", 5), ("cosine", 40), ("exponential", 40)],
)
def test_they_are_few(spec: str, most: int) -> None:
    assert len(knots(parse(spec).table(Horizon(15, 1719)))) <= most


def test_what_no_few_lines_can_follow_is_given_by_evenly_spread_points() -> None:
    table = np.random.default_rng(0).random(50_000)
    at = [step for step, _ in knots(table)]
    assert (len(at), at[0], at[-1]) == (MOST, 0, 49_999)
    assert max(np.diff(at)) - min(np.diff(at)) <= 1


@pytest.mark.parametrize("table", [np.ones(1), np.array([1.0, 2.0]), np.zeros(9), np.array([0.0, 1, 0])])
def test_the_shortest_tables_are_whole(table: np.ndarray) -> None:
    assert interpolate(knots(table), np.arange(len(table))).tolist() == table.tolist()


@pytest.mark.parametrize("spec", ["cosine", "restarts", "cyclical(half=0.3%)", "exponential(per=epoch)"])
def test_a_million_steps_take_no_longer_than_a_look(spec: str) -> None:
    table = parse(spec).table(Horizon(100, 10_000))
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        knots(table)
        seconds.append(time.process_time() - begin)
    assert min(seconds) < 0.1  # of one core, whoever else is on it; 0.02 on an idle one
