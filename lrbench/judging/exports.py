"""What `lrbench export` notes beside the runs, so that its files are judged as the folder that they came from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import lrbench
from lrbench.designs import FIXED, Design
from lrbench.errors import BadResults
from lrbench.foreign import finite
from lrbench.judging.designs import Designs, designs_of
from lrbench.judging.scores import Scores
from lrbench.runs import Experiment, Figure, Status
from lrbench.schedules import Named, peak_rates

KEY = "lrbench"  # of the note: in the JSON, and in the metadata of Parquet
SPLITS = ("train", "val", "test")

Lost = Mapping[str, Mapping[int, str]]  # label -> seed -> how the run ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportNote:
    """What the rows of an export do not say of its experiment."""

    setting: str  # what was trained, how, for how long: `MNIST 784-128-10, sgd, 15 epochs`
    figures: Mapping[str, Figure]  # by column: `test_accuracy`
    compared: str  # the name of the figure that schedules are compared by
    schedules: tuple[tuple[str, float, bool], ...]  # label, peak rate, whether the label is the user's
    constant: str | None  # the schedule that keeps its rate
    validation: Scores | None  # the compared figure of the validation examples
    lost: Lost  # runs that did not finish; some of them have no row
    searched: bool  # whether runs are trials of a search over rates
    pairs: Mapping[frozenset[str], Design] = field(default_factory=dict)  # those that were looked at otherwise

    def scope(self, *labels: str) -> str:
        """Return what a verdict on these schedules is about, as for the experiment itself."""
        called = {
            Named(words=name, is_label=is_label, name=name, lr=lr, parameters=(), spec=name): name
            for name, lr, is_label in self.schedules
            if name in labels or not labels
        }
        return f"{self.setting}, {peak_rates(called)}"

    @property
    def designs(self) -> Designs:
        """Tell the design of a comparison of two schedules."""
        return lambda a, b: self.pairs.get(frozenset((a, b)), FIXED)


def note_of(experiment: Experiment) -> dict[str, Any]:
    """Return the note of an experiment as JSON values."""
    setting = experiment.setting
    subject = setting.subject
    designs = designs_of(experiment)
    pairs = [(a, b, designs(a, b)) for a, b in combinations(experiment.groups, 2)]
    return {
        "version": lrbench.__version__,
        "setting": setting.brief,
        "figures": [asdict(figure) for figure in subject.figures],
        "compared": subject.compared.name,
        "schedules": [
            {"scheduler": name, "lr": each.lr, "is_label": each.is_label}
            for each, name in experiment.names.items()
        ],
        "constant": experiment.the_constant,
        "validation": _validated(experiment),
        "lost": [
            {"scheduler": name, "seed": one.seed, "status": str(one.result.status)}
            for name, runs in experiment.groups.items()
            for one in runs
            if one.result.status is not Status.DONE
        ],
        "searched": bool(experiment.searches),
        "designs": [{"schedulers": [a, b], **asdict(each)} for a, b, each in pairs if each != FIXED],
    }


def _validated(experiment: Experiment) -> list[dict[str, Any]] | None:
    """The last validation value of every run; None where nothing was validated."""
    if experiment.setting.validate_on == "none":
        return None
    column = f"val_{experiment.setting.subject.compared.name}"
    return [
        {"scheduler": name, "seed": one.seed, "value": finite(one.final(column))}
        for name, runs in experiment.groups.items()
        for one in runs
    ]


def note_from(called: str, value: Any) -> ExportNote:
    """Read a note. Raises BadResults if it is none."""
    try:
        figures = [Figure(**each) for each in value["figures"]]
        columns = {f"{split}_{each.name}": each for each in figures for split in SPLITS}
        compared = columns[f"val_{value['compared']}"]
        lost: dict[str, dict[int, str]] = {}
        for run in value["lost"]:
            lost.setdefault(run["scheduler"], {})[int(run["seed"])] = run["status"]
        return ExportNote(
            setting=value["setting"],
            figures=columns,
            compared=compared.name,
            schedules=tuple((each["scheduler"], each["lr"], each["is_label"]) for each in value["schedules"]),
            constant=value["constant"],
            validation=_validation(value["validation"], compared) if value["validation"] is not None else None,
            lost=lost,
            searched=value["searched"],
            pairs={frozenset(each.pop("schedulers")): _design(each) for each in map(dict, value["designs"])},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(called, error) from error


def rows_of(called: str, value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the epochs of an exported JSON file; a run's last row also has its status and test figures.

    Raises BadResults.
    """
    try:
        records = []
        for run in value["runs"]:
            ends = {key: cell for key, cell in run.items() if key == "status" or key.startswith("test_")}
            same = {key: run[key] for key in ("run_id", "scheduler", "seed")}
            rows = run["rows"] or [{}]
            records += [same | row for row in rows[:-1]] + [same | rows[-1] | ends]
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(called, error) from error
    return records


def damaged(called: str, error: Exception) -> BadResults:
    """Return the error for an export that is not as it was written."""
    return BadResults(
        f"{called} is not as `lrbench export` writes it: {type(error).__name__}: {error}.",
        "Export the results folder again.",
    )


def _validation(listed: Any, figure: Figure) -> Scores:
    values: dict[str, dict[int, float | None]] = {}
    for run in listed:
        values.setdefault(run["scheduler"], {})[int(run["seed"])] = run["value"]
    return Scores(f"val_{figure.name}", figure.better == "lower", values, figure.is_share, figure.unit)


def _design(value: dict[str, Any]) -> Design:
    return Design(
        kind=value["kind"],
        most=value["most"],
        streams=tuple(tuple(stream) for stream in value["streams"]),
        looks=tuple(value["looks"]),
    )
