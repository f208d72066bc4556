"""The page to try schedules on, in a real browser: it computes what lrbench computes and prints what it prints."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium, requests
from drawn import OPEN_LOOP, drawn_specs
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from typer.testing import Result

from lrbench.errors import BadSpec
from lrbench.schedules import Horizon, parse, parse_list
from lrbench.show import preview_page
from lrbench.show.styles import FIXED, styles
from lrbench.show.take_home import script

HORIZON = Horizon(epochs=7, steps_per_epoch=100)
ASK = """
const [specs, lr, epochs, each] = arguments, horizon = new Horizon(epochs, each);
return specs.map((text) => {
  try {
    const schedule = parse(text, lr);
    return { rates: [...table(schedule, horizon)], code: script(schedule, horizon), spec: spec(schedule) };
  } catch (error) { return { problem: error.message }; }
});
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open the page on a list of schedules, at an address with a fragment or none."""

    def open_page(schedulers: str, fragment: str = "") -> Any:
        path = tmp_path / "preview.html"
        path.write_text(preview_page.render(parse_list(schedulers), HORIZON, 0.1))
        browser.get("about:blank")
        for kind in ("browser", "performance"):
            browser.get_log(kind)
        browser.get(path.as_uri() + fragment)
        return browser

    return open_page


def asked(browser: Any, specs: list[str], lr: float, horizon: Horizon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.execute_script(ASK, specs, lr, horizon.epochs, horizon.steps_per_epoch)
    return found


EXACT = [  # spans that products of floats put on other steps
    "step(every=2.2 epochs)",
    "step(every=1.1 steps)",
    "exponential(every=1.1 epochs, staircase=true)",
    "inverse_time(every=1.1 steps, staircase=true)",
    "multistep(at=1.1 epochs;2.2 epochs)",
    f"multistep(at={100 / 3!r}%;{200 / 3!r}%)",
    "constant(warmup=0.7%, hold=1.1 epochs, cooldown=1.1 epochs, cooldown_shape=square)",
    "restarts(first=1.1 epochs, mult=1)",
    "onecycle(up=1.1 epochs)",
    "join(step(every=1.1 epochs); wsd(cooldown=1.1 epochs, shape=inverse-linear), at=2.2 epochs)",
]
BY_EPOCHS = [
    "wsd(per=epoch)",
    "cosine(warmup=2 epochs, warmup_shape=cosine, per=epoch)",
    "cosine(warmup=2 epochs, warmup_start=1%, per=epoch)",
    "join(noam(warmup=1 epoch); linear(warmup=1.5 epochs), at=2 epochs, per=epoch)",
    "join(noam(warmup=1 epoch, per=epoch); linear(warmup=1.5 epochs, per=epoch), at=2 epochs)",
]


@pytest.mark.parametrize("horizon", [Horizon(4, 25), HORIZON, Horizon(7, 143)], ids=str)
def test_the_page_computes_every_rate_and_prints_the_code_of_every_schedule(
    opened: Callable[..., Any], horizon: Horizon
) -> None:
    specs = [*drawn_specs(horizon, 0.3, each=12), *EXACT, *BY_EPOCHS]
    for spec, found in zip(specs, asked(opened("cosine"), specs, 0.3, horizon), strict=True):
        schedule = parse(spec, 0.3)
        assert "problem" not in found, (spec, found)
        table = schedule.table(horizon)
        assert np.allclose(found["rates"], table, rtol=1e-9, atol=1e-16), spec
        assert found["code"] == script(schedule, "keras", horizon)
        assert found["spec"] == schedule.spec


@pytest.mark.parametrize(
    "spec",
    [
        "cosin",
        "cosine(floor=200%)",
        "cosine(warmup=100%)",
        "cosine(warmup=5)",
        "cosine(k=0)",
        "cosine(cooldown=90%, warmup=20%)",
        "cosine(warmup_start=1%)",
        "step(gamma=2)",
        "step(every=0%)",
        "multistep(at=50%;20%)",
        "piecewise(at=50%)",
        "onecycle(up=100%)",
        "cyclical(shape=square)",
        "restarts(mult=0.5)",
        "wsd(cooldown=100%)",
        "join(cosine; rex, at=100%)",
        "join(cosine; rex; step)",
        "exponential(staircase=yes)",
        "cosine(floor=1%",
        "constant(lr=0)",
    ],
)
def test_what_lrbench_refuses_the_page_refuses(opened: Callable[..., Any], spec: str) -> None:
    with pytest.raises(BadSpec):
        parse(spec).table(HORIZON)
    (found,) = asked(opened("cosine"), [spec], 0.1, HORIZON)
    assert found.keys() == {"problem"}


def test_it_is_one_small_file_that_asks_nobody(opened: Callable[..., Any]) -> None:
    text = preview_page.render(parse_list("cosine"), HORIZON, 0.1)
    assert len(text.encode()) < 100_000
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:,)""", text)
    assert "default-src 'none'" in text
    browser = opened("cosine,wsd")
    browser.find_element(By.ID, "add").click()
    assert [entry["message"] for entry in browser.get_log("browser")] == []
    assert requests(browser) == [browser.current_url.partition("#")[0]]


def test_every_schedule_can_be_added_and_has_a_curve_figures_and_code(opened: Callable[..., Any]) -> None:
    browser = opened("constant")
    listed = [each.get_attribute("value") for each in browser.find_elements(By.CSS_SELECTOR, "#name option")]
    assert sorted(listed) == OPEN_LOOP
    for name in OPEN_LOOP[:3]:
        browser.execute_script("document.getElementById('name').value = arguments[0]", name)
        browser.find_element(By.ID, "add").click()
        table = parse(name).table(HORIZON)
        said = browser.find_elements(By.CSS_SELECTOR, ".said")[-1].text
        assert said == f"first {table[0]:.4g}, mean {table.mean():.4g}, last {table[-1]:.4g}"
    assert len(browser.find_elements(By.CSS_SELECTOR, "#chart path.line")) == 4
    code = browser.execute_script("return [...document.querySelectorAll('pre')].at(-1).textContent")
    assert code == script(parse(OPEN_LOOP[2]), "keras", HORIZON)


def test_the_address_holds_the_state_and_a_link_reproduces_it(opened: Callable[..., Any]) -> None:
    browser = opened("cosine(warmup=5%),wsd")
    slider = browser.find_element(By.CSS_SELECTOR, "[aria-label='floor, as a slider']")
    slider.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 4)
    assert browser.find_element(By.CSS_SELECTOR, ".spec").get_attribute("value") == "cosine(warmup=5%, floor=2%)"
    epochs = browser.find_element(By.ID, "epochs")
    epochs.send_keys(Keys.CONTROL, "a")
    epochs.send_keys("9")
    said = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".said")]
    last = parse("cosine(warmup=5%, floor=2%)").table(Horizon(9, 100))[-1]
    assert said[0].endswith(f"last {last:.4g}")
    fragment = "#" + browser.current_url.partition("#")[2]
    again = opened("step", fragment)
    assert [each.text for each in again.find_elements(By.CSS_SELECTOR, ".said")] == said
    assert again.find_element(By.ID, "epochs").get_attribute("value") == "9"


def test_a_parameter_is_typed_letter_by_letter(opened: Callable[..., Any]) -> None:
    browser = opened("cosine")
    field = browser.find_element(By.CSS_SELECTOR, "[id$='-warmup']")
    field.send_keys(Keys.CONTROL, "a")
    for letter in "2 epochs":
        field.send_keys(letter)
    assert browser.find_element(By.CSS_SELECTOR, ".spec").get_attribute("value") == "cosine(warmup=2 epochs)"
    first = parse("cosine(warmup=2 epochs)").table(HORIZON)[0]
    assert browser.find_element(By.CSS_SELECTOR, ".said").text.startswith(f"first {first:.4g}, ")


def test_what_is_wrong_is_said_beside_it_and_nothing_is_run(opened: Callable[..., Any]) -> None:
    browser = opened("step", "#s=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&s=cosine(floor%3D200%25)&s=rex")
    said = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".said")]
    assert said[0] == "<img src=x onerror=alert(1)>: no schedule of the list."
    assert said[1] == "cosine wants floor between 0 and lr."
    assert said[2].startswith("first 0.1,")
    assert not browser.find_elements(By.CSS_SELECTOR, "img")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#chart path.line")) == 1


def pasted(browser: Any) -> str:
    """What stands on the clipboard, as whoever pastes it gets it."""
    area = typed_into_an_area(browser, Keys.CONTROL, "v")
    return str(area.get_property("value"))


def typed_into_an_area(browser: Any, *keys: str) -> Any:
    area = browser.execute_script("return document.body.appendChild(document.createElement('textarea'))")
    area.send_keys(*keys)
    return area


def press(browser: Any, button: Any) -> str:
    """Press a button that copies; return what it says then. After a while it has its name again."""
    name = button.text
    button.click()
    WebDriverWait(browser, 5).until(lambda _: button.text != name)
    return str(button.text)


@pytest.fixture
def denied(browser: Any) -> Iterator[None]:
    """No page may write on the clipboard."""
    permission = {"permission": {"name": "clipboard-write"}, "setting": "denied"}
    browser.execute_cdp_cmd("Browser.setPermission", permission)
    yield
    browser.execute_cdp_cmd("Browser.resetPermissions", {})


def copied(browser: Any) -> list[tuple[str, str]]:
    """Change a spec, press both of its buttons; return what each says, and what stands on the clipboard then."""
    card = browser.find_elements(By.CSS_SELECTOR, "#cards section")[1]
    card.find_element(By.XPATH, ".//summary[text()='Code for Keras']").click()
    card.find_element(By.CSS_SELECTOR, ".spec").send_keys(Keys.END, Keys.ARROW_LEFT, ", floor=2%")
    found = []
    for name in ("Copy the spec", "Copy the code"):
        typed_into_an_area(browser, "as before", Keys.CONTROL, "ac")
        said = press(browser, card.find_element(By.XPATH, f".//button[text()='{name}']"))
        found.append((said, pasted(browser)))
    return found


CHANGED = "cosine(warmup=5%, floor=2%)"
COPIED = [("Copied", CHANGED), ("Copied", script(parse(CHANGED), "keras", HORIZON))]


def test_the_buttons_copy_the_spec_and_the_code(opened: Callable[..., Any]) -> None:
    assert copied(opened("step,cosine(warmup=5%)")) == COPIED


@pytest.mark.usefixtures("denied")
def test_where_the_page_may_not_use_the_clipboard_it_copies_what_it_marks(opened: Callable[..., Any]) -> None:
    browser = opened("step,cosine(warmup=5%)")
    browser.execute_script("addEventListener('copy', () => { window.copies = (window.copies ?? 0) + 1; })")
    assert copied(browser) == COPIED
    assert browser.execute_script("return window.copies") == 4, "two of them are the test's own"


@pytest.mark.usefixtures("denied")
def test_where_nothing_can_be_copied_the_buttons_say_so(opened: Callable[..., Any]) -> None:
    browser = opened("step,cosine(warmup=5%)")
    browser.execute_script("document.execCommand = () => false")  # as a browser that has given it up
    assert copied(browser) == [("Mark it and copy by hand", "as before")] * 2


def test_a_button_that_is_pressed_twice_has_its_name_again(opened: Callable[..., Any]) -> None:
    browser = opened("rex")
    button = browser.find_element(By.XPATH, "//button[text()='Copy the spec']")
    assert press(browser, button) == "Copied"
    button.click()
    WebDriverWait(browser, 5).until(lambda _: button.text == "Copy the spec")


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_reaches_beyond_the_screen(opened: Callable[..., Any], width: int) -> None:
    browser = opened("cosine(warmup=5%),join,wsd")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_command_line_writes_the_page(cli: Callable[..., Result], tmp_path: Path) -> None:
    assert cli("preview", "--html").stdout == "preview.html\n"
    assert cli("preview", "--html", "a=step,rex(lr=0.2)", "-o", "mine.html", "--epochs", "3").exit_code == 0
    data = re.search(r'id="data">(.*?)</script>', (tmp_path / "mine.html").read_text())
    assert data
    start = json.loads(data[1])["start"]
    assert (start["epochs"], start["specs"]) == (3, ["step", "rex(lr=0.2)"])


LABELS = [
    ["cosine", "step", "constant"],
    ["constant(lr=0.1)", "constant(lr=0.2)", "constant", "mine", "日本"],
    ["step(every=5 epochs)", "step(lr=0.3, every=5 epochs)", "cosine(lr=0.316)", "a(b", "x (lr=1)", "toString"],
    [f"s{i}" for i in range(40)],
    sorted(FIXED),
]


@pytest.mark.parametrize("labels", LABELS, ids=len)
def test_the_page_draws_a_schedule_as_every_picture_does(opened: Callable[..., Any], labels: list[str]) -> None:
    found = opened("cosine").execute_script("return styles(arguments[0])", labels)
    expected = {label: [style.colour, style.stroke, style.pattern] for label, style in styles(labels).items()}
    assert found == expected


def test_a_label_of_the_user_s_has_its_colour_on_the_page(opened: Callable[..., Any]) -> None:
    browser = opened("mine=cosine(warmup=10%),cosine")
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('#chart path')].map(e => e.style.getPropertyValue('--c').trim())"
    )
    expected = styles(["mine", "cosine"])
    assert drawn == [expected["mine"].colour, expected["cosine"].colour]


def test_on_paper_every_curve_has_its_key(opened: Callable[..., Any]) -> None:
    """A key that is a coloured background is not printed; a line is."""
    browser = opened("cosine,step,linear")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        keys = browser.execute_script(
            "return [...document.querySelectorAll('section')].map(e => {"
            " const line = e.querySelector('.sample line');"
            " const box = line.getBoundingClientRect(); return [getComputedStyle(line).stroke,"
            " line.getAttribute('stroke-dasharray'), box.width, e.querySelector('.spec').value]; })"
        )
        curves = browser.execute_script(
            "return [...document.querySelectorAll('#chart path')]"
            ".map(e => [getComputedStyle(e).stroke, e.getAttribute('stroke-dasharray')])"
        )
        buttons = browser.find_elements(By.CSS_SELECTOR, "section button")
        assert not any(each.is_displayed() for each in buttons), "nobody presses them on paper"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert [key[:2] for key in keys] == curves
    assert [key[3] for key in keys] == ["cosine", "step", "linear"]
    assert all(key[2] > 15 for key in keys)
    assert len({key[0] for key in keys}) == 3
