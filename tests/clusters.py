"""A real Ray cluster of several nodes on this machine, for tests that start drivers on it."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@contextlib.contextmanager
def ray_cluster(nodes: int = 2) -> Iterator[Any]:
    """Yield a cluster of nodes with one core each; the first is the head, where clients knock at `client`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        from ray.cluster_utils import Cluster

        port = free_port()
        head = {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
        with pytest.MonkeyPatch.context() as patch:
            # Ray's server of clients starts one more process for each. gRPC, which supports forks, kills some of
            # them on the way; the client then waits half a minute until Ray gives up, and asks again.
            patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")
            cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.client = f"ray://{cluster.head_node.node_ip_address}:{port}"
        try:
            for _ in range(nodes - 1):
                cluster.add_node(num_cpus=1)
            yield cluster
        finally:
            cluster.shutdown()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as unused:
        unused.bind(("", 0))
        return int(unused.getsockname()[1])


def driver(
    cluster: Any, folder: Path, *words: object, address: str = "", **variables: str
) -> subprocess.Popen[str]:
    """Start `lrbench WORDS --executor ray` on a cluster, in a folder; Ray has a part in how it ends."""
    there = ["--executor", "ray", "--address", address or cluster.address]
    return subprocess.Popen(
        [sys.executable, "-m", "lrbench", *map(str, words), *there],
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
