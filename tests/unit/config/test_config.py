"""Four layers of wishes, and what is said of the wrong ones."""

import re
from pathlib import Path

import pytest

from lrbench import config, options
from lrbench.config import Config, load_config
from lrbench.errors import BadConfig, BadUsage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 7\nbatch_size = 64\nlr = 0.5\nschedulers = ["step", "cosine"]\n')
    return path


def test_defaults() -> None:
    found = load_config(None, {}, {})
    assert found == Config()
    assert found.schedulers == ("constant", "step", "exponential", "cosine", "cyclical", "plateau")
    assert (found.seeds, found.epochs, found.batch_size, found.lr) == ((0,), 15, 32, None)


def test_file_beats_defaults_environment_beats_file_options_beat_all(file: Path) -> None:
    environ = {"LRBENCH_BATCH_SIZE": "128", "LRBENCH_LR": "0.25", "HOME": "x"}
    found = load_config(str(file), {"lr": "0.125", "epochs": None}, environ)
    assert (found.jobs, found.epochs, found.batch_size, found.lr) == (None, 7, 128, 0.125)
    assert found.schedulers == ("step", "cosine")


@pytest.mark.parametrize(
    ("value", "seeds"), [("5", (0, 1, 2, 3, 4)), ("0,3,7", (0, 3, 7)), ("3,", (3,)), (2, (0, 1)), ([4, 2], (4, 2))]
)
def test_seeds_are_a_number_or_a_list(value: object, seeds: tuple[int, ...]) -> None:
    assert load_config(None, {"seeds": value}, {}).seeds == seeds


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("lr", value) for value in ("nan", "inf", "-inf", "0", "-1", "fast", "")],
        *[
            (key, value)
            for key in ("epochs", "batch_size", "hidden", "train_size", "jobs")
            for value in ("0", "-1", "1.5")
        ],
        *[("seeds", value) for value in ("0", "-1", "1,1", "1,-2", "x", ",", "", "99999999", "1.5")],
        ("val_size", "-1"),
        ("validate_on", "train"),
        ("engine", "jax"),
        ("optimizer", "sdg"),
        ("optimizer", "sgd(lr=1)"),
        ("optimizer", "sgd(momentum=x)"),
        ("optimizer", "sgd,adam"),
        *[("optimizers", value) for value in ("", "sgd,", "sgd,sdg", "sgd,sgd(momentum=0)", "a=sgd")],
        *[("name", value) for value in ("", "../x", "a/b", ".hidden", "a\0b", "x" * 81, "-x")],
    ],
)
def test_a_wrong_value_is_named_as_it_was_written(key: str, value: str) -> None:
    with pytest.raises(BadUsage) as caught:
        load_config(None, {key: value}, {})
    assert caught.value.exit_code == 2
    assert caught.value.hint
    if not key.startswith("optimizer"):
        assert "--" not in caught.value.problem + caught.value.hint, "options are the command line's"
    written = value or "''"
    assert key.startswith("optimizer") or caught.value.problem.startswith(f"{key}={written}"[:80])
    assert not any(word in caught.value.problem for word in ("nput", "valid ", "parse", "should", "must"))


def test_an_unknown_wish_is_named_too() -> None:
    with pytest.raises(BadConfig, match="no wish 'epoch'") as caught:
        load_config(None, {"epoch": 3}, {})
    assert "'epochs'" in caught.value.hint


@pytest.mark.parametrize("value", [None, 3, 1.5, True, "x", "", [], {}, b"x", object(), [None], ["x", 2]])
@pytest.mark.parametrize("key", Config.model_fields)
def test_nothing_that_python_can_pass_is_answered_in_foreign_words(key: str, value: object) -> None:
    try:
        load_config(None, {key: value}, {})
    except BadUsage as error:
        said = error.problem
    else:
        said = ""
    assert not re.search(r"nput|valid\b|parse|should|pydantic|cannot be used", said), said


def test_the_table_and_the_fields_are_the_same_wishes() -> None:
    assert list(Config.model_fields) == list(options.TRAINING)
    assert all(options.TRAINING[key].examples for key in Config.model_fields)
    for key, wish in options.TRAINING.items():
        for example in wish.examples:
            assert load_config(None, {key: example}, {})


def test_the_source_of_a_wrong_value_is_named(file: Path) -> None:
    file.write_text("epochs = 0\n")
    with pytest.raises(BadUsage, match=r"mine\.toml: epochs = 0 is below 1"):
        load_config(str(file), {}, {})
    with pytest.raises(BadUsage, match="LRBENCH_EPOCHS=x"):
        load_config(None, {}, {"LRBENCH_EPOCHS": "x"})


def test_an_unknown_key_names_the_nearest(file: Path) -> None:
    file.write_text("epoch = 3\n")
    with pytest.raises(BadUsage, match="unknown key 'epoch'") as caught:
        load_config(str(file), {}, {})
    assert "'epochs'" in caught.value.hint


@pytest.mark.parametrize("content", [b"epochs: 3", b"\xff\xfe", b"[", b"\0"])
def test_what_is_not_toml_is_said_so(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(BadUsage, match="not TOML"):
        load_config(str(file), {}, {})


def test_missing_files_and_presets() -> None:
    with pytest.raises(BadUsage, match="no configuration file nowhere"):
        load_config("nowhere/x.toml", {}, {})
    with pytest.raises(BadUsage, match="'quik'") as caught:
        load_config("quik", {}, {})
    assert "'quick'" in caught.value.hint


@pytest.mark.parametrize("preset", sorted(config.presets()))
def test_every_preset_is_a_config(preset: str) -> None:
    assert load_config(preset, {}, {}) != Config()
