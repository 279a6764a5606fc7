"""The recognizer is trained in bf16 where that is faster, and nowhere else."""

import time
from contextlib import nullcontext

import pytest
import torch

from src.models.network import RecognizerNetwork
from src.models.precision import convolution_format, has_bf16, mixed_precision, trainer_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx2": True, "avx512_f": False, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"amx_bf16": True}, True),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_bf16_is_for_processors_that_have_it(monkeypatch, able, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert has_bf16(CPU) is expected
    with mixed_precision(CPU):
        assert torch.is_autocast_enabled("cpu") is expected
    assert convolution_format(CPU) is (torch.channels_last if expected else torch.contiguous_format)
    if not torch.cuda.is_available():
        assert trainer_precision() == ("bf16-mixed" if expected else "32-true")


@pytest.mark.parametrize("wanted", [torch.channels_last, torch.contiguous_format])
def test_features_lie_as_the_weights_do(wanted):
    network = RecognizerNetwork(40, 48, (16, 32, 64, 64), head_layers=1, head_units=32).to(memory_format=wanted)
    layouts = []
    network.encoder.stages.register_forward_hook(lambda module, given, features: layouts.append(features))
    network(torch.randint(0, 255, (8, 48, 192), dtype=torch.uint8))
    assert layouts[0].is_contiguous(memory_format=wanted)


def test_nothing_is_assumed_of_other_devices():
    assert not has_bf16(torch.device("mps"))


def test_a_step_costs_no_more_than_in_float32():
    """On a processor without bf16 a step in it took ten times as long."""
    network = RecognizerNetwork(40, 48, (16, 32, 64, 64), head_layers=1, head_units=32)
    images = torch.randint(0, 255, (8, 48, 192), dtype=torch.uint8)

    def seconds(chosen: bool) -> float:
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            with mixed_precision(CPU) if chosen else nullcontext():
                network(images).sum().backward()
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(True) < 2.5 * seconds(False)
