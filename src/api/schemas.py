"""What the service answers."""

from pydantic import BaseModel


class ReadCharacter(BaseModel):
    """A character; start and end are pixels from the image's left edge."""

    text: str
    confidence: float
    start: float
    end: float


class ReadText(BaseModel):
    """A word or an alternative, with its confidence 0..1."""

    text: str
    confidence: float


class ModelName(BaseModel):
    """Which model read."""

    name: str
    version: str


class Prediction(BaseModel):
    """The text of an image; `id` names this reading in the log."""

    id: str
    text: str
    confidence: float
    alternatives: list[ReadText]
    characters: list[ReadCharacter]
    words: list[ReadText]
    model: ModelName
