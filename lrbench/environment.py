"""On what a run was made: versions, machine, state of the code. Nothing that names a person or a path."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import lrbench

LIBRARIES = ("tensorflow", "keras", "numpy")


def describe() -> dict[str, Any]:
    """Return versions, host and git state as JSON values, without importing any of the libraries."""
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
    }


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
    """The commit that is checked out in the current folder, and whether files differ from it."""

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, errors="replace", timeout=2, check=True
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
