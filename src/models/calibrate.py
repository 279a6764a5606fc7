"""Fits the confidences of a recognizer to how often it is right on the validation writers."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from src.data.samples import PackedSamples
from src.models.batches import BucketSampler
from src.models.confidence import RISKS, match_words, risk_coverage
from src.models.dataset import Part, RecognizerDataset, collate
from src.models.network import STRIDE, RecognizerNetwork
from src.models.precision import mixed_precision
from src.recognition.calibration import Calibration, Curve, features
from src.recognition.charset import Charset
from src.recognition.decode import greedy
from src.recognition.reading import words_of

# Fewer readings, or none that is wrong, tell nothing: the network's own probability stays.
_LEAST_READINGS = 50


def fit_calibration(
    texts: Sequence[str], readings: Sequence[str], confidences: Sequence[Sequence[float]]
) -> Calibration:
    """Fit the curves of characters, words and texts.

    Args:
        texts: What is written in N images that the recognizer has not learnt from.
        readings: What it read.
        confidences: For each character of each reading the network's probability, 0..1.

    Returns:
        The calibration, with the thresholds of acceptance for RISKS.
    """
    spans: dict[str, list[Sequence[float]]] = {"character": [], "word": [], "text": []}
    right: dict[str, list[bool]] = {"character": [], "word": [], "text": []}
    for text, reading, values in zip(texts, readings, confidences, strict=True):
        if not reading:
            continue
        words = words_of(reading)
        spans["text"].append(values)
        right["text"].append(reading == text)
        spans["word"] += [values[start:end] for start, end in words]
        right["word"] += match_words(text, [reading[start:end] for start, end in words])
        spans["character"] += [[value] for value in values]
        right["character"] += match_characters(text, reading)
    curves = {kind: _fit(spans[kind], right[kind]) for kind in spans}
    return Calibration(**curves, accept=_thresholds(curves["word"], spans["word"], right["word"]))


def calibrate(
    network: RecognizerNetwork, part: Part, samples: PackedSamples, charset: Charset, columns: int
) -> Calibration:
    """Read a part with the network and fit its confidences to what was right.

    Args:
        network: As trained; it is left in evaluation mode.
        part: Samples of writers that it has not learnt from.
        samples: The packed images.
        charset: The network's characters.
        columns: Pixels of width in one batch.

    Returns:
        What the model file holds of it.
    """
    return fit_calibration(*read_part(network, part, samples, charset, columns))


def read_part(
    network: RecognizerNetwork, part: Part, samples: PackedSamples, charset: Charset, columns: int
) -> tuple[list[str], list[str], list[Sequence[float]]]:
    """Read a part greedily with the network; the arguments are those of `calibrate`.

    Returns:
        Of each sample, in any order: what is written, what was read, and the probability of each character read.
    """
    network.eval()
    device = next(network.parameters()).device
    dataset = RecognizerDataset(part, samples, distort=False)
    texts: list[str] = []
    readings: list[str] = []
    confidences: list[Sequence[float]] = []
    for draws in tqdm(BucketSampler(part.widths, columns, 1), desc="reading", unit="batch", mininterval=1.0):
        batch = collate([dataset[draw] for draw in draws])
        with torch.inference_mode(), mixed_precision(device):
            log_probs = network(batch.images.to(device)).cpu().numpy()
        for draw, frames, width in zip(draws, log_probs, batch.widths.tolist(), strict=True):
            found = greedy(frames[: max(1, width // STRIDE)])
            texts.append(part.texts[draw.index])
            readings.append(charset.decode(found.codes))
            confidences.append(found.confidences)
    return texts, readings, confidences


def match_characters(text: str, reading: str) -> list[bool]:
    """Which characters of a reading are right, as `match_words` has it."""
    return match_words(" ".join(map(_visible, text)), [_visible(character) for character in reading])


def _visible(character: str) -> str:
    """A space as a sign that is cut at no white space."""
    return "\0" if character.isspace() else character


def _fit(spans: Sequence[Sequence[float]], right: Sequence[bool]) -> Curve:
    """The curve of one kind; that of the network itself where there is too little to fit."""
    if len(right) < _LEAST_READINGS or all(right) or not any(right):
        return Curve()
    values = np.array([features(span) for span in spans])
    varies = values.std(axis=0) > 1e-9  # of single characters, the least is the product and the length is 1
    if np.allclose(values[:, 0], values[:, 1]):
        varies[1] = False
    fitted = LogisticRegression(C=100.0, max_iter=1000).fit(values[:, varies], right)
    weights = np.zeros(3)
    weights[varies] = fitted.coef_[0]
    product, least, length = weights.tolist()
    return Curve(product=product, least=least, length=length, intercept=float(fitted.intercept_[0]))


def _thresholds(curve: Curve, spans: Sequence[Sequence[float]], right: Sequence[bool]) -> dict[float, float]:
    """For each of RISKS the least confidence of a word that keeps it."""
    if not spans:
        return {}
    confidence = np.array([curve.probability(span) for span in spans])
    points = risk_coverage(confidence, np.array(right, dtype=bool))
    found = {risk: points.at(risk) for risk in RISKS}
    return {risk: threshold for risk, (coverage, threshold) in found.items() if coverage > 0.0}
