"""The reference of a training: of the images that people write, not of those that are only learnt from."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from src.data.samples import PackedSamples
from src.models.dataset import Part, load_part
from src.models.training_reference import training_reference
from src.recognition.reference import Histogram
from tests.test_models.drawn_samples import write_drawn_samples


@pytest.fixture
def samples(tmp_path: Path) -> tuple[Part, PackedSamples]:
    paths = write_drawn_samples(tmp_path, 100)
    packed = PackedSamples(paths.samples)
    return load_part("train", paths.encoded, paths.split, packed), packed


def test_it_is_of_the_training_part_alone(samples: tuple[Part, PackedSamples]) -> None:
    train, packed = samples
    reference = training_reference(train, packed, [])
    table = packed.appearance()
    assert reference is not None and table is not None
    assert reference.samples == len(train) == 80
    assert reference.features["aspect"] == Histogram.of(table["aspect"].to_numpy(np.float64)[train.rows])
    assert set(reference.features) == {*table, "length"}


def test_what_is_only_learnt_from_is_left_out_unless_there_is_nothing_else(
    samples: tuple[Part, PackedSamples],
) -> None:
    train, packed = samples
    sources = ["fonts" if number % 4 else "drawn" for number in range(len(train))]
    mixed = dataclasses.replace(train, sources=sources)
    found, all_ = (training_reference(mixed, packed, left_out) for left_out in (["fonts"], ["fonts", "drawn"]))
    assert found is not None and all_ is not None
    assert (found.samples, all_.samples) == (20, 80)


def test_without_a_note_of_the_images_there_is_none(samples: tuple[Part, PackedSamples]) -> None:
    train, packed = samples
    (packed.folder / "appearance.parquet").unlink()
    assert training_reference(train, packed, []) is None
