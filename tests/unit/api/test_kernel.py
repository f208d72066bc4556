"""What a notebook shows, of a real kernel: its progress, its results, its errors, and what Ctrl-C leaves."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

MINE = """
import os, sys

def mine(step):
    os.write(2, b"NATIVE")  # as TensorFlow does, behind Python's back
    print("PYTHON", file=sys.stderr)
    return 0.1
"""
FAKE = "epochs=4, engine='fake'"
NOTE = "<div>Note: 2 seeds cannot tell better from worse; 6 seeds can.</div>"


class Kernel:
    """A notebook's kernel; `run` gives what a cell shows."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client

    def run(self, code: str, *, interrupt_at: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Run a cell to its end, and return its messages; interrupt it once when one of them holds these words."""
        asked = self._client.execute(code)
        shown: list[tuple[str, dict[str, Any]]] = []
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != asked:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return shown
            if kind not in ("status", "execute_input"):
                shown.append((kind, content))
            if interrupt_at and interrupt_at in str(content):
                self._manager.interrupt_kernel()
                interrupt_at = ""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "mine.py").write_text(MINE)
    ours = ("LRBENCH_", "PYTEST_")  # with the latter a kernel does not show what descriptor 2 gets
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=clean, startup_timeout=60)
    running = Kernel(manager, client)
    running.run("import os, lrbench")
    yield running
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def texts(shown: list[tuple[str, dict[str, Any]]], form: str = "text/html") -> list[str]:
    return [content["data"][form] for kind, content in shown if "data" in content]


def test_the_progress_is_one_line_that_changes(kernel: Kernel) -> None:
    shown = kernel.run(
        "os.environ['LRBENCH_FAKE_SECONDS'] = '0.15'\n"
        f"_ = lrbench.compare(schedulers=['<b>=step', 'constant'], seeds=2, name='progress', {FAKE})"
    )
    kinds = [kind for kind, _ in shown]
    assert kinds == ["display_data", *["update_display_data"] * (len(kinds) - 1)]
    assert len({content["transient"]["display_id"] for _, content in shown}) == 1
    assert 3 < len(kinds) < 20
    first, *between, last = texts(shown)
    reached = [int(found[1]) for text in between if (found := re.search(r'max="16" value="(\d+)"', text))]
    assert 'max="16" value="0"' in first
    assert reached == sorted(reached)
    assert 0 < reached[-1] <= 16
    assert "of 4 runs, about " in between[-2]
    assert any("&lt;b&gt;, seed " in text for text in between)
    assert not any("<b>" in text for text in texts(shown))
    assert last == f"<div>4 of 4 runs finished, in {Path('results') / 'progress'}</div>{NOTE}"
    assert texts(shown, "text/plain")[-1] == re.sub("</?div>", "", last.replace("</div><div>", "\n"))


def test_what_must_be_read_stays_below_the_line(kernel: Kernel) -> None:
    wishes = f"schedulers=['constant', 'hot=constant(lr=11)'], seeds=12, name='lost', {FAKE}"
    shown = kernel.run(f"os.environ.pop('LRBENCH_FAKE_SECONDS', 0)\n_ = lrbench.compare({wishes})")
    first, *lost = re.findall("<div>(.*?)</div>", texts(shown)[-1])
    assert first.startswith("24 of 24 runs finished")
    assert len(lost) == 11
    assert re.fullmatch(r"\[\d+/24\] hot, seed 0: DIVERGED in epoch 1, its loss is not finite", lost[0])
    assert lost[-1] == "… and 2 more"
    again = kernel.run(f"_ = lrbench.compare({wishes})")
    assert texts(again)[-1:] == ["<div>All 24 runs are done already: nothing to train.</div>"]
    assert kernel.run(f"_ = lrbench.compare(progress=False, {wishes})") == []


def test_damage_stays_below_the_line(kernel: Kernel) -> None:
    wishes = f"schedulers='step', name='damaged', {FAKE}"
    kernel.run(f"(one,) = lrbench.compare({wishes}).runs['run_id']")
    kernel.run("open(f'results/damaged/runs/{one}/epochs.csv', 'a').write('x')")
    shown = texts(kernel.run(f"_ = lrbench.compare({wishes})"))[-1]
    assert re.search("<div>Damaged: .*epochs.csv.* Moved to quarantine/; it is trained again.</div>", shown)


def test_results_show_themselves_and_a_picture_is_no_pyplot_s(kernel: Kernel) -> None:
    kernel.run(f"results = lrbench.compare(schedulers=['constant', 'step'], seeds=8, name='shown', {FAKE})")
    ((kind, content),) = kernel.run("results")
    assert kind == "execute_result"
    assert content["data"]["text/plain"] == "<Results of shown: 2 schedules, 16 runs>"
    assert "<strong>constant is better than step.</strong>" in content["data"]["text/html"]
    ((kind, content),) = kernel.run("results.plot('forest')")
    assert kind == "execute_result"
    assert content["data"]["image/png"]
    assert content["metadata"]["image/png"].keys() == {"width", "height"}
    ((kind, content),) = kernel.run("import sys; 'matplotlib.pyplot' in sys.modules")
    assert content["data"]["text/plain"] == "False"


def test_an_error_ends_with_what_to_do(kernel: Kernel) -> None:
    ((kind, content),) = kernel.run("results.judge(margin=-1)")
    assert (kind, content["ename"], content["evalue"]) == ("error", "BadConfig", "margin=-1 is not above 0.")
    assert content["traceback"][-1].endswith("For 0.1 points of accuracy, write margin=0.001")


def test_only_what_python_says_is_shown(kernel: Kernel) -> None:
    shown = kernel.run(f"_ = lrbench.compare(schedulers='mine.py:mine', name='noise', {FAKE})")
    said = "".join(content["text"] for kind, content in shown if kind == "stream")
    assert "PYTHON" in said
    assert "NATIVE" not in said
    after = kernel.run("import os, sys; os.write(2, b'NATIVE'); sys.stderr.flush()")
    deadline = time.monotonic() + 10
    while "NATIVE" not in str(after) and time.monotonic() < deadline:  # the kernel reads it in a thread of its own
        after += kernel.run("import time; time.sleep(0.1)")
    assert "NATIVE" in str(after), "afterwards it is as it was"


@pytest.mark.slow
def test_an_interrupted_cell_goes_on_when_it_is_run_again(kernel: Kernel) -> None:
    wishes = f"schedulers=['constant', 'step'], seeds=2, name='cut', {FAKE}"
    cell = f"print(lrbench.compare({wishes}).summary()['n'].sum())"
    kernel.run("os.environ['LRBENCH_FAKE_SECONDS'] = '0.3'")
    shown = kernel.run(cell, interrupt_at="epoch 2/4")
    kind, content = shown[-1]
    assert (kind, content["ename"]) == ("error", "Stopped")
    assert content["traceback"][-1].endswith("The same call goes on from there.")
    assert texts(shown)[-1] == f"<div>0 of 4 runs finished, in {Path('results') / 'cut'}</div>{NOTE}"
    again = kernel.run(cell)
    assert any("goes on after epoch " in text or 'value="0"' not in text for text in texts(again)[:2])
    assert again[-1] == ("stream", {"name": "stdout", "text": "4\n"})
