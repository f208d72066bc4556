"""`lrbench list`, `lrbench diff` and `lrbench clean`: what experiments there are, and what is in the way."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrbench.cli.app import BROKEN, DONE, app, speak
from lrbench.cli.places import put
from lrbench.errors import BadConfig, BadResults
from lrbench.options import TRAINING
from lrbench.show import counted, printable

if TYPE_CHECKING:
    from lrbench.runs import Experiment
    from lrbench.store.clean import Rest

RESULTS = Path(str(TRAINING["out"].default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An experiment in a list."""

    name: str
    folder: str
    setting: str
    finished: int
    failed: int
    unfinished: int
    schedulers: tuple[str, ...]
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        counts = [f"{self.finished} finished"]
        counts += [f"{self.failed} failed"] if self.failed else []
        counts += [f"{self.unfinished} unfinished"] if self.unfinished else []
        grid = f"{counted(len(self.schedulers), 'schedule')} × {counted(len(self.seeds), 'seed')}"
        return f"{self.name}: {self.setting}; {', '.join(counts)}; {grid}"


@app.command("list")
def list_experiments(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")] = RESULTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    """List the experiments of a results folder, a line each.

    A line says its name, its setting, how many runs are finished, failed and unfinished, and how
    many schedules and seeds they are.

    \b
    lrbench list
    lrbench list results/ --json
    """
    from lrbench.store import load_all, survey

    experiments, damage = load_all(results)
    for each in damage:
        speak(f"Damaged: {each.text}", each.hint)
    lines = [_line(each, survey(each.folder).unfinished) for each in experiments]
    if as_json:
        put(json.dumps([asdict(line) for line in lines], indent=2) + "\n", None)
    else:
        for line in lines:
            typer.echo(printable(str(line)))
    return BROKEN if damage else DONE


def _line(experiment: "Experiment", unfinished: int) -> Line:
    failed = sum(one.failed for one in experiment.finished)
    return Line(
        name=experiment.name,
        folder=str(experiment.folder),
        setting=experiment.describe(),
        finished=len(experiment.finished) - failed,
        failed=failed,
        unfinished=unfinished,
        schedulers=tuple(experiment.groups),
        seeds=tuple(sorted({one.seed for one in experiment.finished})),
    )


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="One experiment's folder.")],
    b: Annotated[Path, typer.Argument(help="Another one's.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> int:
    """Say what differs between two experiments.

    That is their settings, schedules and seeds. The exit code is 0 whether they differ or not,
    and 2 if one cannot be read.

    \b
    lrbench diff results/one results/two
    lrbench diff results/one results/two --json
    """
    one, two = _the_one(a), _the_one(b)
    settings = _differing(_flat(one.setting.identity), _flat(two.setting.identity))
    schedules = [{named.spec for named in each.names} for each in (one, two)]
    seeds = [{run.seed for run in each.finished} for each in (one, two)]
    only: dict[str, tuple[list[Any], list[Any]]] = {
        "schedulers": (sorted(schedules[0] - schedules[1]), sorted(schedules[1] - schedules[0])),
        "seeds": (sorted(seeds[0] - seeds[1]), sorted(seeds[1] - seeds[0])),
    }
    if as_json:
        record = {"a": str(a), "b": str(b), "setting": settings}
        record |= {key: {"only_a": left, "only_b": right} for key, (left, right) in only.items()}
        put(json.dumps(record, indent=2) + "\n", None)
        return DONE
    said = [f"{key}: {_said(left)} | {_said(right)}" for key, (left, right) in settings.items()]
    for key, sides in only.items():
        said += [
            f"{key} only in {at}: {', '.join(map(str, its))}" for at, its in zip((a, b), sides, strict=True) if its
        ]
    for line in said or ["No difference in setting, schedules or seeds."]:
        typer.echo(printable(line))
    return DONE


def _the_one(folder: Path) -> "Experiment":
    """Read the experiment of a folder. Raises BadResults if there is none, or several."""
    from lrbench.store import find_experiments, load

    found = find_experiments(folder)
    if len(found) > 1:
        raise BadResults(f"{folder} holds {len(found)} experiments.", f"Name one of them, such as {found[0]}")
    return load(found[0])


def _flat(identity: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return every value under a name of its own: `optimizer.parameters.momentum`."""
    flat: dict[str, Any] = {}
    for key, value in identity.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {before + key: value}
    return flat


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the values that are not the same, one's and the other's; None where it has none."""
    return {
        key: (a.get(key), b.get(key)) for key in {**a, **b} if (key in a, a.get(key)) != (key in b, b.get(key))
    }


def _said(value: Any) -> str:
    return "–" if value is None else str(value)


@app.command()
def clean(
    results: Annotated[Path, typer.Argument(help="A results folder, or one experiment's folder.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Remove what is unfinished or damaged.

    That is runs without run.json, what is in quarantine, and half-written files. A run that is whole
    is never removed, wherever it lies, nor one that a command is at work on; no link is followed. It says
    what goes, what is left and where that belongs, and asks.

    \b
    lrbench clean results/ --yes
    """
    from lrbench.store import find_experiments
    from lrbench.store.clean import remove, rest_of

    found = [rest_of(folder) for folder in find_experiments(results)]
    for stays in (stays for rest in found for stays in rest.left):
        typer.echo(printable(f"left  {stays}"))
    rests = [each for each in found if each.paths]
    if not rests:
        typer.echo(printable(f"Nothing is to be removed from {results}."))
        return DONE
    for rest in rests:
        for line in _goes(rest):
            typer.echo(printable(line))
    if not yes:
        if not sys.stdin.isatty():
            raise BadConfig("There is no terminal to ask on.", "Say that all this may go: --yes")
        if not typer.confirm("Remove all this?"):
            typer.echo("Nothing was removed.")
            return DONE
    gone, kept = 0, 0
    for rest in rests:
        removed, left = remove(rest)
        gone, kept = gone + len(removed), kept + len(left)
    at_work = f" Left: {kept}, which a command is at work on or has finished." if kept else ""
    typer.echo(f"Removed: {gone}.{at_work}")
    return DONE


def _goes(rest: "Rest") -> list[str]:
    """Say what goes, each by its name."""
    kinds = (("unfinished", rest.unfinished), ("quarantine", rest.quarantined), ("half-written", rest.leftovers))
    return [f"{kind}  {path}" for kind, paths in kinds for path in paths]
