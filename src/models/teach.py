"""`longhand teach`: a recognizer learns a hand from a few labelled words, and keeps what it knew.

How: `fine_tune.py`.
"""

import logging
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from src.data.lessons import Lessons, draw_lessons, read_lessons
from src.errors import GroundTruthError
from src.files import write_whole_folder
from src.models.export import export_recognizer
from src.models.fine_tune import fine_tune
from src.models.lesson_parts import keep_back, lessons_of_others
from src.models.metrics import overall, score_readings
from src.models.network import RecognizerNetwork
from src.models.quantize import is_quantized, quantize_convolutions
from src.models.start import Origin, network_of, read_start, save_start
from src.params import TeachParams
from src.paths import Paths, start_beside
from src.recognition import Charset, Recognizer, read_info, version_name

logger = logging.getLogger(__name__)

_RANGE_IMAGES = 100  # of each writer or group


@dataclass(frozen=True)
class Taught:
    """What teaching brought.

    Attributes:
        model: The new recognizer's file.
        learnt: Samples that were learnt from.
        held_out: Samples that were kept back to measure on; 0: nothing was measured on the hand.
        before: CER on these before; NaN without any.
        after: CER on these after.
        others_before: CER on samples of others before.
        others_after: CER on samples of others after.
        seconds: Of training.
    """

    model: Path
    learnt: int
    held_out: int
    before: float
    after: float
    others_before: float
    others_after: float
    seconds: float


def teach(
    source: Path,
    model: Path,
    target: Path,
    params: TeachParams,
    *,
    project: Paths | None = None,
    **how: Any,
) -> Taught:
    """Teach a recognizer what a folder or archive of ground truth holds.

    Args:
        source: A few dozen to a few thousand labelled words or lines, in any format that `longhand import` takes.
        model: The recognizer's ONNX file; beside it lies `start.pt`.
        target: Folder to write: recognizer.onnx, start.pt and held_out.csv (text, before, after). Whole or not at all.
        params: How much and how long.
        project: Where the project's samples lie: what others wrote is then measured on its validation writers; None or
            without samples: on drawn texts.
        **how: Format, writer_pattern and drop_patterns, see `import_ground_truth`.

    Returns:
        What it brought.

    Raises:
        GroundTruthError: There is nothing to learn from, or the samples that were kept back are read worse afterwards:
            the labels are wrong, or too few. Nothing is written then.
        ModelFileError: The model has no weights beside it, or they do not belong to it.
        ArchiveError: The source is an archive that is corrupt or unsafe.
    """
    info = read_info(model)
    start = read_start(start_beside(model))
    with tempfile.TemporaryDirectory(prefix="longhand-teach-") as scratch:
        lessons = read_lessons(source, Path(scratch), info.normalization, **how)
        charset = _with(start.charset, lessons.table["text"])
        learn, held_out = keep_back(lessons, params)
        network = network_of(info, start, charset)
        rehearsed = draw_lessons(params.rehearsed, start.charset, info.normalization, params.seed)
        seconds = fine_tune(network, learn, rehearsed, charset, params)
        others = lessons_of_others(start.charset, info.normalization, project, params)
        with write_whole_folder(target) as folder:
            lesson = {"start": info.version, "samples": len(learn.table), "seconds": round(seconds, 1)}
            new = write_taught(network, model, charset, lesson, [learn, others], folder)
            origin = Origin(learn.table["writer"].tolist(), learn.table["digest"].tolist())
            save_start(network.state_dict(), charset, origin, start_beside(new), start.source)
            taught = _measure(model, new, held_out, others, folder)
            if taught["after"] > taught["before"]:
                raise GroundTruthError(
                    f"{source}: {len(held_out.table)} samples that were kept back are read worse after teaching "
                    f"(CER {taught['before']:.1%} before, {taught['after']:.1%} after): look at the labels, or bring "
                    "more; nothing was written"
                )
    return Taught(target / new.name, len(learn.table), len(held_out.table), seconds=seconds, **taught)


def _with(charset: Charset, texts: pd.Series) -> Charset:
    """The charset, and behind it the characters of the texts that it lacks."""
    more = sorted(set().union(*map(set, texts)) - set(charset.characters))
    if more:
        logger.info("new characters: %s", "".join(more))
    return Charset((*charset.characters, *more))


def write_taught(
    network: RecognizerNetwork,
    model: Path,
    charset: Charset,
    lesson: dict[str, Any],
    shown: Sequence[Lessons],
    folder: Path,
) -> Path:
    """Write what a taught network reads with, its convolutions in 8 bits where those of the model before it are.

    Args:
        network: The taught network.
        model: The file of the model that was taught.
        charset: The network's characters.
        lesson: What is to be known of the teaching.
        shown: Images of the hand and of others: they show the ranges of 8 bits.
        folder: Where recognizer.onnx goes.

    Returns:
        The file.
    """
    created, info = datetime.now(UTC), read_info(model)
    new = info.model_copy(
        update={
            "version": version_name(created, "taught"),
            "created": created,
            "charset": charset.characters,
            "training": info.training | {"taught": lesson},
        }
    )
    file = folder / "recognizer.onnx"
    export_recognizer(network, new, file)
    if is_quantized(model):
        quantize_convolutions(file, file, [image for lessons in shown for image in lessons.images[:_RANGE_IMAGES]])
    return file


def _measure(before: Path, after: Path, own: Lessons, others: Lessons, folder: Path) -> dict[str, float]:
    """Read what was kept back with both models."""
    readers = {"before": Recognizer.load(before), "after": Recognizer.load(after)}
    found: dict[str, float] = {}
    for lessons, prefix in ((own, ""), (others, "others_")):
        table = lessons.table[["text"]].copy()
        for name, reader in readers.items():
            table[name] = [reader.interpret(frames).text for frames in reader.log_probs(lessons.images)]
            scores = score_readings(table["text"].tolist(), table[name].tolist())
            found[f"{prefix}{name}"] = overall(scores)["cer"] if len(table) else math.nan
        if not prefix:
            table.to_csv(folder / "held_out.csv", index=False)
    return found
