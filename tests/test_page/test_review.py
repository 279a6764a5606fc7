"""The review, by keyboard alone: how fast it is, and that nothing that was typed is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.test_api.server import Server
from tests.test_page.conftest import Opener, write_word

WORDS = ("maison", "entre", "Monat", "lire", "ville", "Briefe", "1987", "jardin", "temps", "Herbst", "pont", "nuit")
LOOKING = 0.7  # seconds in which a person looks at a word
STROKE = 120  # milliseconds from key to key: some forty words a minute


@pytest.fixture
def waiting(service: Server, tmp_path: Path) -> Iterator[list[str]]:
    """The ids of readings that wait in the queue; other tests' are taken off it."""
    for item in queue(service):
        httpx.post(f"{service.url}/review/{item['id']}/dismiss").raise_for_status()
    ids = []
    for number, text in enumerate(WORDS):
        image = write_word(tmp_path / f"{number}.png", text, number)
        answer = httpx.post(f"{service.url}/predict/", files={"file": image.read_bytes()}, timeout=30)
        ids.append(answer.raise_for_status().json()["id"])
    yield ids


def queue(service: Server) -> list[dict]:
    return httpx.get(f"{service.url}/review", params={"limit": 100}).raise_for_status().json()["items"]


def saved(service: Server) -> dict[str, str]:
    answer = httpx.get(f"{service.url}/corrections", params={"limit": 100}).raise_for_status().json()
    return {item["prediction_id"]: item["text"] for item in sorted(answer["items"], key=lambda item: item["created"])}


def wait_for_image(page: Page) -> None:
    expect(page.locator("#check .stage img")).to_be_visible()


def test_a_person_checks_twenty_words_a_minute(open_page: Opener, service: Server, waiting: list[str]) -> None:
    right = dict(zip(waiting, WORDS, strict=True))
    order = queue(service)
    page = open_page(service)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the link to the review
    latencies = []
    start = time.perf_counter()
    for item in order:
        shown = time.perf_counter()
        wait_for_image(page)
        latencies.append(time.perf_counter() - shown)
        time.sleep(LOOKING)
        expect(page.locator("#review-text")).to_be_focused()
        assert page.input_value("#review-text") == item["text"]
        if item["text"] != right[item["id"]]:
            page.keyboard.press("Control+A")
            page.keyboard.type(right[item["id"]], delay=STROKE)
        page.keyboard.press("Enter")
    rate = 60 * len(order) / (time.perf_counter() - start)
    expect(page.locator("#outbox-status")).to_have_text("All saved.")
    assert {name: text for name, text in saved(service).items() if name in right} == right
    expect(page.locator("#nothing-text")).to_have_text("Nothing waits for review.")
    expect(page.locator("#nothing-hint")).to_be_hidden()
    page.reload()
    expect(page.locator("#nothing-text")).to_have_text("Nothing waits for review.")
    expect(page.locator("#nothing-hint")).to_be_hidden()
    assert rate >= 20, f"{rate:.0f} words a minute"
    assert sorted(latencies)[len(latencies) // 2] < 0.3, latencies


def test_skipped_dismissed_and_taken_back(open_page: Opener, service: Server, waiting: list[str]) -> None:
    first, second, third, *_ = (item["id"] for item in queue(service))
    page = open_page(service, "#review")
    wait_for_image(page)
    expect(page.locator("#remaining")).to_have_text(f"{len(WORDS)} to check")
    page.keyboard.type(" and more")
    typed = page.input_value("#review-text")
    page.keyboard.press("Escape")
    wait_for_image(page)
    expect(page.locator("#remaining")).to_have_text(f"{len(WORDS) - 1} to check, 1 skipped")
    page.keyboard.press("Alt+KeyN")
    wait_for_image(page)
    page.keyboard.press("Control+A")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    wait_for_image(page)
    page.keyboard.press("Shift+Enter")
    wait_for_image(page)
    expect(page.locator("#review-text")).to_have_value("wrong")
    page.keyboard.press("Control+A")
    page.keyboard.type("right")
    page.keyboard.press("Enter")
    wait_for_image(page)
    expect(page.locator("#outbox-status")).to_have_text("All saved.")
    left = [item["id"] for item in queue(service)]
    assert first in left and second not in left and third not in left
    assert saved(service)[third] == "right"
    assert second not in saved(service)
    for _ in left[1:]:
        page.keyboard.press("Escape")
        page.wait_for_timeout(50)
    page.get_by_role("button", name=f"Show the {len(left)} skipped").click()
    expect(page.locator("#review-text")).to_have_value(typed)


def test_what_is_typed_offline_arrives_later(open_page: Opener, service: Server, waiting: list[str]) -> None:
    first, second, *_ = (item["id"] for item in queue(service))
    page = open_page(service, "#review", expected="Failed to load resource")
    wait_for_image(page)
    page.wait_for_timeout(500)  # the next images come
    page.context.set_offline(True)
    for text in ("one", "two"):
        wait_for_image(page)
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    expect(page.locator("#outbox-status")).to_contain_text("2 answers are not saved yet, and kept in this browser")
    assert first not in saved(service)
    page.context.set_offline(False)
    other = page.context.new_page()  # as if this one had been closed
    page.close()
    other.goto(f"{service.url}/#review")
    expect(other.locator("#outbox-status")).to_have_text("")
    wait_for_image(other)
    assert saved(service) | {first: "one", second: "two"} == saved(service)


def test_what_the_service_refuses_can_be_mended(open_page: Opener, service: Server, waiting: list[str]) -> None:
    page = open_page(service, "#review", expected="422")
    wait_for_image(page)
    first = queue(service)[0]["id"]
    page.fill("#review-text", "x" * 100_000)
    page.keyboard.press("Enter")
    wait_for_image(page)
    expect(page.locator("#failed")).to_contain_text("Not saved")
    page.get_by_role("button", name="Open again").click()
    wait_for_image(page)
    page.fill("#review-text", "short")
    page.keyboard.press("Enter")
    expect(page.locator("#outbox-status")).to_have_text("All saved.")
    assert saved(service)[first] == "short"
