import shutil
import tempfile
import unittest
from pathlib import Path

import pandas as pd

from src.data.clean_data import clean_data
from src.data.clean_text import clean_text, is_struck_out
from src.data.manifest import FilteredManifest, write_manifest
from src.errors import ParamsError
from src.params import CleanParams
from tests.test_data.made_ground_truth import manifest_frame

TEXTS = {
    "A|MOVE|to|stop|Mr.|Gaitskell|,|he|said|.": "A MOVE to stop Mr. Gaitskell, he said.",
    "cafe\u0301": "café",
    "l’été “vert”": 'l\'été "vert"',
    "Ah !  oui\u00a0: non ?": "Ah! oui: non?",
    "( une « chose » )": "(une «chose»)",
    '"|Yes|,|"|said|John|\'s|wife|,|"|no|.|"': '"Yes," said John\'s wife, "no."',
    "I|do|n't|know|...": "I don't know...",
    "3,5 m et 12:30": "3,5 m et 12:30",
    "wait …": "wait...",
}


class CleanDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def clean(
        self, rows: list[dict[str, object]], params: CleanParams | None = None, growing: tuple[str, ...] = ()
    ) -> pd.DataFrame:
        frame = manifest_frame([{"frequent": False} | row for row in rows])
        write_manifest(frame, self.root / "filtered.parquet", FilteredManifest)
        return clean_data(self.root / "filtered.parquet", self.root / "clean.parquet", self.root / "report.csv",
                          params or CleanParams(), growing)  # fmt: skip

    def reasons(self) -> list[str]:
        return pd.read_csv(self.root / "report.csv")["reason"].tolist()

    def test_text_is_made_regular(self) -> None:
        for transcription, text in TEXTS.items():
            with self.subTest(transcription=transcription):
                self.assertEqual(text, clean_text(transcription, "line"))
                self.assertEqual(text, clean_text(text, "line"), "cleaning twice changes the text")

    def test_words_keep_their_bar_and_symbols(self) -> None:
        for word in ("|", ",", "'s", '"', "..."):
            self.assertEqual(word, clean_text(word, "word"))

    def test_a_correction_gives_way_to_ground_truth(self) -> None:
        rows: list[dict[str, object]] = [
            {"sample_id": f"{source}/{digest}", "source": source, "digest": digest, "transcription": text}
            for source, digest, text in (
                ("corrections", "1" * 16, "other"), ("corrections", "2" * 16, "word"), ("corrections", "3" * 16, "new"),
                ("iam", "1" * 16, "word"), ("iam", "2" * 16, "word"),
            )
        ]  # fmt: skip
        kept = self.clean(rows, growing=("corrections",))
        self.assertEqual({f"corrections/{'3' * 16}", f"iam/{'1' * 16}", f"iam/{'2' * 16}"}, set(kept["sample_id"]))
        self.assertEqual(
            [f"ground truth already: of iam/{'1' * 16}", f"ground truth already: of iam/{'2' * 16}"], self.reasons()
        )

    def test_struck_out(self) -> None:
        for text in ("un >mot< barré", "><", "com<>te", "A|#|B"):
            self.assertTrue(is_struck_out(text), text)
        for text in ("a > b", "n#1", "c<0"):
            self.assertFalse(is_struck_out(text), text)

    def test_struck_out_samples_and_patterns_are_dropped_with_reason(self) -> None:
        rows: list[dict[str, object]] = [{}, {"transcription": "a >b<"}, {"transcription": "IMP_Wiki_12"}]
        kept = self.clean(rows, CleanParams(drop_patterns=(r"imp_wiki_\d+",)))
        self.assertEqual(["word"], kept["text"].tolist())
        self.assertEqual(["struck out", r"drop pattern: imp_wiki_\d+"], self.reasons())

    def test_duplicates_and_conflicts(self) -> None:
        rows: list[dict[str, object]] = [
            {"digest": "a"}, {"digest": "a"}, {"digest": "b"}, {"digest": "b", "transcription": "other"},
            {"digest": "c"},
        ]  # fmt: skip
        self.assertEqual(["made/00000", "made/00004"], self.clean(rows)["sample_id"].tolist())
        self.assertEqual(["duplicate", "conflict", "conflict"], [reason.partition(":")[0] for reason in self.reasons()])

    def test_stop_words_and_symbols_leave_the_classifier_only(self) -> None:
        words = ["The", ")", ":", "...", "'s", "house", "’s"]
        kept = self.clean([{"transcription": word, "frequent": True} for word in words])
        self.assertEqual(len(words), len(kept))
        self.assertEqual(["house"], kept.loc[kept["frequent"], "text"].tolist())

    def test_unknown_language_is_named(self) -> None:
        with self.assertRaisesRegex(ParamsError, "klingon"):
            self.clean([{}], CleanParams(stop_word_language="klingon"))


if __name__ == "__main__":
    unittest.main()
