"""PyTorch, OpenVINO and ONNX Runtime must read the same from the same file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest
import torch

from src.data.samples import PackedSamples
from src.errors import ModelFileError
from src.models.export import export_recognizer
from src.models.network import RecognizerNetwork
from src.recognition import ModelInfo, NormalizationSettings, Recognizer, normalize
from src.recognition.images import decode_image
from src.recognition.reference import Reference
from tests.test_models.drawn_samples import write_drawn_samples

CHARSET = tuple("abcdeo")
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "dhsd" / "images"


def make_network(head: str) -> RecognizerNetwork:
    torch.manual_seed(3)
    network = RecognizerNetwork(len(CHARSET) + 1, 48, (32, 32, 32, 64), (1, 1, 2), head, head_layers=2, head_units=48)
    network.train()
    for _ in range(3):  # batch norms with the statistics of something, not of nothing
        network(torch.randint(0, 256, (4, 48, 96), dtype=torch.uint8))
    return network.eval()


def make_info() -> ModelInfo:
    return ModelInfo(
        name="test",
        version="1",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        charset=CHARSET,
        normalization=NormalizationSettings(48, 512),
        reference=Reference.of({"ink": np.linspace(0.0, 0.3, 40), "length": np.arange(40.0)}),
    )


@pytest.fixture(params=["conv", "lstm"])
def exported(request, tmp_path) -> tuple[RecognizerNetwork, Path]:
    network = make_network(request.param)
    export_recognizer(network, make_info(), tmp_path / "model.onnx")
    return network, tmp_path / "model.onnx"


def test_three_runtimes_agree_on_drawn_words(exported, tmp_path):
    network, path = exported
    samples = PackedSamples(write_drawn_samples(tmp_path / "drawn", 40).samples)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    recognizer = Recognizer.load(path, precision="f32", threads=1)
    images = [np.asarray(samples[row]) for row in range(len(samples))]
    for image, read in zip(images, recognizer.log_probs(images), strict=True):
        padded = np.pad(image, ((0, 0), (0, -image.shape[1] % 32)))[None]
        with torch.inference_mode():
            expected = network(torch.from_numpy(padded))[0].numpy()
        portable = session.run(None, {"images": padded})[0][0]
        np.testing.assert_allclose(portable, expected, atol=1e-3)
        assert len(read) == -(-image.shape[1] // 4)
        np.testing.assert_allclose(read, expected[: len(read)], atol=1e-3)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is absent")
def test_three_runtimes_agree_on_scanned_names(exported):
    network, path = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    recognizer = Recognizer.load(path, precision="f32", threads=1)
    files = sorted(REAL.glob("writer1/*.jpg"))[:20]
    assert files
    images = [normalize(decode_image(file), make_info().normalization) for file in files]
    for image, read in zip(images, recognizer.log_probs(images), strict=True):
        padded = np.pad(image, ((0, 0), (0, -image.shape[1] % 32)))[None]
        with torch.inference_mode():
            expected = network(torch.from_numpy(padded))[0].numpy()
        np.testing.assert_allclose(session.run(None, {"images": padded})[0][0], expected, atol=1e-3)
        assert len(read) == -(-image.shape[1] // 4)
        np.testing.assert_allclose(read, expected[: len(read)], atol=1e-3)


@pytest.mark.parametrize(("batch", "width"), [(1, 32), (3, 36), (7, 256), (2, 2048)])
def test_any_batch_and_width(exported, batch, width):
    network, path = exported
    images = np.random.default_rng(0).integers(0, 256, (batch, 48, width), dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(session.run(None, {"images": images})[0], expected, atol=1e-3)
    served = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(served(images)[0], expected, atol=1e-3)


def test_the_file_describes_itself(exported):
    info = Recognizer.load(exported[1]).info
    assert info == make_info()


def test_a_file_that_reads_otherwise_is_not_written(tmp_path, monkeypatch):
    network = make_network("conv")
    monkeypatch.setattr("src.models.export._TOLERANCE", -1.0)
    with pytest.raises(ModelFileError, match="off by"):
        export_recognizer(network, make_info(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
