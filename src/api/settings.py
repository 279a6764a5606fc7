"""What differs between machines: environment variables that begin with LONGHAND_ (see .env.example)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from src.paths import Paths
from src.recognition.images import MAX_PIXELS
from src.recognition.recognizer import Precision

PositiveInt = Annotated[int, Field(ge=1)]


class ServiceSettings(BaseSettings):
    """Settings of the service.

    Attributes:
        model: The recognizer's ONNX file; unless it is named, the one trained here, until then the released one.
        precision: "auto" (bf16 where the CPU has it), "f32" or "bf16".
        threads: Threads of one inference.
        concurrent_readings: Images that are read at the same time; more wait.
        max_upload_bytes: Bytes of one upload.
        max_pixels: Pixels of one image.
    """

    model_config = SettingsConfigDict(env_prefix="LONGHAND_", env_file=".env", extra="ignore", frozen=True)

    model: Path = Field(default_factory=lambda: Paths().served_model)
    precision: Precision = "auto"
    threads: PositiveInt = 1
    concurrent_readings: PositiveInt = 2
    max_upload_bytes: PositiveInt = 10 * 2**20
    max_pixels: PositiveInt = MAX_PIXELS
