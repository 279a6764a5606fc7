"""Files that people send -> grey images; whatever is no image is refused with its reason."""

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from src.errors import ImageError
from src.recognition.normalize import GreyImage

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
MAX_PIXELS = 50_000_000  # a page at 600 dpi has 35 million

# What Pillow's decoders raise on damaged bytes; anything else is a fault of ours and must not look like a bad image.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)


class ImageTooLargeError(ImageError):
    """The image's own header says that it has more pixels than are allowed."""


class NoImageError(ImageError):
    """The bytes are no image of the known formats."""


def decode_image(source: bytes | Path, max_pixels: int = MAX_PIXELS) -> GreyImage:
    """Decode a PNG, JPEG, TIFF, WebP or BMP to grey as a person would see it.

    Turned as its EXIF data says; transparent parts are white paper; 16-bit and other deep images are scaled to 8 bits;
    of several frames the first is taken.

    Args:
        source: The file's bytes, or its path.
        max_pixels: More than this is refused before any pixel is decoded.

    Returns:
        uint8 [H, W], 255 is white.

    Raises:
        ImageTooLargeError: It has too many pixels.
        NoImageError: It is no image of these formats.
        ImageError: It is empty or truncated. The message does not name the file.
    """
    content = _content(source)
    if not content:
        raise ImageError("the file is empty")
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise NoImageError(f"the file is no image of the kinds {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"the image has more than {max_pixels:,} pixels") from error
    except _DAMAGE as error:
        raise ImageError("the image's header is damaged") from error
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLargeError(f"the image has {width} x {height} pixels, more than {max_pixels:,}")
        if width * height == 0:
            raise ImageError(f"the image has no pixels ({width} x {height})")
        try:
            image.load()
            return _grey(ImageOps.exif_transpose(image))
        except _DAMAGE as error:
            raise ImageError("the image is truncated or damaged") from error


def _content(source: bytes | Path) -> bytes:
    """The bytes of the file."""
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise ImageError(f"the file cannot be opened: {error.strerror}") from error


def _grey(image: Image.Image) -> GreyImage:
    """Grey uint8 [H, W] of any of Pillow's modes, over white where transparent."""
    if image.mode.startswith(("I", "F")):
        return _scaled(np.asarray(image), image.mode)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        paper = Image.new("RGBA", colour.size, "white")
        image = Image.alpha_composite(paper, colour)
    return np.asarray(image.convert("L"), dtype=np.uint8).copy()


def _scaled(values: NDArray[Any], mode: str) -> GreyImage:
    """Bring deep grey values to 0..255.

    16 bits are divided, so that two scans of one scanner stay comparable; 32-bit integers and floats have no agreed
    white, so their own range is stretched.
    """
    if mode.startswith("I;16") or (mode == "I" and values.min() >= 0 and 255 < values.max() <= 0xFFFF):
        return (values.astype(np.uint32) >> 8).astype(np.uint8)
    if not np.isfinite(values).all():
        raise ValueError("not finite")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 255 and mode != "F":
        return values.astype(np.uint8)
    return ((values - low) * (255.0 / max(high - low, 1e-9))).round().astype(np.uint8)
