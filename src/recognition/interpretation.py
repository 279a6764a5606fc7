"""What the network says of an image -> its reading: the text, where its characters are, how sure it is."""

import logging
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.recognition.beam import Fusion, beam_search
from src.recognition.careful import agree, align_together, judge, score_together, search_together
from src.recognition.charset import Charset
from src.recognition.decode import Alignment, greedy
from src.recognition.model_file import ModelInfo
from src.recognition.normalize import Extent
from src.recognition.reading import (
    Alternative,
    Character,
    Reading,
    Word,
    chances_of_words,
    shares_of_words,
    words_of,
)
from src.recognition.vocabulary import Vocabulary, posterior

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]

_LEAST_BEAM = 16


class Interpreter:
    """Reads what a network says, with the charset and the calibration that the model file holds.

    Args:
        info: The model file's description.
    """

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self.charset = Charset(info.charset)

    def vocabulary(self, texts: Sequence[str]) -> Vocabulary:
        """Make a list of texts ready to be read from; entries that the charset cannot write are left out, and logged.

        Raises:
            CharsetError: No entry can be written with the model's charset.
        """
        vocabulary = Vocabulary(texts, self.charset)
        if vocabulary.unwritable:
            unwritable = next(text for text in texts if self.charset.unknown(text))
            logger.warning("%d vocabulary entries cannot be read, as %r", vocabulary.unwritable, unwritable)
        return vocabulary

    def interpret(
        self,
        frames: FloatArray,
        extent: Extent | None = None,
        alternatives: int = 0,
        fusion: Fusion | None = None,
        vocabulary: Vocabulary | None = None,
        copies: Sequence[FloatArray] = (),
    ) -> Reading:
        """Find the text in what the network said of an image.

        Args:
            frames: float32 [T, classes], from `log_probs`.
            extent: Where the image's columns lie; None: places are columns of the normalised image.
            alternatives: How many other texts to give at most.
            fusion: A language model; None: the image alone decides.
            vocabulary: The only texts that may be read; None: any text of the charset.
            copies: What the network said of copies of the image, which then have a say (`careful.py`).

        Returns:
            The reading; without a vocabulary, the alternatives come from a beam search and are scored exactly.
            Characters are located in the image itself.
        """
        extent = extent or Extent.of_normalized(len(frames) * self.info.stride)
        views = (frames, *copies)
        if vocabulary is not None:
            return self._read_entry(views, extent, vocabulary, alternatives)
        width = max(_LEAST_BEAM, 2 * alternatives)
        if fusion is not None:
            return self._read_with_language(views, extent, fusion, width, alternatives)
        alignment, calibration = greedy(frames), self.info.calibration
        candidates = [alignment.codes]
        if copies:
            candidates = agree(views)
            alignment = self._align(views, candidates[0])
        calibrated = calibration.text.probability(alignment.confidences) if calibration and alignment.codes else None
        if calibrated is not None and not alternatives:
            return self._reading(alignment, extent, calibrated, ())
        if alternatives:
            candidates = list(dict.fromkeys([*candidates, *beam_search(frames, width)]))
        probabilities = np.exp(judge(views, candidates)).clip(0.0, 1.0).tolist()
        own, confidence = probabilities[0], probabilities[0]
        if calibrated is not None:
            confidence = calibrated
            # What the text is not, the others share as the network has it; none is more probable than the text.
            share = (1.0 - confidence) / max(1.0 - own, 1e-9)
            probabilities = [min(confidence, share * probability) for probability in probabilities]
        others = sorted(range(1, len(candidates)), key=lambda index: -probabilities[index])[:alternatives]
        return self._reading(
            alignment,
            extent,
            confidence,
            tuple(Alternative(self.charset.decode(candidates[index]), probabilities[index]) for index in others),
        )

    def _read_with_language(
        self, views: Sequence[FloatArray], extent: Extent, fusion: Fusion, width: int, alternatives: int
    ) -> Reading:
        """The best of what the search finds; how probable it and its words are, image and language taken together."""
        found = search_together(views, width, fusion)
        texts = [self.charset.decode(hypothesis.codes) for hypothesis in found]
        scores = np.array([hypothesis.score for hypothesis in found]) / fusion.temperature
        # Searches of several views leave out less.
        left_out = scores[width - 1] - math.log(len(views)) if len(found) >= width else -math.inf
        words = chances_of_words(texts, scores.tolist(), left_out)
        shares = posterior(scores)
        # The less sure of the two: texts with a word more have no say in the words, combinations of words that were not
        # found have none in the shares. What the text loses by it is theirs, and not the other texts'.
        shares *= min(1.0, math.prod(words) / shares[0])
        return self._chosen(self._align(views, found[0].codes), extent, texts, shares.tolist(), words, alternatives)

    def _read_entry(
        self, views: Sequence[FloatArray], extent: Extent, vocabulary: Vocabulary, alternatives: int
    ) -> Reading:
        """Read one of the entries."""
        # The probabilities of words of several are made up of more entries than are given.
        texts, shares = score_together(views, vocabulary, self.charset, max(_LEAST_BEAM, alternatives + 1))
        if not texts:
            return Reading("", 0.0, (), ())
        alignment = self._align(views, self.charset.encode(texts[0]))
        return self._chosen(alignment, extent, texts, shares, shares_of_words(texts, shares), alternatives)

    def _chosen(
        self,
        alignment: Alignment,
        extent: Extent,
        texts: Sequence[str],
        shares: Sequence[float],
        words: Sequence[float],
        alternatives: int,
    ) -> Reading:
        """The reading of the first of the texts that were found, as probable as its share, and its words likewise."""
        others = zip(texts[1 : alternatives + 1], shares[1 : alternatives + 1], strict=True)
        given = tuple(Alternative(*other) for other in others)
        return self._reading(alignment, extent, shares[0], given, words)

    def _align(self, views: Sequence[FloatArray], codes: Sequence[int]) -> Alignment:
        """Where the image shows a text that was chosen because it can be spelt."""
        alignment = align_together(views, codes)
        if alignment is None:
            raise ValueError("a text was chosen that the image's own frames cannot spell")
        return alignment

    def _reading(
        self,
        alignment: Alignment,
        extent: Extent,
        confidence: float,
        alternatives: tuple[Alternative, ...],
        word_confidences: Sequence[float] | None = None,
    ) -> Reading:
        """Put characters and words together; without confidences of words, these are worked out from the characters."""
        text, curves = self.charset.decode(alignment.codes), self.info.calibration
        own = alignment.confidences
        calibrated = own if curves is None else [curves.character.probability([value]) for value in own]
        characters = tuple(
            Character(character, probability, *(extent.column(frame * self.info.stride) for frame in span))
            for character, probability, span in zip(text, calibrated, alignment.spans, strict=True)
        )
        places = words_of(text)
        if word_confidences is None:
            of_word = math.prod if curves is None else curves.word.probability
            word_confidences = [of_word(own[start:end]) for start, end in places]
        words = (Word(text[start:end], share) for (start, end), share in zip(places, word_confidences, strict=True))
        return Reading(text, confidence, characters, tuple(words), alternatives)
