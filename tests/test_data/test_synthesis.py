import tarfile
import tempfile
import unittest
from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import stop_words

from src.data.synthesis.drawing import draw_line, draw_word
from src.data.synthesis.sample_archive import plan_forms, write_sample_archive
from src.data.synthesis.words import COMMON
from src.data.synthesis.writer import create_writer, personal_letter
from src.errors import CharsetError, ParamsError
from src.params import FilterParams, SampleParams


class TestDrawing(unittest.TestCase):
    def test_a_word_is_dark_ink_inside_a_border_of_paper(self):
        for index in range(12):
            writer = create_writer(1, index)
            image = draw_word("people", writer, np.random.default_rng(index))
            self.assertEqual(image.dtype, np.uint8)
            self.assertTrue(20 <= image.shape[0] <= 200 and image.shape[1] > image.shape[0], image.shape)
            ink = image < (writer.ink + writer.paper) / 2
            self.assertTrue(0.02 < ink.mean() < 0.5, ink.mean())
            border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
            self.assertEqual(border.sum(), 0)

    def test_the_same_seed_gives_the_same_image_and_another_differs(self):
        writer = create_writer(1, 3)
        first, again, other = (draw_word("house", writer, np.random.default_rng(seed)) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        self.assertFalse(np.array_equal(first, other))

    def test_every_accent_and_sign_is_drawn_and_differs_from_its_letter(self):
        for face_index in range(4):
            writer = create_writer(2, face_index)
            for character in "éèêëàâçùûüöäßñåøæœïîÉÀÇÖÜÄÅØŒŠžēñ«»€£&()?!;:'\"-0123456789’…":
                image = draw_word(character, writer, np.random.default_rng(0))
                self.assertGreater((image < (writer.ink + writer.paper) / 2).sum(), 3, character)
            for accented, plain in zip("éçüñå", "ecuna", strict=True):
                self.assertGreater(
                    len(personal_letter(writer, accented).strokes), len(personal_letter(writer, plain).strokes)
                )

    def test_a_character_without_strokes_is_named(self):
        with self.assertRaisesRegex(CharsetError, "漢"):
            draw_word("a漢", create_writer(1, 0), np.random.default_rng(0))
        with self.assertRaisesRegex(ValueError, "empty"):
            draw_word(" ", create_writer(1, 0), np.random.default_rng(0))

    def test_a_line_is_as_wide_as_its_words(self):
        writer = create_writer(1, 5)
        line = draw_line("water and music", writer, np.random.default_rng(0))
        words = sum(draw_word(word, writer, np.random.default_rng(0)).shape[1] for word in ("water", "and", "music"))
        self.assertTrue(0.7 * words < line.shape[1] < 1.6 * words)

    def test_a_writer_is_like_himself_and_unlike_another(self):
        def look(index: int, turn: int) -> np.ndarray:
            image = draw_word("family", create_writer(4, index), np.random.default_rng([index, turn]))
            return cv2.GaussianBlur(cv2.resize(image, (96, 32)), (0, 0), 2).astype(float)

        looks = [[look(index, turn) for turn in range(2)] for index in range(12)]
        nearest = [min(range(12), key=lambda other: np.abs(mine[0] - looks[other][1]).mean()) for mine in looks]
        self.assertGreaterEqual(sum(found == index for index, found in enumerate(nearest)), 9)


class TestWords(unittest.TestCase):
    def test_the_default_sample_has_frequent_words_of_all_writers(self):
        writers: dict[str, set[int]] = defaultdict(set)
        counts: Counter[str] = Counter()
        for task in plan_forms(SampleParams()):
            for text in task.texts:
                counts[text] += 1
                writers[text].add(task.writer)
        self.assertEqual(sum(counts.values()), 9000)
        unwanted = set(stop_words.get_stop_words("english"))
        limits = FilterParams()
        # The lower limit leaves room for the rows that are marked `err`.
        frequent = [
            word
            for word, count in counts.items()
            if word.isalpha()
            and word.lower() not in unwanted
            and limits.min_word_count * 1.1 <= count <= limits.max_word_count
        ]
        self.assertGreaterEqual(len(frequent), 12)
        self.assertTrue(set(COMMON) <= set(frequent), set(COMMON) - set(frequent))
        for word in COMMON:
            self.assertEqual(len(writers[word]), 40, word)
        self.assertGreater(counts["the"], counts["which"])
        self.assertGreater(counts[","], 100)
        self.assertTrue(any(text.isdigit() for text in counts) and any(text[0].isupper() for text in counts))

    def test_what_ids_cannot_name_is_refused(self):
        with self.assertRaisesRegex(ParamsError, "sample.writers"):
            plan_forms(SampleParams(words=10, writers=11))
        with self.assertRaisesRegex(ParamsError, "sample.words"):
            plan_forms(SampleParams(words=100_000, writers=1))


class TestSampleArchive(unittest.TestCase):
    def test_it_has_the_layout_of_iam_and_the_same_bytes_for_any_number_of_workers(self):
        params = SampleParams(words=240, writers=3, seed=7)
        with tempfile.TemporaryDirectory() as folder:
            one, two = Path(folder) / "one.tar.gz", Path(folder) / "two.tar.gz"
            write_sample_archive(one, params, workers=1)
            write_sample_archive(two, params, workers=2)
            self.assertEqual(one.read_bytes(), two.read_bytes())
            with tarfile.open(one) as archive:
                content = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
        rows = [row.split(" ") for row in _rows(content["data/raw/ascii/words.txt"])]
        forms = dict(row.split(" ")[:2] for row in _rows(content["data/raw/ascii/forms.txt"]))
        self.assertTrue(content["data/raw/ascii/words.txt"].startswith(b"#"))
        self.assertIn("data/raw/words/a01/a01-000u/a01-000u-00-00.png", content)
        self.assertEqual(len(rows), 240)
        self.assertEqual(len(content), 242)
        self.assertEqual(set(forms.values()), {"000", "001", "002"})
        self.assertEqual({row[1] for row in rows}, {"ok", "err"})
        for row in rows:
            self.assertEqual(len(row), 9, row)
            folder, form = row[0].split("-")[:2]
            self.assertIn(f"{folder}-{form}", forms)
            png = content[f"data/raw/words/{folder}/{folder}-{form}/{row[0]}.png"]
            image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
            self.assertEqual(image.shape, (int(row[6]), int(row[5])))

    def test_a_words_image_depends_on_its_seed_writer_and_index_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            images = []
            for writers in (2, 3):
                target = Path(folder) / f"{writers}.tar.gz"
                write_sample_archive(target, SampleParams(words=20 * writers, writers=writers, seed=9), workers=1)
                with tarfile.open(target) as archive:
                    images.append(archive.extractfile("data/raw/words/a02/a02-000u/a02-000u-00-05.png").read())
        self.assertEqual(*images)


def _rows(table: bytes) -> list[str]:
    return [row for row in table.decode().splitlines() if not row.startswith("#")]


if __name__ == "__main__":
    unittest.main()
