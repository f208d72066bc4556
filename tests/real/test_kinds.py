"""Every kind of targets trains as `Model.fit` trains it: by each engine, by each command and from Python."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from kinds import CASES
from typer.testing import Result

import lrbench
from lrbench.problems.kinds import KINDS

EPOCHS, BATCH, RATE = 2, 24, 0.05
TRAINED = {"epochs": EPOCHS, "batch_size": BATCH, "lr": RATE, "val_size": 0}

every_case = pytest.mark.parametrize("name", CASES)
every_kind = pytest.mark.parametrize("name", {case.kind: name for name, case in CASES.items()}.values())


def test_every_kind_that_is_told_is_trained_here() -> None:
    assert {case.kind for case in CASES.values()} == {kind.name for kind in KINDS}


@cache
def by_fit(name: str) -> list[float]:
    """What Keras itself makes of a case with seed 0: loss and metric of each epoch and of the test examples."""
    import keras

    from lrbench.engine.network import initial_weights
    from lrbench.engine.replica import shuffle

    case = CASES[name]
    splits = lrbench.problem(case.make, (case.x, case.y)).load()
    model = case.make()
    for variable, value in zip(model.variables, initial_weights(case.make, 0), strict=True):
        variable.assign(value)
    loss, metric = (
        getattr(module, word)(**options)
        for module, (word, options) in ((keras.losses, case.loss), (keras.metrics, case.metric))
    )
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss=loss, metrics=[metric])
    figures = []
    for epoch in range(1, EPOCHS + 1):
        order = shuffle(0, epoch, len(splits.train))
        train = splits.train.take(order)
        history = model.fit(train.x, train.y, batch_size=BATCH, shuffle=False, verbose=0).history
        figures += [history["loss"][0], history[metric.name][0]]
    tested = model.evaluate(splits.test.x, splits.test.y, verbose=0, return_dict=True)
    return [*figures, tested["loss"], tested[metric.name]]


def stored(folder: Path) -> list[float]:
    """The same figures of the one run in a results folder."""
    (experiment,) = lrbench.load(folder).experiments
    (run,) = experiment.finished
    assert run.result.status == "done"
    return [value for row in run.result.rows for value in row.train] + list(run.result.test or ())


@every_case
def test_python_trains_it_as_model_fit_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    lrbench.compare(
        model=case.make, data=(case.x, case.y), schedulers="constant", out=tmp_path, jit="on", **TRAINED
    )
    assert stored(tmp_path) == pytest.approx(by_fit(name), rel=2e-4, abs=1e-6)


@every_kind
def test_every_command_and_engine_trains_it(name: str, tmp_path: Path, cli: Callable[..., Result]) -> None:
    words = [*CASES[name].written(tmp_path), "--batch-size", BATCH, "-q"]
    trained = [*words, "-s", "constant", "--epochs", EPOCHS, "--lr", RATE, "--val-size", 0]
    for how in (["--jit", "off"], ["--engine", "fit"]):
        run = cli("run", *trained, *how, "-o", how[-1])
        assert run.exit_code == 0, run.output
        assert stored(tmp_path / how[-1]) == pytest.approx(by_fit(name), rel=2e-4, abs=1e-6), how
    found = cli("find-lr", *words, "--steps", 20, "--seeds", 1, "--json")
    assert found.exit_code == 0, found.output
    (losses,) = [curve["losses"] for curve in json.loads(found.stdout)["curves"]]
    assert losses[0] == pytest.approx(by_fit(name)[0], rel=0.5)
    tuning = ["--lrs", "0.01,0.05,0.1", "--tune-seeds", 1, "--refine", 0, "--seeds", 1, "--epochs", 1]
    tuned = cli("tune", *words, *tuning, "-s", "constant", "-o", "tuned")
    assert tuned.exit_code == 0, tuned.output
