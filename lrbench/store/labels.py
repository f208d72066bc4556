"""What labels stand for: one label is one schedule in an experiment, whoever trains it.

labels.json notes what commands reserved before there was a run; else it only repeats what the runs say.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lrbench.errors import BadResults
from lrbench.files import Damaged, digest
from lrbench.schedules.names import Named
from lrbench.store import schema

LABELS = "labels.json"


def check(folder: Path, stored: Iterable[Named], wanted: Iterable[Named]) -> dict[str, str]:
    """Return what labels stand for in an experiment's folder, those that are wanted included.

    Raises BadResults if one would stand for two schedules, or a later version noted them.
    """
    stored = list(stored)
    taken = dict(read(folder / LABELS))
    taken |= {label: meaning for each in stored for label, meaning in claims(each).items()}
    words = {each.words: _meaning(each) for each in stored if not claims(each)}
    for named in wanted:
        meaning = _meaning(named)
        claimed = claims(named)
        other = taken.get(named.words, meaning) != meaning
        other |= bool(claimed) and words.get(named.words, meaning) != meaning
        if other or any(taken.get(label, means) != means for label, means in claimed.items()):
            raise _other_label(named, folder, stored)
        taken |= claimed
    return taken


def claims(named: Named) -> dict[str, str]:
    """Return what may stand for one schedule only: a label of the user's, and at one rate a function of theirs."""
    claimed = {named.words: _meaning(named)} if named.is_label else {}
    if named.rates_sha256:
        claimed[f"{named.words} at {named.lr!r}"] = digest([_meaning(named), named.rates_sha256])
    return claimed


def read(path: Path) -> Mapping[str, str]:
    """Return what commands have reserved; damage to the file is none, for the runs repeat it.

    Raises BadResults if a later version wrote it.
    """
    try:
        return schema.read_labels(path) if path.exists() else {}
    except schema.TooNew as error:
        raise BadResults(str(error), schema.UPGRADE) from error
    except Damaged:
        return {}


def _meaning(named: Named) -> str:
    """What a label stands for, as a hash; the peak rate apart, which names say where it differs."""
    return digest([named.name, dict(named.parameters)])


def _other_label(named: Named, folder: Path, stored: Iterable[Named]) -> BadResults:
    """The error for a label that stands for another schedule already."""
    if named.rates_sha256 and not named.is_label:
        return BadResults(
            f"{named.words} gives other rates than it did for the runs in {folder}.",
            f"Give the new version a label of its own: new={named.words}.",
        )
    meant = next((each.spec for each in stored if each.words == named.words), "another schedule")
    return BadResults(
        f"The label {named.words!r} stands for {meant} in {folder} already.",
        f"Choose another label for {named.spec}.",
    )
