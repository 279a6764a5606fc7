"""A few labelled words or lines, of any ground-truth format, made ready to teach a recognizer."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.data.clean_data import clean_data
from src.data.extract_raw_data import extract_raw_data
from src.data.filter_data import filter_data
from src.data.import_ground_truth import import_ground_truth
from src.data.load_dataset import load_dataset
from src.data.prepare_features import prepare_features
from src.data.samples import PackedSamples
from src.data.synthesis.drawing import draw_line
from src.data.synthesis.sentences import LANGUAGES, sentence
from src.data.synthesis.writer import create_writer
from src.errors import CharsetError
from src.files import write_whole
from src.params import CleanParams, ExtractParams, FeatureParams, FilterParams, LoadParams
from src.paths import Paths
from src.recognition.charset import Charset
from src.recognition.normalize import NormalizationSettings, normalize

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lessons:
    """Labelled images.

    Attributes:
        table: One row an image: sample_id, text, writer, source, level, digest.
        images: Normalised ink, uint8 [height, width], 0 = paper, in the table's order.
    """

    COLUMNS: ClassVar = ("sample_id", "text", "writer", "source", "level", "digest")

    table: pd.DataFrame
    images: Sequence[NDArray[np.uint8]]


def read_lessons(
    source: Path,
    scratch: Path,
    settings: NormalizationSettings,
    *,
    format: str | None = None,  # noqa: A002 (the word of the command line)
    writer_pattern: str | None = None,
    drop_patterns: Sequence[str] = (),
) -> Lessons:
    """Bring ground truth through the data stages, apart from the project's own data.

    Args:
        source: What `longhand import` takes: a folder or an archive.
        scratch: A folder for all that is written on the way; the images are read from it.
        settings: How the model wants its images.
        format: See `import_ground_truth`, as are the next.
        writer_pattern: See there.
        drop_patterns: See there.

    Returns:
        What can be learnt from; the log says what cannot.

    Raises:
        GroundTruthError: Nothing can be learnt from, or the source is not understood.
        ArchiveError: The source is an archive that is corrupt or unsafe.
    """
    paths = Paths(scratch)
    import_ground_truth(
        source, paths.raw, format=format, writer_pattern=writer_pattern, drop_patterns=drop_patterns, name="lessons"
    )
    extract_raw_data(paths.raw, paths.extracted, ExtractParams())
    load_dataset(paths.extracted, paths.manifest, paths.load_report, LoadParams())
    filter_data(paths.manifest, paths.filtered, paths.filter_report, FilterParams())
    table = clean_data(paths.filtered, paths.clean, paths.clean_report, CleanParams())
    with write_whole(paths.encoded) as temporary:
        table.to_parquet(temporary)
    features = FeatureParams(height=settings.height, max_width=settings.max_width)
    prepare_features(paths.encoded, paths.extracted, paths.samples, features)
    return Lessons(table[list(Lessons.COLUMNS)].reset_index(drop=True), PackedSamples(paths.samples))


def draw_lessons(count: int, charset: Charset, settings: NormalizationSettings, seed: int = 20) -> Lessons:
    """Draw words and lines of virtual writers in many languages, each by another hand.

    Args:
        count: Images.
        charset: Texts hold no other characters.
        settings: How the images are normalised.
        seed: Of texts, hands and papers.

    Returns:
        The images; digests are empty.
    """
    random = np.random.default_rng(seed)
    images: list[NDArray[np.uint8]] = []
    texts: list[str] = []
    while len(images) < count:
        text = sentence(LANGUAGES[int(random.integers(len(LANGUAGES)))], random)
        if charset.unknown(text):
            continue
        try:
            page = draw_line(text, create_writer(seed, len(images)), random)
        except CharsetError:  # the pen knows no such sign
            continue
        images.append(normalize(page, settings))
        texts.append(text)
    names = [f"drawn/{number:05}" for number in range(count)]
    levels = ["line" if " " in text else "word" for text in texts]
    table = {"sample_id": names, "text": texts, "writer": names, "source": "drawn", "level": levels, "digest": ""}
    return Lessons(pd.DataFrame(table), images)
