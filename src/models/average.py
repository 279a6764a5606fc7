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
from src.models.calibrate import calibrate
from src.models.dataset import load_part
from src.models.export import export_recognizer
from src.models.metrics import overall, score_readings
from src.models.network import RecognizerNetwork
from src.models.start import CHARACTER_LAYERS, Origin, Start, network_of, origin_of, read_start, save_start
from src.params import Params
from src.paths import Paths, start_beside
from src.recognition import Recognizer, read_info
from src.recognition.charset import Charset

logger = logging.getLogger(__name__)

# The last norm of a residual block: while it is zero, the block hands on what comes.
_NORM_OF_BLOCK = (".second.1.weight", ".second.1.bias")


def average_weights(network: RecognizerNetwork, charset: Charset, others: Sequence[Start]) -> None:
    """Give a network the mean of its own weights and others'.

    What others lack has no say in the mean of it: characters that they do not know, and the convolutions of residual
    blocks that they have not; such a block counts as one that hands on what comes.

    Args:
        network: The last training's; its weights are changed.
        charset: Its characters.
        others: Of the trainings before it, in any number.

    Raises:
        ModelFileError: One is of another network.
    """
    own = {name: value.clone() for name, value in network.state_dict().items()}
    sums = dict(own)
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
            sums[name] = sums[name] + value
    count = len(others) + 1
    network.load_state_dict(
        {name: value / count if value.is_floating_point() else own[name] for name, value in sums.items()}
    )


def average_recognizer(paths: Paths, params: Params, others: Sequence[Path]) -> Path:
    """Put the mean of the recognizer that was trained here and of those before it in its place.

    Its confidences are fitted anew. Quantize it afterwards (`python src/models/quantize.py`).

    Args:
        paths: Where the trained recognizer lies, with start.pt beside it, and its validation samples.
        params: As it was trained with.
        others: start.pt of other trainings.

    Returns:
        The recognizer's file.

    Raises:
        ModelFileError: A file cannot be read, is of another network, or has learnt from what is measured on.
        MissingArtefactError: A data stage has not run.
    """
    model = paths.recognizer_model
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
    network = network_of(info, start, start.charset)
    average_weights(network, start.charset, starts)
    calibration = calibrate(network, validation, samples, start.charset, params.recognizer.columns_per_batch)
    created = datetime.now(UTC)
    averaged = info.model_copy(
        update={
            "created": created,
            "version": f"{created:%Y%m%d.%H%M%S}-{info.version.partition('-')[2]}",
            "calibration": calibration,
            "training": info.training | {"averaged": len(others) + 1},
        }
    )
    save_start(network.state_dict(), start.charset, Origin([], []), start_beside(model), start.source)
    export_recognizer(network, averaged, model)
    checked = validation.choose(params.recognizer.validation_samples, params.recognizer.seed)
    recognizer = Recognizer.load(model)
    readings = [
        recognizer.interpret(frames).text
        for frames in recognizer.log_probs([samples[int(row)] for row in checked.rows])
    ]
    rates = overall(score_readings(list(checked.texts), readings))
    logger.info("validation CER %.4f, WER %.4f; before: %s", rates["cer"], rates["wer"], info.metrics)
    metrics = {"validation_cer": rates["cer"], "validation_wer": rates["wer"]}
    export_recognizer(network, averaged.model_copy(update={"metrics": metrics}), model)
    return model
