"""PAGE XML (any version): one sample a TextLine, cut from the page's image by its Coords."""

import re
from xml.etree.ElementTree import Element

from src.data.formats.ground_truth import Box, Folder, GroundTruth
from src.data.formats.xml import PageImage, Points, add_lines, box_around, has_root, page_size, read_points, read_xml


def is_page(folder: Folder) -> bool:
    """Tell whether a folder holds PAGE files."""
    return has_root(folder, "PcGts")


def read_page(folder: Folder, writer_pattern: re.Pattern[str] | None = None) -> GroundTruth:
    """Read all PAGE files of a folder.

    Args:
        folder: Holds the files and, at any depth, the images that they name.
        writer_pattern: Finds the writer in a page's file name; without it each page is its own writer.

    Returns:
        One row a line. Lines without text or shape, and files that are malformed or lack their image, are rejected.
    """
    truth = GroundTruth()
    for file in folder.with_suffix(".xml"):
        try:
            root = read_xml(folder.root / file)
        except ValueError as error:
            truth.reject(file, "", str(error))
            continue
        page = root.find("Page")
        if root.tag != "PcGts" or page is None:
            continue  # another format's file (METS, ALTO); its own reader sees to it
        image = folder.page_image(file, page.get("imageFilename"))
        if image is None:
            truth.reject(file, "", f"missing image {page.get('imageFilename', '')}")
            continue
        size = page_size(page.get("imageWidth"), page.get("imageHeight"))
        texts = ((line.get("id"), _text(line), line) for line in page.iter("TextLine"))
        add_lines(truth, PageImage(file, image, size), texts, _shape, writer_pattern)
    return truth


def _text(line: Element) -> str:
    """Give the line's own text; of several readings, the one with the lowest index; else its words' joined."""
    own = _best_reading(line)
    return own or " ".join(text for word in line.findall("Word") if (text := _best_reading(word)))


def _best_reading(element: Element) -> str:
    readings = sorted(element.findall("TextEquiv"), key=lambda reading: int(reading.get("index") or 0))
    return next((text.strip() for reading in readings if (text := reading.findtext("Unicode"))), "")


def _shape(line: Element) -> tuple[Points, Box]:
    coords = line.find("Coords")
    if coords is None:
        raise ValueError("no Coords")
    if coords.get("points") is not None:
        points = read_points(coords.get("points"))
    else:  # before 2013 the points were elements
        points = tuple(
            (round(float(point.get("x", ""))), round(float(point.get("y", "")))) for point in coords.iter("Point")
        )
    if len(set(points)) < 3:
        raise ValueError(f"polygon of {len(set(points))} points")
    return points, box_around(points)
