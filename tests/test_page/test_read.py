"""The view that reads: what a person sees and does, and what the service has afterwards."""

import json
import subprocess
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from rapidfuzz.distance import Levenshtein

from src.data.synthesis.pen import write
from src.data.synthesis.writer import create_writer
from tests.test_api.server import Server
from tests.test_page.conftest import KEY, Opener, write_word


def read_by_program(service: Server, image: Path) -> dict:
    answer = httpx.post(
        f"{service.url}/predict/", files={"file": image.read_bytes()}, data={"alternatives": 4}, timeout=30
    )
    return answer.raise_for_status().json()


def read_file(page: Page, image: Path) -> None:
    page.set_input_files("#choose", image)
    expect(page.locator("#result")).to_be_visible()


def write_by_hand(page: Page, text: str, *, size: float) -> None:
    """Write on the sheet as a person with a mouse does: each stroke pressed, moved and lifted."""
    box = page.locator("#sheet canvas").bounding_box()
    assert box
    traces = write(text, create_writer(11, 3), np.random.default_rng(1))
    points = np.concatenate([trace.points for trace in traces])
    scale = size / float(np.ptp(points[:, 1]))
    offset = np.array([box["x"] + 30, box["y"] + 40]) - points.min(axis=0) * scale
    for trace in traces:
        path = trace.points * scale + offset
        page.mouse.move(*path[0])
        page.mouse.down()
        for point in path[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def test_a_file_is_read_and_its_letters_are_shown_with_confidence_and_place(
    open_page: Opener, service: Server, word: Path
) -> None:
    known = read_by_program(service, word)
    page = open_page(service)
    read_file(page, word)
    expect(page.locator("#result-title")).to_contain_text(known["text"])
    expect(page.locator("#text")).to_have_value(known["text"])
    letters = page.locator("#letters button")
    assert "".join(letters.all_text_contents()) == known["text"]
    assert not page.locator("#sheet .mark:visible").count()

    image = page.locator("#sheet img").bounding_box()
    assert image
    for index, character in enumerate(known["characters"]):
        letters.nth(index).hover()
        mark = page.locator("#sheet .mark:visible").bounding_box()
        assert mark
        scale = image["width"] / known["image"]["width"]
        assert mark["x"] - 1 <= image["x"] + scale * character["start"]
        assert mark["x"] + mark["width"] + 1 >= image["x"] + scale * character["end"]
        assert mark["width"] < image["width"] / 2
        assert letters.nth(index).get_attribute("title") in (letters.nth(index).get_attribute("aria-label") or "")
    letters.first.focus()
    page.keyboard.press("ArrowRight")
    expect(letters.nth(1)).to_be_focused()
    expect(page.locator("#sheet .mark:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    assert page.evaluate("getSelection().toString()") == known["characters"][1]["text"]


def test_a_pasted_image_is_read(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service)
    copy = """async (bytes) => navigator.clipboard.write(
      [new ClipboardItem({"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])"""
    page.evaluate(copy, list(word.read_bytes()))
    page.keyboard.press("Control+V")
    expect(page.locator("#result-title")).to_contain_text(read_by_program(service, word)["text"])


def test_a_dropped_image_is_read(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service)
    bring = """(bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], "word.png", {type: "image/png"}));
      return transfer;
    }"""
    dropped = page.evaluate_handle(bring, list(word.read_bytes()))
    page.dispatch_event("main", "drop", {"dataTransfer": dropped})
    expect(page.locator("#result-title")).to_contain_text(read_by_program(service, word)["text"])


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_written_on_the_sheet_is_read(open_page: Opener, service: Server, tmp_path: Path, dark: bool) -> None:
    page = open_page(service, dark=dark)
    expect(page.locator("#send")).to_be_disabled()
    write_by_hand(page, "lire", size=90)
    page.click("#send")
    expect(page.locator("#result")).to_be_visible()
    assert Levenshtein.distance(page.input_value("#text"), "lire") <= 1
    page.locator("#letters button").first.hover()
    expect(page.locator("#sheet .mark:visible")).to_have_count(1)

    page.click("#commands summary")
    with page.expect_download() as download:
        page.click("#download")
    sent = np.asarray(Image.open(download.value.path()).convert("L"))
    assert np.median(sent) == 255 and sent.min() < 60, "dark ink on white, also where the page is dark"


def test_strokes_are_undone_one_by_one_and_cleared_at_once(open_page: Opener, service: Server) -> None:
    page = open_page(service)
    strokes = len(write("it", create_writer(11, 3), np.random.default_rng(1)))
    write_by_hand(page, "it", size=90)
    for _ in range(strokes):
        expect(page.locator("#send")).to_be_enabled()
        page.click("#undo")
    expect(page.locator("#send")).to_be_disabled()
    write_by_hand(page, "it", size=90)
    page.click("#clear")
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator(".hint")).to_be_visible()


def test_a_finger_writes_on_a_phone(open_page: Opener, service: Server) -> None:
    page = open_page(service, phone=True)
    box = page.locator("#sheet canvas").bounding_box()
    assert box
    session = page.context.new_cdp_session(page)
    before = page.evaluate("scrollY")
    for kind, y in (("touchStart", 40), ("touchMove", 80), ("touchMove", 140), ("touchEnd", 140)):
        points = [] if kind == "touchEnd" else [{"x": box["x"] + 60, "y": box["y"] + y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator("#undo")).to_be_enabled()
    assert page.evaluate("scrollY") == before, "the page moves under the finger"
    page.wait_for_timeout(1000)  # two touches that are closer are one gesture
    page.tap("#send")
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("label[for=photo]")).to_be_visible()


def test_a_photograph_is_read_turned_as_the_phone_held_it(
    open_page: Opener, service: Server, word: Path, tmp_path: Path
) -> None:
    photograph = tmp_path / "photo.jpg"
    with Image.open(word) as upright:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be shown turned by a quarter
        upright.convert("RGB").rotate(90, expand=True).save(photograph, "JPEG", quality=95, exif=exif)
        size = {"width": upright.width, "height": upright.height}
    known = read_by_program(service, photograph)
    assert known["image"] == size and known["text"] == read_by_program(service, word)["text"]
    page = open_page(service, phone=True)
    assert page.get_attribute("#photo", "capture") == "environment"
    page.set_input_files("#photo", photograph)
    expect(page.locator("#text")).to_have_value(known["text"])
    shown = page.locator("#sheet .stage img").bounding_box()
    assert shown and shown["width"] > shown["height"]


def test_another_reading_is_chosen_by_click_number_or_arrow(open_page: Opener, service: Server, word: Path) -> None:
    known = read_by_program(service, word)
    page = open_page(service)
    read_file(page, word)
    field = page.locator("#text")
    choices = page.locator("#alternatives button")
    assert choices.count() >= 2
    second = known["alternatives"][0]["text"]
    choices.nth(1).click()
    expect(field).to_have_value(second)
    expect(choices.nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("1")
    expect(field).to_have_value(known["text"])
    field.focus()
    page.keyboard.press("ArrowDown")
    expect(field).to_have_value(second)
    page.keyboard.type("2")
    expect(field).to_have_value(f"{second}2")


def test_a_correction_arrives(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service)
    read_file(page, word)
    page.click("#correction summary")
    page.get_by_label("Your name").locator("visible=true").fill("Ada")
    page.get_by_label("Whose handwriting").fill("Grace")
    page.fill("#text", " Maïs on ")
    page.keyboard.press("Enter")
    expect(page.locator("#save-status")).to_have_text("Saved: it says “Maïs on”.")
    saved = httpx.get(f"{service.url}/corrections").json()["items"]
    (correction,) = [item for item in saved if item["text"] == "Maïs on"]
    assert (correction["author"], correction["writer"]) == ("Ada", "Grace")
    page.reload()
    assert page.get_by_label("Whose handwriting").input_value() == "Grace"


def test_the_commands_shown_do_what_was_done(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service)
    image = word.rename(word.with_name("my 'best'; word.png"))
    read_file(page, image)
    page.fill("#text", "it's @home")
    page.click("#correction .primary")
    expect(page.locator("#save-status")).to_contain_text("Saved")
    page.click("#commands summary")
    read, _, correct = page.locator(".command pre").all_text_contents()
    page.get_by_label("Copy: read one image").click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == read
    for command, text in ((read, read_by_program(service, image)["text"]), (correct, "it's @home")):
        done = subprocess.run(
            ["bash", "-c", f"{command} -sS --max-time 20"], cwd=image.parent, capture_output=True, check=True
        )
        assert json.loads(done.stdout)["text"] == text


def test_failures_are_told_in_plain_words(open_page: Opener, service: Server, word: Path) -> None:
    page = open_page(service, expected="Failed to load resource")
    page.set_input_files("#choose", {"name": "a.png", "mimeType": "image/png", "buffer": b"no image"})
    expect(page.locator("#read-problem")).to_contain_text("This file is no image")
    expect(page.locator("#result")).to_be_hidden()
    read_file(page, word)
    expect(page.locator("#read-problem")).to_be_empty()
    page.context.set_offline(True)
    page.click("#correction .primary")
    expect(page.locator("#save-problem")).to_contain_text("Not saved. The service does not answer")
    page.context.set_offline(False)
    page.click("#correction .primary")
    expect(page.locator("#save-status")).to_contain_text("is right")


def test_a_key_is_asked_for_and_a_forgotten_image_is_sent_again(open_page: Opener, guarded: Server, word: Path) -> None:
    page = open_page(guarded, expected="Failed to load resource")
    page.set_input_files("#choose", word)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("textbox", name="Key").fill("lh_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("does not know this key")
    page.get_by_role("textbox", name="Key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#result")).to_be_visible()
    page.fill("#text", "maison")
    page.click("#correction .primary")
    expect(page.locator("#save-status")).to_contain_text("Saved")
    page.reload()
    read_file(page, word)
    assert KEY not in page.locator("#commands").inner_text()
    page.goto(f"{guarded.url}/#review")
    expect(page.locator("#nothing")).to_contain_text("the review is turned off")
    expect(page.locator("#nothing-hint")).to_contain_text("LONGHAND_KEEP_PREDICTIONS=true")


def test_without_a_key_the_page_says_what_is_missing(open_page: Opener, guarded: Server, word: Path) -> None:
    page = open_page(guarded, expected="401")
    page.set_input_files("#choose", word)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#read-problem")).to_have_text("The service wants a key.")


@pytest.mark.parametrize("drag", [True, False], ids=["dragged over", "two corners"])
def test_a_part_of_an_image_is_cut_out_and_read(open_page: Opener, service: Server, tmp_path: Path, drag: bool) -> None:
    words = [Image.open(write_word(tmp_path / f"{text}.png", text, 1)) for text in ("maison", "jardin")]
    both = Image.new("L", (sum(word.width for word in words) + 60, max(word.height for word in words)), 255)
    both.paste(words[0], (0, 0))
    both.paste(words[1], (words[0].width + 60, 0))
    both.save(tmp_path / "both.png")
    page = open_page(service)
    read_file(page, tmp_path / "both.png")
    whole = page.input_value("#text")
    assert " " in whole

    image = page.locator("#sheet img")
    image.hover(position={"x": 1, "y": 1})  # waits until the image rests where it is
    box = image.bounding_box()
    assert box
    page.mouse.down()
    if not drag:
        page.mouse.up()
    page.mouse.move(box["x"] + box["width"] * (words[0].width + 20) / both.width, box["y"] + box["height"] - 1)
    if not drag:
        page.mouse.down()
    page.mouse.up()
    expect(page.locator("#result-title")).not_to_contain_text(whole)
    expect(page.locator("#text")).to_have_value(read_by_program(service, tmp_path / "maison.png")["text"])
    page.click("#undo")
    page.click("#send")
    expect(page.locator("#text")).to_have_value(whole)


def test_a_file_that_the_browser_cannot_show_is_read_all_the_same(
    open_page: Opener, service: Server, word: Path
) -> None:
    page = open_page(service)
    Image.open(word).save(word.with_suffix(".tif"))
    read_file(page, word.with_suffix(".tif"))
    expect(page.locator("#sheet")).to_contain_text("This browser cannot show this file")
    expect(page.locator("#text")).to_have_value(read_by_program(service, word)["text"])
