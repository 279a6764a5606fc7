"""Throughput of the recognizer's training on the project's samples, and which part of a step takes which share.

    python benchmarks/bench_training.py [--root DIR] [--steps N] [--threads N] [--columns N]

Batches are those of a training: the same sampler, distortion and padding, taken one after the other so that each part's
time is seen alone (in a training, a process of its own prepares them beside the network).
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from torch import nn

from src.data.samples import PackedSamples
from src.models.dataset import RecognizerDataset, collate, load_part, space_of, training_batches
from src.models.precision import has_bf16
from src.models.recognizer_system import RecognizerSystem
from src.params import load_params
from src.paths import Paths
from src.recognition.charset import Charset

WARM_UP = 5
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def operations(network: nn.Module, height: int, width: int) -> float:
    """Floating-point operations of one image, forward: two for each weight that meets a value."""
    found: list[float] = []

    def count(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(module, nn.Conv2d):
            found.append(2.0 * output.numel() * module.weight[0].numel())
        elif isinstance(module, nn.Linear):
            found.append(2.0 * output.numel() * module.in_features)
        elif isinstance(module, nn.LSTM):
            weights = sum(weight.numel() for name, weight in module.named_parameters() if "weight" in name)
            found.append(2.0 * output[0].shape[1] * weights)

    handles = [module.register_forward_hook(count) for module in network.modules()]
    with torch.inference_mode():
        network(torch.zeros(1, height, width, dtype=torch.uint8))
    for handle in handles:
        handle.remove()
    return sum(found)


def ceiling(precision: str, size: int = 4096, repeats: int = 5) -> float:
    """What this machine reaches in a large matrix product, operations a second."""
    left, right = (torch.randn(size, size, dtype=DTYPES[precision]) for _ in range(2))
    left @ right
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - began)
    return 2.0 * size**3 / min(seconds)


def main(
    root: Annotated[Path, typer.Option(help="folder with params.yaml and data/processed")] = Path(),
    steps: int = 30,
    threads: int | None = None,
    columns: Annotated[int | None, typer.Option(help="columns_per_batch in place of params.yaml's")] = None,
    precision: Annotated[str | None, typer.Option(help="bf16 or fp32; else what a training takes here")] = None,
    batches: Annotated[Path | None, typer.Option(help="npz file to write the batches to, for bench_keras.py")] = None,
) -> None:
    """Time `steps` steps after a warm-up and print a Markdown table."""
    precision = precision or ("bf16" if has_bf16(torch.device("cpu")) else "fp32")
    paths = Paths(root.resolve())
    params = load_params(paths.params)
    settings = params.recognizer
    if columns:
        settings = settings.model_copy(update={"columns_per_batch": columns})
        params = params.model_copy(update={"recognizer": settings})
    if threads:
        torch.set_num_threads(threads)
    cv2.setNumThreads(0)
    samples = PackedSamples(paths.samples)
    part = load_part("train", paths.encoded, paths.split, samples)
    charset = Charset.from_json(paths.charset.read_text(encoding="utf-8"))
    dataset = RecognizerDataset(
        part, samples, settings.augment, settings.seed, params.features.max_width, space_of(charset)
    )
    system = RecognizerSystem(settings, charset, samples.height, steps_per_epoch=1)
    network = system.network
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    seconds: dict[str, float] = defaultdict(float)
    images = pixels = 0
    kept: dict[str, Any] = {"count": WARM_UP + steps, "classes": charset.size}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] += time.perf_counter() - began

    sampler = training_batches(part, params, charset)
    for step, items in enumerate(islice(sampler, WARM_UP + steps)):
        if step == WARM_UP:
            seconds.clear()
            images = pixels = 0
        with timed("batches (reading, distortion, padding)"):
            batch = collate([dataset[item] for item in items])
        if batches is not None:
            kept |= {f"{name}{step}": getattr(batch, name).numpy() for name in ("images", "widths", "codes", "lengths")}
        with timed("network, forward"), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            log_probs, shortcut = network.with_shortcut(batch.images)
        with timed("CTC, forward"):
            loss = system.loss(batch, log_probs) + settings.shortcut_weight * system.loss(batch, shortcut)
        with timed("backward (network and CTC)"):
            optimizer.zero_grad()
            loss.backward()
        with timed("clipping and AdamW"):
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_clip)
            optimizer.step()
        images += len(items)
        pixels += batch.images.shape[0] * batch.images.shape[2]

    if batches is not None:
        np.savez(batches, **kept)
    total = sum(seconds.values())
    learning = total - seconds["batches (reading, distortion, padding)"]
    weights = sum(weight.numel() for weight in network.parameters())
    print(f"{weights / 1e6:.1f} M weights, {precision}, {torch.get_num_threads()} threads, {steps} steps")
    print(f"{images / learning:.0f} images/s, or {pixels / 192 / learning:.0f} images of 192 columns/s")
    word, peak = operations(network, samples.height, 192), ceiling(precision)
    share = 3 * word * pixels / 192 / learning / peak
    print(
        f"{word / 1e9:.2f} GFLOP forward for 192 columns; a matrix product of 4,096 runs at {peak / 1e9:.0f} GFLOP/s;"
    )
    print(f"training (three times forward) at {share:.0%} of it\n")
    print("| part | share |\n|---|---:|")
    for name, value in seconds.items():
        print(f"| {name} | {100 * value / total:.1f} % |")


if __name__ == "__main__":
    typer.run(main)
