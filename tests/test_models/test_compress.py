"""A compressed model file must read as the file that it was made from."""

import numpy as np
import onnxruntime
import pytest

from src.errors import ModelFileError
from src.models.compress import compress_weights
from src.recognition import Recognizer
from tests.test_models.test_export import exported, make_info  # noqa: F401 (a fixture)


def test_half_the_size_and_the_same_reading(exported, tmp_path):  # noqa: F811
    _, whole = exported
    half = tmp_path / "half.onnx"
    compress_weights(whole, half)
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    images = [np.random.default_rng(width).integers(0, 256, (48, width), dtype=np.uint8) for width in (32, 260, 700)]
    first, second = (Recognizer.load(path, precision="f32", threads=1) for path in (whole, half))
    assert second.info == make_info()
    for one, other in zip(first.log_probs(images), second.log_probs(images), strict=True):
        np.testing.assert_allclose(one, other, atol=0.02)
    session = onnxruntime.InferenceSession(half, providers=["CPUExecutionProvider"])
    portable = session.run(None, {"images": images[0][None]})[0][0]
    np.testing.assert_allclose(portable, second.log_probs(images[:1])[0], atol=1e-3)


def test_twice_is_an_error(exported, tmp_path):  # noqa: F811
    compress_weights(exported[1], tmp_path / "half.onnx")
    with pytest.raises(ModelFileError, match="compressed already"):
        compress_weights(tmp_path / "half.onnx", tmp_path / "quarter.onnx")
