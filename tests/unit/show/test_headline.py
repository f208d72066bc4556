"""The sentence on top: from the comparisons that are shown, and from nothing else."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, asked, fake_experiment
from typer.testing import Result

from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Answer
from lrbench.schedules import REGISTRY
from lrbench.show import report, tables
from lrbench.show.headline import headline
from lrbench.store import load

SEVENTEEN = ",".join(
    name if name != "piecewise" else "piecewise(at=2 epochs, rates=0.1;0.01)" for name in REGISTRY
)


def said(question: dict[str, Any] | None = None, **options: Any) -> str:
    return headline(asked(fake_experiment(**options), **(question or {})))


def rates(*values: float) -> str:
    return ",".join(f"r{value:g}=constant(lr={value})" for value in values)


def test_what_cannot_be_compared() -> None:
    assert said(schedulers="step") == "Only step was trained: there is nothing to compare it with."
    assert said(schedulers="step,constant") == "One seed cannot tell these 2 schedules apart: 6 seeds can."
    assert (
        said(schedulers="hot=constant(lr=11),step", seeds=3)
        == "Only step finished a run: nothing can be compared."
    )
    assert said(schedulers="a=constant(lr=11),b=constant(lr=12)", seeds=3) == "No run finished."
    dead = {"schedulers": "hot=constant(lr=11),constant,step", "seeds": 3}
    assert said({"baseline": "hot"}, **dead) == "hot finished no run: nothing can be compared with it."


def test_two() -> None:
    assert said(schedulers="fast=constant(lr=0.5),constant", seeds=8) == "fast is better than constant."
    assert said(schedulers="slow=constant(lr=0.02),constant", seeds=8) == "constant is better than slow."
    hot = "fast=constant(lr=0.5),constant,hot=constant(lr=11)"
    assert said(schedulers=hot, seeds=8) == "fast is better than constant, the only other that finished."
    twins = said(schedulers="twin=constant(lr=0.1),constant", seeds=8)
    assert twins == "No schedule is better than constant: twin cannot be told from it."


def test_three_of_which_one_is_better_than_all() -> None:
    three = {"schedulers": "fast=constant(lr=0.5),constant,slow=constant(lr=0.02)", "seeds": 10}
    assert said(**three) == (
        "fast is better than every other schedule: better than constant, and slow is worse than constant."
    )
    assert said({"baseline": "fast"}, **three) == "fast is better than each of the other 2 schedules."
    assert said({"every_pair": True}, **three) == "fast is better than each of the other 2 schedules."
    twins = {"schedulers": "fast=constant(lr=0.5),twin=constant(lr=0.5),constant", "seeds": 10}
    assert said({"every_pair": True}, **twins) == (
        "No schedule is better than all others: fast has the best mean, but cannot be told from twin."
    )
    assert said(**twins) == "fast and twin are better than constant."
    slow = {"schedulers": "a=constant(lr=0.02),b=constant(lr=0.03),constant", "seeds": 10}
    assert said({"baseline": "a"}, **slow) == "constant and b are better than a."


def test_six() -> None:
    assert headline(asked(load(ROOT / "results" / "reference"))) == (
        "No schedule is better than constant: step and exponential are worse; "
        "plateau, cosine and cyclical cannot be told from it."
    )
    assert headline(asked(load(ROOT / "results" / "reference"), every_pair=True)).startswith(
        "No schedule is better than all others: plateau has the best mean, but cannot be told from "
    )
    many = rates(0.12, 0.2, 0.3, 0.4) + ",constant,slow=constant(lr=0.01),hot=constant(lr=11)"
    found = said(schedulers=many, seeds=10)
    assert re.fullmatch(
        r"r0\.4 and 3 more are better than constant; slow is worse; hot did not finish\.", found
    ), found


def verdicts(found: Answer, *labels: str) -> set[Verdict]:
    return {each.verdict for each in found.comparisons if each.scheduler in labels}


@pytest.mark.parametrize(
    "schedulers", ["constant,step", "constant,step,exponential,cosine,cyclical,plateau", SEVENTEEN]
)
@pytest.mark.parametrize("question", [{}, {"baseline": "step"}, {"every_pair": True}], ids=str)
def test_headline_bold_and_verdicts_never_contradict_each_other(schedulers: str, question: dict[str, Any]) -> None:
    found = asked(fake_experiment(schedulers=schedulers, seeds=12, epochs=6), **question)
    text = headline(found)
    bold = tables.bold_note(found)
    assert f"Holm over {len(found.comparisons)} comparisons" in bold or len(found.comparisons) == 1
    assert ("none is bold" in bold) == (found.winner is None)
    assert report.section("e0", found).headline == text
    if found.winner is not None:
        assert text.startswith(f"{found.winner} is better than ")
    elif found.baseline is not None:
        better = [each.scheduler for each in found.comparisons if each.verdict is Verdict.BETTER]
        first = text.partition("; ")[0]
        assert first.startswith(better[0]) if better else first.startswith("No schedule is better than ")
        if worse := [each.scheduler for each in found.comparisons if each.verdict is Verdict.WORSE]:
            assert (
                f"{worse[0]} and {len(worse) - 1} more are worse" in text if len(worse) > 3 else worse[-1] in text
            )
        unclear = [each.scheduler for each in found.comparisons if each.verdict is Verdict.CANNOT_TELL]
        assert ("cannot be told from it" in text) == bool(unclear)
    assert len(text) < 250
    marked = {each.scheduler for each in found.pairs if each.verdict in (Verdict.BETTER, Verdict.WORSE)}
    assert marked <= {label for each in found.comparisons for label in (each.scheduler, each.baseline)}


def test_markdown_begins_with_it(cli: Callable[..., Result], tmp_path: Path) -> None:
    lines = cli("summary", ROOT / "results" / "reference", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "### reference"
    assert lines[2].startswith("No schedule is better than constant: step and exponential are worse;")
