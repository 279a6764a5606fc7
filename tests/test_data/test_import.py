"""Importing: what comes in can be extracted and loaded, and comes out the same."""

from pathlib import Path

import pytest

from src.data.extract_raw_data import extract_raw_data
from src.data.import_ground_truth import import_ground_truth
from src.data.load_dataset import load_dataset
from src.errors import ArchiveError, GroundTruthError, ParamsError
from src.params import ExtractParams, LoadParams
from tests.test_data.made_ground_truth import iam_files, image_bytes, write_files, write_tar

ROWS = [("a01-000u-00-00", "ok", "A"), ("a01-000u-00-01", "ok", "page_7")]


def load(root: Path) -> dict[str, str]:
    extract_raw_data(root / "raw", root / "extracted", ExtractParams())
    frame = load_dataset(root / "extracted", root / "manifest.parquet", root / "report.csv", LoadParams(), workers=1)
    return dict(zip(frame["sample_id"], frame["transcription"], strict=True))


def test_folder_with_its_own_collection_and_patterns(tmp_path: Path) -> None:
    source = write_files(tmp_path / "mine", iam_files(ROWS))
    archive = import_ground_truth(source, tmp_path / "raw", name="words", collection="us", drop_patterns=[r"PAGE_\d"])
    assert archive == tmp_path / "raw" / "words.tar.gz"
    assert load(tmp_path) == {"us/a01-000u-00-00": "A"}


def test_same_folder_makes_same_bytes(tmp_path: Path) -> None:
    source = write_files(tmp_path / "mine", iam_files(ROWS))
    first = import_ground_truth(source, tmp_path / "raw").read_bytes()
    assert import_ground_truth(source, tmp_path / "raw").read_bytes() == first


def test_archive_of_a_table(tmp_path: Path) -> None:
    files = {"set/data.csv": b"file_name,text\na.png,x\n", "set/a.png": image_bytes(1)}
    import_ground_truth(write_tar(tmp_path / "table.tgz", files), tmp_path / "raw")
    assert load(tmp_path) == {"table/set/a": "x"}


def test_iam_downloads_as_they_come(tmp_path: Path) -> None:
    files = iam_files(ROWS, {"a01-000u": "000"})
    download = tmp_path / "iam"
    write_tar(
        download / "words.tgz",
        {name.removeprefix("words/"): file for name, file in files.items() if name.startswith("words")},
    )
    write_tar(
        download / "ascii.tgz",
        {name.removeprefix("ascii/"): file for name, file in files.items() if name.startswith("ascii")},
    )
    import_ground_truth(download, tmp_path / "raw", name="raw_data")
    assert len(load(tmp_path)) == 2
    assert (tmp_path / "extracted/raw_data/words/a01/a01-000u/a01-000u-00-00.png").is_file()
    (download / "ascii.tgz").unlink()
    with pytest.raises(GroundTruthError, match=r"ascii\.tgz"):
        import_ground_truth(download, tmp_path / "raw", name="again")


def test_what_cannot_be_imported_leaves_nothing(tmp_path: Path) -> None:
    empty = write_files(tmp_path / "empty", {"words.txt": b"# nothing\n"})
    write_files(tmp_path, {"torn.tgz": b"\x1f\x8b123", "picture.png": image_bytes(1)})
    for source, error in ((empty, GroundTruthError), (tmp_path / "none", GroundTruthError),
                          (tmp_path / "torn.tgz", ArchiveError),
                          (tmp_path / "picture.png", GroundTruthError)):  # fmt: skip
        with pytest.raises(error):
            import_ground_truth(source, tmp_path / "raw")
    with pytest.raises(ParamsError, match="no group"):
        import_ground_truth(write_files(tmp_path / "m", iam_files(ROWS)), tmp_path / "raw", writer_pattern="x")
    assert not (tmp_path / "raw").exists()
