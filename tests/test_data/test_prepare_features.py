import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from src.data.crops import crop, parse_polygon
from src.data.parallel import map_in_order
from src.data.prepare_features import prepare_features
from src.data.samples import PackedSamples
from src.errors import GroundTruthError, ImageError, MissingArtefactError
from src.params import FeatureParams
from src.recognition.appearance import FEATURES, look
from src.recognition.normalize import NormalizationSettings, normalize
from tests.test_data.made_samples import draw_word, write_encoded, write_image, write_words

REAL_WORDS = Path(__file__).resolve().parents[3] / "shared" / "data" / "copiste-d-un-jour" / "jpg"
ONE = FeatureParams(workers=1)
SETTINGS = NormalizationSettings(ONE.height, ONE.max_width)


class TestCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.encoded = self.root / "encoded.parquet"
        self.extracted = self.root / "extracted"
        self.target = self.root / "samples"

    def prepare(self, params: FeatureParams = ONE) -> PackedSamples:
        prepare_features(self.encoded, self.extracted, self.target, params)
        return PackedSamples(self.target)


class TestPrepareFeatures(TestCase):
    def test_packs_each_image_as_the_service_will_see_it(self) -> None:
        write_words(self.root, [0, 1, 2])
        samples = self.prepare()
        self.assertEqual(len(samples), 3)
        self.assertEqual(samples.height, 48)
        for row in range(3):
            expected = normalize(draw_word(60 + 7 * row, seed=row), SETTINGS)
            np.testing.assert_array_equal(samples[row], expected)
            self.assertEqual(samples.widths[row], expected.shape[1])

    def test_notes_what_the_images_looked_like(self) -> None:
        write_words(self.root, [0, 1, 2])
        table = self.prepare().appearance()
        assert table is not None
        self.assertEqual(list(table), list(FEATURES))
        for row in range(3):
            expected = look(draw_word(60 + 7 * row, seed=row))
            np.testing.assert_allclose(table.iloc[row], expected, rtol=1e-6)

    def test_index_has_the_documented_columns(self) -> None:
        write_words(self.root, [0, 1])
        self.prepare()
        index = pd.read_parquet(self.target / "index.parquet")
        self.assertEqual({name: str(kind) for name, kind in index.dtypes.items()}["offset"], "int64")
        self.assertEqual(str(index["width"].dtype), "int32")
        self.assertEqual(list(index["sample_id"]), ["made/w000", "made/w001"])
        self.assertEqual((self.target / "images.bin").stat().st_size, 48 * index["width"].sum())

    def test_a_pool_writes_the_same_bytes_as_one_process(self) -> None:
        write_words(self.root, [0] * 300)
        self.prepare()
        alone = {path.name: path.read_bytes() for path in self.target.iterdir()}
        self.prepare(FeatureParams(workers=2))
        self.assertEqual({path.name: path.read_bytes() for path in self.target.iterdir()}, alone)

    def test_lines_of_a_page_keep_the_order_of_the_table(self) -> None:
        words = [draw_word(80, seed=seed) for seed in range(3)]
        write_image(self.extracted / "a.png", np.vstack(words[:2]))
        write_image(self.extracted / "b.png", words[2])
        rows = [
            {"sample_id": "a/2", "image": "a.png", "box": "0 40 80 40"},
            {"sample_id": "b/1", "image": "b.png", "box": None},
            {"sample_id": "a/1", "image": "a.png", "box": "0 0 80 40"},
        ]
        write_encoded(self.encoded, rows)
        samples = self.prepare()
        for row, word in enumerate((words[1], words[2], words[0])):
            np.testing.assert_array_equal(samples[row], normalize(word, SETTINGS))

    def test_a_vanished_image_is_named(self) -> None:
        write_words(self.root, [0, 1])
        (self.extracted / "made" / "w001.png").unlink()
        with self.assertRaisesRegex(ImageError, r"w001\.png.*made/w001.*load_dataset"):
            self.prepare()

    def test_a_failure_leaves_the_former_samples(self) -> None:
        write_words(self.root, [0, 1])
        self.prepare()
        (self.extracted / "made" / "w001.png").write_bytes(b"no image")
        with self.assertRaises(ImageError):
            self.prepare(FeatureParams(workers=2))
        self.assertEqual(len(PackedSamples(self.target)), 2)
        self.assertEqual([path.name for path in self.root.glob(".*")], [])

    def test_a_box_outside_the_image_is_named(self) -> None:
        write_image(self.extracted / "a.png", draw_word(80))
        write_encoded(self.encoded, [{"sample_id": "a/1", "image": "a.png", "box": "100 0 20 20"}])
        with self.assertRaisesRegex(ImageError, "a/1.*outside the image of 80 x 40"):
            self.prepare()

    def test_no_samples_is_an_error(self) -> None:
        write_words(self.root, [0])
        pd.read_parquet(self.encoded).iloc[:0].to_parquet(self.encoded)
        with self.assertRaisesRegex(GroundTruthError, "no samples"):
            self.prepare()

    def test_names_the_earlier_stage(self) -> None:
        with self.assertRaisesRegex(MissingArtefactError, "encode_data"):
            self.prepare()
        write_encoded(self.encoded, [{"sample_id": "a/1", "image": "a.png"}])
        with self.assertRaisesRegex(MissingArtefactError, "extract_raw_data"):
            self.prepare()

    def test_runs_as_a_script_and_says_what_is_missing(self) -> None:
        script = Path(__file__).resolve().parents[2] / "src" / "data" / "prepare_features.py"
        (self.root / "params.yaml").write_text("features: {height: 32, workers: 1}\n", encoding="utf-8")
        command = [sys.executable, str(script)]
        failed = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("encode_data.py", failed.stderr)
        self.assertNotIn("Traceback", failed.stderr)
        write_words(self.root, [0, 1])
        for source, place in ((self.encoded, "processed"), (self.extracted, "interim")):
            (self.root / "data" / place).mkdir(parents=True)
            source.rename(self.root / "data" / place / source.name)
        subprocess.run(command, cwd=self.root, capture_output=True, check=True)
        self.assertEqual(PackedSamples(self.root / "data" / "processed" / "samples").height, 32)


class TestCrop(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.page = np.full((100, 200), 220, np.uint8)
        self.page[20:30, 20:100] = 20  # the line
        self.page[40:50, 20:100] = 10  # its neighbour

    def test_box(self) -> None:
        np.testing.assert_array_equal(crop(self.page, "10 15 50 20", None), self.page[15:35, 10:60])

    def test_box_that_leaves_the_page_is_clipped(self) -> None:
        np.testing.assert_array_equal(crop(self.page, "-10 -5 50 20", None), self.page[:15, :40])

    def test_neighbours_ink_gets_the_papers_colour(self) -> None:
        cut = crop(self.page, None, "10,10 150,10 150,48 120,35 10,35")
        self.assertEqual(cut.shape, (39, 141))
        self.assertEqual(cut.min(), 20)
        self.assertEqual(cut[30, 10], 220)
        self.assertEqual(cut[15, 30], 20)

    def test_polygon_that_leaves_the_page_is_clipped(self) -> None:
        cut = crop(self.page, None, "-20,-10 90,-10 90,35 -20,35")
        np.testing.assert_array_equal(cut, self.page[:36, :91])

    def test_page_is_not_painted(self) -> None:
        before = self.page.copy()
        crop(self.page, "0 0 200 100", "10,10 150,10 150,48")
        np.testing.assert_array_equal(self.page, before)

    def test_malformed_regions(self) -> None:
        for box, polygon in (("1 2 3", None), ("a b c d", None), (None, "1,2 3,4"), (None, "1,2 3 4,5"), (None, "x,y")):
            with self.subTest(box=box, polygon=polygon), self.assertRaises(GroundTruthError):
                crop(self.page, box, polygon)

    def test_polygon_of_decimals_is_refused(self) -> None:
        with self.assertRaisesRegex(GroundTruthError, r"1\.5"):
            parse_polygon("1.5,2 3,4 5,6")

    @unittest.skipUnless(REAL_WORDS.is_dir(), f"{REAL_WORDS} is absent")
    def test_real_page(self) -> None:
        page = min(REAL_WORDS.glob("*.jpg"))
        grey = cv2.imread(str(page), cv2.IMREAD_GRAYSCALE)
        height, width = grey.shape
        write_image(self.extracted / "page.png", grey)
        left, right, top = width // 8, width // 2, height // 3
        polygon = f"{left},{top} {right},{top - 20} {right},{top + 90} {left},{top + 110}"
        write_encoded(self.encoded, [{"sample_id": "page/1", "image": "page.png", "polygon": polygon}])
        image = self.prepare()[0]
        ink = (image > 128).mean()
        self.assertGreater(image.max(), 200)
        self.assertLess(ink, 0.5)


def _slow_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0.0)
    return number, os.getpid()


def _fail_at_three(number: int) -> int:
    if number == 3:
        raise ImageError("three")
    return number


class TestMapInOrder(unittest.TestCase):
    def test_results_keep_the_order_and_come_from_other_processes(self) -> None:
        results = list(map_in_order(_slow_first, range(20), 2))
        self.assertEqual([number for number, _ in results], list(range(20)))
        self.assertNotIn(os.getpid(), {process for _, process in results})

    def test_tasks_are_taken_only_as_there_is_room(self) -> None:
        taken = []

        def tasks():
            for number in range(1000):
                taken.append(number)
                yield number

        results = map_in_order(_slow_first, tasks(), 2)
        next(results)
        self.assertLess(len(taken), 20)
        results.close()

    def test_an_error_is_passed_on(self) -> None:
        for workers in (1, 2):
            with self.subTest(workers=workers), self.assertRaisesRegex(ImageError, "three"):
                list(map_in_order(_fail_at_three, range(100), workers))


if __name__ == "__main__":
    unittest.main()
