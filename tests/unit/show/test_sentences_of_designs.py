"""The words of a verdict say how it was looked at, and claim no more than its design allows."""

import math
from dataclasses import replace

import pytest

from lrbench.designs import FIXED, Design
from lrbench.judging.comparisons import Comparison, Verdict, compare, turned
from lrbench.judging.scores import Scores
from lrbench.show.sentences import difference, p_from, p_value, sentence, size, summary_sentence

WOBBLE = [0.002, -0.001, 0.001, -0.002, 0.0005, -0.0005, 0.0015, -0.0015, 0.001, -0.001, 0.002, -0.002]
UNTIL = Design(kind="sequential", most=20, streams=(tuple(range(20)),))
OPEN = Design(kind="open", streams=(tuple(range(12)),), looks=(5, 8))


def compared(
    design: Design, by: float, n: int = 12, margin: float | None = None, lost: int = 0, at: float = 0.9
) -> Comparison:
    a: dict[int, float | None] = {seed: at + by + WOBBLE[seed % 12] for seed in range(n)}
    a |= dict.fromkeys(range(lost))
    known = Scores("test_accuracy", False, {"a": a, "b": dict.fromkeys(range(n), at)}, is_share=True)
    (comparison,) = compare(known, [("a", "b")], margin, lambda a, b: design)
    return comparison


def said(design: Design, by: float, **options: int) -> str:
    return sentence(compared(design, by, **options), "MNIST")  # type: ignore[arg-type]


def test_fixed_says_what_it_always_said() -> None:
    assert said(FIXED, 0.02) == "a is better than b by 2.00 ± 0.10 points (n = 12, p < 0.001; MNIST)"


def test_sequential() -> None:
    better = said(UNTIL, 0.02)
    assert better.startswith("a is better than b by 2.00 ± ")
    assert better.endswith(" points (n = 12 of at most 20, p = 0.0014 at every look; MNIST)")
    assert "more seeds may settle it (n = 12 of at most 20" in said(UNTIL, 0.0003)
    assert "n = 3 cannot reach 0.05; 8 seeds can (n = 3 of at most 20" in said(UNTIL, 0.02, n=3)


def test_at_the_last_look_the_interval_is_what_is_known() -> None:
    text = said(UNTIL, 0.0001, n=20)
    assert text.startswith("a against b: cannot tell within 20 seeds: the difference is inside ±0.")
    assert " points with 95 % (n = 20 of at most 20, p = 1.00 at every look; MNIST)" in text
    comparison = compared(UNTIL, 0.0001, n=20)
    bound = max(abs(comparison.ci_low), abs(comparison.ci_high))
    assert f"±{100 * bound:.2f} points" in text


def test_open_names_earlier_looks() -> None:
    better = said(OPEN, 0.02)
    assert "(n = 12, looked at before at n = 5, 8, p = " in better
    assert better.endswith(" at every look; MNIST)")
    many = replace(compared(OPEN, 0.02), looks=tuple(range(3, 13)))
    assert "looked at before at n = 8, 9, 10, 11, 12," in sentence(many)


def test_equivalence_is_said_by_the_designs_own_interval() -> None:
    fixed, until, open_ = (sentence(compared(design, 0.0001, margin=0.004)) for design in (FIXED, UNTIL, OPEN))
    assert "its 90 % interval within ±0.40 points" in fixed
    assert "equivalent" in until
    assert "its interval within ±0.40 points" in until
    assert "its interval within ±0.40 points" in open_
    assert "90 %" not in until + open_


def test_without_pairs_nothing_holds_at_every_look() -> None:
    text = said(UNTIL, 0.02, n=5, lost=5)
    assert text == "a against b: cannot tell: 5 of 5 runs of a did not finish (n = 0 of at most 20; MNIST)"


def test_who_lost_runs_is_not_better() -> None:
    assert compared(UNTIL, 0.02, lost=1).verdict is Verdict.CANNOT_TELL
    assert "1 of 12 runs of a did not finish" in said(UNTIL, 0.02, lost=1)


def test_an_uneven_interval_has_both_ends() -> None:
    uneven = replace(compared(OPEN, 0.02), mean_difference=0.02, ci_low=-0.001, ci_high=0.03)
    assert size(uneven) == "2.00 (−0.10 to 3.00) points"
    assert difference(uneven) == "+2.00 (−0.10 to 3.00) points"
    assert difference(turned(uneven)) == "−2.00 (−3.00 to 0.10) points"
    assert size(turned(uneven)) == "2.00 (−0.10 to 3.00) points"


def test_an_infinite_interval_is_none() -> None:
    early = replace(compared(OPEN, 0.02), ci_low=-math.inf, ci_high=math.inf)
    assert difference(early) == "+2.00 points"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.04999999995, "p < 0.05"),
        (0.0496, "p = 0.0496"),
        (0.04996, "p = 0.04996"),
        (0.050000001, "p = 0.05"),
        (0.2, "p = 0.20"),
    ],
)
def test_a_p_says_on_which_side_of_five_percent_it_is(p: float, text: str) -> None:
    assert p_value(p) == text


def test_the_line_above_says_the_test() -> None:
    fixed, until, open_ = (compared(design, 0.02) for design in (FIXED, UNTIL, OPEN))

    def line(*comparisons: Comparison) -> str:
        return summary_sentence("b", comparisons, lower_is_better=False)

    assert "exact sign-flip tests, one comparison." in line(fixed)
    assert "looked at after every seed up to 20, ± is the repeated 95 % interval" in line(until)
    assert "from e-values, which hold at every look" in line(open_)
    mixed = line(fixed, until, open_)
    assert mixed.index("of seeds looked at once") < mixed.index("of seeds looked at as planned")
    assert "of others: looked at otherwise than declared" in mixed


def test_what_bold_rests_on() -> None:
    fixed, until, open_ = (compared(design, 0.02) for design in (FIXED, UNTIL, OPEN))
    assert p_from([fixed, fixed]) == "exact sign-flip tests"
    assert p_from([until]) == "sign-flip tests that hold at every look"
    assert p_from([fixed, open_]) == "exact sign-flip tests and e-values that hold at every look"


def pair(a: list[float], b: list[float], design: Design = FIXED, margin: float | None = None) -> Comparison:
    values: dict[str, dict[int, float | None]] = {"a": dict(enumerate(a)), "b": dict(enumerate(b))}
    (comparison,) = compare(
        Scores("test_accuracy", False, values, is_share=True), [("a", "b")], margin, lambda x, y: design
    )
    return comparison


def test_a_difference_that_rounds_to_nought_has_no_sign() -> None:
    wobbling = [0.9 + each for each in WOBBLE[:10]]
    for by in (-0.00002, 0.00002):
        assert difference(pair([each + by for each in wobbling], wobbling[::-1])).startswith("0.00 ± 0.")
    near = pair([0.9, 0.91, 0.92], [0.90002, 0.90999, 0.92003])
    for each in (near, turned(near)):
        assert "−0.00 " not in sentence(each), "in the interval's ends neither"
        assert "+0.00" not in sentence(each)
    ends = replace(near, ci_low=-0.00001, ci_high=0.0021)
    assert difference(ends) == "0.00 (0.00 to 0.21) points"


def test_where_every_seed_says_the_same_words_stand_for_an_interval_of_nought() -> None:
    assert difference(pair([0.91, 0.92], [0.90, 0.91])) == "+1.00 points on both seeds"
    assert difference(pair([0.90, 0.91], [0.91, 0.92])) == "−1.00 points on both seeds"
    assert difference(pair([0.91] * 5, [0.90] * 5)) == "+1.00 points on each of 5 seeds"
    assert difference(pair([0.91, 0.92], [0.91, 0.92])) == "no difference on either seed"
    assert difference(pair([0.91, 0.92, 0.93], [0.91, 0.92, 0.93])) == "no difference on any of 3 seeds"
    assert sentence(pair([0.91] * 8, [0.90] * 8)) == (
        "a is better than b by 1.00 points on each of 8 seeds (n = 8, p = 0.0078)"
    )
    assert sentence(pair([0.9] * 8, [0.9] * 8, margin=0.001)) == (
        "a is equivalent to b: no difference on any of 8 seeds, its 90 % interval within ±0.10 points "
        "(n = 8, p = 1.00)"
    )
    for design in (UNTIL, OPEN):
        assert "±" not in size(pair([0.91] * 12, [0.90] * 12, design))


def test_what_is_more_than_nought_is_not_written_as_nought() -> None:
    tiny = [0.9 + 1e-6 * (seed % 3) for seed in range(8)]
    told = pair([each + 2e-5 for each in tiny], tiny[::-1], margin=3e-5)
    assert sentence(told).startswith("a is better than b by 0.002 ± 8e-05 points; but within the margin")
    assert "within ±0.003 points" in summary_sentence("b", [told], lower_is_better=False)


def test_no_number_of_practical_account_is_no_number() -> None:
    needed = [0.9 + 0.03 * (-1) ** seed for seed in range(10)]
    found = pair([each + 0.001 for each in needed], needed[::-1])
    assert (found.seeds_needed or 0) > 1_000
    assert "; more than 1,000 seeds would be needed: of no practical account (" in sentence(found)


def test_with_too_few_seeds_lost_no_interval_is_infinite() -> None:
    """5 seeds at most, one of them lost: there is no look at four pairs."""
    four = replace(UNTIL, most=5, streams=(tuple(range(5)),))
    text = said(four, 0.001, n=5, lost=1)
    assert text.startswith("a against b: cannot tell within 5 seeds, which cannot reach 0.05; 1 of 5 runs of a ")
    assert "inf" not in text
