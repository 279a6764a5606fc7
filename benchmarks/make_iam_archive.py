"""Write a large archive in IAM's layout for the benchmark of the data path: few drawings, many files.

python benchmarks/make_iam_archive.py --words 115320 --out /tmp/iam.tar.gz
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from src.data.parallel import map_in_order
from src.data.synthesis.drawing import draw_word
from src.data.synthesis.sample_archive import encode_png, word_path, write_tar
from src.data.synthesis.words import tokens
from src.data.synthesis.writer import create_writer
from src.files import write_whole

WRITERS = 657  # as in IAM
DRAWINGS_A_WRITER = 2
WORDS_A_LINE, LINES_A_FORM = 9, 9
SEED = 20

Drawing = tuple[str, NDArray[np.uint8]]  # text, grey image


def draw_writer(writer_index: int) -> list[Drawing]:
    """Draw a few words of one writer."""
    writer = create_writer(SEED, writer_index)
    drawings = []
    for index, text in enumerate(tokens(SEED, writer_index, DRAWINGS_A_WRITER)):
        image = draw_word(text, writer, np.random.default_rng([SEED, writer_index, index, 3]))
        drawings.append((text, image))
    return drawings


def files(words: int, pools: list[list[Drawing]]) -> Iterator[tuple[str, bytes]]:
    """Yield the tables and then the images, each drawing under many ids."""
    rng = np.random.default_rng(SEED)
    words_a_form = WORDS_A_LINE * LINES_A_FORM
    rows = ["# id result graylevel x y w h tag transcription"]
    forms = ["# form-id writer-id"]
    images: list[tuple[str, NDArray[np.uint8]]] = []
    for number in range(words):
        form, place = divmod(number, words_a_form)
        line, position = divmod(place, WORDS_A_LINE)
        writer = form % len(pools)
        # 100 forms a folder: a01, a02, ... b01, ...
        folder = f"{chr(ord('a') + form // 9900)}{form // 100 % 99 + 1:02d}"
        form_id = f"{folder}-{form % 1000:03d}u"
        if place == 0:
            forms.append(f"{form_id} {writer:03d}")
        text, image = pools[writer][int(rng.integers(len(pools[writer])))]
        height, width = image.shape
        name = f"{form_id}-{line:02d}-{position:02d}"
        quality = "err" if rng.random() < 0.16 else "ok"  # IAM's share
        rows.append(f"{name} {quality} 154 {400 + 220 * position} {700 + 200 * line} {width} {height} - {text}")
        images.append((word_path(name), image))
    yield "data/raw/ascii/forms.txt", ("\n".join(forms) + "\n").encode()
    yield "data/raw/ascii/words.txt", ("\n".join(rows) + "\n").encode()
    for number, (path, image) in enumerate(tqdm(images, desc="packing", unit="image")):
        yield path, encode_png(_unlike_others(image, number))


def _unlike_others(image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """Write a number into the corner's pixels, a shade a digit: clean_data drops images that are there already."""
    marked = image.copy()
    digits = [int(digit) for digit in f"{number:07d}"]
    marked[0, : len(digits)] = 200 + np.array(digits, np.uint8)
    return marked


def main(
    out: Annotated[Path, typer.Option(help="The .tar.gz to write.")],
    words: Annotated[int, typer.Option(min=1, max=2_000_000, help="Word images; IAM has 115,320.")] = 115_320,
) -> None:
    """Write the archive."""
    start = time.perf_counter()
    writers = range(min(WRITERS, max(1, words // DRAWINGS_A_WRITER)))
    pools = list(tqdm(map_in_order(draw_writer, writers, 0), total=len(writers), desc="drawing", unit="writer"))
    with write_whole(out) as temporary:
        write_tar(temporary, files(words, pools), level=0)
    with out.open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    typer.echo(
        f"{out}: {words} words, {out.stat().st_size / 1e6:.0f} MB, {time.perf_counter() - start:.1f} s, {digest}"
    )


if __name__ == "__main__":
    typer.run(main)
