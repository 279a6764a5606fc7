"""Ours beside other engines, on the same images in one run: errors and words a second.

    pip install rapidocr; apt-get install tesseract-ocr tesseract-ocr-fra tesseract-ocr-deu
    taskset -c 0 python benchmarks/bench_engines.py --root FOLDER [--count 200] [--plot FILE]

The images are cut from the pages of a part of the split, as PNG files in memory. Every engine gets lines and words that
are cut already, and reads by its recognizer alone: RapidOCR's PP-OCRv6 without detection, Tesseract's `--psm 7`, TrOCR
(where transformers and its weights are there; `--trocr FOLDER`). An engine that is not installed is named and left out.
Folded figures count neither case nor accents: not every engine's charset has them.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from src.data.artefacts import read_columns
from src.data.crops import crop
from src.data.synthesis.sample_archive import encode_png
from src.models.metrics import overall, score_readings
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.images import decode_image

mpl.use("agg")
from matplotlib import pyplot as plt

Reader = Callable[[Sequence[bytes]], list[str]]
LANGUAGES = {"copiste": "fra", "dhsd": "deu"}  # Tesseract's, of the collections of the real data


def longhand(model: Path, threads: int) -> Reader:
    """Ours."""
    recognizer = Recognizer.load(model, threads=threads)

    def read(pngs: Sequence[bytes]) -> list[str]:
        texts: list[str] = []
        for first in range(0, len(pngs), 64):
            images = [decode_image(png) for png in pngs[first : first + 64]]
            texts += [reading.text for reading in recognizer.read(images)]
        return texts

    return read


def rapidocr(threads: int) -> Reader | None:
    """RapidOCR's recognizer, PP-OCRv6."""
    if importlib.util.find_spec("rapidocr") is None:
        return None
    from rapidocr import RapidOCR
    from rapidocr.ch_ppocr_rec.typings import TextRecInput

    options = {"EngineConfig.onnxruntime.intra_op_num_threads": threads, "Global.log_level": "error"}
    engine = RapidOCR(params=options)
    engine(np.full((48, 160, 3), 255, np.uint8), use_det=False, use_cls=False)  # loads the recognizer alone
    recognizer = engine.text_rec

    def read(pngs: Sequence[bytes]) -> list[str]:
        images: list[NDArray[np.uint8]] = [cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) for png in pngs]
        return list(recognizer(TextRecInput(img=images)).txts)

    return read


def tesseract(language: str, threads: int) -> Reader | None:
    """Tesseract, one process for all images."""
    if shutil.which("tesseract") is None:
        return None

    def read(pngs: Sequence[bytes]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            names = [Path(folder) / f"{number:05}.png" for number in range(len(pngs))]
            for name, png in zip(names, pngs, strict=True):
                # Its own advice: a margin of paper.
                page = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
                cv2.imwrite(str(name), cv2.copyMakeBorder(page, 10, 10, 10, 10, cv2.BORDER_REPLICATE))
            listing = Path(folder) / "list.txt"
            listing.write_text("\n".join(map(str, names)))
            done = subprocess.run(
                ["tesseract", listing, "-", "--psm", "7", "-l", language],
                check=True,
                capture_output=True,
                text=True,
                env=os.environ | {"OMP_THREAD_LIMIT": str(threads)},
            )
        return [" ".join(page.split()) for page in done.stdout.split("\f")[: len(pngs)]]

    return read


def trocr(folder: Path | None) -> Reader | None:
    """TrOCR (microsoft/trocr-*-handwritten), from a folder with its weights."""
    if folder is None or importlib.util.find_spec("transformers") is None:
        return None
    from transformers import TrOCRProcessor, VisionEncoderDecoderModel

    processor = TrOCRProcessor.from_pretrained(folder)
    network = VisionEncoderDecoderModel.from_pretrained(folder)

    def read(pngs: Sequence[bytes]) -> list[str]:
        texts: list[str] = []
        for first in range(0, len(pngs), 8):
            pages = [cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR) for png in pngs[first : first + 8]]
            pixels = processor(pages, return_tensors="pt").pixel_values
            texts += processor.batch_decode(network.generate(pixels), skip_special_tokens=True)
        return texts

    return read


def folded(text: str) -> str:
    """Without case and accents."""
    return "".join(sign for sign in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(sign))


def images_of(paths: Paths, part: str, count: int, seed: int) -> pd.DataFrame:
    """Draw `count` samples of each collection and level: columns kind, source, text, png."""
    columns = ["sample_id", "image", "box", "polygon", "text", "source", "level"]
    table = read_columns(paths.encoded, "encode_data", columns)
    table = table[table["sample_id"].isin(set((paths.split / f"{part}.txt").read_text(encoding="utf-8").split("\n")))]
    table["kind"] = table["source"] + " " + table["level"] + "s"
    table = table.groupby("kind").sample(count, replace=False, random_state=seed)

    def cut(row: pd.Series) -> bytes:
        box, polygon = (None if pd.isna(row[name]) else str(row[name]) for name in ("box", "polygon"))
        return encode_png(crop(decode_image(paths.extracted / str(row["image"])), box, polygon))

    return table.assign(png=[cut(row) for _, row in table.iterrows()])


def main(
    root: Annotated[Path, typer.Option(help="Project folder whose data stages have run.")] = Path(),
    part: Annotated[str, typer.Option(help="Part of the split.")] = "test",
    count: Annotated[int, typer.Option(help="Images of each kind.")] = 200,
    model: Annotated[Path | None, typer.Option(help="Ours; else the one that is served.")] = None,
    trocr_folder: Annotated[Path | None, typer.Option("--trocr", help="Folder with its weights.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture to write.")] = None,
    threads: int = 1,
    seed: int = 20,
) -> None:
    """Print a Markdown table."""
    paths = Paths(root)
    table = images_of(paths, part, count, seed)
    ours, rapid, large = longhand(model or Paths().served_model, threads), rapidocr(threads), trocr(trocr_folder)
    rows = []
    for kind, group in table.groupby("kind"):
        pngs, texts = group["png"].tolist(), group["text"].tolist()
        language = LANGUAGES.get(str(group["source"].iloc[0]), "eng")
        engines = {
            "Longhand": ours, "RapidOCR": rapid, f"Tesseract ({language})": tesseract(language, threads), "TrOCR": large
        }  # fmt: skip
        for name, read in engines.items():
            if read is None:
                continue
            read(pngs[:: max(1, len(pngs) // 32)])  # kernels and caches
            began = time.perf_counter()
            found = read(pngs)
            seconds = time.perf_counter() - began
            plain = overall(score_readings(texts, found))
            fold = overall(score_readings([folded(text) for text in texts], [folded(text) for text in found]))
            words = sum(len(text.split()) for text in texts)
            rows.append((kind, name, plain["cer"], plain["wer"], plain["exact_rate"], fold["cer"], words / seconds))
    result = pd.DataFrame(rows, columns=["images", "engine", "cer", "wer", "exact", "folded_cer", "words_per_second"])
    print("| images | engine | CER | WER | exact | CER, folded | words/s |\n|---|---|---:|---:|---:|---:|---:|")
    for row in result.itertuples():
        print(f"| {row.images} | {row.engine} | {row.cer:.1%} | {row.wer:.1%} | {row.exact:.1%} "
              f"| {row.folded_cer:.1%} | {row.words_per_second:.0f} |")  # fmt: skip
    missing = [name for name, reader in (("RapidOCR", rapid), ("TrOCR", large)) if reader is None]
    missing += ["Tesseract"] if shutil.which("tesseract") is None else []
    if missing:
        print(f"\nNot installed, left out: {', '.join(missing)}.")
    if plot is not None:
        draw(result, plot)


def draw(result: pd.DataFrame, target: Path) -> None:
    """Errors against speed, a mark for each engine and kind of images."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    kinds = sorted(result["images"].unique())
    marks = dict(zip(kinds, "os^Dv", strict=False))
    engines = sorted({name.split(" (")[0] for name in result["engine"]})
    for row in result.itertuples():
        colour = f"C{engines.index(row.engine.split(' (')[0])}"
        axes.scatter(row.words_per_second, 100 * row.cer, color=colour, marker=marks[row.images], s=60)
    for place, name in enumerate(engines):
        axes.scatter([], [], color=f"C{place}", label=name)
    for kind in kinds:
        axes.scatter([], [], color="grey", marker=marks[kind], label=kind)
    axes.set_xscale("log")
    for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis("{x:g}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("words a second, one core (right is better)")
    axes.set_ylabel("character error rate, % (down is better)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    typer.run(main)
