import pickle
import tempfile
import unittest
from pathlib import Path

import numpy as np

from src.data.samples import PackedSamples, SampleWriter
from src.errors import GroundTruthError, MissingArtefactError
from src.recognition.normalize import NormalizationSettings

SETTINGS = NormalizationSettings(height=16, max_width=512)


class TestPackedSamples(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        random = np.random.default_rng(1)
        self.images = [random.integers(0, 256, (16, width), dtype=np.uint8) for width in (30, 8, 51)]
        with SampleWriter(self.folder, ["c", "a", "b"], SETTINGS) as writer:
            writer.append([2], [51], self.images[2].tobytes())
            writer.append([0, 1], [30, 8], self.images[0].tobytes() + self.images[1].tobytes())

    def test_images_come_back_in_the_order_of_the_table(self) -> None:
        samples = PackedSamples(self.folder)
        self.assertEqual(len(samples), 3)
        for row, image in enumerate(self.images):
            np.testing.assert_array_equal(samples[row], image)
            self.assertEqual(samples[row].dtype, np.uint8)
        self.assertEqual(samples.widths.tolist(), [30, 8, 51])
        self.assertEqual(samples.height, 16)
        self.assertEqual(samples.settings, SETTINGS)

    def test_images_are_read_only_views(self) -> None:
        samples = PackedSamples(self.folder)
        self.assertFalse(samples[0].flags.owndata)
        with self.assertRaises(ValueError):
            samples[0][0, 0] = 1

    def test_rows_by_sample(self) -> None:
        samples = PackedSamples(self.folder)
        self.assertEqual([samples.row_of(name) for name in ("a", "b", "c")], [1, 2, 0])
        with self.assertRaisesRegex(GroundTruthError, "no sample x"):
            samples.row_of("x")

    def test_past_the_end_is_an_index_error(self) -> None:
        with self.assertRaises(IndexError):
            PackedSamples(self.folder)[3]
        self.assertEqual(len(list(PackedSamples(self.folder))), 3)

    def test_pickle_carries_no_pixels(self) -> None:
        pickled = pickle.dumps(PackedSamples(self.folder))
        self.assertLess(len(pickled), 500)
        np.testing.assert_array_equal(pickle.loads(pickled)[2], self.images[2])

    def test_truncated_images_are_an_error(self) -> None:
        path = self.folder / "images.bin"
        path.write_bytes(path.read_bytes()[:-1])
        with self.assertRaisesRegex(GroundTruthError, "prepare_features"):
            PackedSamples(self.folder)

    def test_missing_file_names_the_stage(self) -> None:
        for name in ("images.bin", "index.parquet", "settings.json"):
            path = self.folder / name
            content = path.read_bytes()
            path.unlink()
            with self.subTest(name), self.assertRaisesRegex(MissingArtefactError, "prepare_features"):
                PackedSamples(self.folder)
            path.write_bytes(content)

    def test_an_error_leaves_no_index(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            with self.assertRaises(OSError), SampleWriter(Path(name), ["a"], SETTINGS):
                raise OSError
            self.assertEqual([path.name for path in Path(name).iterdir()], ["images.bin"])


if __name__ == "__main__":
    unittest.main()
