"""Careful reading: copies of an image at other widths are read as well, and all of them judge what each one reads.

Where a letter is doubtful, a wider copy may show it in another light (test-time augmentation, here with multi-scale
testing). The peak of a letter falls on another frame of each copy, so that frames cannot be averaged. Texts can: of the
candidates that the image or a copy gives, that one is taken whose CTC log likelihood is highest in the mean of all.

A **view** is what the network says of the image or of a copy: float [T, C], log softmax of each frame, class 0 the
blank. The image's own comes first, and a text that its frames cannot spell is not taken.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from src.recognition.beam import Fusion, Hypothesis, search
from src.recognition.charset import Charset
from src.recognition.decode import Alignment, align, greedy
from src.recognition.normalize import GreyImage
from src.recognition.vocabulary import Vocabulary, posterior, score_vocabulary

FloatArray = NDArray[np.floating]

# Widths of the copies against the image's; chosen on validation writers, see docs/results.md.
COPIES = (0.87, 1.17)
# Entries of a vocabulary that each view proposes. The best is among far fewer; the others make up the probabilities.
_ENTRIES = 64


def copies_of(ink: GreyImage) -> list[GreyImage]:
    """Show a normalised image at other widths.

    Args:
        ink: uint8 [H, W], 0 = paper.

    Returns:
        For each of COPIES uint8 [H, W * that].
    """
    return [widen(ink, factor) for factor in COPIES]


def widen(ink: GreyImage, factor: float) -> GreyImage:
    """Stretch an image, uint8 [H, W], to `factor` of its width."""
    height, width = ink.shape
    method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(ink, (max(1, round(width * factor)), height), interpolation=method), dtype=np.uint8)


def judge(views: Sequence[FloatArray], candidates: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Log likelihood of each candidate in the mean of all views.

    Args:
        views: At least one.
        candidates: Codes of each text.

    Returns:
        float64 [candidates], natural logarithms; -inf where a view has too few frames to spell the text.
    """
    scores: NDArray[np.float64] = np.mean([score_vocabulary(view, candidates) for view in views], axis=0)
    return scores


def agree(views: Sequence[FloatArray]) -> list[tuple[int, ...]]:
    """What the views read freely, each text once, the one that all together find the most probable first.

    Returns:
        Codes. Where no candidate can be spelt by all views, the image's own text is the first.
    """
    candidates = list(dict.fromkeys(greedy(view).codes for view in views))
    order = np.argsort(-judge(views, candidates), kind="stable")
    return [candidates[place] for place in order]


def search_together(views: Sequence[FloatArray], width: int, fusion: Fusion) -> list[Hypothesis]:
    """What the views read with a language model: the candidates of all their beams, judged by all.

    Args:
        views: At least one; of a single one the beam's own scores are taken.
        width: Of each beam.
        fusion: The language model and its weight.

    Returns:
        The best score first: mean log likelihood + what the language model adds to it.
    """
    if len(views) == 1:
        return search(views[0], width, fusion=fusion)
    found = {one.codes: one for view in views for one in search(view, width, fusion=fusion)}
    judged = [
        Hypothesis(one.codes, likelihood, one.score - one.log_prob + likelihood)
        for one, likelihood in zip(found.values(), judge(views, list(found)).tolist(), strict=True)
    ]
    return sorted(judged, key=lambda one: -one.score)


def score_together(
    views: Sequence[FloatArray], vocabulary: Vocabulary, charset: Charset, count: int
) -> tuple[list[str], list[float]]:
    """What the views read from a list of texts: the best entries of each, judged by all.

    Args:
        views: At least one; of a single one the vocabulary's own scores are taken.
        vocabulary: The texts.
        charset: The one that the vocabulary was made for.
        count: Entries to give at most.

    Returns:
        The entries, the best first, and how probable each is, given that one of them is right and with its prior; none
        where no entry can be spelt.
    """
    if len(views) == 1:
        alone = vocabulary.score(views[0], count)
        return list(alone.texts), alone.posterior().tolist()
    priors: dict[str, float] = {}
    for view in views:
        found = vocabulary.score(view, max(count, _ENTRIES))
        priors |= zip(found.texts, (found.scores - found.log_likelihoods).tolist(), strict=True)
    texts = list(priors)
    scores = judge(views, [charset.encode(text) for text in texts]) + np.array(list(priors.values()))
    order = [place for place in np.argsort(-scores, kind="stable")[:count] if np.isfinite(scores[place])]
    return [texts[place] for place in order], posterior(scores)[order].tolist()


def align_together(views: Sequence[FloatArray], codes: Sequence[int]) -> Alignment | None:
    """Where the image itself shows a text, and how sure the views are of its characters.

    Args:
        views: At least one.
        codes: The text.

    Returns:
        Frames of the image's own view. Confidences of the view that is neither the surest nor the least sure of the
        text: the image's own are too low for what others have made out. None where its frames cannot spell the text.
    """
    own = align(views[0], codes)
    if own is None:
        return None
    found = [own, *(one for view in views[1:] if (one := align(view, codes)) is not None)]
    found.sort(key=lambda one: math.prod(one.confidences))
    return replace(own, confidences=found[(len(found) - 1) // 2].confidences)
