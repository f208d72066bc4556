"""Tables from elsewhere, in every shape in which programs write them, and what is read from them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from lrbench.errors import BadResults
from lrbench.judging.comparisons import Verdict
from lrbench.judging.questions import Answer, Question, answer_file, tried
from lrbench.judging.tidy import read_runs

TABLES = ROOT / "tests" / "data" / "tables"
RECORDS = [
    {"scheduler": label, "seed": seed, "accuracy": round(start + seed / 1000, 4)}
    for label, start in (("sgd", 0.88), ("adam", 0.9))
    for seed in range(8)
]


def ask(name: str, **question: Any) -> Answer:
    return answer_file(TABLES / name, Question(**question))


def verdicts(answer: Answer) -> dict[tuple[str, str], Verdict]:
    return {(each.scheduler, each.baseline): each.verdict for each in answer.comparisons}


def test_a_negated_cost_is_better_when_it_is_higher() -> None:
    answer = ask("negated.csv", metric="mean_test_neg_mean_squared_error", baseline="sgd")
    assert not answer.scores.lower_is_better
    assert verdicts(answer) == {("lbfgs", "sgd"): Verdict.BETTER, ("adam", "sgd"): Verdict.BETTER}
    (lbfgs, adam) = answer.comparisons
    assert (round(lbfgs.mean_difference, 2), round(adam.mean_difference, 2)) == (8.89, 7.0)
    gates = tried([answer], ["adam<sgd", "adam>sgd"])
    assert [each.holds for each in gates] == [False, True]


def test_runs_that_stop_early_count_with_their_own_last_value() -> None:
    answer = ask("early-stopping.csv", metric="val_accuracy")
    assert {label: answer.scores.finals(label).size for label in answer.scores.values} == {"adam": 8, "sgd": 8}
    assert answer.scores.values["adam"][0] == 0.899, "its row of epoch 12, the last of its own"
    assert verdicts(answer) == {("adam", "sgd"): Verdict.BETTER}
    (caution,) = answer.cautions
    assert caution.startswith("The runs end between epoch 7 and 13; the shortest is sgd, seed 2.")


def test_rows_without_the_figure_take_no_run_away() -> None:
    """As Lightning logs: a row of training, then one of validation; the other's cells are empty."""
    answer = ask("alternating.csv", metric="val_acc")
    assert answer.scores.values["adam"][0] == 0.9172
    assert [answer.scores.lost(label) for label in answer.scores.values] == [0, 0]
    assert verdicts(answer) == {("adam", "sgd"): Verdict.BETTER}
    assert answer.cautions == ()


def test_a_nan_in_a_column_that_is_not_asked_for_changes_nothing() -> None:
    answer = ask("unused-nan.csv", metric="accuracy")
    assert [answer.scores.lost(label) for label in answer.scores.values] == [0, 0]
    assert verdicts(answer) == {("adam", "sgd"): Verdict.BETTER}
    asked = ask("unused-nan.csv", metric="distill_loss")
    assert [asked.scores.lost(label) for label in asked.scores.values] == [8, 8]


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        (["0,0.5,0.1,", "1,0.4,0.2,"], 0.2),
        (["1,0.4,0.2,", "0,0.5,0.1,"], 0.2),  # rows in any order
        (["0,0.5,0.1,", "1,nan,0.2,"], None),  # the last training loss
        (["0,nan,0.1,", "1,0.4,0.2,"], 0.2),  # an earlier one: the run went on
        (["0,0.5,0.1,", "1,inf,,", "2,,0.2,"], None),  # logged in a row of its own
        (["0,0.5,0.1,", "1,0.4,nan,"], None),  # the figure's own last value
        (["0,0.5,0.1,", "1,0.4,,"], 0.1),  # not measured, which is not nan
        (["0,0.5,,", "1,0.4,,"], None),  # never measured
        (["0,0.5,0.1,", "1,0.4,0.2,FAILED"], None),
        (["0,0.5,0.1,crashed", "1,0.4,0.2,"], None),
        (["0,0.5,0.1,failed", "1,0.4,0.2,finished"], 0.2),
        (["0,0.5,0.1,running", "1,0.4,0.2,running"], 0.2),
        (["0,0.5,0.1,", ",0.4,0.2,"], None),  # a row without an epoch stands at the one before: two values
    ],
)
def test_a_run_is_lost_by_its_last_training_loss_its_last_figure_or_its_status(
    tmp_path: Path, rows: list[str], value: float | None
) -> None:
    path = tmp_path / "my.csv"
    path.write_text(
        "\n".join(["scheduler,seed,Epoch,train_loss,val_accuracy,Status", *(f"a,0,{x}" for x in rows)])
    )
    if ",0.4,0.2," in rows[1:]:
        with pytest.raises(BadResults, match="line 3: a, seed 0 stands twice; one line per run and epoch"):
            read_runs(path, "val_accuracy")
        return
    assert read_runs(path, "val_accuracy").scores.values == {"a": {0: value}}


def test_epochs_of_several_rows_are_put_in_order_by_their_steps(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("scheduler,seed,epoch,step,acc\na,0,0,10,0.1\na,0,0,30,0.3\na,0,0,20,0.2\n")
    assert read_runs(path, "acc").scores.values == {"a": {0: 0.3}}


def as_text(delimiter: str, header: str = "scheduler seed accuracy") -> bytes:
    lines = [header.split(), *([str(cell) for cell in record.values()] for record in RECORDS)]
    return "\n".join(delimiter.join(line) for line in lines).encode()


def as_markdown() -> bytes:
    head = ["| scheduler | seed | accuracy |", "|:---|---:|---:|"]
    return "\n".join(
        [*head, *("| {scheduler} | {seed} | {accuracy} |".format(**each) for each in RECORDS)]
    ).encode()


def as_parquet() -> bytes:
    import io

    import pandas as pd

    content = io.BytesIO()
    pd.DataFrame(RECORDS).astype({"seed": float}).to_parquet(content)
    return content.getvalue()


SHAPES: dict[str, Callable[[], bytes]] = {
    "commas.csv": lambda: as_text(","),
    "semicolons.csv": lambda: as_text(";"),
    "decimal-commas.csv": lambda: as_text(";").replace(b".", b","),
    "tabs.tsv": lambda: as_text("\t"),
    "tabs.csv": lambda: as_text("\t"),
    "pipes.csv": lambda: as_text("|"),
    "markdown.txt": as_markdown,
    "case.csv": lambda: as_text(",", "Scheduler SEED accuracy"),
    "metric-case.csv": lambda: as_text(",", "scheduler seed Accuracy"),
    "blanks.csv": lambda: as_text(" , "),
    "byte-order-mark.csv": lambda: b"\xef\xbb\xbf" + as_text(","),
    "spreadsheet.txt": lambda: as_text("\t").decode().encode("utf-16"),
    "carriage-returns.csv": lambda: as_text(",").replace(b"\n", b"\r\n"),
    "float-seeds.csv": lambda: as_text(",").replace(b",0.", b".0,0."),
    "compressed.csv.gz": lambda: gzip.compress(as_text(","), mtime=0),
    "records.json": lambda: json.dumps(RECORDS).encode(),
    "columns.json": lambda: json.dumps({key: [each[key] for each in RECORDS] for key in RECORDS[0]}).encode(),
    "lines.jsonl": lambda: "\n".join(map(json.dumps, RECORDS)).encode(),
    "compressed.json.gz": lambda: gzip.compress(json.dumps(RECORDS).encode(), mtime=0),
    "columns.parquet": as_parquet,
    "no-ending": lambda: as_text("\t"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_table_is_read_in_every_shape(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(SHAPES[name]())
    scores = read_runs(path, "accuracy").scores
    assert scores.values == {
        label: {each["seed"]: each["accuracy"] for each in RECORDS if each["scheduler"] == label}
        for label in ("sgd", "adam")
    }
    assert scores.is_share


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04\x00\x00", "is not a table"),
        (b"scheduler,seed,accuracy\nb\xfcro,0,1\n", "line 2: not UTF-8"),
        (gzip.compress(b"scheduler,seed,accuracy\na,0,1\n", mtime=0)[:-9], "cannot be decompressed"),
        (b"\x1f\x8b\x08nothing", "cannot be decompressed"),
        (b"PAR1nothingPAR1", "is no whole Parquet file"),
        (b'[{"scheduler": "a", "seed": 0', "is no whole JSON"),
        (b'{"scheduler": "a", "seed": 0}', "is not a table: expected a list of records"),
        (b'{"scheduler": ["a"], "seed": [0, 1]}', "its columns differ in length"),
        (b"[1, 2]", "is not a table: expected a list of records"),
        (b'[{"scheduler": "a"}, {"seed": 1}]', "no column 'accuracy'. Its columns: scheduler, seed."),
        (b'[{"scheduler": "a", "seed": 0, "accuracy": [1]}]', "record 1: could not convert"),
        (b"scheduler,seed,accuracy\na,0.5,1\n", "line 2: the seed '0.5' is no whole number"),
        (b"scheduler,seed,accuracy\na,-1.0,1\n", "line 2: the seed '-1.0' is no whole number"),
        (b"scheduler,seed,accuracy\na,nan,1\n", "line 2: the seed 'nan' is no whole number"),
        (b"scheduler;seed;accuracy\na;0;1.5\na;1;1,5\n", "line 3: could not convert string to float: '1,5'"),
        (b"scheduler,seed,accuracy\na,0,1\na,0.0,2\n", "line 3: a, seed 0 stands twice; one line per run, or a"),
        (b'{"lrbench": {}, "runs": []}', "is not as `lrbench export` writes it"),
        (b'{"lrbench": 1}', "is not as `lrbench export` writes it"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes(content)
    with pytest.raises(BadResults) as caught:
        read_runs(path, "accuracy")
    assert problem in caught.value.problem


def test_a_missing_figure_names_the_nearest_and_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text("scheduler,seed,lr,note,top1_accuracy\na,0,0.1,x,0.5\n")
    with pytest.raises(BadResults) as caught:
        read_runs(path, "top1_acuracy")
    assert caught.value.problem.endswith("Its columns: scheduler, seed, lr, note, top1_accuracy.")
    assert caught.value.hint == "Did you mean 'top1_accuracy'? Write metric=top1_accuracy"


@pytest.mark.parametrize(("columns", "unit"), [("val_accuracy,val_loss", "nats"), ("x,val_loss", "")])
def test_a_loss_beside_an_accuracy_is_in_nats(tmp_path: Path, columns: str, unit: str) -> None:
    path = tmp_path / "my.csv"
    path.write_text(f"scheduler,seed,{columns}\na,0,0.5,0.3\n")
    assert read_runs(path, "val_loss").scores.unit == unit
