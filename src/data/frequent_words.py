"""A language's frequent words as they stand in a text, each with a weight to learn a language model from."""

from wordfreq import top_n_list, word_frequency

from src.errors import GroundTruthError

# Rare words are many: without this the list teaches little but the few hundred words that each training text has too.
_FLATTENING = 0.6
_CAPITAL_SHARE = {"de": 0.5}  # its nouns; wordfreq gives words in small letters
_OTHER_CAPITAL_SHARE = 0.1
# Words that lose their vowel before another: wordfreq counts "l'eau" as "l" and "eau".
_ELIDED = {
    "fr": ("c", "d", "j", "l", "m", "n", "s", "t", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"),
    "it": ("c", "d", "l", "m", "s", "t", "v", "all", "dall", "dell", "nell", "sull", "quest"),
}
_FIRST_LETTERS = frozenset("aàâeéèêhiîoôuy")
_FOLLOWING = 20_000  # words that an elided one may stand before


def frequent_words(language: str, count: int, tokens: float) -> dict[str, float]:
    """A language's most frequent words, with weights that rise with their frequency, less steeply than it.

    Args:
        language: Code of wordfreq.
        count: Words.
        tokens: Sum of the weights; a tenth of it (in German a half) is of words with a capital, as at the beginning of
            sentences.

    Returns:
        Word -> weight. An elided word stands with its apostrophe and the word after it, as "l'eau".

    Raises:
        GroundTruthError: wordfreq does not know the language.
    """
    share = _CAPITAL_SHARE.get(language, _OTHER_CAPITAL_SHARE)
    found: dict[str, float] = {}
    for word, frequency in _joined(word_frequencies(language, count), language).items():
        # A word that has a capital or begins with a sign gets both shares.
        for form, part in ((word, 1.0 - share), (word[:1].upper() + word[1:], share)):
            found[form] = found.get(form, 0.0) + part * frequency**_FLATTENING
    whole = sum(found.values())
    return {word: tokens * weight / whole for word, weight in found.items()}


def word_frequencies(language: str, count: int) -> dict[str, float]:
    """A language's most frequent words, in small letters, with their shares of all running words.

    Args:
        language: Code of wordfreq.
        count: Words.

    Raises:
        GroundTruthError: wordfreq does not know the language.
    """
    try:
        listed = top_n_list(language, count)
    except (LookupError, ValueError) as error:
        raise GroundTruthError(f"{language!r} is no language of wordfreq") from error
    return {word: word_frequency(word, language) for word in listed}


def _joined(frequencies: dict[str, float], language: str) -> dict[str, float]:
    """Frequencies in which elided words stand before each word that may follow, by how frequent that one is."""
    elided = {word: frequencies[word] for word in _ELIDED.get(language, ()) if word in frequencies}
    alone = {word: frequency for word, frequency in frequencies.items() if word not in elided}
    following = [word for word in alone if len(word) > 1 and word[0] in _FIRST_LETTERS][:_FOLLOWING]
    whole = sum(alone[word] for word in following)
    joined = {
        f"{first}'{word}": frequency * alone[word] / whole for first, frequency in elided.items() for word in following
    }
    return alone | joined
