"""On what a run was made: versions, machine, state of the code. Nothing that names a person or a path."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import lrbench
from lrbench.backend import threads_of_others

LIBRARIES = ("tensorflow", "keras", "numpy")
VARIABLES = (  # lrbench cannot set these for a library that reads them itself, and each may change the last bits
    "XLA_FLAGS",  # what XLA compiles: fast-math, optimisation, instruction set, width of vectors
    "TF_XLA_FLAGS",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT",  # whether XLA compiles what `Model.fit` leaves to it
    "TF_DETERMINISTIC_OPS",  # other kernels, and other programs of XLA's
    "TF_CUDNN_DETERMINISTIC",
    "TF_ENABLE_ONEDNN_OPTS",  # oneDNN's kernels in place of Eigen's, which sum in another order
    "TF_SET_ONEDNN_FPMATH_MODE",  # bfloat16 inside products of float32
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",  # kernels for older processors
    "DNNL_MAX_CPU_ISA",
    "NVIDIA_TF32_OVERRIDE",  # shorter mantissas on a GPU
    "NPY_DISABLE_CPU_FEATURES",  # NumPy's cos and exp, which make the rates
    "NPY_ENABLE_CPU_FEATURES",
    "GLIBC_TUNABLES",  # may switch off FMA in the C library's exp and cos
)
THREADS = (
    "intra_op_parallelism_threads"  # TensorFlow's, where it was at work before lrbench: sums in another order
)


def describe() -> dict[str, Any]:
    """Return versions, host, git state and variables as JSON values, without importing any of the libraries."""
    return {
        "versions": {
            "lrbench": lrbench.__version__,
            "python": platform.python_version(),
            **{library: _version(library) for library in LIBRARIES},
        },
        "host": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cpu": _cpu(),
            "cores": os.cpu_count(),
        },
        "git": _git(),
        "variables": {name: text for name in VARIABLES if (text := _variable(name))}
        | ({THREADS: threads} if (threads := threads_of_others()) else {}),
    }


def _variable(name: str) -> str:
    """Return what an environment variable says: no place where something is written or looked for.

    What XLA_FLAGS names instead of flags is a file of flags.
    """
    text = os.environ.get(name, "").strip()
    if name in ("XLA_FLAGS", "TF_XLA_FLAGS") and text and not text.startswith("-"):
        try:
            text = Path(text).read_text()
        except (OSError, ValueError):
            return "a file that cannot be read"
    words = [word for word in text.split() if not word.startswith("--xla_dump_")]
    said = re.sub(r"(?<==)\S*/\S*", "…", " ".join(words))
    return said.encode(errors="replace").decode()


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git() -> dict[str, Any] | None:
    """The commit that is checked out in the current folder, and whether files differ from it.

    Without a lock on the user's repository, which a kill would leave behind.
    """

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", "--no-optional-locks", *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=2,
            check=True,
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
