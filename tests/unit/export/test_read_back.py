"""What lrbench writes it reads back: the same sentences as of the folder itself."""

import dataclasses
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import fake_run
from typer.testing import Result

from lrbench import export
from lrbench.engine.train import failure
from lrbench.errors import BadConfig, BadResults
from lrbench.judging.questions import Answer, Question, answer, answer_file
from lrbench.runs import Experiment, Figure
from lrbench.show.tables import verdict_lines
from lrbench.store import load

Cli = Callable[..., Result]
OPTIONS = {"schedulers": "constant,hot=constant(lr=11),step,slow=cosine(lr=0.01)", "seeds": 8, "epochs": 3}
METRICS = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "train_loss")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """Runs of which eight diverged, and one failed."""
    stored = fake_run(tmp_path_factory.mktemp("read-back"), **OPTIONS).experiment
    (first, *_) = stored.groups["step"]
    failed = dataclasses.replace(first, result=failure(ValueError("no")))
    return dataclasses.replace(stored, finished=tuple(failed if one is first else one for one in stored.finished))


def unscoped(lines: list[str]) -> list[str]:
    return [re.sub(r"; [^()]*(\([^()]*\))?\)$", ")", line) for line in lines]


def sentences(answer: Answer) -> list[str]:
    assert answer.comparisons
    return verdict_lines(answer)


@pytest.mark.parametrize("metric", METRICS)
def test_exports_say_what_the_experiment_says(experiment: Experiment, tmp_path: Path, metric: str) -> None:
    asked = Question(metric=metric, margin=0.001)
    expected = sentences(answer(experiment, asked))
    assert "1 of 8 runs of step did not finish" in " ".join(expected)
    assert "8 of 8 runs of hot did not finish" in " ".join(expected)
    assert "peak rate 0.1 (slow 0.01)" in " ".join(expected)
    (whole,) = export.write(experiment, "json", tmp_path)
    epochs, runs = export.write(experiment, "parquet", tmp_path)
    for path in (whole, runs if metric.startswith("test_") else epochs):
        assert sentences(answer_file(path, asked)) == expected
    other = epochs if metric.startswith("test_") else runs
    with pytest.raises(BadResults) as caught:
        answer_file(other, asked)
    assert f"no column {metric!r}" in caught.value.problem
    assert "It is in runs.parquet" in caught.value.hint or "It is in epochs.parquet" in caught.value.hint


def test_without_a_question_an_export_is_asked_what_the_experiment_is(
    experiment: Experiment, tmp_path: Path
) -> None:
    expected = sentences(answer(experiment, Question()))
    (whole,) = export.write(experiment, "json", tmp_path)
    epochs, runs = export.write(experiment, "parquet", tmp_path)
    for path in (whole, runs):
        found = answer_file(path, Question())
        assert (sentences(found), found.cautions) == (expected, ())
    found = answer_file(epochs, Question())
    assert found.scores.metric == "val_accuracy"
    assert found.cautions == (
        f"{epochs} has no test figures: this is val_accuracy. The experiment's folder has them.",
    )
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(whole.read_bytes()))
    assert sentences(answer_file(packed, Question())) == expected


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss", None])
def test_epochs_csv_says_what_the_experiment_says(tmp_path: Path, metric: str | None) -> None:
    """But for what it is about, which does not stand in it; a run that failed has no epochs."""
    stored = fake_run(tmp_path, **OPTIONS).experiment
    expected = sentences(answer(stored, Question(metric=metric or "val_accuracy")))
    found = answer_file(stored.folder / "epochs.csv", Question(metric=metric))
    assert unscoped(sentences(found)) == unscoped(expected)
    assert found.scores.values == answer(stored, Question(metric=metric or "val_accuracy")).scores.values
    assert "8 of 8 runs of hot did not finish" in " ".join(expected)
    assert found.cautions[-1].endswith(f"Its folder knows how often one looked: lrbench summary {stored.folder}")
    assert len(found.cautions) == (1 if metric else 2)
    with pytest.raises(BadResults, match="no column 'test_accuracy'"):
        answer_file(stored.folder / "epochs.csv", Question(metric="test_accuracy"))


def test_a_baseline_is_chosen_by_validation_as_in_the_experiment(tmp_path: Path) -> None:
    stored = fake_run(tmp_path, schedulers="step,cosine,rex", seeds=3).experiment
    expected = answer(stored, Question())
    assert expected.baseline
    (whole,) = export.write(stored, "json", tmp_path)
    epochs, runs = export.write(stored, "parquet", tmp_path)
    for path in (whole, epochs, runs, stored.folder / "epochs.csv"):
        assert answer_file(path, Question()).baseline == expected.baseline
    without = fake_run(tmp_path / "other", schedulers="step,cosine", seeds=3, val_size=0).experiment
    (whole,) = export.write(without, "json", tmp_path)
    assert answer_file(whole, Question()).baseline is None is answer(without, Question()).baseline


def test_units_and_directions_are_those_of_the_problem(experiment: Experiment, tmp_path: Path) -> None:
    figures = (Figure("loss", "m²", "lower"), Figure("reach", "m", "higher"), Figure("mean", "", "neither"))
    subject = dataclasses.replace(experiment.setting.subject, figures=figures[:2])
    setting = dataclasses.replace(experiment.setting, subject=subject)
    runs = tuple(dataclasses.replace(one, setting=setting) for one in experiment.finished)
    other = dataclasses.replace(experiment, setting=setting, finished=runs)
    (path,) = export.write(other, "json", tmp_path)
    for metric in (None, "test_loss"):
        asked = Question(metric=metric)
        assert sentences(answer_file(path, asked)) == sentences(answer(other, asked))
    assert " m (" in " ".join(sentences(answer_file(path, Question())))
    value = json.loads(path.read_text())
    value["lrbench"]["figures"][1]["better"] = "neither"
    path.write_text(json.dumps(value))
    with pytest.raises(BadConfig, match="No reach is better than another"):
        answer_file(path, Question())


def test_how_often_one_looked_goes_with_the_export(cli: Cli, tmp_path: Path) -> None:
    words = ("run", "--engine", "fake", "--epochs", 4, "-s", "constant,step", "-q")
    cli(*words, "--until-settled", "--max-seeds", 12, "--margin", "0.001")
    (folder,) = Path("results").iterdir()
    for expected in ("at every look", "looked at before at n = "):
        stored = load(folder)
        (path,) = export.write(stored, "json", tmp_path)
        said = sentences(answer(stored, Question()))
        assert sentences(answer_file(path, Question())) == said
        assert expected in " ".join(said)
        assert expected not in " ".join(sentences(answer_file(path, Question(design="fixed"))))
        cli(*words, "--seeds", 20)


def test_trials_of_a_search_are_not_compared_as_if_they_were_none(cli: Cli) -> None:
    cli("tune", "--engine", "fake", "--epochs", 4, "-s", "constant,cosine", "--seeds", 2, "-q")
    (folder,) = (path for path in Path("results").iterdir() if path.is_dir())
    cli("export", "results", "--to", "json")
    (whole,) = (folder / "export").iterdir()
    for path in (whole, folder / "epochs.csv"):
        refused = cli("summary", path)
        assert refused.exit_code == 2
        assert "contains the trials of a search over rates" in refused.stderr


def test_a_summary_has_no_seeds_and_says_where_they_are(cli: Cli) -> None:
    experiment = fake_run(Path("results"), schedulers="constant,step", seeds=2).experiment
    for form in ("csv", "json"):
        cli("summary", "results", "--format", form, "-o", f"mine.{form}")
        refused = cli("summary", f"mine.{form}")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"mine.{form} is a summary: it has means, and no seeds." in refused.stderr
        assert "name the experiment's epochs.csv, or its folder" in refused.stderr
    beside = cli("summary", experiment.folder / "summary.csv")
    assert f"name {experiment.folder / 'epochs.csv'}" in beside.stderr
    assert cli("summary", experiment.folder / "epochs.csv").exit_code == 0


def test_pictures_and_pages_are_made_of_an_export_too(cli: Cli, experiment: Experiment, tmp_path: Path) -> None:
    (path,) = export.write(experiment, "json", tmp_path)
    assert cli("report", path, "-o", "page.html").exit_code == 0
    assert "MNIST 784-128-10, sgd, 3 epochs" in Path("page.html").read_text()


@pytest.mark.parametrize(
    "change", [{"runs": [1]}, {"runs": [{"rows": []}]}, {"runs": None}, {"lrbench": {"a": 1}}]
)
def test_a_damaged_export_is_an_error(experiment: Experiment, tmp_path: Path, change: dict[str, Any]) -> None:
    (path,) = export.write(experiment, "json", tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadResults, match="is not as `lrbench export` writes it"):
        answer_file(path, Question())
