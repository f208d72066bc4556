"""What `run` and `tune` have in common about verdicts: the question, and whether to train until it is settled."""

from typing import Any

from lrbench.options import QUESTION, SETTLING

ASKED = ("baseline", "every_pair", "margin")  # what verdicts are given against, and what counts as no difference
TAKEN = SETTLING | {name: QUESTION[name] for name in ASKED}


def taken_out(wishes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take what is asked, and whether until it is settled, out of the wishes: (question, settling)."""
    question = {name: value for name in ASKED if (value := wishes.pop(name, None)) not in (None, False)}
    return question, {name: wishes.pop(name, None) for name in SETTLING}
