"""`--executor ray` on a real cluster of two nodes: the same bytes, whatever is lost on the way."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import driver, ray_cluster, until
from conftest import ROOT
from typer.testing import Result

from lrbench.store import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]
Cli = Callable[..., Result]
RUN = (
    "run",
    "--engine",
    "fake",
    "--epochs",
    "8",
    "-s",
    "step,cosine,plateau",
    "--seeds",
    "4",
    "--name",
    "one",
    "-qq",
)
SLOW = {"LRBENCH_FAKE_SECONDS": "0.15"}  # of an epoch


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_cluster() as cluster:
        yield cluster


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a driver; returns what it said on stderr."""
    _, said = process.communicate(timeout=180)
    assert process.returncode == code, said
    return said


def table(folder: Path) -> bytes:
    return (folder / "results" / "one" / "epochs.csv").read_bytes()


@pytest.fixture
def local(cli: Cli, tmp_path: Path) -> bytes:
    """The table that the local executor leaves."""
    assert cli(*RUN, "-o", "local").exit_code == 0
    return (tmp_path / "local" / "one" / "epochs.csv").read_bytes()


def test_the_same_bytes_as_on_one_machine(cluster: Any, tmp_path: Path, local: bytes) -> None:
    said = finish(driver(cluster, tmp_path, *RUN))
    assert said == ""
    assert table(tmp_path) == local
    hosts = {one.environment["host"]["machine"] for one in load(tmp_path / "results" / "one").finished}
    assert hosts, "a run says on what it was made"
    finish(driver(cluster, tmp_path, *RUN))
    assert table(tmp_path) == local


def test_a_client_from_elsewhere_trains_on_it(cluster: Any, tmp_path: Path, local: bytes) -> None:
    """`ray://`: this process is no node of the cluster, and is told all through one port."""
    process = driver(cluster, tmp_path, *RUN[:-1], address=cluster.client, **SLOW)
    until(lambda: process.poll() is not None or list(tmp_path.glob("results/one/runs/*/run.json")))
    process.send_signal(signal.SIGINT)
    assert "runs are finished and kept" in finish(process, 130)
    finish(driver(cluster, tmp_path, *RUN, address=cluster.client))
    assert table(tmp_path) == local


def test_a_share_is_trained_on_it(cluster: Any, cli: Cli, tmp_path: Path, local: bytes) -> None:
    finish(driver(cluster, tmp_path, *RUN, "--shard", "1/2", "-o", "there"))
    assert cli(*RUN, "--shard", "2/2", "-o", "here").exit_code == 0
    assert cli("merge", "here", "there", "-o", "results").exit_code == 0
    assert table(tmp_path) == local


def test_the_page_on_ray(cluster: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ray.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        there = line.replace("--address auto", f"--address {cluster.address}")
        words = shlex.split(there.replace("ray://HEAD:10001", cluster.client))
        subprocess.run(
            [sys.executable, "-m", *words, "-qq"],
            cwd=tmp_path,
            env={**os.environ, "LRBENCH_ENGINE": "fake"},
            check=True,
            timeout=120,
        )
    (folder,) = (path.parent for path in tmp_path.glob("results/*/experiment.json"))
    assert len(load(folder).searches) == 1
    assert len([one for one in load(folder).finished if one.seed < 20]) >= 60
    assert list(tmp_path.glob("tried/*/epochs.csv"))


def test_a_search_runs_on_it_as_it_is(cluster: Any, cli: Cli, tmp_path: Path) -> None:
    words = (
        "tune",
        "--engine",
        "fake",
        "--epochs",
        "3",
        "-s",
        "step,cosine",
        "--seeds",
        "3",
        "--name",
        "one",
        "-qq",
    )
    assert cli(*words, "-o", "local").exit_code == 0
    finish(driver(cluster, tmp_path, *words))
    assert table(tmp_path) == (tmp_path / "local" / "one" / "epochs.csv").read_bytes()


def test_until_it_is_settled_the_same_is_trained_on_it(cluster: Any, cli: Cli, tmp_path: Path) -> None:
    words = ("run", "--engine", "fake", "--epochs", "2", "-s", "constant,step,cosine", "--name", "one", "-qq")
    words += ("--until-settled", "--max-seeds", "20")
    assert cli(*words, "-o", "local", "-j", "1").exit_code == 0
    finish(driver(cluster, tmp_path, *words))
    assert table(tmp_path) == (tmp_path / "local" / "one" / "epochs.csv").read_bytes()
    assert len(load(tmp_path / "results" / "one").finished) < 60


def test_a_run_of_a_killed_worker_goes_on_from_its_last_checkpoint(
    cluster: Any, tmp_path: Path, local: bytes
) -> None:
    process = driver(cluster, tmp_path, *RUN, "--checkpoint-every", "1", **SLOW)
    until(lambda: list(tmp_path.glob("results/one/runs/*/checkpoint.npz")))
    os.kill(workers()[0], signal.SIGKILL)
    finish(process)
    assert table(tmp_path) == local


def test_a_run_that_kills_every_worker_is_stored_as_failed(cluster: Any, tmp_path: Path) -> None:
    words = ("run", "--engine", "fake", "--epochs", "40", "-s", "step", "--name", "one", "-qq")
    process = driver(cluster, tmp_path, *words, "--checkpoint-every", "1", LRBENCH_FAKE_SECONDS="0.3")
    for _ in range(3):
        until(lambda: list(tmp_path.glob("results/one/runs/*/checkpoint.npz")))
        before = checkpoint(tmp_path)
        until(lambda before=before: checkpoint(tmp_path) != before)  # whoever has it now is at work
        for worker in workers():
            os.kill(worker, signal.SIGKILL)
    finish(process, 3)
    (one,) = load(tmp_path / "results" / "one").finished
    assert one.failed
    assert "3 workers were lost on it" in (one.result.error or "")


def test_a_killed_driver_goes_on_where_it_was(cluster: Any, tmp_path: Path, local: bytes) -> None:
    process = driver(cluster, tmp_path, *RUN, "--checkpoint-every", "1", **SLOW)
    until(lambda: len(list(tmp_path.glob("results/one/runs/*/run.json"))) >= 2)
    until(lambda: list(tmp_path.glob("results/one/runs/*/checkpoint.npz")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {path: path.read_bytes() for path in tmp_path.glob("results/one/runs/*/run.json")}
    assert 2 <= len(before) < 12
    finish(driver(cluster, tmp_path, *RUN))
    assert table(tmp_path) == local
    assert {path: path.read_bytes() for path in before} == before, "every run is done once"


def test_ctrl_c_keeps_what_the_workers_have(cluster: Any, tmp_path: Path, local: bytes) -> None:
    process = driver(cluster, tmp_path, *RUN[:-1], **SLOW)
    until(lambda: list(tmp_path.glob("results/one/runs/*/run.json")))
    process.send_signal(signal.SIGINT)
    said = finish(process, 130)
    assert "runs are finished and kept" in said
    assert list(tmp_path.glob("results/one/runs/*/checkpoint.npz"))
    finish(driver(cluster, tmp_path, *RUN))
    assert table(tmp_path) == local


def test_a_node_that_is_lost_costs_no_run(cluster: Any, tmp_path: Path, local: bytes) -> None:
    """Near the end: one of its workers has a run, the others nothing to do any more."""
    node = cluster.add_node(num_cpus=4)
    process = driver(cluster, tmp_path, *RUN, "--checkpoint-every", "1", **SLOW)
    until(lambda: len(list(tmp_path.glob("results/one/runs/*/run.json"))) >= 8)
    cluster.remove_node(node)
    finish(process)
    assert table(tmp_path) == local


def test_a_node_with_another_version_is_refused_by_name(cluster: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "lrbench", other / "lrbench", ignore=shutil.ignore_patterns("data", "__pycache__"))
    package = other / "lrbench" / "__init__.py"
    version = next(line for line in package.read_text().splitlines() if line.startswith("__version__"))
    package.write_text(package.read_text().replace(version, '__version__ = "9.9"'))
    node = cluster.add_node(num_cpus=4, env_vars={"PYTHONPATH": str(other)})
    try:
        said = finish(driver(cluster, tmp_path, *RUN, **SLOW), 1)
    finally:
        cluster.remove_node(node)
    assert f"Error: Node {node.node_ip_address} has lrbench 9.9, and this machine" in said


def test_a_node_whose_examples_are_others_is_refused_by_name(cluster: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "lrbench", other / "lrbench", ignore=shutil.ignore_patterns("data", "__pycache__"))
    worker = other / "lrbench" / "runner" / "worker.py"
    whole = worker.read_text()
    worker.write_text(whole.replace("return sha256.hexdigest()", 'return "0" * 64'))
    assert worker.read_text() != whole
    node = cluster.add_node(num_cpus=4, env_vars={"PYTHONPATH": str(other)})
    try:
        said = finish(driver(cluster, tmp_path, *RUN, **SLOW), 1)
    finally:
        cluster.remove_node(node)
    assert f"Error: Node {node.node_ip_address} has other examples than this machine: sha256 000000000000…" in said


def test_an_address_where_nothing_is_says_so(cli: Cli) -> None:
    shown = cli(*RUN, "--executor", "ray", "--address", "127.0.0.1:1")
    assert shown.exit_code == 1
    assert "No Ray cluster answers at 127.0.0.1:1" in shown.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--address", ""], "--address '' is no address"),
        (["--address", "nonsense"], "--address nonsense is no address"),
        (["--address", "http://head:8265"], "--address http://head:8265 is no address"),
        (["--runs-per-node", "0"], "--runs-per-node 0 is below 1"),
        (["--gpus-per-run", "0"], "--gpus-per-run 0 is not above 0"),
        (["--gpus-per-run", "1.5"], "--gpus-per-run 1.5 is neither a share of one GPU nor a number of them"),
        (["--jobs", "2"], "--jobs 2 is for this machine; the runs train on a cluster"),
    ],
)
def test_what_no_cluster_can_be_asked_is_refused(cli: Cli, words: list[str], said: str) -> None:
    shown = cli(*RUN, "--executor", "ray", *words)
    assert shown.exit_code == 2
    assert said in shown.stderr
    assert len(shown.stderr.splitlines()) == 2


def test_without_ray_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    shown = cli(*RUN, "--executor", "ray")
    assert shown.exit_code == 2
    assert shown.stderr.splitlines() == [
        "Error: --executor ray needs Ray, which is not installed.",
        "  Install what it needs: python -m pip install 'ray[client]>=2.40'",
    ]


def checkpoint(folder: Path) -> list[int]:
    """When the run under way was kept last."""
    return [path.stat().st_mtime_ns for path in folder.glob("results/one/runs/*/checkpoint.npz")]


def workers() -> list[int]:
    """The processes of lrbench's workers on this machine."""
    found = subprocess.run(["pgrep", "-f", "ray::Worker"], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]
