"""Text to schedule and back, and what is said of text that is none."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbench.errors import BadSpec
from lrbench.schedules import REGISTRY, Horizon, Rate, Span, called, parse, parse_list, warnings
from lrbench.schedules.modifiers import parameters_of

HORIZON = Horizon(epochs=10, steps_per_epoch=7)


def test_a_name_alone_takes_the_defaults_and_the_peak_rate() -> None:
    step = parse("step", lr=0.3)
    assert (step.label, step.name, step.lr, step.given) == ("step", "step", 0.3, ())
    assert step.resolved() == {"name": "step", "lr": 0.3, "parameters": {"every": "20%", "gamma": "0.5"}}


def test_parameters_labels_and_an_own_peak_rate() -> None:
    slow, step = parse_list("slow=cosine(lr=0.01), step(every=5 epochs, gamma=0.1)", lr=0.1)
    assert (slow.label, slow.named, slow.lr, slow.given) == ("slow", True, 0.01, ())
    assert (step.label, step.named, step.lr) == ("step(every=5 epochs, gamma=0.1)", False, 0.1)
    assert dict(step.given) == {"every": Span(5, "epochs"), "gamma": 0.1}


@pytest.mark.parametrize("lr", ["0.1", True])
def test_a_peak_rate_is_a_number(lr: Any) -> None:
    with pytest.raises(BadSpec, match=f"lr={lr!r} is no rate"):
        parse("cosine", lr=lr)


def test_the_peak_rate_is_the_schedule_s_own_whoever_names_it() -> None:
    assert parse("cosine", lr=0.2) == parse("cosine(lr=0.2)") == parse("cosine(lr=50%)", lr=0.4)
    cosine = parse("cosine(lr=0.2)")
    assert (cosine.words, cosine.spec, str(cosine), cosine.label) == (
        "cosine",
        "cosine(lr=0.2)",
        "cosine(lr=0.2)",
        "cosine",
    )
    assert str(parse("fast=cosine", lr=0.2)) == "fast=cosine(lr=0.2)"
    assert parse("step(gamma=0.1, lr=1)").spec == "step(lr=1, gamma=0.1)"


def test_the_shortest_text_leaves_out_the_command_s_peak_rate() -> None:
    schedule = parse("a=step(lr=0.2, gamma=0.1)")
    assert schedule.written(0.2) == "a=step(gamma=0.1)"
    assert schedule.written(0.1) == "a=step(lr=0.2, gamma=0.1)"


def test_schedules_without_a_label_may_share_their_words_if_they_differ() -> None:
    schedules = parse_list("cosine,cosine(lr=0.2),step")
    assert [each.label for each in schedules] == ["cosine", "cosine", "step"]
    assert called(schedules) == ["cosine(lr=0.1)", "cosine(lr=0.2)", "step(lr=0.1)"]


def test_a_peak_rate_can_be_a_share_of_the_command_s() -> None:
    assert parse("cosine(lr=50%)", lr=0.2).lr == pytest.approx(0.1)


def test_what_equals_the_default_is_not_part_of_the_name() -> None:
    assert parse("step(gamma=0.5, every=20%)") == parse("step")


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("5 epochs", 35),
        ("1 epoch", 7),
        ("1000 steps", 1000),
        ("1 step", 1),
        ("10%", 7),
        ("2.5%", 1.75),
        ("1e2steps", 100),
    ],
)
def test_spans_become_steps(text: str, steps: float) -> None:
    ((_, span),) = parse(f"step(every={text}, gamma=0.5)").given
    assert span.steps(HORIZON) == pytest.approx(steps)


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("cosin", "Unknown scheduler 'cosin'", "'cosine'"),
        ("step,cosin", "character 6", "'cosine'"),
        ("step(evry=1%)", "Unknown parameter of step: 'evry'", "'every'"),
        ("step(every=5)", "every=5 has no unit", "every=5 epochs"),
        ("step(every=5 parsecs)", "is no span", "20 epochs"),
        ("step(every=-5%)", "negative", "every=5%"),
        ("step(every=0%)", "every > 0", "every=10%"),
        ("step(gamma=2)", "0 < gamma <= 1", "gamma=0.5"),
        ("step(gamma=nan)", "no finite number", "gamma=0.5"),
        ("step(gamma=0x10)", "no finite number", "gamma=0.5"),
        ("step(gamma=1_0)", "no finite number", "gamma=0.5"),
        ("cosine(lr=0)", "not above 0", "lr=0.1"),
        ("cosine(floor=200%)", "floor <= lr", "floor=1%"),
        ("cyclical(shape=triangel)", "Unknown value of shape", "'triangle'"),
        ("exponential(staircase=yes)", "Unknown value of staircase", "true"),
        ("plateau(factor=1)", "0 < factor < 1", "factor=0.5"),
        ("plateau(monitor=train_loss)", "monitor=train_loss is no figure of the validation", "val_loss"),
        ("step,step", "stands twice", "other=step"),
        ("a=step,a=cosine", "stands twice", "other=cosine"),
        ("step,step(gamma=0.5)", "stands twice", "other=step"),
        ("step,step(lr=0.1)", "stands twice", "other=step(lr=0.1)"),
        ("a=step,a=step(lr=0.2)", "stands twice", "other=step(lr=0.2)"),
        ("step,step=cosine", "stands twice", "other=cosine"),
        ("step=cosine,step", "stands twice", "other=step"),
        ("d2z", "Unknown scheduler 'd2z'", "D2Z has another name here: write linear."),
        ("Tanh(gamma=2)", "Unknown scheduler 'Tanh'", "write sigmoid(centre=70%, gamma=20)."),
        ("cosine(warmup_start=1%)", "warmup_start wants a warmup", "warmup=5%"),
        ("cosine(warmup_shape=cosine)", "warmup_shape wants a warmup", "warmup=5%"),
        ("cosine(cooldown_shape=sqrt)", "cooldown_shape wants a cooldown", "cooldown=5%"),
        ("cosine(warmup=5%, warmup_start=101%)", "does not lie between 0 and 0.1", "warmup_start=0"),
        ("cosine(warmup=5%, warmup_start=-1)", "does not lie between 0 and 0.1", "warmup_start=0"),
        ("cosine(warmup=5%, warmup_start=x)", "no finite number", "warmup_start=0.5"),
        ("cosine(warmup=110%)", "warmup=110% leaves nothing of the 70 steps", "warmup=5%"),
        ("cosine(warmup=60%, hold=60%)", "warmup=60% and hold=60% leave nothing", "warmup=5%, hold=5%"),
        ("cosine(cooldown=101%)", "cooldown=101% is more than is left", "cooldown=20%"),
        ("cosine(warmup=50%, cooldown=60%)", "cooldown=60% is more than is left", "cooldown=20%"),
        ("wsd(cooldown_shape=sqrt)", "Unknown parameter of wsd: 'cooldown_shape'", "'cooldown'"),
        ("plateau(threshold=relative, min_delta=1)", "min_delta < 1", "min_delta=0.01"),
        ("step(gamma=0.1, gamma=0.2)", "given twice", "one of them"),
        ("step(", "never closed", ")"),
        ("step)", "closes nothing", "("),
        ("step(gamma=0.5)x", "follows ')'", "commas"),
        ("step(gamma)", "no key=value", "key=value"),
        ("step(gamma=)", "plain value", "gamma=value"),
        ("step,,cosine", "A name is missing", "commas"),
        ("", "A name is missing", "commas"),
        ("=step", "A label is missing", "label="),
        ("=cmd()=step", "A label is missing", "label="),
        ("+1=step", "formula", "letter"),
        ("x" * 81 + "=step", "too long", "80"),
        ("a\x1b[31m=step", "cannot stand here", "printable"),
        ("\u202eabc=step", "cannot stand here", "printable"),
        ("s" * 20_000, "20,000 characters", "shorter"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_a_way_out(text: str, problem: str, hint: str) -> None:
    with pytest.raises(BadSpec) as caught:
        [schedule.table(HORIZON) for schedule in parse_list(text, lr=0.1)]
    assert problem in caught.value.problem
    assert hint in caught.value.hint
    assert "\n" not in caught.value.problem + caught.value.hint
    assert len(caught.value.problem) < 250


words = st.sampled_from(
    [*REGISTRY, "every", "gamma", "floor", "lr", "(", ")", "=", ",", ";", " ", "%", "5", "1e999", "epochs", "ü"]
)


@given(st.one_of(st.text(), st.lists(words).map("".join)))
def test_any_text_is_either_schedules_or_bad_spec(text: str) -> None:
    try:
        schedules = parse_list(text)
    except BadSpec:
        return
    for schedule in schedules:
        assert parse(str(schedule), lr=0.7) == schedule
        if not schedule.is_users_own:
            with contextlib.suppress(BadSpec):
                schedule.table(HORIZON)


big = st.one_of(st.floats(0, 1e300), st.sampled_from([0.0, 1e-300, 1e-9, 0.5, 1.0, 1e29, 1e30]))


@given(st.sampled_from(sorted(REGISTRY)), st.data())
def test_any_number_in_any_parameter_is_rates_or_bad_spec(name: str, data: st.DataObject) -> None:
    kinds = {Span: ["%", " epochs", " steps"], Rate: ["", "%"], Rate | None: ["", "%"], float: [""]}
    parameters = {key: each.type for key, each in parameters_of(REGISTRY[name]).items() if each.type in kinds}
    parameters["lr"] = Rate
    key = data.draw(st.sampled_from(sorted(parameters)))
    value = f"{data.draw(big)!r}{data.draw(st.sampled_from(kinds[parameters[key]]))}"
    value += ", warmup=10%" * (key == "warmup_start")
    with contextlib.suppress(BadSpec):
        schedule = parse(f"{name}({key}={value})")
        schedule.table(HORIZON)
        schedule.feedback(HORIZON)
        warnings([schedule], HORIZON)


spans = st.builds(Span, st.floats(0.001, 1000), st.sampled_from(["epochs", "steps", "%"]))
rates = st.one_of(st.builds(Rate, st.floats(0, 0.05)), st.builds(Rate, st.floats(0, 50), st.just(True)))


@given(spans, st.floats(0.01, 1), rates)
def test_a_schedule_s_text_reads_back_as_the_same_schedule(span: Span, gamma: float, rate: Rate) -> None:
    for text in (f"step(every={span}, gamma={gamma!r})", f"a label=cosine(floor={rate}, lr=0.2)"):
        schedule = parse(text)
        assert parse(str(schedule), lr=0.7) == schedule
