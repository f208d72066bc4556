"""What the user asked for: defaults < configuration file < environment (LRBENCH_EPOCHS) < options."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from lrbench import options
from lrbench.designs import MOST_SEED, MOST_SEEDS
from lrbench.errors import BadConfig, nearest
from lrbench.foreign import STANDARD, input_name, place, read_input
from lrbench.optimizers import parse_optimizer, parse_optimizers
from lrbench.runs import slug
from lrbench.shards import read_shard

PositiveInt = Annotated[int, Field(ge=1)]
MOST_LETTERS = 80  # of a name
OURS = {"LRBENCH_FAKE_SECONDS"}  # variables that are no wishes
TEXTS = WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1})
NUMBERS = WithJsonSchema(
    {"type": ["integer", "string", "array"], "minimum": 1, "items": {"type": "integer", "minimum": 1}}
)
SEEDS = WithJsonSchema(
    {
        "type": ["integer", "string", "array"],
        "minimum": 1,
        "maximum": MOST_SEEDS,
        "items": {"type": "integer", "minimum": 0, "maximum": MOST_SEED},
        "minItems": 1,
        "uniqueItems": True,
    }
)
UNFIT = {  # pydantic's names of what is wrong, in words that can follow the value
    "int_type": "is no whole number",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "int_parsing_size": "is no whole number of a usual size",
    "float_type": "is no number",
    "float_parsing": "is no number",
    "finite_number": "is no finite number",
    "greater_than": "is not above {gt:g}",
    "greater_than_equal": "is below {ge:g}",
    "less_than_equal": "is above {le:g}",
    "literal_error": "is none of {expected}",
    "string_type": "is no text",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "tuple_type": "is no list",
    "too_short": "is empty",
    "path_type": "is no path",
}


def wish(name: str) -> Any:
    """Return the field of a wish: its default stands in the table, and is checked like any other value."""
    return Field(default=options.TRAINING[name].default, validate_default=True)


class Config(BaseModel):
    """One command's wishes, checked field by field. Their defaults and examples stand in lrbench.options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedulers: Annotated[tuple[str, ...], Field(min_length=1), TEXTS] = wish("schedulers")
    seeds: Annotated[tuple[int, ...], Field(min_length=1), SEEDS] = wish("seeds")
    epochs: Annotated[PositiveInt | tuple[PositiveInt, ...], NUMBERS] = wish("epochs")
    batch_size: PositiveInt = wish("batch_size")
    lr: Annotated[FiniteFloat | None, Field(gt=0, le=1e30)] = wish("lr")
    optimizer: str = wish("optimizer")
    optimizers: Annotated[tuple[str, ...] | None, Field(min_length=1), TEXTS] = wish("optimizers")
    problem: str = wish("problem")
    hidden: Annotated[tuple[PositiveInt, ...] | None, NUMBERS] = wish("hidden")
    activation: str | None = wish("activation")
    data: str | None = wish("data")
    loss: str | None = wish("loss")
    metric: str | None = wish("metric")
    data_dir: Path | None = wish("data_dir")
    memory_share: Annotated[FiniteFloat, Field(gt=0, le=1)] = wish("memory_share")
    train_size: PositiveInt | None = wish("train_size")
    val_size: Annotated[int | None, Field(ge=0)] = wish("val_size")
    validate_on: Literal["split", "test"] = wish("validate_on")
    engine: Literal["compiled", "fit", "fake"] = wish("engine")
    jit: Literal["auto", "on", "off"] = wish("jit")
    jobs: PositiveInt | None = wish("jobs")
    checkpoint_every: PositiveInt | None = wish("checkpoint_every")
    shard: str | None = wish("shard")
    executor: Literal["local", "ray"] = wish("executor")
    address: str | None = wish("address")
    runs_per_node: PositiveInt | None = wish("runs_per_node")
    gpus_per_run: Annotated[FiniteFloat | None, Field(gt=0)] = wish("gpus_per_run")
    out: Path = wish("out")
    name: Annotated[str | None, Field(min_length=1, max_length=MOST_LETTERS)] = wish("name")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("true and false are no values here")
        return value

    @field_validator("schedulers", "optimizers", mode="before")
    @classmethod
    def _one_text(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("hidden", mode="before")
    @classmethod
    def _widths(cls, value: Any) -> Any:
        value = _numbers(value)
        return value if value is None or isinstance(value, tuple | list) else (value,)

    @field_validator("epochs", mode="before")
    @classmethod
    def _horizons(cls, value: Any) -> Any:
        """Several of them, the shortest first; one is a number."""
        value = _numbers(value)
        if not isinstance(value, tuple | list) or not all(isinstance(each, int) for each in value):
            return value
        if len(set(value)) < len(value) or not value:
            raise ValueError("horizons are different numbers of epochs")
        return value[0] if len(value) == 1 else tuple(sorted(value))

    @field_validator("seeds", mode="before")
    @classmethod
    def _count_or_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            words = [word.strip() for word in value.split(",") if word.strip()]
            if not words or not all(map(options.is_whole, words)):
                raise ValueError("seeds are a number of seeds, or a list of them with commas")
            value = [int(word) for word in words] if "," in value else int(words[0])
        if isinstance(value, int) and not isinstance(value, bool):
            if not 1 <= value <= MOST_SEEDS:
                raise ValueError(f"a number of seeds lies between 1 and {MOST_SEEDS:,}")
            return tuple(range(value))
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 0 or max(value) > MOST_SEED:
            raise ValueError(f"a seed lies between 0 and {MOST_SEED:,}")
        if len(set(value)) < len(value):
            raise ValueError("a seed stands twice")
        return value

    @field_validator("optimizer")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return str(parse_optimizer(value))

    @field_validator("optimizers")
    @classmethod
    def _each_canonical(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value and tuple(map(str, parse_optimizers(",".join(value))))

    @field_validator("shard")
    @classmethod
    def _numbered(cls, value: str | None) -> str | None:
        return None if value is None else str(read_shard(value))

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str | None) -> str | None:
        if value and len(value.encode(errors="replace")) > 200:
            raise ValueError("a name becomes a folder and has room for 200 bytes")
        if value and (not value.isprintable() or value[0] in ".-" or set(value) & set('/\\:*?"<>|')):
            raise ValueError('a name becomes a folder and cannot hold / \\ : * ? " < > | or begin with . or -')
        return value

    @property
    def is_several(self) -> bool:
        """Whether it makes several experiments."""
        return self.optimizers is not None or isinstance(self.epochs, tuple)

    def each(self) -> "tuple[Config, ...]":
        """Return a config for each of the `optimizers` and horizons, in their order; this one if it is one.

        Each is a setting, hence an experiment, of its own. A name of the user's gets what differs behind it, as
        `name-adam` or `name-e5`. Raises BadConfig if that makes no names.
        """
        if not self.is_several:
            return (self,)
        optimizers = self.optimizers or (self.optimizer,)
        horizons = self.epochs if isinstance(self.epochs, tuple) else (self.epochs,)
        found = []
        for optimizer, epochs in product(optimizers, horizons):
            words = [slug(optimizer)] if len(optimizers) > 1 or self.optimizers else []
            words += [f"e{epochs}"] if len(horizons) > 1 else []
            name = self.name and "-".join([self.name, *words])
            update = {"optimizer": optimizer, "optimizers": None, "epochs": epochs, "name": name}
            found.append(self.model_copy(update=update))
        names = [each.name or "" for each in found]
        if self.name and (len(set(names)) < len(names) or max(map(len, names)) > MOST_LETTERS):
            raise BadConfig(
                f"name={self.name} makes no names for these experiments: {', '.join(names)}",
                "Leave it out, or give a shorter one to each alone.",
            )
        return tuple(found)


def _numbers(value: Any) -> Any:
    """Read a text of whole numbers with commas between them; leave all else as it is."""
    if not isinstance(value, str) or "," not in value:
        return value
    words = [word.strip() for word in value.split(",")]
    if not all(map(options.is_whole, words)):
        raise ValueError("a list holds whole numbers, with commas between them")
    return tuple(int(word) for word in words)


def load_config(
    file: str | None = None,
    wishes: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Merge the four layers. `wishes` that are None were not given. Raises BadConfig or BadSpec."""
    return load_with_sources(file, wishes, environ)[0]


def load_with_sources(
    file: str | None = None,
    wishes: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Config, dict[str, str]]:
    """As `load_config`; also return, of each key that is no default, where it came from: `file mine.toml`.

    Raises BadConfig or BadSpec.
    """
    merged: dict[str, Given] = {}
    for layer in (_in_file(file), _in_environment(environ), _in_options(wishes or {})):
        merged = _over(merged, layer)
    try:
        config = Config(**{key: given.value for key, given in merged.items()})
    except ValidationError as error:
        raise _plain(error, {key: given.said for key, given in merged.items()}) from error
    return config, {key: given.source for key, given in merged.items()}


@dataclass(frozen=True, slots=True)
class Given:
    """A wish as one layer has it."""

    value: Any
    said: str  # how its key was written, for errors: `mine.toml: epochs = `
    source: str


def _in_file(file: str | None) -> dict[str, Given]:
    if file is None:
        return {}
    path = find(file)
    name = input_name(path)
    return {key: Given(value, f"{name}: {key} = ", f"file {name}") for key, value in _read(path).items()}


def _in_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    variables = {f"LRBENCH_{key.upper()}": key for key in Config.model_fields}
    for variable in environ:
        if variable.startswith("LRBENCH_") and variable not in OURS | set(variables):
            raise BadConfig(f"The environment has {variable}, which nobody reads.", nearest(variable, variables))
    return {
        key: Given(environ[variable], f"{variable}=", f"environment {variable}")
        for variable, key in variables.items()
        if variable in environ
    }


def _in_options(wishes: Mapping[str, Any]) -> dict[str, Given]:
    for key, value in wishes.items():
        if value is not None and key not in Config.model_fields:
            raise BadConfig(f"There is no wish {key!r}.", nearest(key, Config.model_fields))
    return {key: Given(value, f"{key}=", "option") for key, value in wishes.items() if value is not None}


def _over(below: Mapping[str, Given], layer: Mapping[str, Given]) -> dict[str, Given]:
    """Lay one layer over those below. A wish in the place of another pushes it out. Raises BadConfig for both."""
    rivals = {wish.name: wish.instead_of for wish in options.TRAINING.values() if wish.instead_of}
    for pair in rivals.items():
        both = [f"{layer[key].said}{options.shown(layer[key].value)}" for key in pair if key in layer]
        if len(both) == 2:
            raise BadConfig(f"{' and '.join(both)} do not go together.", "Leave one of them out.")
    rivals |= {other: name for name, other in rivals.items()}
    gone = {rivals[key] for key in layer if key in rivals}
    return {key: given for key, given in below.items() if key not in gone} | dict(layer)


def find(name: str) -> Path:
    """Return the configuration file of that path, `-` for standard input, or the preset of that name.

    Raises BadConfig.
    """
    path = Path(name)
    if name == STANDARD or path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise BadConfig(f"There is no configuration file {name}.", f"Or use a preset: {', '.join(presets())}.")
    if name not in presets():
        raise BadConfig(f"There is no preset or file called {name!r}.", nearest(name, presets()))
    return presets()[name]


def presets() -> dict[str, Path]:
    """Return the configuration files that come with lrbench, by name."""
    here = Path(__file__).parent
    folder = here / "configs"  # in an installed wheel
    if not folder.is_dir():
        folder = here.parent / "configs"  # in a clone
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def _read(path: Path) -> dict[str, Any]:
    name = input_name(path)
    try:
        with place(path, "read", BadConfig):
            wishes = tomllib.loads(read_input(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{name} is not TOML: {error}", "Write lines such as: epochs = 15") from error
    for key in wishes:
        if key not in Config.model_fields:
            raise BadConfig(f"{name}: unknown key {key!r}.", nearest(key, Config.model_fields))
    return wishes


def _plain(error: ValidationError, said: Mapping[str, str]) -> BadConfig:
    """Return the first of the errors in words of ours: how it was written, what is wrong, what can be written."""
    first = error.errors()[0]
    key = str(first["loc"][0])
    prefix = said.get(key, f"{key}=")  # as the user wrote it: "lr=0.1", "file.toml: lr = 0.1"
    if first["type"] == "value_error":  # a validator's own sentence
        problem = f": {first['ctx']['error']}"
    else:
        problem = " " + UNFIT.get(first["type"], "cannot be used").format(**first.get("ctx", {}))
    examples: Sequence[str] = options.TRAINING[key].examples
    if prefix.endswith(" = "):
        examples = list(map(options.in_file, examples))
    return BadConfig(
        f"{prefix}{options.shown(first['input'])}{problem}.",
        "Write, for example, " + " or ".join(f"{prefix}{example}" for example in examples) + ".",
    )
