"""The recognizer's file: one ONNX that says itself what it reads, how to prepare images and what it is worth."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import openvino
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from src.errors import CharsetError, ModelFileError
from src.recognition.calibration import Calibration
from src.recognition.charset import Charset
from src.recognition.normalize import REVISION, NormalizationSettings
from src.recognition.reference import Reference

METADATA_KEY = "longhand"
_METADATA_PATH = ["framework", METADATA_KEY]  # where OpenVINO puts ONNX's metadata_props


def version_name(created: datetime, of: str) -> str:
    """Name a version: when it was made, to the microsecond (a mean of weights takes less than a second), and of what.

    Args:
        created: When.
        of: What tells apart what was made at one time, such as the data's fingerprint.
    """
    return f"{created:%Y%m%d.%H%M%S.%f}-{of}"


class ModelInfo(BaseModel):
    """What a recognizer's file says of itself, as JSON under the ONNX metadata key "longhand".

    Attributes:
        name: Name of the model.
        version: Tells two models of one name apart.
        created: When the file was written.
        charset: Characters in the order of the classes; class 0 is the blank.
        normalization: How images are prepared.
        stride: Pixels of width that one frame of output stands for.
        training: What it was trained on and how.
        metrics: What it was measured at.
        calibration: What its confidences are worth; None: they are the network's own.
        reference: What its training images looked like; None: not known, as in older files.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    version: str
    created: datetime
    charset: tuple[str, ...]
    normalization: NormalizationSettings
    stride: Annotated[int, Field(ge=1)] = 4
    training: dict[str, JsonValue] = {}
    metrics: dict[str, float] = {}
    calibration: Calibration | None = None
    reference: Reference | None = None

    @field_validator("normalization", mode="before")
    @classmethod
    def _with_revision(cls, normalization: Any) -> Any:
        """Files of the first revision do not name it."""
        return {"revision": 1} | normalization if isinstance(normalization, dict) else normalization

    @field_validator("charset")
    @classmethod
    def _valid_charset(cls, characters: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return Charset(characters).characters
        except CharsetError as error:
            raise ValueError(str(error)) from error

    def to_metadata(self) -> dict[str, str]:
        """The entries for ONNX's metadata_props."""
        return {METADATA_KEY: self.model_dump_json()}


def read_network(path: Path) -> openvino.Model:
    """Read an ONNX file.

    Raises:
        ModelFileError: The file is missing or is no readable ONNX.
    """
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model file; train one with `dvc repro` or set LONGHAND_MODEL")
    try:
        return openvino.Core().read_model(path)
    except RuntimeError as error:
        raise ModelFileError(f"{path}: not a readable ONNX file (incomplete copy?); write it again") from error


def info_of(network: openvino.Model, path: Path) -> ModelInfo:
    """The description inside a network that was read from `path`.

    Raises:
        ModelFileError: There is none, it is malformed, or the network does not fit it.
    """
    if not network.has_rt_info(_METADATA_PATH):
        raise ModelFileError(f'{path}: no "{METADATA_KEY}" metadata; export the model with src/models/export.py')
    try:
        info = ModelInfo.model_validate_json(network.get_rt_info(_METADATA_PATH).astype(str))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ModelFileError(f'{path}: its "{METADATA_KEY}" metadata is not a recognizer\'s: {faults}') from error
    if info.normalization.revision != REVISION:
        raise ModelFileError(
            f"{path}: made for images normalised in another way (revision {info.normalization.revision}, this is "
            f"{REVISION}); train it again, or read with the version of Longhand that made it"
        )
    names = [output.any_name for output in (*network.inputs, *network.outputs)]
    if names != ["images", "log_probs"]:
        raise ModelFileError(f"{path}: a recognizer maps images to log_probs, this network has {names}")
    classes, height = network.output(0).partial_shape[2], network.input(0).partial_shape[1]
    expected = openvino.Dimension(len(info.charset) + 1), openvino.Dimension(info.normalization.height)
    if not classes.compatible(expected[0]) or not height.compatible(expected[1]):
        raise ModelFileError(
            f"{path}: the network has {classes} classes and takes height {height}, its description says "
            f"{len(info.charset) + 1} and {info.normalization.height}"
        )
    return info


def read_info(path: Path) -> ModelInfo:
    """Read the description of a recognizer's file, without making it ready to read images.

    Args:
        path: The ONNX file.

    Returns:
        Its description.

    Raises:
        ModelFileError: The file is missing, unreadable, or not a recognizer's.
    """
    return info_of(read_network(path), path)
