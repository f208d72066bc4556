"""`lrbench.Results`: the tables, verdicts, pictures and pages of one experiment or of several."""

import dataclasses
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ROOT, fake_run
from matplotlib.backends.backend_agg import FigureCanvasAgg

import lrbench
from lrbench import Results
from lrbench.errors import BadConfig, BadResults
from lrbench.show import plots, report
from lrbench.show.canvas import Picture
from lrbench.store import load

REFERENCE = ROOT / "results" / "reference"


@pytest.fixture(scope="module")
def reference() -> Results:
    return lrbench.load(REFERENCE)


@pytest.fixture
def two(tmp_path: Path) -> Results:
    """Two experiments, one of which lost a schedule's runs and validated on nothing."""
    fake_run(tmp_path / "r", schedulers="constant,step", seeds=8, name="a")
    fake_run(tmp_path / "r", schedulers="step,hot=constant(lr=11)", seeds=2, epochs=2, val_size=0, name="b")
    return lrbench.load(tmp_path / "r")


def test_it_holds_what_is_stored_and_cannot_be_changed(reference: Results) -> None:
    assert reference.experiments == (load(REFERENCE),)
    assert reference.damage == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        reference.experiments = ()  # type: ignore[misc]


def test_epochs_are_those_of_the_file(reference: Results) -> None:
    text = (REFERENCE / "epochs.csv").read_text()
    assert reference.epochs.to_csv(index=False, lineterminator="\n") == text
    assert reference.epochs is not reference.epochs, "who changes a table changes his own"


def test_runs_have_their_ends(reference: Results) -> None:
    runs = reference.runs
    (experiment,) = reference.experiments
    assert runs["run_id"].tolist() == [one.run_id for one in experiment.finished]
    assert runs["test_accuracy"].tolist() == [one.final("test_accuracy") for one in experiment.finished]
    assert runs["seconds_train"].tolist() == [one.result.seconds.train for one in experiment.finished]
    assert set(runs["status"]) == {"done"}
    kinds = runs.dtypes.map(lambda dtype: dtype.kind).to_dict()
    assert {name for name, kind in kinds.items() if kind == "i"} == {"seed"}
    assert {name for name, kind in kinds.items() if kind == "f"} == {
        *("lr", "test_loss", "test_accuracy"),
        *("seconds_compile", "seconds_train", "seconds_evaluate"),
    }


def test_several_experiments_stand_under_a_first_column(two: Results) -> None:
    assert len(two) == 2
    for table in (two.epochs, two.runs, two.summary()):
        assert table.columns[0] == "experiment"
        assert set(table["experiment"]) == {"a", "b"}
    lost = two.runs[two.runs["scheduler"] == "hot"]
    assert lost["status"].tolist() == ["diverged"] * 2
    assert lost["test_accuracy"].isna().all()
    without = two.epochs[two.epochs["experiment"] == "b"]
    assert without["val_loss"].isna().all()
    assert without["val_loss"].dtype.kind == "f"


def test_to_iterate_gives_each_by_itself(two: Results) -> None:
    a, b = two
    assert (a.experiments, b.experiments) == (two.experiments[:1], two.experiments[1:])
    assert a.summary().columns[0] == "scheduler"
    assert a.judge().winner == "constant"
    assert b.judge(metric="test_loss").comparisons[0].metric == "test_loss"


def test_a_question_is_asked_of_one_experiment(two: Results) -> None:
    for ask in (two.judge, two.plot):
        with pytest.raises(BadConfig, match=r"^These are 2 experiments.*\nAsk one after the other: \[one\.judge"):
            ask()
    a, _ = two
    with pytest.raises(BadConfig, match="There is no wish 'base_line'"):
        a.judge(base_line="step")


def test_a_judgement_is_what_summary_says(reference: Results) -> None:
    (experiment,) = reference.experiments
    found = reference.judge(baseline="cosine", margin=0.001)
    assert found == lrbench.judge(experiment, baseline="cosine", margin=0.001)
    assert repr(reference.judge(metric="val_loss", baseline="step")).startswith(
        "<Answer on val_loss of reference: plateau against step: better; cosine"
    )


def test_a_picture_is_that_of_the_command_and_pyplot_does_not_know_it(reference: Results) -> None:
    figure = reference.plot("forest", baseline="cosine")
    same = plots.figures(reference.judge(baseline="cosine"))["forest"]()
    assert isinstance(figure, Picture)
    texts = [[axes.get_title() for axes in each.axes] for each in (figure, same)]
    assert texts[0] == texts[1]
    FigureCanvasAgg(figure).draw()
    with pytest.raises(BadConfig, match=r"^There is no picture 'forrest' of reference\.\nDid you mean 'forest'\?"):
        reference.plot("forrest")


@pytest.mark.slow
def test_drawing_never_loads_pyplot() -> None:
    program = f"import sys, lrbench\nlrbench.load({str(REFERENCE)!r}).plot()\nassert 'matplotlib' in sys.modules\n"
    program += "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_picture_has_the_look_of_the_files_whatever_matplotlib_is_set_to(reference: Results) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"axes.grid": False, "font.size": 30}):
        figure = reference.plot("rates")
    data, size = figure._repr_png_()  # type: ignore[attr-defined]
    assert data.startswith(b"\x89PNG")
    assert size == {"width": 800, "height": 480}
    assert figure.axes[0].xaxis.get_gridlines()[0].get_visible()
    assert figure.axes[0].xaxis.get_ticklabels()[0].get_fontsize() == 10


def test_the_report_is_the_page_of_the_command(two: Results, tmp_path: Path) -> None:
    path = two.report(tmp_path / "new" / "page.html", metric="test_loss")
    assert path == tmp_path / "new" / "page.html"
    assert path.read_text(encoding="utf-8") == report.render([one.judge(metric="test_loss") for one in two])
    with pytest.raises(BadConfig, match=r"page\.pdf does not end in \.html"):
        two.report(str(tmp_path / "page.pdf"))


def test_in_words_it_is_short(two: Results, reference: Results) -> None:
    assert repr(two) == "<Results of 2 experiments, 20 runs>"
    assert str(two) == "a: constant is better than step.\nb: Only step finished a run: nothing can be compared."
    assert repr(reference) == "<Results of reference: 6 schedules, 60 runs>"
    assert len(str(reference)) < 200
    assert len(repr(reference.judge())) < 400
    assert len(repr(reference.experiments)) < 1000


class Texts(HTMLParser):
    """The texts of a piece of HTML, the tags, and what a style says."""

    def __init__(self, piece: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.styles: list[str] = []
        self.feed(piece)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [tag] if tag != "br" else []
        assert {name for name, _ in attrs} <= {"style"}, "nothing in it acts, and nothing is loaded"
        self.styles += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def test_a_notebook_shows_the_verdicts_first_and_then_the_table(reference: Results) -> None:
    found = Texts(reference._repr_html_())
    assert found.open == []
    assert found.texts[0] == str(reference).removeprefix("reference: ")
    first = next(i for i, text in enumerate(found.texts) if text.startswith("step is worse than constant by "))
    assert first < found.texts.index("scheduler") < found.texts.index("97.96 ± 0.06 %")
    assert found.texts[-1].startswith("Warning: All 6 schedules ran at the peak rate 0.1")
    assert found.tags.count("tr") == 7


def test_its_colours_are_those_of_what_is_around_it(reference: Results) -> None:
    """A page that is white and one that is dark: no colour of its own but a grey that is seen on both."""
    styles = " ".join(Texts(reference._repr_html_()).styles)
    assert "background" not in styles
    assert re.findall("color: ([^;]*)", styles) == ["inherit"]
    assert {word for word in styles.split() if word.startswith("#")} == {"#8888"}


def test_every_text_is_escaped(tmp_path: Path) -> None:
    """A label and a folder's name are the user's; tags that are opened here are this page's own."""
    label = "<script>alert(1)</script>&amp;<img>"
    made = fake_run(tmp_path, schedulers=[f"{label}=step", "constant"], seeds=8).experiment.folder
    found = Texts(lrbench.load(made.rename(tmp_path / "<b>x"))._repr_html_())
    assert not {"script", "img", "b"} & set(found.tags)
    assert label in found.texts
    assert f"constant is better than {label}." in found.texts


def test_what_is_damaged_or_unfinished_is_named(two: Results, tmp_path: Path) -> None:
    a, b = two
    for path in (b.experiments[0].folder / "runs").iterdir():
        (path / "run.json").unlink()
    (a.experiments[0].folder / "runs" / a.experiments[0].finished[0].run_id / "epochs.csv").write_text("<x>")
    (b.experiments[0].folder / "epochs.csv").unlink()
    found = lrbench.load(tmp_path / "r")
    assert str(found).splitlines()[1] == "b: No run finished."
    assert str(found).splitlines()[2].startswith("Damaged: ")
    shown = Texts(found._repr_html_())
    assert "b holds no finished run." in shown.texts
    assert any(text.startswith("Damaged: ") and "quarantine" not in text for text in shown.texts)
    assert found.summary()["experiment"].unique().tolist() == ["a"]
    _, empty = found
    for ask in (empty.judge, empty.plot, empty.summary, lambda: empty.runs, lambda: empty.report("x.html")):
        with pytest.raises(BadResults, match=r"^No run has finished in .*b\.\nTrain with: lrbench\.compare"):
            ask()


def test_a_folder_of_which_nothing_can_be_read_is_an_error(two: Results, tmp_path: Path) -> None:
    for experiment in two.experiments:
        (experiment.folder / "experiment.json").write_text("{")
    with pytest.raises(BadResults, match=r"a/experiment\.json.*\nMove "):
        lrbench.load(tmp_path / "r")
    with pytest.raises(BadResults, match="There is no folder"):
        lrbench.load(tmp_path / "nowhere")
