"""A real Ray cluster of several nodes on this machine, for tests that start drivers on it."""

import contextlib
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def ray_cluster(nodes: int = 2) -> Iterator[Any]:
    """Yield a cluster of nodes with one core each; the first is the head."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            for _ in range(nodes - 1):
                cluster.add_node(num_cpus=1)
            yield cluster
        finally:
            cluster.shutdown()


def driver(cluster: Any, folder: Path, *words: object, **variables: str) -> subprocess.Popen[str]:
    """Start `lrbench WORDS --executor ray` on a cluster, in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "lrbench", *map(str, words), "--executor", "ray", "--address", cluster.address],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(what: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not happen within {seconds} s")
