"""What stands in experiment.json and run.json, with its types and ranges. What is unknown there is left alone."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, FiniteFloat, StringConstraints

from lrbench.designs import MOST_SEED
from lrbench.runs import Status

Count = Annotated[int, Field(ge=0, lt=2**53, strict=True)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED, strict=True)]
Positive = Annotated[int, Field(ge=1, lt=2**53, strict=True)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds what nobody can read")
    return text


def _no_formula(text: str) -> str:
    if text[0] in "=+-@":
        raise ValueError("spreadsheets would calculate it")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_printable)]
Label = Annotated[Text, AfterValidator(_no_formula)]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class FigureRecord(BaseModel):
    """A figure of the subject."""

    name: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$", max_length=80)]
    unit: Annotated[str, StringConstraints(max_length=80)]
    better: Literal["higher", "lower", "neither"]
    is_share: bool


def _distinct_names(figures: list[FigureRecord]) -> list[FigureRecord]:
    if len({figure.name for figure in figures}) < len(figures):
        raise ValueError("two figures have one name")
    return figures


class SubjectRecord(BaseModel):
    """What is trained."""

    spec: Text
    title: Text
    noun: Text
    figures: Annotated[list[FigureRecord], Field(min_length=1, max_length=50), AfterValidator(_distinct_names)]
    examples: Positive
    validation: Count = 0
    data_sha256: Sha256


class OptimizerIdentity(BaseModel):
    """An optimizer, every parameter written out."""

    name: Text
    parameters: dict[str, Any]


class SettingIdentity(BaseModel):
    """What decides the numbers of all runs of an experiment."""

    problem: Text
    data_sha256: Sha256
    optimizer: OptimizerIdentity
    batch_size: Positive
    epochs: Positive
    train_size: Positive
    val_size: Count
    validate_on: Literal["split", "own", "test", "none"]
    engine: Text
    jit: bool = True


class ExperimentRecord(BaseModel):
    """experiment.json: its setting's identity, and what people call it."""

    identity: SettingIdentity
    optimizer: Text
    subject: SubjectRecord
    variables: dict[str, str] | None = None


class ScheduleIdentity(BaseModel):
    """A schedule, every parameter of its own written out."""

    name: Text
    lr: Annotated[FiniteFloat, Field(gt=0)]
    parameters: dict[str, str]


class ArmIdentity(BaseModel):
    """What decides the numbers of a schedule's runs, but for the seed and the setting."""

    schedule: ScheduleIdentity
    label: Label | None = None
    rates_sha256: str = ""


class RunIdentity(ArmIdentity):
    """What decides the numbers of a run."""

    seed: Seed
    setting: dict[str, Any]


class SecondsRecord(BaseModel):
    """Where its time went."""

    compile: Annotated[FiniteFloat, Field(ge=0)]
    train: Annotated[FiniteFloat, Field(ge=0)]
    evaluate: Annotated[FiniteFloat, Field(ge=0)]


class RunRecord(BaseModel):
    """run.json: what decided the run, and how it ended."""

    run_id: Text
    identity: RunIdentity
    scheduler: Label
    spec: Text
    feedback: bool
    status: Status
    test: dict[str, FiniteFloat] | None
    curve: list[tuple[Count, FiniteFloat]] | None
    seconds: SecondsRecord
    epochs_sha256: Sha256
    state_sha256: str | None = None
    error: str | None = None
    versions: dict[str, str | int | bool | None] | None = None
    host: dict[str, str | int | bool | None] | None = None
    git: dict[str, str | int | bool | None] | None = None
    variables: dict[str, str] | None = None
