"""The searches of an experiment: search-<digest>.json, written before their first run and never again."""

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, model_validator

from lrbench.designs import MOST_RUNS, MOST_SEEDS
from lrbench.files import Damaged, digest
from lrbench.runs import Setting
from lrbench.searches import LARGEST_RATE, LIMITS, MOST_RATES, Contender, Search
from lrbench.store import schema
from lrbench.store.history import write_once
from lrbench.store.records import Seed, Text

Rate = Annotated[FiniteFloat, Field(gt=0, lt=LARGEST_RATE)]
Seeds = Annotated[list[Seed], Field(min_length=1, max_length=MOST_SEEDS)]


class _Contender(BaseModel):
    words: Text
    variants: Annotated[list[tuple[Text, list[tuple[Text, Text]]]], Field(min_length=1)]


def _within(name: str) -> Any:
    """A whole number as `lrbench tune` takes it."""
    least, most = LIMITS[name]
    return Field(ge=least, le=most, strict=True)


class _Search(BaseModel):
    contenders: Annotated[list[_Contender], Field(min_length=1)]
    rates: Annotated[list[Rate], Field(min_length=2, max_length=MOST_RATES)]
    refine: Annotated[int, _within("refine")]
    max_extend: Annotated[int, _within("max_extend")]
    tune_seeds: Seeds
    seeds: Seeds
    figure: Text
    lower_is_better: bool
    is_share: bool
    same_rate: Rate

    @model_validator(mode="after")
    def _check(self) -> Self:
        variants = [(name, tuple(given)) for each in self.contenders for name, given in each.variants]
        seeds = [*self.tune_seeds, *self.seeds]
        if len(set(variants)) < len(variants) or len(set(seeds)) < len(seeds):
            raise ValueError("a schedule or a seed stands there twice")
        if any(a >= b for a, b in pairwise(self.rates)):
            raise ValueError("its rates do not rise")
        if self.refine % 2 or len(self.tune_seeds) > LIMITS["tune_seeds"][1]:
            raise ValueError("it is none that lrbench tune makes")
        trials = (len(self.rates) + self.refine + self.max_extend) * len(self.tune_seeds)
        if len(self.contenders) * (trials + len(self.seeds)) > MOST_RUNS:
            raise ValueError(f"it takes more than {MOST_RUNS:,} runs")
        return self


def path_of(folder: Path, search: Search) -> Path:
    """Return where a search of an experiment is kept: by the digest of all that it is."""
    return folder / f"search-{digest(_record(search))[:8]}.json"


def write_search(folder: Path, search: Search, setting: Setting) -> None:
    """Keep a search, if it is not kept already; what is damaged in its place is set aside. Raises OSError."""
    record = {"search": _record(search)}
    write_once(folder, path_of(folder, search), record, lambda path: read_search(path, setting))


def read_searches(folder: Path, setting: Setting) -> tuple[list[Search], list[Damaged]]:
    """Read all searches of an experiment, and what cannot be read of them."""
    found, broken = [], []
    for path in sorted(folder.glob("search-*.json")):
        try:
            found.append(read_search(path, setting))
        except Damaged as error:
            broken.append(error)
    return found, broken


def read_search(path: Path, setting: Setting) -> Search:
    """Read a search, and check that it can be one of an experiment of this setting. Raises Damaged."""
    record = schema.read_sealed(path)
    try:
        read = _Search.model_validate(record.get("search"))
    except ValidationError as error:
        raise Damaged(f"{path}: no record of a search: {error.errors()[0]['msg']}") from error
    figure = {f"val_{figure.name}": figure for figure in setting.subject.figures}.get(read.figure)
    directions = {"lower": True, "higher": False}
    if setting.validate_on == "none" or figure is None:
        raise Damaged(f"{path}: it chooses by {read.figure}, which no run of this experiment has")
    if (directions.get(figure.better), figure.is_share) != (read.lower_is_better, read.is_share):
        raise Damaged(f"{path}: it takes {read.figure} for another figure than this experiment's")
    return Search(
        contenders=tuple(
            Contender(each.words, tuple((name, tuple(parameters)) for name, parameters in each.variants))
            for each in read.contenders
        ),
        rates=tuple(read.rates),
        refine=read.refine,
        max_extend=read.max_extend,
        tune_seeds=tuple(read.tune_seeds),
        seeds=tuple(read.seeds),
        figure=read.figure,
        lower_is_better=read.lower_is_better,
        is_share=read.is_share,
        same_rate=read.same_rate,
    )


def _record(search: Search) -> dict[str, Any]:
    return asdict(search)
