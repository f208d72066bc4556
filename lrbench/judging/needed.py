"""How many seeds a verdict takes: the fewest that can give one at all, and those that find a difference as seen.

Both numbers are for what the next command will have: the same comparisons, and the design that they have once
seeds are added to what was looked at.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrbench.designs import ALPHA, Design
from lrbench.judging import statistics as stats
from lrbench.judging.evalues import BETS
from lrbench.judging.least import least_p, smallest_p
from lrbench.judging.sign_flips import holm

POWER = 0.8
MOST_TOLD = 1_000  # seeds; a difference that takes more is of no practical account
_MOST_TRIED = 100  # pairs: beyond, no design's smallest p falls fast enough to help
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)  # of a standard normal variable, once they sum to 1
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_BET_COST = 4  # what a wrong guess of the bet costs: the best of BETS is one of eight, and the others also pay


@dataclass(frozen=True, slots=True)
class Member:
    """A comparison as the others of its family see it."""

    p: float  # before Holm; nan with fewer than two pairs
    lengths: tuple[int, ...]  # pairs, by independent origin of their seeds
    seeds: int  # that ended for both schedules, finished or not
    design: Design
    has_pairs_to_come: bool = True  # False: a schedule has only lost runs so far

    @property
    def n(self) -> int:
        return sum(self.lengths)

    @property
    def lost(self) -> int:
        """The seeds that gave no pair."""
        return self.seeds - self.n


def is_told(family: Sequence[Member], i: int, p: float) -> bool:
    """Return whether comparison i would be told with this p, the others of the family as they are."""
    return bool(holm([p if j == i else member.p for j, member in enumerate(family)])[i] < ALPHA)


def can_tell(family: Sequence[Member], i: int) -> bool:
    """Return whether the pairs of comparison i can reach 5 % in this family, whatever their differences."""
    member = family[i]
    return member.n > 1 and is_told(family, i, least_p(member.lengths, member.design))


def comparisons_next(family: Sequence[Member]) -> int:
    """Return how many comparisons the next command has: those without a pair so far get some."""
    return sum(member.has_pairs_to_come for member in family)


def fewest_seeds(family: Sequence[Member], i: int) -> int | None:
    """Return with how many seeds, more than now, comparison i can be told; None if with no number.

    That is, if all its differences have the same sign and size. The seeds go to all comparisons with fewer: what
    those will say is not known, so that they share the 5 % and give none of it back.
    """
    member = family[i]
    if not member.has_pairs_to_come:
        return None
    for n in range(max(member.n + 1, 2), _MOST_TRIED + 1):
        seeds = n + member.lost
        others = [
            replace(other, p=(1.0 if other.has_pairs_to_come else math.nan)) if _changes(other, seeds) else other
            for other in family
        ]
        if is_told(others, i, smallest_p(_with_more(member.lengths, n), member.design.with_more(seeds))):
            return seeds
    return None


def seeds_needed(family: Sequence[Member], i: int, effect: float) -> int | None:
    """Return how many seeds find an effect of |d_z| with 80 % power; None if no number that can be told.

    None too of a sequential design, which looks after every seed and stops by itself.
    """
    member = family[i]
    alpha = ALPHA / comparisons_next(family)  # what Holm asks of the smallest p; the others need no more than this
    if member.design.kind == "sequential":
        return None
    find = stats.pairs_needed if member.design.with_more(member.seeds + 1).kind == "fixed" else open_pairs_needed
    pairs = find(effect, alpha, POWER)
    return None if pairs is None else pairs + member.lost


def open_pairs_needed(effect: float, alpha: float = 0.05, wanted: float = POWER) -> int | None:
    """Return about how many pairs of an open design find an effect of |d_z| with the wanted power; None if never.

    By the bet that grows fastest: the mean and the spread of log(exp(lambda u) / cosh(lambda u)) for normal
    differences, u = (z + d) / sqrt(1 + d^2), whose sum has to pass log(1 / alpha) and what guessing the bet costs.
    Within a fifth of what simulated differences take up to 400 pairs, and above it beyond. At least as many as
    differences of one sign and size need.
    """
    floor = next(n for n in range(2, _MOST_TRIED + 1) if smallest_p((n,), Design(kind="open")) < alpha)
    if not math.isfinite(effect):
        return floor
    wall = math.log(_BET_COST / alpha)
    pairs = math.inf
    for growth, spread in _growths(abs(effect)):
        if growth > 0:
            reach = stats.normal_score(wanted) * spread
            pairs = min(pairs, ((reach + math.sqrt(reach**2 + 4 * growth * wall)) / (2 * growth)) ** 2)
    return max(math.ceil(pairs), floor) if pairs < stats.MOST_PAIRS else None


def _growths(effect: float) -> list[tuple[float, float]]:
    """The mean and the standard deviation of the logarithm of what each of BETS pays per pair."""
    u = (_NODES + effect) / math.sqrt(1 + effect**2)
    found = []
    for bet in BETS:
        paid = bet * u - np.log(np.cosh(bet * u))
        mean = float(paid @ _WEIGHTS)
        found.append((mean, math.sqrt(float((paid - mean) ** 2 @ _WEIGHTS))))
    return found


def _changes(member: Member, seeds: int) -> bool:
    """Whether a comparison is another one when every schedule has so many seeds: a sequential p never rises."""
    stays = member.design.with_more(seeds) == member.design and member.design.kind == "sequential"
    return member.seeds < seeds and not (stays and math.isfinite(member.p))


def _with_more(lengths: tuple[int, ...], pairs: int) -> tuple[int, ...]:
    """So many pairs: what is added goes on with the one origin there is, or is one of its own beside several."""
    more = pairs - sum(lengths)
    return (pairs,) if len(lengths) < 2 else (*lengths, more)
