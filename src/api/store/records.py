"""What the store takes and gives."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class StoredVocabulary:
    """A list of texts that is kept by name."""

    name: str
    entries: tuple[str, ...]
    updated: datetime


@dataclass(frozen=True)
class StoredKey:
    """A key that is valid.

    Attributes:
        name: Whom or what it is for.
        role: A value of `Role`.
        digest: What `digest_of` makes of it.
        created: When it was made.
    """

    name: str
    role: str
    digest: str
    created: datetime


@dataclass(frozen=True)
class NewCorrection:
    """A correction that is to be stored.

    Attributes:
        text: What the image says.
        prediction_id: The reading that it corrects.
        read: What was read.
        confidence: With which confidence, 0..1.
        model_name: By which model,
        model_version: and by which version of it.
        author: Who corrects, if known.
        writer: Whose hand it is, if known.
    """

    text: str
    prediction_id: str
    read: str
    confidence: float
    model_name: str
    model_version: str
    author: str | None = None
    writer: str | None = None


@dataclass(frozen=True)
class Removed:
    """What is gone.

    Attributes:
        corrections: How many.
        images: SHA-256 of each image.
    """

    corrections: int
    images: tuple[str, ...]


@dataclass(frozen=True)
class CorrectionFilter:
    """Which corrections are asked for; None: any.

    Attributes:
        author: By whom.
        writer: Of whose hand.
        model: Of readings by which version of a model.
        since: Stored then or later.
        until: Stored before.
        changed: Whether the text differs from what was read.
    """

    author: str | None = None
    writer: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    changed: bool | None = None
