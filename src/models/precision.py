"""In which arithmetic the recognizer is trained, and how its tensors lie: bf16 only where the hardware computes it."""

from typing import Literal

import torch


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies in bf16 by itself.

    A processor without such instructions (x86 before AVX-512 bf16 and AMX) works bf16 out by float32: ten times slower
    than float32 itself.

    Args:
        device: A processor, or a GPU of CUDA; of others nothing is known, and float32 serves.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def mixed_precision(device: torch.device) -> torch.autocast:
    """A context in which a network computes in bf16 where `has_bf16`, else in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))


def trainer_precision() -> Literal["bf16-mixed", "32-true"]:
    """The same as Lightning calls it, of the device that its trainer takes."""
    return "bf16-mixed" if has_bf16(training_device()) else "32-true"


def training_device() -> torch.device:
    """What Lightning's trainer takes by itself."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def convolution_format(device: torch.device) -> torch.memory_format:
    """How the weights and features of convolutions lie in memory: channels last for bf16.

    A processor without bf16 goes back through convolutions a third faster where channels come first.
    """
    return torch.channels_last if has_bf16(device) else torch.contiguous_format
