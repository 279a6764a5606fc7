"""Files that are no images, or nearly: what a service that is open to people will be sent."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from PIL import Image


def pictures() -> dict[str, bytes]:
    """One good file of each kind that is read, and some that are not."""
    grey = np.full((48, 150), 240, np.uint8)
    grey[15:33, 20:130:12] = 20
    image = Image.fromarray(grey)
    frames = [image, image.rotate(5, fillcolor=240)]
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "grey": (image, "PNG", {}),
        "colour": (image.convert("RGB"), "PNG", {}),
        "alpha": (image.convert("RGBA"), "PNG", {}),
        "grey-alpha": (image.convert("LA"), "PNG", {}),
        "palette": (image.convert("P"), "PNG", {}),
        "bits": (image.convert("1"), "PNG", {}),
        "deep": (Image.fromarray(grey.astype(np.uint16) * 257), "PNG", {}),
        "animated": (image, "PNG", {"save_all": True, "append_images": frames}),
        "jpeg": (image, "JPEG", {}),
        "turned": (image.convert("RGB"), "JPEG", {"exif": exif}),
        "cmyk": (image.convert("CMYK"), "JPEG", {}),
        "progressive": (image.convert("RGB"), "JPEG", {"progressive": True}),
        "tiff": (image, "TIFF", {}),
        "lzw": (image.convert("RGB"), "TIFF", {"compression": "tiff_lzw"}),
        "fax": (image.convert("1"), "TIFF", {"compression": "group4"}),
        "packed": (image, "TIFF", {"compression": "jpeg"}),
        "float": (Image.fromarray(grey.astype(np.float32)), "TIFF", {}),
        "pages": (image, "TIFF", {"save_all": True, "append_images": frames}),
        "webp": (image, "WEBP", {}),
        "lossless": (image.convert("RGBA"), "WEBP", {"lossless": True}),
        "moving": (image.convert("RGB"), "WEBP", {"save_all": True, "append_images": frames}),
        "bmp": (image, "BMP", {}),
        "bmp-colour": (image.convert("RGB"), "BMP", {}),
        "gif": (image, "GIF", {"save_all": True, "append_images": frames}),
    }
    return saved(kinds)


def saved(kinds: dict[str, tuple[Image.Image, str, dict[str, object]]]) -> dict[str, bytes]:
    """Files by name; of each the picture, Pillow's name of its kind, and how it is to be saved."""
    files = {}
    for name, (picture, kind, options) in kinds.items():
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    return files


def giants() -> Iterator[bytes]:
    """Small files that promise more pixels than a machine has room for, and pictures of no size."""

    def png(width: int, height: int) -> bytes:
        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        data = chunk(b"IDAT", zlib.compress(bytes(100_000)))
        return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")

    for width, height in ((2**31 - 1, 2**31 - 1), (60_000, 60_000), (1, 2**31 - 1), (0, 10), (10, 0), (49_999, 999)):
        yield png(width, height)
    for width, height in ((2**31 - 1, 1), (40_000, 40_000), (-5, 10), (10, -(2**31)), (0, 0)):
        info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, 0, 0, 0, 0, 0)
        yield b"BM" + struct.pack("<IHHI", 14 + len(info), 0, 0, 14 + len(info)) + info
    tags = [(256, 4, 1, 2**30), (257, 4, 1, 2**30), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    yield struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)


def _truncated(data: bytearray, random: Generator) -> bytearray:
    return data[: int(random.integers(len(data)))]


def _flipped(data: bytearray, random: Generator) -> bytearray:
    for _ in range(int(random.integers(1, 40))):
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return data


def _header_flipped(data: bytearray, random: Generator) -> bytearray:
    for _ in range(int(random.integers(1, 6))):
        data[int(random.integers(min(len(data), 120)))] = int(random.integers(256))
    return data


def _large_number(data: bytearray, random: Generator) -> bytearray:
    place = int(random.integers(max(1, len(data) - 4)))
    data[place : place + 4] = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f")[
        int(random.integers(4))
    ]
    return data


def _cut(data: bytearray, random: Generator) -> bytearray:
    start = int(random.integers(len(data)))
    del data[start : start + int(random.integers(1, 200))]
    return data


def _doubled(data: bytearray, random: Generator) -> bytearray:
    start, length = int(random.integers(len(data))), int(random.integers(1, 400))
    return data[:start] + data[start : start + length] * int(random.integers(2, 5)) + data[start + length :]


def _noise(data: bytearray, random: Generator) -> bytearray:
    kept = int(random.integers(4, 40))
    return data[:kept] + bytearray(random.bytes(int(random.integers(1, 3000))))


_WAYS = (_truncated, _flipped, _header_flipped, _large_number, _cut, _doubled, _noise)


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """So many files: damaged ones of all kinds, two in one, archives that claim to be images, giants, nothing."""
    random = np.random.default_rng(seed)
    good = list(pictures().values())
    yield from (b"", b"\0", b"text", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a")
    yield from giants()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", good[0])
    yield from (buffer.getvalue(), good[0] + buffer.getvalue(), buffer.getvalue() + good[0])
    yield from (first[:100] + second for first in good[:8] for second in good[8:16])
    for number in range(count):
        data = bytearray(good[number % len(good)])
        for _ in range(int(random.integers(1, 3))):
            if data:
                data = _WAYS[int(random.integers(len(_WAYS)))](data, random)
        yield bytes(data)
