"""Shares of a plan: whole, without overlap, balanced by steps, and the same for everybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.config import load_config
from lrbench.errors import BadConfig
from lrbench.plan import make_plans
from lrbench.shards import Shard, read_shard, share

ARRAY = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "8"}


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 12))
def test_shares_are_whole_disjoint_and_balanced(steps: list[int], of: int) -> None:
    shares = [share(steps, Shard(number, of)) for number in range(1, of + 1)]
    assert sorted(i for each in shares for i in each) == list(range(len(steps)))
    assert all(each == sorted(each) for each in shares), "the plan's order stays"
    loads = [sum(steps[i] for i in each) for each in shares]
    assert max(loads) - min(loads) <= max(steps, default=0)


def test_equal_runs_are_dealt_in_turn() -> None:
    assert [share([5] * 7, Shard(number, 3)) for number in (1, 2, 3)] == [[0, 3, 6], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("more", "shard"),
    [
        ({}, "4/8"),
        ({"SLURM_ARRAY_TASK_MIN": "1"}, "3/8"),
        ({"SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_STEP": "2"}, "2/8"),
    ],
)
def test_a_task_of_a_job_array_knows_its_share(more: dict[str, str], shard: str) -> None:
    assert str(read_shard("auto", ARRAY | more)) == shard


@pytest.mark.parametrize("text", ["", "2", "0/8", "9/8", "2/0", "2/x", "-1/8", "2/8/3", "½"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="is no share"):
        read_shard(text)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "there is no SLURM_ARRAY_TASK_ID"),
        ({"SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "8"}, "SLURM_ARRAY_TASK_ID=x is no whole number"),
        ({"SLURM_ARRAY_TASK_ID": "3"}, "there is no SLURM_ARRAY_TASK_COUNT"),
        ({"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "8"}, "none of its evenly numbered tasks"),
        (ARRAY | {"SLURM_ARRAY_TASK_STEP": "2"}, "none of its evenly numbered tasks"),
    ],
)
def test_without_an_even_job_array_auto_says_why(environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        read_shard("auto", environ)


def test_one_share_is_of_all_experiments_together() -> None:
    """Three horizons of 1, 2 and 9 epochs: the long runs are dealt first, and the short ones even them out."""
    wishes = {"engine": "fake", "epochs": "1,2,9", "seeds": 3, "schedulers": "step,cosine"}
    whole = make_plans(load_config(None, wishes, {}))
    shares = [make_plans(load_config(None, {**wishes, "shard": f"{k}/4"}, {})) for k in range(1, 5)]
    for i, (_, plan) in enumerate(whole):
        ours = [run.run_id for plans in shares for run in plans[i][1].runs]
        assert sorted(ours) == sorted(run.run_id for run in plan.runs)
        assert all(plans[i][1].whole == plan.whole and plans[i][1].names == plan.names for plans in shares)
    loads = [sum(run.setting.horizon.steps for _, plan in plans for run in plan.runs) for plans in shares]
    assert max(loads) - min(loads) <= whole[-1][1].setting.horizon.steps
