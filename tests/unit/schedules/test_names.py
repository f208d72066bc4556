"""What schedules are called where several stand together."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.schedules import Named, called, named, names, parse, parse_list, peak_rates


@pytest.mark.parametrize(
    ("specs", "expected", "title"),
    [
        ("cosine,step", ["cosine", "step"], "peak rate 0.1"),
        ("cosine(lr=0.2),step(lr=0.2)", ["cosine", "step"], "peak rate 0.2"),
        ("cosine,cosine(lr=0.2)", ["cosine(lr=0.1)", "cosine(lr=0.2)"], "peak rates 0.1 and 0.2"),
        (
            "step(every=5 epochs),cosine(lr=0.2)",
            ["step(lr=0.1, every=5 epochs)", "cosine(lr=0.2)"],
            "peak rates 0.1 and 0.2",
        ),
        ("cosine,slow=cosine(lr=0.01)", ["cosine", "slow"], "peak rate 0.1 (slow 0.01)"),
        ("a=cosine(lr=1),b=step(lr=2),c=rex(lr=3)", ["a", "b", "c"], "peak rates 1 to 3"),
    ],
)
def test_a_shared_rate_is_said_once_and_others_by_name(specs: str, expected: list[str], title: str) -> None:
    schedules = parse_list(specs)
    assert called(schedules) == expected
    assert peak_rates(names(map(named, schedules))) == title


def test_the_same_words_of_two_versions_are_told_apart() -> None:
    today = named(parse("cosine"))
    before = dataclasses.replace(today, parameters=(("floor", "5%"), ("k", "1")))
    assert list(names([before, today]).values()) == ["cosine(floor=5%)", "cosine(floor=1%)"]
    older = dataclasses.replace(today, parameters=(("floor", "1%"),))
    assert list(names([older, today]).values()) == ["cosine", "cosine(k=1)"]


def test_a_label_and_a_function_s_rates_tell_schedules_apart_too() -> None:
    plain, label = named(parse("cosine")), named(parse("cosine=step"))
    assert len(set(names([plain, label]).values())) == 2
    one, other = (named(parse("mine.py:f"), sha256) for sha256 in ("a" * 64, "b" * 64))
    assert list(names([one, other]).values()) == ["mine.py:f(rates=aaaaaaaa)", "mine.py:f(rates=bbbbbbbb)"]


SOME = st.builds(
    lambda words, lr, floor, label: Named(
        words=words, is_label=label, name="x", lr=lr, parameters=(("floor", floor),), spec="x"
    ),
    st.sampled_from(["cosine", "step(every=1 epoch)", "a"]),
    st.sampled_from([0.1, 0.2]),
    st.sampled_from(["0%", "1%"]),
    st.booleans(),
)


@given(st.lists(SOME, min_size=1, max_size=12))
def test_no_two_share_a_name_whatever_stands_together(schedules: list[Named]) -> None:
    found = names(schedules)
    assert set(found) == set(schedules)
    assert len(set(found.values())) == len(found)
    assert names(reversed(list(found))) == found, "in whatever order"
