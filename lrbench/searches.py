"""The nouns of a search over peak rates: what is tried with equal effort, and what came of it. Values only."""

from dataclasses import dataclass

FIRST_TUNING_SEED = 1_000_000  # far from those that people count up from 0
LARGEST_RATE = 1e30
MOST_RATES = 1_000
LIMITS = {"tune_seeds": (1, 1_000), "refine": (0, 100), "max_extend": (0, 20)}  # what lrbench takes, both included
Variant = tuple[str, tuple[tuple[str, str], ...]]  # a schedule without its peak rate: name, resolved parameters


@dataclass(frozen=True, slots=True)
class Contender:
    """A schedule that is tuned: its peak rate, and parameters if the user left some of them open."""

    words: str  # as the user wrote it: `step(every=10%;20%)`
    variants: tuple[Variant, ...]  # at least one; the first is what the same-rate comparison shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The plan of a fair search: the same number of trials for every contender, on seeds that report nothing."""

    contenders: tuple[Contender, ...]
    rates: tuple[float, ...]  # the coarse grid of peak rates, the lowest first; the same for all
    refine: int  # points around each contender's own best
    max_extend: int  # how often the grid may grow by a step, for all, where a best one lies at its edge
    tune_seeds: tuple[int, ...]
    seeds: tuple[int, ...]  # of the comparison; none of tune_seeds
    figure: str  # chosen by its mean: `val_accuracy`
    lower_is_better: bool
    is_share: bool  # of it: a fraction
    same_rate: float  # of the comparison at one rate for all

    @property
    def step(self) -> float:
        """The factor between two rates of the grid."""
        first, last = self.rates[0], self.rates[-1]
        return float((last / first) ** (1 / (len(self.rates) - 1)))

    @property
    def budget(self) -> int:
        """Trials of each contender, before the grid grows."""
        return (len(self.rates) + self.refine) * len(self.tune_seeds)


def runs_of(search: Search) -> int:
    """Return how many runs a search and its comparison take, if the grid does not grow."""
    return len(search.contenders) * (search.budget + len(search.seeds))


@dataclass(frozen=True, slots=True)
class Point:
    """Where a contender is tried: one of its variants at a peak rate."""

    variant: Variant
    lr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A point and how its runs ended, by tuning seed; None for one that diverged or failed."""

    point: Point
    values: tuple[tuple[int, float | None], ...]

    @property
    def lost(self) -> int:
        return sum(value is None for _, value in self.values)

    @property
    def mean(self) -> float | None:
        """The mean over all tuning seeds; None if one of them diverged or failed, which is the worst."""
        finals = [value for _, value in self.values if value is not None]
        return sum(finals) / len(finals) if finals and len(finals) == len(self.values) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What the search found for one contender."""

    contender: Contender
    trials: tuple[Trial, ...]  # by rate
    best: Trial | None  # None: every point lost a run
    at_edge: bool  # the best rate is the lowest or the highest that was tried
    chosen_otherwise: int  # tuning seeds that alone would have chosen another point
    cost: float  # what those choices would have lost on average, in the figure's unit; 0 without one
    near: tuple[float, float] | None  # the lowest and the highest rate around the best whose means come near it


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """A search as it stands: what is tried, and where it goes on."""

    search: Search
    rates: tuple[float, ...]  # the grid with its extensions
    tuned: tuple[Tuned, ...]  # one for each contender
    missing: tuple[Point, ...]  # to be tried next, on every tuning seed
    stage: str  # "coarse", "refine" or "done"
