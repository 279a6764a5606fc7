"""Does a reading gain where a few distorted copies of the image are read as well, and must agree?

    python -m benchmarks.bench_agreement [--root DIR] [--words N] [--lines N] [--part validation]

Each copy keeps its width, so that its frames lie where the image's own do: leaning a little about the middle row, lower
or taller, thinner or bolder, moved by a pixel. Two ways to agree: "frames", the mean of what the network says of each
frame; "texts", what each copy reads is judged by all copies (its CTC probability, the mean or the mean of logarithms),
which does not mind that a letter's peak falls on another frame. Time grows with the number of copies.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.bench_reading_with_knowledge import draw_samples
from src.models.metrics import overall, score_readings
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.decode import greedy
from src.recognition.images import GreyImage
from src.recognition.vocabulary import score_vocabulary

Frames = NDArray[np.float32]
Codes = Sequence[int]


def warped(ink: GreyImage, lean: float = 0.0, tall: float = 1.0, right: float = 0.0) -> GreyImage:
    """Shear (pixels a row), scale the height and move an image about its middle row; uint8 [H, W] as it was."""
    height, width = ink.shape
    middle = (height - 1) / 2
    matrix = np.array([[1.0, lean, right - lean * middle], [0.0, tall, middle * (1.0 - tall)]])
    return np.asarray(cv2.warpAffine(ink, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def bolder(ink: GreyImage, share: float) -> GreyImage:
    """Mix an image with its dilated (share > 0) or eroded (share < 0) self."""
    other = (cv2.dilate if share > 0 else cv2.erode)(ink, np.ones((2, 2), dtype=np.uint8))
    return np.asarray(cv2.addWeighted(ink, 1.0 - abs(share), other, abs(share), 0.0), dtype=np.uint8)


COPIES: dict[str, Callable[[GreyImage], GreyImage]] = {
    "itself": lambda ink: ink,
    "leaning left": lambda ink: warped(ink, lean=-0.12),
    "leaning right": lambda ink: warped(ink, lean=0.12),
    "lower": lambda ink: warped(ink, tall=0.9),
    "taller": lambda ink: warped(ink, tall=1.1),
    "bolder": lambda ink: bolder(ink, 0.5),
    "thinner": lambda ink: bolder(ink, -0.4),
    "moved": lambda ink: warped(ink, right=1.0),
}
SETS = {
    "the two that lean": ("itself", "leaning left", "leaning right"),
    "lower and taller": ("itself", "lower", "taller"),
    "bolder and thinner": ("itself", "bolder", "thinner"),
    "moved": ("itself", "moved"),
    "leaning, lower, taller": ("itself", "leaning left", "leaning right", "lower", "taller"),
    "all": tuple(COPIES),
}


def by_frames(copies: Sequence[Frames]) -> Codes:
    """Decode the mean of several readings' probabilities, float32 [T, classes] each."""
    return greedy(np.log(np.exp(np.stack(copies)).mean(axis=0))).codes


def by_texts(copies: Sequence[Frames], logarithms: bool) -> Codes:
    """Choose among what several readings decode to by what all say of it."""
    candidates = list(dict.fromkeys(tuple(greedy(frames).codes) for frames in copies))
    scores = np.stack([score_vocabulary(frames, candidates) for frames in copies])
    return candidates[int(np.argmax((scores if logarithms else np.exp(scores)).mean(axis=0)))]


WAYS: dict[str, Callable[[Sequence[Frames]], Codes]] = {
    "frames, mean": by_frames,
    "texts, mean": lambda copies: by_texts(copies, logarithms=False),
    "texts, mean of logarithms": lambda copies: by_texts(copies, logarithms=True),
}


def row(name: str, texts: list[str], readings: list[str]) -> None:
    """Print the rates of one way to read."""
    found = overall(score_readings(texts, readings))
    exact = np.mean([text == reading for text, reading in zip(texts, readings, strict=True)])
    print(f"| {name} | {100 * found['cer']:.2f} | {100 * found['wer']:.2f} | {100 * exact:.1f} |")


def main(
    root: Annotated[Path, typer.Option(help="A project with samples.")] = Path(),
    words: int = 1200,
    lines: int = 300,
    part: Annotated[str, typer.Option(help="validation: to choose by.")] = "validation",
    model: Annotated[Path | None, typer.Option(help="The released model by default.")] = None,
) -> None:
    """Read the same samples alone, and with each set of copies."""
    paths = Paths(root)
    recognizer = Recognizer.load(model or Paths().released_model, threads=1)
    for level, count in (("line", lines), ("word", words)):
        texts, images = draw_samples(paths, part, level, count)
        read = {
            name: recognizer.log_probs([copy(image) for image in images])
            for name, copy in tqdm(COPIES.items(), desc=f"{level}s", unit="copy")
        }
        print(f"\n{len(texts)} {level}s of {part} writers\n\n| read | CER % | WER % | exact % |\n|---|---|---|---|")
        decode = recognizer.charset.decode
        for name, frames in read.items():
            row(f"{name}, alone", texts, [decode(greedy(one).codes) for one in frames])
        for name, members in SETS.items():
            copies = list(zip(*(read[one] for one in members), strict=True))
            for way, agree in WAYS.items():
                row(f"{name}: {way}", texts, [decode(agree(each)) for each in copies])


if __name__ == "__main__":
    typer.run(main)
