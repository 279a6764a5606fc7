import tempfile
import unittest
from pathlib import Path

import numpy as np

from src.data.prepare_features import prepare_features
from src.data.reshape_data import fit, reshape_data
from src.data.samples import PackedSamples
from src.errors import MissingArtefactError
from src.params import FeatureParams
from tests.test_data.made_samples import write_split, write_words

PARAMS = FeatureParams(workers=1, classifier_height=32, classifier_width=96)


class TestFit(unittest.TestCase):
    def test_aspect_is_kept_and_the_rest_is_paper(self):
        wide = fit(np.full((48, 480), 200, np.uint8), 32, 96)
        self.assertEqual(wide.shape, (32, 96))
        self.assertTrue((wide[:10] == 200).all())  # 480 x 48 -> 96 x 9.6
        self.assertFalse(wide[10:].any())
        narrow = fit(np.full((48, 24), 200, np.uint8), 32, 96)
        self.assertTrue((narrow[:, :16] == 200).all())
        self.assertFalse(narrow[:, 16:].any())


class TestReshapeData(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        write_words(self.root, [0, 1, -1, 1, 0, -1])
        self.ids = [f"made/w{number:03}" for number in range(6)]
        parts = {"train": self.ids[:3], "validation": self.ids[3:4], "test": self.ids[4:]}
        write_split(self.root / "split", parts)
        prepare_features(self.root / "encoded.parquet", self.root / "extracted", self.root / "samples", PARAMS)

    def reshape(self) -> dict[str, int]:
        folders = (self.root / name for name in ("encoded.parquet", "split", "samples", "classifier"))
        return reshape_data(*folders, PARAMS)

    def test_only_frequent_words_in_their_parts(self):
        self.assertEqual(self.reshape(), {"train": 2, "validation": 1, "test": 1})
        target = self.root / "classifier"
        self.assertEqual((target / "train_sample_ids.txt").read_text().split(), self.ids[:2])
        self.assertEqual(np.load(target / "train_labels.npy").tolist(), [0, 1])
        self.assertEqual(np.load(target / "test_labels.npy").tolist(), [0])
        images = np.load(target / "train_images.npy")
        self.assertEqual((images.shape, images.dtype), ((2, 32, 96, 1), np.uint8))

    def test_an_image_is_the_packed_one_scaled(self):
        self.reshape()
        packed = PackedSamples(self.root / "samples")
        for part, sample in (("train", self.ids[1]), ("validation", self.ids[3])):
            image = np.load(self.root / "classifier" / f"{part}_images.npy")[-1, :, :, 0]
            np.testing.assert_array_equal(image, fit(packed[packed.row_of(sample)], 32, 96))
            self.assertGreater(image.max(), 100)

    def test_no_frequent_words_give_empty_arrays(self):
        write_words(self.root, [-1] * 6)
        self.assertEqual(self.reshape(), {"train": 0, "validation": 0, "test": 0})
        self.assertEqual(np.load(self.root / "classifier" / "train_images.npy").shape, (0, 32, 96, 1))

    def test_a_missing_stage_is_named(self):
        (self.root / "split" / "test.txt").unlink()
        with self.assertRaisesRegex(MissingArtefactError, "split_data"):
            self.reshape()
        self.assertFalse((self.root / "classifier").exists(), "nothing half written")


if __name__ == "__main__":
    unittest.main()
