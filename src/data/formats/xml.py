"""XML of pages, read without namespaces: the formats' versions differ in little else."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from src.data.formats.ground_truth import Box, Folder, GroundTruth, Row, writer_of

Points = tuple[tuple[int, int], ...]


def read_xml(path: Path) -> Element:
    """Parse a file; the tags lose their namespaces.

    Args:
        path: The file.

    Returns:
        Its root.

    Raises:
        ValueError: It is no XML, or XML with entities.
    """
    try:
        root: Element | None = defusedxml.ElementTree.parse(path).getroot()
    except ParseError as error:
        raise ValueError(f"malformed XML: {error}") from error
    except DefusedXmlException as error:
        raise ValueError(f"unsafe XML: {error}") from error
    if root is None:
        raise ValueError("malformed XML: no element")
    for element in root.iter():
        element.tag = local_name(element.tag)
    return root


def local_name(tag: str) -> str:
    """Give a tag without its namespace."""
    return tag.rpartition("}")[2]


def has_root(folder: Folder, name: str) -> bool:
    """Tell whether some XML file of a folder opens with this element.

    Args:
        folder: The folder.
        name: Element without its namespace.
    """
    opening = re.compile(rb"<(?:\w+:)?" + name.encode() + rb"[\s>]")
    for file in folder.with_suffix(".xml"):
        with (folder.root / file).open("rb") as stream:
            if opening.search(stream.read(4096)):
                return True
    return False


def read_points(text: str | None) -> Points:
    """Read the corners of a polygon.

    Args:
        text: `x,y x,y ...` or `x y x y ...`, pixels; fractions are rounded.

    Returns:
        The points (x, y).

    Raises:
        ValueError: It is neither.
    """
    numbers = [round(float(number)) for number in (text or "").replace(",", " ").split()]
    if len(numbers) % 2:
        raise ValueError(f"polygon with an odd number of coordinates ({len(numbers)})")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


@dataclass(frozen=True)
class PageImage:
    """A page's file and image.

    Attributes:
        file: The XML file, as errors name it.
        image: The image's path in the folder.
        size: Width and height that the file's coordinates refer to; None: the image's own pixels.
    """

    file: str
    image: str
    size: tuple[int, int] | None


def add_lines(
    truth: GroundTruth,
    page: PageImage,
    lines: Iterable[tuple[str | None, str, Element]],
    shape: Callable[[Element], tuple[Points | None, Box]],
    writer_pattern: re.Pattern[str] | None,
) -> None:
    """Add a row for each line of a page, or say why it is of no use.

    Args:
        truth: Where to add them.
        page: The page that they are on.
        lines: Identity (None: its number on the page), text and element of each.
        shape: Finds a line's polygon, if it has one, and box; raises ValueError where it has neither.
        writer_pattern: Finds the writer in the page's file name; without it each page is its own writer.
    """
    form = PurePosixPath(page.file).stem
    for number, (name, text, line) in enumerate(lines, start=1):
        identity = name or f"line-{number}"
        if not text:
            truth.reject(page.file, identity, "empty text")
            continue
        try:
            polygon, box = shape(line)
        except ValueError as error:
            truth.reject(page.file, identity, f"malformed line: {error}")
            continue
        truth.rows.append(
            Row(
                file=page.file,
                row=identity,
                name=f"{form}/{identity}",
                image=page.image,
                transcription=text,
                writer=writer_of(form, writer_pattern, form),
                form=form,
                level="line",
                box=box,
                polygon=polygon,
                page_size=page.size,
            )
        )


def box_around(points: Points) -> tuple[int, int, int, int]:
    """Give the box x, y, width, height around points, its last pixel included."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1


def page_size(width: str | None, height: str | None) -> tuple[int, int] | None:
    """Read the size that a page's file gives its image.

    Args:
        width: Attribute, in the units of all coordinates.
        height: Attribute.

    Returns:
        Both, or None when one is missing, no number or not positive.
    """
    try:
        size = round(float(width or "")), round(float(height or ""))
    except ValueError:
        return None
    return size if min(size) > 0 else None
