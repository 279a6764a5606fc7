"""The mean of several trainings' weights, which reads hands that none has seen better than each does.

Trainings that start from each other end in one valley of the loss, and its middle is flatter than its sides (Wortsman
et al., "Model soups", 2022, https://arxiv.org/abs/2203.05482).
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from src.data.samples import PackedSamples
from src.errors import ModelFileError
from src.models.calibrate import calibrate, read_part
from src.models.dataset import load_part
from src.models.export import export_recognizer
from src.models.metrics import overall, score_readings
from src.models.network import RecognizerNetwork
from src.models.start import CHARACTER_LAYERS, Origin, Start, network_of, origin_of, read_start, save_start
from src.params import Params
from src.paths import Paths, start_beside
from src.recognition import read_info, version_name
from src.recognition.charset import Charset

logger = logging.getLogger(__name__)

# Shares of the last training that are tried on the validation writers; 0: it brought nothing.
OWN_SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)

# The last norm of a residual block: while it is zero, the block hands on what comes.
_NORM_OF_BLOCK = (".second.1.weight", ".second.1.bias")


def average_weights(
    network: RecognizerNetwork, charset: Charset, others: Sequence[Start], own_share: float | None = None
) -> None:
    """Give a network the mean of its own weights and others'.

    What others lack has no say in the mean of it: characters that they do not know, and the convolutions of residual
    blocks that they have not; such a block counts as one that hands on what comes.

    Args:
        network: The last training's; its weights are changed.
        charset: Its characters.
        others: Of the trainings before it, in any number.
        own_share: Of its own weights in the mean; None: as much as each other's.

    Raises:
        ModelFileError: One is of another network.
    """
    own = {name: value.clone() for name, value in network.state_dict().items()}
    weight = 1.0 / (len(others) + 1) if own_share is None else own_share
    other_weight = (1.0 - weight) / max(1, len(others))
    means = {name: weight * value for name, value in own.items()}
    for other in others:
        network.load_state_dict(own)
        if not other.fill(network, charset):
            raise ModelFileError(f"{other.source}: weights of another network; they cannot be averaged")
        unknown = [
            place
            for place, character in enumerate(charset.characters, start=1)
            if character not in other.charset.characters
        ]
        for name, value in network.state_dict().items():
            if name.split(".")[0] in CHARACTER_LAYERS:
                value[unknown] = own[name][unknown]
            elif name not in other.weights and name.endswith(_NORM_OF_BLOCK):
                value = torch.zeros_like(value)
            means[name] = means[name] + other_weight * value
    network.load_state_dict(
        {name: value if own[name].is_floating_point() else own[name] for name, value in means.items()}
    )


def average_recognizer(
    paths: Paths, params: Params, others: Sequence[Path], own_shares: Sequence[float] = OWN_SHARES
) -> Path:
    """Put the mean of the recognizer that was trained here and of those before it in its place.

    How much the last training counts is chosen on the validation writers. Confidences are fitted anew. Quantize it
    afterwards (`python src/models/quantize.py`).

    Args:
        paths: Where the trained recognizer lies, with start.pt beside it, and its validation samples.
        params: As it was trained with.
        others: start.pt of other trainings, at least one.
        own_shares: Shares of the last training to try; 1 leaves it as it is.

    Returns:
        The recognizer's file.

    Raises:
        ModelFileError: A file cannot be read, is of another network, or has learnt from what is measured on.
        MissingArtefactError: A data stage has not run.
    """
    model, settings = paths.recognizer_model, params.recognizer
    info, start = read_info(model), read_start(start_beside(model))
    starts = [read_start(path) for path in others]
    samples = PackedSamples(paths.samples)
    validation = load_part("validation", paths.encoded, paths.split, samples)
    held_out = origin_of(paths, ("validation", "test"))
    for other in starts:
        known, images = other.has_learnt(held_out)
        if known or images:
            raise ModelFileError(
                f"{other.source}: has learnt from {len(known)} writers and {images} images to measure on"
            )
    checked = validation.choose(settings.validation_samples, settings.seed)
    network = network_of(info, start, start.charset)
    own = {name: value.clone() for name, value in network.state_dict().items()}
    found: dict[float, dict[str, float]] = {}
    for share in own_shares:
        network.load_state_dict(own)
        average_weights(network, start.charset, starts, share)
        texts, readings, _ = read_part(network, checked, samples, start.charset, settings.columns_per_batch)
        found[share] = overall(score_readings(texts, readings))
        logger.info("own share %.2f: validation CER %.4f, WER %.4f", share, found[share]["cer"], found[share]["wer"])
    best = min(found, key=lambda share: found[share]["cer"])
    network.load_state_dict(own)
    average_weights(network, start.charset, starts, best)
    calibration = calibrate(network, validation, samples, start.charset, settings.columns_per_batch)
    created = datetime.now(UTC)
    averaged = info.model_copy(
        update={
            "created": created,
            "version": version_name(created, info.version.partition("-")[2]),
            "calibration": calibration,
            "training": info.training | {"averaged": len(others) + 1, "own_share": best},
            "metrics": {f"validation_{rate}": found[best][rate] for rate in ("cer", "wer")},
        }
    )
    save_start(network.state_dict(), start.charset, Origin([], []), start_beside(model), start.source)
    export_recognizer(network, averaged, model)
    return model
