"""Convolutions in 8 bits: the same reading, in less time, and only where nothing is lost."""

import logging

import numpy as np
import onnx
import onnxruntime
import pytest

from src.errors import MissingArtefactError
from src.models.compress import compress_weights
from src.models.export import export_recognizer
from src.models.quantize import quantize_convolutions, quantize_if_as_good
from src.params import RecognizerParams
from src.paths import Paths
from src.recognition import Recognizer, read_info
from tests.test_models.drawn_samples import write_drawn_samples
from tests.test_models.test_export import exported, make_info, make_network  # noqa: F401 (a fixture)

IMAGES = [np.random.default_rng(width).integers(0, 256, (48, width), dtype=np.uint8) for width in (32, 260, 700)]


def test_the_file_reads_nearly_the_same_in_both_runtimes(exported, tmp_path):  # noqa: F811
    _, whole = exported
    small = tmp_path / "fast.onnx"
    quantize_convolutions(whole, small, IMAGES)
    kinds = [node.op_type for node in onnx.load(small).graph.node]
    assert kinds.count("QuantizeLinear") >= kinds.count("Conv") - 2 > 0
    if "LSTM" in kinds:  # whose weights are still in float32
        compress_weights(small, small)
        assert small.stat().st_size < 0.6 * whole.stat().st_size
    readers = [Recognizer.load(path, precision="f32", threads=1) for path in (whole, small)]
    assert readers[1].info == make_info()
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    for image in IMAGES:
        one, other = (reader.log_probs([image])[0] for reader in readers)
        assert np.abs(np.exp(one) - np.exp(other)).max() < 0.1
        padded = np.zeros((1, 48, -(-image.shape[1] // 32) * 32), np.uint8)
        padded[0, :, : image.shape[1]] = image
        portable = session.run(None, {"images": padded})[0][0, : len(other)]
        assert np.abs(np.exp(portable) - np.exp(other)).max() < 0.1


@pytest.fixture
def project(tmp_path) -> Paths:
    paths = write_drawn_samples(tmp_path, 60)
    paths.recognizer.mkdir(parents=True)
    export_recognizer(make_network("lstm"), make_info(), paths.recognizer_model)
    return paths


def test_a_file_that_reads_as_well_is_replaced_and_keeps_its_description(project):
    before = project.recognizer_model.read_bytes()
    assert quantize_if_as_good(project, RecognizerParams()) == (project.recognizer_model.read_bytes() != before)
    assert read_info(project.recognizer_model) == make_info()
    assert [file.name for file in project.recognizer.iterdir()] == ["recognizer.onnx"]


def test_a_file_that_reads_worse_is_left_alone(project, monkeypatch, caplog):
    monkeypatch.setattr("src.models.quantize._TOLERANCE", -2.0)
    before = project.recognizer_model.read_bytes()
    with caplog.at_level(logging.INFO):
        assert not quantize_if_as_good(project, RecognizerParams())
    assert "not kept" in caplog.text
    assert project.recognizer_model.read_bytes() == before


def test_it_can_be_left_out_and_names_what_is_missing(project):
    before = project.recognizer_model.read_bytes()
    assert not quantize_if_as_good(project, RecognizerParams(quantize=False))
    assert project.recognizer_model.read_bytes() == before
    project.recognizer_model.unlink()
    with pytest.raises(MissingArtefactError, match="train_recognizer"):
        quantize_if_as_good(project, RecognizerParams())
