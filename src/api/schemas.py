"""What the service answers."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from src.api.problems import Problem
from src.recognition.model_file import ModelInfo
from src.recognition.reading import Reading

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class ReadCharacter(BaseModel):
    """A character; start and end are pixels from the image's left edge."""

    text: str
    confidence: Probability
    start: float
    end: float


class ReadText(BaseModel):
    """A word or an alternative, with its confidence."""

    text: str
    confidence: Probability


class ModelName(BaseModel):
    """Which model read."""

    name: str
    version: str


class ImageSize(BaseModel):
    """Pixels of the image as it was read: turned as its EXIF data says."""

    width: int
    height: int


class Prediction(BaseModel):
    """The text of an image; `id` names this reading, for a correction."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "5c4f6f0e0c0f4b6c9a6e1c6f4be1a2d3",
                "text": "le",
                "confidence": 0.94,
                "needs_review": False,
                "alternatives": [{"text": "la", "confidence": 0.03}],
                "characters": [
                    {"text": "l", "confidence": 0.98, "start": 4.0, "end": 11.5},
                    {"text": "e", "confidence": 0.95, "start": 19.0, "end": 30.5},
                ],
                "words": [{"text": "le", "confidence": 0.94}],
                "image": {"width": 42, "height": 30},
                "model": {"name": "recognizer", "version": "20261123.164000.512803-0a1b2c3d4e5f"},
            }
        }
    )

    id: str
    text: str
    confidence: Probability
    needs_review: bool
    alternatives: list[ReadText]
    characters: list[ReadCharacter]
    words: list[ReadText]
    image: ImageSize
    model: ModelName

    @classmethod
    def of(cls, name: str, reading: Reading, size: ImageSize, info: ModelInfo, needs_review: bool) -> "Prediction":
        """Put together what a reading gives."""
        parts: dict[str, Any] = asdict(reading)
        model = {"name": info.name, "version": info.version}
        return cls.model_validate(parts | {"id": name, "needs_review": needs_review, "image": size, "model": model})


class BatchLine(BaseModel):
    """One line of the answer of /predict/batch: a reading, or why there is none."""

    name: str = Field(description="The file's name, as it was sent or as it stands in the zip archive.")
    prediction: Prediction | None = None
    problem: Problem | None = None


class Model(BaseModel):
    """The model in service."""

    name: str
    version: str
    created: str
    precision: str = Field(description="Arithmetic of the network here: f32 or bf16.")
    charset: str = Field(description="All characters that it can read.")
    calibrated: bool = Field(description="Whether confidences are shares of right readings.")
    metrics: dict[str, float] = Field(description="As measured on its validation writers: shares, 0..1.")


class Models(BaseModel):
    """The models that are loaded."""

    models: list[Model]


class VocabularyName(BaseModel):
    """A list of texts kept on the server."""

    name: str
    entries: int
    updated: str


class Vocabularies(BaseModel):
    """All lists kept on the server."""

    vocabularies: list[VocabularyName]


class Health(BaseModel):
    """The process lives."""

    status: str = "alive"


class RegistryState(BaseModel):
    """Whether the registry answers, whose champion is served."""

    following: bool = Field(description="False: one model file is served, whatever the registry says.")
    reachable: bool | None = Field(description="False: the registry is away, and what was in service stays.")


class Ready(BaseModel):
    """Images can be read."""

    status: str = "ready"
    model: ModelName
    registry: RegistryState


class Correction(BaseModel):
    """What a person says that an image holds."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    prediction_id: str
    text: str = Field(description="What the image says.", examples=["Bonn"])
    read: str = Field(description="What was read.", examples=["Bann"])
    confidence: Probability
    model: ModelName
    author: str | None = Field(description="Who corrected.")
    writer: str | None = Field(description="Whose hand it is.")
    image: str = Field(description="SHA-256 of the image's bytes.")
    created: datetime
    current: bool = Field(description="False: a later correction of the same image holds.")


class Corrections(BaseModel):
    """A page of corrections, the newest first."""

    items: list[Correction]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class Forgotten(BaseModel):
    """What was removed."""

    corrections: int
    images: int


class WaitingPrediction(Prediction):
    """A reading that waits for review."""

    created: datetime


class ReviewQueue(BaseModel):
    """Readings that wait for review, the least certain first."""

    items: list[WaitingPrediction]
    remaining: int = Field(description="How many wait in all, these among them.")
    keeping: bool = Field(description="False: the service keeps no readings, and nothing comes to the queue.")
