"""The sample archive: words of virtual writers in IAM's layout, for those who bring no data of their own."""

import gzip
import io
import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from src.data.parallel import map_in_order
from src.data.synthesis.drawing import draw_word
from src.data.synthesis.words import tokens
from src.data.synthesis.writer import create_writer
from src.errors import ParamsError
from src.files import write_whole
from src.params import SampleParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)

_WORDS_A_LINE = 8
_LINES_A_FORM = 9
_WORDS_A_FORM = _WORDS_A_LINE * _LINES_A_FORM
_MAX_WRITERS = 26 * 99  # folders a01 .. z99
_MAX_WORDS_A_WRITER = 1000 * _WORDS_A_FORM  # forms 000 .. 999
_ERR_SHARE = 0.02  # words whose image is cut wrongly, marked `err` as in IAM
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 3)
_LINE_HEIGHT, _LEFT, _TOP = 200, 400, 700  # of the page that the boxes are on, pixels
_WORDS_HEADER = """\
#--- words.txt ---------------------------------------------------------------#
#
# Words of virtual writers, drawn by Longhand in IAM's layout.
#
# format: a01-000u-00-00 ok 154 408 768 27 51 AT A
#
#     a01-000u-00-00  -> word id for line 00 in form a01-000u
#     ok              -> result of word segmentation: ok, or err (cut wrongly)
#     154             -> graylevel to binarize the word
#     408 768 27 51   -> bounding box around this word in x,y,w,h format
#     AT              -> grammatical tag (always - here)
#     A               -> the transcription for this word
#
"""
_FORMS_HEADER = """\
#--- forms.txt ---------------------------------------------------------------#
#
# format: a01-000u 000 2 2 2 12 12
#
#     a01-000u -> form id; 000 -> writer id; 2 -> sentences (always 1 here)
#     2 2      -> lines in all, lines segmented; 12 12 -> words in all, words segmented
#
"""


@dataclass(frozen=True)
class FormTask:
    """One form to write: which words of which writer."""

    seed: int
    writer: int
    form: int
    first: int
    texts: tuple[str, ...]

    @property
    def folder(self) -> str:
        """IAM's folder of the form, such as a01: here one a writer."""
        return f"{chr(ord('a') + self.writer // 99)}{self.writer % 99 + 1:02d}"

    @property
    def name(self) -> str:
        """Form id, such as a01-000u."""
        return f"{self.folder}-{self.form:03d}u"


@dataclass(frozen=True)
class WordFile:
    """One word as it is stored: its id, its row in words.txt, its PNG."""

    name: str
    row: str
    png: bytes


def write_sample_archive(target: Path, params: SampleParams, workers: int = 0) -> None:
    """Write the archive; the same parameters give the same bytes.

    Args:
        target: A .tar.gz; written whole or not at all.
        params: Numbers of words and writers, and the seed.
        workers: Processes; 0: one a core.

    Raises:
        ParamsError: More writers or words than IAM's ids can name.
    """
    tasks = plan_forms(params)
    words: list[WordFile] = []
    rows: list[str] = []
    forms: list[str] = []
    with tqdm(total=params.words, desc="drawing words", unit="word") as progress:
        for task, drawn in zip(tasks, map_in_order(draw_form, tasks, workers), strict=True):
            words += drawn
            rows += [word.row for word in drawn]
            good = sum(" ok " in word.row for word in drawn)
            lines = -(-len(drawn) // _WORDS_A_LINE)
            forms.append(f"{task.name} {task.writer:03d} 1 {lines} {lines} {len(drawn)} {good}")
            progress.update(len(drawn))
    with write_whole(target) as temporary:
        files = _files(_WORDS_HEADER + "\n".join(rows) + "\n", _FORMS_HEADER + "\n".join(forms) + "\n", words)
        write_tar(temporary, files)
    logger.info("%s: %d words of %d writers", target, len(words), params.writers)


def plan_forms(params: SampleParams) -> list[FormTask]:
    """Divide the words over writers and forms.

    Args:
        params: Numbers of words and writers, and the seed.

    Returns:
        All forms, in the order of their ids.

    Raises:
        ParamsError: More writers or words than IAM's ids can name.
    """
    if params.writers > min(_MAX_WRITERS, params.words):
        limit = min(_MAX_WRITERS, params.words)
        raise ParamsError(f"sample.writers: {params.writers} is more than {limit}; lower it, or raise sample.words")
    if params.words > params.writers * _MAX_WORDS_A_WRITER:
        raise ParamsError(f"sample.words: too many for {params.writers} writers; raise sample.writers")
    share, rest = divmod(params.words, params.writers)
    tasks = []
    for writer in range(params.writers):
        texts = tokens(params.seed, writer, share + (writer < rest))
        for form, first in enumerate(range(0, len(texts), _WORDS_A_FORM)):
            tasks.append(FormTask(params.seed, writer, form, first, tuple(texts[first : first + _WORDS_A_FORM])))
    return tasks


def draw_form(task: FormTask) -> list[WordFile]:
    """Draw the words of one form; each depends on the seed, the writer and its index alone.

    Args:
        task: The form.

    Returns:
        The words in the order of their ids.
    """
    writer = create_writer(task.seed, task.writer)
    files = []
    x = _LEFT
    for place, text in enumerate(task.texts):
        rng = np.random.default_rng([task.seed, task.writer, task.first + place, 3])
        image = draw_word(text, writer, rng)
        wrong = rng.random() < _ERR_SHARE
        if wrong:
            image = _cut_wrongly(image, rng)
        line, number = divmod(place, _WORDS_A_LINE)
        x = _LEFT if number == 0 else x
        height, width = image.shape
        name = f"{task.name}-{line:02d}-{number:02d}"
        grey = round((writer.ink + writer.paper) / 2)
        box = f"{x} {_TOP + line * _LINE_HEIGHT} {width} {height}"
        files.append(WordFile(name, f"{name} {'err' if wrong else 'ok'} {grey} {box} - {text}", encode_png(image)))
        x += width + round(writer.word_space * writer.x_height)
    return files


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return a grey image, uint8 [height, width], as PNG."""
    return bytes(cv2.imencode(".png", image, _PNG)[1])


def write_tar(target: Path, files: Iterator[tuple[str, bytes]], level: int = 1) -> None:
    """Write a .tar.gz whose bytes depend on its files' names and content alone.

    Args:
        target: The file.
        files: Names and contents, in order.
        level: Of gzip, 0..9. PNG is compressed already: 1 takes out what tar pads, 0 is for speed.
    """
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=level, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))


def word_path(name: str) -> str:
    """Return the path of a word's image in the archive, such as data/raw/words/a01/a01-000u/a01-000u-00-00.png."""
    folder, form = name.split("-")[:2]
    return f"data/raw/words/{folder}/{folder}-{form}/{name}.png"


def _files(words_table: str, forms_table: str, words: list[WordFile]) -> Iterator[tuple[str, bytes]]:
    yield "data/raw/ascii/forms.txt", forms_table.encode()
    yield "data/raw/ascii/words.txt", words_table.encode()
    for word in words:
        yield word_path(word.name), word.png


def _cut_wrongly(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    width = image.shape[1]
    kept = max(8, round(width * rng.uniform(0.35, 0.7)))
    start = 0 if rng.random() < 0.5 else max(0, width - kept)
    return np.ascontiguousarray(image[:, start : start + kept])


def main() -> None:
    """Write data/raw/raw_data.tar.gz as params.yaml says."""
    paths = Paths()
    write_sample_archive(paths.raw_archive, load_params(paths.params).sample)


if __name__ == "__main__":
    run(main)
