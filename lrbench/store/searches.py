"""The searches of an experiment: search-<digest>.json, written before their first run and never again."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat, ValidationError

from lrbench.files import Damaged, digest
from lrbench.searches import Contender, Search
from lrbench.store import schema
from lrbench.store.history import write_once
from lrbench.store.records import Count, Text


class _Contender(BaseModel):
    words: Text
    variants: list[tuple[Text, list[tuple[str, str]]]]


class _Search(BaseModel):
    contenders: list[_Contender]
    rates: list[FiniteFloat]
    refine: Count
    max_extend: Count
    tune_seeds: list[Count]
    seeds: list[Count]
    figure: Text
    lower_is_better: bool
    is_share: bool
    same_rate: FiniteFloat


def path_of(folder: Path, search: Search) -> Path:
    """Return where a search of an experiment is kept: by the digest of all that it is."""
    return folder / f"search-{digest(_record(search))[:8]}.json"


def write_search(folder: Path, search: Search) -> None:
    """Keep a search, if it is not kept already; what is damaged in its place is set aside. Raises OSError."""
    write_once(folder, path_of(folder, search), {"search": _record(search)}, read_search)


def read_searches(folder: Path) -> tuple[list[Search], list[Damaged]]:
    """Read all searches of an experiment, and what cannot be read of them."""
    found, broken = [], []
    for path in sorted(folder.glob("search-*.json")):
        try:
            found.append(read_search(path))
        except Damaged as error:
            broken.append(error)
    return found, broken


def read_search(path: Path) -> Search:
    """Read a search. Raises Damaged."""
    record = schema.read_sealed(path)
    try:
        read = _Search.model_validate(record.get("search"))
    except ValidationError as error:
        raise Damaged(f"{path}: no record of a search: {error.errors()[0]['msg']}") from error
    if not read.contenders or not all(each.variants for each in read.contenders) or len(read.rates) < 2:
        raise Damaged(f"{path}: a search with nothing to try")
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
