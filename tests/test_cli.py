import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from src.cli import app
from src.recognition import Recognizer
from src.recognition.images import decode_image
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    write_tiny_model(folder / "tiny.onnx")
    grey = np.full((60, 200), 255, np.uint8)
    grey[20:40, 28:156] = 20
    Image.fromarray(grey).save(folder / "word.png")
    (folder / "bad.png").write_text("no image")
    (folder / "towns.txt").write_text("a\nb b\n\n", encoding="utf-8")
    return folder


def test_read_prints_json_and_goes_on_after_a_bad_image(folder: Path) -> None:
    images = [str(folder / "bad.png"), str(folder / "word.png")]
    result = CliRunner().invoke(app, ["read", *images, "--json", "--model", str(folder / "tiny.onnx")])
    assert result.exit_code == 1
    assert "bad.png: the file is no image" in result.stderr
    assert json.loads(result.stdout)["text"] == "b b"


def test_read_with_a_vocabulary(folder: Path) -> None:
    options = ["--model", str(folder / "tiny.onnx"), "--vocabulary", str(folder / "towns.txt"), "--alternatives", "1"]
    result = CliRunner().invoke(app, ["read", str(folder / "word.png"), *options])
    assert result.exit_code == 0
    assert result.stdout.startswith("b b\t1.000\n  or\ta\t")


def test_a_careful_reading_is_the_recognizer_s(folder: Path) -> None:
    (expected,) = Recognizer.load(folder / "tiny.onnx").read([decode_image(folder / "word.png")], careful=True)
    options = ["read", str(folder / "word.png"), "--json", "--model", str(folder / "tiny.onnx")]
    plain, careful = (CliRunner().invoke(app, [*options, *more]) for more in ([], ["--careful"]))
    assert careful.exit_code == 0, careful.stderr
    assert json.loads(careful.stdout)["confidence"] == pytest.approx(expected.confidence)
    assert json.loads(careful.stdout)["confidence"] != json.loads(plain.stdout)["confidence"]


def test_a_language_model_has_a_say(folder: Path) -> None:
    text = folder / "letters.txt"
    text.write_text("bb\nbb\nabba\n" * 50, encoding="utf-8")
    target = folder / "language.npz"
    result = CliRunner().invoke(app, ["language-model", str(target), "--text", str(text)])
    assert result.exit_code == 0, result.stderr
    options = ["--model", str(folder / "tiny.onnx"), "--language-model", str(target), "--alternatives", "3"]
    result = CliRunner().invoke(app, ["read", str(folder / "word.png"), *options])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    both = CliRunner().invoke(app, ["read", str(folder / "word.png"), *options, "--vocabulary", str(text)])
    assert both.exit_code == 2
    options[3] = str(text)
    result = CliRunner().invoke(app, ["read", str(folder / "word.png"), *options])
    assert result.exit_code == 1
    assert "letters.txt: no language model" in result.stderr


def test_a_missing_model_is_one_line(folder: Path) -> None:
    result = CliRunner().invoke(app, ["read", str(folder / "word.png"), "--model", str(folder / "none.onnx")])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "none.onnx" in result.stderr
