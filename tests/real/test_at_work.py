"""Where TensorFlow is at work before lrbench comes, as in every notebook."""

import json
import subprocess
import sys
from pathlib import Path

from lrbench.config import load_config
from lrbench.runner import conduct

PROGRAM = """
import json, sys
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.reduce_sum(tf.ones((10, 10)))  # its threads are made
import lrbench
from lrbench.runner import Listener

class Hears(Listener):
    said = []
    def on_remark(self, text): self.said.append(text)

results = lrbench.compare(Hears(), schedulers=["constant", "cosine"], epochs=2, train_size=640, val_size=640)
record = {"said": Hears.said, "accuracy": results.runs["test_accuracy"].tolist()}
again = lrbench.compare(Hears(), schedulers=["constant", "cosine", "step"], epochs=2, train_size=640, val_size=640)
record["runs"] = len(again.runs)
record["environment"] = dict(again.experiments[0].finished[0].environment["variables"])
tf.keras.Sequential([tf.keras.layers.Dense(1)])(tf.ones((2, 3)))  # its own work goes on
print(json.dumps(record))
"""


def test_compare_works_and_says_what_is_not_promised(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads(done.stdout.splitlines()[-1])
    assert len(record["said"]) == 2, "once for each call"
    assert "the same bytes next time, or with other jobs, are not promised" in record["said"][0]
    assert record["environment"] == {"intra_op_parallelism_threads": "2"}
    assert record["runs"] == 3
    asked = {"schedulers": "constant,cosine", "epochs": 2, "train_size": 640, "val_size": 640}
    alone = conduct(load_config(None, {**asked, "out": tmp_path / "elsewhere"}, {})).experiment
    for ours, theirs in zip(record["accuracy"], alone.finished, strict=True):
        assert theirs.result.test is not None
        assert abs(ours - theirs.result.test[1]) < 0.01, "figures are those of a process as lrbench wants it"
