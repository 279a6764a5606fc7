"""What teaching a recognizer a held-out writer's hand brings, and what it costs everyone else.

For each writer of a part of the split: some of the writer's words are learnt, the writer's other words and a sample of
the other writers' words are read before and after. Prints Markdown.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from src.data.artefacts import read_columns
from src.data.lessons import Lessons, draw_lessons
from src.data.samples import PackedSamples
from src.models.fine_tune import fine_tune
from src.models.lesson_parts import lessons_of_others
from src.models.metrics import overall, score_readings
from src.models.start import network_of, read_start
from src.models.teach import write_taught
from src.params import load_params
from src.paths import Paths, start_beside
from src.recognition import Recognizer, read_info

OTHERS = 1500  # words of other writers


def main(
    root: Annotated[Path, typer.Option(help="Project folder whose data stages have run.")] = Path(),
    part: Annotated[str, typer.Option(help="Part of the split: test, or validation to choose settings on.")] = "test",
    words: Annotated[int, typer.Option(help="Words that are learnt of a writer.")] = 100,
    writers: Annotated[int, typer.Option(help="Writers at most, from those with many words to those with few.")] = 100,
    model: Annotated[Path | None, typer.Option(help="ONNX file, start.pt beside it; else the released.")] = None,
    setting: Annotated[list[str] | None, typer.Option(help="Of `teach` in params.yaml, as steps=100.")] = None,
) -> None:
    """Teach each writer by itself."""
    paths, model = Paths(root), model or Paths().released_model
    params = load_params(paths.params).teach
    given = dict(item.split("=", 1) for item in setting or ())
    params = type(params).model_validate(params.model_dump() | {name: float(value) for name, value in given.items()})
    samples = PackedSamples(paths.samples)
    table = read_columns(paths.encoded, "encode_data", list(Lessons.COLUMNS))
    listed = set((paths.split / f"{part}.txt").read_text(encoding="utf-8").split("\n"))
    # Single words; of place names, all: they are short.
    table = table[table["sample_id"].isin(listed) & ((table["level"] == "word") | (table["text"].str.len() < 24))]
    info, start = read_info(model), read_start(start_beside(model))

    def lessons(chosen: pd.DataFrame) -> Lessons:
        return Lessons(chosen.reset_index(drop=True), [samples[samples.row_of(name)] for name in chosen["sample_id"]])

    def cer(reader: Recognizer, chosen: Lessons) -> float:
        read = [reader.interpret(frames).text for frames in reader.log_probs(chosen.images)]
        return overall(score_readings(chosen.table["text"].tolist(), read))["cer"]

    before = Recognizer.load(model)
    rehearsed = draw_lessons(params.rehearsed, start.charset, info.normalization, params.seed)
    rows = []
    counts = table["writer"].value_counts()
    print(f"| writer | CER before | after {words} words | others before | after | s |\n|---|---:|---:|---:|---:|---:|")
    enough = counts[counts >= words + 40].index
    for writer in enough[:: -(-len(enough) // writers)]:
        own = table[table["writer"] == writer].sample(frac=1.0, random_state=params.seed)
        known = start.charset
        writable = own["text"].map(lambda text, known=known: not known.unknown(text))
        learn = lessons(own[writable][:words])
        rest = lessons(own[~own["sample_id"].isin(set(learn.table["sample_id"]))])
        foreign = table[table["writer"] != writer]
        foreign = lessons(foreign.sample(min(OTHERS, len(foreign)), random_state=params.seed))
        network = network_of(info, start, known)
        seconds = fine_tune(network, learn, rehearsed, known, params)
        with tempfile.TemporaryDirectory() as folder:
            others = lessons_of_others(known, info.normalization, paths, params)
            after = Recognizer.load(write_taught(network, model, known, {}, [learn, others], Path(folder)))
        row = [cer(before, rest), cer(after, rest), cer(before, foreign), cer(after, foreign), seconds]
        rows.append(row)
        print(f"| {writer} | {row[0]:.1%} | {row[1]:.1%} | {row[2]:.2%} | {row[3]:.2%} | {seconds:.0f} |", flush=True)
    mean = np.mean(rows, axis=0)
    print(f"| mean of {len(rows)} | {mean[0]:.1%} | {mean[1]:.1%} | {mean[2]:.2%} | {mean[3]:.2%} | {mean[4]:.0f} |")
    print(f"\nCut by {1 - mean[1] / mean[0]:.0%}; others {100 * (mean[3] - mean[2]):+.2f} points.")


if __name__ == "__main__":
    typer.run(main)
