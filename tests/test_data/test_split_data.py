import re
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd

from src.data.archives import unpack
from src.data.formats.ground_truth import Folder
from src.data.formats.readers import read_ground_truth
from src.data.manifest import EncodedManifest, write_manifest
from src.data.partition import PARTS, assign_parts
from src.data.split_data import split_data
from src.errors import GroundTruthError
from src.params import SplitParams
from tests.test_data.made_ground_truth import COPISTE, clean_frame


def collection(name: str, writers: int, seed: int = 0) -> list[dict[str, object]]:
    random = np.random.default_rng(seed)
    return [
        {"writer": f"{name}/{writer}", "source": name, "form": f"{name}/f{writer}", "level": level,
         "sample_id": f"{name}/f{writer}-{level}-{number}", "transcription": f"w{number % 5}",
         "frequent": level == "word" and number % 5 < 2}
        for writer in range(writers)
        for level, most in (("word", 60), ("line", 12))
        for number in range(int(random.integers(most // 3, most)))
    ]  # fmt: skip


class SplitDataTest(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def assert_no_writer_is_cut(self, frame: pd.DataFrame, parts: pd.Series) -> None:
        self.assertEqual(1, parts.groupby(frame["writer"]).nunique().max())

    def test_shares_hold_in_each_collection_and_level(self) -> None:
        frame = clean_frame(collection("a", 60) + collection("b", 40, seed=1))
        parts = assign_parts(frame, SplitParams())
        self.assert_no_writer_is_cut(frame, parts)
        for _, rows in parts.groupby([frame["source"], frame["level"]]):
            for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
                self.assertAlmostEqual(share, (rows == part).mean(), delta=0.03)

    def test_same_writers_whatever_the_order_or_the_other_collections(self) -> None:
        one = clean_frame(collection("a", 30))
        both = clean_frame(collection("b", 9, seed=1) + collection("a", 30)).sample(frac=1.0, random_state=3)
        alone = assign_parts(one, SplitParams()).groupby(one["writer"]).first()
        together = assign_parts(both, SplitParams()).groupby(both["writer"]).first()
        self.assertEqual(alone.to_dict(), together[together.index.str.startswith("a/")].to_dict())

    def test_seed_changes_the_split(self) -> None:
        frame = clean_frame(collection("a", 30))
        self.assertFalse(assign_parts(frame, SplitParams()).equals(assign_parts(frame, SplitParams(seed=21))))

    def test_drawn_collections_are_learnt_from_and_never_measured(self) -> None:
        frame = clean_frame(collection("a", 30) + collection("fonts", 20, seed=1))
        parts = assign_parts(frame, SplitParams())
        self.assertEqual({"train"}, set(parts[frame["source"] == "fonts"]))
        alone = frame[frame["source"] == "a"]
        self.assertTrue(parts[frame["source"] == "a"].equals(assign_parts(alone, SplitParams())))
        self.assertEqual(set(PARTS), set(assign_parts(frame, SplitParams(train_only=()))[frame["source"] == "fonts"]))

    def test_a_collection_that_grows_moves_nobody(self) -> None:
        frame = clean_frame(collection("a", 30) + collection("corrections", 200, seed=1))
        writers = frame.assign(part=assign_parts(frame, SplitParams())).groupby("writer")["part"].first()
        grown = writers[writers.index.str.startswith("corrections/")]
        for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
            self.assertAlmostEqual(share, (grown == part).mean(), delta=0.06)
        random = np.random.default_rng(5)
        for kept in (1, 7, 60):
            few = frame[~frame["source"].eq("corrections") | frame["writer"].isin(random.choice(grown.index, kept))]
            earlier = few.assign(part=assign_parts(few, SplitParams())).groupby("writer")["part"].first()
            self.assertEqual(writers[earlier.index].to_dict(), earlier.to_dict())
        settled = SplitParams(growing=())
        moved = few.assign(part=assign_parts(few, settled)).groupby("writer")["part"].first()
        whole = frame.assign(part=assign_parts(frame, settled)).groupby("writer")["part"].first()
        self.assertNotEqual(whole[moved.index].to_dict(), moved.to_dict(), "others are shared out by what parts lack")

    def test_a_writer_of_a_growing_collection_fills_no_other_part(self) -> None:
        one = {"writer": "corrections/0", "source": "corrections", "transcription": "only", "frequent": True}
        parts = {
            name: assign_parts(clean_frame([*collection("a", 9), one | {"writer": name}]), SplitParams()).iloc[-1]
            for name in (f"corrections/{number}" for number in range(40))
        }
        self.assertEqual(set(PARTS), set(parts.values()), "a word that only one person wrote brings nobody to train")
        alone = clean_frame([one | {"writer": name, "frequent": False} for name in parts if parts[name] == "train"])
        with self.assertRaisesRegex(GroundTruthError, "no writer may move there"):
            assign_parts(alone, SplitParams())

    def test_lists_decide_in_a_growing_collection_too(self) -> None:
        frame = clean_frame(collection("corrections", 9))
        for part, writer in (("train", 0), ("validation", 1), ("test", 2)):
            (self.root / f"{part}.txt").write_text(f"corrections/{writer}\n")
        parts = assign_parts(frame, SplitParams(partition=self.root)).groupby(frame["writer"]).first()
        self.assertEqual(["train", "validation", "test"], parts.tolist()[:3])

    def test_class_of_one_writer_is_in_train(self) -> None:
        rows = collection("a", 30)
        for writer in range(0, 30, 6):
            with self.subTest(writer=writer):
                only: dict[str, object] = {
                    "writer": f"a/{writer}",
                    "source": "a",
                    "transcription": "only",
                    "frequent": True,
                }
                frame = clean_frame([*rows, only])
                self.assertEqual("train", assign_parts(frame, SplitParams()).iloc[-1])

    def test_few_writers(self) -> None:
        frame = clean_frame([{"writer": f"a/{writer}", "source": "a"} for writer in range(3)])
        self.assertEqual(set(PARTS), set(assign_parts(frame, SplitParams())))
        with self.assertRaisesRegex(GroundTruthError, "2 writers cannot fill 3 parts"):
            assign_parts(frame[:2], SplitParams())
        whole = SplitParams(train=1.0, validation=0.0, test=0.0)
        self.assertEqual({"train"}, set(assign_parts(frame[:1], whole)))

    def test_lists_are_saved_and_reproduce_the_split(self) -> None:
        frame = clean_frame(collection("a", 20))
        frame = frame.assign(codes=[[1]] * len(frame), label=-1)
        write_manifest(frame, self.root / "encoded.parquet", EncodedManifest)
        parts = split_data(self.root / "encoded.parquet", self.root / "split", SplitParams())
        for part in PARTS:
            ids = (self.root / "split" / f"{part}.txt").read_text(encoding="utf-8").split()
            self.assertEqual(sorted(parts.index[parts == part]), ids)
        writers = pd.read_csv(self.root / "split" / "writers.csv")
        self.assertEqual((20, len(frame)), (len(writers), writers["samples"].sum()))
        again = assign_parts(frame, SplitParams(seed=99, partition=self.root / "split"))
        self.assertEqual(parts.tolist(), again.tolist())

    def test_published_lists_of_lines_hold_for_their_words(self) -> None:
        words = [
            ("a01-000u-00-00", "1"),
            ("a01-000u-01-00", "1"),
            ("b02-001-00-03", "2"),
            ("c03-002-00-00", "3"),
            ("d04-003-00-00", "4"),
        ]
        frame = clean_frame([
            {"sample_id": f"iam/{name}", "writer": f"iam/{writer}", "form": f"iam/{name.rsplit('-', 2)[0]}",
             "source": "iam"}
            for name, writer in words
        ])  # fmt: skip
        for name, lines in {
            "trainset": "a01-000u-00\n",
            "validationset1": "b02-001-00\n",
            "testset": "c03-002\n",
        }.items():
            (self.root / f"{name}.txt").write_text(lines)
        parts = assign_parts(frame, SplitParams(partition=self.root))
        self.assertEqual(["train", "train", "validation", "test"], parts.tolist()[:4])
        (self.root / "testset.txt").write_text("c03-002\na01-000u-01\n")
        with self.assertRaisesRegex(GroundTruthError, "writer iam/1"):
            assign_parts(frame, SplitParams(partition=self.root))

    def test_lists_that_name_nothing_are_an_error(self) -> None:
        frame = clean_frame(collection("a", 5))
        with self.assertRaisesRegex(GroundTruthError, "no ids"):
            assign_parts(frame, SplitParams(partition=self.root))
        (self.root / "train.txt").write_text("nobody\n")
        with self.assertRaisesRegex(GroundTruthError, "names none"):
            assign_parts(frame, SplitParams(partition=self.root))

    @unittest.skipUnless(COPISTE.is_dir(), "needs copiste-words and copiste-d-un-jour")
    def test_real_words_and_lines_of_one_writer_are_in_one_part(self) -> None:
        unpack(COPISTE / "copiste-words/raw_data.tar.gz", self.root, max_members=10**6, max_bytes=10**9)
        words = read_ground_truth(Folder(self.root)).rows
        lines = read_ground_truth(Folder(COPISTE / "copiste-d-un-jour"), "alto", re.compile(r"wikitexte_0(\d{3})")).rows
        self.assertEqual({row.writer for row in words}, {row.writer for row in lines})
        frame = pd.DataFrame({
            "sample_id": [f"copiste/{row.name}" for row in words + lines],
            "writer": [f"copiste/{row.writer}" for row in words + lines],
            "form": [f"copiste/{row.form}" for row in words + lines],
            "source": "copiste", "level": [row.level for row in words + lines],
            "frequent": False, "text": [row.transcription for row in words + lines],
        })  # fmt: skip
        parts = assign_parts(frame, SplitParams())
        self.assert_no_writer_is_cut(frame, parts)
        self.assertEqual(set(PARTS), set(parts))
        for _, rows in parts.groupby(frame["level"]):
            self.assertAlmostEqual(0.8, (rows == "train").mean(), delta=0.02)


if __name__ == "__main__":
    unittest.main()
