"""Drawn words as a population, and a model file that says that it was trained on images like them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from src.data.synthesis.drawing import draw_word
from src.data.synthesis.writer import create_writer
from src.paths import start_beside
from src.recognition import read_info
from src.recognition.appearance import FEATURES, look
from src.recognition.reference import Reference

FRENCH = """
de la et les des que pour dans une sur avec elle mais tout bien plus comme fait deux temps maison jour homme
femme enfant petit grand notre leur encore toujours jamais pays lettre jardin matin soir route ville monde
chose parler venir trouver donner prendre demain beaucoup pendant quelque personne histoire travail
"""
GERMAN = """
Aufenthaltsgenehmigung Bezirksschornsteinfeger Donaudampfschiffahrt Eisenbahngesellschaft
Freundschaftsbeziehung Geschwindigkeitsgrenze Haftpflichtversicherung Jahreshauptversammlung
Kirchengemeindehaus Landwirtschaftskammer Rechtsanwaltskanzlei Sehenswuerdigkeiten Unabhaengigkeitsfest
Verwaltungsgerichtshof Wirtschaftswissenschaft
"""


def draw_words(texts: str, count: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Images of words of a list, each in another hand, and their texts."""
    random = np.random.default_rng(seed)
    chosen = [str(text) for text in random.choice(texts.split(), count)]
    hands = (create_writer(seed, number) for number in range(count))
    return [draw_word(text, hand, random) for text, hand in zip(chosen, hands, strict=True)], chosen


def reference_to(images: Sequence[np.ndarray], texts: Sequence[str]) -> Reference:
    """The reference of a training on these."""
    columns = np.array([look(image) for image in images]).T
    lengths = np.array([len(text) for text in texts], np.float64)
    return Reference.of(dict(zip(FEATURES, columns, strict=True)) | {"length": lengths})


def write_with_reference(source: Path, target: Path, reference: Reference) -> Path:
    """Copy a model file, and what lies beside it, with another reference."""
    target.parent.mkdir(parents=True, exist_ok=True)
    network = onnx.load(source)
    info = read_info(source).model_copy(update={"reference": reference})
    onnx.helper.set_model_props(network, info.to_metadata())
    onnx.save(network, target)
    if start_beside(source).exists():
        shutil.copy(start_beside(source), start_beside(target))
    return target
