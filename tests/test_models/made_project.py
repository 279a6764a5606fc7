"""A small made project: words that a network can tell apart, three parts, and a recognizer whose readings are known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from src.data.samples import SampleWriter
from src.paths import Paths
from src.recognition.normalize import NormalizationSettings
from tests.tiny_model import CHARSET, HEIGHT, paint

LABELS = ("ab", "ba", "ca")
WRITERS = {"train": ("w/1", "w/2"), "validation": ("w/3",), "test": ("w/4", "w/5")}
IMAGE_HEIGHT, IMAGE_WIDTH = 16, 32


def draw(label: int, random: np.random.Generator) -> np.ndarray:
    """uint8 [16, 32, 1]: one bar, whose place is the class, in noise."""
    image = random.integers(0, 60, (IMAGE_HEIGHT, IMAGE_WIDTH, 1), dtype=np.uint8)
    start = 3 + 9 * label
    image[3:13, start : start + 7] = 230
    return image


def write_classifier_samples(paths: Paths, counts: dict[str, int], labels: tuple[str, ...] = LABELS) -> None:
    """What encode_data, reshape_data, one_hot_encode_labels and calculate_class_weights write."""
    paths.classifier_samples.mkdir(parents=True)
    paths.one_hot.mkdir(parents=True)
    paths.labels.write_text(json.dumps({"labels": labels}), encoding="utf-8")
    paths.class_weights.write_text(json.dumps({"weights": [1.0] * len(labels)}), encoding="utf-8")
    random = np.random.default_rng(1)
    for part, count in counts.items():
        truth = np.arange(count, dtype=np.int64) % max(1, len(labels))
        images = np.zeros((count, IMAGE_HEIGHT, IMAGE_WIDTH, 1), np.uint8)
        for row, label in enumerate(truth.tolist()):
            images[row] = draw(label, random)
        np.save(paths.classifier_samples / f"{part}_images.npy", images)
        np.save(paths.classifier_samples / f"{part}_labels.npy", truth)
        ids = "".join(f"{part}/{number}\n" for number in range(count))
        (paths.classifier_samples / f"{part}_sample_ids.txt").write_text(ids, encoding="utf-8")
        np.save(paths.one_hot / f"{part}.npy", np.eye(len(labels), dtype=np.float32)[truth])


def write_readable_samples(paths: Paths, rows: list[dict[str, str]], parts: dict[str, list[str]]) -> None:
    """Encoded table, split and packed images.

    Args:
        paths: Where to.
        rows: sample_id, text, writer, level, and `painted`: what the tiny recognizer will read.
        parts: A part's name -> its sample ids.
    """
    table = pd.DataFrame(rows).assign(source="made")
    paths.processed.mkdir(parents=True, exist_ok=True)
    table.drop(columns="painted").to_parquet(paths.encoded, index=False)
    paths.split.mkdir()
    for part, ids in parts.items():
        (paths.split / f"{part}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    paths.samples.mkdir()
    with SampleWriter(paths.samples, table["sample_id"].tolist(), NormalizationSettings(HEIGHT, 512)) as writer:
        for number, text in enumerate(table["painted"]):
            image = paint([code for character in text for code in (CHARSET.index(character) + 1, 0)] or [0])
            writer.append([number], [image.shape[1]], image.tobytes())


def evaluated_rows(count: int) -> list[dict[str, str]]:
    """The classifier's test words, one of two misread by one character, and two lines."""
    rows = []
    for number in range(count):
        text = LABELS[number % len(LABELS)]
        painted = text if number % 2 else text[0] + "c"
        writer = WRITERS["test"][number % 2]
        rows.append(
            {"sample_id": f"test/{number}", "text": text, "writer": writer, "level": "word", "painted": painted}
        )
    rows.append({"sample_id": "l/0", "text": "ab ba", "writer": "w/4", "level": "line", "painted": "ab ba"})
    rows.append({"sample_id": "l/1", "text": "ab <b> ca", "writer": "w/5", "level": "line", "painted": "ab b ca"})
    return rows


def made_paths(root: Path) -> Paths:
    """Paths under `root`, with a params.yaml of defaults."""
    (root / "params.yaml").write_text("classifier: {channels: [8, 16], epochs: 12, patience: 4}\n", encoding="utf-8")
    return Paths(root)
