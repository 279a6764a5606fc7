"""Stage: texts -> the language model, of characters and of words.

Its n-grams, and its words, are those of the training part's texts and of a language's frequent words.

An n-gram's share of its context is that of Witten and Bell, seen / (all + kinds): `seen` times the n-gram, after a
context that was seen `all` times with `kinds` different characters behind it. Unlike Kneser and Ney's it needs no whole
numbers, so that words may count by their frequency; for the few hundred characters of a script the two are alike.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.data.artefacts import read_columns, require
from src.data.frequent_words import frequent_words, word_frequencies
from src.errors import GroundTruthError
from src.files import write_whole
from src.params import load_params
from src.paths import Paths
from src.recognition.language_model import BOUNDARY, MOST_CHARACTERS, LanguageModel, steps_of
from src.recognition.lexicon import Lexicon
from src.stage import run

logger = logging.getLogger(__name__)

_BITS = 8  # a character's code in a key
_LONGEST_ORDER = 8  # n-grams are sorted as 64-bit keys
_CHARACTERS_AT_ONCE = 4_000_000
_FEWEST_WORDS = 2000  # fewer would call too many right words unknown (lines were read worse with 541)


def build_language_model(
    target: Path,
    encoded: Path | None = None,
    split: Path | None = None,
    text_file: Path | None = None,
    languages: Sequence[str] = (),
    words_per_language: int = 100_000,
    language_tokens: float = 50_000.0,
    order: int = 7,
    least_count: float = 0.2,
    without: Collection[str] = (),
) -> LanguageModel:
    """Build the model from any of its three sources and save it.

    Args:
        target: The npz file to write.
        encoded: Written by encode_data; with `split`: the training writers' texts count, nobody else's.
        split: Folder written by split_data.
        text_file: UTF-8 text, lines as people write them; each counts once.
        languages: Codes of wordfreq, such as "fr".
        words_per_language: The most frequent ones of each.
        language_tokens: Running words that each language's list stands for.
        order: Characters of the longest n-gram, 1..8.
        least_count: n-grams of two characters or more that were seen less often are left out; below 1 only some of
            the languages' rare words are, as texts count whole.
        without: Collections whose texts nobody wrote, such as drawn ones.

    Returns:
        The model.

    Raises:
        MissingArtefactError: `encoded` or `split` does not exist.
        GroundTruthError: There is nothing to learn from, or a language is not known to wordfreq.
        ValueError: `order` is not in 1..8, or only one of `encoded` and `split` is given.
    """
    if (encoded is None) != (split is None):
        raise ValueError("encoded and split belong together: without the split, test texts would be learnt")
    texts: Counter[str] = Counter()
    if encoded is not None and split is not None:
        texts.update(training_texts(encoded, split, without))
    if text_file is not None:
        texts.update(require(text_file, "build_language_model").read_text(encoding="utf-8").splitlines())
    weights, words = Counter[str](texts), Counter[str](texts)  # of n-grams, of words
    for language in languages:
        weights.update(frequent_words(language, words_per_language, language_tokens))
        frequencies = word_frequencies(language, words_per_language)
        tokens = language_tokens / sum(frequencies.values())
        words.update({word: tokens * frequency for word, frequency in frequencies.items()})
    description = {
        "training_texts": encoded is not None,
        "text_file": None if text_file is None else text_file.name,
        "languages": list(languages),
        "words_per_language": words_per_language,
        "language_tokens": language_tokens,
        "least_count": least_count,
    }
    model, lexicon = estimate(weights, order, least_count, description), Lexicon.of(words)
    if len(lexicon.words) >= _FEWEST_WORDS:
        model = replace(model, lexicon=lexicon)
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(target) as temporary:
        model.save(temporary)
    words_known = 0 if model.lexicon is None else len(model.lexicon.words)
    logger.info("%s: %d n-grams, %d words, %d bytes", target, len(model.codes), words_known, target.stat().st_size)
    return model


def training_texts(encoded: Path, split: Path, without: Collection[str] = ()) -> list[str]:
    """Texts of the training writers' samples, lines and words alike.

    Args:
        encoded: Written by encode_data.
        split: Folder written by split_data.
        without: Collections to leave out.

    Returns:
        One text a sample.

    Raises:
        MissingArtefactError: One of them does not exist.
    """
    frame = read_columns(encoded, "encode_data", ["sample_id", "text", "source"])
    frame = frame[~frame["source"].isin(list(without))]
    listed = require(split / "train.txt", "split_data").read_text(encoding="utf-8").splitlines()
    texts: list[str] = frame.loc[frame["sample_id"].isin(set(listed)), "text"].tolist()
    return texts


def estimate(
    weights: Mapping[str, float], order: int = 7, least_count: float = 0.2, description: dict[str, Any] | None = None
) -> LanguageModel:
    """Count n-grams and make a model of them.

    Args:
        weights: Text -> how often it counts, above 0. Spaces are put around a text, and runs of them become one.
        order: Characters of the longest n-gram, 1..8.
        least_count: n-grams of two characters or more that were seen less often are left out.
        description: Kept in the model.

    Returns:
        The model.

    Raises:
        GroundTruthError: No text holds a character.
        ValueError: `order` is not in 1..8.
    """
    if not 1 <= order <= _LONGEST_ORDER:
        raise ValueError(f"order is {order}, not in 1..{_LONGEST_ORDER}")
    texts: dict[str, float] = {}
    for text, weight in weights.items():
        if words := text.split():
            line = BOUNDARY + " ".join(words) + BOUNDARY
            texts[line] = texts.get(line, 0.0) + weight
    if not texts:
        raise GroundTruthError("a language model needs texts, or languages with words: there are none")
    characters = _frequent_characters(texts)
    levels = _count(texts, characters, order)
    return _prune(levels, characters, order, least_count, description or {})


# Keys of the n-grams of one order, sorted (the oldest character in the highest bits), and how often each was seen.
_Level = tuple[NDArray[np.uint64], NDArray[np.float64]]


def _frequent_characters(texts: Mapping[str, float]) -> tuple[str, ...]:
    """The characters that get a code, in code-point order; the space always."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    del counts[BOUNDARY]
    return tuple(sorted([BOUNDARY, *(character for character, _ in counts.most_common(MOST_CHARACTERS - 1))]))


def _count(texts: Mapping[str, float], characters: Sequence[str], order: int) -> list[_Level]:
    """Count the n-grams of 1..order characters; the space before a text is context only, it is not foretold."""
    code_of = {ord(character): code for code, character in enumerate(characters, start=1)}
    levels: list[_Level] = [(np.empty(0, np.uint64), np.empty(0))] * order
    for lines in _portions(texts):
        points = np.frombuffer("".join(lines).encode("utf-32-le"), dtype=np.uint32)
        kinds, place = np.unique(points, return_inverse=True)
        codes = np.array([code_of.get(int(point), 0) for point in kinds], dtype=np.uint64)[place]
        lengths = np.array([len(line) for line in lines])
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        age = np.arange(len(codes)) - starts  # characters before it in its line
        weight = np.repeat([texts[line] for line in lines], lengths)
        keys = np.zeros(len(codes), dtype=np.uint64)
        for level in range(order):
            keys[level:] |= codes[: max(0, len(codes) - level)] << np.uint64(_BITS * level)
            counted = age >= max(level, 1)
            levels[level] = _merge(levels[level], keys[counted], weight[counted])
    return levels


def _portions(texts: Mapping[str, float]) -> Iterable[list[str]]:
    """The texts in lists of some million characters, so that a long file's n-grams need not all be held at once."""
    portion: list[str] = []
    size = 0
    for text in texts:
        portion.append(text)
        size += len(text)
        if size >= _CHARACTERS_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _merge(level: _Level, keys: NDArray[np.uint64], weights: NDArray[np.float64]) -> _Level:
    """Add occurrences to a level."""
    merged, place = np.unique(np.concatenate((level[0], keys)), return_inverse=True)
    counts = np.bincount(place, np.concatenate((level[1], weights)), len(merged))
    return merged, counts.astype(np.float64, copy=False)


def _prune(
    levels: Sequence[_Level], characters: tuple[str, ...], order: int, least_count: float, description: dict[str, Any]
) -> LanguageModel:
    """Shares from counts, without the rare n-grams; what they had goes to their contexts' left-over."""
    codes: list[NDArray[np.uint8]] = []
    steps: list[NDArray[np.uint16]] = []
    child_counts: list[NDArray[np.uint8]] = []
    parents = np.zeros(1, dtype=np.uint64)
    for level, (keys, counts) in enumerate(levels):
        contexts, place = np.unique(keys >> np.uint64(_BITS), return_inverse=True)
        kinds = np.bincount(place, minlength=len(contexts))
        totals = np.bincount(place, counts, len(contexts)) + kinds
        # An n-gram is no more frequent than the one that it goes on from, except after the space before a text.
        kept = (counts >= least_count) if level else np.ones(len(keys), dtype=bool)
        kept &= np.isin(keys >> np.uint64(_BITS), parents)
        if level:
            above = np.searchsorted(parents, keys[kept] >> np.uint64(_BITS))
            child_counts.append(np.bincount(above, minlength=len(parents)).astype(np.uint8))
        codes.append((keys[kept] & np.uint64(2**_BITS - 1)).astype(np.uint8))
        steps.append(steps_of((counts / totals[place])[kept]))
        parents = keys[kept]
    child_counts.append(np.zeros(len(parents), dtype=np.uint8))
    arrays = np.concatenate(codes), np.concatenate(steps), np.concatenate(child_counts)
    return LanguageModel(order, characters, *arrays, description)


def main() -> None:
    """Build the model of the project's training texts."""
    paths = Paths()
    params = load_params(paths.params)
    build_language_model(
        paths.language_model,
        paths.encoded,
        paths.split,
        languages=params.language.languages,
        order=params.language.order,
        without=params.split.train_only,
    )


if __name__ == "__main__":
    run(main)
