"""What stands in an experiment's folder besides its finished runs."""

from dataclasses import dataclass
from pathlib import Path

from lrbench.files import TEMPORARY, Damaged
from lrbench.folders import LINK, Tree
from lrbench.foreign import UNLINK
from lrbench.runs import Damage
from lrbench.store.checkpoints import NAME, check_whole
from lrbench.store.read import repairing


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Counts of what is no finished run, and what is wrong with it."""

    unfinished: int  # runs that stopped on the way; with a checkpoint they go on from there
    quarantined: int  # damaged runs that were moved away
    leftovers: int  # half-written files of killed commands; the next command there removes them
    damage: tuple[Damage, ...]  # checkpoints that cannot be read, and links, which no command writes through


def survey(folder: Path) -> Survey:
    """Look at everything in an experiment's folder that `load` does not read."""
    damage = []
    runs = [path for path in (folder / "runs").glob("*") if path.is_dir()]
    unfinished = [path for path in runs if not (path / "run.json").exists()]
    for path in runs:
        try:
            if (path / NAME).exists():
                check_whole(path / NAME)
        except Damaged as error:
            if not (path / NAME).exists():  # another command has just finished the run
                continue
            damage.append(Damage(str(error), repairing(folder), path))
    links = [Damage(f"{path}: {LINK}", UNLINK) for path in Tree(folder).links()]
    return Survey(
        unfinished=len(unfinished),
        quarantined=sum(1 for _ in folder.glob("quarantine/*")),
        leftovers=sum(1 for _ in folder.rglob(f"{TEMPORARY}*")),
        damage=(*damage, *links),
    )
