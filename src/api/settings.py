"""What differs between machines: environment variables that begin with LONGHAND_ (see .env.example)."""

import os
from pathlib import Path
from typing import Annotated, Literal

from limits import RateLimitItem
from limits import parse as parse_rate
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from src.recognition.images import MAX_PIXELS
from src.recognition.recognizer import Precision

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


def _spare_cores() -> int:
    """Cores but one, which takes in and answers requests."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable - 1)


class ServiceSettings(BaseSettings):
    """Settings of the service.

    Attributes:
        model: The recognizer's ONNX file; unless it is named, the registry's champion is served, without one the model
            that was trained here, until then the released one.
        registry: Whose champion is served: the registry's folder, or the address of an MLflow server.
        registry_mirror: Where a server's models are kept.
        follow_seconds: Between two looks at the registry.
        shadow_share: Share of the readings that the registry's challenger reads as well, in the background.
        precision: "auto" (bf16 where the CPU has it), "f32" or "bf16".
        threads: Threads of one inference.
        concurrent_readings: Batches that are read at the same time; all cores but one.
        batch_size: Images that are read together at most.
        batch_wait_ms: Milliseconds that an image waits for others that are on their way.
        max_waiting: Requests to /predict/ that are taken in and not answered; more are refused (503).
        max_seconds: From taking a request in to its answer; then it is refused (503).
        max_upload_bytes: Bytes of one image.
        max_pixels: Pixels of one image.
        upload_seconds: Time in which a request must have come whole.
        max_batch_bytes: Bytes of one request to /predict/batch.
        max_batch_files: Images of one request to /predict/batch.
        max_vocabulary: Entries of a list that is sent with a request; one kept on the server has at most a million.
        min_confidence: A reading below it is flagged for review, unless the request says another value.
        keys: Who needs a key: "on" everyone, "off" nobody, "auto" everyone but requests from this machine itself.
        rate_limit: Requests of one key, as "100/minute"; None: no limit.
        cors_origins: Other web sites whose pages may call the service, separated by commas; none.
        database_url: Where corrections, kept predictions, lists and keys are stored.
        keep_predictions: Whether readings and their images are kept, for the review queue.
        retention_days: Days after which kept readings are removed.
        recent_megabytes: Memory for recent readings and their images, so that a correction can follow.
        recent_minutes: How long a correction can follow without sending the image again.
        drift_window: Images that drift is measured on: the last ones.
        drift_least: With fewer images drift is not judged.
        log_format: "text" or "json" lines.
        log_text: Whether what was read may stand in the log.
    """

    model_config = SettingsConfigDict(env_prefix="LONGHAND_", env_file=".env", extra="ignore", frozen=True)

    model: Path | None = None
    registry: str = "models/registry"
    registry_mirror: Path = Path("data/service/registry")
    follow_seconds: PositiveFloat = 2.0
    shadow_share: Probability = 0.0
    precision: Precision = "auto"
    threads: PositiveInt = 1
    concurrent_readings: PositiveInt = Field(default_factory=_spare_cores)
    batch_size: PositiveInt = 16
    batch_wait_ms: PositiveFloat = 3.0
    max_waiting: PositiveInt = 64
    max_seconds: PositiveFloat = 10.0
    max_upload_bytes: PositiveInt = 10 * 2**20
    max_pixels: PositiveInt = MAX_PIXELS
    upload_seconds: PositiveFloat = 60.0
    max_batch_bytes: PositiveInt = 500 * 2**20
    max_batch_files: PositiveInt = 10_000
    max_vocabulary: PositiveInt = 10_000
    min_confidence: Probability = 0.0
    keys: Literal["auto", "on", "off"] = "auto"
    rate_limit: str | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    database_url: str = "sqlite:///data/service/longhand.db"
    keep_predictions: bool = False
    retention_days: PositiveFloat = 30.0
    recent_megabytes: PositiveInt = 64
    recent_minutes: PositiveFloat = 30.0
    drift_window: PositiveInt = 1000
    drift_least: PositiveInt = 200
    log_format: Literal["text", "json"] = "text"
    log_text: bool = False

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value:
            parse_rate(value)  # raises ValueError
        return value or None

    @property
    def rate(self) -> RateLimitItem | None:
        """The rate limit of one key."""
        return parse_rate(self.rate_limit) if self.rate_limit else None
