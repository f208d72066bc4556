"""Optimizers as text, what of them is part of a run, and the peak rate where nobody names one."""

import re

import numpy as np
import pytest
from conftest import fake_plan

from lrbench.errors import BadSpec
from lrbench.optimizers import (
    CLIPS,
    COEFFICIENTS,
    DEFAULT_RATES,
    EXPONENTS,
    FRACTIONS,
    REFUSED,
    TABLE,
    parse_optimizer,
    parse_optimizers,
    peak_rate,
)


@pytest.mark.parametrize("name", TABLE)
def test_every_parameter_reads_back(name: str) -> None:
    for key, default in TABLE[name][1].items():
        if key in REFUSED:
            continue
        value = "false" if default is True else "true" if default is False else "3"
        value = {**dict.fromkeys(FRACTIONS, "0.25"), **dict.fromkeys(EXPONENTS, "-0.25")}.get(key, value)
        words = f"{key}={value}" + (", use_ema=true" if key.startswith("ema_") else "")
        once = parse_optimizer(f"{name}({words})")
        assert str(once) == f"{name}({words})"
        assert parse_optimizer(str(once)) == once
        assert once.resolved()["parameters"][key] == dict(once.given)[key] != default


def test_what_is_stored_of_an_optimizer_is_what_it_always_was() -> None:
    assert parse_optimizer("adam").resolved() == {
        "name": "adam",
        "parameters": {
            "beta_1": 0.9,
            "beta_2": 0.999,
            "epsilon": 1e-7,
            "amsgrad": False,
            "weight_decay": None,
            "clipnorm": None,
            "clipvalue": None,
        },
    }
    for name in TABLE:
        plain = parse_optimizer(name).resolved()["parameters"]
        clipped = parse_optimizer(f"{name}(global_clipnorm=1)").resolved()["parameters"]
        assert clipped == plain | {"global_clipnorm": 1.0} != plain
        averaged = parse_optimizer(f"{name}(use_ema=true)").resolved()["parameters"]
        assert averaged == plain | {"use_ema": True, "ema_momentum": 0.99, "ema_overwrite_frequency": None}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *[(f"sgd({a}=1, {b}=1)", "clips twice") for a in sorted(CLIPS) for b in sorted(CLIPS - {a})],
        *[(f"sgd({key}=0)", "clip every gradient to nothing") for key in sorted(CLIPS)],
        ("adafactor(clip_threshold=0)", "clip every gradient to nothing"),
        ("adafactor(beta_2_decay=0.8)", "beta_2_decay=0.8 is above 0"),
        ("ftrl(learning_rate_power=1)", "is above 0"),
        ("ftrl(beta=-1)", "is negative"),
        ("muon(ns_steps=2.5)", "is no whole number"),
        ("muon(momentum=1)", "0 <= momentum < 1"),
        ("muon(exclude_layers=x)", "exclude_layers is not supported"),
        ("schedulefreeadamw(warmup_steps=5)", "The warm-up belongs to the schedule"),
        ("adam(gradient_accumulation_steps=4)", "steps count updates, one per batch"),
        ("adafactor(relative_step=true)", "relative_step changes nothing"),
        ("adam(learning_rate=1)", "The rate belongs to the schedule"),
        ("adam(name=x)", "An optimizer's name changes nothing"),
        ("adam(ema_momentum=0.9)", "ema_momentum=0.9 has no effect without use_ema=true"),
        ("adam(use_ema=false, ema_overwrite_frequency=5)", "has no effect without use_ema=true"),
        ("adam(use_ema=true, ema_overwrite_frequency=0)", "never overwrite the weights"),
        ("adam(use_ema=true, ema_overwrite_frequency=2.5)", "is no whole number"),
        ("adam(use_ema=true, ema_momentum=1)", "0 <= ema_momentum < 1"),
        ("adam(loss_scale_factor=0)", "leave no gradient"),
        ("sgd(momentum=0.9,momentum=0.9)", "given twice"),
        ("a=sgd", "has no label"),
        ("sgd,adam", "is not one optimizer"),
        ("schedule_free_adamw", "Unknown optimizer"),
    ],
)
def test_what_is_no_optimizer_is_said(text: str, problem: str) -> None:
    with pytest.raises(BadSpec, match=re.escape(problem)) as caught:
        parse_optimizer(text)
    assert caught.value.hint


def test_names_are_written_in_any_case() -> None:
    for name, (theirs, _) in TABLE.items():
        for written in (name, name.upper(), theirs):
            assert parse_optimizer(f"{written}(clipnorm=1)") == parse_optimizer(f"{name}(clipnorm=1)")
    assert str(parse_optimizer("AdamW(weight_decay=0.1)")) == "adamw(weight_decay=0.1)"
    assert parse_optimizer("Adam(amsgrad=True)") == parse_optimizer("adam(amsgrad=true)")
    assert list(map(str, parse_optimizers("SGD,Adam"))) == ["sgd", "adam"]
    with pytest.raises(BadSpec, match="adam stands twice"):
        parse_optimizers("Adam,adam")
    one, two = (fake_plan(optimizer=written, schedulers="step") for written in ("Adam", "adam"))
    assert one.runs == two.runs


def test_averages_have_their_parameters_only_where_there_are_averages() -> None:
    assert parse_optimizer("adam(use_ema=false)") == parse_optimizer("adam")
    averaged = parse_optimizer("adam(use_ema=true, ema_momentum=0.99)")
    assert (
        averaged
        == parse_optimizer("adam(use_ema=true)")
        != parse_optimizer("adam(use_ema=true, ema_momentum=0.9)")
    )


def test_the_coefficients_of_a_polynomial_have_any_sign() -> None:
    for key in COEFFICIENTS:
        assert parse_optimizer(f"muon({key}=-2)").given == ((key, -2.0),)


def test_commas_inside_parentheses_do_not_separate() -> None:
    found = parse_optimizers("sgd(momentum=0.9, nesterov=true), adam")
    assert list(map(str, found)) == ["sgd(momentum=0.9, nesterov=true)", "adam"]
    with pytest.raises(BadSpec, match="sgd stands twice"):
        parse_optimizers("sgd,adam,sgd(momentum=0)")


def test_every_optimizer_has_a_default_rate() -> None:
    assert set(DEFAULT_RATES) == set(TABLE)


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        ("sgd", 0.1),
        ("sgd(nesterov=true)", 0.1),
        ("sgd(momentum=0.5)", 0.05),
        ("sgd(momentum=0.9)", 0.01),
        ("sgd(momentum=0.99)", 0.001),
        ("rmsprop(momentum=0.9)", 0.0001),
        ("muon(momentum=0.5)", 0.001),  # its update has the same length whatever the momentum
        ("adam(beta_1=0.8)", 0.001),
        ("lion", 0.0001),
    ],
)
def test_the_peak_rate_is_the_optimizer_s_unless_it_is_asked_for(optimizer: str, rate: float) -> None:
    found = peak_rate(None, optimizer)
    assert (found.value, found.default_of) == (rate, optimizer)
    assert str(found) == f"{rate:g}, the default of {optimizer}"
    assert str(peak_rate(0.3, optimizer)) == "0.3"


def test_a_plan_takes_the_default_rate_where_nobody_names_one() -> None:
    plan = fake_plan(optimizer="adam", schedulers="step,cosine(lr=0.5)")
    assert [schedule.lr for schedule in plan.schedules] == [0.001, 0.5]
    assert plan.takes_default_rate
    assert not fake_plan(optimizer="adam", schedulers="cosine(lr=0.5)").takes_default_rate
    assert not fake_plan(optimizer="adam", lr=0.001).takes_default_rate
    assert fake_plan(lr=0.1).runs == fake_plan().runs


def test_adafactor_s_own_cap_is_a_warning() -> None:
    assert not fake_plan(optimizer="adafactor", schedulers="constant").warnings
    (warning,) = fake_plan(optimizer="adafactor", schedulers="a=constant(lr=0.1),step(lr=0.001)").warnings
    assert warning.startswith("a asks for more than adafactor gives")
    assert "from update 101 on" in warning, "0.1 is 1 / √100"
    assert not fake_plan(optimizer="adam", schedulers="constant(lr=0.1)").warnings


def test_ftrl_s_division_by_the_rate_is_a_warning() -> None:
    (warning,) = fake_plan(optimizer="ftrl", schedulers="constant,cosine(warmup=5%, warmup_start=0%)").warnings
    assert warning.startswith("cosine")
    assert "is 0 at update 1, and ftrl divides by the rate" in warning
    rates = fake_plan(optimizer="ftrl", schedulers="constant").runs[0].rates
    assert np.all(rates > 0)
