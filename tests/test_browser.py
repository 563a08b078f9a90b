"""The page in a real Chromium: it opens, filters, leads where its links say, and is for everybody.

These need chromium and chromedriver, and npm for axe-core: `pytest -m browser` runs them, and the gate where it can.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import visibility_of
from selenium.webdriver.support.ui import WebDriverWait

from scope_oracle.page import report_html
from scope_oracle.reports import read_report, report_of
from scope_oracle.scoreboard import LOOKED_AT, RESULTS

pytestmark = pytest.mark.browser

AXE = "axe-core@4.14.1"
CELL = "go-sdk-1.8.0/ACC-1"
BOARD = LOOKED_AT.as_uri()


def _chromium(*arguments: str) -> webdriver.Chrome:
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, place in found.items() if place is None]
    assert not missing, f"there is no {' and no '.join(missing)} here"
    options = webdriver.ChromeOptions()
    options.binary_location = str(found["chromium"])
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1200,900", *arguments):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service(str(found["chromedriver"])))


@pytest.fixture(scope="module")
def window() -> Iterator[webdriver.Chrome]:
    with _chromium() as driver:
        driver.set_script_timeout(200)  # axe-core looks at every element, on whatever machine
        yield driver


@pytest.fixture
def chromium(window: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """A browser as it comes, which shows nothing yet."""
    window.get("about:blank")
    yield window
    assert [entry for entry in window.get_log("browser") if entry["level"] == "SEVERE"] == []  # type: ignore[no-untyped-call]
    _emulate(window, "Emulation.clearDeviceMetricsOverride")
    _emulate(window, "Emulation.setEmulatedMedia", media="", features=[])
    _emulate(window, "Emulation.setScriptExecutionDisabled", value=False)


def _emulate(chromium: webdriver.Chrome, command: str, **parameters: object) -> None:
    chromium.execute_cdp_cmd(command, parameters)


def _narrow(chromium: webdriver.Chrome) -> None:
    _emulate(chromium, "Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=True)


def _prefers(chromium: webdriver.Chrome, scheme: str) -> None:
    _emulate(chromium, "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def _shown(chromium: webdriver.Chrome) -> int:
    return sum(each.is_displayed() for each in chromium.find_elements(By.CSS_SELECTOR, ".finding"))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of one result, of which something was expected, and something more."""
    form = json.loads((RESULTS / "mcp-remote-0.15.1.json").read_text("utf-8"))
    form["findings"][0]["expected"] = "known"
    form["gone"] = [{"finding": "EXT-3", "reason": "a reason"}]
    path = tmp_path_factory.mktemp("page") / "one.html"
    path.write_text(report_html([report_of(form)]), "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, AXE], check=True, timeout=120)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def _complaints(chromium: webdriver.Chrome, axe: str) -> list[str]:
    chromium.execute_script(axe)
    found: Mapping[str, list[dict[str, object]]] = chromium.execute_async_script(
        "const done = arguments[0]; axe.run().then(done);"
    )
    assert found["passes"]
    return [f"{each['id']}: {each['nodes']}" for each in found["violations"]]


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of twelve results: those that are recorded, and some of them twice."""
    recorded = list(map(read_report, sorted(RESULTS.glob("*.json"))))
    path = tmp_path_factory.mktemp("page") / "twelve.html"
    path.write_text(report_html([*recorded, *recorded][:12]), "utf-8")
    return path.as_uri()


def test_a_page_of_twelve_clients_opens_in_under_a_second(chromium: webdriver.Chrome, twelve: str) -> None:
    chromium.get(twelve)
    taken = chromium.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert 0 < taken < 1_000


def test_a_click_opens_a_finding_into_its_diagram(chromium: webdriver.Chrome, one: str) -> None:
    chromium.get(one)
    finding = chromium.find_element(By.CSS_SELECTOR, ".finding")
    accused = finding.find_element(By.CSS_SELECTOR, ".accused")
    assert not accused.is_displayed()
    finding.find_element(By.TAG_NAME, "summary").click()
    assert accused.is_displayed()
    assert accused.find_element(By.TAG_NAME, "svg").is_displayed()
    assert finding.find_element(By.CSS_SELECTOR, ".sides").is_displayed()
    http = finding.find_element(By.TAG_NAME, "pre")
    assert not http.is_displayed()
    finding.find_element(By.CSS_SELECTOR, ".body > details > summary").click()
    assert "HTTP/1.1" in http.text


def test_the_keyboard_opens_a_finding(chromium: webdriver.Chrome, one: str) -> None:
    chromium.get(one)
    summary = chromium.find_element(By.CSS_SELECTOR, ".finding > summary")
    summary.send_keys(Keys.ENTER)
    assert chromium.switch_to.active_element == summary
    assert chromium.find_element(By.CSS_SELECTOR, ".accused").is_displayed()


def test_the_filter_leaves_what_fits(chromium: webdriver.Chrome) -> None:
    chromium.get(BOARD)
    every = _shown(chromium)
    chromium.find_element(By.CSS_SELECTOR, "input[value=unspecified]").click()
    without = _shown(chromium)
    assert 0 < without < every
    chromium.find_element(By.NAME, "text").send_keys("case-sensitive")
    narrowed = _shown(chromium)
    assert 0 < narrowed < without
    assert chromium.find_element(By.NAME, "shown").text == f"{narrowed} of {every} findings"
    chromium.find_element(By.CSS_SELECTOR, "select[name=family] option:last-child").click()
    assert _shown(chromium) < narrowed


def test_a_cell_leads_to_its_finding_which_opens(chromium: webdriver.Chrome) -> None:
    chromium.get(BOARD)
    chromium.find_element(By.CSS_SELECTOR, f"td a[href='#{CELL}']").click()
    body = chromium.find_element(By.ID, CELL)
    WebDriverWait(chromium, 5).until(lambda _: body.is_displayed())
    assert chromium.current_url.endswith(f"#{CELL}")


def test_a_link_leads_to_what_the_filter_has_hidden_the_second_time_too(chromium: webdriver.Chrome) -> None:
    chromium.get(BOARD)
    cell, body = chromium.find_element(By.CSS_SELECTOR, f"td a[href='#{CELL}']"), chromium.find_element(By.ID, CELL)
    counts = chromium.find_element(By.CSS_SELECTOR, ".counts .violates a")
    for link, leads_to in ((cell, body), (cell, body), (counts, chromium.find_element(By.ID, "violates"))):
        chromium.find_element(By.NAME, "text").send_keys("nothing has this text")
        assert not leads_to.is_displayed()
        link.click()
        WebDriverWait(chromium, 5).until(visibility_of(leads_to))


def test_the_keyboard_reaches_everything_and_shows_where_it_is(chromium: webdriver.Chrome, one: str) -> None:
    chromium.get(one)
    chromium.execute_script("for (const each of document.querySelectorAll('.finding')) each.open = true")
    wanted = chromium.execute_script(
        "return [...document.querySelectorAll('a, summary, input, select, button, [tabindex=\\'0\\']')]"
        ".filter((each) => each.checkVisibility({ contentVisibilityAuto: true })).length"
    )
    seen = set()
    for _ in range(wanted):
        ActionChains(chromium).send_keys(Keys.TAB).perform()
        place, width, style = chromium.execute_script(
            "const at = document.activeElement, style = getComputedStyle(at);"
            "return [[...document.querySelectorAll('*')].indexOf(at), style.outlineWidth, style.outlineStyle]"
        )
        assert (width, style) == ("3px", "solid")
        seen.add(place)
    assert len(seen) == wanted > 100


def test_the_clients_and_the_clauses_of_the_table_stay_in_sight(chromium: webdriver.Chrome) -> None:
    chromium.get(BOARD)
    chromium.find_element(By.CSS_SELECTOR, "header a[href='#clauses']").click()
    seen = chromium.execute_script(
        "const box = document.querySelector('.several'); box.scrollTo(200, 900);"
        "const at = (each) => document.querySelector(each).getBoundingClientRect();"
        "const last = [...document.querySelectorAll('thead th')].at(-2).getBoundingClientRect();"
        "return [at('thead th').top - at('.several').top, last.top - at('.several').top,"
        " at('tbody th').left - at('.several').left, box.scrollTop]"
    )
    assert seen == [0, 0, 0, 900]


def test_a_permalink_opens_without_a_script(chromium: webdriver.Chrome) -> None:
    _emulate(chromium, "Emulation.setScriptExecutionDisabled", value=True)
    chromium.get(f"{BOARD}#{CELL}")
    WebDriverWait(chromium, 5).until(lambda _: chromium.find_element(By.ID, CELL).is_displayed())
    assert not chromium.find_element(By.ID, "filter").is_displayed()
    assert not chromium.find_element(By.CSS_SELECTOR, f"[id='{CELL}'] .copy").is_displayed()


def test_the_button_takes_the_issue(chromium: webdriver.Chrome, one: str) -> None:
    chromium.get(one)
    chromium.find_element(By.CSS_SELECTOR, ".finding > summary").click()
    chromium.find_element(By.CSS_SELECTOR, ".issue > summary").click()
    button = chromium.find_element(By.CSS_SELECTOR, ".copy")
    button.click()
    WebDriverWait(chromium, 5).until(lambda _: button.text != "Copy")
    assert button.text == "Copied" or chromium.execute_script("return String(getSelection())").startswith("### ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_off_a_narrow_screen(chromium: webdriver.Chrome, scheme: str) -> None:
    _narrow(chromium)
    _prefers(chromium, scheme)
    chromium.get(f"{BOARD}#{CELL}")
    chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    beyond = chromium.execute_script(
        "return [...document.querySelectorAll('body *:not(.skip)')].filter((each) =>"
        " each.getBoundingClientRect().right > 361).map((each) => each.outerHTML.slice(0, 200)).slice(0, 5)"
    )
    assert beyond == []
    assert chromium.execute_script("return document.documentElement.scrollWidth") == 360


def test_dark_is_dark_and_light_is_light(chromium: webdriver.Chrome, one: str) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        _prefers(chromium, scheme)
        chromium.get(one)
        seen[scheme] = chromium.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert seen == {"light": "rgba(255, 255, 255, 1)", "dark": "rgba(22, 22, 22, 1)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_axe_finds_nothing(chromium: webdriver.Chrome, one: str, axe: str, scheme: str, width: str) -> None:
    if width == "narrow":
        _narrow(chromium)
    _prefers(chromium, scheme)
    chromium.get(one)
    chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert _complaints(chromium, axe) == []


def test_axe_finds_nothing_on_the_scoreboard(chromium: webdriver.Chrome, axe: str) -> None:
    chromium.get(f"{BOARD}#{CELL}")
    assert _complaints(chromium, axe) == []


def test_what_is_printed_is_open(chromium: webdriver.Chrome, one: str) -> None:
    chromium.get(one)
    visible = "return document.querySelector('.accused').checkVisibility({ contentVisibilityAuto: true })"
    assert not chromium.execute_script(visible)
    _emulate(chromium, "Emulation.setEmulatedMedia", media="print")
    WebDriverWait(chromium, 5).until(lambda _: chromium.execute_script(visible))
    assert not chromium.find_element(By.ID, "filter").is_displayed()
