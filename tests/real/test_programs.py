"""One compiled program at work on several networks: each trains its own variables, bit for bit as if alone."""

from typing import Any

import numpy as np
import pytest

from lrbench.config import load_config
from lrbench.engine import open_engine
from lrbench.engine.replica import fingerprint
from lrbench.plan import make_plan

pytestmark = pytest.mark.tensorflow

SMALL = {"train_size": 1_000, "val_size": 1_234, "batch_size": 48, "epochs": 3, "optimizer": "adam"}


def opened() -> Any:
    plan = make_plan(load_config(None, SMALL, {}))
    return open_engine(plan.setting, plan.problem)


def train(replica: Any, seed: int) -> str:
    replica.compile()
    replica.reset(seed)
    found = [replica.train_epoch(1, np.full(21, 0.01)), replica.validate(), replica.test()]
    return f"{found} {fingerprint(replica.state())}"


def test_replicas_that_share_programs_train_their_own_variables() -> None:
    engine = opened()
    replicas = [engine.replica() for _ in range(2)]
    shared = [train(replica, seed) for seed, replica in enumerate(replicas)]
    assert [replica._programs.taken_over for replica in replicas] == [False, True]
    assert shared[1] == train(opened().replica(), 1)
    assert len(set(shared)) == 2


def test_a_network_with_variables_that_nobody_lists_gets_programs_of_its_own() -> None:
    """Shared, they would be written by two threads at once."""
    import keras
    import tensorflow as tf

    from lrbench.engine.network import Network
    from lrbench.problems import find

    class Counting(keras.optimizers.SGD):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.count = tf.Variable(0)

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            self.count.assign_add(1)
            return super().apply(grads, trainable_variables)

    engine = opened()
    replicas = [engine.replica() for _ in range(2)]
    for replica in replicas:
        replica.network = Network(find("mnist"), Counting())
        replica.compile()
        replica.network.optimizer.count.assign(0)
    replicas[1].train_epoch(1, np.full(21, 0.01))
    assert [int(replica.network.optimizer.count.numpy()) for replica in replicas] == [0, 21]
    assert not replicas[1]._programs.taken_over
