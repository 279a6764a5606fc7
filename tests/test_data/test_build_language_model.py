"""n-gram counts against counting by hand, the sources, and whose texts are never learnt."""

import math
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd
import pytest
from wordfreq import word_frequency

from src.data.build_language_model import build_language_model, estimate, training_texts
from src.data.frequent_words import frequent_words
from src.errors import GroundTruthError, MissingArtefactError
from src.recognition.language_model import LanguageModel
from src.recognition.lexicon import UNKNOWN_WORD


def by_hand(weights: dict[str, float], order: int, context: str, character: str, size: int) -> float:
    """Witten and Bell's interpolation as it stands in the books, over dictionaries."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for text, weight in weights.items():
        line = f" {text} "
        for end in range(1, len(line)):
            for length in range(order):
                if length <= end:
                    counts[line[end - length : end]][line[end]] += weight
    probability = 1.0 / (size + 1)
    for length in range(order):
        seen = counts.get(context[len(context) - length :] if length else "")
        if length > len(context) or not seen:
            break
        total, kinds = sum(seen.values()), len(seen)
        probability = (seen[character] + kinds * probability) / (total + kinds)
    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_probabilities_are_those_of_witten_and_bell(order: int):
    weights = {"abra": 2.0, "cadabra": 1.5, "a ba": 0.25}
    model = estimate(weights, order, least_count=0.0)
    for context in ("", " ", "a", " ab", "cadab", "x", "ca", "a b"):
        row = model.probabilities(model.encode(context))
        for character in "abcdr ":
            expected = by_hand(weights, order, context, character, len(model.characters))
            assert row[model.encode(character)[0]] == pytest.approx(expected, rel=2e-3)


def test_rare_n_grams_are_left_out_and_no_character_is():
    weights = {"abab": 10.0, "ac": 1.0}
    full, pruned = (estimate(weights, 3, least) for least in (0.0, 2.0))
    assert len(pruned.codes) < len(full.codes)
    assert pruned.characters == full.characters
    assert pruned.log_prob("ac") < full.log_prob("ac")
    assert pruned.log_prob("abab") == pytest.approx(full.log_prob("abab"), abs=0.2)


def test_long_texts_are_counted_in_portions(monkeypatch: pytest.MonkeyPatch):
    weights = {f"{first}{second} {second}{first}": 1.0 for first in "abcde" for second in "fghij"}
    whole = estimate(weights, 5)
    monkeypatch.setattr("src.data.build_language_model._CHARACTERS_AT_ONCE", 20)
    portions = estimate(weights, 5)
    assert (portions.codes == whole.codes).all()
    assert (portions.steps == whole.steps).all()


def test_more_characters_than_codes():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    model = estimate({text: 1.0, "aaa": 1.0}, 2, 0.0)
    assert len(model.characters) == 254
    assert {" ", "a"} <= set(model.characters)
    assert model.probabilities(model.encode("a")).sum() == pytest.approx(1.0)


def test_nothing_to_learn_from_and_orders_out_of_range(tmp_path: Path):
    with pytest.raises(GroundTruthError, match="none"):
        estimate({"  ": 1.0})
    with pytest.raises(GroundTruthError, match="none"):
        build_language_model(tmp_path / "model.npz")
    with pytest.raises(GroundTruthError, match="klingon"):
        frequent_words("klingon", 10, 100.0)
    for order in (0, 9):
        with pytest.raises(ValueError, match=r"1\.\.8"):
            estimate({"a": 1.0}, order)


def test_frequent_words_come_by_their_frequency_and_capitalised():
    words = frequent_words("fr", 200, 1000.0)
    assert words["de"] > words["chez"] > 0.0
    assert words["De"] == pytest.approx(words["de"] / 9)
    assert sum(words.values()) == pytest.approx(1000.0)
    assert frequent_words("de", 200, 1000.0)["Der"] == pytest.approx(frequent_words("de", 200, 1000.0)["der"])


def test_rare_words_count_for_more_than_their_frequency():
    words = frequent_words("en", 20_000, 1000.0)
    asked = word_frequency("the", "en") / word_frequency("kettle", "en")
    assert 1.0 < words["the"] / words["kettle"] < asked / 10


def test_elided_words_stand_before_a_vowel():
    words = frequent_words("fr", 5000, 1000.0)
    assert "l" not in words and "qu" not in words
    assert words["l'homme"] > words["l'hiver"] > 0.0
    assert words["Qu'il"] > 0.0
    assert "l'table" not in words and "l'l" not in words
    italian = frequent_words("it", 5000, 1000.0)
    assert "l'acqua" in italian and "l" not in italian
    assert "un" in italian, "it stands alone, too"
    assert not any(word.startswith("l'") for word in frequent_words("de", 5000, 1000.0))


def made_project(root: Path) -> tuple[Path, Path]:
    """Three writers: what only one of them wrote shows whose texts were read."""
    rows = {"train": "aaa", "validation": "bbb", "test": "ccc"}
    encoded, split = root / "encoded.parquet", root / "split"
    split.mkdir()
    pd.DataFrame(
        {"sample_id": [f"made/{part}" for part in rows], "text": list(rows.values()), "source": "made"}
    ).to_parquet(encoded)
    for part in rows:
        (split / f"{part}.txt").write_text(f"made/{part}\n", encoding="utf-8")
    return encoded, split


def test_only_training_writers_are_learnt(tmp_path: Path):
    encoded, split = made_project(tmp_path)
    assert training_texts(encoded, split) == ["aaa"]
    model = build_language_model(tmp_path / "model.npz", encoded, split)
    assert model.characters == (" ", "a")
    assert model.lexicon is None, "of so few words nearly every right one would be unknown"
    with pytest.raises(ValueError, match="belong together"):
        build_language_model(tmp_path / "model.npz", encoded)


def test_a_missing_artefact_names_its_stage(tmp_path: Path):
    encoded, split = made_project(tmp_path)
    with pytest.raises(MissingArtefactError, match="encode_data"):
        build_language_model(tmp_path / "model.npz", tmp_path / "none.parquet", split)
    with pytest.raises(MissingArtefactError, match="split_data"):
        build_language_model(tmp_path / "model.npz", encoded, tmp_path / "none")
    with pytest.raises(MissingArtefactError):
        build_language_model(tmp_path / "model.npz", text_file=tmp_path / "none.txt")


def test_all_sources_together(tmp_path: Path):
    encoded, split = made_project(tmp_path)
    (tmp_path / "text.txt").write_text("zzz zz\nzzz\n", encoding="utf-8")
    target = tmp_path / "model.npz"
    build_language_model(target, encoded, split, tmp_path / "text.txt", ("fr", "de"), 2000, 5000.0)
    model = LanguageModel.load(target)
    assert model.lexicon is not None
    assert model.lexicon.log_prob("zzz") == pytest.approx(math.log(2 / 10_004), rel=1e-2)
    assert model.lexicon.log_prob("zzw") < model.lexicon.log_prob("pouvoir") < model.lexicon.log_prob("maison") < -5
    assert model.lexicon.log_prob("bbb") == model.lexicon.log_prob("ccc") == UNKNOWN_WORD, "other parts' texts"
    assert {"a", "z", "é"} <= set(model.characters)
    assert model.log_prob("zzz") > model.log_prob("zzw")
    assert model.log_prob("maison") > model.log_prob("moisan")
    assert model.description["languages"] == ["fr", "de"]
    assert model.description["training_texts"] is True
    assert [path.name for path in tmp_path.glob(".*")] == []
