"""The page in a real browser, before a real service with the released model; skipped where there is no Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from src.api.keys import digest_of
from src.api.store import Store
from src.data.synthesis.drawing import draw_word
from src.data.synthesis.writer import create_writer
from src.paths import Paths
from tests.test_api.server import ROOT, Server, serve

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
KEY = "lh_for_the_tests_of_the_page"


# For a module and not for all: while Playwright runs in a thread, no other event loop can.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the page is not tested")
    expect.set_options(timeout=15_000)  # milliseconds; a busy machine's stalls are no faults of the page
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # for whom Chromium has no sandbox
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if root else [])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that keeps what it reads, for the review."""
    folder = tmp_path_factory.mktemp("service")
    with serve(folder, Paths(ROOT).released_model, keep_predictions="true") as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that wants a key, keeps nothing, and forgets a reading at once."""
    folder = tmp_path_factory.mktemp("guarded")
    store = Store(f"sqlite:///{folder / 'longhand.db'}")
    store.add_key("page", "corrector", digest_of(KEY))
    store.close()
    with serve(folder, Paths(ROOT).released_model, keys="on", recent_minutes="0.00001") as server:
        yield server


Opener = Callable[..., Page]


@pytest.fixture
def open_page(playwright: Playwright, browser: Browser) -> Iterator[Opener]:
    """Opens the page; afterwards, nothing may have gone wrong unseen, and no other host may have been asked."""
    contexts, faults = [], []

    def opened(server: Server, view: str = "", *, phone: bool = False, dark: bool = False, expected: str = "") -> Page:
        """Open a view.

        Args:
            server: Whose page.
            view: What follows the address, as "#review".
            phone: Whether on a phone, with touch.
            dark: Whether the person prefers dark colours.
            expected: A part of the console's messages that may come, such as the status of an answer.
        """
        size = playwright.devices["Pixel 7"] if phone else {"viewport": {"width": 1180, "height": 860}}
        size.pop("default_browser_type", None)
        # Without motion, so that what a test points at stays where it is.
        scheme = "dark" if dark else "light"
        context = browser.new_context(**size, color_scheme=scheme, reduced_motion="reduce")
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        contexts.append(context)
        # It waits until the browser is idle, at times for seconds; pngOf of document.js does not.
        context.add_init_script("HTMLCanvasElement.prototype.toBlob = () => { throw new Error('toBlob is slow') }")
        page = context.new_page()

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not (expected and expected in message.text):
                faults.append(message.text)

        def asked(url: str) -> None:
            if urlsplit(url).scheme not in ("blob", "data") and not url.startswith(server.url):
                faults.append(url)

        page.on("console", heard)  # where Chromium also reports what the Content-Security-Policy forbids
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        answer = page.goto(f"{server.url}/{view}")
        assert answer is not None and "default-src 'none'" in answer.headers["content-security-policy"]
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def word(tmp_path: Path) -> Path:
    """An image of a word."""
    return write_word(tmp_path / "word.png", "maison", 1)


def write_word(path: Path, text: str, number: int) -> Path:
    """Draw a word into a PNG file; each number has its own hand."""
    assert cv2.imwrite(str(path), draw_word(text, create_writer(11, number), np.random.default_rng(number)))
    return path
