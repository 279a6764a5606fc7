import shutil
import tempfile
import unittest
from pathlib import Path

import pandas as pd

from src.data.filter_data import faults, filter_data, frequent
from src.data.manifest import write_manifest
from src.errors import GroundTruthError
from src.params import FilterParams
from tests.test_data.made_ground_truth import manifest_frame


class FilterDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def filter(self, frame: pd.DataFrame, params: FilterParams) -> pd.DataFrame:
        write_manifest(frame, self.root / "manifest.parquet")
        return filter_data(self.root / "manifest.parquet", self.root / "out.parquet", self.root / "report.csv", params)

    def test_each_fault_has_its_reason(self) -> None:
        rows: list[dict[str, object]] = [
            {},
            {"quality": "err"},
            {"transcription": "\ufffd \u200b"},
            {"height": 5},
            {"width": 9000, "height": 4000},
            {"width": 700, "height": 10},
            {"width": 8, "transcription": "longword"},
        ]
        expected = ["", "quality err", "no known character", "too small", "too large", "too wide for its height",
                    "too narrow for its text"]  # fmt: skip
        self.assertEqual(expected, faults(manifest_frame(rows), FilterParams()).tolist())

    def test_limits_themselves_are_kept(self) -> None:
        rows: list[dict[str, object]] = [{"height": 6, "width": 360}, {"width": 8192, "height": 200}, {"width": 6}]
        self.assertEqual(["", "", ""], faults(manifest_frame(rows), FilterParams()).tolist())

    def test_err_is_kept_on_request(self) -> None:
        self.assertEqual([""], faults(manifest_frame([{"quality": "err"}]), FilterParams(keep_err=True)).tolist())

    def test_frequency_range_keeps_both_ends(self) -> None:
        params = FilterParams(min_word_count=2, max_word_count=4)
        counts = {"one": 1, "two": 2, "four": 4, "five": 5}
        rows: list[dict[str, object]] = [{"transcription": word} for word, n in counts.items() for _ in range(n)]
        frame = manifest_frame(rows)
        self.assertEqual({"two", "four"}, set(frame.loc[frequent(frame, params), "transcription"]))

    def test_collections_that_are_only_learnt_from_do_not_count(self) -> None:
        params = FilterParams(min_word_count=2, max_word_count=3)
        frame = manifest_frame([{"source": source} for source in ("iam", "iam", "fonts", "fonts")])
        self.assertFalse(frequent(frame, params).any(), "four are too many")
        self.assertEqual([True, True, False, False], frequent(frame, params, ("fonts",)).tolist())

    def test_lines_and_dropped_samples_do_not_count(self) -> None:
        params = FilterParams(min_word_count=2, max_word_count=3)
        rows: list[dict[str, object]] = [
            {},
            {},
            {"level": "line"},
            {"level": "line"},
            {"quality": "err"},
            {"quality": "err"},
        ]
        kept = self.filter(manifest_frame(rows), params)
        self.assertEqual([True, True, False, False], kept["frequent"].tolist())
        self.assertEqual(["quality err"] * 2, pd.read_csv(self.root / "report.csv")["reason"].tolist())

    def test_nothing_left_is_an_error(self) -> None:
        with self.assertRaisesRegex(GroundTruthError, "no sample is left"):
            self.filter(manifest_frame([{"quality": "err"}]), FilterParams())


if __name__ == "__main__":
    unittest.main()
