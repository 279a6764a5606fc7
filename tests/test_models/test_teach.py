"""Teaching the released recognizer, really run: strings that no language has, leaning as hardly any hand does."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from src.cli import app
from src.data.lessons import draw_lessons
from src.errors import GroundTruthError, ModelFileError
from src.models.start import read_start
from src.models.teach import teach
from src.params import TeachParams
from src.paths import Paths
from src.recognition import Charset, Recognizer, read_info
from tests.referenced import reference_to, write_with_reference
from tests.test_models.drawn_samples import LETTERS, draw

RELEASED = Paths(Path(__file__).parents[2]).released_model
REFERENCE = reference_to([draw("abc", seed) for seed in range(20)], ["abc"] * 20)
PARAMS = TeachParams(steps=25, columns=1536, learning_rate=5e-4, share=0.8, others=12, epochs=1)


def lean(page: np.ndarray) -> np.ndarray:
    """Writing that leans far back and is drawn wide, as few people do."""
    height, width = page.shape
    matrix = np.array([[1.5, 1.2, 0.0], [0.0, 1.0, 0.0]], np.float32)
    return cv2.warpAffine(page, matrix, (int(1.5 * width + 1.2 * height), height), borderValue=235)


def write_words(folder: Path, count: int = 70, half_wrong: bool = False) -> Path:
    """A folder of word images with metadata.csv."""
    random = np.random.default_rng(3)
    texts = ["".join(random.choice(list(LETTERS), random.integers(3, 7))) for _ in range(count)]
    folder.mkdir()
    for number, text in enumerate(texts):
        Image.fromarray(lean(draw(text, number))).save(folder / f"{number}.png")
    half = count // 2
    labels = [*(texts[i] for i in random.permutation(half)), *texts[half:]] if half_wrong else texts
    with (folder / "metadata.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("file_name", "text", "writer_id"))
        rows.writerows((f"{number}.png", text, "me") for number, text in enumerate(labels))
    return folder


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teach")
    words = write_words(folder / "words")
    before = write_with_reference(RELEASED, folder / "before" / "recognizer.onnx", REFERENCE)
    return teach(words, before, folder / "taught", PARAMS)


def test_it_reads_the_hand_better_and_says_so(taught):
    assert (taught.learnt, taught.held_out) == (60, 10)
    assert taught.after < taught.before
    rows = list(csv.DictReader(taught.model.with_name("held_out.csv").open()))
    assert len(rows) == 10
    read = [
        Recognizer.load(taught.model).read([lean(draw(row["text"], 500 + i))])[0].text for i, row in enumerate(rows)
    ]
    old = [Recognizer.load(RELEASED).read([lean(draw(row["text"], 500 + i))])[0].text for i, row in enumerate(rows)]
    texts = [row["text"] for row in rows]
    assert sum(map(str.__eq__, read, texts)) >= sum(map(str.__eq__, old, texts))
    assert 0 <= taught.others_after < 1


def test_the_model_knows_where_it_comes_from_and_can_be_taught_again(taught, tmp_path):
    before, after = read_info(RELEASED), read_info(taught.model)
    assert after.training["taught"]["start"] == before.version
    assert after.version != before.version
    assert (after.charset, after.calibration) == (before.charset, before.calibration)
    assert after.reference == REFERENCE, "what it had learnt from before"
    start, released = read_start(taught.model.with_name("start.pt")), read_start(RELEASED.with_name("start.pt"))
    assert set(start.writers) == {*released.writers, "lessons/me"}
    assert len(start.digests) > len(released.digests)
    again = teach(write_words(tmp_path / "more"), taught.model, tmp_path / "again", PARAMS)
    assert again.before <= taught.before


def test_labels_that_are_wrong_write_nothing(tmp_path):
    words = write_words(tmp_path / "words", half_wrong=True)
    target = tmp_path / "taught"
    with pytest.raises(GroundTruthError, match="read worse after teaching"):
        teach(words, RELEASED, target, PARAMS.model_copy(update={"learning_rate": 0.02, "share": 1.0}))
    assert not target.exists()


def test_weights_of_another_model_are_refused(taught, tmp_path):
    mixed = tmp_path / "recognizer.onnx"
    mixed.write_bytes(RELEASED.read_bytes())
    with pytest.raises(ModelFileError, match=r"start\.pt"):
        teach(tmp_path, mixed, tmp_path / "taught", PARAMS)
    words = write_words(tmp_path / "words", 12)
    table = words / "metadata.csv"
    table.write_text(table.read_text().replace("\n0.png,", "\n0.png,ʘ"), encoding="utf-8")
    other = teach(words, RELEASED, tmp_path / "wider", PARAMS.model_copy(update={"steps": 1}))
    assert read_info(other.model).charset[-1] == "ʘ", "a new character is learnt"
    mixed.with_name("start.pt").write_bytes(other.model.with_name("start.pt").read_bytes())
    with pytest.raises(ModelFileError, match="not the weights of the model beside it"):
        teach(words, mixed, tmp_path / "taught", PARAMS)


def test_the_command_line_tells_what_it_brought(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("teach: {steps: 2, columns: 1024, others: 10, epochs: 0.1}\n")
    words = write_words(tmp_path / "words", 12)
    done = CliRunner().invoke(app, ["teach", str(words), "--model", str(RELEASED)])
    assert done.exit_code == 0, done.output
    assert "learnt from 12 samples" in done.output
    assert "samples of others" in done.output
    assert (tmp_path / "models" / "taught" / "recognizer.onnx").exists()
    missing = CliRunner().invoke(app, ["teach", str(tmp_path / "nowhere"), "--model", str(RELEASED)])
    assert missing.exit_code == 1


def test_drawn_texts_hold_known_characters_alone():
    charset = Charset(tuple("abcdefghijklmnopqrstuvwxyz "))
    lessons = draw_lessons(8, charset, read_info(RELEASED).normalization)
    assert len(lessons.images) == len(lessons.table) == 8
    assert not charset.unknown("".join(lessons.table["text"]))
    assert all(image.shape[0] == 48 for image in lessons.images)
