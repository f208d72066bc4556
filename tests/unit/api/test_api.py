"""The same from Python."""

from pathlib import Path

import pytest
from conftest import fake_experiment

import lrbench


def test_compare_load_and_summarize(tmp_path: Path) -> None:
    table = lrbench.compare(schedulers="step,cosine", seeds=3, epochs=2, engine="fake", out=tmp_path)
    assert table["n"].tolist() == [3, 3]
    (experiment,) = lrbench.load(tmp_path)
    assert lrbench.summarize(experiment).equals(table)
    assert (experiment.folder / "summary.csv").read_text().startswith("scheduler,n,")


def test_parse_and_horizon() -> None:
    assert lrbench.parse("step", lr=0.5).table(lrbench.Horizon(epochs=1, steps_per_epoch=1)) == [0.5]


def test_errors_are_lrbench_s(tmp_path: Path) -> None:
    with pytest.raises(lrbench.LrbenchError):
        lrbench.compare(epochs=0)
    with pytest.raises(lrbench.LrbenchError):
        lrbench.load(tmp_path)


def test_what_is_public_is_there_and_nothing_else() -> None:
    for name in lrbench.__all__:
        assert getattr(lrbench, name)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lrbench.nonsense  # noqa: B018


def test_no_room_takes_a_public_name() -> None:
    """Importing a module puts it into its package: `lrbench.judge` would no longer be the function."""
    rooms = {path.stem for path in Path(lrbench.__file__).parent.iterdir()}
    assert not rooms & set(lrbench.__all__)


def test_a_judgement_is_what_summary_says() -> None:
    experiment = fake_experiment(schedulers="constant,step", seeds=8)
    found = lrbench.judge(experiment, baseline="step", margin=0.5)
    (comparison,) = found.comparisons
    assert (comparison.scheduler, comparison.baseline, comparison.verdict) == ("constant", "step", "better")
    assert found.winner == "constant"
    with pytest.raises(lrbench.LrbenchError, match="no schedule 'cosine'"):
        lrbench.judge(experiment, baseline="cosine")
