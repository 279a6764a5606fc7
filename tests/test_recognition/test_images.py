import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.errors import ImageError
from src.recognition.images import ImageTooLargeError, decode_image

GREY = np.full((20, 30), 200, np.uint8)
GREY[5:10, 5:15] = 20


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P", "CMYK"])
def test_formats_and_modes(kind: str, mode: str) -> None:
    image = Image.fromarray(GREY).convert(mode)
    if (kind, mode) in {("JPEG", "P"), ("WEBP", "CMYK"), ("BMP", "CMYK"), ("PNG", "CMYK")}:
        pytest.skip("the format has no such mode")
    result = decode_image(saved(image, kind))
    assert (result.shape, result.dtype) == ((20, 30), np.uint8)
    assert abs(result.astype(int) - GREY).mean() < 6


def test_sixteen_bits_and_one_bit() -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(decode_image(saved(deep, kind)), GREY)
    assert set(np.unique(decode_image(saved(Image.fromarray(GREY).convert("1", dither=0), "PNG")))) == {0, 255}


def test_transparent_is_white() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[0, 0, 3] = 255
    result = decode_image(saved(Image.fromarray(pixels), "PNG"))
    assert result[0, 0] == 0
    assert result[1:, 1:].min() == 255


def test_exif_rotation_and_first_frame() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(saved(Image.fromarray(GREY), "JPEG", exif=exif)).shape == (30, 20)
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    for kind in ("TIFF", "WEBP"):
        result = decode_image(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert result[0, 0] > 150


def test_refusals(tmp_path: Path) -> None:
    whole = saved(Image.fromarray(GREY), "PNG")
    for content in (b"", b"text", whole[:20], whole[:60]):
        with pytest.raises(ImageError):
            decode_image(content)
    with pytest.raises(ImageTooLargeError, match="more than 599"):
        decode_image(whole, max_pixels=599)
    assert decode_image(whole, max_pixels=600).shape == (20, 30)
    with pytest.raises(ImageError):
        decode_image(tmp_path / "none.png")
