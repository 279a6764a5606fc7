import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from src.data.build_language_model import estimate
from src.errors import CharsetError, ImageError, ModelFileError
from src.recognition import Charset, Recognizer, read_info, version_name
from src.recognition.beam import Fusion
from src.recognition.careful import COPIES, copies_of
from src.recognition.normalize import normalize_with_extent
from src.recognition.reading import chances_of_words, shares_of_words
from tests.tiny_model import info, paint, write_tiny_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def recognizer(path: Path) -> Recognizer:
    return Recognizer.load(path, threads=1)


def test_log_probs_say_what_is_painted_at_any_width(recognizer: Recognizer) -> None:
    codes = [[1], [1, 1, 0, 2], [3, 0, 3] * 30, [4, 2] * 9]
    for frames, expected in zip(recognizer.log_probs([paint(item) for item in codes]), codes, strict=True):
        assert frames.dtype == np.float32
        assert frames.argmax(axis=1).tolist() == expected
    assert recognizer.log_probs([paint([1, 2])[:, :5]])[0].shape == (2, 5)


def test_threads_and_neighbours_do_not_change_a_result(recognizer: Recognizer) -> None:
    images = [paint([1 + index % 4] * (3 + index)) for index in range(20)]
    alone = [recognizer.log_probs([image])[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda image: recognizer.log_probs([image])[0], images * 5))
    for index, frames in enumerate(threaded):
        np.testing.assert_array_equal(frames, alone[index % 20])
    for together, single in zip(recognizer.log_probs(images), alone, strict=True):
        np.testing.assert_allclose(together, single, atol=1e-5)


def test_threads_may_begin_together(path: Path) -> None:
    # What the runtime's binding does once in a process takes long here, so that all threads meet in it if they can.
    script = """
import builtins, sys, threading, time
from pathlib import Path
import numpy as np
from src.recognition import Recognizer

recognizer = Recognizer.load(Path(sys.argv[1]), threads=1)
image = np.zeros((recognizer.info.normalization.height, 64), np.uint8)
imported = builtins.__import__

def slow(*arguments, **named):
    time.sleep(0.2)
    return imported(*arguments, **named)

builtins.__import__ = slow
threads = [threading.Thread(target=recognizer.log_probs, args=([image],)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    subprocess.run([sys.executable, "-c", script, path], cwd=ROOT, timeout=60, check=True)


def test_a_vocabulary_restricts_and_shares_probability(recognizer: Recognizer) -> None:
    image = np.full((60, 200), 255, np.uint8)
    image[20:40, 28:156] = 20
    (free,) = recognizer.read([image], alternatives=2)
    assert free.text == "b b"
    assert free.confidence + sum(other.confidence for other in free.alternatives) <= 1.0 + 1e-6
    (reading,) = recognizer.read([image], vocabulary=["a", "b b", "xyz", "c"], alternatives=9)
    assert reading.text == "b b"
    assert {other.text for other in reading.alternatives} == {"a", "c"}
    assert reading.confidence + sum(other.confidence for other in reading.alternatives) == pytest.approx(1.0)
    with pytest.raises(CharsetError):
        recognizer.read([image], vocabulary=["xyz"])


def test_a_vocabulary_made_once_reads_as_the_list_does(recognizer: Recognizer) -> None:
    image = np.full((60, 200), 255, np.uint8)
    image[20:40, 28:156] = 20
    texts = [
        "a",
        "b b",
        "c",
        *(f"{x}{y}{z}b" for x in "abc" for y in "abc" for z in "abc b"),
        *("ab" * n for n in range(9)),
    ]
    (of_list,) = recognizer.read([image], vocabulary=texts, alternatives=2)
    vocabulary = recognizer.vocabulary(texts)
    assert recognizer.read([image], vocabulary=vocabulary, alternatives=2) == [of_list]
    assert of_list.text == "b b"


def test_a_language_model_decides_what_the_image_leaves_open(recognizer: Recognizer) -> None:
    frames = np.log(np.array([[0.02, 0.02, 0.9, 0.02, 0.04], [0.02, 0.46, 0.02, 0.48, 0.02]], np.float32))
    assert recognizer.interpret(frames).text == "bc"
    fusion = Fusion.of(estimate({"ba": 20.0, "ab": 5.0}, 3), recognizer.charset)
    reading = recognizer.interpret(frames, alternatives=2, fusion=fusion)
    assert reading.text == "ba"
    assert "bc" in [other.text for other in reading.alternatives]
    assert [character.text for character in reading.characters] == ["b", "a"]
    assert reading.confidence + sum(other.confidence for other in reading.alternatives) <= 1.0 + 1e-6
    assert 1.0 > reading.words[0].confidence >= reading.confidence  # "ba " is another text of the same word
    surer = recognizer.interpret(frames, alternatives=2, fusion=replace(fusion, temperature=1.0))
    assert surer.text == "ba" and surer.confidence > reading.confidence


def test_a_word_is_as_sure_as_the_texts_that_have_it_at_its_place(recognizer: Recognizer) -> None:
    assert shares_of_words(["a b", "a c", "b a b", "b a"], [0.4, 0.3, 0.2, 0.1]) == pytest.approx([1.0, 0.6])
    assert shares_of_words([""], [1.0]) == []
    rows = [[0.02, 0.9, 0.02, 0.02, 0.04], [0.02, 0.02, 0.02, 0.02, 0.92], [0.02, 0.02, 0.5, 0.44, 0.02]]
    frames = np.log(np.array(rows, np.float32))
    vocabulary = recognizer.vocabulary(["a b", "a c"])
    reading = recognizer.interpret(frames, vocabulary=vocabulary)
    assert (reading.text, reading.alternatives) == ("a b", ())
    assert [word.confidence for word in reading.words] == pytest.approx([1.0, 0.5 / 0.94], abs=1e-3)
    assert reading.words[1].confidence == pytest.approx(reading.confidence)


def test_a_word_competes_with_the_best_text_of_each_rival() -> None:
    texts, scores = ["a b", "a c", "d b", "d c", "a b e", "ab"], [0.0, -1.0, -2.0, -2.5, -3.0, -4.0]
    merged, rest = math.exp(-4), 20 * math.exp(-6)
    expected = [1 / (1 + math.exp(-2) + merged), 1 / (1 + math.exp(-1) + merged)]
    assert chances_of_words(texts, scores, -math.inf) == pytest.approx(expected)
    assert chances_of_words(texts, scores, -6.0) == pytest.approx([1 / (1 / chance + rest) for chance in expected])
    assert chances_of_words([""], [0.0], -math.inf) == []


def test_a_line_is_no_surer_than_its_words_together(recognizer: Recognizer) -> None:
    doubtful, space = [0.02, 0.5, 0.02, 0.44, 0.02], [0.02, 0.02, 0.02, 0.02, 0.92]
    frames = np.log(np.array([*([doubtful, space] * 5), doubtful], np.float32))
    fusion = Fusion.of(estimate({"a": 5.0, "c": 4.0, "a c a": 1.0}, 2), recognizer.charset)
    reading = recognizer.interpret(frames, alternatives=4, fusion=fusion)
    confidences = [word.confidence for word in reading.words]
    assert len(confidences) == 6
    assert reading.confidence <= math.prod(confidences) + 1e-9
    # The sixteen texts that are found leave words without a rival; they are not certain for it.
    assert max(confidences) < 0.9
    assert all(other.confidence <= reading.confidence for other in reading.alternatives)
    # Three views that say the same leave out less.
    careful = recognizer.interpret(frames, alternatives=4, fusion=fusion, copies=(frames, frames))
    assert careful.text == reading.text
    assert all(a.confidence < b.confidence for a, b in zip(reading.words, careful.words, strict=True))


def test_copies_have_a_say_in_the_text_and_none_in_its_place(recognizer: Recognizer) -> None:
    own = np.log(np.array([[0.02, 0.02, 0.9, 0.02, 0.04], [0.02, 0.5, 0.02, 0.44, 0.02]], np.float32))
    copy = np.log(np.array([[0.02, 0.02, 0.9, 0.02, 0.04], [0.02, 0.08, 0.02, 0.86, 0.02]], np.float32))
    alone, reading = (recognizer.interpret(own, alternatives=3, copies=copies) for copies in ((), (copy, copy)))
    assert (alone.text, reading.text) == ("ba", "bc")
    assert reading.alternatives[0].text == "ba"
    assert [(one.start, one.end) for one in reading.characters] == [(one.start, one.end) for one in alone.characters]
    assert alone.confidence < reading.confidence < recognizer.interpret(copy).confidence
    assert reading.confidence + sum(other.confidence for other in reading.alternatives) <= 1.0 + 1e-6
    without = recognizer.interpret(own, copies=(copy, copy))
    assert (without.text, without.confidence) == (reading.text, pytest.approx(reading.confidence))
    assert recognizer.interpret(own, alternatives=3, copies=(own, own)) == alone


def test_copies_choose_among_the_texts_that_are_allowed(recognizer: Recognizer) -> None:
    own = np.log(np.array([[0.02, 0.02, 0.9, 0.02, 0.04], [0.02, 0.5, 0.02, 0.44, 0.02]], np.float32))
    copy = np.log(np.array([[0.02, 0.02, 0.9, 0.02, 0.04], [0.02, 0.08, 0.02, 0.86, 0.02]], np.float32))
    vocabulary = recognizer.vocabulary(["ba", "bc", "b b b b"])
    reading = recognizer.interpret(own, vocabulary=vocabulary, alternatives=5, copies=(copy,))
    assert (reading.text, [other.text for other in reading.alternatives]) == ("bc", ["ba"])
    assert reading.confidence + reading.alternatives[0].confidence == pytest.approx(1.0)
    too_long = recognizer.interpret(own, vocabulary=recognizer.vocabulary(["b b b b"]), copies=(copy,))
    assert (too_long.text, too_long.confidence) == ("", 0.0)
    fusion = Fusion.of(estimate({"bc": 20.0, "ab": 5.0}, 3), recognizer.charset)
    spoken = recognizer.interpret(own, fusion=fusion, alternatives=2, copies=(copy,))
    assert spoken.text == "bc"
    assert spoken.confidence > recognizer.interpret(own, fusion=fusion).confidence


def test_a_careful_reading_looks_at_copies_of_those_images_that_ask_for_it(recognizer: Recognizer) -> None:
    images = [paint([1, 1, 0, 2, 2, 0]), paint([3, 3, 0, 3]), paint([2, 2, 0, 1, 1, 0])]
    views = recognizer.views(images, [True, False, True])
    assert [len(each) for each in views] == [1 + len(COPIES), 1, 1 + len(COPIES)]
    for image, each in zip(images, views, strict=True):
        np.testing.assert_allclose(each[0], recognizer.log_probs([image])[0], atol=1e-5)
    for shown, said in zip([images[0], *copies_of(images[0])], views[0], strict=True):
        np.testing.assert_allclose(said, recognizer.log_probs([shown])[0], atol=1e-5)
    image = np.full((60, 200), 255, np.uint8)
    image[20:40, 28:156] = 20
    shown, extent = normalize_with_extent(image, recognizer.info.normalization)
    ((own, *copies),) = recognizer.views([shown], [True])
    expected = recognizer.interpret(own, extent, 2, copies=copies)
    assert recognizer.read([image], alternatives=2, careful=True) == [expected]
    assert recognizer.read([image], alternatives=2) == [recognizer.interpret(own, extent, 2)] != [expected]


def test_a_calibrated_model_says_how_often_it_is_right(tmp_path: Path) -> None:
    curve = {"product": 0.5, "intercept": -1.0}
    described = info(calibration={"character": curve, "word": curve, "text": curve, "accept": {0.01: 0.9}})
    calibrated = Recognizer.load(write_tiny_model(tmp_path / "model.onnx", described.to_metadata()), threads=1)
    assert calibrated.info.calibration is not None
    assert calibrated.info.calibration.accept == {0.01: 0.9}
    frames = np.log(np.array([[0.02, 0.02, 0.8, 0.12, 0.04], [0.02, 0.5, 0.02, 0.44, 0.02]], np.float32))
    reading = calibrated.interpret(frames, alternatives=3)
    own = Recognizer.load(write_tiny_model(tmp_path / "own.onnx"), threads=1).interpret(frames, alternatives=3)
    assert reading.text == own.text == "ba"
    odds = np.exp(0.5 * np.log(0.4 / 0.6) - 1.0)
    assert reading.confidence == pytest.approx(odds / (1 + odds))
    assert reading.words[0].confidence == pytest.approx(odds / (1 + odds))
    assert own.words[0].confidence == pytest.approx(0.4)
    assert all(other.confidence <= reading.confidence for other in reading.alternatives)
    assert [other.text for other in reading.alternatives] == [other.text for other in own.alternatives]


@pytest.mark.parametrize("enlarged", [1, 7])
def test_characters_are_located_in_the_image(recognizer: Recognizer, enlarged: int) -> None:
    image = np.full((60, 400), 255, np.uint8)
    image[20:40, 228:352] = 20
    (reading,) = recognizer.read([np.kron(image, np.ones((enlarged, enlarged), np.uint8))])
    assert len(reading.text) == 3  # what the ends are read as depends on a rounded column
    places = [edge / enlarged for character in reading.characters for edge in (character.start, character.end)]
    assert places == sorted(places)
    # The space is what the network sees in the middle of the block: the letters touch its ends, give or take a frame.
    assert places[0] == pytest.approx(228, abs=12)
    assert places[-1] == pytest.approx(352, abs=12)


def test_a_network_that_does_not_fit_its_description_is_refused(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "model.onnx", info(stride=8).to_metadata())
    with pytest.raises(ModelFileError, match="not \\(1, 4, 5\\)"):
        Recognizer.load(path, threads=1)


def test_images_of_a_wrong_shape_are_refused(recognizer: Recognizer) -> None:
    for image in (np.zeros((47, 8), np.uint8), np.zeros((48, 0), np.uint8), np.zeros((48, 8), np.float32)):
        with pytest.raises(ImageError):
            recognizer.log_probs([image])  # type: ignore[list-item]
    assert recognizer.read([]) == []


def test_the_file_describes_itself(path: Path) -> None:
    assert read_info(path) == info()


def test_bad_model_files_are_refused(path: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.onnx"
    truncated.write_bytes(path.read_bytes()[:200])
    other_charset = write_tiny_model(tmp_path / "charset.onnx", info(charset=("a", "b")).to_metadata())
    no_info = write_tiny_model(tmp_path / "none.onnx", {})
    labels = write_tiny_model(tmp_path / "labels.onnx", {"longhand": json.dumps({"labels": ["a"]})})
    described = json.loads(info().to_metadata()["longhand"])
    del described["normalization"]["revision"]  # as files were before it was recorded
    old = write_tiny_model(tmp_path / "old.onnx", {"longhand": json.dumps(described)})
    cases = ((tmp_path / "no.onnx", "no such"), (truncated, "readable"), (other_charset, "classes"))
    for file, reason in (*cases, (no_info, 'no "longhand"'), (labels, "charset"), (old, "normalised in another way")):
        with pytest.raises(ModelFileError, match=reason) as caught:
            Recognizer.load(file)
        assert str(file) in str(caught.value)


def test_charset_codes() -> None:
    charset = Charset.of(["caé", "b"])
    assert charset.size == 5
    assert charset.decode(charset.encode("béa")) == "béa"
    assert charset.encode("a") == [1]
    assert Charset.from_json(charset.to_json()) == charset
    for bad in (lambda: charset.encode("z"), lambda: charset.decode([0]), lambda: charset.decode([5])):
        with pytest.raises(CharsetError):
            bad()
    for characters in ((), ("a", "a"), ("ab",)):
        with pytest.raises(CharsetError):
            Charset(characters)


def test_two_versions_of_one_second_have_two_names():
    first, second = (datetime(2026, 1, 2, 3, 4, 5, micro, tzinfo=UTC) for micro in (70, 71))
    assert version_name(first, "abc") == "20260102.030405.000070-abc"
    assert version_name(first, "abc") < version_name(second, "abc")
