"""Does the recognizer carry over to a language that it has no real images of? English in the letters of unseen writers.

    python -m benchmarks.bench_carry_over --root FOLDER [--part validation] [--language en] [--model FILE ...]

Of each writer of the part, words and lines are put together out of that writer's own letters (see
src/data/synthesis/splicing.py). None of the writers was learnt from. Cuts and joins cost every reader errors, which no
real English hand has: compare readers here, not with other tables. RapidOCR reads too, where it is installed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.bench_engines import folded, rapidocr
from src.data.splice_letters import Spliced, spliced_texts
from src.data.synthesis.sample_archive import encode_png
from src.models.metrics import overall, score_readings
from src.params import load_params
from src.paths import Paths
from src.recognition import Recognizer


def longhand(model: Path, spliced: Sequence[Spliced]) -> list[str]:
    """Ours: the images are normalised already, and one by one no batch needs kernels of its own."""
    recognizer = Recognizer.load(model, threads=1)
    return [recognizer.interpret(recognizer.log_probs([one.image])[0]).text for one in spliced]


def main(
    root: Annotated[Path, typer.Option(help="A project with samples.")] = Path(),
    part: Annotated[str, typer.Option(help="validation: to choose by.")] = "validation",
    language: Annotated[list[str] | None, typer.Option(help="Code of wordfreq; may be given again.")] = None,
    texts: int = 1000,
    model: Annotated[list[Path] | None, typer.Option(help="The released one by default; may be given again.")] = None,
    others: Annotated[bool, typer.Option(help="RapidOCR too.")] = True,
) -> None:
    """Print a Markdown table."""
    paths, params = Paths(root.resolve()), load_params(root / "params.yaml")
    chosen = params.splice.model_copy(update={"texts": texts, "languages": tuple(language or ["en"])})
    params = params.model_copy(update={"splice": chosen})
    aligner = Recognizer.load(paths.released_model)
    spliced = list(spliced_texts(paths, params, part, aligner))
    readings = {str(file): longhand(file, spliced) for file in model or [Paths().released_model]}
    if others and (read := rapidocr(1)) is not None:
        readings["RapidOCR"] = read([encode_png(255 - one.image) for one in spliced])
    writers = len({one.writer for one in spliced})
    print(f"{len(spliced)} texts of {writers} {part} writers\n")
    print("| reader | texts | CER % | WER % | exact % | folded CER % |\n|---|---|---:|---:|---:|---:|")
    for name, found in readings.items():
        for kind, wanted in (("words", False), ("lines", True)):
            pairs = [(one.text, text) for one, text in zip(spliced, found, strict=True) if (" " in one.text) == wanted]
            truths, own = (list(side) for side in zip(*pairs, strict=True))
            rates = overall(score_readings(truths, own))
            lenient = overall(score_readings([folded(text) for text in truths], [folded(text) for text in own]))
            exact = sum(truth == reading for truth, reading in pairs) / len(pairs)
            print(
                f"| {name} | {kind} ({len(pairs)}) | {100 * rates['cer']:.2f} | {100 * rates['wer']:.1f} | "
                f"{100 * exact:.1f} | {100 * lenient['cer']:.2f} |"
            )


if __name__ == "__main__":
    typer.run(main)
