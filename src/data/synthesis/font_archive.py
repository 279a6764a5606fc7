"""An archive of lines and words in handwriting fonts: letters, languages and hands that real data lacks."""

import csv
import io
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from tqdm import tqdm

from src.data.parallel import map_in_order
from src.data.sidecar import SIDECAR
from src.data.synthesis.fonts import Hand, can_write, draw_text, find_fonts
from src.data.synthesis.sample_archive import encode_png, write_tar
from src.data.synthesis.sentences import LANGUAGES, sentence
from src.files import write_whole

logger = logging.getLogger(__name__)

COLLECTION = "fonts"
_TEXTS_A_TASK = 50
_MOST_DRAWS = 50  # of a text, until the font can write one


@dataclass(frozen=True)
class Task:
    """Some texts for one process: of which hand, how many, and which."""

    hand: Hand
    languages: tuple[str, ...]
    count: int
    first: int
    seed: int


@dataclass(frozen=True)
class Drawn:
    """One image as it is stored."""

    name: str
    text: str
    writer: str
    png: bytes


def write_font_archive(
    fonts: Path,
    target: Path,
    count: int,
    languages: Sequence[str] = LANGUAGES,
    manners: int = 3,
    seed: int = 20,
    workers: int = 0,
) -> int:
    """Write an archive that the pipeline reads as a table; the same arguments give the same images.

    Args:
        fonts: Folder of font files; all that can write Latin letters are used.
        target: A .tar.gz; written whole or not at all.
        count: Images, shared out evenly among the hands.
        languages: Codes of wordfreq.
        manners: Hands a font: each has its own slant, width, stroke, pen and paper.
        seed: Of the texts and all that differs each time.
        workers: Processes; 0: one a core.

    Returns:
        How many images were written: fewer than `count` where a font cannot write enough of a language's texts.

    Raises:
        GroundTruthError: There is no usable font, or a language is not known.
    """
    hands = [Hand(font, manner) for font in find_fonts(fonts) for manner in range(manners)]
    for language in languages:
        sentence(language, np.random.default_rng(0))  # an unknown one shows before anything is drawn
    tasks = list(_tasks(hands, tuple(languages), count, seed))
    drawn: list[Drawn] = []
    with tqdm(total=count, desc="drawing", unit="image", mininterval=0.5) as progress:
        for images in map_in_order(draw, tasks, workers):
            drawn += images
            progress.update(len(images))
    with write_whole(target) as temporary:
        write_tar(temporary, _files(drawn))
    logger.info("%s: %d images by %d hands of %d fonts", target, len(drawn), len(hands), len(hands) // manners)
    return len(drawn)


def _tasks(hands: Sequence[Hand], languages: tuple[str, ...], count: int, seed: int) -> Iterator[Task]:
    for place, hand in enumerate(hands):
        share = count // len(hands) + (place < count % len(hands))
        for first in range(0, share, _TEXTS_A_TASK):
            yield Task(hand, languages, min(_TEXTS_A_TASK, share - first), first, seed)


def draw(task: Task) -> list[Drawn]:
    """Draw the images of a task; texts that the font cannot write are drawn anew, and left out after many draws."""
    random = np.random.default_rng([task.seed, task.first, zlib.crc32(task.hand.name.encode())])
    images: list[Drawn] = []
    for number in range(task.first, task.first + task.count):
        for _ in range(_MOST_DRAWS):
            text = sentence(task.languages[int(random.integers(len(task.languages)))], random)
            if can_write(task.hand.font, text):
                png = encode_png(draw_text(text, task.hand, random))
                images.append(Drawn(f"{task.hand.name}/{number:05d}.png", text, task.hand.name, png))
                break
    return images


def _files(drawn: Sequence[Drawn]) -> Iterator[tuple[str, bytes]]:
    """Names and contents, the table first."""
    yield SIDECAR, yaml.safe_dump({"collection": COLLECTION, "format": "table"}).encode()
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("file_name", "text", "writer_id"))
    rows.writerows((image.name, image.text, image.writer) for image in drawn)
    yield "metadata.csv", table.getvalue().encode()
    for image in drawn:
        yield image.name, image.png
