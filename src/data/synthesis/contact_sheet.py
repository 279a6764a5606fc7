"""The contact sheet: the virtual writers side by side, for a person's eye."""

import logging
from pathlib import Path

import cv2
import numpy as np

from src.data.synthesis.drawing import Image, draw_line
from src.data.synthesis.sample_archive import encode_png
from src.data.synthesis.writer import create_writer
from src.files import write_whole
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)

TEXTS = (
    "The people of the city,",
    "she didn't say why: 1948",
    "a quiet evening (Mr. Brown's)",
    "déjà vu, Größe, señor",
)
_ROW_HEIGHT, _ROW_WIDTH = 56, 430
_WRITERS = 12


def write_contact_sheet(target: Path, seed: int) -> None:
    """Draw two lines of each of the first writers: a row a writer.

    Args:
        target: A PNG; written whole or not at all.
        seed: Of the writers.
    """
    rows = []
    for index in range(_WRITERS):
        writer = create_writer(seed, index)
        lines = [
            draw_line(TEXTS[(index + turn) % len(TEXTS)], writer, np.random.default_rng([seed, index, turn]))
            for turn in range(2)
        ]
        rows.append(np.hstack([_fit(line) for line in lines]))
    with write_whole(target) as temporary:
        temporary.write_bytes(encode_png(np.vstack(rows)))
    logger.info("%s: %d writers", target, _WRITERS)


def _fit(line: Image) -> Image:
    scale = min((_ROW_HEIGHT - 6) / line.shape[0], (_ROW_WIDTH - 10) / line.shape[1])
    small = cv2.resize(line, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cell = np.full((_ROW_HEIGHT, _ROW_WIDTH), 255, np.uint8)
    cell[3 : 3 + small.shape[0], 5 : 5 + small.shape[1]] = small
    return cell


def main() -> None:
    """Write docs/images/sample_contact_sheet.png."""
    write_contact_sheet(Paths().root / "docs" / "images" / "sample_contact_sheet.png", seed=20)


if __name__ == "__main__":
    run(main)
