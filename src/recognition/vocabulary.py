"""Reading with a list of texts: how probable each entry is, and whether the list or the free reading is right.

`score_vocabulary` scores a few entries, all of them to the last digit. `Vocabulary` holds up to a million and looks
only where the image points; it is made once and asked many times.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import CharsetError
from src.recognition.charset import BLANK, Charset
from src.recognition.trie import Trie, TrieScores

FloatArray = NDArray[np.floating]

# Up to so many entries the answer is made sure of, if need be in a second search. Beyond, a narrow beam must do, unless
# its best entry is so improbable that the beam must have lost its way, as in a long text with one doubtful beginning.
_SURE_ENTRIES = 20_000
# So few are scored one by one, so that each of them, however improbable, has its probability.
_FEW_ENTRIES = 64
_FIRST_BEAM = 20.0
_QUICK_BEAM = 15.0
_LOST = 30.0
_LOST_BEAM = 28.0
# What float64 holds; if that is not enough, each entry is scored in the logarithm.
_WIDEST_BEAM = 500.0
# What was left out may change a score by exp(-7) = 0.1 % at most.
_NEGLIGIBLE = 7.0


def score_vocabulary(log_probs: FloatArray, entries: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Log likelihood of each entry: the sum over all CTC paths that spell it (the forward algorithm).

    All entries advance together, one frame at a time: the cost is T numpy steps on [longest entry, entries].

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
        entries: Codes of each entry, without blanks; an empty entry is the empty text.

    Returns:
        float64 [entries], natural logarithms; -inf where T frames cannot spell the entry.
    """
    if not entries:
        return np.empty(0)
    frames = np.asarray(log_probs, dtype=np.float64)
    lengths = np.array([len(entry) for entry in entries])
    longest, count = int(lengths.max()), len(entries)
    codes = np.full((longest, count), BLANK)
    for column, entry in enumerate(entries):
        codes[: len(entry), column] = entry
    # A path may go from one character to the next without a blank only if the two differ.
    repeated = np.zeros((longest, count), dtype=bool)
    repeated[1:] = codes[1:] == codes[:-1]

    # after_blank[i]: i characters written, last frame a blank; after_character[i]: character i - 1 in the last frame
    # (row 0 stays at -inf: no character comes before the first).
    after_blank = np.full((longest + 1, count), -np.inf)
    after_blank[0] = 0.0
    after_character = np.full((longest + 1, count), -np.inf)
    for frame in frames:
        either = np.logaddexp(after_blank, after_character)
        entered = np.where(repeated, after_blank[:-1], either[:-1])
        after_character[1:] = np.logaddexp(after_character[1:], entered) + frame[codes]
        after_blank = either + frame[BLANK]
    columns = np.arange(count)
    scores: NDArray[np.float64] = np.logaddexp(after_blank[lengths, columns], after_character[lengths, columns])
    return scores


def posterior(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each entry, given that the text is one of them and all are equally frequent.

    Args:
        scores: float64 [entries], log likelihoods.

    Returns:
        float64 [entries], sums to 1; all zero where no entry can be spelt at all.
    """
    best = scores.max(initial=-np.inf)
    if not np.isfinite(best):
        return np.zeros_like(scores)
    shares = np.exp(scores - best)
    result: NDArray[np.float64] = shares / shares.sum()
    return result


@dataclass(frozen=True)
class VocabularyScores:
    """The best entries of a vocabulary for one image.

    Attributes:
        texts: The entries, the best score first.
        log_likelihoods: float64 [len(texts)], natural logarithm of each one's CTC likelihood.
        scores: float64 [len(texts)], log likelihood + log prior.
        evidence: Natural logarithm of the sum of exp(score) over all entries that were reached, given here or not.
        certain: No entry is more probable than the first by more than a thousandth, nor, if the search passed it over,
            has the score `least` that was asked for.
    """

    texts: tuple[str, ...]
    log_likelihoods: NDArray[np.float64]
    scores: NDArray[np.float64]
    evidence: float
    certain: bool

    def posterior(self) -> NDArray[np.float64]:
        """Probability of each entry given that the text is in the vocabulary: float64 [len(texts)]."""
        result: NDArray[np.float64] = np.exp(self.scores - self.evidence)
        return result


@dataclass(frozen=True)
class Leaning:
    """What was chosen between the free reading and the vocabulary.

    Attributes:
        text: The chosen text.
        codes: Its codes.
        known: It is an entry of the vocabulary.
        log_odds: Of the best entry against the free reading, the vocabulary's own included; 0 or more: it was chosen.
            -inf: no entry came near.
    """

    text: str
    codes: tuple[int, ...]
    known: bool
    log_odds: float


class Vocabulary:
    """A list of texts as a trie, made once for a charset; it may be used from several threads at once.

    Args:
        texts: The entries; one that is there twice counts once, with its highest prior.
        charset: The recognizer's. An entry that it cannot write is left out.
        log_priors: For each text the natural logarithm of its prior; any constant may be added to all. None: 0 each.

    Attributes:
        texts: The entries that can be read.
        unwritable: Number of different texts that were left out.

    Raises:
        CharsetError: No entry is left.
        ValueError: There are not as many priors as texts, or one is not finite.
    """

    def __init__(self, texts: Sequence[str], charset: Charset, log_priors: Sequence[float] | None = None) -> None:
        if log_priors is None:
            priors = dict.fromkeys(texts, 0.0)
        else:
            priors = {}
            for text, prior in zip(texts, log_priors, strict=True):
                priors[text] = max(prior, priors.get(text, -math.inf))
        if not np.isfinite(list(priors.values())).all():
            raise ValueError("a log prior is not finite: leave the entry out instead")
        known = sorted(text for text in priors if not charset.unknown(text))
        if not known:
            raise CharsetError("no entry of the vocabulary can be written with the model's characters")
        self.texts = tuple(known)
        self.unwritable = len(priors) - len(known)
        self._charset = charset
        self._priors = np.array([priors[text] for text in known])
        self._places = frozenset(known)
        # All characters at once: a million calls of `encode` would take several seconds.
        kinds, place = np.unique(np.frombuffer("".join(known).encode("utf-32-le"), np.uint32), return_inverse=True)
        codes = np.array(charset.encode("".join(map(chr, kinds))), dtype=np.int64)[place]
        self._trie = Trie(codes, np.array([len(text) for text in known]), np.arange(len(known)))

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, text: object) -> bool:
        return text in self._places

    def score(
        self, log_probs: FloatArray, count: int = 16, beam: float | None = None, least: float = -math.inf
    ) -> VocabularyScores:
        """Find the entries that an image most probably says.

        Args:
            log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
            count: Entries to give at most.
            beam: Beginnings whose log probability is this much (above 0) below the best one's are left out. None: as
                wide as certainty needs up to 20,000 entries; beyond, a narrow one at first.
            least: Score that an entry must have to matter; a higher one ends the search earlier.

        Returns:
            The best entries; none where T frames can spell no entry. Entries far behind the first may be missing.
        """
        if beam is not None:
            return self._ranked(self._trie.scores(log_probs, beam), count, least)
        if len(self) <= _FEW_ENTRIES:
            return self._ranked(self._all_scores(log_probs), count, least)
        sure = len(self) <= _SURE_ENTRIES
        found = self._trie.scores(log_probs, _FIRST_BEAM if sure else _QUICK_BEAM)
        scores = self._ranked(found, count, least)
        best = max(least, float(scores.scores[0]) if scores.texts else -math.inf)
        if not sure:
            lost = self._most(found) - best > _LOST
            return self._ranked(self._trie.scores(log_probs, _LOST_BEAM), count, least) if lost else scores
        if not scores.certain:
            # A wider beam leaves out less by as much, and the best entry known can only rise.
            wider = _FIRST_BEAM + self._most(found) - best + _NEGLIGIBLE + 1.0
            scores = self._ranked(self._trie.scores(log_probs, min(wider, _WIDEST_BEAM)), count, least)
        if not scores.certain:
            scores = self._ranked(self._all_scores(log_probs), count, least)
        return scores

    def lean(self, log_probs: FloatArray, free: Sequence[int], log_odds: float) -> Leaning:
        """Choose between the free reading and the best entry: the vocabulary as a prior, not as a cage.

        Args:
            log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
            free: Codes of the free reading.
            log_odds: How much more an entry is to be expected than any text outside the list, as a natural logarithm:
                the best entry is chosen if its score + log_odds is not below the free reading's log likelihood.

        Returns:
            What was chosen. A free reading that is an entry and the best one is `known`.
        """
        likelihood = float(score_vocabulary(log_probs, [free])[0])
        scores = self.score(log_probs, 1, least=likelihood - log_odds)
        text = self._charset.decode(free)
        if not scores.texts:
            return Leaning(text, tuple(free), text in self, -math.inf)
        odds = float(scores.scores[0]) + log_odds - likelihood
        if odds >= 0.0:
            best = scores.texts[0]
            return Leaning(best, tuple(self._charset.encode(best)), True, odds)
        return Leaning(text, tuple(free), text in self, odds)

    def _all_scores(self, log_probs: FloatArray) -> TrieScores:
        """The scores of all entries, one by one."""
        scores = score_vocabulary(log_probs, [self._charset.encode(text) for text in self.texts])
        possible = np.flatnonzero(scores > -math.inf)
        return TrieScores(possible, scores[possible], -math.inf)

    def _most(self, found: TrieScores) -> float:
        """No entry that was not found has a higher score."""
        return found.left_out + float(self._priors.max())

    def _ranked(self, found: TrieScores, count: int, least: float) -> VocabularyScores:
        """The best of what the trie found."""
        scores = found.log_likelihoods + self._priors[found.entries]
        order = np.argsort(-scores, kind="stable")
        best = order[:count]
        missing = self._most(found)
        first = float(scores[order[0]]) if len(order) else -math.inf
        evidence = -math.inf
        if len(order):
            evidence = first + math.log(float(np.exp(scores - first).sum()))
        return VocabularyScores(
            tuple(self.texts[entry] for entry in found.entries[best]),
            found.log_likelihoods[best],
            scores[best],
            evidence,
            missing < least or missing == -math.inf or missing < first - _NEGLIGIBLE,
        )
