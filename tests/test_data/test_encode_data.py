import json
import shutil
import tempfile
import unittest
from pathlib import Path

import pandas as pd

from src.data.encode_data import encode_data
from src.data.manifest import CleanManifest, EncodedManifest, read_manifest, write_manifest
from src.data.partition import assign_parts
from src.errors import GroundTruthError
from src.params import EncodeParams, SplitParams
from src.recognition.charset import Charset
from tests.test_data.made_ground_truth import clean_frame


class EncodeDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        rows: list[dict[str, object]] = [
            {"transcription": text, "writer": f"made/{writer}", "frequent": text != "rare"}
            for writer in range(10)
            for text in ("bed", "ace", "rare")
        ]
        self.frame = clean_frame(rows)

    def encode(self, minimum: int = 1) -> pd.DataFrame:
        write_manifest(self.frame, self.root / "clean.parquet", CleanManifest)
        return encode_data(
            self.root / "clean.parquet", self.root / "encoded.parquet", self.root / "charset.json",
            self.root / "labels.json", self.root / "report.csv",
            EncodeParams(min_character_count=minimum), SplitParams(),
        )  # fmt: skip

    def charset(self) -> Charset:
        return Charset.from_json((self.root / "charset.json").read_text(encoding="utf-8"))

    def part(self, name: str) -> pd.Series:
        return assign_parts(self.frame, SplitParams()) == name

    def test_codes_and_labels_decode_to_the_text(self) -> None:
        self.encode()
        frame = read_manifest(self.root / "encoded.parquet", "encode_data", EncodedManifest)
        names = json.loads((self.root / "labels.json").read_text(encoding="utf-8"))["labels"]
        self.assertEqual(["ace", "bed"], names)
        self.assertEqual(tuple("abcder"), self.charset().characters)
        for text, codes, label in zip(frame["text"], frame["codes"], frame["label"], strict=True):
            self.assertEqual(text, self.charset().decode(codes))
            self.assertEqual(text, names[label] if label >= 0 else "rare")

    def test_charset_comes_from_training_writers_only(self) -> None:
        row = self.frame.index[self.part("test")][0]
        self.frame.loc[row, "text"] = "bedé"
        frame = self.encode()
        self.assertNotIn("é", self.charset().characters)
        self.assertEqual("bedé", frame.loc[row, "text"])
        self.assertEqual("bed", self.charset().decode(frame.loc[row, "codes"]))

    def test_training_samples_with_too_rare_characters_are_dropped(self) -> None:
        row = self.frame.index[self.part("train")][0]
        self.frame.loc[row, "text"] = "z"
        frame = self.encode(minimum=2)
        self.assertEqual(len(self.frame) - 1, len(frame))
        self.assertNotIn("z", self.charset().characters)
        report = pd.read_csv(self.root / "report.csv")
        self.assertEqual(["too rare to be learnt: z"], report["reason"].tolist())
        self.assertEqual([self.frame.loc[row, "sample_id"]], report["sample_id"].tolist())

    def test_no_character_left_is_an_error(self) -> None:
        with self.assertRaisesRegex(GroundTruthError, "no character"):
            self.encode(minimum=10_000)


if __name__ == "__main__":
    unittest.main()
