"""Which design a comparison has, from what was declared, what was looked at, and what stands there."""

from dataclasses import replace

import pytest
from conftest import asked, fake_experiment

from lrbench.designs import FIXED, Arm, Declared, Design, History, Looked
from lrbench.judging.designs import designs_of, looked, saved_note
from lrbench.judging.questions import read_design
from lrbench.runs import Experiment

SCHEDULERS = "constant,cosine"
ARMS = tuple(one.arm for one in fake_experiment(schedulers=SCHEDULERS).finished)
Event = Declared | Looked


def to(n: int) -> tuple[int, ...]:
    return tuple(range(n))


def declared(seeds: tuple[int, ...], *, until: bool = False, arms: tuple[Arm, ...] = ARMS) -> Declared:
    return Declared(arms=arms, seeds=seeds, until_settled=until)


def seen(*seeds: int, other: tuple[int, ...] | None = None) -> Looked:
    """A look at which both schedules had these seeds, or the second others."""
    second = seeds if other is None else other
    return Looked(seeds=((ARMS[0].identity, seeds), (ARMS[1].identity, second)))


def history(*events: Event) -> History:
    """What happened, one after the other."""
    timed = [(f"2026-01-01T00:00:{i:02}", event) for i, event in enumerate(events)]
    return History(
        declared=tuple((time, each) for time, each in timed if isinstance(each, Declared)),
        looked=tuple((time, each) for time, each in timed if isinstance(each, Looked)),
    )


def design(seeds: tuple[int, ...] | str, *events: Event, torn: bool = False) -> Design:
    """The design with these seeds now, after all that happened."""
    text = seeds if isinstance(seeds, str) else ",".join(map(str, seeds))
    experiment = fake_experiment(schedulers=SCHEDULERS, seeds=text)
    experiment = replace(experiment, history=replace(history(*events), is_torn=torn))
    return designs_of(experiment)("cosine", "constant")


FIXED_HISTORIES: dict[str, tuple[tuple[int, ...], tuple[Event, ...]]] = {
    "nothing was noted": (to(6), ()),
    "declared, not looked at": (to(6), (declared(to(6)),)),
    "the same look again": (to(6), (declared(to(6)), seen(*to(6)))),
    "more declared before any look": (to(9), (declared(to(6)), declared(to(9)))),
    "one of the two came later": (to(6), (declared(to(6)), seen(*to(6), other=()))),
    "a look at one seed tells nothing": (to(6), (declared(to(6)), seen(0))),
    "an earlier version's, looked at where it stands": (to(6), (seen(*to(6)),)),
}
OPEN_HISTORIES: dict[str, tuple[tuple[int, ...], tuple[Event, ...], tuple[int, ...]]] = {
    "seeds of another plan of the same two": ((7, 8), (declared(to(6)),), ()),
    "a plan that was given up for a smaller one": (to(6), (declared(to(9)), declared(to(6))), ()),
    "more seeds after a look": (to(9), (declared(to(6)), seen(*to(6)), declared(to(9))), (6,)),
    "twice more": (to(9), (declared(to(3)), seen(*to(3)), seen(*to(6)), declared(to(9))), (3, 6)),
    "a look in the middle of a plan": (to(6), (declared(to(6)), seen(0, 1, 2)), (3,)),
    "a part of a plan": (to(4), (declared(to(6)),), ()),
    "fewer than were looked at": (to(4), (declared(to(6)), seen(*to(6))), (6,)),
    "a largest number that came after a look": (
        to(6),
        (declared(to(5)), seen(*to(5)), declared(to(9), until=True)),
        (5,),
    ),
    "more than the largest number": (to(9), (declared(to(6), until=True), seen(*to(6)), declared(to(9))), (6,)),
    "another largest number": (
        to(9),
        (declared(to(6), until=True), seen(*to(6)), declared(to(9), until=True)),
        (6,),
    ),
    "one that nobody noted a look at": (to(9), (declared(to(6), until=True), declared(to(9), until=True)), ()),
    "a plan of more than the largest number": (to(9), (declared(to(6), until=True), declared(to(9))), ()),
    "earlier runs without a history, then more": (to(9), (seen(*to(6)), declared(to(9))), (6,)),
}
SEQUENTIAL_HISTORIES: dict[str, tuple[tuple[int, ...], tuple[Event, ...]]] = {
    "not looked at": (to(5), (declared(to(9), until=True),)),
    "looked at on the way": (to(7), (declared(to(9), until=True), seen(*to(5)), seen(*to(6)))),
    "all of it": (to(9), (declared(to(9), until=True), seen(*to(9)))),
    "seeds that stood there, not looked at": (to(6), (declared(to(5)), declared(to(9), until=True))),
    "a plan within it": (to(8), (declared(to(9), until=True), seen(*to(5)), declared(to(8)))),
    "a larger number declared later": (
        to(6),
        (declared(to(9), until=True), seen(*to(6)), declared(to(12), until=True)),
    ),
}


@pytest.mark.parametrize("name", FIXED_HISTORIES)
def test_fixed(name: str) -> None:
    seeds, events = FIXED_HISTORIES[name]
    assert design(seeds, *events) == FIXED


@pytest.mark.parametrize("name", OPEN_HISTORIES)
def test_open(name: str) -> None:
    seeds, events, looks = OPEN_HISTORIES[name]
    found = design(seeds, *events)
    assert (found.kind, found.looks, found.most) == ("open", looks, None)
    assert sorted(seed for stream in found.streams for seed in stream) == list(seeds), "each seed once"


@pytest.mark.parametrize("name", SEQUENTIAL_HISTORIES)
def test_sequential(name: str) -> None:
    seeds, events = SEQUENTIAL_HISTORIES[name]
    assert design(seeds, *events) == Design(kind="sequential", most=9, streams=(to(9),))


def test_whatever_was_lost_of_a_history_may_have_been_a_look() -> None:
    for events in ((), (declared(to(6)),), (declared(to(9), until=True),)):
        assert design(to(6), *events, torn=True).kind == "open"


def test_streams_are_in_the_order_in_which_seeds_came() -> None:
    def streams(seeds: tuple[int, ...], *events: Event) -> tuple[tuple[int, ...], ...]:
        return design(seeds, declared(seeds), *events).streams

    assert streams((0, 1, 2, 5, 6), seen(5, 6)) == ((5, 6, 0, 1, 2),)
    assert streams((0, 1, 2, 5, 6), seen(5, 6), seen(2, 5, 6)) == ((5, 6, 2, 0, 1),)
    assert streams((0, 1, 2, 5, 6), seen(0, 1, 2), seen(5, 6)) == ((5, 6), (0, 1, 2)), "two folders"
    merged = streams((0, 1, 2, 5, 6, 8), seen(0, 1, 2), seen(5, 6), seen(0, 1, 2, 5, 6))
    assert merged == ((5, 6), (0, 1, 2), (8,)), "what comes to both is of neither"


def test_two_that_were_not_declared_together() -> None:
    experiment = fake_experiment(schedulers=f"{SCHEDULERS},step", seeds=6)
    told = designs_of(replace(experiment, history=history(declared(to(6)), seen(*to(6)))))
    assert told("step", "constant") == told("cosine", "constant") == FIXED
    assert told("nobody", "constant") == FIXED


def test_a_search_declares_whatever_it_finds() -> None:
    assert design(to(6), declared(to(6), arms=())) == FIXED
    assert design(to(9), declared(to(6), arms=()), seen(*to(6)), declared(to(9), arms=())).kind == "open"


def test_what_a_look_shows() -> None:
    def shown(**options: object) -> Looked | None:
        return looked(fake_experiment(**options))

    assert shown(schedulers=SCHEDULERS, seeds=1) is None
    assert shown(schedulers="constant", seeds=5) is None
    both = shown(schedulers=SCHEDULERS, seeds=2)
    assert both is not None
    assert {seeds for _, seeds in both.seeds} == {(0, 1)}
    lost = shown(schedulers="constant,hot=constant(lr=20)", seeds=2)
    assert lost is not None
    assert {seeds for _, seeds in lost.seeds} == {(0, 1)}, "who diverged has been seen too"


def until(*most: int, seeds: int = 6) -> Experiment:
    plans = [declared(to(n), until=True) for n in most]
    return replace(fake_experiment(schedulers=SCHEDULERS, seeds=seeds), history=history(*plans))


def test_what_was_saved() -> None:
    said = asked(until(20)).note
    assert said == "Until settled: 12 of 40 runs, which 20 seeds for all would be."
    assert saved_note(until(20), ["fixed", "open"]) == ""
    assert asked(fake_experiment(schedulers=SCHEDULERS, seeds=6)).note == ""


def test_what_was_saved_is_said_of_the_larger_of_two_plans() -> None:
    experiment = fake_experiment(schedulers=f"{SCHEDULERS},step", seeds=6)
    arms = tuple(dict.fromkeys(one.arm for one in experiment.finished))
    both = history(declared(to(9), until=True), declared(to(9), until=True, arms=arms))
    said = saved_note(replace(experiment, history=both), ["sequential:9"])
    assert said == "Until settled: 18 of 27 runs, which 9 seeds for all would be."


def test_designs_of_a_table_are_stated() -> None:
    for text in ("fixed", "open", "sequential:20"):
        assert str(read_design(text)) == text
