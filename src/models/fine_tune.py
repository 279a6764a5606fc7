"""A few labelled images into a recognizer that reads already, without losing what it knows.

Two things keep it. On drawn texts it is held to what it said of them before (pseudorehearsal: Robins, "Catastrophic
Forgetting, Rehearsal and Pseudorehearsal", 1995), which needs none of the data that it once learnt from. And it goes
back a part of the way: weights between the old and the new ones read the hand nearly as well as the new ones, and
everyone else's nearly as well as the old (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022,
https://arxiv.org/abs/2109.01903). The norms of the encoder keep their statistics, which a few pages cannot replace.
"""

import copy
import math
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from src.data.lessons import Lessons
from src.models.batches import BucketSampler, Joining
from src.models.dataset import Batch, RecognizerDataset, collate, space_of
from src.models.lesson_parts import part_of
from src.models.network import RecognizerNetwork
from src.models.precision import mixed_precision
from src.models.recognizer_system import mean_ctc_loss
from src.params import TeachParams
from src.recognition import Charset

_MANY = 10**6  # epochs: the steps end the training


def fine_tune(
    network: RecognizerNetwork, lessons: Lessons, rehearsed: Lessons, charset: Charset, params: TeachParams
) -> float:
    """Train on a few samples, then go back a part of the way.

    Args:
        network: As it reads now; changed in place.
        lessons: What it is to learn.
        rehearsed: Images of which it must say what it says now.
        charset: Of the network.
        params: How much, how long and how far.

    Returns:
        Seconds.

    Raises:
        GroundTruthError: No image is wide enough for its text.
    """
    torch.manual_seed(params.seed)
    before = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=params.learning_rate, weight_decay=0.0, fused=True)
    new, known = (_batches(samples, charset, params) for samples in (lessons, rehearsed))
    columns = sum(image.shape[1] for image in lessons.images)
    steps = max(params.steps, math.ceil(params.epochs * columns / params.columns))
    began = time.monotonic()
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    with tqdm(total=steps, desc="teaching", unit="step", mininterval=0.5) as progress:
        for step in range(steps):
            done = max(step / steps, (time.monotonic() - began) / (60 * params.max_minutes))
            if done >= 1.0:
                break
            for group in optimizer.param_groups:
                group["lr"] = params.learning_rate * min(1.0, done / 0.1 + 0.05) * 0.5 * (1 + math.cos(math.pi * done))
            optimizer.zero_grad()
            loss = _loss(network, next(new))
            loss.backward()  # type: ignore[no-untyped-call]
            (params.rehearsal * _distance(network, before, next(known))).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            progress.set_postfix(loss=f"{float(loss.detach()):.3f}", refresh=False)
            progress.update()
    network.eval()
    after = network.state_dict()
    network.load_state_dict({name: torch.lerp(old, after[name], params.share) if old.is_floating_point() else old
                             for name, old in before.state_dict().items()})  # fmt: skip
    return time.monotonic() - began


def _loss(network: RecognizerNetwork, batch: Batch) -> Tensor:
    with mixed_precision(batch.images.device):
        log_probs = network(batch.images)
    return mean_ctc_loss(batch, log_probs)


def _distance(network: RecognizerNetwork, before: RecognizerNetwork, batch: Batch) -> Tensor:
    """Mean Kullback-Leibler divergence a frame of what is said now from what was said before."""
    with mixed_precision(batch.images.device):
        with torch.no_grad():
            expected = before(batch.images)
        said = network(batch.images)
    return functional.kl_div(said, expected, log_target=True, reduction="none").sum(dim=-1).mean()


def _batches(lessons: Lessons, charset: Charset, params: TeachParams) -> Iterator[Batch]:
    """Distorted samples without end; words also as lines put together."""
    part = part_of(lessons, charset)
    words = np.array([level == "word" for level in part.levels])
    joining = None
    space = space_of(charset)
    if space is not None:
        joining = Joining(np.where(words, pd.factorize(np.array(part.writers))[0], -1), params.join_share, 768)
    dataset = RecognizerDataset(part, lessons.images, distort=True, seed=params.seed, space=space)
    sampler = BucketSampler(part.widths, params.columns, _MANY, params.seed, joining=joining)
    for draws in sampler:
        yield collate([dataset[draw] for draw in draws])
