"""What a recognizer reads on one part of the split: the table that every figure of the evaluation comes from."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm.auto import tqdm

from src.data.artefacts import read_columns, require
from src.data.samples import PackedSamples
from src.errors import GroundTruthError
from src.models.metrics import length_bin, score_readings
from src.paths import Paths
from src.recognition.beam import Fusion
from src.recognition.recognizer import Recognizer
from src.recognition.vocabulary import score_vocabulary

CHUNK = 256  # images read at a time: their log probabilities are let go before the next


def part_samples(paths: Paths, part: str) -> pd.DataFrame:
    """The samples of one part of the split.

    Args:
        paths: Where they are listed.
        part: "train", "validation" or "test".

    Returns:
        Columns sample_id, text, writer, source, level, in the order of encoded.parquet.

    Raises:
        MissingArtefactError: A data stage has not run.
        GroundTruthError: The part is empty.
    """
    listed = require(paths.split / f"{part}.txt", "split_data").read_text(encoding="utf-8").splitlines()
    columns = ["sample_id", "text", "writer", "source", "level"]
    table = read_columns(paths.encoded, "encode_data", columns)
    chosen = table[table["sample_id"].isin(set(listed))].reset_index(drop=True)
    if chosen.empty:
        raise GroundTruthError(
            f"{paths.split / part}.txt: no sample; raise split.{part} in params.yaml, or bring more writers"
        )
    return chosen


def read_samples(
    recognizer: Recognizer, samples: PackedSamples, table: pd.DataFrame, fusion: Fusion | None = None
) -> pd.DataFrame:
    """Read every sample without any restriction and count the errors.

    Args:
        recognizer: Reads as it does in service.
        samples: The normalised images.
        table: Columns sample_id, text, writer, source, level.
        fusion: A language model; None: greedy decoding, the image alone.

    Returns:
        The table with columns reading, confidence (0..1, of the whole text), word_confidences (a list, of its words),
        length (bin of the text's length) and those of `score_readings`.

    Raises:
        GroundTruthError: A sample has no packed image.
    """
    frames = _frames(recognizer, samples, table["sample_id"].tolist(), "reading")
    found = [recognizer.interpret(log_probs, fusion=fusion) for log_probs in frames]
    texts = [reading.text for reading in found]
    scores = score_readings(table["text"].tolist(), texts)
    more = {
        "reading": texts,
        "confidence": [reading.confidence for reading in found],
        "word_confidences": [[word.confidence for word in reading.words] for reading in found],
        "length": [length_bin(len(text)) for text in table["text"]],
    }
    return pd.concat([table.reset_index(drop=True), pd.DataFrame(more), scores], axis=1)


def read_restricted(
    recognizer: Recognizer, samples: PackedSamples, sample_ids: Sequence[str], vocabulary: Sequence[str]
) -> list[str]:
    """Read samples that are known to hold one of a few words.

    Args:
        recognizer: Reads as it does in service.
        samples: The normalised images.
        sample_ids: Which samples.
        vocabulary: The words; one with a character that the recognizer does not know can never be read.

    Returns:
        The most likely word of each sample; "" where none of the words is possible.
    """
    known = [word for word in vocabulary if not recognizer.charset.unknown(word)]
    codes = [recognizer.charset.encode(word) for word in known]
    words = []
    for log_probs in _frames(recognizer, samples, sample_ids, "reading, restricted"):
        scores = score_vocabulary(log_probs, codes)
        words.append(known[int(scores.argmax())] if len(scores) and np.isfinite(scores.max()) else "")
    return words


def _frames(
    recognizer: Recognizer, samples: PackedSamples, sample_ids: Sequence[str], title: str
) -> Iterator[NDArray[np.float32]]:
    """Log probabilities float32 [T, classes] of each sample, in the order of `sample_ids`."""
    rows = [samples.row_of(sample_id) for sample_id in sample_ids]
    with tqdm(total=len(rows), desc=title, unit="image", leave=False) as bar:
        for start in range(0, len(rows), CHUNK):
            images = [samples[row] for row in rows[start : start + CHUNK]]
            yield from recognizer.log_probs(images)
            bar.update(len(images))
