"""Speed, memory and repeated looks, measured: `make bench`. Prints tables with n and median; asserts nothing."""

import argparse
import platform

from epochs import bench_epochs, bench_peers
from folders import bench_fake, bench_light_commands, bench_load, bench_tables
from looking import bench_looks
from scale import bench_cluster, bench_scale
from timing import CORES
from whole import bench_commands, bench_start, bench_tune, keras_loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each epoch [15]")
    parser.add_argument("--commands", type=int, default=3, help="measurements of each whole command [3]")
    parser.add_argument("--keras-loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.keras_loop:
        return keras_loop()
    from lrbench import environment

    found = environment.describe()
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    print(f"{found['host']['cpu']}, {CORES} cores, {platform.system()}; {versions}")
    bench_epochs(options.rounds)
    bench_peers(options.commands)
    bench_commands(options.commands)
    bench_start(options.commands)
    bench_tune()
    bench_light_commands()
    bench_fake(options.commands)
    bench_looks()
    bench_load()
    bench_scale()
    bench_cluster(1)
    bench_tables(5)  # last: a child's peak memory begins with its parent's
    return None


if __name__ == "__main__":
    main()
