"""The page, in a real browser: what it says, what it hides and shows, and that it asks nobody for anything."""

import html
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium, requests
from conftest import ROOT, fake_experiment, fake_run
from typer.testing import Result

from lrbench.judging.questions import Question, answer
from lrbench.runs import Experiment, Status
from lrbench.show import report
from lrbench.show.headline import headline
from lrbench.store import load

Cli = Callable[..., Result]
REFERENCE = ROOT / "results" / "reference"
HOSTILE = "<script>alert(1)</script>"


def page(experiment: Experiment, **question: Any) -> str:
    return report.render([answer(experiment, Question(**question))])


@pytest.fixture(scope="module")
def reference() -> Experiment:
    return load(REFERENCE)


# ---- without a browser


def test_the_page_is_small_and_loads_nothing(reference: Experiment) -> None:
    text = page(reference)
    assert len(text.encode()) < 2_000_000
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", text)
    assert not re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text


def test_the_verdict_comes_first_and_everything_is_there(reference: Experiment) -> None:
    text = html.unescape(page(reference, target=0.975))
    assert text.index("<h1>No schedule is better than constant: step and exponential are worse;") < text.index(
        "<table"
    )
    for words in (
        "Verdicts against constant",
        "step is worse than constant by 0.1",
        "445 seeds would settle it",
        "All 6 schedules ran at the peak rate 0.1",
        "steps to 97.5 %",
        "tensorflow 2.",
        "cpu ",
        "commit ",
        reference.setting.subject.data_sha256,
        "lrbench run --seeds 10 --name reference",
    ):
        assert words in text, words
    assert text.count('<tr><th scope="row">') >= 60


def test_it_reads_without_a_script(reference: Experiment) -> None:
    """Curves, switches and numbers are in the markup; only values under the pointer, zoom and sorting need it."""
    text = page(reference)
    plain = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert plain.count('class="line" d="M') == 4 * 6
    assert plain.count('type="checkbox" checked') == 6
    assert ":not(:checked)) .e0-3 { display: none; }" in plain
    assert "97.86 ± 0.05 %" in plain


def test_who_cannot_see_is_told(reference: Experiment) -> None:
    text = page(reference)
    assert '<html lang="en">' in text
    assert text.count('role="img"') + text.count('role="application"') == text.count(
        "aria-label=", text.index("<main>")
    ) - text.count('role="region" aria-label=')
    assert text.count("<caption>") == text.count("<table")
    heads = re.findall(r"<th(?![a-z])[^>]*>", text)
    assert heads
    assert all("scope=" in head for head in heads)


@pytest.mark.parametrize(
    "options",
    [
        {"schedulers": "step"},
        {"schedulers": "step,constant"},
        {"schedulers": "hot=constant(lr=11),constant", "seeds": 3},
        {"schedulers": "step,cosine", "val_size": 0, "seeds": 2},
        {"schedulers": "hot=constant(lr=11),constant,step", "seeds": 8},
        {"schedulers": "a=constant(lr=11),b=constant(lr=12)", "seeds": 3},
        {"schedulers": ",".join(f"c{i}=constant(lr=0.{i + 1:02})" for i in range(25)), "seeds": 2},
        {"schedulers": "step,plateau", "epochs": 1, "seeds": 2},
    ],
    ids=lambda options: str(options)[:40],
)
def test_every_kind_of_experiment_has_a_page(tmp_path: Path, options: dict[str, Any]) -> None:
    text = page(fake_run(tmp_path, **options).experiment)
    assert "<h1>" in text
    shown = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\binf\b", shown)
    assert "nan" not in re.findall(r'\bd="([^"]*)"', text)


def test_the_command_line_writes_one_file(cli: Cli, tmp_path: Path) -> None:
    one = fake_run(tmp_path / "results", schedulers="step,constant", seeds=2).experiment
    result = cli("report", "results")
    assert result.exit_code == 0
    assert result.stdout.strip() == f"results/{one.name}/report.html"
    fake_run(tmp_path / "results", schedulers="step", epochs=5)
    assert cli("report", "results").stdout.strip() == "results/report.html"
    assert Path("results/report.html").read_text().count("<article") == 2
    assert cli("report", "results", "-o", "a/b/mine.html").exit_code == 0
    assert Path("a/b/mine.html").exists()
    Path("file").write_text("x")
    wrong = cli("report", "results", "-o", "file/mine.html")
    assert wrong.exit_code == 2
    assert "cannot be written" in wrong.stderr
    assert cli("report", "nowhere").exit_code == 2


def test_a_damaged_run_is_left_out_with_exit_code_3(cli: Cli, tmp_path: Path) -> None:
    folder = fake_run(tmp_path / "results", schedulers="step,constant", seeds=2).experiment.folder
    next(folder.glob("runs/step-s1*/run.json")).write_text("{")
    result = cli("report", "results")
    assert result.exit_code == 3
    assert "Damaged: " in result.stderr
    assert (folder / "report.html").exists()


def test_the_command_to_reproduce_gives_the_same_experiment(cli: Cli, tmp_path: Path) -> None:
    import shlex

    from lrbench.show.reproduce import command

    specs = "step(every=1 epoch, gamma=0.3),a label=cosine(warmup=10%, lr=0.05)"
    for options in (
        {"seeds": "3,7"},
        {"seeds": "7,"},
        {"val_size": 0, "train_size": 500, "name": "mine"},
        {"validate_on": "test", "batch_size": 64, "lr": 0.2, "optimizer": "sgd(momentum=0.9)", "hidden": 32},
    ):
        made = fake_run(tmp_path / "a", schedulers=specs, **options).experiment
        shutil.rmtree(tmp_path / "results", ignore_errors=True)
        result = cli(*shlex.split(command(made))[1:])
        assert result.exit_code == 0, result.output
        (folder,) = (tmp_path / "results").iterdir()
        assert folder.name == made.name
        assert (folder / "epochs.csv").read_bytes() == (made.folder / "epochs.csv").read_bytes()
        shutil.rmtree(tmp_path / "a")


def test_a_rate_is_in_the_command_only_where_it_is_not_the_optimizer_s_default(tmp_path: Path) -> None:
    from lrbench.show.reproduce import command

    for optimizer, lr, is_said in (("adam", None, False), ("adam", 0.1, True), ("sgd(momentum=0.9)", 0.1, True)):
        made = fake_run(
            tmp_path, schedulers="step", optimizer=optimizer, lr=lr, name=f"{optimizer[0]}{lr}"
        ).experiment
        assert (f"--lr {lr}" in command(made)) == is_said, command(made)


def test_the_setting_is_said_once_below_the_verdicts(reference: Experiment) -> None:
    text = html.unescape(page(reference))
    verdicts = text[text.index("Verdicts against") : text.index("Warnings")]
    assert verdicts.count("MNIST 784-128-10, sgd, 15 epochs, peak rate 0.1") == 1
    assert "step is worse than constant by 0.13 ± 0.08 points (n = 10, p = 0.047)</li>" in verdicts


def test_a_setting_of_several_rates_and_too_few_seeds_is_said_once(tmp_path: Path) -> None:
    found = fake_run(tmp_path, schedulers="constant,step(lr=0.2),cosine(lr=0.3)", seeds=3).experiment
    text = html.unescape(page(found))
    verdicts = text[text.index("Verdicts against") : text.index("Final figures")]
    assert verdicts.count("peak rates 0.1 to 0.3") == 1
    assert "Nothing can be told yet: n = 3 cannot reach 0.05 among 2 comparisons; 8 seeds can</li>" in verdicts


def test_shares_are_in_percent_in_every_table(reference: Experiment) -> None:
    """A value such as 0.9793 stands nowhere; the first run of plateau is read from the record."""
    text = page(reference)
    plain = re.sub(r"<(script|style|svg).*?</\1>", "", text, flags=re.DOTALL)
    assert not re.search(r">0\.9\d+<", plain)
    run = reference.groups["plateau"][0]
    assert f"<td>{100 * (run.final('test_accuracy') or 0):.2f} %</td>" in plain


def test_every_finished_seed_is_a_dot_beside_its_schedule_s_verdict(reference: Experiment) -> None:
    text = page(reference)
    rows = text[text.index('<div class="rows"') : text.index("Curves</h2>")]
    paths = re.findall(r'class="seed" d="([^"]*)"', rows)
    assert [path.count("M") for path in paths] == [10] * 6
    labels = re.findall(r'class="who">([^<]+)<', rows)
    assert labels == answer(reference, Question()).scores.ranked()
    said = dict(zip(labels, re.findall(r'class="said">([^<]+)<', rows), strict=True))
    assert (said["constant"], said["step"], said["plateau"]) == ("baseline", "worse, p = 0.047", "cannot tell")


def test_one_seed_has_no_means_and_no_verdicts(tmp_path: Path) -> None:
    text = page(fake_run(tmp_path, schedulers="step,constant").experiment)
    assert "eans over seeds" not in text
    assert "mean over seeds" not in text
    assert "Verdicts" not in text


def test_who_was_not_compared_is_named_and_comes_last(tmp_path: Path) -> None:
    fake_run(tmp_path, schedulers="step,cosine", seeds=4)
    experiment = fake_run(tmp_path, schedulers="constant").experiment
    found = answer(experiment, Question())
    assert found.apart == ("constant",)
    text = report.render([found])
    assert "Also stored, with 1 seed: constant." in text
    rows = text[text.index('<div class="rows"') : text.index("Curves</h2>")]
    assert re.findall(r'class="who">([^<]+)<', rows)[-1] == "constant"
    assert "one seed, not compared" in rows


def test_several_experiments_have_one_first_heading_and_a_list_of_what_came_out(reference: Experiment) -> None:
    other = fake_experiment(schedulers="step,constant", seeds=8)
    answers = [answer(each, Question()) for each in (reference, other)]
    text = html.unescape(report.render(answers))
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", text) == ["2 experiments"]
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == [headline(each) for each in answers]
    nav = text[text.index("<nav") : text.index("</nav>")]
    assert re.findall(r'<a href="#e\d">(.*?)</a>', nav) == [headline(each) for each in answers]
    assert "<h3" in text
    assert "<h3" not in page(reference)


TABLE = "optimizer,seed,accuracy\n" + "".join(
    f"{label},{seed},{start + step * seed}\n"
    for label, start, step in (("sgd", 0.9, 0.01), ("adam", 0.85, 0.01), ("lion", 0.8, 0.02))
    for seed in range(8)
)


def test_a_table_from_elsewhere_has_pictures_and_a_page(cli: Cli, tmp_path: Path) -> None:
    Path("tables").mkdir()
    Path("tables/my.csv").write_text(TABLE.replace("optimizer", "scheduler").replace("lion,3,0.86\n", "lion,3,\n"))
    result = cli("plot", "tables/my.csv", "--metric", "accuracy", "--baseline", "sgd")
    assert result.exit_code == 0, result.output
    names = ("final-accuracy", "forest", "all-pairs", "looks")
    assert result.stdout.split() == [f"tables/my.plots/{name}.png" for name in names]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in result.stdout.split())
    result = cli("plot", "tables/my.csv", "--metric", "accuracy", "--out", "here")
    assert result.stdout.split() == ["here/final-accuracy.png", "here/all-pairs.png", "here/looks.png"]
    result = cli("report", "tables/my.csv", "--metric", "accuracy", "--baseline", "sgd")
    assert (result.exit_code, result.stdout.strip()) == (0, "tables/my.report.html")
    text = html.unescape(Path("tables/my.report.html").read_text())
    assert "<h1>sgd is better than each of the other 2 schedules.</h1>" in text
    for words in ("adam is worse than sgd by 5.00", "All of it is about my.csv.", "All pairs", "<td>97.00 %</td>"):
        assert words in text
    assert "Curves" not in text
    wrong = cli("report", "tables/my.csv", "--metric", "accuracy", "--target", "0.9")
    assert (wrong.exit_code, "needs an experiment's epochs" in wrong.stderr) == (2, True)


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a screen; it logs every request and every word on its console."""
    with chromium() as driver:
        yield driver


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open a page of an experiment; afterwards, nothing went wrong and nothing left the page."""

    def open_page(experiment: Experiment, **question: Any) -> Any:
        path = tmp_path / "report.html"
        path.write_text(page(experiment, **question))
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # forget what was before
        browser.get(path.as_uri())
        return browser

    return open_page


def test_no_error_and_no_request_leaves_the_page(opened: Callable[..., Any], reference: Experiment) -> None:
    browser = opened(reference)
    browser.execute_script("document.querySelector('th button').click()")
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    assert requests(browser) == [browser.current_url], "the file itself, and no more"


def test_a_switch_hides_a_curve(opened: Callable[..., Any], reference: Experiment) -> None:
    browser = opened(reference)
    shown = "return getComputedStyle(document.querySelector('.chart .e0-3')).display"
    assert browser.execute_script(shown) == "inline"
    browser.find_element("id", "e0-switch-3").click()
    assert browser.execute_script(shown) == "none"
    curves = browser.find_elements("css selector", ".chart g[class^=e0-]")
    assert sum(each.value_of_css_property("display") != "none" for each in curves) == 4 * 5
    browser.find_element("id", "e0-switch-3").click()
    assert browser.execute_script(shown) == "inline"


def hover(browser: Any, chart: int, line: int, point: int) -> str:
    """Move the pointer onto a point of a curve, where it is drawn; return what is said."""
    from selenium.webdriver import ActionChains

    place = browser.execute_script(
        """
        const [chart, line, point] = arguments;
        const svg = document.querySelectorAll("svg.chart")[chart];
        svg.scrollIntoView({block: "center"});
        const data = JSON.parse(document.getElementById("e0-data").textContent)[chart].lines[line];
        const plot = svg.querySelector(".plot"), view = plot.viewBox.baseVal, box = svg.getBoundingClientRect();
        return [box.width * (72 + 560 * (data.x[point] - view.x) / view.width) / 644 - box.width / 2,
                box.height * (12 + data.y[point]) / 290 - box.height / 2];
        """,
        chart,
        line,
        point,
    )
    svg = browser.find_elements("css selector", "svg.chart")[chart]
    ActionChains(browser).move_to_element_with_offset(svg, *[round(each) for each in place]).perform()
    return str(browser.find_element("css selector", ".tip").text)


def mean_accuracy(experiment: Experiment, label: str, epoch: int) -> float:
    runs = [one for one in experiment.finished if one.schedule.words == label]
    return sum(one.column("val_accuracy")[epoch - 1] or 0 for one in runs) / len(runs)


def test_hovering_shows_the_right_number(opened: Callable[..., Any], reference: Experiment) -> None:
    browser = opened(reference)
    for line, label, epoch in ((2, "exponential", 12), (4, "cyclical", 7)):
        expected = f"{label}, epoch {epoch}: {100 * mean_accuracy(reference, label, epoch):.2f} % (n = 10)"
        assert hover(browser, 0, line, epoch - 1) == expected
    assert hover(browser, 3, 1, 100).startswith("step, epoch ")


def test_the_epochs_can_be_zoomed_and_numbers_stay_right(
    opened: Callable[..., Any], reference: Experiment
) -> None:
    browser = opened(reference)
    move = """
        const slider = document.querySelector(`[data-zoom=${arguments[0]}]`);
        slider.value = arguments[1];
        slider.dispatchEvent(new Event("input", {bubbles: true}));
    """
    view = "return document.querySelector('.plot').getAttribute('viewBox')"
    assert browser.execute_script(view) == "0 0 15 240"
    browser.execute_script(move, "from", 10)
    assert browser.execute_script(view) == "10 0 5 240"
    ticks = browser.find_elements("css selector", "figure:first-child .x-axis text")
    assert [each.text for each in ticks] == ["10", "11", "12", "13", "14", "15"]
    expected = f"exponential, epoch 12: {100 * mean_accuracy(reference, 'exponential', 12):.2f} % (n = 10)"
    assert hover(browser, 0, 2, 11) == expected
    browser.execute_script(move, "to", 3)
    assert browser.execute_script(view) == "10 0 1 240", "the two never cross"
    browser.find_element("css selector", "[data-zoom=all]").click()
    assert browser.execute_script(view) == "0 0 15 240"


def test_keys_walk_along_the_curves(opened: Callable[..., Any], reference: Experiment) -> None:
    from selenium.webdriver.common.keys import Keys

    browser = opened(reference)
    chart = browser.find_elements("css selector", "svg.chart")[0]
    browser.execute_script("arguments[0].focus()", chart)
    tip = browser.find_element("css selector", ".tip")
    from selenium.webdriver import ActionChains

    def press(*keys: str) -> str:
        ActionChains(browser).send_keys(*keys).perform()
        return str(tip.text)

    assert press(Keys.ARROW_RIGHT).startswith("constant, epoch 1: ")
    assert press(Keys.ARROW_RIGHT).startswith("constant, epoch 2: ")
    assert press(Keys.ARROW_DOWN).startswith("step, epoch 2: ")
    assert press(Keys.ESCAPE) == ""


def test_the_table_of_runs_can_be_sorted(opened: Callable[..., Any], reference: Experiment) -> None:
    browser = opened(reference)
    button = "[...document.querySelectorAll('.sortable th button')].find(b => b.textContent == 'test loss')"
    column = (
        "return [...document.querySelectorAll('.sortable tbody tr')].map(row => Number(row.cells[4].textContent))"
    )
    browser.execute_script(f"{button}.click()")
    losses = browser.execute_script(column)
    assert len(losses) == 60
    assert losses == sorted(losses)
    browser.execute_script(f"{button}.click()")
    assert browser.execute_script(column) == sorted(losses, reverse=True)
    assert browser.execute_script(f"return {button}.parentElement.getAttribute('aria-sort')") == "descending"


def test_a_hostile_label_is_shown_as_text(opened: Callable[..., Any], tmp_path: Path) -> None:
    specs = f'{HOSTILE}=step,"><b>=cosine,constant'
    experiment = fake_run(tmp_path / "r", schedulers=specs, seeds=6).experiment
    browser = opened(experiment)
    from selenium.webdriver.support.expected_conditions import alert_is_present

    assert not alert_is_present()(browser)
    assert browser.execute_script("return document.querySelectorAll('img:not(.picture), b').length") == 0
    assert browser.execute_script("return document.querySelectorAll('script').length") == 2
    assert HOSTILE in browser.find_element("css selector", ".switches").text
    assert HOSTILE in browser.find_element("css selector", ".sortable").text
    assert [entry["message"] for entry in browser.get_log("browser")] == []


@pytest.mark.parametrize("width", [400, 800, 1600])
def test_nothing_is_wider_than_the_window(opened: Callable[..., Any], reference: Experiment, width: int) -> None:
    browser = opened(reference)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_a_script_it_still_switches(
    opened: Callable[..., Any], browser: Any, reference: Experiment
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(reference)
        browser.find_element("id", "e0-switch-0").click()
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        shown = "return getComputedStyle(document.querySelector('.chart .e0-0')).display"
        assert browser.execute_script(shown) == "none"
        assert not browser.find_element("css selector", ".zoom").is_displayed(), (
            "what needs a script is not offered"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_dark_and_paper(opened: Callable[..., Any], reference: Experiment) -> None:
    browser = opened(reference)
    background = "return getComputedStyle(document.body).backgroundColor"
    black_line = "return getComputedStyle(document.querySelector('.chart .e0-0 .line')).stroke"
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    assert browser.execute_script(background) == "rgb(22, 22, 22)"
    assert browser.execute_script(black_line) == "rgb(255, 255, 255)", "black would vanish"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert browser.execute_script(background) == "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not browser.find_element("css selector", ".zoom").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert len(browser.execute_cdp_cmd("Page.printToPDF", {})["data"]) > 10_000


def test_a_curve_of_one_epoch_can_be_seen(opened: Callable[..., Any], tmp_path: Path) -> None:
    browser = opened(fake_run(tmp_path / "r", schedulers="step,constant", epochs=1, seeds=2).experiment)
    dot = browser.find_element("css selector", ".chart .line.point")
    assert float(dot.value_of_css_property("stroke-width").removesuffix("px")) > 5
    assert dot.value_of_css_property("stroke-linecap") == "round"


def test_n_is_that_of_the_point(tmp_path: Path) -> None:
    """Where some runs diverged on the way, the first epochs are means over more runs than the last."""
    experiment = fake_run(tmp_path, schedulers="a=constant,b=step", seeds=4).experiment
    cut = [
        replace(one, result=replace(one.result, rows=one.result.rows[:2], status=Status.DIVERGED, test=None))
        if one.schedule.words == "a" and one.seed < 3
        else one
        for one in experiment.finished
    ]
    found = report.section("e0", answer(replace(experiment, finished=tuple(cut)), Question()))
    line = found.charts[0].lines[0]
    assert (line.label, line.counts) == ("a", [4, 4, 1, 1])
    rate = found.charts[-1].lines[0]
    assert (rate.counts[0], rate.counts[-1]) == (4, 1)


def test_keys_stay_inside_the_zoom_and_hidden_curves_are_silent(
    opened: Callable[..., Any], reference: Experiment
) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser = opened(reference)
    slider = "document.querySelector('[data-zoom=from]')"
    browser.execute_script(f"{slider}.value = 10; {slider}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    browser.execute_script("document.querySelector('svg.chart').focus()")
    tip = browser.find_element("css selector", ".tip")
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
    assert tip.text.startswith("constant, epoch 10: ")
    mark = browser.find_element("css selector", ".chart .mark")
    assert 72 <= float(mark.get_attribute("cx")) <= 632
    for i in range(6):
        browser.find_element("id", f"e0-switch-{i}").click()
    assert tip.text == ""
    assert hover(browser, 0, 2, 11) == ""


@pytest.fixture
def wide(browser: Any) -> Iterator[Callable[[int], None]]:
    """Make the window so many pixels wide, and 900 high."""

    def to(width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    yield to
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", [400, 800, 1200])
def test_every_word_can_be_read_and_lies_inside(
    opened: Callable[..., Any], wide: Callable[[int], None], tmp_path: Path, width: int
) -> None:
    long = "cyclical(half=2 epochs, floor=0.001, shape=sine, decay=half, warmup=1 epoch)"
    browser = opened(fake_run(tmp_path / "r", schedulers=f"constant,step,{long}", seeds=8).experiment)
    wide(width)
    heights = browser.execute_script(
        "return [...document.querySelectorAll('.rows span, .chart text')].filter(e => e.textContent.trim())"
        ".map(e => [e.textContent, e.closest('svg') ? e.getBoundingClientRect().height / 1.17"
        " : parseFloat(getComputedStyle(e).fontSize), e.getBoundingClientRect().left,"
        " e.getBoundingClientRect().right, e.closest('figure').getBoundingClientRect().right])"
    )
    assert len(heights) > 30
    for text, size, left, right, end in heights:
        assert size >= 10, text
        assert left >= 0, text
        assert right <= end + 1, text
    assert long.partition("(")[0] in heights[-1][0] or any("shape=sine" in text for text, *_ in heights)


def test_a_table_that_goes_on_is_shaded_at_that_edge(
    opened: Callable[..., Any], wide: Callable[[int], None], reference: Experiment
) -> None:
    import io

    from matplotlib.image import imread

    browser = opened(reference)
    wide(400)
    table = browser.find_element("css selector", ".scroll")

    def right_edge() -> float:
        """How bright the table's last pixels are between its lines of text: 0 to 1."""
        picture = imread(io.BytesIO(table.screenshot_as_png))[:, -3, :3]
        return float(np.median(picture))

    assert right_edge() < 0.8
    browser.execute_script("arguments[0].scrollLeft = 10000", table)
    assert right_edge() > 0.95
    wide(1200)
    assert right_edge() > 0.95


def test_a_page_of_a_table_works_in_a_browser(browser: Any, cli: Cli, tmp_path: Path) -> None:
    Path("my.csv").write_text(TABLE.replace("optimizer", "scheduler"))
    assert cli("report", "my.csv", "--metric", "accuracy").exit_code == 0
    browser.get_log("browser")
    browser.get((tmp_path / "my.report.html").as_uri())
    browser.execute_script("document.querySelectorAll('.sortable th button')[2].click()")
    column = (
        "return [...document.querySelectorAll('.sortable tbody tr')].map(e => parseFloat(e.cells[2].textContent))"
    )
    values = browser.execute_script(column)
    assert values == sorted(values)
    assert len(values) == 24
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_slider_tells_what_fewer_seeds_would_have_said(
    opened: Callable[..., Any], reference: Experiment
) -> None:
    browser = opened(reference)
    stories = browser.find_elements("css selector", ".looks .story")
    seeds = [story.get_attribute("data-seeds") for story in stories]
    assert seeds == ["1", "2", "3", "5", "10"]
    assert [story.is_displayed() for story in stories] == [False, False, False, False, True]
    assert "exponential is worse than constant" in stories[-1].text
    slider = "const all = document.querySelector('.looks input'); all.value = arguments[0];"
    browser.execute_script(slider + "all.dispatchEvent(new Event('input'))", 0)
    assert [story.is_displayed() for story in stories] == [True, False, False, False, False]
    assert "One seed cannot tell" in stories[0].text
    assert browser.find_element("css selector", ".looks output").text == "1"


@pytest.mark.parametrize("count", [6, 20])
def test_on_paper_every_table_keeps_all_its_columns(
    opened: Callable[..., Any], wide: Callable[[int], None], tmp_path: Path, count: int
) -> None:
    """The page as it is laid out for A4 with margins of 14 mm: 182 mm, 688 pixels."""
    labels = [f"a_rather_long_label_{i}=constant(lr=0.0{i})" for i in range(1, count - 1)]
    labels += ["constant", "exponential(lr=0.03)"]
    browser = opened(fake_run(tmp_path / "r", schedulers=",".join(labels), seeds=3, epochs=5).experiment)
    browser.execute_script("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    wide(688)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        tables = browser.execute_script(
            "return [...document.querySelectorAll('table')].map(e => [e.caption.textContent,"
            " Math.max(...[...e.querySelectorAll('th, td')].map(c => c.getBoundingClientRect().right)),"
            " Math.max(...[...e.querySelectorAll('th, td')].map(c => c.scrollWidth - c.clientWidth)),"
            " getComputedStyle(e.parentElement).overflowX,"
            " e.parentElement.scrollHeight - e.parentElement.clientHeight])"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert len(tables) > 5
    for caption, right, inside, overflow, hidden in tables:
        assert right <= 688, caption
        assert inside <= 1, caption
        assert overflow == "visible", caption
        assert hidden <= 1, caption


def test_what_leaves_a_chart_is_marked_there_and_follows_zoom_and_switch(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    names = "constant,cosine,hot=constant(lr=1000)"
    browser = opened(fake_run(tmp_path / "r", schedulers=names, seeds=2, epochs=6).experiment)
    rate = browser.find_elements("css selector", "svg.chart")[-1]
    (mark,) = rate.find_elements("css selector", ".beyond")
    assert mark.is_displayed()
    assert abs(mark.rect["y"] - rate.rect["y"] - rate.rect["height"] * 12 / 290) < 3, "at the upper border"
    browser.find_element("id", f"e0-switch-{mark.get_attribute('class').rpartition('-')[2]}").click()
    assert not mark.is_displayed()
    browser.find_element("id", f"e0-switch-{mark.get_attribute('class').rpartition('-')[2]}").click()
    slide = "const e = document.querySelector('[data-zoom=from]'); e.value = 3;"
    browser.execute_script(slide + "e.dispatchEvent(new Event('input', { bubbles: true }))")
    assert not mark.is_displayed(), "it left in the epochs before"


def test_colours_of_verdicts_are_used_for_nothing_else(reference: Experiment) -> None:
    for name in ("report.css", "preview.css"):
        css = (ROOT / "lrbench" / "show" / "page" / name).read_text()
        rules = re.findall(r"([^{}]+)\{([^{}]*(?:var\(--(?:better|worse)\)|#00684a|#a33b00)[^{}]*)\}", css)
        selectors = [selector.strip() for selector, _ in rules]
        assert all(":root" in each or "better" in each or "worse" in each for each in selectors), selectors
    text = page(reference)
    for colour in re.findall(r"--c: (#\w+)", text):
        assert colour not in ("#00684a", "#a33b00")


def test_plot_says_which_horizons_its_picture_by_budget_leaves_out(cli: Cli, tmp_path: Path) -> None:
    for epochs, names in ((2, "constant,cosine"), (5, "constant,cosine"), (8, "linear,rex")):
        fake_run(tmp_path / "results", schedulers=names, epochs=epochs)
    result = cli("plot", "results", "--format", "svg", "--out", "drawn")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("drawn/budgets-mnist-sgd")
    assert "not in the picture by budget: mnist-sgd-b32-e8" in result.stderr
    assert "(8 epochs) shares no schedule with the others." in result.stderr
