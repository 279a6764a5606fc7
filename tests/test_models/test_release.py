"""A release is the trained model, smaller, and only if it reads as well."""

import json

import pytest
import torch

from src.data.build_language_model import build_language_model
from src.errors import MissingArtefactError, ModelFileError
from src.models.release import release
from src.models.start import origin_of, save_start
from src.paths import Paths, start_beside
from src.recognition import Charset, read_info
from tests.test_models.drawn_samples import write_drawn_samples
from tests.test_models.test_export import exported  # noqa: F401 (a fixture)


@pytest.fixture
def paths(exported, tmp_path) -> Paths:  # noqa: F811
    paths = write_drawn_samples(tmp_path / "project", 60)
    paths.recognizer.mkdir(parents=True)
    paths.recognizer_model.write_bytes(exported[1].read_bytes())
    charset = Charset(read_info(paths.recognizer_model).charset)
    save_start(exported[0].state_dict(), charset, origin_of(paths, ("train",)), start_beside(paths.recognizer_model))
    build_language_model(paths.language_model, paths.encoded, paths.split)
    paths.reports.mkdir()
    (paths.reports / "metrics.json").write_text(json.dumps({"recognizer_cer": 0.5}))
    return paths


def test_the_released_file_is_smaller_and_is_served_until_a_model_is_trained(paths):
    found = release(paths)
    assert abs(found["released"] - found["trained"]) <= 0.001
    assert paths.released_model.stat().st_size < 0.6 * paths.recognizer_model.stat().st_size
    assert read_info(paths.released_model) == read_info(paths.recognizer_model)
    assert json.loads(paths.released_model.with_name("metrics.json").read_text()) == {"recognizer_cer": 0.5}
    start = torch.load(paths.start_weights, weights_only=True)
    assert start["writers"] == [f"drawn/{writer}" for writer in range(8)], "those of the training part"
    assert paths.released_model.with_name("language_model.npz").read_bytes() == paths.language_model.read_bytes()
    assert paths.served_model == paths.recognizer_model
    paths.recognizer_model.unlink()
    assert paths.served_model == paths.released_model


def test_a_file_that_reads_worse_is_not_released(paths, monkeypatch):
    monkeypatch.setattr("src.models.release._TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match="not released"):
        release(paths)
    assert not paths.released_model.exists()


def test_what_is_missing_is_named(paths):
    (paths.reports / "metrics.json").unlink()
    with pytest.raises(MissingArtefactError, match="evaluate_model"):
        release(paths)
