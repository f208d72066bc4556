"""Commands that train nothing, many stored runs, and long tables of rates."""

import statistics
import tempfile
import time

from timing import LRBENCH, ROOT, median, print_table, timed


def bench_light_commands() -> None:
    reference = str(ROOT / "results" / "reference")
    light = {
        "lrbench --help": ["--help"],
        "lrbench preview step,cosine": ["preview", "step,cosine"],
        "lrbench plot results/reference": ["plot", reference, "--out", "."],
        "lrbench summary results/reference": ["summary", reference],
    }
    with tempfile.TemporaryDirectory() as folder:
        measured = {name: [timed([*LRBENCH, *words], folder) for _ in range(5)] for name, words in light.items()}
    rows = [
        [
            name,
            len(found),
            f"{statistics.median(s for s, _ in found):.2f} s",
            f"{max(gb for _, gb in found):.2f} GB",
        ]
        for name, found in measured.items()
    ]
    print_table(["light command", "n", "median", "peak memory"], rows)


def bench_fake(rounds: int) -> None:
    """What every epoch costs beside its training: 500 runs of 100 epochs with the engine that trains nothing."""
    seeds, epochs, schedules = 100, 100, "constant,step,exponential,cosine,plateau"
    words = ["run", "--engine", "fake", "--epochs", str(epochs), "-s", schedules, "--seeds", str(seeds), "-q"]
    total = seeds * epochs * len(schedules.split(","))
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, every, n in (("no checkpoint", epochs, rounds), ("a checkpoint every epoch", 1, 1)):
            more = ["--checkpoint-every", str(every), "-o"]
            found = [timed([*LRBENCH, *words, *more, f"{every}-{i}"], folder) for i in range(n)]
            seconds = [s for s, _ in found]
            each = f"{1000 * statistics.median(seconds) / total:.2f} ms"
            rows.append([name, n, median(seconds), each, f"{max(gb for _, gb in found):.2f} GB"])
    print_table(["500 runs of 100 epochs, not trained", "n", "median", "per epoch", "peak memory"], rows)


def bench_load() -> None:
    """Results folders of 500 and of 5,000 runs of 100 epochs, made by the fake engine."""
    schedules = "constant,step,exponential,cosine,plateau"
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for seeds in (100, 1000):
            words = ["run", "--engine", "fake", "--epochs", "100", "-s", schedules, "--seeds", str(seeds)]
            made[seeds] = [*LRBENCH, *words, "--checkpoint-every", "100", "-q", "-o", str(seeds)]
            timed(made[seeds], folder)
        for name in ("run", "summary", "plot"):
            medians = {}
            for seeds in (100, 1000):
                words = made[seeds] if name == "run" else [*LRBENCH, name, str(seeds)]
                found = [timed(words, folder) for _ in range(3)]
                medians[seeds] = statistics.median(s for s, _ in found)
                peak = max(gb for _, gb in found)
            shown = "lrbench run, nothing to do" if name == "run" else f"lrbench {name}"
            growth = f"{medians[1000] / medians[100]:.1f}"
            rows.append([shown, 3, f"{medians[100]:.1f} s", f"{medians[1000]:.1f} s", growth, f"{peak:.2f} GB"])
    print_table(["stored runs of 100 epochs", "n", "500", "5,000", "ratio", "peak memory"], rows)


def bench_tables(rounds: int) -> None:
    """The table of 10 million steps, for the slowest of all open-loop schedules and for cosine."""
    from lrbench.schedules import REGISTRY, Horizon, parse

    horizon = Horizon(epochs=100, steps_per_epoch=100_000)
    slow = [
        "cyclical(decay=exp)",
        "cyclical(shape=sine)",
        "wsd(shape=sqrt)",
        "cosine(warmup=5%, hold=5%, per=epoch)",
    ]
    seconds = {}
    for spec in [*(name for name, entry in REGISTRY.items() if not entry.feedback), *slow]:
        found = []
        for _ in range(rounds):
            start = time.perf_counter()
            parse(spec).table(horizon)
            found.append(time.perf_counter() - start)
        seconds[spec] = statistics.median(found)
    slowest = sorted(seconds, key=lambda spec: -seconds[spec])[:3]
    rows = [[spec, rounds, f"{seconds[spec]:.2f} s"] for spec in [*slowest, "cosine"]]
    print_table(["rates of 10 million updates", "n", "median"], rows)
