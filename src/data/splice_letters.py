"""Stage: what the training writers wrote -> other texts in their hands, that are learnt from alone.

Real data shows few texts, in few languages, by many hands: a recognizer learns the texts with the hands. Fonts show any
text, by nobody's hand. Here letters of real hands spell texts of any language (see synthesis/splicing.py).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from src.data.artefacts import read_columns, require
from src.data.parallel import map_in_order
from src.data.samples import SPLICED, SPLICED_TABLE, PackedSamples, SampleWriter
from src.data.synthesis.sentences import sentence
from src.data.synthesis.splicing import Hand, Word, cut_words, splice
from src.errors import GroundTruthError
from src.files import write_whole_folder
from src.params import Params, load_params
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.charset import Charset
from src.recognition.decode import Alignment, align
from src.recognition.vocabulary import score_vocabulary
from src.stage import run

logger = logging.getLogger(__name__)

# A word one of whose letters is less certain than this in its image was perhaps written otherwise than it is labelled.
_LEAST_CONFIDENCE = 0.4
_LEAST_WORDS = 20  # of a writer, to take letters from
_MOST_DRAWS = 30  # of a text, until a hand can write one
# Natural logarithm of a spliced text's probability, a character: of worse ones most are cut through a letter.
_LEAST_LEGIBLE = -1.0


@dataclass(frozen=True)
class Spliced:
    """A text in a real hand.

    Attributes:
        writer: Whose hand.
        text: What it spells.
        image: uint8 [height, W], normalised ink.
    """

    writer: str
    text: str
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class _Written:
    """A sample, and where its letters lie."""

    text: str
    ink: NDArray[np.uint8]
    alignment: Alignment
    stride: int


def splice_letters(paths: Paths, params: Params) -> int:
    """Write the samples folder of new texts, with its table (sample_id, text, writer, source, level, codes).

    Args:
        paths: Where the training samples lie; the recognizer that trainings start from tells where their letters are.
        params: `splice`; and `split.train_only`, the collections that are nobody's hand.

    Returns:
        How many images were written: none where `splice.texts` is 0, and the folder then holds an empty table.

    Raises:
        MissingArtefactError: A stage before this one has not run.
        ModelFileError: There is no recognizer to start from.
        GroundTruthError: Texts are asked for, and no hand can write one.
    """
    samples = PackedSamples(paths.samples)
    charset = Charset.from_json(require(paths.charset, "encode_data").read_text(encoding="utf-8"))
    images: list[NDArray[np.uint8]] = []
    rows: list[tuple[str, str, str, str, str, list[int]]] = []
    if params.splice.texts:
        recognizer = Recognizer.load(paths.start_model)
        spliced = spliced_texts(paths, params, "train", recognizer)
        for number, one in enumerate(_legible(spliced, recognizer, params.splice.texts)):
            if charset.unknown(one.text):
                continue
            level = "line" if " " in one.text else "word"
            codes = charset.encode(one.text)
            rows.append((f"{SPLICED}/{number:06d}", one.text, one.writer, SPLICED, level, codes))
            images.append(one.image)
    if params.splice.texts and not rows:
        raise GroundTruthError(
            f"{paths.encoded}: no training writer has {_LEAST_WORDS} words whose letters {paths.start_model} finds; "
            "bring more of each writer, or set splice.texts to 0 in params.yaml"
        )
    table = pd.DataFrame(rows, columns=["sample_id", "text", "writer", "source", "level", "codes"])
    with write_whole_folder(paths.spliced) as folder:
        with SampleWriter(folder, table["sample_id"].tolist(), samples.settings) as target:
            for row, image in enumerate(images):
                target.append([row], [image.shape[1]], image.tobytes())
        table.to_parquet(folder / SPLICED_TABLE, index=False)
    logger.info("%d texts in %d hands in %s", len(table), table["writer"].nunique(), paths.spliced)
    return len(table)


def spliced_texts(paths: Paths, params: Params, part: str, recognizer: Recognizer) -> Iterator[Spliced]:
    """Write texts in the hands of a part's writers, one hand after the other.

    Args:
        paths: Where the samples lie.
        params: `splice`; and `split.train_only`, the collections that are nobody's hand.
        part: "train", "validation" or "test".
        recognizer: Tells where letters are; texts hold none that it does not know.

    Yields:
        At most `splice.texts`: where a hand can write none of the texts that are drawn, there is one less.

    Raises:
        MissingArtefactError: A stage before this one has not run.
    """
    settings, charset = params.splice, recognizer.charset
    hands = _hands(_choose(paths, params, part, charset), PackedSamples(paths.samples), recognizer)
    random = np.random.default_rng(settings.seed)
    others = list(hands.values())
    for _, (writer, hand) in zip(range(settings.texts), cycle(hands.items()), strict=False):
        for _ in range(_MOST_DRAWS):
            text = sentence(settings.languages[int(random.integers(len(settings.languages)))], random)
            image = None if charset.unknown(text) else splice(text, hand, others, random)
            if image is not None and image.shape[1] <= settings.max_width:
                yield Spliced(writer, text, image)
                break


def _choose(paths: Paths, params: Params, part: str, charset: Charset) -> dict[str, pd.DataFrame]:
    """Samples of each writer of a part, lines first (their letters have one size), up to so many columns."""
    listing = require(paths.split / f"{part}.txt", "split_data")
    wanted = set(listing.read_text(encoding="utf-8").split("\n"))
    index = read_columns(paths.samples / "index.parquet", "prepare_features", ["sample_id", "width"])
    table = read_columns(paths.encoded, "encode_data", ["sample_id", "text", "writer", "level", "source"])
    table = table.merge(index.assign(row=range(len(index))), on="sample_id")
    table = table[table["sample_id"].isin(wanted) & ~table["source"].isin(params.split.train_only)]
    table = table[[not charset.unknown(text) for text in table["text"]]]
    table = table.sample(frac=1.0, random_state=params.splice.seed).sort_values("level", kind="stable")
    before = table.groupby("writer")["width"].cumsum() - table["width"]
    table = table[before < params.splice.columns_per_writer]
    return {str(writer): group for writer, group in table.groupby("writer")}


def _hands(chosen: dict[str, pd.DataFrame], samples: PackedSamples, recognizer: Recognizer) -> dict[str, Hand]:
    """Cut what each writer wrote into letters."""
    words: dict[str, list[Word]] = {}
    written = (_align(group, samples, recognizer) for group in chosen.values())
    with tqdm(total=len(chosen), desc="cutting letters", unit="writer", mininterval=1.0) as progress:
        for writer, found in zip(chosen, map_in_order(_cut, written, 0), strict=True):
            words[writer] = found
            progress.update()
    return {writer: Hand(found) for writer, found in words.items() if len(found) >= _LEAST_WORDS}


def _align(group: pd.DataFrame, samples: PackedSamples, recognizer: Recognizer) -> list[_Written]:
    written = []
    for text, row in zip(group["text"], group["row"], strict=True):
        ink = np.array(samples[row])
        (frames,) = recognizer.log_probs([ink])
        alignment = align(frames, recognizer.charset.encode(text))
        if alignment is not None:
            written.append(_Written(text, ink, alignment, recognizer.info.stride))
    return written


def _cut(written: Sequence[_Written]) -> list[Word]:
    """The words of which each letter was recognized where it is said to be."""
    words: list[Word] = []
    for one in written:
        middles = [one.stride * (first + end) / 2 for first, end in one.alignment.spans]
        certain = [confidence >= _LEAST_CONFIDENCE for confidence in one.alignment.confidences]
        words += cut_words(one.text, one.ink, middles, certain)
    return words


def _legible(spliced: Iterator[Spliced], recognizer: Recognizer, texts: int) -> Iterator[Spliced]:
    """Leave out what was cut so badly that the recognizer hardly believes its text."""
    for one in tqdm(spliced, total=texts, desc="splicing", unit="text", mininterval=1.0):
        # One by one: batches of ever other sizes would each need kernels of their own.
        (frames,) = recognizer.log_probs([one.image])
        score = float(score_vocabulary(frames, [recognizer.charset.encode(one.text)])[0])
        if score / len(one.text) >= _LEAST_LEGIBLE:
            yield one


def main() -> None:
    """Write data/processed/spliced."""
    paths = Paths()
    splice_letters(paths, load_params(paths.params))


if __name__ == "__main__":
    run(main)
