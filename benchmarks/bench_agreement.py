"""What careful reading gains and costs: copies of the image are read as well, and judge what each one reads.

    python -m benchmarks.bench_agreement [--root DIR] [--words N] [--lines N] [--part validation] [--sets]

Plain and careful, greedy, with the released language model and (words) out of 10,000 frequent French words and the
truths: errors, calibration errors, and images a second from normalised image to reading. `--sets` compares other sets
of copies, for choosing on the validation writers: wider, narrower, leaning, lower, taller, bolder, thinner, moved.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm
from wordfreq import top_n_list

from benchmarks.bench_reading_with_knowledge import draw_samples
from src.models.confidence import calibration_error, match_words
from src.models.metrics import overall, score_readings
from src.paths import Paths
from src.recognition import Reading, Recognizer
from src.recognition.beam import Fusion
from src.recognition.careful import COPIES, widen
from src.recognition.images import GreyImage
from src.recognition.language_model import LanguageModel

Views = Sequence[NDArray[np.float32]]

HEAD = "| read | CER % | WER % | exact % | calibration error: text, word % | images/s |\n|---|---|---|---|---|---|"


def warped(ink: GreyImage, lean: float = 0.0, tall: float = 1.0, right: float = 0.0) -> GreyImage:
    """Shear (pixels a row), scale the height and move an image about its middle row; uint8 [H, W] as it was."""
    height, width = ink.shape
    middle = (height - 1) / 2
    matrix = np.array([[1.0, -lean, right + lean * middle], [0.0, tall, middle * (1.0 - tall)]])
    return np.asarray(cv2.warpAffine(ink, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def bolder(ink: GreyImage, share: float) -> GreyImage:
    """Mix an image with its dilated (share > 0) or eroded (share < 0) self."""
    other = (cv2.dilate if share > 0 else cv2.erode)(ink, np.ones((2, 2), dtype=np.uint8))
    return np.asarray(cv2.addWeighted(ink, 1.0 - abs(share), other, abs(share), 0.0), dtype=np.uint8)


COPIED: dict[str, Callable[[GreyImage], GreyImage]] = {
    "itself": lambda ink: ink,
    "0.85": lambda ink: widen(ink, 0.85),
    "0.92": lambda ink: widen(ink, 0.92),
    "1.08": lambda ink: widen(ink, 1.08),
    "1.15": lambda ink: widen(ink, 1.15),
    "1.25": lambda ink: widen(ink, 1.25),
    "1.35": lambda ink: widen(ink, 1.35),
    "leaning left": lambda ink: warped(ink, lean=-0.12),
    "leaning right": lambda ink: warped(ink, lean=0.12),
    "lower": lambda ink: warped(ink, tall=0.9),
    "taller": lambda ink: warped(ink, tall=1.1),
    "bolder": lambda ink: bolder(ink, 0.5),
    "thinner": lambda ink: bolder(ink, -0.4),
    "moved": lambda ink: warped(ink, right=1.0),
}
SETS = (
    ("leaning left", "leaning right"),
    ("lower", "taller"),
    ("bolder", "thinner"),
    ("moved",),
    ("leaning left", "leaning right", "lower", "taller"),
    ("0.85", "1.15"),
    ("0.92", "1.08"),
    ("0.85", "0.92", "1.08", "1.15"),
    ("1.15",),
    ("1.25",),
    ("1.35",),
    ("1.08", "1.25"),
    ("1.15", "1.25"),
    ("1.15", "1.35"),
    ("1.15", "1.25", "1.35"),
)


def row(name: str, texts: Sequence[str], readings: Sequence[Reading], seconds: float | None = None) -> None:
    """Print what came of one way to read."""
    found = overall(score_readings(texts, [reading.text for reading in readings]))
    right = np.array([text == reading.text for text, reading in zip(texts, readings, strict=True)])
    sure = np.array([reading.confidence for reading in readings])
    words: list[tuple[float, bool]] = []
    for text, reading in zip(texts, readings, strict=True):
        matched = match_words(text, [word.text for word in reading.words])
        words += zip((word.confidence for word in reading.words), matched, strict=True)
    of_words = calibration_error(*map(np.array, zip(*words, strict=True)))
    rate = f"{len(texts) / seconds:.0f}" if seconds else ""
    print(
        f"| {name} | {100 * found['cer']:.2f} | {100 * found['wer']:.2f} | {100 * right.mean():.1f} | "
        f"{100 * calibration_error(sure, right):.1f}, {100 * of_words:.1f} | {rate} |",
        flush=True,
    )


def compare_sets(recognizer: Recognizer, texts: Sequence[str], images: Sequence[GreyImage]) -> None:
    """Rows: each kind of copy by itself, then with the image's own reading each of SETS."""
    seen = {name: recognizer.log_probs([copy(image) for image in images]) for name, copy in tqdm(COPIED.items())}
    for name, frames in seen.items():
        row(f"{name}, alone", texts, [recognizer.interpret(own) for own in frames])
    for names in SETS:
        copies: list[Views] = list(zip(*(seen[name] for name in names), strict=True))
        readings = [recognizer.interpret(own, copies=more) for own, more in zip(seen["itself"], copies, strict=True)]
        row(f"itself, {', '.join(names)}", texts, readings)


def compare_ways(
    recognizer: Recognizer, knowledge: dict[str, dict[str, Any]], texts: Sequence[str], images: Sequence[GreyImage]
) -> None:
    """Rows: plain and careful, each without knowledge and with it (arguments of `interpret`)."""
    for careful in (False, True):
        began = time.perf_counter()
        views = recognizer.views(images, [careful] * len(images))
        looked = time.perf_counter() - began
        for kind, options in knowledge.items():
            began = time.perf_counter()
            readings = [recognizer.interpret(own, copies=copies, **options) for own, *copies in tqdm(views)]
            name = ("careful" if careful else "plain") + kind
            row(name, texts, readings, looked + time.perf_counter() - began)


def main(
    root: Annotated[Path, typer.Option(help="A project with samples.")] = Path(),
    words: int = 1200,
    lines: int = 300,
    part: Annotated[str, typer.Option(help="validation: to choose by.")] = "validation",
    model: Annotated[Path | None, typer.Option(help="The released model by default.")] = None,
    sets: Annotated[bool, typer.Option("--sets", help="Compare other sets of copies.")] = False,
) -> None:
    """Read the same samples in each way and print Markdown tables."""
    recognizer = Recognizer.load(model or Paths().released_model, threads=1)
    spoken = LanguageModel.load(Paths().released_model.with_name("language_model.npz"))
    knowledge = {"": {}, ", with the language model": {"fusion": Fusion.of(spoken, recognizer.charset)}}
    print(f"Careful: itself, {', '.join(map(str, COPIES))}")
    for level, count in (("line", lines), ("word", words)):
        if not count:
            continue
        texts, images = draw_samples(Paths(root), part, level, count)
        print(f"\n{len(texts)} {level}s of {part} writers\n\n{HEAD}", flush=True)
        if sets:
            compare_sets(recognizer, texts, images)
            continue
        if level == "word":
            entries = recognizer.vocabulary([*top_n_list("fr", 10_000), *texts])
            knowledge[f", out of {len(entries)} entries"] = {"vocabulary": entries}
        compare_ways(recognizer, knowledge, texts, images)


if __name__ == "__main__":
    typer.run(main)
