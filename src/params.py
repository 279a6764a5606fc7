"""params.yaml as typed, checked settings: one object a stage. Unknown keys are errors."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from src.errors import ParamsError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]


class Settings(BaseModel):
    """Base: immutable, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExtractParams(Settings):
    """Limits of an archive."""

    max_members: PositiveInt = 2_000_000
    max_bytes: PositiveInt = 20 * 2**30


class LoadParams(Settings):
    """How ground truth is understood."""

    line_writer_pattern: str | None = None


class FilterParams(Settings):
    """Which samples are good enough, and which words are frequent."""

    keep_err: bool = False
    min_side: PositiveInt = 6
    max_side: PositiveInt = 8192
    max_aspect: PositiveFloat = 60.0
    min_width_per_character: PositiveFloat = 1.5
    min_word_count: PositiveInt = 100
    max_word_count: PositiveInt = 200

    @model_validator(mode="after")
    def _range(self) -> "FilterParams":
        if self.min_word_count > self.max_word_count:
            raise ValueError("min_word_count is greater than max_word_count")
        return self


class CleanParams(Settings):
    """What is dropped from the transcriptions."""

    stop_word_language: str | None = "english"
    symbols: tuple[str, ...] = (")", ":", "...", "'s")
    drop_patterns: tuple[str, ...] = ()


class EncodeParams(Settings):
    """Which characters are learnt."""

    min_character_count: PositiveInt = 1


class SplitParams(Settings):
    """Shares of the samples in each part; writers are never cut."""

    train: Share = 0.8
    validation: Share = 0.1
    test: Share = 0.1
    seed: int = 20
    partition: Path | None = None
    train_only: tuple[str, ...] = ("fonts",)
    growing: tuple[str, ...] = ("corrections",)

    @model_validator(mode="after")
    def _sum(self) -> "SplitParams":
        if abs(self.train + self.validation + self.test - 1.0) > 1e-6:
            raise ValueError("train + validation + test must be 1")
        return self


class FeatureParams(Settings):
    """Sizes of the normalised images, in pixels."""

    height: Annotated[int, Field(ge=16, multiple_of=16)] = 48
    max_width: PositiveInt = 2048
    workers: Annotated[int, Field(ge=0)] = 0
    classifier_height: PositiveInt = 32
    classifier_width: PositiveInt = 128


class SpliceParams(Settings):
    """New texts out of the letters of the training writers' hands."""

    texts: Annotated[int, Field(ge=0)] = 0
    languages: tuple[str, ...] = ("en",)
    columns_per_writer: PositiveInt = 20_000
    max_width: PositiveInt = 1536
    seed: int = 20


class ClassifierParams(Settings):
    """The word classifier and its training."""

    channels: tuple[PositiveInt, ...] = (32, 64, 128)
    dropout: Share = 0.3
    learning_rate: PositiveFloat = 1e-3
    weight_decay: float = 1e-4
    batch_size: PositiveInt = 64
    epochs: PositiveInt = 30
    patience: PositiveInt = 5
    seed: int = 20


class RecognizerParams(Settings):
    """The recognizer and its training."""

    start: Literal["released", "chance"] = "released"
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (32, 64, 96, 192)
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 1, 1)
    head: Literal["conv", "lstm"] = "lstm"
    head_layers: PositiveInt = 2
    head_units: PositiveInt = 256
    dropout: Share = 0.1
    learning_rate: PositiveFloat = 1.5e-3
    weight_decay: float = 0.01
    warmup: Share = 0.05
    gradient_clip: PositiveFloat = 1.0
    shortcut_weight: float = Field(default=0.2, ge=0.0)
    word_share: Share = 0.3
    join_share: Share = 0.3
    train_only_share: Share = 0.25
    spliced_share: Share = 0.25
    columns_per_batch: PositiveInt = 4096
    epochs: PositiveInt = 30
    max_minutes: PositiveFloat | None = None
    augment: bool = True
    quantize: bool = True
    checkpoint_minutes: PositiveFloat = 2.0
    validation_samples: PositiveInt = 2000
    seed: int = 20


class TeachParams(Settings):
    """How `longhand teach` fine-tunes a recognizer."""

    learning_rate: PositiveFloat = 4e-4
    steps: PositiveInt = 350
    epochs: PositiveFloat = 4.0
    max_minutes: PositiveFloat = 5.0
    columns: PositiveInt = 2048
    join_share: Share = 0.4
    rehearsed: PositiveInt = 600
    rehearsal: float = Field(default=3.0, ge=0.0)
    share: Share = 0.6
    others: PositiveInt = 300
    held_out: Annotated[float, Field(ge=0.0, le=0.5)] = 0.15
    seed: int = 20


class EvaluateParams(Settings):
    """How a model is measured."""

    bootstrap_rounds: PositiveInt = 1000
    confidence_level: Share = 0.95
    worst_errors: PositiveInt = 60
    seed: int = 20


class GateParams(Settings):
    """What a challenger must hold to replace the champion."""

    bootstrap_rounds: PositiveInt = 2000
    confidence_level: Share = 0.95
    slice_samples: PositiveInt = 50
    slice_margin: Share = 0.03
    calibration_error: Share = 0.05
    milliseconds: PositiveFloat = 20.0
    disagreement: Share = 0.02
    seed: int = 20


class LanguageParams(Settings):
    """What the language model learns from, beside the training writers' texts."""

    languages: tuple[str, ...] = ("en",)
    order: Annotated[int, Field(ge=1, le=8)] = 7


class SampleParams(Settings):
    """The archive that the project writes when it is given none."""

    words: PositiveInt = 9000
    writers: PositiveInt = 40
    seed: int = 20


class Params(Settings):
    """All of params.yaml."""

    extract: ExtractParams = ExtractParams()
    load: LoadParams = LoadParams()
    filter: FilterParams = FilterParams()
    clean: CleanParams = CleanParams()
    encode: EncodeParams = EncodeParams()
    split: SplitParams = SplitParams()
    features: FeatureParams = FeatureParams()
    splice: SpliceParams = SpliceParams()
    classifier: ClassifierParams = ClassifierParams()
    recognizer: RecognizerParams = RecognizerParams()
    teach: TeachParams = TeachParams()
    language: LanguageParams = LanguageParams()
    evaluate: EvaluateParams = EvaluateParams()
    gate: GateParams = GateParams()
    sample: SampleParams = SampleParams()


def load_params(path: Path) -> Params:
    """Read and check a params.yaml.

    Args:
        path: The file.

    Returns:
        The settings; what the file leaves out has its default.

    Raises:
        ParamsError: The file is missing, is no YAML mapping, or has an unknown key or a bad value.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as error:
        raise ParamsError(f"{path}: not found; run the command in the project's folder") from error
    except yaml.YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {error}") from error
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise ParamsError(f"{path}: {faults}") from error
