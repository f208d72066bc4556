"""The pictures, compared by their data: axes, lines, labels."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from conftest import asked, fake_experiment, fake_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from lrbench.errors import BadResults
from lrbench.runs import Experiment
from lrbench.schedules import parse
from lrbench.show import PlotFormat, canvas, plots

NAMES = ["overview", "rates", "train-loss", "val-loss", "val-accuracy", "test-accuracy"]


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return fake_experiment(schedulers="constant,step,cosine,plateau(patience=1 epoch)", seeds=3, epochs=6)


@pytest.fixture(scope="module")
def pictures(experiment: Experiment) -> dict[str, Figure]:
    return dict(plots.figures(asked(experiment)))


@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_picture_is_written_in_every_format(tmp_path: Path, form: PlotFormat, magic: bytes) -> None:
    stored = fake_run(tmp_path, seeds=2, schedulers="step,cosine").experiment
    paths = plots.draw(asked(stored), form)
    assert [path.name for path in paths] == [f"{name}.{form}" for name in [*NAMES, "forest", "all-pairs"]]
    assert all(path.parent == stored.folder / "plots" for path in paths)
    assert all(path.read_bytes().startswith(magic) for path in paths)


def test_svg_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    stored = fake_run(tmp_path, schedulers="step").experiment
    one, two = plots.draw(asked(stored), "svg", tmp_path / "a"), plots.draw(asked(stored), "svg", tmp_path / "b")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_the_rates_are_the_schedules_tables(experiment: Experiment, pictures: dict[str, Figure]) -> None:
    (axes,) = pictures["rates"].axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert set(lines) == {"constant", "step", "cosine", "plateau(patience=1\nepoch)"}
    for name in ("constant", "step", "cosine"):
        x, y = lines[name].get_data()
        table = parse(name).table(experiment.setting.horizon)
        assert np.asarray(y) == pytest.approx(table[np.asarray(x)])
    assert axes.get_yscale() == "log"


def test_rates_within_a_decade_stand_on_a_linear_axis() -> None:
    ((_, figure),) = [
        each for each in plots.figures(asked(fake_experiment(schedulers="constant,step"))) if each[0] == "rates"
    ]
    assert figure.axes[0].get_yscale() == "log"  # 16 to 1
    narrow = dict(plots.figures(asked(fake_experiment(schedulers="constant,step(gamma=0.9)"))))["rates"]
    assert narrow.axes[0].get_yscale() == "linear"


def test_a_feedback_schedule_shows_the_rates_that_were_used() -> None:
    experiment = fake_experiment(schedulers="plateau(patience=1 epoch, min_delta=1)", epochs=4, train_size=64)
    (each,) = plots.group(asked(experiment))
    assert plots.used_rates(each, np.arange(8))[0] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025])


@pytest.mark.parametrize(
    ("name", "field", "scale"),
    [("train-loss", "train_loss", 1), ("val-loss", "val_loss", 1), ("val-accuracy", "val_accuracy", 100)],
)
def test_lines_are_means_and_bands_reach_from_lowest_to_highest(
    experiment: Experiment, pictures: dict[str, Figure], name: str, field: str, scale: float
) -> None:
    (axes,) = pictures[name].axes
    (line,) = [line for line in axes.lines if line.get_label() == "step"]
    values = scale * np.array(
        [
            [getattr(row, field) for row in one.result.rows]
            for one in experiment.finished
            if one.run.schedule.label == "step"
        ]
    )
    assert np.asarray(line.get_xdata()).tolist() == [1, 2, 3, 4, 5, 6]
    assert np.asarray(line.get_ydata()) == pytest.approx(values.mean(axis=0))
    band = axes.collections[[str(line.get_label()) for line in axes.lines].index("step")]
    corners = band.get_paths()[0].vertices
    assert np.asarray(corners)[:, 1].min() == pytest.approx(values.min())
    assert np.asarray(corners)[:, 1].max() == pytest.approx(values.max())


def test_every_seed_is_a_dot_and_the_best_stands_on_top(
    experiment: Experiment, pictures: dict[str, Figure]
) -> None:
    (axes,) = pictures["test-accuracy"].axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    drawn = sorted(float(x) for line in dots for x in np.asarray(line.get_xdata()))
    assert drawn == pytest.approx(sorted(100 * (one.result.test_accuracy or 0) for one in experiment.finished))
    means = [np.mean(np.asarray(line.get_xdata())) for line in dots]
    assert means == sorted(means)


def test_one_colour_dash_and_marker_per_schedule_in_all_pictures(pictures: dict[str, Figure]) -> None:
    looks: dict[str, set[object]] = {}
    for name in ("rates", "train-loss", "val-loss", "val-accuracy"):
        for line in pictures[name].axes[0].lines:
            looks.setdefault(str(line.get_label()), set()).add(line.get_color())
    assert len(looks) == 4
    assert all(len(colours) == 1 for colours in looks.values())
    assert len(set.union(*looks.values())) == 4


def test_twenty_schedules_can_all_be_told_apart() -> None:
    twenty = fake_experiment(schedulers=",".join(f"s{i}=constant(lr={i / 100})" for i in range(1, 21)), epochs=1)
    groups = plots.group(asked(twenty))
    assert len({(each.colour, str(each.dashes)) for each in groups}) == 20
    assert len({(each.colour, each.marker) for each in groups}) == 20


def test_the_first_colours_differ_in_greyscale_from_white_and_mostly_from_each_other() -> None:
    grey = sorted(float(np.dot(to_rgb(colour), (0.299, 0.587, 0.114))) for colour in canvas.COLOURS)
    assert grey[-1] < 0.75
    assert grey[0] == 0


def test_a_schedule_looks_the_same_in_every_experiment() -> None:
    all_six = {each.label: each.colour for each in plots.group(asked(fake_experiment()))}
    two = {
        each.label: each.colour
        for each in plots.group(asked(fake_experiment(schedulers="cosine,mine=step,plateau")))
    }
    assert (two["cosine"], two["plateau"]) == (all_six["cosine"], all_six["plateau"])
    assert len(set(two.values())) == 3


@pytest.mark.parametrize(
    "schedulers", ["step,cosine", ",".join(f"s{i}=constant(lr={i / 100})" for i in range(1, 21))]
)
def test_long_labels_leave_room_for_the_panels(schedulers: str) -> None:
    long = "cyclical(half=2 epochs, floor=0.001, shape=sine, decay=half, warmup=1 epoch)"
    for name, figure in plots.figures(
        asked(fake_experiment(schedulers=f"{schedulers},{long}", seeds=2), target=0.5)
    ):
        FigureCanvasAgg(figure).draw()
        for axes in figure.axes:
            if axes.get_label() == "<colorbar>":
                continue
            least = {"overview": 0.25, "small-multiples": 0.15, "forest": 0.4}.get(name, 0.5)
            assert axes.get_position().width > least, name
            assert axes.get_position().height * figure.get_figheight() > 1, name


def test_titles_name_the_setting_and_n(experiment: Experiment, pictures: dict[str, Figure]) -> None:
    for name in NAMES:
        title = pictures[name].get_suptitle()
        assert experiment.setting.describe() in title.replace("\n", " ")
        assert "n = 3 finished runs" in title


def test_unequal_n_and_diverged_runs_are_said() -> None:
    experiment = fake_experiment(schedulers="step,hot=constant(lr=11)", seeds=2)
    cut = Experiment(
        name="x", folder=Path("x"), setting=experiment.setting, finished=experiment.finished[1:], damage=()
    )
    pictures = dict(plots.figures(asked(cut)))
    assert "n = 0 to 1 finished run" in pictures["train-loss"].get_suptitle()
    labels = [str(text.get_text()) for text in pictures["val-accuracy"].legends[0].get_texts()]
    assert "hot (2 diverged of 2)" in labels


def test_without_validation_there_are_no_validation_pictures() -> None:
    names = [name for name, _ in plots.figures(asked(fake_experiment(schedulers="step", val_size=0)))]
    assert names == ["overview", "rates", "train-loss", "test-accuracy"]


def test_validating_on_the_test_set_stands_in_every_title() -> None:
    for _, figure in plots.figures(asked(fake_experiment(schedulers="step", validate_on="test"))):
        assert "VALIDATED ON THE TEST SET" in figure.get_suptitle().replace("\n", " ")


def test_hostile_labels_are_drawn_as_text(tmp_path: Path) -> None:
    labels = ["$\\frac{1}$", "$\\nonsense{$", "_hidden", "日本", "<b>&amp;", "%s {x}"]
    specs = ",".join(f"{label}=constant(lr=0.{i})" for i, label in enumerate(labels, 1))
    experiment = fake_experiment(schedulers=specs)
    figure = dict(plots.figures(asked(experiment)))["val-accuracy"]
    assert {str(text.get_text()).strip() for text in figure.legends[0].get_texts()} == set(labels)
    assert len(plots.draw(asked(experiment), "svg", tmp_path)) == 6
    assert "frac{1}" in (tmp_path / "test-accuracy.svg").read_text()


def test_nothing_to_draw(tmp_path: Path) -> None:
    empty = Experiment(name="x", folder=tmp_path, setting=fake_experiment().setting, finished=(), damage=())
    with pytest.raises(BadResults, match="no finished run"):
        plots.draw(asked(empty), "png")


@pytest.fixture(autouse=True)
def _defaults_stay() -> Iterator[None]:
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
