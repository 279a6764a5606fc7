"""What the drift figures say of writers that no training has seen, and what they cost.

    python benchmarks/bench_drift.py [--root DIR]

Needs the data stages up to split_data. The reference is of the training part, as a training keeps it; the figures are
of a thousand samples of the test part, mixed, and of each of its writers with 200 or more by itself.
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from src.data.samples import PackedSamples
from src.models.dataset import load_part
from src.models.training_reference import training_reference
from src.monitoring.drift import DRIFTED, NAMES, Drift
from src.params import load_params
from src.paths import Paths

SEED, MIXED, LEAST, HANDS = 20, 1000, 200, 12


def main(root: Annotated[Path, typer.Option(help="The project's folder.")] = Path()) -> None:
    """Print the tables."""
    paths = Paths(root.resolve())
    samples = PackedSamples(paths.samples)
    train, test = (load_part(part, paths.encoded, paths.split, samples) for part in ("train", "test"))
    reference = training_reference(train, samples, load_params(paths.params).split.train_only)
    table = samples.appearance()
    if reference is None or table is None:
        raise SystemExit("no appearance.parquet: run python src/data/prepare_features.py")
    lengths = np.array([len(text) for text in test.texts], np.float64)
    seen = np.column_stack([table.to_numpy(np.float64)[test.rows], lengths])
    writers = np.array(test.writers)

    def row(name: str, chosen: np.ndarray) -> None:
        drift = Drift(MIXED, 1)
        drift.compare_with(reference)
        for features in seen[chosen][:MIXED]:
            drift.note(tuple(features))
        indices = drift.indices()
        print(f"| {name} | {' | '.join(f'{indices[feature]:.2f}' for feature in NAMES)} |")

    random = np.random.default_rng(SEED)
    print(f"Reference: {reference.samples:,} samples of {len(set(train.writers))} writers\n")
    print(f"| | {' | '.join(NAMES)} |\n|---|{'---:|' * len(NAMES)}")
    row(f"{min(MIXED, len(seen)):,} samples of {len(set(writers))} other writers", random.permutation(len(seen)))
    limits = {name: max(DRIFTED, histogram.usual) for name, histogram in reference.features.items()}
    print(f"| limit | {' | '.join(f'{limits[feature]:.2f}' for feature in NAMES)} |")
    names, counts = np.unique(writers, return_counts=True)
    for place in np.argsort(-counts)[:HANDS]:
        if counts[place] >= LEAST:
            row(f"{counts[place]} by {names[place]} alone", np.flatnonzero(writers == names[place]))
    _cost()


def _cost() -> None:
    """Time of an image and of a scrape."""
    image = np.random.default_rng(SEED).integers(0, 256, (120, 800), dtype=np.uint8)
    drift = Drift(MIXED, LEAST)
    began = time.perf_counter()
    for _ in range(2 * MIXED):
        drift.observe(image, "word")
    print(f"\n{(time.perf_counter() - began) / (2 * MIXED) * 1e6:.0f} microseconds an image of 800 x 120 pixels")


if __name__ == "__main__":
    typer.run(main)
