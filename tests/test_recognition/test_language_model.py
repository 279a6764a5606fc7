"""The language model: probabilities that sum to 1, its file, and its use with other charsets."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.build_language_model import estimate
from src.errors import ModelFileError
from src.recognition import language_model
from src.recognition.charset import Charset
from src.recognition.language_model import UNKNOWN, CharsetScorer, LanguageModel

LINES = {"le chat dort": 4.0, "le chien dort": 2.0, "la chatte": 1.0, "été à l'été": 1.0}
MODEL = estimate(LINES, order=4, least_count=0.0)


@given(
    st.dictionaries(st.text("abc é", min_size=1, max_size=12).filter(str.strip), st.floats(0.01, 50), min_size=1),
    st.integers(1, 8),
    st.floats(0, 5),
    st.text("abcé x", max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_every_context_s_probabilities_sum_to_1(weights: dict[str, float], order: int, least: float, context: str):
    model = estimate(weights, order, least)
    row = model.probabilities(model.encode(context))
    assert row.sum() == pytest.approx(1.0, abs=1e-9)
    assert (row > 0.0).all()


def test_only_the_last_characters_count():
    long, short = MODEL.encode("was anybody wrote: le"), MODEL.encode(" le")
    np.testing.assert_array_equal(MODEL.probabilities(long), MODEL.probabilities(short))
    assert not np.array_equal(MODEL.probabilities(short), MODEL.probabilities(short[1:]))


def test_what_was_written_is_more_probable_than_what_was_not():
    assert MODEL.log_prob("le chat") > MODEL.log_prob("le chta") + 3.0
    assert MODEL.log_prob("chat") > MODEL.log_prob("tahc") + 3.0
    # An unseen context says what the longest seen end of it says.
    np.testing.assert_array_equal(MODEL.probabilities(MODEL.encode("xch")), MODEL.probabilities(MODEL.encode("ch")))


def test_the_file_gives_the_same_model_back(tmp_path: Path):
    path = tmp_path / "model.npz"
    MODEL.save(path)
    read = LanguageModel.load(path)
    assert (read.order, read.characters, read.description) == (MODEL.order, MODEL.characters, MODEL.description)
    for context in ("", " ", "le ch", "été"):
        codes = MODEL.encode(context)
        np.testing.assert_array_equal(read.probabilities(codes), MODEL.probabilities(codes))


def test_files_that_are_no_model(tmp_path: Path):
    path = tmp_path / "model.npz"
    with pytest.raises(ModelFileError, match=r"model\.npz.*build_language_model"):
        LanguageModel.load(path)
    path.write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        LanguageModel.load(path)
    np.savez(path, codes=np.zeros(3, np.uint8))
    with pytest.raises(ModelFileError):
        LanguageModel.load(path)
    MODEL.save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError):
        LanguageModel.load(path)


def test_a_model_of_a_later_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(language_model, "_FORMAT", 2)
    MODEL.save(tmp_path / "model.npz")
    monkeypatch.undo()
    assert zipfile.is_zipfile(tmp_path / "model.npz")
    with pytest.raises(ModelFileError, match="format 2"):
        LanguageModel.load(tmp_path / "model.npz")


def test_parts_that_do_not_fit_together():
    short = MODEL.steps[:-1]
    with pytest.raises(ModelFileError, match="fit together"):
        LanguageModel(4, MODEL.characters, MODEL.codes, short, MODEL.child_counts)
    with pytest.raises(ModelFileError, match="space"):
        LanguageModel(4, ("a",), MODEL.codes, MODEL.steps, MODEL.child_counts)
    with pytest.raises(ModelFileError, match="without a character"):
        LanguageModel(4, (" ", "a"), MODEL.codes, MODEL.steps, MODEL.child_counts)


def test_a_scorer_goes_by_characters_not_by_codes():
    own = "".join(character for character in MODEL.characters)
    here, there = Charset(tuple(own)), Charset(tuple(reversed(own)))
    for text in ("le chat", "été"):
        scores = []
        for charset in (here, there):
            scorer = CharsetScorer(MODEL, charset)
            context, total = scorer.start, 0.0
            for code in charset.encode(text):
                total += float(scorer.log_probs(context)[code])
                context = scorer.extend(context, code)
            scores.append(total + float(scorer.log_probs(context)[0]))
        assert scores == pytest.approx([MODEL.log_prob(text)] * 2)


def test_a_character_that_the_model_does_not_know_can_be_written():
    scorer = CharsetScorer(MODEL, Charset(("l", "Ω")))
    row = scorer.log_probs(scorer.start)
    assert np.exp(row[2]) == pytest.approx(MODEL.probabilities(MODEL.encode(" "))[UNKNOWN])
    assert scorer.extend(scorer.start, 2)[-1] == UNKNOWN
    assert np.isfinite(scorer.log_probs(scorer.extend(scorer.start, 2))).all()


def test_an_order_of_1_has_no_context():
    scorer = CharsetScorer(estimate(LINES, order=1, least_count=0.0), Charset(("l", "e")))
    assert scorer.start == scorer.extend(scorer.start, 1) == b""


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(language_model, "_MEMORY", 2)
    scorer = CharsetScorer(MODEL, Charset(("l", "e")))
    contexts = [scorer.start, b"", scorer.extend(scorer.start, 1), scorer.start]
    rows = [scorer.log_probs(context) for context in contexts]
    np.testing.assert_array_equal(rows[0], rows[3])
    assert len(scorer._rows) <= 2
