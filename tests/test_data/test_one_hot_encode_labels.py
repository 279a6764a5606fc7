import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from src.data.one_hot_encode_labels import one_hot_encode_labels
from src.errors import GroundTruthError, MissingArtefactError


class TestOneHotEncodeLabels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "labels.json").write_text(json.dumps({"labels": ["one", "two", "three"]}))
        for part, labels in (("train", [0, 2, 1, 2]), ("validation", [1]), ("test", [])):
            np.save(self.root / f"{part}_labels.npy", np.array(labels, np.int64))

    def encode(self) -> Path:
        one_hot_encode_labels(self.root / "labels.json", self.root, self.root / "one_hot")
        return self.root / "one_hot"

    def test_each_row_has_a_single_one_at_its_label(self):
        encoded = np.load(self.encode() / "train.npy")
        self.assertEqual((encoded.shape, encoded.dtype), ((4, 3), np.float32))
        np.testing.assert_array_equal(encoded.sum(axis=1), 1.0)
        self.assertEqual(encoded.argmax(axis=1).tolist(), [0, 2, 1, 2])

    def test_an_empty_part_keeps_the_classes(self):
        self.assertEqual(np.load(self.encode() / "test.npy").shape, (0, 3))

    def test_labels_of_another_data_set_are_refused(self):
        np.save(self.root / "validation_labels.npy", np.array([3], np.int64))
        with self.assertRaisesRegex(GroundTruthError, "3 classes.*again"):
            self.encode()
        self.assertFalse((self.root / "one_hot").exists(), "nothing half written")

    def test_a_missing_stage_is_named(self):
        (self.root / "train_labels.npy").unlink()
        with self.assertRaisesRegex(MissingArtefactError, "reshape_data"):
            self.encode()


if __name__ == "__main__":
    unittest.main()
