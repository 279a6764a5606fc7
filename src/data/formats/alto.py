"""ALTO (versions 2 to 4): one sample a TextLine, cut from the page's image by its polygon or box."""

import re
from xml.etree.ElementTree import Element

from src.data.formats.ground_truth import Box, Folder, GroundTruth
from src.data.formats.xml import PageImage, Points, add_lines, box_around, has_root, page_size, read_points, read_xml


def is_alto(folder: Folder) -> bool:
    """Tell whether a folder holds ALTO files."""
    return has_root(folder, "alto")


def read_alto(folder: Folder, writer_pattern: re.Pattern[str] | None = None) -> GroundTruth:
    """Read all ALTO files of a folder.

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
        if root.tag != "alto":
            continue  # another format's file; its own reader sees to it
        image = folder.page_image(file, root.findtext(".//sourceImageInformation/fileName"))
        if image is None:
            truth.reject(file, "", "missing image of the page")
            continue
        for page in root.iter("Page"):
            size = page_size(page.get("WIDTH"), page.get("HEIGHT"))
            texts = ((line.get("ID"), _text(line), line) for line in page.iter("TextLine"))
            add_lines(truth, PageImage(file, image, size), texts, _shape, writer_pattern)
    return truth


def _text(line: Element) -> str:
    """Join the strings of a line by spaces; a hyphen at its end belongs to the last of them."""
    words = " ".join(content for string in line.iter("String") if (content := string.get("CONTENT", "").strip()))
    hyphen = line.find("HYP")
    return words + (hyphen.get("CONTENT", "-") if hyphen is not None and words else "")


def _shape(line: Element) -> tuple[Points | None, Box]:
    polygon = line.find("Shape/Polygon")
    points = read_points(polygon.get("POINTS")) if polygon is not None else ()
    if len(set(points)) >= 3:
        return points, box_around(points)
    sides = [line.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    if all(side is not None for side in sides):
        x, y, width, height = (round(float(side or "")) for side in sides)
        if width > 0 and height > 0:
            return None, (x, y, width, height)
    raise ValueError("neither a polygon nor a box" + (" (only a baseline)" if line.get("BASELINE") else ""))
