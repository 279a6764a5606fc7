"""What a recognizer is taught, and what it is measured on before and after."""

import numpy as np

from src.data.artefacts import read_columns, require
from src.data.lessons import Lessons, draw_lessons
from src.data.samples import PackedSamples
from src.errors import GroundTruthError
from src.models.dataset import Part, frames_needed
from src.models.network import STRIDE
from src.params import TeachParams
from src.paths import Paths
from src.recognition import Charset, NormalizationSettings

_LEAST_HELD_OUT = 10  # samples; fewer tell nothing


def keep_back(lessons: Lessons, params: TeachParams) -> tuple[Lessons, Lessons]:
    """Part the samples to learn from those to measure on."""
    count = len(lessons.table)
    held_out = round(params.held_out * count)
    held_out = held_out if held_out >= _LEAST_HELD_OUT else 0
    order = np.random.default_rng(params.seed).permutation(count)
    parts = []
    for chosen in (np.sort(order[held_out:]), np.sort(order[:held_out])):
        images = [lessons.images[int(row)] for row in chosen]
        parts.append(Lessons(lessons.table.iloc[chosen].reset_index(drop=True), images))
    return parts[0], parts[1]


def lessons_of_others(
    charset: Charset, settings: NormalizationSettings, project: Paths | None, params: TeachParams
) -> Lessons:
    """What others wrote, to see what they lose: samples of the project's validation writers, or drawn texts."""
    if project is not None and project.samples.exists():
        samples = PackedSamples(project.samples)
        table = read_columns(project.encoded, "encode_data", list(Lessons.COLUMNS))
        listing = require(project.split / "validation.txt", "split_data").read_text(encoding="utf-8")
        table = table[table["sample_id"].isin(set(listing.split("\n")))]
        if samples.settings == settings and len(table):
            table = table.sample(min(len(table), params.others), random_state=params.seed)
            images = [samples[samples.row_of(name)] for name in table["sample_id"]]
            return Lessons(table.reset_index(drop=True), images)
    return draw_lessons(params.others, charset, settings, params.seed + 1)  # not those that are rehearsed


def part_of(lessons: Lessons, charset: Charset) -> Part:
    """What can be aligned: samples wide enough for their texts.

    Raises:
        GroundTruthError: None is.
    """
    codes = [np.array(charset.encode(text), np.int64) for text in lessons.table["text"]]
    widths = np.array([image.shape[1] for image in lessons.images], np.int64)
    needed = np.array([frames_needed(code) for code in codes])
    rows = np.flatnonzero((widths // STRIDE >= needed) & (needed > 0))
    if not len(rows):
        raise GroundTruthError("no sample is wide enough for its text: look at the labels and the boxes")
    table = lessons.table.iloc[rows]
    return Part(
        rows=rows,
        widths=widths[rows],
        codes=[codes[row] for row in rows],
        texts=table["text"].tolist(),
        writers=table["writer"].tolist(),
        levels=table["level"].tolist(),
        sources=table["source"].tolist(),
    )
