"""What stored schedules are called where several stand together: each gets a name that no other has.

Where all of them share a peak rate it is said once, in the title. Where not, each name says its own, as it says
whatever else tells two schedules apart that the user wrote alike. A label of the user's stays as it is; the title
says its rate where it is not that of the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lrbench.schedules.base import number
from lrbench.schedules.schedule import Schedule

MOST_NAMED = 3  # schedules of other rates in a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A schedule as it is stored: its words and its resolved parameters, without the code that draws it."""

    words: str = field(compare=False)  # what epochs.csv calls it: the user's label, or the spec without its rate
    is_label: bool  # whether the user gave that label
    label: str = field(init=False, default="")  # it, if so: two labels are two schedules
    name: str  # `cosine`
    lr: float  # the peak rate
    parameters: tuple[tuple[str, str], ...]  # every one of its own, and the modifiers that are given
    rates_sha256: str = ""  # of a user's own function's rates
    spec: str = field(compare=False)  # `cosine(lr=0.2)`
    feedback: bool = field(default=False, compare=False)  # its rates depend on the training

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.words if self.is_label else "")

    @property
    def facts(self) -> dict[str, str]:
        """What can tell it from another of the same words."""
        own = {"rates": self.rates_sha256[:8]} if self.rates_sha256 else {}
        return {"lr": number(self.lr), **dict(self.parameters), **own}


def named(schedule: Schedule, rates_sha256: str = "") -> Named:
    """Return a schedule as it is stored. `rates_sha256`: of its rates, if the user's own code makes them."""
    resolved = schedule.resolved()
    return Named(
        words=schedule.label,
        is_label=schedule.named,
        name=resolved["name"],
        lr=schedule.lr,
        parameters=tuple(sorted(resolved["parameters"].items())),
        rates_sha256=rates_sha256,
        spec=schedule.spec,
        feedback=schedule.entry.feedback,
    )


def called(schedules: Sequence[Schedule]) -> list[str]:
    """Return what each of these is called among them, in their order."""
    known = names(map(named, schedules))
    return [known[named(each)] for each in schedules]


def names(schedules: Iterable[Named]) -> dict[Named, str]:
    """Return a name for each of them that no other has, in the order in which they first come."""
    distinct = list(dict.fromkeys(schedules))
    rates_differ = len({each.lr for each in distinct if not each.is_label}) > 1
    alike = _grouped(distinct, lambda each: each.words)
    said = {
        each: _said(each, _telling(each, alike[each.words], rates_differ and not each.is_label))
        for each in distinct
    }
    twins = _grouped(distinct, said.__getitem__)  # as a label of the user's that is another one's whole name
    return {each: _numbered(name, each, twins[name]) for each, name in said.items()}


def _said(schedule: Named, facts: dict[str, str]) -> str:
    """A label of the user's is no spec: what else there is to say stands behind it."""
    if schedule.is_label and facts:
        return f"{schedule.words} ({', '.join(f'{key}={value}' for key, value in facts.items())})"
    return with_facts(schedule.words, facts)


def _grouped(schedules: Iterable[Named], key: Callable[[Named], str]) -> dict[str, list[Named]]:
    groups: dict[str, list[Named]] = {}
    for each in schedules:
        groups.setdefault(key(each), []).append(each)
    return groups


def _numbered(name: str, schedule: Named, twins: list[Named]) -> str:
    """Tell twins apart by number: the one without a label is the first."""
    place = sorted(twins, key=lambda each: (each.is_label, sorted(each.facts.items()))).index(schedule)
    return f"{name} #{place + 1}" if place else name


def peak_rates(called: Mapping[Named, str]) -> str:
    """Say the peak rates of schedules: `peak rate 0.1`, `peak rate 0.1 (slow 0.01)`, `peak rates 0.01 to 0.3`."""
    peaks = sorted({each.lr for each in called})
    if len(peaks) == 1:
        return f"peak rate {peaks[0]:g}"
    common = {each.lr for each in called if not each.is_label}
    others = [f"{name} {each.lr:g}" for each, name in called.items() if each.lr not in common]
    if len(common) == 1 and len(others) <= MOST_NAMED:
        return f"peak rate {common.pop():g} ({', '.join(others)})"
    return (
        f"peak rates {peaks[0]:g} {'and' if len(peaks) == 2 else 'to'} {peaks[-1]:g}" if peaks else "no peak rate"
    )


def _telling(schedule: Named, alike: list[Named], say_rate: bool) -> dict[str, str]:
    """Return the facts that its name must say."""
    facts = schedule.facts
    telling = {key for key in facts if len({each.facts.get(key) for each in alike}) > 1}
    telling |= {"lr"} if say_rate else set()
    return {key: value for key, value in facts.items() if key in telling}


def with_facts(words: str, facts: dict[str, str]) -> str:
    """Write facts into the parentheses of a spec, before what stands there: `step(lr=0.1, every=5 epochs)`."""
    if not facts:
        return words
    before, opened, inside = words.partition("(")
    written = {pair.partition("=")[0].strip() for pair in inside.split(",")}
    said = ", ".join(f"{key}={value}" for key, value in facts.items() if key not in written)
    return f"{before}({said}, {inside}" if opened else f"{before}({said})"
