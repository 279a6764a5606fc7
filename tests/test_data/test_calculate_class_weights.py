import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from src.data.calculate_class_weights import calculate_class_weights
from src.errors import MissingArtefactError


class TestCalculateClassWeights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def weigh(self, names: list[str], labels: list[int]) -> list[float]:
        (self.root / "labels.json").write_text(json.dumps({"labels": names}))
        np.save(self.root / "train_labels.npy", np.array(labels, np.int64))
        target = self.root / "weights.json"
        calculate_class_weights(self.root / "labels.json", self.root / "train_labels.npy", target)
        return json.loads(target.read_text())["weights"]

    def test_a_class_half_as_frequent_weighs_twice(self):
        weights = self.weigh(["one", "two", "three"], [0] * 20 + [1] * 10 + [2] * 10)
        self.assertAlmostEqual(np.mean(weights), 1.0)
        self.assertAlmostEqual(weights[1] / weights[0], 2.0)
        self.assertAlmostEqual(weights[1], weights[2])

    def test_equal_classes_weigh_one(self):
        self.assertEqual(self.weigh(["a", "b"], [0, 1, 1, 0]), [1.0, 1.0])

    def test_a_class_without_training_samples_weighs_nothing_and_is_named(self):
        with self.assertLogs("src.data.calculate_class_weights", "WARNING") as logs:
            weights = self.weigh(["a", "lost", "c"], [0, 2, 2])
        self.assertEqual(weights[1], 0.0)
        self.assertIn("lost", logs.output[0])

    def test_no_classes(self):
        self.assertEqual(self.weigh([], []), [])

    def test_a_missing_stage_is_named(self):
        (self.root / "labels.json").write_text('{"labels": []}')
        with self.assertRaisesRegex(MissingArtefactError, "reshape_data"):
            calculate_class_weights(self.root / "labels.json", self.root / "none.npy", self.root / "weights.json")


if __name__ == "__main__":
    unittest.main()
