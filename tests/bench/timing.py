"""What all measurements share: the clock around a process, the ratio, the table."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).parent.parent.parent
CORES = len(os.sched_getaffinity(0))
BATCH = 32
LRBENCH = [sys.executable, "-m", "lrbench"]


def timed(words: list[str], cwd: str) -> tuple[float, float]:
    """Run a command; return its wall-clock seconds and its peak memory in GB."""
    start = time.perf_counter()
    process = subprocess.Popen(words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, words
    return time.perf_counter() - start, usage.ru_maxrss / 1024**2


def median_ratio(over: list[float], under: list[float]) -> float:
    """Median of the round-by-round ratios."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def median(values: list[float], digits: int = 1) -> str:
    return f"{statistics.median(values):.{digits}f} s"


def print_table(headings: list[str], rows: list[list[object]]) -> None:
    right = ["left", *["right"] * (len(headings) - 1)]
    print("\n" + tabulate(rows, headings, tablefmt="github", colalign=right, disable_numparse=True), flush=True)
