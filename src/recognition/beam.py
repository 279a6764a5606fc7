"""Prefix beam search over CTC log probabilities, with a language model if there is one (shallow fusion)."""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.recognition.charset import BLANK, Charset
from src.recognition.language_model import CharsetScorer, LanguageModel

FloatArray = NDArray[np.floating]

_NEVER = -math.inf


@dataclass(frozen=True)
class Fusion:
    """How a language model speaks in the search.

    While it goes from frame to frame, a text scores log p_ctc + weight * log p_characters + bonus * characters. In the
    end, where the language model knows words, what characters add counts by `character_share`, and word_weight * the
    sum of log p_word is added. (A search that pays for each word when it ends leaves out the spaces between them, and
    one in which characters say less forgets the right text before its words are known. Chosen on validation writers.)

    Args:
        scorer: The language model in the recognizer's codes.
        weight: Of the log probability of characters; 0: it does not count.
        bonus: Natural logarithm added for each character, because every character costs a factor of p_characters.
        character_share: Of what characters add, the part that counts beside words.
        word_weight: Of the log probability of words.
        temperature: What scores are divided by to tell how sure a reading is: neighbouring frames, and the letters of a
            word, say in part the same, so that their product is too sure.
    """

    scorer: CharsetScorer
    weight: float = 0.5
    bonus: float = 1.7
    character_share: float = 0.6
    word_weight: float = 0.5
    temperature: float = 1.5

    @classmethod
    def of(cls, model: LanguageModel, charset: Charset) -> "Fusion":
        """Return a language model's say in the readings of a recognizer with this charset."""
        return cls(CharsetScorer(model, charset))


@dataclass(frozen=True)
class Hypothesis:
    """A text that the search found.

    Attributes:
        codes: Class of each character.
        log_prob: Natural logarithm of the CTC probability, as far as the beam saw its paths.
        score: What the texts are ranked by; without a language model it equals `log_prob`.
    """

    codes: tuple[int, ...]
    log_prob: float
    score: float


def beam_search(
    log_probs: FloatArray, width: int = 16, margin: float = 12.0, fusion: Fusion | None = None
) -> list[tuple[int, ...]]:
    """Most probable texts by prefix beam search: paths of one text are added, not compared.

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
        width: Prefixes kept after each frame, and so the number of texts at most.
        margin: Classes whose log probability is this much below the frame's best are not tried.
        fusion: A language model and its weight; None: the image alone decides.

    Returns:
        Codes of the texts, the best first (as far as the beam saw; `score_vocabulary` gives exact scores).
    """
    return [found.codes for found in search(log_probs, width, margin, fusion)]


def search(
    log_probs: FloatArray, width: int = 16, margin: float = 12.0, fusion: Fusion | None = None
) -> list[Hypothesis]:
    """Most probable texts with their scores; the arguments are those of `beam_search`.

    Returns:
        At most `width` texts, the best score first.
    """
    root = _Prefix(None, BLANK, 0.0, b"" if fusion is None else fusion.scorer.start)
    root.after_blank = root.either = 0.0
    root.active = True
    beam = [root]
    frames = np.asarray(log_probs, dtype=np.float64)
    for frame in frames:
        tried = np.flatnonzero(frame >= frame.max(initial=_NEVER) - margin)
        tried = tried[np.argsort(-frame[tried], kind="stable")]
        likely = dict(zip(tried.tolist(), frame[tried].tolist(), strict=True))
        beam = _advance(beam, likely, width, fusion)
    found = [_found(prefix, fusion) for prefix in beam]
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


class _Prefix:
    """The beginning of a text. Prefixes form a tree, so that one that left the beam and returns is the same object."""

    __slots__ = (
        "active", "after_blank", "after_character", "children", "code", "context", "either", "language",
        "language_row", "next_blank", "next_character", "parent", "score",
    )  # fmt: skip

    def __init__(self, parent: "_Prefix | None", code: int, language: float, context: bytes) -> None:
        self.parent = parent
        self.code = code
        self.children: dict[int, _Prefix] = {}
        self.active = False  # in the beam now
        self.language = language  # weight * log p_language + bonus * characters
        self.language_row: list[float] | None = None  # the same of each next character, once it was asked for
        self.context = context
        # Log probability of the paths that end in a blank, in the last character, and in either of them.
        self.after_blank = self.after_character = self.either = _NEVER
        self.next_blank = self.next_character = _NEVER
        self.score = language

    def codes(self) -> tuple[int, ...]:
        """The text so far."""
        codes: list[int] = []
        prefix = self
        while prefix.parent is not None:
            codes.append(prefix.code)
            prefix = prefix.parent
        return tuple(reversed(codes))

    def settle(self) -> None:
        """Take the next frame's probabilities."""
        self.after_blank, self.after_character = self.next_blank, self.next_character
        self.either = _add(self.after_blank, self.after_character)
        self.score = self.either + self.language


def _advance(beam: list[_Prefix], likely: dict[int, float], width: int, fusion: Fusion | None) -> list[_Prefix]:
    """One frame on: `likely` holds the log probability of each class that is tried, the best first."""
    blank = likely.get(BLANK, _NEVER)
    for prefix in beam:  # what stays, and what goes from one prefix of the beam to another
        prefix.next_blank = prefix.either + blank
        log_prob = likely.get(prefix.code, _NEVER) if prefix.parent is not None else _NEVER
        stayed = prefix.after_character + log_prob
        parent = prefix.parent
        if parent is not None and parent.active and log_prob > _NEVER:
            entered = parent.after_blank if parent.code == prefix.code else parent.either
            stayed = _add(stayed, entered + log_prob)
        prefix.next_character = stayed
    # A prefix outside the beam is entered from its parent alone. So what can no longer be among the best is known at
    # once: the least of `width` candidates only rises, and the language model's logarithm is never above 0.
    best: list[tuple[float, int, _Prefix, int, float]] = []
    for order, prefix in enumerate(beam):
        score = _add(prefix.next_blank, prefix.next_character) + prefix.language
        if score > _NEVER:
            best.append((score, -order, prefix, BLANK, 0.0))
    heapq.heapify(best)
    order = len(beam)
    bonus = 0.0 if fusion is None else fusion.bonus
    for prefix in beam:
        highest = prefix.either + prefix.language + bonus
        for code, log_prob in likely.items():
            if len(best) >= width and highest + log_prob <= best[0][0]:
                break
            if code == BLANK:
                continue
            known = prefix.children.get(code)
            if known is not None and known.active:
                continue
            repeats = code == prefix.code and prefix.parent is not None
            entered = (prefix.after_blank if repeats else prefix.either) + log_prob
            score = entered + prefix.language
            if fusion is not None:
                score += (prefix.language_row or _language_row(prefix, fusion))[code]
            if score == _NEVER or (len(best) >= width and score <= best[0][0]):
                continue
            order += 1
            candidate = (score, -order, prefix, code, entered)
            if len(best) < width:
                heapq.heappush(best, candidate)
            else:
                heapq.heapreplace(best, candidate)
    return _settle(beam, sorted(best, reverse=True), fusion)


def _settle(
    beam: list[_Prefix], best: list[tuple[float, int, _Prefix, int, float]], fusion: Fusion | None
) -> list[_Prefix]:
    """Make the chosen candidates the new beam, in their order."""
    for prefix in beam:
        prefix.active = False
    chosen: list[_Prefix] = []
    for _, _, prefix, code, entered in best:
        if code == BLANK:
            member = prefix
        else:
            known = prefix.children.get(code)
            member = known if known is not None else _child(prefix, code, fusion)
            member.next_blank, member.next_character = _NEVER, entered
        chosen.append(member)
    # Only now: a member's parent must keep its old values until all are chosen.
    for member in chosen:
        member.active = True
        member.settle()
    return chosen


def _child(prefix: _Prefix, code: int, fusion: Fusion | None) -> _Prefix:
    """A new prefix, one character longer."""
    if fusion is None:
        child = _Prefix(prefix, code, 0.0, b"")
    else:
        language = prefix.language + (prefix.language_row or _language_row(prefix, fusion))[code]
        child = _Prefix(prefix, code, language, fusion.scorer.extend(prefix.context, code))
    prefix.children[code] = child
    return child


def _language_row(prefix: _Prefix, fusion: Fusion) -> list[float]:
    """What each next character adds to the score, weighted; class 0 is the text's end, which earns no bonus."""
    row = (fusion.weight * fusion.scorer.log_probs(prefix.context) + fusion.bonus).tolist()
    row[BLANK] -= fusion.bonus
    prefix.language_row = row
    found: list[float] = row
    return found


def _found(prefix: _Prefix, fusion: Fusion | None) -> Hypothesis:
    """The text that ends here."""
    codes = prefix.codes()
    if fusion is None:
        return Hypothesis(codes, prefix.either, prefix.score)
    language = prefix.language + (prefix.language_row or _language_row(prefix, fusion))[BLANK]
    words = fusion.scorer.words_log_prob(codes)
    if words is not None:
        language = fusion.character_share * language + fusion.word_weight * words
    return Hypothesis(codes, prefix.either, prefix.either + language)


def _add(left: float, right: float) -> float:
    """log(exp(left) + exp(right)); several times faster on floats than numpy's."""
    if left < right:
        left, right = right, left
    if right == _NEVER:
        return left
    return left + math.log1p(math.exp(right - left))
