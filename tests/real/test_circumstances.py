"""What a machine and a program have set decides no number silently: the same bytes, or a word about it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.apart, pytest.mark.slow]

WORDS = {"train_size": 1_000, "val_size": 500, "epochs": 2, "schedulers": "cosine,step", "optimizer": "adam"}
OPTIONS = [word for name, value in WORDS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
PROGRAM = f"""
import lrbench
for engine in ("compiled", "fit"):
    lrbench.compare(**{WORDS!r}, engine=engine, jobs=1, out=engine)
"""
GUEST = f"""
import keras, tensorflow as tf
keras.config.set_floatx("float64")
keras.config.set_epsilon(0.5)
keras.config.set_image_data_format("channels_first")
keras.config.set_dtype_policy("mixed_float16")
keras.config.set_max_steps_per_epoch(2)
tf.config.run_functions_eagerly(True)
{PROGRAM}
assert keras.config.floatx() == "float64"
assert keras.config.epsilon() == 0.5
assert keras.config.image_data_format() == "channels_first"
assert keras.config.dtype_policy().name == "mixed_float16"
assert keras.config.max_steps_per_epoch() == 2
assert tf.config.functions_run_eagerly()
"""


def process(*words: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path), **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


def trained(out: Path) -> dict[str, Any]:
    """The bytes of each run's epochs and the hash of its final variables."""
    (folder,) = out.iterdir()
    return {
        path.parent.name: ((path.parent / "epochs.csv").read_bytes(), json.loads(path.read_text())["state_sha256"])
        for path in folder.glob("runs/*/run.json")
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the two engines leave, each in a results folder, where nothing else is set."""
    folder = tmp_path_factory.mktemp("plain")
    done = process("-c", PROGRAM, cwd=folder, OMP_NUM_THREADS="1", PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stderr
    assert len(trained(folder / "compiled")) == len(trained(folder / "fit")) == 2
    return folder


def keras_home(folder: Path, **values: object) -> str:
    (folder / "keras").mkdir()
    (folder / "keras" / "keras.json").write_text(json.dumps(values))
    return str(folder / "keras")


def test_configuration_threads_hash_seed_and_folder_change_no_byte(plain: Path, tmp_path: Path) -> None:
    home = keras_home(
        tmp_path, floatx="float64", epsilon=0.5, image_data_format="channels_first", backend="jax", max_epochs=1
    )
    (tmp_path / "elsewhere").mkdir()
    variables = {"KERAS_HOME": home, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "8", "PYTHONHASHSEED": "8"}
    words = ["run", *OPTIONS, "--jobs", "4", "-o", str(tmp_path / "out")]
    done = process("-m", "lrbench", *words, cwd=tmp_path / "elsewhere", **variables)
    assert done.returncode == 0, done.stderr
    assert trained(tmp_path / "out") == trained(plain / "compiled")


def test_a_program_that_uses_keras_its_own_way_gets_the_same_bytes_and_its_values_back(
    plain: Path, tmp_path: Path
) -> None:
    done = process("-c", GUEST, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for engine in ("compiled", "fit"):
        assert trained(tmp_path / engine) == trained(plain / engine)


def test_keras_on_another_backend_is_refused_by_name(tmp_path: Path) -> None:
    program = f"import keras, lrbench\nlrbench.compare(**{WORDS!r}, out='out')"
    done = process("-c", program, cwd=tmp_path, KERAS_BACKEND="numpy")
    assert "EngineUnavailable: Keras is already at work in this process, on numpy." in done.stderr
    assert not list(tmp_path.rglob("run.json"))


def test_what_keras_refuses_in_its_configuration_is_said_with_the_file(tmp_path: Path) -> None:
    home = keras_home(tmp_path, floatx="bfloat16")
    done = process("-m", "lrbench", "run", *OPTIONS, "-q", cwd=tmp_path, KERAS_HOME=home)
    assert done.returncode == 1
    problem, hint = done.stderr.strip().splitlines()[-2:]
    assert problem.startswith("Error: Keras refuses its configuration: ")
    assert "float" in problem
    assert hint == f"  Correct {home}/keras.json, or move it away."
    assert "Traceback" not in done.stderr


def test_what_xla_is_told_is_named_where_the_bytes_differ(plain: Path, tmp_path: Path) -> None:
    flags = "--xla_cpu_enable_fast_math=true --xla_backend_optimization_level=0"
    shutil.copytree(plain / "compiled", tmp_path / "out")
    done = process("-m", "lrbench", "run", *OPTIONS, "-o", "out", "--verify", cwd=tmp_path, XLA_FLAGS=flags)
    assert done.returncode == 3, done.stdout
    made, now = [line for line in done.stdout.splitlines() if line.startswith("  ")][1:3]
    assert "XLA_FLAGS" not in made
    assert now.endswith(f", XLA_FLAGS={flags}")
