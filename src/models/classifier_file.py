"""The word classifier's file: one ONNX with its labels inside, written from torch, read by OpenVINO."""

import hashlib
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from src.errors import MissingArtefactError, ModelFileError
from src.files import write_whole
from src.models.word_classifier import WordClassifier, to_input

METADATA_KEY = "longhand"
MODEL_NAME = "word_classifier.onnx"
STATUS_NAME = "status.json"


class ClassifierInfo(BaseModel):
    """What a word classifier's file says of itself.

    Attributes:
        name: "word_classifier".
        version: Digest of the weights: equal networks have equal versions.
        created: ISO 8601, UTC.
        labels: The words, in the order of the classes.
        height: Pixels of the images it takes.
        width: Pixels of the images it takes.
        training: Samples, epochs, seed.
        metrics: Best validation loss and accuracy.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    version: str
    created: str
    labels: tuple[str, ...]
    height: int
    width: int
    training: dict[str, Any] = {}
    metrics: dict[str, float] = {}


class _Served(nn.Module):
    """Stored pixels in, probabilities out: nothing is left for the reader to do (or to do differently)."""

    def __init__(self, network: WordClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.network(to_input(images)).float(), dim=1)


def export_classifier(
    network: WordClassifier,
    labels: tuple[str, ...],
    path: Path,
    training: dict[str, Any] | None = None,
    metrics: dict[str, float] | None = None,
) -> ClassifierInfo:
    """Write the network as ONNX: "images" uint8 [batch, height, width, 1] -> "probabilities" float32 [batch, classes].

    Args:
        network: The trained network.
        labels: The words, in the order of the classes.
        path: The file to write, whole or not at all.
        training: What it was trained on.
        metrics: What it scored.

    Returns:
        The description inside the file.
    """
    height, width = network.size
    digest = hashlib.sha256()
    for name, weights in network.state_dict().items():
        digest.update(name.encode())
        digest.update(weights.detach().float().cpu().contiguous().numpy().tobytes())
    info = ClassifierInfo(
        name="word_classifier",
        version=digest.hexdigest()[:12],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=labels,
        height=height,
        width=width,
        training=training or {},
        metrics=metrics or {},
    )
    served = _Served(network).eval()
    example = torch.zeros(2, height, width, 1, dtype=torch.uint8)
    with write_whole(path) as temporary:
        with warnings.catch_warnings():
            # The older exporter is chosen on purpose (dynamic batch without surprises); it announces its age each time.
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                served,
                (example,),
                str(temporary),
                input_names=["images"],
                output_names=["probabilities"],
                dynamic_axes={"images": {0: "batch"}, "probabilities": {0: "batch"}},
                opset_version=17,
                dynamo=False,
            )
        model = onnx.load(str(temporary))
        model.metadata_props.add(key=METADATA_KEY, value=info.model_dump_json())
        onnx.checker.check_model(model)
        onnx.save(model, str(temporary))
    return info


class ClassifierFile:
    """A word classifier that is read, not trained.

    Args:
        path: The ONNX file.

    Raises:
        MissingArtefactError: The file is missing.
        ModelFileError: It is no ONNX, or does not describe itself.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise MissingArtefactError(f"{path}: not found; run python src/models/build_train_cnn.py")
        core = openvino.Core()
        try:
            network = core.read_model(path)
            self.info = ClassifierInfo.model_validate_json(network.get_rt_info(["framework", METADATA_KEY]).astype(str))
        except (RuntimeError, ValueError) as error:
            remedy = "run python src/models/build_train_cnn.py again"
            raise ModelFileError(f"{path}: not a word classifier's file; {remedy}: {error}") from error
        # Accuracy is compared here, speed is not: full precision, so that every processor gives the same figures.
        self._network = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def probabilities(self, images: NDArray[np.uint8], batch_size: int = 256) -> NDArray[np.float32]:
        """The probability of each word for each image.

        Args:
            images: uint8 [N, height, width, 1], 0 = paper.
            batch_size: Images at a time.

        Returns:
            float32 [N, classes].
        """
        found = [np.zeros((0, len(self.info.labels)), np.float32)]
        for start in range(0, len(images), batch_size):
            batch = np.ascontiguousarray(images[start : start + batch_size])
            found.append(np.array(self._network(batch)[0], dtype=np.float32))
        return np.concatenate(found)


def write_status(folder: Path, skipped: str | None = None) -> None:
    """Say in the classifier's folder whether it was trained: a data set of lines has none, and that is no error.

    Args:
        folder: The classifier's folder.
        skipped: Why there is none; None where there is one.
    """
    with write_whole(folder / STATUS_NAME) as temporary:
        temporary.write_text(json.dumps({"trained": skipped is None, "skipped": skipped}, indent=1), encoding="utf-8")


def skipped_reason(folder: Path) -> str | None:
    """Why there is no word classifier.

    Args:
        folder: The classifier's folder.

    Returns:
        The reason that build_train_cnn left; None where it trained one, or has not run.
    """
    status = folder / STATUS_NAME
    if not status.exists():
        return None
    reason: str | None = json.loads(status.read_text(encoding="utf-8")).get("skipped")
    return reason
