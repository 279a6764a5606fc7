import shutil
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from src.data.load_dataset import load_dataset
from src.data.manifest import read_manifest
from src.errors import GroundTruthError, MissingArtefactError
from src.params import LoadParams
from tests.test_data.made_ground_truth import iam_files, image_bytes, write_files

ROWS = [("a01-000u-00-00", "ok", "A"), ("a01-000u-00-01", "err", "MOVE"), ("a01-000u-01-00", "ok", "two words")]


class LoadDatasetTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        self.extracted = self.root / "extracted"
        self.manifest, self.report = self.root / "manifest.parquet", self.root / "report.csv"

    def load(self) -> pd.DataFrame:
        return load_dataset(self.extracted, self.manifest, self.report, LoadParams(), workers=1)

    def reasons(self) -> dict[str, str]:
        report = pd.read_csv(self.report, dtype=str, keep_default_na=False)
        return dict(zip(report["row"], report["reason"], strict=True))

    def test_iam_rows_become_samples(self) -> None:
        write_files(self.extracted / "raw_data", iam_files(ROWS, {"a01-000u": "007"}))
        frame = self.load().set_index("sample_id")
        self.assertEqual(3, len(frame))
        row = frame.loc["raw_data/a01-000u-01-00"]
        self.assertEqual("two words", row["transcription"])
        self.assertEqual(("raw_data/007", "raw_data/a01-000u", "word"), (row["writer"], row["form"], row["level"]))
        self.assertEqual((60, 30, 230), (row["width"], row["height"], row["paper"]))
        self.assertGreater(row["contrast"], 150)
        self.assertEqual("err", frame.loc["raw_data/a01-000u-00-01", "quality"])
        self.assertEqual(len(frame), len(read_manifest(self.manifest)))

    def test_every_row_that_cannot_be_used_is_reported(self) -> None:
        files = iam_files(ROWS)
        image = "words/a01/a01-000u/a01-000u-00-01.png"
        files[image] = files[image][: len(files[image]) // 2]
        del files["words/a01/a01-000u/a01-000u-01-00.png"]
        files["ascii/words.txt"] += (
            b"a01-000u-02-00 ok 154\na01-000u-02-01 ok 154 1 2 3 4 NN \na01-000u-00-00 ok 1 1 2 3 4 NN A\n"
        )
        write_files(self.extracted / "raw_data", files)
        self.assertEqual(["raw_data/a01-000u-00-00"], self.load()["sample_id"].tolist())
        reasons = self.reasons()
        for line, reason in {
            "3": "unreadable image",
            "4": "missing image",
            "5": "malformed",
            "6": "empty text",
            "7": "repeated id",
        }.items():
            self.assertIn(reason, reasons[line])

    def test_nothing_usable_is_an_error_and_the_report_says_why(self) -> None:
        write_files(self.extracted / "raw_data", {"words.txt": b"a01-000u-00-00 ok 154 1 2 3 4 NN A\n"})
        with self.assertRaisesRegex(GroundTruthError, "report.csv"):
            self.load()
        self.assertIn("missing image", self.reasons()["1"])
        self.assertFalse(self.manifest.exists())

    def test_unknown_folder_and_missing_stage(self) -> None:
        with self.assertRaisesRegex(MissingArtefactError, "extract_raw_data"):
            self.load()
        write_files(self.extracted / "raw_data", {"readme.txt": b"hello"})
        with self.assertRaisesRegex(GroundTruthError, "no ground truth"):
            self.load()

    def test_archives_of_one_collection_share_writers_and_drop_patterns_hold(self) -> None:
        sidecar = b"collection: made\nformat: table\nwriter_pattern: null\ndrop_patterns: ['page_\\d+']\n"
        table = b"file_name,text,writer_id\na.png,Hello,7\nb.png,PAGE_12,7\n"
        write_files(
            self.extracted / "one",
            {"longhand.yaml": sidecar, "data.csv": table, "a.png": image_bytes(1), "b.png": image_bytes(2)},
        )
        iam = iam_files([("x01-1-00-00", "ok", "B")], {"x01-1": "7"})
        write_files(self.extracted / "two", {"longhand.yaml": b"collection: made\n"} | iam)
        frame = self.load()
        self.assertEqual({"made/7"}, set(frame["writer"]))
        self.assertEqual({"Hello", "B"}, set(frame["transcription"]))
        self.assertIn("drop pattern", self.reasons()["3"])

    def test_coordinates_follow_a_scan_of_another_size(self) -> None:
        page = np.full((100, 200), 220, np.uint8)
        page[40:60, 20:120] = 10
        alto = b"""<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page WIDTH="400" HEIGHT="200">
            <TextLine ID="l1"
            HPOS="40" VPOS="80" WIDTH="200" HEIGHT="40"><String CONTENT="ink"/></TextLine></Page></Layout></alto>"""
        image = cv2.imencode(".png", page)[1].tobytes()
        write_files(self.extracted / "pages", {"p.xml": alto, "p.png": image})
        row = self.load().iloc[0]
        self.assertEqual(("20 40 100 20", 100, 20, 10), (row["box"], row["width"], row["height"], row["paper"]))


if __name__ == "__main__":
    unittest.main()
