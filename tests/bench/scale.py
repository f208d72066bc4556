"""Plans of many runs: what making, driving, merging and judging them costs, and what a cluster is worth."""

import resource
import sys
import tempfile
import time
from pathlib import Path

from timing import LRBENCH, ROOT, median, median_ratio, print_table, timed

sys.path.insert(0, str(ROOT / "tests"))  # the cluster of the tests

SCHEDULES = "constant,step,exponential,cosine,cyclical,plateau,linear,rex,sigmoid,polynomial"
FAKE = ["run", "--engine", "fake", "--epochs", "5", "-qq", "-s", SCHEDULES]


def bench_scale(most: int = 2_000) -> None:
    """Everything about 20,000 runs; `most` is the number of seeds of ten schedules each."""
    bench_plan()
    with tempfile.TemporaryDirectory() as folder:
        bench_drivers(folder, most)
        bench_many(folder, most)


def bench_plan() -> None:
    """A plan of 100,000 runs, with the digest that tells each from every other."""
    code = f"""
import resource, time
from lrbench.config import load_config
from lrbench.plan import make_plan
config = load_config(None, {{"engine": "fake", "schedulers": "{SCHEDULES}", "seeds": 10_000}}, {{}})
start = time.perf_counter()
plan = make_plan(config)
made = time.perf_counter() - start
keys = {{run.key for run in plan.runs}}
print(len(keys), made, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    import subprocess

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    rows = [
        [
            f"{int(said[0]):,} runs",
            1,
            f"{float(said[1]):.2f} s",
            f"{float(said[2]):.2f} s",
            f"{float(said[3]):.2f} GB",
        ]
    ]
    print_table(["plan", "n", "made", "with every run's id", "peak memory"], rows)


def bench_drivers(folder: str, most: int) -> None:
    """The driver's own processor time for each finished run of five epochs, on both executors."""
    from clusters import ray_cluster

    rows: list[list[object]] = []
    sizes = (100, most)
    for seeds in sizes:
        rows.append(_driven("local", seeds, [*LRBENCH, *FAKE, "-o", f"local-{seeds}"], folder))
    with ray_cluster() as cluster:
        there = ["--executor", "ray", "--address", cluster.address]
        for seeds in sizes:
            rows.append(_driven("ray", seeds, [*LRBENCH, *FAKE, *there, "-o", f"ray-{seeds}"], folder))
    print_table(["driver of runs that train nothing", "runs", "n", "whole", "processor time a run"], rows)


def _driven(name: str, seeds: int, words: list[str], folder: str) -> list[object]:
    start, before = time.perf_counter(), _children()
    timed([*words, "--seeds", str(seeds)], folder)
    seconds, cpu = time.perf_counter() - start, _children() - before
    runs = 10 * seeds
    return [name, f"{runs:,}", 1, f"{seconds:.0f} s", f"{1000 * cpu / runs:.1f} ms"]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bench_many(folder: str, most: int) -> None:
    """`merge`, `summary` and `status` of two halves that another command trained."""
    halves = [",".join(map(str, range(half * most // 2, (half + 1) * most // 2))) for half in (0, 1)]
    for i, seeds in enumerate(halves):
        timed([*LRBENCH, *FAKE, "--seeds", seeds, "-o", f"half-{i}"], folder)
    rows = []
    for name in (["merge", "half-0", "half-1", "-o", "whole"], ["summary", "whole"], ["status", "whole"]):
        seconds, gb = timed([*LRBENCH, *name], folder)
        rows.append([f"lrbench {name[0]}", f"{10 * most:,}", 1, f"{seconds:.0f} s", f"{gb:.2f} GB"])
    print_table(["many runs", "runs", "n", "seconds", "peak memory"], rows)


def bench_cluster(rounds: int) -> None:
    """24 runs on all of MNIST: two nodes of a cluster with one core each against two jobs in one process."""
    from clusters import ray_cluster

    words = [*LRBENCH, "run", "-s", "constant,step,exponential,cosine,cyclical,plateau", "--seeds", "4", "-qq"]
    local, there = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            local.append(timed([*words, "-j", "2", "-o", f"local-{i}"], folder)[0])
            with ray_cluster() as cluster:
                more = ["--executor", "ray", "--address", cluster.address]
                there.append(timed([*words, *more, "-o", f"ray-{i}"], folder)[0])
            tables = [
                next(Path(folder).glob(f"{name}-{i}/*/epochs.csv")).read_bytes() for name in ("local", "ray")
            ]
            assert tables[0] == tables[1]
    rows = [
        ["two jobs in one process", rounds, median(local), "100 %"],
        [
            "two one-core nodes of a Ray cluster",
            rounds,
            median(there),
            f"{100 * median_ratio(local, there):.0f} %",
        ],
    ]
    print_table(["24 runs on MNIST, whole commands", "n", "median", "throughput"], rows)
