"""From final values to verdicts: the rules of the protocol, one by one."""

import math

import numpy as np
import pytest
from conftest import fake_experiment
from hypothesis import given
from hypothesis import strategies as st

from lrbench.errors import BadConfig
from lrbench.judging import sign_flips
from lrbench.judging import statistics as stats
from lrbench.judging.comparisons import (
    Comparison,
    Verdict,
    against,
    all_pairs,
    choose_baseline,
    compare,
    winner,
    with_all_pairs,
)
from lrbench.judging.scores import Scores, lower_is_better, scores_of
from lrbench.show.sentences import sentence

BASE = [0.97, 0.972, 0.968, 0.971, 0.969, 0.973, 0.967, 0.970, 0.9705, 0.9695]


def scores(lower: bool = False, metric: str = "test_accuracy", **values: list[float | None]) -> Scores:
    values_by_seed = {label: dict(enumerate(each)) for label, each in values.items()}
    unit = "nats" if metric == "val_loss" else ""
    return Scores(metric, lower, values_by_seed, is_share=metric == "test_accuracy", unit=unit)


def shifted(by: float, wobble: float = 0.0, n: int = 10) -> list[float | None]:
    return [value + by + wobble * (-1) ** i for i, value in enumerate(BASE[:n])]


def one(found: Scores, margin: float | None = None) -> Comparison:
    (comparison,) = compare(found, [("a", "b")], margin)
    return comparison


def test_every_number_of_a_comparison_by_hand() -> None:
    found = one(scores(a=[0.95, 0.96, 0.98, 0.97], b=[0.94, 0.96, 0.95, 0.95]))
    assert found.n == 4
    assert found.mean_difference == pytest.approx(0.015)
    half = 3.182446 * 0.0129099 / 2  # t(3) at 97.5 % times s / sqrt(4)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.015 - half, 0.015 + half), rel=1e-4)
    assert found.p_value == found.p_holm == 4 / 16  # the tie's sign is free
    assert (found.wins, found.losses, found.ties) == (3, 0, 1)
    assert found.probability_better == 3.5 / 4
    assert found.effect_size == pytest.approx(0.015 / 0.0129099, rel=1e-4)
    assert found.correlation == pytest.approx(
        np.corrcoef([0.95, 0.96, 0.98, 0.97], [0.94, 0.96, 0.95, 0.95])[0, 1]
    )
    assert found.minimum_detectable_effect == pytest.approx(stats.detectable_effect(4) * 0.0129099, rel=1e-4)
    assert found.seeds_needed == stats.pairs_needed(found.effect_size)
    assert (found.lost, found.family) == ((0, 0), 1)


def test_better_worse_and_the_same_seen_from_the_other_side() -> None:
    found = scores(a=shifted(0.002, 0.0005), b=shifted(0))
    assert one(found).verdict is Verdict.BETTER
    (turned,) = compare(found, [("b", "a")])
    assert turned.verdict is Verdict.WORSE
    assert turned.mean_difference == -one(found).mean_difference
    assert (
        one(scores(lower=True, metric="test_loss", a=shifted(0.002, 0.0005), b=shifted(0))).verdict
        is Verdict.WORSE
    )


def test_cannot_tell_says_how_many_seeds_would_settle_it() -> None:
    found = one(scores(a=shifted(0.0004, 0.001), b=shifted(0)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.seeds_needed
    assert found.seeds_needed > 10
    assert found.reason == f"about {found.seeds_needed} seeds would settle it"


def test_five_seeds_cannot_reach_significance_and_say_so() -> None:
    found = one(scores(a=shifted(0.01, n=5), b=shifted(0, n=5)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.p_value == 0.0625
    assert found.reason == "n = 5 cannot reach 0.05; 6 seeds can"
    family = scores(
        a=shifted(0.01, n=5), c=shifted(0.02, n=5), d=shifted(0.03, n=5), e=shifted(0.04, n=5), b=shifted(0, n=5)
    )
    assert against(family, "b")[0].reason == "n = 5 cannot reach 0.05 among 4 comparisons; 8 seeds can"


def test_one_seed_has_no_verdict() -> None:
    found = one(scores(a=[0.98], b=[0.97]))
    assert (found.verdict, found.n, found.reason) == (
        Verdict.CANNOT_TELL,
        1,
        "one seed tells nothing; 6 seeds can",
    )
    assert math.isnan(found.ci_low)
    assert math.isnan(found.p_holm)
    none = one(Scores("test_accuracy", False, {"a": {0: 0.9}, "b": {1: 0.9}}))
    assert (none.n, none.reason) == (0, "no seed in common: train both with the same ones")
    other = one(Scores("test_accuracy", False, {"a": {0: 0.9, 2: 0.8}, "b": {1: 0.9, 3: 0.8}}))
    assert (other.n, other.reason) == (0, "no seed in common: train both with the same ones")
    dead = one(scores(a=[None, None], b=[0.9, 0.8]))
    assert (dead.n, dead.reason) == (0, "2 of 2 runs of a did not finish")


def test_only_seeds_that_both_finished_are_compared_and_the_loser_of_runs_is_never_better() -> None:
    a = shifted(0.002, 0.0005)
    a[3] = None
    found = one(scores(a=a, b=shifted(0)))
    assert found.n == 9
    assert found.p_holm < 0.05
    assert (found.verdict, found.reason) == (Verdict.CANNOT_TELL, "1 of 10 runs of a did not finish")
    (turned,) = compare(scores(a=a, b=shifted(0)), [("b", "a")])
    assert (turned.verdict, turned.reason) == (Verdict.CANNOT_TELL, "1 of 10 runs of a did not finish")
    worse = [None if value is None else value - 0.004 for value in a]
    said = one(scores(a=worse, b=shifted(0)))
    assert said.verdict is Verdict.WORSE, "a schedule with failures can be worse"
    assert sentence(said).endswith("; 1 of 10 runs of a did not finish (n = 9, p = 0.0039)")
    same = one(scores(a=[None, *shifted(0, 0.0001)[1:]], b=shifted(0)), margin=0.001)
    assert (same.verdict, same.reason) == (Verdict.EQUIVALENT, "1 of 10 runs of a did not finish")


def test_equivalent_only_where_a_margin_is_stated() -> None:
    found = scores(a=shifted(0, 0.0001), b=shifted(0))
    assert one(found).verdict is Verdict.CANNOT_TELL
    assert one(found, margin=0.001).verdict is Verdict.EQUIVALENT
    assert one(found, margin=0.00001).verdict is Verdict.CANNOT_TELL
    real = one(scores(a=shifted(0.0005, 0.0001), b=shifted(0)), margin=0.001)
    assert (real.verdict, real.reason) == (Verdict.BETTER, "but within the margin")


def test_equivalence_looks_at_the_90_percent_interval() -> None:
    found = scores(a=shifted(0.0001, 0.001), b=shifted(0))
    d = [x - y for x, y in zip(found.values["a"].values(), BASE, strict=True) if x is not None]
    high = stats.mean_interval(d, 0.9)[1]
    assert high < stats.mean_interval(d)[1]
    assert one(found, margin=high + 1e-9).verdict is Verdict.EQUIVALENT
    assert one(found, margin=high - 1e-9).verdict is Verdict.CANNOT_TELL


def test_the_same_curve_twice_is_no_difference() -> None:
    found = one(scores(a=shifted(0), b=shifted(0)))
    assert (found.p_value, found.mean_difference, found.effect_size, found.ties) == (1, 0, 0, 10)
    assert found.reason == "no difference was seen"
    assert found.seeds_needed is None


def test_holm_runs_over_the_family() -> None:
    found = against(
        scores(a=shifted(0.002, 0.0005), c=shifted(0.0004, 0.001), d=shifted(-0.003, 0.0005), b=shifted(0)), "b"
    )
    assert [each.scheduler for each in found] == ["a", "c", "d"], "the best mean first"
    assert [each.p_holm for each in found] == pytest.approx(sign_flips.holm([each.p_value for each in found]))
    assert {each.family for each in found} == {3}
    assert {each.baseline for each in found} == {"b"}


def test_all_pairs_are_every_two_the_better_mean_first() -> None:
    found = all_pairs(scores(a=shifted(0.001), b=shifted(0), c=shifted(0.002)))
    assert [(each.scheduler, each.baseline) for each in found] == [("c", "a"), ("c", "b"), ("a", "b")]
    assert all(each.mean_difference >= 0 for each in found)


def test_a_winner_is_better_than_every_other() -> None:
    def of_all(found: Scores) -> str | None:
        return winner(found, all_pairs(found))

    assert of_all(scores(a=shifted(0.002, 0.0003), b=shifted(0), c=shifted(-0.002, 0.0003))) == "a"
    assert of_all(scores(a=shifted(0.002, 0.0003), b=shifted(0.0019, 0.0008), c=shifted(0))) is None
    assert of_all(scores(a=shifted(0))) is None
    assert of_all(scores(lower=True, a=shifted(0.002, 0.0003), b=shifted(0))) == "b"


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ({"a": shifted(0.002, 0.0003), "c": shifted(-0.002, 0.0003)}, "a"),  # the rest is worse than what it beats
        ({"a": shifted(-0.001, 0.0003), "c": shifted(-0.002, 0.0003)}, "b"),  # the baseline itself
        ({"a": shifted(0.002, 0.0003), "c": shifted(0.003, 0.0003)}, None),  # two are better: which, nobody asked
        ({"a": shifted(0.002, 0.0003), "c": shifted(0.0002, 0.001)}, None),  # one cannot be told
        ({"a": shifted(0.002, 0.0003)}, "a"),
        ({"a": shifted(0.002, 0.0003), "c": [None] * 10}, "a"),  # of those that finished
        ({"a": [*shifted(0.002, 0.0003)[:9], None], "c": shifted(-0.002, 0.0003)}, None),  # who loses runs
    ],
)
def test_against_a_baseline_a_winner_follows_from_what_was_compared(
    values: dict[str, list[float | None]], first: str | None
) -> None:
    found = scores(b=shifted(0), **values)
    assert winner(found, against(found, "b")) == first
    pairs = with_all_pairs(found, against(found, "b"))
    assert {each.verdict for each in pairs if "b" not in (each.scheduler, each.baseline)} <= {Verdict.NOT_ASKED}
    assert len(pairs) == math.comb(len(found.values), 2)


def test_the_baseline() -> None:
    found = scores(a=[0.9], constant=[0.8])
    assert choose_baseline(found, None, None) == "constant"
    assert choose_baseline(found, "a", None) == "a"
    with pytest.raises(BadConfig, match="no schedule 'stepp'"):
        choose_baseline(found, "stepp", None)
    other = scores(a=[0.9], b=[0.8])
    assert choose_baseline(other, None, scores(metric="val_accuracy", a=[0.7], b=[0.8])) == "b", "by validation"
    assert choose_baseline(other, None, None) is None
    dead = scores(constant=[None], a=[0.9])
    assert choose_baseline(dead, None, scores(metric="val_accuracy", constant=[None], a=[0.8])) == "a"
    assert choose_baseline(dead, "constant", None) == "constant", "if it is wanted"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=0, max_size=8), st.booleans())
def test_no_values_break_a_comparison_and_p_is_never_below_its_floor(
    pairs: list[tuple[float, float]], lower: bool
) -> None:
    found = one(scores(lower, a=[a for a, _ in pairs], b=[b for _, b in pairs]), margin=0.1)
    assert found.wins + found.losses + found.ties == found.n == len(pairs)
    if found.n > 1:
        assert found.p_value >= sign_flips.smallest_p(found.n)
        assert found.ci_low <= found.mean_difference <= found.ci_high
    if found.n < 6:
        assert found.verdict in (Verdict.CANNOT_TELL, Verdict.EQUIVALENT)
    assert sentence(found)


@pytest.mark.slow
def test_where_nothing_differs_few_families_get_a_verdict() -> None:
    """The whole way from values to verdicts, for a family of five at n = 10."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(400):
        seeds = rng.normal(0.97, 0.003, 10)
        values = {label: list(seeds + rng.normal(0, 0.002, 10)) for label in "bcdefg"}
        found = against(scores(**values), "b")
        wrong += any(each.verdict in (Verdict.BETTER, Verdict.WORSE) for each in found)
    assert wrong / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(
    ("metric", "words"), [("test_accuracy", " points"), ("val_loss", " nats"), ("reward", " (n")]
)
def test_sentences_have_the_metric_s_unit(metric: str, words: str) -> None:
    assert words in sentence(one(scores(metric=metric, a=shifted(0.002, 0.0005), b=shifted(0))))


def test_sentences() -> None:
    better = one(scores(a=shifted(0.0012, 0.0005), b=shifted(0)))
    assert sentence(better, "mnist") == "a is better than b by 0.12 ± 0.04 points (n = 10, p = 0.002; mnist)"
    (worse,) = compare(scores(a=shifted(0.0012, 0.0005), b=shifted(0)), [("b", "a")])
    assert sentence(worse) == "b is worse than a by 0.12 ± 0.04 points (n = 10, p = 0.002)"
    assert (
        sentence(one(scores(a=[0.98], b=[0.97])))
        == "a against b: cannot tell: one seed tells nothing; 6 seeds can (n = 1)"
    )
    unclear = one(scores(a=shifted(-0.0004, 0.001), b=shifted(0)))
    assert sentence(unclear).startswith("a against b: cannot tell: −0.04 ± 0.08 points; about ")
    same = one(scores(a=shifted(0, 0.0001), b=shifted(0)), margin=0.001)
    assert sentence(same) == (
        "a is equivalent to b: 0.00 ± 0.01 points, its 90 % interval within ±0.10 points (n = 10, p = 1.00)"
    )


def test_scores_of_an_experiment() -> None:
    experiment = fake_experiment(schedulers="step,hot=constant(lr=11)", seeds=2)
    found = scores_of(experiment, "test_accuracy")
    by_run = {(x.schedule.words, x.seed): x for x in experiment.finished}
    assert found.values["step"] == {seed: by_run["step", seed].final("test_accuracy") for seed in (0, 1)}
    assert found.values["hot"] == {0: None, 1: None}
    assert found.ranked() == ["step", "hot"]
    assert scores_of(experiment, "val_loss").lower_is_better
    assert scores_of(experiment, "val_loss").values["step"][1] == by_run["step", 1].result.rows[-1].val[0], (
        "not the best"
    )
    with pytest.raises(BadConfig, match="no final figure 'val_acuracy'"):
        scores_of(experiment, "val_acuracy")
    with pytest.raises(BadConfig, match="val_loss was not measured"):
        scores_of(fake_experiment(schedulers="step", val_size=0), "val_loss")


def test_what_can_be_reached_is_asked_of_holm_itself() -> None:
    """Beside two clear differences at n = 10, six pairs can be enough; among six pairs alone they are not."""
    clear = {label: shifted(0.01 * (i + 1), 0.0005) for i, label in enumerate("ac")}
    few = [*shifted(0.003, 0.004)[:6], None, None, None, None]
    found = against(scores(b=shifted(0), **clear, e=few), "b")
    assert next(each for each in found if each.scheduler == "e").reason.startswith("about ")
    alone = against(scores(b=shifted(0), **dict.fromkeys("ace", few)), "b")
    lost = "4 of 10 runs of a did not finish"
    assert alone[0].reason == f"n = 6 cannot reach 0.05 among 3 comparisons; 11 seeds can; {lost}"


def test_a_direction_that_the_name_does_not_say_is_asked_for() -> None:
    assert lower_is_better("val_loss")
    assert not lower_is_better("mean_test_neg_mean_squared_error")
    with pytest.raises(BadConfig, match="Cannot tell from its name whether closs is better when it is lower"):
        lower_is_better("closs")


@pytest.mark.slow
def test_many_seeds_and_schedules_need_no_more_memory() -> None:
    rng = np.random.default_rng(0)
    d = rng.normal(0.01, 1, (40, 30))
    assert sign_flips.sign_flip_p(d) == pytest.approx(
        np.array([sign_flips.sign_flip_p(each) for each in d]), abs=0.01
    )
    exact = rng.normal(0.3, 1, (30, 19))
    assert sign_flips.sign_flip_p(exact).tolist() == [float(sign_flips.sign_flip_p(each)) for each in exact]
