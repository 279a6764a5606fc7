"""No barrier that axe finds, in both views, light and dark, on a desk and on a phone; and no sideways scrolling."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.test_api.server import Server
from tests.test_page.conftest import Opener

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check(page: Page) -> None:
    found = Axe().run(page, options={"runOnly": RULES})
    assert not found.response["violations"], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_nothing_stands_in_the_way(open_page: Opener, service: Server, word: Path, phone: bool, dark: bool) -> None:
    page = open_page(service, phone=phone, dark=dark, expected="415")
    check(page)
    page.set_input_files("#choose", {"name": "a.png", "mimeType": "image/png", "buffer": b"no image"})
    expect(page.locator("#read-problem")).not_to_be_empty()
    check(page)
    page.set_input_files("#choose", word)
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#result-title")).to_be_focused()
    page.click("#correction .primary")
    page.click("#commands summary")
    expect(page.locator("#save-status")).to_contain_text("is right")
    check(page)
    page.click("#change-key")
    check(page)
    page.keyboard.press("Escape")
    page.set_input_files("#choose", word)
    expect(page.locator("#result")).to_be_visible()
    page.click("nav a[href='#review']")
    expect(page.locator("#check img")).to_be_visible()
    expect(page.locator("#review-text")).to_be_focused()
    check(page)
    page.click("#dismiss")
    expect(page.locator("#nothing")).to_be_visible()
    check(page)


def test_it_fits_a_narrow_screen(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service)
    page.set_viewport_size({"width": 320, "height": 640})  # what WCAG calls reflow: a desk's page at 400 %
    page.set_input_files("#choose", word)
    expect(page.locator("#result")).to_be_visible()
    page.click("#commands summary")
    check(page)
    page.click("nav a[href='#review']")
    expect(page.locator("#check")).to_be_visible()
    check(page)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_status_page_too(open_page: Opener, service: Server, word: Path, phone: bool, dark: bool) -> None:
    page = open_page(service, phone=phone, dark=dark)
    page.set_input_files("#choose", word)
    expect(page.locator("#result")).to_be_visible()
    page.click("footer a[href='status']")
    expect(page.locator("h1")).to_have_text("Status")
    expect(page.locator("dt", has_text="images read")).to_be_visible()
    check(page)
    page.set_viewport_size({"width": 320, "height": 640})
    check(page)
    page.click("nav a >> nth=0")
    expect(page.locator("#read-title")).to_be_visible()
