"""What `run` and `tune` have in common about verdicts: the question, and whether to train until it is settled."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lrbench.cli.forecast import cores
from lrbench.errors import BadConfig
from lrbench.options import QUESTION, SETTLING, whole_number

if TYPE_CHECKING:
    from lrbench.config import Config
    from lrbench.runs import Run
    from lrbench.studies.settling import UntilSettled

ASKED = ("baseline", "every_pair", "margin")  # what verdicts are given against, and what counts as no difference
TAKEN = SETTLING | {name: QUESTION[name] for name in ASKED}
MOST_SEEDS = 1_000


def taken_out(wishes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take what is asked, and whether until it is settled, out of the wishes: (question, settling)."""
    question = {name: value for name in ASKED if (value := wishes.pop(name)) not in (None, False)}
    return question, {name: wishes.pop(name) for name in SETTLING}


def seeds_until(settling: Mapping[str, Any], sources: Mapping[str, str], shard: str | None) -> str | None:
    """Return how many seeds it may come to at most; None if they are not to be trained one by one.

    Raises BadConfig for what does not go with it.
    """
    text = settling["max_seeds"]
    if not settling["until_settled"]:
        if text is not None:
            raise BadConfig(
                f"max_seeds={text} is for until_settled=True.", "Leave it out, or say how many: seeds=10"
            )
        return None
    if "seeds" in sources:
        raise BadConfig(
            "seeds and until_settled=True do not go together: the seeds are 0, 1, 2, …",
            "Say how many there may be: max_seeds=50",
        )
    if shard:
        raise BadConfig(
            f"shard={shard} and until_settled=True do not go together: what comes next depends on all runs.",
            "Use one machine or a cluster: executor=ray",
        )
    most = int(SETTLING["max_seeds"].default) if text is None else whole_number("max_seeds", text)  # type: ignore[call-overload]
    if not 2 <= most <= MOST_SEEDS:
        raise BadConfig(f"max_seeds={most} does not lie between 2 and {MOST_SEEDS:,}.", "Write max_seeds=50")
    return str(most)


def settled(config: "Config", question: Mapping[str, Any]) -> "Callable[[Sequence[Run]], UntilSettled]":
    """Return what makes the policy of runs. Raises BadConfig for a question that is none."""
    from lrbench.judging.questions import Question
    from lrbench.studies.settling import until_settled

    asked = Question(**question)
    jobs = config.jobs or (cores() if config.executor == "local" else 1)
    return lambda runs: until_settled(runs, asked, jobs)
