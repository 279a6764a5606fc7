"""The readers: each format's rows, and what each rejects."""

import re
from pathlib import Path

import pandas as pd
import pytest

from src.data.formats.ground_truth import Folder, GroundTruth
from src.data.formats.readers import detect_format, read_ground_truth
from src.errors import GroundTruthError
from tests.test_data.made_ground_truth import iam_files, image_bytes, write_files

ALTO = """<?xml version="1.0"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#">
<Description><sourceImageInformation>
<fileName>scans/p_0016_1.png</fileName></sourceImageInformation></Description>
<Layout><Page WIDTH="60" HEIGHT="30"><PrintSpace>
<TextBlock><TextLine ID="l1" BASELINE="1 9 50 9"><Shape><Polygon POINTS="{points}"/></Shape>
<String CONTENT="un"/><SP/><String CONTENT="mot"/><HYP CONTENT="-"/></TextLine>
<TextLine ID="l2" HPOS="1" VPOS="12" WIDTH="40" HEIGHT="9.6"><String CONTENT="deux"/></TextLine>
<TextLine ID="empty" HPOS="1" VPOS="12" WIDTH="40" HEIGHT="9"><String CONTENT=" "/></TextLine>
<TextLine ID="bare" BASELINE="1 9 50 9"><String CONTENT="trois"/></TextLine>
<TextLine ID="odd"><Shape><Polygon POINTS="1 2 3"/></Shape><String CONTENT="quatre"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""

PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="p1.jpg" imageWidth="60" imageHeight="30"><TextRegion id="r1">
<TextLine id="l1"><Coords points="1,2 40,2 40,12 1,12"/>
<Word id="w"><Coords points="1,2 3,4 5,6"/><TextEquiv><Unicode>no</Unicode></TextEquiv></Word>
<TextEquiv index="1"><Unicode>worse</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>best</Unicode></TextEquiv></TextLine>
<TextLine id="l2"><Coords points="1,14 40,14 40,28"/><Word id="a"><TextEquiv><Unicode>two</Unicode></TextEquiv></Word>
<Word id="b"><TextEquiv><Unicode>words</Unicode></TextEquiv></Word></TextLine>
<TextLine id="empty"><Coords points="1,2 40,2 40,12"/></TextLine>
<TextLine id="thin"><Coords points="1,2 40,2"/><TextEquiv><Unicode>x</Unicode></TextEquiv></TextLine>
</TextRegion></Page></PcGts>"""


def read(folder: Path, pattern: str | None = None) -> GroundTruth:
    return read_ground_truth(Folder(folder), None, re.compile(pattern) if pattern else None)


def reasons(truth: GroundTruth) -> dict[str, str]:
    return {fault.row: fault.reason for fault in truth.rejected}


def test_iam_words_and_lines(tmp_path: Path) -> None:
    files = iam_files([("a01-000u-00-00", "ok", "don't stop"), ("b02-001-00-00", "err", "x")], {"a01-000u": "007"})
    files["ascii/lines.txt"] = b"a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to\na01-000u-01 ok 154\n"
    files["lines/a01/a01-000u/a01-000u-00.png"] = image_bytes(9)
    truth = read(write_files(tmp_path, files))
    rows = {row.name: row for row in truth.rows}
    assert rows["a01-000u-00-00"].transcription == "don't stop"
    assert (rows["a01-000u-00"].level, rows["a01-000u-00"].transcription) == ("line", "A|MOVE|to")
    assert rows["a01-000u-00"].writer == rows["a01-000u-00-00"].writer == "007"
    assert (rows["b02-001-00-00"].writer, rows["b02-001-00-00"].quality) == ("b02-001", "err")
    assert "malformed" in reasons(truth)["2"]


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("points", ["1,2 50,2 50,11.4 1,11", "1 2 50 2 50 11.4 1 11"])
def test_alto(tmp_path: Path, version: int, points: str) -> None:
    files = {
        "alto/p_0016_1.xml": ALTO.format(version=version, points=points).encode(),
        "jpg/p_0016_1.png": image_bytes(1),
    }
    truth = read(write_files(tmp_path, files), r"p_(\d+)")
    first, second = truth.rows
    assert (first.transcription, first.writer, first.form) == ("un mot-", "0016", "p_0016_1")
    assert first.polygon == ((1, 2), (50, 2), (50, 11), (1, 11))
    assert (first.box, second.box, second.polygon) == ((1, 2, 50, 10), (1, 12, 40, 10), None)
    assert first.page_size == (60, 30)
    assert reasons(truth)["empty"] == "empty text"
    assert "only a baseline" in reasons(truth)["bare"]
    assert "odd number" in reasons(truth)["odd"]


def test_alto_without_image_or_with_entities_is_rejected(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x "y">]><alto><fileName>&x;</fileName></alto>'
    alone = ALTO.format(version=4, points="1 2 3 4 5 6").encode()
    truth = read(write_files(tmp_path, {"alone.xml": alone, "bomb.xml": bomb, "torn.xml": alone[:400]}))
    assert {fault.file: fault.reason.partition(":")[0] for fault in truth.rejected} == {
        "alone.xml": "missing image of the page", "bomb.xml": "unsafe XML", "torn.xml": "malformed XML",
    }  # fmt: skip


def test_page(tmp_path: Path) -> None:
    truth = read(write_files(tmp_path, {"page/p1.xml": PAGE.encode(), "p1.jpg": image_bytes(1, suffix=".jpg")}))
    assert [(row.name, row.transcription) for row in truth.rows] == [("p1/l1", "best"), ("p1/l2", "two words")]
    assert truth.rows[0].box == (1, 2, 40, 11)
    assert truth.rows[0].writer == "p1"
    assert reasons(truth) == {"empty": "empty text", "thin": "malformed line: polygon of 2 points"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_table(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({
        "file_name": ["img/a.png", "img/b.png", "img/a.png", "img/none.png", "../a.png"],
        "text": ["Haus", "Am Markt", "Haus", "x", "x"], "writer_id": [1, 2, 1, 1, 1],
    })  # fmt: skip
    write_files(tmp_path, {"img/a.png": image_bytes(1), "img/b.png": image_bytes(2)})
    frame.to_csv(tmp_path / "data.csv", index=False) if kind == "csv" else frame.to_parquet(tmp_path / "data.parquet")
    truth = read(tmp_path)
    assert [(row.transcription, row.writer, row.level) for row in truth.rows] == [
        ("Haus", "1", "word"),
        ("Am Markt", "2", "line"),
    ]
    assert [fault.reason.split()[0] for fault in truth.rejected] == ["image", "missing", "missing"]


def test_table_writers_by_pattern_or_each_image_its_own(tmp_path: Path) -> None:
    write_files(tmp_path, {"w7/a.png": image_bytes(1), "data.csv": b"\xef\xbb\xbffile_name,text\nw7/a.png,x\n"})
    assert read(tmp_path, r"w(\d+)/").rows[0].writer == "7"
    assert read(tmp_path).rows[0].writer == "w7/a"


def test_unknown_formats_are_errors(tmp_path: Path) -> None:
    with pytest.raises(GroundTruthError, match="no ground truth"):
        detect_format(Folder(tmp_path))
    with pytest.raises(GroundTruthError, match="known are iam, alto, page, table"):
        read_ground_truth(Folder(tmp_path), "docx")
