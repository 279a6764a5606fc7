"""Small made artefacts for the tests of the later data stages: pages of strokes and their encoded.parquet."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd


def draw_word(width: int, height: int = 40, paper: int = 230, ink: int = 30, seed: int = 0) -> np.ndarray:
    """uint8 [height, width]: a zigzag on paper."""
    random = np.random.default_rng(seed)
    image = np.full((height, width), paper, np.uint8)
    x = np.arange(4, width - 3, 5)
    y = random.integers(4, height - 4, len(x))
    cv2.polylines(image, [np.stack([x, y], axis=1).astype(np.int32)], False, ink, 2)
    return image


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def encoded_frame(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """encoded.parquet's columns that the later stages read; a row gives what differs from the defaults."""
    defaults = {
        "box": None,
        "polygon": None,
        "transcription": "word",
        "writer": "made/1",
        "form": "p1",
        "source": "made",
        "level": "word",
        "quality": "ok",
        "text": "word",
        "frequent": True,
        "codes": [1, 2, 3, 4],
        "label": 0,
    }
    return pd.DataFrame([defaults | row for row in rows])


def write_encoded(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded_frame(rows).to_parquet(path, index=False)


def write_words(root: Path, labels: Sequence[int], writers: Sequence[str] | None = None) -> None:
    """An image a label under root/extracted, and root/encoded.parquet."""
    rows = []
    for number, label in enumerate(labels):
        name = f"made/w{number:03}.png"
        write_image(root / "extracted" / name, draw_word(60 + 7 * number, seed=number))
        writer = writers[number] if writers else f"made/{number}"
        row = {
            "sample_id": f"made/w{number:03}",
            "image": name,
            "label": label,
            "frequent": label >= 0,
            "writer": writer,
        }
        rows.append(row)
    write_encoded(root / "encoded.parquet", rows)


def write_split(folder: Path, parts: dict[str, Sequence[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "validation", "test"):
        (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in parts.get(part, ())), encoding="utf-8")
