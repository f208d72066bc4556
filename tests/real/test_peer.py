"""The same models by somebody else's few lines, with `Model.fit`: the same accuracy within seeds' noise."""

from collections.abc import Callable
from statistics import mean, variance
from typing import Any

import peer
import pytest

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.events import Ended
from lrbench.engine.train import train
from lrbench.plan import make_plan
from lrbench.problems import Beside, problem_of
from lrbench.runs import Task

SEEDS, EPOCHS = 5, 1


@pytest.mark.slow
@pytest.mark.parametrize("make", [peer.lenet, peer.dropping], ids=["LeNet-5", "784-512-512-10 with Dropout"])
def test_the_accuracy_is_the_same_within_the_noise_of_seeds(make: Callable[[], Any]) -> None:
    x, y, x_test, y_test = images = peer.images(3_000, 1_000)
    problem = problem_of(make, Beside(data=images), "peer")
    wishes = {
        "schedulers": "cosine(floor=0%)",
        "lr": peer.RATE,
        "epochs": EPOCHS,
        "batch_size": peer.BATCH,
        "val_size": 0,
        "seeds": SEEDS,
    }
    plan = make_plan(load_config(None, wishes, {}), problem)
    engine = open_engine(plan.setting, plan.problem)
    replica = engine.replica()
    ours = []
    for run in plan.runs:
        *_, ended = train(replica, Task(run))
        assert isinstance(ended, Ended)
        assert ended.result.test is not None
        ours.append(ended.result.test[1])
    engine.close()
    theirs = [peer.by_hand(make, x, y, x_test, y_test, seed, EPOCHS) for seed in range(SEEDS)]
    noise = ((variance(ours) + variance(theirs)) / SEEDS) ** 0.5
    assert min(*ours, *theirs) > 0.6, "both learn"
    assert abs(mean(ours) - mean(theirs)) < 4 * noise
