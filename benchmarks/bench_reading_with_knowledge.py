"""What knowledge adds to reading and what it costs: a language model in the beam search, and long word lists.

    python benchmarks/bench_reading_with_knowledge.py [--root DIR] [--words N] [--lines N] [--part validation]

One core. The language model is built from the training writers' texts and wordfreq's words; it is measured on the
writers of --part, and once more on those of their lines that share no 15 characters with a training text. Weight and
bonus are for choosing on the validation writers; what was chosen is then measured on the test writers.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from wordfreq import top_n_list

from src.data.artefacts import read_columns
from src.data.build_language_model import build_language_model, training_texts
from src.data.samples import PackedSamples
from src.models.metrics import overall, score_readings
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.beam import Fusion, beam_search
from src.recognition.decode import greedy
from src.recognition.language_model import CharsetScorer
from src.recognition.vocabulary import Vocabulary

SEED = 20
SHARED = 15  # characters
# An answer is compared with the one that such a beam gives, which is certain by itself for nearly every word.
NEARLY_EXACT_BEAM = 32.0


def draw_samples(paths: Paths, part: str, level: str, count: int) -> tuple[list[str], list[NDArray[np.uint8]]]:
    """Texts and normalised images of some of a part's samples, the same at each call."""
    frame = read_columns(paths.encoded, "encode_data", ["sample_id", "level", "text"])
    listed = (paths.split / f"{part}.txt").read_text(encoding="utf-8").splitlines()
    frame = frame[frame["sample_id"].isin(set(listed)) & (frame["level"] == level)]
    frame = frame.sample(min(count, len(frame)), random_state=SEED)
    samples = PackedSamples(paths.samples)
    return frame["text"].tolist(), [samples[samples.row_of(name)] for name in frame["sample_id"]]


class Part:
    """Some samples of one level, drawn at random, and the recognizer's frames of each."""

    def __init__(self, paths: Paths, recognizer: Recognizer, part: str, level: str, count: int) -> None:
        self.level = level
        self.texts, images = draw_samples(paths, part, level, count)
        self.frames = recognizer.log_probs(images)


def timed(part: Part, read: Callable[[NDArray[np.float32]], Any]) -> tuple[list[Any], str]:
    """Read all samples: the answers, and the milliseconds a sample (median, 99 of 100)."""
    answers, milliseconds = [], []
    for frames in part.frames:
        began = time.perf_counter()
        answers.append(read(frames))
        milliseconds.append(1e3 * (time.perf_counter() - began))
    return answers, f"{np.median(milliseconds):.1f} | {np.quantile(milliseconds, 0.99):.1f}"


def rates(texts: Sequence[str], readings: Sequence[str]) -> str:
    """Two cells: CER and WER in percent."""
    found = overall(score_readings(texts, readings))
    return f"{100 * found['cer']:.2f} | {100 * found['wer']:.2f}"


def measure_language(part: Part, fusion: Fusion, recognizer: Recognizer, known: set[str]) -> None:
    """Rows: greedy, the beam, the beam with the language model."""
    decode = recognizer.charset.decode
    new = [
        place
        for place, text in enumerate(part.texts)
        if not any(text[start : start + SHARED] in known for start in range(len(text) - SHARED + 1))
    ]
    for name, read in (
        ("greedy", lambda frames: decode(greedy(frames).codes)),
        ("beam", lambda frames: decode(beam_search(frames)[0])),
        ("beam + language model", lambda frames: decode(beam_search(frames, fusion=fusion)[0])),
    ):
        readings, cost = timed(part, read)
        unseen = rates([part.texts[place] for place in new], [readings[place] for place in new])
        print(f"| {part.level} | {name} | {len(readings)} | {rates(part.texts, readings)} | {unseen} | {cost} |")


def measure_vocabulary(part: Part, recognizer: Recognizer, language: str, size: int, log_odds: float) -> None:
    """Rows: the list as a cage, with the true texts among it; then leaning on the list as it is."""
    entries = top_n_list(language, size)
    began = time.perf_counter()
    vocabulary = Vocabulary([*entries, *part.texts], recognizer.charset)
    built = time.perf_counter() - began
    answers, cost = timed(part, vocabulary.score)
    agree = np.mean(
        [
            answer.texts[:1] == vocabulary.score(frames, beam=NEARLY_EXACT_BEAM).texts[:1]
            for answer, frames in zip(answers[:200], part.frames[:200], strict=True)
        ]
    )
    certain = np.mean([answer.certain for answer in answers])
    readings = [(answer.texts or ("",))[0] for answer in answers]
    print(
        f"| {len(vocabulary)} with the truths | {rates(part.texts, readings)} | {cost} | {100 * agree:.1f} | "
        f"{100 * certain:.1f} | {built:.2f} |"
    )
    plain = Vocabulary(entries, recognizer.charset)
    leanings, cost = timed(part, lambda frames: plain.lean(frames, greedy(frames).codes, log_odds).text)
    print(f"| {len(plain)}, leaning | {rates(part.texts, leanings)} | {cost} | | | |")


def main(
    root: Annotated[Path, typer.Option(help="folder with data/processed and models")] = Path(),
    words: int = 300,
    lines: int = 100,
    part: Annotated[str, typer.Option(help="validation, to choose by; test, to report")] = "validation",
    language: Annotated[str, typer.Option(help="of wordfreq")] = "fr",
    weight: Annotated[float, typer.Option(help="of the language model")] = Fusion.weight,
    bonus: Annotated[float, typer.Option(help="for each character")] = Fusion.bonus,
    log_odds: Annotated[float, typer.Option(help="of the list's entries, when leaning")] = 6.0,
    sizes: Annotated[list[int] | None, typer.Option("--size", help="of the word lists: 10000 and 100000")] = None,
) -> None:
    """Measure and print two Markdown tables."""
    paths = Paths(root.resolve())
    recognizer = Recognizer.load(root / "models" / "recognizer" / "recognizer.onnx", threads=1)
    parts = [Part(paths, recognizer, part, "word", words), Part(paths, recognizer, part, "line", lines)]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "language_model.npz"
        began = time.perf_counter()
        model = build_language_model(target, paths.encoded, paths.split, languages=(language,))
        seconds, size = time.perf_counter() - began, target.stat().st_size / 1e6
    print(f"Language model: {len(model.codes)} n-grams, {size:.2f} MB, built in {seconds:.1f} s\n")
    texts = training_texts(paths.encoded, paths.split)
    known = {text[start : start + SHARED] for text in texts for start in range(len(text) - SHARED + 1)}
    fusion = Fusion(CharsetScorer(model, recognizer.charset), weight, bonus)
    print("| level | reading | samples | CER % | WER % | CER, new text | WER, new text | ms, median | ms, p99 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for some in parts:
        measure_language(some, fusion, recognizer, known)
    print("\n| entries | CER % | WER % | ms, median | ms, p99 | agrees with the exact % | certain % | built, s |")
    print("|---|---|---|---|---|---|---|---|")
    for count in sizes or [10_000, 100_000]:
        measure_vocabulary(parts[0], recognizer, language, count, log_odds)


if __name__ == "__main__":
    typer.run(main)
