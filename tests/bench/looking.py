"""What looking after every seed costs in error and saves in seeds: the simulations of the suite, longer."""

import sys
import time
from pathlib import Path

import numpy as np
from timing import print_table

MOST = 50
FLIPS = 500  # runs of the sign-flip test, which takes a thousand times as long as the others
RUNS = 20_000


def bench_looks() -> None:
    sys.path.append(str(Path(__file__).parent.parent))  # of looks
    _errors()
    _power()
    _seconds()


def _errors() -> None:
    """Families of five that do not differ, a look after every seed: how often anything was ever settled."""
    from looks import DRAWS, error, families, flips_p, open_p, t_p

    rows: list[list[object]] = []
    for kind in DRAWS:
        rng = np.random.default_rng(1)
        d = families(kind, rng, RUNS, MOST)
        flips = error(flips_p(d[:FLIPS], MOST, 0.05 / np.arange(5, 0, -1)))
        long = [error(open_p(families(kind, rng, 100, 200))) for _ in range(RUNS // 1000)]
        rows.append([kind, f"{error(t_p(d, MOST, 5)):.3f}", f"{flips:.3f}", f"{np.mean(long):.3f}"])
    n = [f"t, N = {MOST}, n = {RUNS:,}", f"sign flips, n = {FLIPS}", f"open, to 200, n = {RUNS // 10:,}"]
    print_table(["family of five, error", *n], rows)


def _power() -> None:
    from looks import flips_p, open_p, power, t_p

    rng = np.random.default_rng(2)
    drawn = {f"d_z = {d_z}": rng.normal(d_z, 1, (RUNS, MOST)) for d_z in (0, 0.5, 0.8, 1, 1.5, 2)}
    drawn["exponential, mean 0"] = rng.exponential(size=(RUNS, MOST)) - 1
    rows: list[list[object]] = []
    for name, d in drawn.items():
        found = [t_p(d, MOST), flips_p(d[:FLIPS], MOST, np.array([0.05])), open_p(d)]
        rows.append([name, *(f"{share:.3f} / {seeds:.1f}" for share, seeds in map(power, found))])
    n = [f"t, n = {RUNS:,}", f"sign flips, n = {FLIPS}", f"open, n = {RUNS:,}"]
    print_table([f"power / mean seeds, N = {MOST}", *n], rows)


def _seconds() -> None:
    """One process, first and later calls, differences that no call has seen before."""
    from lrbench.judging import evalues, sequential

    rng = np.random.default_rng(3)
    rows: list[list[object]] = []
    for most in (MOST, 200):
        calls = {
            "sequential.valid_p": lambda d, most=most: sequential.valid_p(d, most),
            "sequential.repeated_interval": lambda d, most=most: sequential.repeated_interval(
                d, most, 0.05 / d.size
            ),
            "evalues.open_p": lambda d: evalues.open_p([d]),
            "evalues.confidence_sequence": lambda d: evalues.confidence_sequence([d], 0.05),
        }
        for name, call in calls.items():
            taken = []
            for n in range(most - 10, most + 1):
                d = rng.normal(0.3, 1, n)
                start = time.perf_counter()
                call(d)
                taken.append(1000 * (time.perf_counter() - start))
            rows.append([f"{name}, {most} seeds", f"{taken[0]:.0f} ms", f"{np.median(taken[1:]):.1f} ms"])
    print_table(["one comparison", "first call", "median of 10 more"], rows)
