"""Words and their probabilities, and what they decide in a search."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.data.build_language_model import estimate
from src.errors import ModelFileError
from src.recognition.beam import Fusion, search
from src.recognition.charset import Charset
from src.recognition.language_model import CharsetScorer, LanguageModel
from src.recognition.lexicon import UNKNOWN_WORD, Lexicon

LEXICON = Lexicon.of({"la maison,": 3.0, "l'été": 2.0, "l": 4.0, "arbre": 1.0, "12": 9.0, "Straße": 1.0, "x" * 40: 1.0})
TOTAL = 3 + 3 + 2 + 4 + 1 + 1


def p(count: float, capitals: int = 0) -> float:
    return math.log(count / TOTAL) + capitals * math.log(0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("maison", p(3)),
        ("(maison!)", p(3)),
        ("la maison", p(3) + p(3)),
        ("Maison", p(3, 1)),
        ("MAISON", p(3, 2)),
        ("l'été", p(2)),  # known as a whole
        ("l'arbre", p(4) + p(1)),
        ("l’arbre-maison", p(4) + p(1) + p(3)),
        ("l'orme", UNKNOWN_WORD),  # no less probable than any unknown word
        ("straße", UNKNOWN_WORD),  # only known with its capital
        ("12 - 1,5", 0.0),
        ("", 0.0),
        ("x" * 40, UNKNOWN_WORD),
    ],
)
def test_a_word_is_looked_up_as_it_stands_then_small_then_in_its_parts(text: str, expected: float):
    assert LEXICON.log_prob(text) == pytest.approx(expected, rel=2e-3)


def test_arrays_that_are_no_lexicon_are_refused():
    with pytest.raises(ModelFileError, match="do not fit"):
        Lexicon(LEXICON.words, LEXICON.log_probs[1:])
    with pytest.raises(ModelFileError, match="sorted"):
        Lexicon(LEXICON.words[::-1], LEXICON.log_probs)


def test_it_is_kept_in_the_language_model_s_file(tmp_path: Path):
    model = replace(estimate({"la maison": 1.0}, 2), lexicon=LEXICON)
    model.save(tmp_path / "model.npz")
    read = LanguageModel.load(tmp_path / "model.npz").lexicon
    assert read is not None and read.log_prob("l'arbre") == LEXICON.log_prob("l'arbre")
    replace(model, lexicon=None).save(tmp_path / "model.npz")
    assert LanguageModel.load(tmp_path / "model.npz").lexicon is None


def test_a_file_of_before_there_were_words_is_read(tmp_path: Path):
    estimate({"la maison": 1.0}, 2).save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as parts:
        np.savez(tmp_path / "old.npz", **{name: parts[name] for name in parts if "word" not in name})
    assert LanguageModel.load(tmp_path / "old.npz").lexicon is None


def test_words_decide_where_the_letters_are_as_likely():
    charset = Charset(tuple("abc "))
    texts = {"ab": 1.0, "cb": 1.0}  # either beginning is as frequent
    rows = {"ab": 0.45, "cb": 0.5}
    frames = np.full((3, charset.size), 0.005)
    for text, share in rows.items():
        frames[0, charset.encode(text[0])] = share
    frames[1, 0] = frames[2, charset.encode("b")] = 0.98
    log_probs = np.log(frames / frames.sum(axis=1, keepdims=True))
    model = estimate(texts, 3)
    without = search(log_probs, fusion=Fusion(CharsetScorer(model, charset)))
    assert charset.decode(without[0].codes) == "cb"
    known = replace(model, lexicon=Lexicon.of({"ab": 3.0, "la": 1.0}))
    fusion = Fusion(CharsetScorer(known, charset))
    found = {charset.decode(one.codes): one for one in search(log_probs, fusion=fusion)}
    assert next(iter(found)) == "ab"
    plain = {charset.decode(one.codes): one for one in without}
    for text in ("ab", "cb"):
        characters = plain[text].score - plain[text].log_prob
        words = fusion.word_weight * known.lexicon.log_prob(text)
        expected = plain[text].log_prob + fusion.character_share * characters + words
        assert found[text].score == pytest.approx(expected)
