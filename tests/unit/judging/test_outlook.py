"""Before anything is trained: whether a verdict can come of it is what the verdicts themselves then show."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from conftest import fake_finished, fake_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbench.designs import Declared, History, Looked, arms_of
from lrbench.judging.comparisons import Verdict, against, all_pairs
from lrbench.judging.designs import designs_of, looked
from lrbench.judging.outlook import outlook
from lrbench.judging.questions import Question
from lrbench.judging.scores import Scores
from lrbench.runs import Experiment, Run

FOUR = ("constant", "cosine", "step", "rex")


@cache
def runs(count: int, seeds: int) -> tuple[Run, ...]:
    return fake_plan(schedulers=",".join(FOUR[:count]), seeds=str(seeds), epochs=1).runs


@cache
def stored(count: int, seeds: int) -> Experiment:
    """What a folder holds after so many seeds; nothing of none."""
    plan = fake_plan(schedulers=",".join(FOUR[:count]), seeds=str(max(seeds, 1)), epochs=1)
    finished = fake_finished(plan) if seeds else ()
    return Experiment(name=plan.experiment, folder=Path("nowhere"), setting=plan.setting, finished=finished)


def declared(count: int, seeds: int, *, until: bool = False) -> Declared:
    return Declared(arms=arms_of(runs(count, 1)), seeds=tuple(range(seeds)), until_settled=until)


def seen(experiment: Experiment) -> Looked:
    found = looked(experiment)
    assert found
    return found


def enough(text: str) -> int:
    found = re.search(r"; (\d+) seeds can\.$", text)
    assert found, text
    return int(found[1])


@settings(max_examples=30)
@given(st.integers(2, 4), st.integers(0, 6), st.integers(1, 12), st.booleans(), st.booleans(), st.booleans())
def test_what_is_said_before_is_what_the_clearest_figures_show_after(
    count: int, before: int, seeds: int, every_pair: bool, until: bool, was_looked_at: bool
) -> None:
    """`before` seeds stand there, looked at or not; a command declares and trains some more."""
    here = stored(count, before)
    history = History()
    if before:
        looks = (("1", seen(here)),) if was_looked_at and before > 1 else ()
        history = History(declared=(("0", declared(count, before)),), looked=looks)
    here = replace(here, history=history)
    question = Question(every_pair=every_pair)
    until = until and seeds > 1

    def is_said(number: int) -> str:
        return outlook(here, runs(count, number), question, until_settled=until)

    def verdicts(number: int) -> set[Verdict]:
        after = stored(count, max(before, number))
        plan = ("2", declared(count, number, until=until))
        after = replace(after, history=replace(history, declared=(*history.declared, plan)))
        values = {
            label: {one.seed: 0.5 + 0.01 * i for one in its} for i, (label, its) in enumerate(after.groups.items())
        }
        clear = Scores("test_accuracy", False, values, is_share=True)
        known = designs_of(after)
        found = all_pairs(clear, designs=known) if every_pair else against(clear, "constant", designs=known)
        return {each.verdict for each in found}

    said = is_said(seeds)
    assert (Verdict.CANNOT_TELL in verdicts(seeds)) == bool(said)
    if said:
        number = enough(said)
        assert number > max(seeds, before)
        assert not is_said(number)
        assert Verdict.CANNOT_TELL not in verdicts(number)


def test_it_is_said_of_one_seed_and_of_several() -> None:
    nothing = stored(4, 0)
    assert outlook(nothing, runs(2, 1)) == "One seed cannot tell better from worse; 6 seeds can."
    assert outlook(nothing, runs(2, 5)) == "5 seeds cannot tell better from worse; 6 seeds can."
    assert outlook(nothing, runs(4, 5)) == (
        "5 seeds cannot tell better from worse among 3 comparisons; 7 seeds can."
    )
    assert outlook(nothing, runs(2, 6)) == ""
    assert outlook(nothing, runs(1, 1)) == ""
    most = outlook(nothing, runs(4, 5), until_settled=True)
    assert most == "At most 5 seeds cannot tell better from worse among 3 comparisons; 7 seeds can."


def test_seeds_that_come_after_a_look_take_more_of_them() -> None:
    here = stored(4, 5)
    here = replace(here, history=History(declared=(("0", declared(4, 5)),), looked=(("1", seen(here)),)))
    assert outlook(here, runs(4, 7)).endswith("; 9 seeds can.")
    assert outlook(replace(here, history=History()), runs(4, 7)).endswith("; 9 seeds can."), "nothing was noted"


def test_a_schedule_that_joins_others_with_too_few_seeds_is_named() -> None:
    here = stored(3, 10)
    joining = fake_plan(schedulers="rex", seeds="5", epochs=1).runs
    assert outlook(here, joining) == "rex: 5 seeds cannot tell better from worse among 3 comparisons; 7 seeds can."
