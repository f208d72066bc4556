"""What the records of a results folder hold, how they are sealed, and how those of older versions are brought up.

A record is judged by what it holds itself, never by the code of today: its seal is the sha256 of the rest of it,
and a run's id ends in the digest of the identity that is stored in it. A migration is a small pure function from
one version's record to the next one's; it is frozen when its version is superseded.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrbench.calls import parse_calls
from lrbench.errors import BadSpec
from lrbench.files import Damaged, digest, json_bytes, read_json
from lrbench.folders import Tree
from lrbench.schedules.names import with_facts

SCHEMA_VERSION = 2
SEAL = "record_sha256"  # the key of a record's own checksum
UPGRADE = "Read it with the lrbench that wrote it, or with a newer one."

Record = dict[str, Any]


class TooNew(Damaged):
    """A file is of a schema that a later version of lrbench wrote. Nothing is wrong with it."""


def write_record(tree: Tree, path: Path, record: Record) -> None:
    """Write a record whole, with its schema's version and its seal. Raises OSError."""
    tree.write(path, json_bytes(sealed(record)))


def sealed(record: Record) -> Record:
    """Return a record with its schema's version before it and the sha256 of all that behind it."""
    versioned = {"schema_version": SCHEMA_VERSION, **record}
    return {**versioned, SEAL: digest(versioned)}


def read_run(path: Path, run_id: str) -> Record:
    """Read run.json and check its seal and its id; return it as this version has it. Raises Damaged."""
    record = _read(path)
    _check_seal(path, record)
    if record.get("run_id") != run_id or not run_id.endswith(f"-{_identity(record)[:8]}"):
        raise Damaged(f"{path}: its content does not belong to a run called {run_id}")
    return _migrated(path, record, RUN_MIGRATIONS)


def read_whole_run(path: Path) -> Record:
    """Read a run.json wherever it lies, and check its seal and that its id is its own. Raises Damaged.

    One of a later version is returned as it is.
    """
    record = read_json(path)
    run_id = record.get("run_id")
    if type(record.get("schema_version")) is not int or not isinstance(run_id, str):
        raise Damaged(f"{path}: no record of a run")
    _check_seal(path, record)
    return record if record["schema_version"] > SCHEMA_VERSION else read_run(path, run_id)


def read_experiment(path: Path) -> Record:
    """Read experiment.json, as this version has it. Raises Damaged."""
    record = _read(path)
    if record["schema_version"] > 1:  # those of schema 1 had no seal
        _check_seal(path, record)
    return _migrated(path, record, EXPERIMENT_MIGRATIONS)


def read_labels(path: Path) -> dict[str, str]:
    """Read labels.json; empty if an earlier version wrote it, whose labels the runs repeat. Raises Damaged."""
    record = _read(path)
    _check_seal(path, record)
    labels = record.get("labels")
    current = record["schema_version"] == SCHEMA_VERSION and isinstance(labels, dict)
    return {str(label): str(meaning) for label, meaning in labels.items()} if current and labels else {}


def read_sealed(path: Path) -> Record:
    """Read a record that no version had otherwise, and check its seal. Raises Damaged."""
    record = _read(path)
    _check_seal(path, record)
    return record


def _read(path: Path) -> Record:
    record = read_json(path)
    version = record.get("schema_version")
    if type(version) is not int or version < 1:
        raise Damaged(f"{path}: its schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise TooNew(f"{path}: a later lrbench wrote it: schema {version}, this one reads up to {SCHEMA_VERSION}")
    return record


def _check_seal(path: Path, record: Record) -> None:
    if record.get(SEAL) != digest({key: value for key, value in record.items() if key != SEAL}):
        raise Damaged(f"{path}: its content is not what was stored: its {SEAL} does not match")


def _identity(record: Record) -> str:
    """Return the digest of a run's stored identity."""
    if record["schema_version"] > 1:
        return digest(record.get("identity"))
    keys = ("schema_version", "scheduler", "schedule", "seed", "setting", "rates_sha256")
    return digest({key: record[key] for key in keys if key in record})


def _migrated(path: Path, record: Record, steps: Mapping[int, Callable[[Record], Record]]) -> Record:
    try:
        for version in range(record["schema_version"], SCHEMA_VERSION):
            record = steps[version](record)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, BadSpec) as error:
        raise Damaged(f"{path}: no record of schema {record['schema_version']}: {error!r}") from error
    return record


# Schema 1 -> 2: the peak rate left the setting, and with it what only MNIST has; figures got names; optimizers and
# identities are written out; a run's curve is stored with it.

_NEW_PARAMETERS = {  # what schedules gained, at the values that draw the curve of schema 1
    "inverse_sqrt": {"power": "0.5", "floor": "0%"},
    "polynomial": {"k": "1"},
    "cosine": {"k": "1"},
    "rex": {"floor": "0%"},
    "sigmoid": {"floor": "0%"},
    "plateau": {"threshold": "absolute"},
}
_KERAS_3: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.0, "nesterov": False},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "nadam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "adamax": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "rmsprop": {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "adagrad": {"initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "adadelta": {"rho": 0.95, "epsilon": 1e-7},
    "lion": {"beta_1": 0.9, "beta_2": 0.99},
}


def _experiment_from_1(old: Record) -> Record:
    setting = old["setting"]
    problem, hidden = setting["problem"], setting["hidden"]
    return {
        "schema_version": 2,
        "identity": _setting_from_1(setting),
        "optimizer": setting["optimizer"],
        "subject": {
            "spec": f"{problem}(hidden={hidden})",
            "title": f"MNIST 784-{hidden}-10" if problem == "mnist" else f"{problem} {hidden}",
            "noun": "images",
            "figures": [
                {"name": "loss", "unit": "nats", "better": "lower", "is_share": False},
                {"name": "accuracy", "unit": "", "better": "higher", "is_share": True},
            ],
            "examples": 60_000,
            "data_sha256": setting["data_sha256"],
        },
    }


def _run_from_1(old: Record) -> Record:
    (call,) = parse_calls(old["spec"])
    schedule = old["schedule"]
    parameters = _NEW_PARAMETERS.get(schedule["name"], {}) | schedule["parameters"]
    pairs = ", ".join(f"{key.text}={value.text}" for key, value in call.pairs if key.text != "lr")
    words = f"{call.name.text}({pairs})" if pairs else call.name.text
    figures = ("loss", "accuracy")
    done = old["status"] == "done"
    return {
        **old,
        "schema_version": 2,
        "identity": {
            "schedule": {"name": schedule["name"], "lr": float(schedule["lr"]), "parameters": parameters},
            **({"label": call.label.text} if call.label else {}),
            **({"rates_sha256": old["rates_sha256"]} if "rates_sha256" in old else {}),
            "seed": old["seed"],
            "setting": _setting_from_1(old["setting"]),
        },
        "scheduler": call.label.text if call.label else words,
        "spec": with_facts(words, {"lr": repr(float(schedule["lr"])).removesuffix(".0")}),
        "feedback": schedule["name"] == "plateau",
        "test": {name: old[f"test_{name}"] for name in figures} if done else None,
        "curve": None,
    }


def _setting_from_1(old: Record) -> Record:
    (call,) = parse_calls(old["optimizer"])
    given = {
        key.text: value.text == "true" if value.text in ("true", "false") else float(value.text)
        for key, value in call.pairs
    }
    common = {"weight_decay": 0.004 if call.name.text == "adamw" else None, "clipnorm": None, "clipvalue": None}
    return {
        "problem": f"{old['problem']}(hidden={old['hidden']})",
        "data_sha256": old["data_sha256"],
        "optimizer": {"name": call.name.text, "parameters": _KERAS_3[call.name.text] | common | given},
        **{key: old[key] for key in ("batch_size", "epochs", "train_size", "val_size", "validate_on", "engine")},
    }


RUN_MIGRATIONS = {1: _run_from_1}
EXPERIMENT_MIGRATIONS = {1: _experiment_from_1}
