"""Packed samples of printed words, easy enough to be learnt in seconds: what the recognizer's training reads."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from src.data.samples import write_appearance
from src.paths import Paths
from src.recognition.appearance import look
from src.recognition.charset import Charset
from src.recognition.normalize import NormalizationSettings, normalize

LETTERS = "abcdeo"


def draw(text: str, seed: int) -> np.ndarray:
    """Grey uint8 page with the text, in one of a few thicknesses and slants."""
    random = np.random.default_rng(seed)
    page = np.full((90, 60 + 26 * len(text)), 235, np.uint8)
    thickness = int(random.integers(2, 4))
    cv2.putText(page, text, (20, 60), cv2.FONT_HERSHEY_SIMPLEX, random.uniform(1.0, 1.2), 40, thickness, cv2.LINE_AA)
    slant = np.array([[1, random.uniform(-0.15, 0.15), 0], [0, 1, 0]], np.float32)
    return cv2.warpAffine(page, slant, page.shape[::-1], borderValue=235)


def write_drawn_samples(root: Path, count: int = 240) -> Paths:
    """Write encoded.parquet, charset.json, samples and split of `count` words by 10 writers under `root`."""
    paths = Paths(root)
    random = np.random.default_rng(7)
    texts = ["".join(random.choice(list(LETTERS), random.integers(2, 6))) for _ in range(count)]
    charset = Charset.of(texts)
    settings = NormalizationSettings(height=48, max_width=512)
    pages = [draw(text, seed) for seed, text in enumerate(texts)]
    images = [normalize(page, settings) for page in pages]
    paths.samples.mkdir(parents=True)
    paths.split.mkdir(parents=True)
    paths.charset.write_text(charset.to_json(), encoding="utf-8")
    ids = [f"drawn/{number:04}" for number in range(count)]
    writers = [f"drawn/{number % 10}" for number in range(count)]
    codes = [charset.encode(text) for text in texts]
    table = {"sample_id": ids, "text": texts, "writer": writers, "source": "drawn", "level": "word", "codes": codes}
    digests = [f"{number:016x}" for number in range(count)]
    pd.DataFrame(table).assign(digest=digests).to_parquet(paths.encoded)
    widths = [image.shape[1] for image in images]
    offsets = np.concatenate([[0], np.cumsum([image.size for image in images])[:-1]])
    pd.DataFrame({"sample_id": ids, "offset": offsets, "width": np.array(widths, np.int32)}).to_parquet(
        paths.samples / "index.parquet"
    )
    (paths.samples / "images.bin").write_bytes(b"".join(image.tobytes() for image in images))
    write_appearance(paths.samples, np.array([look(page) for page in pages], np.float32))
    (paths.samples / "settings.json").write_text(json.dumps(settings.to_dict()))
    rows: list[dict[str, str]] = []
    for part, chosen in (("train", range(8)), ("validation", (8,)), ("test", (9,))):
        listed = [sample for sample, writer in zip(ids, writers, strict=True) if int(writer[6:]) in chosen]
        (paths.split / f"{part}.txt").write_text("\n".join(listed) + "\n")
        rows += [{"writer": f"drawn/{writer}", "part": part} for writer in chosen]
    pd.DataFrame(rows).to_csv(paths.split / "writers.csv", index=False)
    return paths
