"""The executor of many machines: workers on the nodes of a Ray cluster, a run at a time each.

Ray places the workers and carries what is said. This driver hands out the tasks, keeps every run's last checkpoint
until the run has ended, and gives the run of a worker that is lost to another one. Events are asked for, not
streamed: that works through a `ray://` address too.
"""

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lrbench import environment
from lrbench.engine import WITHOUT_DATA
from lrbench.engine.events import Ended, Event, Kept, Refused
from lrbench.engine.executor import POLL
from lrbench.engine.train import failure
from lrbench.errors import EngineUnavailable
from lrbench.problems import Problem, Sizes, split
from lrbench.runner.joining import carry_users_code, first_line, import_ray, join, last_line
from lrbench.runner.session import OpenExecutor
from lrbench.runner.worker import Free, Worker, differing, sha256_of
from lrbench.runs import Setting, Task

LOOK = 2.0  # seconds until the cluster's nodes are counted again
ASKING = 1.0  # seconds that a worker waits for something to tell
MOST_DEATHS = 3  # workers that one run, or one node while they start, may lose
PATIENCE_WITH_GPUS = 20.0  # seconds until a cluster has none
PATIENCE = 300.0  # seconds without any worker until that is an error


def on_ray(
    problem: Problem,
    address: str | None = None,
    runs_per_node: int | None = None,
    gpus_per_run: float | None = None,
    every: int | None = None,
) -> OpenExecutor:
    """Return what joins a cluster and opens its executor for a problem. Raises MissingExtra without Ray.

    `address` is the cluster's; None: one on this machine, for this call. `runs_per_node` is None for one run per
    core; `every` is the number of epochs from one checkpoint to the next, None for one a second.
    """
    ray = import_ray()

    def opened(setting: Setting) -> Cluster:
        join(ray, address)
        return Cluster(ray, setting, problem, runs_per_node, gpus_per_run, every)

    return opened


@dataclass(slots=True, eq=False)
class _Hand:
    """A worker as the driver sees it: on which node, what it was asked last, and which run it has."""

    node: str
    actor: Any
    asked: Any  # the answer to come
    stage: str = "describe"  # -> "open" -> "idle" <-> "busy"
    task: Task | None = None


@dataclass(slots=True)
class _Node:
    """A node of the cluster, and what it has room for."""

    address: str  # for people
    room: int  # runs side by side
    cpus: float  # of each
    hands: list[_Hand] = field(default_factory=list)
    deaths: int = 0  # of workers that had not come to train yet


class Cluster:
    """Trains on as many workers as there are tasks for and the nodes have room for; nodes may come and go."""

    elsewhere = True  # each worker checks itself what a checkpoint was made on

    def __init__(
        self,
        ray: Any,
        setting: Setting,
        problem: Problem,
        runs_per_node: int | None,
        gpus_per_run: float | None,
        every: int | None,
    ) -> None:
        self._ray = ray
        self._runs_per_node = runs_per_node
        self._gpus = gpus_per_run or 0
        self._here = environment.describe()
        splits = None
        if setting.engine not in WITHOUT_DATA:
            splits = split(problem, Sizes(setting.train_size, setting.val_size, setting.validate_on))
        self._sha256 = sha256_of(splits)
        carry_users_code(ray)
        given = (setting, replace(problem, load=_nothing), splits, every, bool(gpus_per_run))
        self._given = [ray.put(each) for each in given]  # once; each node fetches it once
        self._nodes: dict[str, _Node] = {}
        self._looked = -LOOK
        self._waiting: list[Task] = []  # ours, but nobody's yet
        self._events: deque[Event] = deque()  # heard, and not handed on yet
        self._deaths: dict[str, int] = {}  # by run
        self._alive = time.monotonic()  # when there was a worker last

    def train(self, tasks: Iterator[Task | None]) -> Iterator[Event | None]:
        more = True
        while more or self._waiting or self._hands("busy"):
            self._look()
            held = False
            while more and not held and len(self._waiting) < self._free():
                try:
                    task = next(tasks)
                except StopIteration:
                    more = False
                else:
                    held = task is None
                    self._waiting += [task] if task else []
            self._hand_out()
            self._hire()
            asked = {hand.asked: hand for hand in self._hands() if hand.asked is not None}
            if not asked:
                self._lose_patience()
                time.sleep(POLL)
                yield None
                continue
            answered, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=0)
            if not answered:
                answered, _ = self._ray.wait(list(asked), timeout=POLL)
            if not answered:
                yield None
            for each in answered:
                self._hear(asked[each])
            while self._events:
                yield self._events.popleft()

    def stop(self) -> Iterator[Event]:
        self._waiting = []
        for hand in self._hands("busy"):
            hand.actor.stop.remote()
        while True:
            while self._events:  # also what was heard before
                yield self._events.popleft()
            busy = self._hands("busy")
            if not busy:
                return
            answered, _ = self._ray.wait([hand.asked for hand in busy], timeout=POLL)
            for hand in busy:
                if hand.asked in answered:
                    self._hear(hand)
            self._waiting = []  # the run of a worker that is lost now goes on another time

    def close(self) -> None:
        with contextlib.suppress(Exception):  # who is gone already cannot be killed
            for hand in self._hands():
                self._ray.kill(hand.actor)
        self._nodes = {}

    def _hands(self, stage: str | None = None) -> list[_Hand]:
        hands = itertools.chain.from_iterable(node.hands for node in self._nodes.values())
        return [hand for hand in hands if stage in (None, hand.stage)]

    def _free(self) -> int:
        """How many more runs could be under way."""
        return sum(node.room for node in self._nodes.values()) - len(self._hands("busy"))

    def _look(self) -> None:
        """See which nodes there are; those that are gone take their workers with them."""
        if time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        for each in self._ray.nodes():
            name = each["NodeID"]
            if each["Alive"] and name not in self._nodes:
                resources = each["Resources"]
                cores = resources.get("CPU", 0)
                room = self._runs_per_node or int(cores)
                if self._gpus:
                    room = min(room, int(resources.get("GPU", 0) / self._gpus))
                if cores and room:
                    self._nodes[name] = _Node(each["NodeManagerAddress"], room, min(1, cores / room))
            elif not each["Alive"] and name in self._nodes and not self._nodes[name].hands:
                del self._nodes[name]  # its workers are heard of first

    def _hire(self) -> None:
        """Start workers, while there are more tasks than workers to take them."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        coming = len(self._hands("describe")) + len(self._hands("open"))
        room = sum(node.room - len(node.hands) for node in self._nodes.values())
        for _ in range(min(room, len(self._waiting) - coming)):
            name = min(self._nodes, key=lambda name: len(self._nodes[name].hands) / self._nodes[name].room)
            node = self._nodes[name]
            actor = (
                self._ray.remote(Worker)
                .options(
                    num_cpus=node.cpus,
                    num_gpus=self._gpus,
                    max_concurrency=4,  # it is asked while it is told
                    scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False),
                )
                .remote()
            )
            node.hands.append(_Hand(name, actor, actor.describe.remote()))

    def _hand_out(self) -> None:
        for hand in self._hands("idle")[: len(self._waiting)]:
            hand.task = self._waiting.pop(0)
            hand.stage, hand.asked = "busy", hand.actor.begin.remote(hand.task)

    def _hear(self, hand: _Hand) -> None:
        """Take a worker's answer, and ask it the next thing; what it tells waits to be handed on."""
        if hand.node not in self._nodes or hand not in self._nodes[hand.node].hands:
            return  # gone with its node, and its run has another worker
        try:
            answer = self._ray.get(hand.asked)
        except self._ray.exceptions.RayTaskError as error:  # an exception in the worker's own code
            raise self._unable(hand, error) from error
        except self._ray.exceptions.RayError as error:
            self._lost(hand, error)
            return
        self._alive = time.monotonic()
        match hand.stage:
            case "describe":
                if difference := differing(self._here, answer):
                    raise EngineUnavailable(
                        f"Node {self._where(hand)} has {difference}.",
                        "Install the same versions on every node: only then all runs can be compared.",
                    )
                hand.stage, hand.asked = "open", hand.actor.open.remote(*self._given)
            case "open":
                if answer != self._sha256:
                    raise EngineUnavailable(
                        f"Node {self._where(hand)} has other examples than this machine: sha256 {answer[:12]}…, "
                        f"not {self._sha256[:12]}….",
                        "Something on the way to that node changes data: leave it out.",
                    )
                hand.stage, hand.asked = "idle", None
            case "busy" if answer is None:  # it has begun
                hand.asked = hand.actor.events.remote(ASKING)
            case "busy":
                self._told(hand, answer)

    def _told(self, hand: _Hand, told: list[Event | Free]) -> None:
        is_free = bool(told) and isinstance(told[-1], Free)
        hand.asked = None if is_free else hand.actor.events.remote(ASKING)
        for each in told:
            match each:
                case Free():
                    hand.stage, hand.task = "idle", None
                    if each.problem:
                        raise EngineUnavailable(f"Node {self._where(hand)}: {each.problem}", each.hint)
                    return
                case Kept() if hand.task:
                    hand.task = replace(hand.task, checkpoint=each.checkpoint)
                case Refused() if hand.task:
                    hand.task = Task(hand.task.run)
                case Ended():
                    hand.task = None  # whatever becomes of the worker now
            self._events.append(each)

    def _lost(self, hand: _Hand, error: Exception) -> None:
        """Forget a worker that is gone, and give its run to another from where it was kept last.

        A node that is gone takes all its workers with it, and nothing of that is the fault of a run.
        """
        node = self._nodes[hand.node]
        node.hands.remove(hand)
        self._looked = -LOOK
        if not self._is_alive(hand.node):
            self._waiting[:0] = [each.task for each in (hand, *node.hands) if each.task]
            del self._nodes[hand.node]
            return
        if hand.task is None:
            node.deaths += hand.stage != "busy"
            if node.deaths >= MOST_DEATHS:
                raise EngineUnavailable(
                    f"Node {node.address} loses its workers before they train: {first_line(error)}",
                    "Look at that node, or leave it out; fewer runs on it need less memory: runs_per_node=1",
                ) from error
            return
        run = hand.task.run
        self._deaths[run.run_id] = self._deaths.get(run.run_id, 0) + 1
        if self._deaths[run.run_id] < MOST_DEATHS:
            self._waiting.insert(0, hand.task)
            return
        text = f"{MOST_DEATHS} workers were lost on it, the last one on node {node.address}: {first_line(error)}"
        self._events.append(Ended(run.run_id, failure(RuntimeError(text))))

    def _is_alive(self, node: str) -> bool:
        return any(each["NodeID"] == node and each["Alive"] for each in self._ray.nodes())

    def _where(self, hand: _Hand) -> str:
        return self._nodes[hand.node].address

    def _unable(self, hand: _Hand, error: Exception) -> EngineUnavailable:
        return EngineUnavailable(
            f"Node {self._where(hand)} cannot train: {last_line(error)}",
            "Install the same lrbench on every node, from the same clone or wheel.",
        )

    def _lose_patience(self) -> None:
        """Raise EngineUnavailable if there has been no worker for long, nor a node that could have one."""
        if self._nodes and not self._waiting:
            self._alive = time.monotonic()  # what is left is another command's
        if self._gpus and not self._nodes and time.monotonic() - self._alive > PATIENCE_WITH_GPUS:
            raise EngineUnavailable(
                f"No node of the cluster has a GPU for gpus_per_run={self._gpus:g}.",
                "Leave it out to train on processors, or add a node that has one.",
            )
        if time.monotonic() - self._alive > PATIENCE:
            raise EngineUnavailable(
                f"The cluster had no node to train on for {PATIENCE:.0f} s.",
                "Look at it with `ray status`. What is finished is kept; the same call goes on from there.",
            )


def _nothing() -> Any:
    raise NotImplementedError("the examples came through the object store")
