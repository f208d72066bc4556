"""What is trained until every verdict is settled: whole pairs first, and no more than that takes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import fake_finished, fake_plan

from lrbench.designs import History
from lrbench.errors import BadConfig
from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Question
from lrbench.plan import Plan
from lrbench.runs import Experiment, Finished, Run, Status, in_order
from lrbench.studies.settling import UntilSettled, arm_of, until_settled

MOST = 12
FIVE = "constant,near=constant(lr=0.1001),cosine,step"
MARGIN = 0.001


class Trained:
    """The fake engine's runs of a plan, handed out one by one."""

    def __init__(self, schedulers: str = FIVE, most: int = MOST) -> None:
        self.plan: Plan = fake_plan(schedulers=schedulers, seeds=most)
        self.known = {one.key: one for one in fake_finished(self.plan)}
        self.setting = self.plan.setting

    def policy(self, jobs: int = 1, **question: object) -> UntilSettled:
        return until_settled(self.plan.runs, Question(**question), jobs)  # type: ignore[arg-type]

    def experiment(
        self, keys: set[str], policy: UntilSettled, change: Callable[[Finished], Finished]
    ) -> Experiment:
        done = tuple(in_order(change(self.known[key]) for key in keys))
        history = History(declared=(("2026", policy.declared),))
        return Experiment(name="x", folder=Path("nowhere"), setting=self.setting, finished=done, history=history)

    def all_of(
        self,
        policy: UntilSettled,
        keys: set[str] | None = None,
        change: Callable[[Finished], Finished] = lambda one: one,
        stop_after: int | None = None,
    ) -> tuple[Experiment, list[tuple[Run, ...]]]:
        """Do all that a policy asks for, or only so many runs of it."""
        keys = set() if keys is None else keys
        batches = []
        while batch := tuple(policy(self.experiment(keys, policy, change))):
            batches.append(batch)
            for run in batch:
                if stop_after is not None and len(keys) >= stop_after:
                    return self.experiment(keys, policy, change), batches
                keys.add(run.key)
        return self.experiment(keys, policy, change), batches


@pytest.fixture(scope="module")
def four() -> Trained:
    return Trained()


def counts(experiment: Experiment) -> dict[str, int]:
    return dict(Counter(name_of(one) for one in experiment.finished))


def name_of(one: Finished) -> str:
    return one.schedule.label or one.schedule.name


def verdicts(policy: UntilSettled, experiment: Experiment) -> dict[str, Verdict]:
    given = policy.answer(experiment)
    assert given is not None
    return {f"{each.scheduler} {each.baseline}": each.verdict for each in given.comparisons}


def lost(label: str, status: Status = Status.DIVERGED) -> Callable[[Finished], Finished]:
    """Every run of a schedule ends otherwise."""

    def change(one: Finished) -> Finished:
        return replace(one, result=replace(one.result, status=status, test=None)) if name_of(one) == label else one

    return change


def test_five_seeds_first_and_then_one_after_the_other(four: Trained) -> None:
    _, batches = four.all_of(four.policy())
    assert [len({run.seed for run in batch}) for batch in batches] == [5, *[1] * (len(batches) - 1)]
    assert [run.seed for batch in batches for run in batch] == sorted(
        run.seed for batch in batches for run in batch
    )


def test_it_ends_when_all_is_settled(four: Trained) -> None:
    policy = four.policy(margin=MARGIN)
    experiment, _ = four.all_of(policy)
    assert set(verdicts(policy, experiment).values()) == {Verdict.WORSE, Verdict.EQUIVALENT}
    assert counts(experiment) == {"constant": 9, "cosine": 9, "step": 9, "near": 5}
    assert policy(experiment) == ()


def test_it_ends_at_the_last_seed() -> None:
    same = Trained("constant,again=constant", most=7)
    policy = same.policy()
    experiment, _ = same.all_of(policy)
    assert counts(experiment) == {"constant": 7, "again": 7}
    assert verdicts(policy, experiment) == {"again constant": Verdict.CANNOT_TELL}


def test_who_is_settled_goes_on_only_where_all_pairs_need_it(four: Trained) -> None:
    policy = four.policy(every_pair=True, margin=MARGIN)
    experiment, _ = four.all_of(policy)
    assert len(verdicts(policy, experiment)) == 6
    assert counts(experiment)["near"] > 5, "against cosine it is not settled with five"
    assert Verdict.CANNOT_TELL not in verdicts(policy, experiment).values()


def test_another_baseline(four: Trained) -> None:
    policy = four.policy(baseline="cosine")
    experiment, _ = four.all_of(policy)
    assert all(pair.endswith(" cosine") for pair in verdicts(policy, experiment))


@pytest.mark.parametrize("jobs", [2, 3, 7, 30])
def test_with_more_runs_side_by_side_the_verdicts_are_the_same(four: Trained, jobs: int) -> None:
    policy = four.policy(jobs, margin=MARGIN)
    experiment, batches = four.all_of(policy)
    one = four.policy(margin=MARGIN)
    assert verdicts(policy, experiment) == verdicts(one, four.all_of(one)[0])
    assert all(len(batch) >= jobs for batch in batches[:-1]), "nobody waits while there is something to do"


@pytest.mark.parametrize("jobs", [1, 7])
def test_wherever_it_is_interrupted_the_same_runs_are_trained(four: Trained, jobs: int) -> None:
    whole, _ = four.all_of(four.policy(jobs, margin=MARGIN))
    wanted = {one.key for one in whole.finished}
    for after in range(1, len(wanted), 3):
        stood, _ = four.all_of(four.policy(jobs, margin=MARGIN), stop_after=after)
        keys = {one.key for one in stood.finished}
        assert keys <= wanted
        went_on, _ = four.all_of(four.policy(jobs, margin=MARGIN), keys)
        assert {one.key for one in went_on.finished} == wanted, after


def test_runs_of_one_batch_may_end_in_any_order(four: Trained) -> None:
    """As several commands in one folder, or a kill, leave it: the later seeds first."""
    policy = four.policy(margin=MARGIN)
    whole, batches = four.all_of(policy)
    keys = {run.key for batch in batches[:2] for run in batch[::2]}
    went_on, _ = four.all_of(four.policy(margin=MARGIN), keys)
    assert {one.key for one in went_on.finished} == {one.key for one in whole.finished}


def test_seeds_that_stand_there_are_looked_at_one_after_the_other(four: Trained) -> None:
    whole, _ = four.all_of(four.policy(margin=MARGIN))
    keys = {run.key for run in four.plan.runs if run.seed < 7}
    more, batches = four.all_of(four.policy(margin=MARGIN), keys)
    assert {one.key for one in whole.finished} <= {one.key for one in more.finished}
    assert min(run.seed for batch in batches for run in batch) == 7
    assert counts(more)["near"] == 7, "settled with five: no more than stood there"


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.FAILED])
def test_who_loses_every_run_takes_no_more_than_five(four: Trained, status: Status) -> None:
    policy = four.policy()
    experiment, batches = four.all_of(policy, change=lost("step", status))
    assert counts(experiment) == {"constant": 8, "cosine": 8, "near": 8, "step": 5}
    asked = Counter(run.key for batch in batches for run in batch)
    assert set(asked.values()) == {1}, "what fails is not tried again by the same command"


def test_what_failed_before_is_tried_again_by_the_next_command(four: Trained) -> None:
    change = lost("step", Status.FAILED)
    experiment, _ = four.all_of(four.policy(), change=change)
    (first, *_) = four.all_of(four.policy(), {one.key for one in experiment.finished}, change)[1]
    assert {run.schedule.label for run in first} == {"step"}


def test_if_the_baseline_loses_every_run_nothing_more_is_trained(four: Trained) -> None:
    experiment, _ = four.all_of(four.policy(baseline="constant"), change=lost("constant"))
    assert set(counts(experiment).values()) == {5}


def test_what_it_says(four: Trained) -> None:
    policy = four.policy(margin=MARGIN)
    said = []
    keys: set[str] = set()
    while batch := policy(stands := four.experiment(keys, policy, lambda one: one)):
        said.append(policy.said(stands))
        keys |= {run.key for run in batch}
    assert said[0] == f"At most {MOST} seeds, with a look after every one from 5 on"
    assert said[1].startswith(
        f"After 5 of at most {MOST} seeds: 1 of 3 comparisons against constant settled; open: "
    )
    assert "near" not in said[1].partition("open")[2]
    assert "cosine (p = " in said[1]


def test_what_is_declared_is_all_that_it_may_come_to(four: Trained) -> None:
    declared = four.policy().declared
    assert declared.until_settled
    assert declared.seeds == tuple(range(MOST))
    assert {arm_of(run) for run in four.plan.runs} == set(declared.arms)


@pytest.mark.parametrize(
    ("schedulers", "question", "said"),
    [
        ("constant", {}, "One schedule is compared with nothing"),
        ("constant,step", {"baseline": "nobody"}, "no schedule 'nobody'"),
        ("constant,step", {"margin": 3}, "margin=3 of a share"),
    ],
)
def test_what_cannot_be_settled_is_said_before_anything_is_trained(
    schedulers: str, question: dict[str, object], said: str
) -> None:
    with pytest.raises(BadConfig, match=said):
        until_settled(fake_plan(schedulers=schedulers, seeds=5).runs, Question(**question), 1)  # type: ignore[arg-type]


def test_a_baseline_may_be_spelled_otherwise() -> None:
    plan = fake_plan(schedulers="constant,step", seeds=5)
    assert until_settled(plan.runs, Question(baseline="step(gamma=0.5)"), 1).seeds == tuple(range(5))
