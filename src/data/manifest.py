"""The manifest: one row a sample, checked whenever it is read or written."""

from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.parquet as pq
from pandera.errors import SchemaError, SchemaErrors
from pandera.typing.pandas import Series

from src.data.artefacts import require
from src.errors import GroundTruthError
from src.files import write_whole


class Manifest(pa.DataFrameModel):
    """What load_dataset and filter_data write.

    Attributes:
        sample_id: "collection/name", unique.
        image: Image file relative to data/interim/extracted.
        box: Crop "x y w h" in pixels of the image; null for the whole image.
        polygon: "x,y x,y ..." in pixels of the image, cuts the crop further; null for none.
        transcription: The text as in the ground truth.
        writer: "collection/writer".
        form: "collection/page" that the sample lies on.
        source: The collection.
        level: "word" or "line".
        quality: "ok", or "err" where the ground truth doubts the sample.
        width: Pixels of the crop.
        height: Pixels of the crop.
        paper: Median grey of the crop, 0..255.
        contrast: Paper minus the darkest 1 % of the crop, grey levels; small for an empty crop.
        digest: Hash of the crop's pixels, hexadecimal: equal for equal crops.
    """

    sample_id: Series[str] = pa.Field(unique=True, str_contains="/")
    image: Series[str]
    box: Series[str] = pa.Field(nullable=True)
    polygon: Series[str] = pa.Field(nullable=True)
    transcription: Series[str]
    writer: Series[str]
    form: Series[str]
    source: Series[str]
    level: Series[str] = pa.Field(isin=["word", "line"])
    quality: Series[str] = pa.Field(isin=["ok", "err"])
    width: Series[int] = pa.Field(ge=1)
    height: Series[int] = pa.Field(ge=1)
    paper: Series[int] = pa.Field(ge=0, le=255)
    contrast: Series[int] = pa.Field(ge=-255, le=255)
    digest: Series[str]

    class Config:
        """Unknown columns are errors; integers of any width are taken."""

        strict = True
        coerce = True


class FilteredManifest(Manifest):
    """What filter_data writes.

    Attributes:
        frequent: The sample belongs to the word classifier.
    """

    frequent: Series[bool]


class CleanManifest(FilteredManifest):
    """What clean_data writes.

    Attributes:
        text: The transcription, cleaned.
    """

    text: Series[str] = pa.Field(str_length={"min_value": 1})


class EncodedManifest(CleanManifest):
    """What encode_data writes.

    Attributes:
        codes: list of int16, the text in codes of the charset (character i is i + 1; 0 is CTC's blank). Characters
            that the charset lacks (validation and test only) have no code.
        label: int64, class of the word classifier, -1 when not frequent.
    """

    codes: Series[object]
    label: Series[int] = pa.Field(ge=-1)


_TYPES = {"codes": arrow.list_(arrow.int16())}
_STRINGS = (
    "sample_id",
    "image",
    "box",
    "polygon",
    "transcription",
    "writer",
    "form",
    "source",
    "level",
    "quality",
    "digest",
    "text",
)


def write_manifest(frame: pd.DataFrame, path: Path, schema: type[pa.DataFrameModel] = Manifest) -> None:
    """Check a manifest and write it whole.

    Args:
        frame: One row a sample.
        path: A Parquet file.
        schema: The stage's columns.

    Raises:
        GroundTruthError: The frame does not keep to the schema.
    """
    checked = _check(frame.reset_index(drop=True), path, schema)
    table = arrow.Table.from_pandas(checked, preserve_index=False)
    for name, kind in _TYPES.items():
        if name in table.column_names:
            column = arrow.array(checked[name], type=kind)
            table = table.set_column(table.column_names.index(name), name, column)
    with write_whole(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_manifest(path: Path, stage: str = "load_dataset", schema: type[pa.DataFrameModel] = Manifest) -> pd.DataFrame:
    """Read a manifest and check it.

    Args:
        path: A Parquet file.
        stage: The module of src/data that writes it.
        schema: That stage's columns.

    Returns:
        One row a sample.

    Raises:
        MissingArtefactError: The file does not exist.
        GroundTruthError: It is no manifest.
    """
    try:
        frame = pq.read_table(require(path, stage)).to_pandas()
    except arrow.ArrowInvalid as error:
        raise GroundTruthError(f"{path}: not a Parquet file ({error}); run python src/data/{stage}.py again") from error
    return _check(frame, path, schema)


def _check(frame: pd.DataFrame, path: Path, schema: type[pa.DataFrameModel]) -> pd.DataFrame:
    # A column of nothing but nulls (no polygon anywhere) has no type of its own.
    typed = frame.astype({name: "str" for name in _STRINGS if name in frame.columns})
    try:
        checked: pd.DataFrame = schema.validate(typed, lazy=True)
    except (SchemaError, SchemaErrors) as error:
        raise GroundTruthError(f"{path}: {_first_fault(error)}; run python src/data/load_dataset.py again") from error
    return checked


def _first_fault(error: SchemaError | SchemaErrors) -> str:
    cases: Any = error.failure_cases
    if isinstance(cases, pd.DataFrame) and len(cases):
        first = cases.iloc[0]
        return f"column {first.get('column')}: {first.get('check')} fails for {first.get('failure_case')!r}"
    return str(error)
