"""The recognizer that comes with the project reads, on this machine, what it is said to read."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from rapidfuzz.distance import Levenshtein

from src.data.lessons import read_lessons
from src.data.synthesis.drawing import draw_word
from src.data.synthesis.writer import create_writer
from src.params import load_params
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.beam import Fusion
from src.recognition.images import decode_image
from src.recognition.language_model import LanguageModel

ROOT = Path(__file__).resolve().parents[1]
NAMES = ROOT.parent / "shared" / "data" / "dhsd"
PAGES = NAMES.with_name("copiste-d-un-jour")
PATHS = Paths(ROOT)
WORDS = ("maison", "entre", "Monat", "lire", "Straße", "ville,", "1987", "le", "écriture", "Briefe")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load(PATHS.released_model, threads=1)


def error_rate(recognizer: Recognizer, images: list[np.ndarray], texts: list[str]) -> float:
    readings = [reading.text for reading in recognizer.read(images)]
    edits = sum(Levenshtein.distance(text, reading) for text, reading in zip(texts, readings, strict=True))
    return edits / sum(map(len, texts))


def test_it_is_small_enough_for_a_repository():
    assert PATHS.released_model.stat().st_size < 15e6
    assert PATHS.start_weights.stat().st_size < 15e6


def test_its_settings_are_valid_and_its_language_model_knows_its_characters(recognizer):
    assert load_params(PATHS.released_model.with_name("params.yaml")).recognizer.start == "released"
    model = LanguageModel.load(PATHS.released_model.with_name("language_model.npz"))
    (plain,), (spoken,) = (
        recognizer.read([draw_word("maison", create_writer(11, 3), np.random.default_rng(1))], fusion=fusion)
        for fusion in (None, Fusion.of(model, recognizer.charset))
    )
    assert plain.text and spoken.text


def test_it_reads_drawn_words(recognizer):
    random = np.random.default_rng(11)
    texts = [WORDS[i % len(WORDS)] for i in range(60)]
    images = [draw_word(text, create_writer(11, i % 12), random) for i, text in enumerate(texts)]
    assert error_rate(recognizer, images, texts) < 0.35, "hands that no person has, none of which it has learnt from"


@pytest.mark.skipif(not NAMES.is_dir(), reason=f"{NAMES} is absent")
def test_it_reads_names_of_writers_it_has_not_learnt_from(recognizer):
    learnt = set(torch.load(PATHS.start_weights, weights_only=True)["writers"])
    with (NAMES / "data.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if f"dhsd/{row['writer_id']}" not in learnt]
    chosen = rows[:: max(1, len(rows) // 150)]
    assert len({row["writer_id"] for row in chosen}) >= 3
    images = [decode_image(NAMES / row["file_name"]) for row in chosen]
    assert error_rate(recognizer, images, [row["text"] for row in chosen]) < 0.08


@pytest.mark.skipif(not PAGES.is_dir(), reason=f"{PAGES} is absent")
def test_it_reads_lines_of_writers_it_has_not_learnt_from(recognizer, tmp_path):
    learnt = set(torch.load(PATHS.start_weights, weights_only=True)["writers"])
    pages = [page for page in sorted((PAGES / "alto").glob("imp_*.xml")) if f"copiste/{page.stem[-3:]}" not in learnt]
    assert len(pages) >= 8
    for page in pages[:: len(pages) // 8]:
        shutil.copy(page, tmp_path)
        shutil.copy(PAGES / "jpg" / f"{page.stem}.jpg", tmp_path)
    numbers = r"(imp_)?wikitexte_?\s*\d+"
    lessons = read_lessons(tmp_path, tmp_path / "scratch", recognizer.info.normalization, drop_patterns=[numbers])
    texts = lessons.table["text"].tolist()
    assert len(texts) > 80
    readings = [recognizer.interpret(frames).text for frames in recognizer.log_probs(lessons.images)]
    edits = sum(Levenshtein.distance(text, reading) for text, reading in zip(texts, readings, strict=True))
    assert edits / sum(map(len, texts)) < 0.1
