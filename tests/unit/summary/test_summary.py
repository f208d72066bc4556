"""The final figures, as numbers and in every format."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import fake_experiment, fake_run

from lrbench.judging.questions import Question, answer
from lrbench.judging.statistics import mean_interval
from lrbench.runs import Experiment
from lrbench.show import tables
from lrbench.store import load
from lrbench.summary import as_csv, stacked, summarize, summary_columns


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return fake_experiment(schedulers="step,cosine,hot=constant(lr=11)", seeds=3)


def written(experiment: Experiment, form: str) -> str:
    stream = io.StringIO()
    tables.write([answer(experiment, Question())], form, stream)  # type: ignore[arg-type]
    return stream.getvalue()


def test_a_row_per_schedule_the_best_first(experiment: Experiment) -> None:
    table = summarize(experiment)
    assert list(table.columns) == list(summary_columns(experiment.setting.subject))
    figures = ["test_loss_mean", "val_loss_mean", "train_loss_mean"]
    first = ["test_accuracy_mean", "test_accuracy_low", "test_accuracy_high", "val_accuracy_mean"]
    assert list(table.columns)[4:-2] == first + figures
    assert table["scheduler"].tolist() == ["cosine", "step", "hot"]
    values = [one.final("test_accuracy") for one in experiment.finished if one.schedule.words == "step"]
    row = table.set_index("scheduler").loc["step"]
    assert (row["n"], row["diverged"]) == (3, 0)
    assert row["test_accuracy_mean"] == pytest.approx(np.mean(values))
    assert (row["test_accuracy_low"], row["test_accuracy_high"]) == pytest.approx(mean_interval(values))


def test_diverged_runs_are_counted_and_never_averaged(experiment: Experiment) -> None:
    row = summarize(experiment).iloc[-1]
    assert (row["scheduler"], row["n"], row["diverged"]) == ("hot", 0, 3)
    assert math.isnan(row["test_accuracy_mean"])


def test_one_seed_has_no_interval() -> None:
    one = fake_experiment(schedulers="step")
    row = summarize(one).iloc[0]
    assert row["n"] == 1
    assert math.isnan(row["test_accuracy_low"])
    assert "±" not in written(one, "table").partition("n = finished")[0]
    assert "One seed" in written(one, "table")


def test_the_csv_reads_back_exactly(experiment: Experiment) -> None:
    back = pd.read_csv(io.StringIO(as_csv(summarize(experiment))))
    pd.testing.assert_frame_equal(back, summarize(experiment), check_exact=True)


def test_json_is_a_list_of_experiments_with_their_rows(experiment: Experiment) -> None:
    (record,) = json.loads(written(experiment, "json"))
    assert record["experiment"] == experiment.name
    assert record["setting"]["batch_size"] == 32
    assert [row["scheduler"] for row in record["rows"]] == ["cosine", "step", "hot"]
    assert record["rows"][0]["test_accuracy_mean"] == summarize(experiment)["test_accuracy_mean"][0]
    assert record["rows"][2]["test_accuracy_mean"] is None
    assert tables.as_record(answer(experiment, Question())) == record


def test_csv_of_several_experiments_names_them(experiment: Experiment) -> None:
    other = fake_experiment(schedulers="step", epochs=3)
    table = stacked({each.name: summarize(each) for each in (experiment, other)})
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["experiment"] for row in rows] == [experiment.name] * 3 + [other.name]


def test_the_table_is_narrow_enough_for_80_columns_and_says_all(experiment: Experiment) -> None:
    text = written(experiment, "table")
    for word in ("step", "cosine", "hot", "±", "diverged", "n = finished runs", experiment.name):
        assert word in text
    table, _, _ = text.partition("Against ")
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 80


def test_markup_in_a_label_is_shown_as_text() -> None:
    hostile = fake_experiment(schedulers="[red]a|b[/red]=step,<script>alert(1)</script>=cosine")
    assert "[red]a|b[/red]" in written(hostile, "table")
    markdown = written(hostile, "markdown")
    assert r"\<script\>" in markdown
    assert r"a\|b" in markdown


def test_markdown_is_a_table(experiment: Experiment) -> None:
    lines = written(experiment, "markdown").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert {row.count("|") for row in rows} == {8}


def test_validating_on_the_test_set_is_said_in_every_output() -> None:
    experiment = fake_experiment(schedulers="step", validate_on="test")
    for form in ("table", "markdown"):
        assert "VALIDATED ON THE TEST SET" in " ".join(written(experiment, form).split())
    (record,) = json.loads(written(experiment, "json"))
    assert record["setting"]["validate_on"] == "test"
    assert next(csv.DictReader(io.StringIO(written(experiment, "csv"))))["validated_on"] == "test"


def test_what_is_stored_summarizes_the_same(tmp_path: Path) -> None:
    made = fake_run(tmp_path, seeds=2).experiment
    pd.testing.assert_frame_equal(summarize(load(made.folder)), summarize(made))


def test_an_experiment_has_its_name_from_inside_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fake_run(tmp_path, schedulers="step").experiment
    monkeypatch.chdir(made.folder)
    assert load(Path()).name == made.name
