"""One word in every form in which people send images: all are read alike, by the released model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageOps

from src.api.api import create_app
from src.api.settings import ServiceSettings
from src.data.synthesis.drawing import draw_word
from src.data.synthesis.writer import create_writer
from tests.test_api.mutations import saved

RELEASED = Path(__file__).parents[2] / "models" / "released" / "recognizer.onnx"
WORD, WRITER = "maison", 10


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    url = f"sqlite:///{tmp_path_factory.mktemp('formats') / 'longhand.db'}"
    with TestClient(create_app(ServiceSettings(model=RELEASED, keys="off", database_url=url))) as client:
        yield client


@pytest.fixture(scope="module")
def word() -> Image.Image:
    drawn = Image.fromarray(draw_word(WORD, create_writer(5, WRITER), np.random.default_rng(5)))
    return drawn.resize((2 * drawn.width, 2 * drawn.height), Image.Resampling.LANCZOS)


def _alpha(word: Image.Image) -> Image.Image:
    """Black everywhere; only the transparency has the writing."""
    image = Image.new("RGBA", word.size, (0, 0, 0, 0))
    image.putalpha(ImageOps.invert(word))
    return image


def _turned(word: Image.Image) -> tuple[Image.Image, dict[str, object]]:
    """As a phone saves it: the pixels lie on their side, and the EXIF data says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return word.transpose(Image.Transpose.ROTATE_90), {"exif": exif, "quality": 95}


def forms(word: Image.Image) -> dict[str, bytes]:
    deep = Image.fromarray(np.asarray(word).astype(np.uint16) * 257)
    shaded = np.asarray(word) * np.linspace(0.55, 1.0, word.width)[None, :]
    turned, exif = _turned(word)
    images: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "png": (word, "PNG", {}),
        "16 bits": (deep, "PNG", {}),
        "1 bit": (word.point(lambda value: 255 * (value > 150)).convert("1"), "PNG", {}),
        "palette": (word.convert("P"), "PNG", {}),
        "alpha": (_alpha(word), "PNG", {}),
        "dark paper": (ImageOps.invert(word), "PNG", {}),
        "uneven light": (Image.fromarray(shaded.astype(np.uint8)), "PNG", {}),
        "blue ink": (ImageOps.colorize(word, (30, 40, 160), (250, 246, 230)), "PNG", {}),
        "jpeg": (word.convert("RGB"), "JPEG", {"quality": 80}),
        "turned": (turned, "JPEG", exif),
        "cmyk": (word.convert("CMYK"), "JPEG", {"quality": 95}),
        "tiff": (word, "TIFF", {"compression": "tiff_lzw"}),
        "16-bit tiff": (deep, "TIFF", {}),
        "fax": (word.point(lambda value: 255 * (value > 150)).convert("1"), "TIFF", {"compression": "group4"}),
        "webp": (word.convert("RGB"), "WEBP", {"quality": 85}),
        "bmp": (word, "BMP", {}),
    }
    return saved(images)


NAMES = tuple(forms(Image.new("L", (8, 8), 255)))


@pytest.mark.parametrize("name", NAMES)
def test_every_form_is_read_alike(client: TestClient, word: Image.Image, name: str):
    answer = client.post("/predict/", files={"file": forms(word)[name]})
    assert answer.status_code == 200
    assert answer.json()["text"] == WORD
    assert answer.json()["image"] == {"width": word.width, "height": word.height}
    places = [character["start"] for character in answer.json()["characters"]]
    assert places == sorted(places)
    assert 0 <= places[0] < places[-1] < word.width
