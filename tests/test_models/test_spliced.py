"""New texts in the training writers' hands: who writes them, whether they can be read, that they are learnt from."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.data.samples import SPLICED, SPLICED_TABLE, PackedSamples
from src.data.splice_letters import splice_letters, spliced_texts
from src.errors import GroundTruthError, MissingArtefactError
from src.models.dataset import load_part, training_batches
from src.models.spliced import with_spliced
from src.params import Params, RecognizerParams, SpliceParams
from src.paths import Paths
from src.recognition import Recognizer
from src.recognition.charset import Charset
from tests.test_models.drawn_samples import write_drawn_samples

RELEASED = Path(__file__).parents[2] / "models" / "released"
PARAMS = Params(splice=SpliceParams(texts=300))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    root = tmp_path_factory.mktemp("spliced")
    paths = write_drawn_samples(root, count=480)
    shutil.copytree(RELEASED, root / "models" / "released")
    # The font's letters are the very same in every word: their writers' pages lack most letters of any language.
    splice_letters(paths, PARAMS)
    return paths


def test_texts_are_in_the_training_writers_hands_alone(paths: Paths):
    table = pd.read_parquet(paths.spliced / SPLICED_TABLE)
    training = {f"drawn/{number}" for number in range(8)}
    assert len(table) > 8
    assert set(table["writer"]) <= training
    assert table["sample_id"].is_unique
    charset = Charset.from_json(paths.charset.read_text())
    for text, codes in zip(table["text"], table["codes"], strict=True):
        assert charset.decode(list(codes)) == text
    other = {one.writer for one in spliced_texts(paths, PARAMS, "test", Recognizer.load(paths.released_model))}
    assert other == {"drawn/9"}


def test_they_can_be_read(paths: Paths):
    table, images = pd.read_parquet(paths.spliced / SPLICED_TABLE), PackedSamples(paths.spliced)
    assert len(images) == len(table)
    recognizer = Recognizer.load(paths.released_model)
    frames = recognizer.log_probs([images[row] for row in range(len(images))])
    right = [recognizer.interpret(own).text == text for own, text in zip(frames, table["text"], strict=True)]
    assert np.mean(right) > 0.6


def test_the_same_settings_give_the_same_images(paths: Paths):
    before = (paths.spliced / "images.bin").read_bytes()
    splice_letters(paths, PARAMS)
    assert (paths.spliced / "images.bin").read_bytes() == before


def test_they_are_learnt_from_beside_the_training_part(paths: Paths):
    samples = PackedSamples(paths.samples)
    train = load_part("train", paths.encoded, paths.split, samples)
    learnt, images = with_spliced(train, samples, paths.spliced)
    spliced = PackedSamples(paths.spliced)
    assert len(learnt) == len(train) + len(spliced)
    assert len(images) == len(samples) + len(spliced)
    np.testing.assert_array_equal(images[int(learnt.rows[-1])], spliced[len(spliced) - 1])
    np.testing.assert_array_equal(images[int(learnt.rows[0])], samples[int(train.rows[0])])
    params = Params(recognizer=RecognizerParams(epochs=40, spliced_share=0.25, join_share=0.0))
    batches = training_batches(learnt, params, Charset(("a",)))
    shown = np.array([draw.index for batch in batches for draw in batch if draw.epoch < 20])
    of_spliced = np.array([source == SPLICED for source in learnt.sources])
    assert 0.2 < of_spliced[shown].sum() / 20 / len(spliced) < 0.3


def test_none_are_made_where_none_are_wanted(paths: Paths, tmp_path: Path):
    own = write_drawn_samples(tmp_path)
    assert splice_letters(own, Params()) == 0  # no recognizer is needed then
    samples = PackedSamples(own.samples)
    train = load_part("train", own.encoded, own.split, samples)
    assert with_spliced(train, samples, own.spliced) == (train, samples)
    assert with_spliced(train, samples, tmp_path / "missing") == (train, samples)


def test_writers_with_too_little_are_named(tmp_path: Path):
    few = write_drawn_samples(tmp_path, count=40)  # four words each
    shutil.copytree(RELEASED, tmp_path / "models" / "released")
    with pytest.raises(GroundTruthError, match="no training writer has 20 words"):
        splice_letters(few, PARAMS)
    assert not few.spliced.exists()


def test_a_stage_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(MissingArtefactError, match="prepare_features"):
        splice_letters(Paths(tmp_path), PARAMS)
