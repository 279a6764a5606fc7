import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import pandas as pd
import torch

from src.data.build_language_model import estimate
from src.errors import GroundTruthError, MissingArtefactError
from src.models.classifier_file import MODEL_NAME, export_classifier, write_status
from src.models.evaluate_model import evaluate_model
from src.models.word_classifier import WordClassifier
from src.params import EvaluateParams
from tests.test_models.made_project import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    LABELS,
    evaluated_rows,
    made_paths,
    write_classifier_samples,
    write_readable_samples,
)
from tests.tiny_model import info, write_tiny_model

WORDS = 12
PARAMS = EvaluateParams(bootstrap_rounds=50, worst_errors=5)


class EvaluateModelTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.paths = made_paths(Path(temporary.name))
        write_classifier_samples(self.paths, {"train": 6, "validation": 6, "test": WORDS})
        rows = evaluated_rows(WORDS)
        write_readable_samples(self.paths, rows, {"test": [row["sample_id"] for row in rows], "validation": []})

    def add_recognizer(self):
        write_tiny_model(self.paths.recognizer_model)
        history = "epoch,step,train_loss,validation_loss,validation_cer,validation_wer,learning_rate,seconds\n"
        rows = "1,10,3.0,2.5,0.9,1.0,0.001,5\n2,20,2.0,1.5,0.4,0.7,0.001,10\n"
        (self.paths.recognizer / "history.csv").write_text(history + rows, encoding="utf-8")

    def add_classifier(self):
        torch.manual_seed(0)
        network = WordClassifier(len(LABELS), IMAGE_HEIGHT, IMAGE_WIDTH, (4,), 0.0)
        export_classifier(network, LABELS, self.paths.classifier / MODEL_NAME)
        write_status(self.paths.classifier)

    def read(self, name):
        return (self.paths.reports / name).read_text(encoding="utf-8")

    def test_recognizer_figures_are_the_known_ones(self):
        self.add_recognizer()
        self.add_classifier()
        metrics = evaluate_model(PARAMS, self.paths)
        # Half of the 12 words are painted with "c" for their second character; one line lacks "<" and ">".
        self.assertEqual(metrics["recognizer_word_cer"], 6 / 24)
        self.assertEqual(metrics["recognizer_word_exact_rate"], 0.5)
        self.assertEqual(metrics["recognizer_line_cer"], 2 / 14)
        self.assertEqual(metrics["recognizer_line_wer"], 1 / 5)
        self.assertEqual(metrics["recognizer_cer"], 8 / 38)
        self.assertLessEqual(metrics["recognizer_cer_low"], metrics["recognizer_cer"])
        self.assertEqual(metrics["recognizer_writers"], 2)
        self.assertEqual(json.loads(self.read("metrics.json")), metrics)

    def test_tables(self):
        self.add_recognizer()
        self.add_classifier()
        evaluate_model(PARAMS, self.paths)
        per_writer = pd.read_csv(self.paths.reports / "per_writer.csv")
        self.assertEqual(per_writer["writer"].tolist(), ["w/4", "w/5"])
        self.assertEqual(per_writer["edits"].tolist(), [6, 2])
        self.assertEqual(pd.read_csv(self.paths.reports / "per_length.csv")["length"].tolist(), ["2", "5-8", "9-16"])
        self.assertEqual(len(pd.read_csv(self.paths.reports / "readings.csv")), WORDS + 2)
        matrix = pd.read_csv(self.paths.reports / "confusion_matrix.csv", index_col="word")
        self.assertEqual(list(matrix.columns), list(LABELS))
        self.assertEqual(matrix.sum(axis=1).tolist(), [4, 4, 4])
        report = pd.read_csv(self.paths.reports / "classification_report.csv", index_col="word")
        self.assertEqual(report.loc[list(LABELS), "support"].tolist(), [4, 4, 4])
        self.assertIn("macro avg", self.read("classification_report.txt"))
        plots = {path.stem for path in (self.paths.reports / "plots").glob("*.png")}
        expected = {"confusion_matrix", "cer_per_writer", "cer_per_length", "confidence", "recognizer_curves"}
        self.assertEqual(plots, expected)

    def test_what_is_read_with_a_language_model_is_measured_beside(self):
        self.add_recognizer()
        estimate({"ab": 50.0, "ca": 50.0, "ab ba": 5.0}, 3).save(self.paths.language_model)
        metrics = evaluate_model(PARAMS, self.paths)
        self.assertEqual(metrics["recognizer_word_cer"], 6 / 24)
        self.assertEqual(metrics["recognizer_language_samples"], WORDS + 2)
        self.assertIn("| words, with the language model | 12 |", self.read("results.md"))
        groups = pd.read_csv(self.paths.reports / "per_group_language.csv")
        self.assertEqual(groups["samples"].tolist(), [2, WORDS])

    def test_side_by_side(self):
        self.add_recognizer()
        self.add_classifier()
        metrics = evaluate_model(PARAMS, self.paths)
        table = pd.read_csv(self.paths.reports / "comparison.csv")
        self.assertEqual(table["samples"].tolist(), [WORDS] * 3)
        self.assertEqual(metrics["same_words_recognizer_accuracy"], 0.5)
        # "ac" for "ab" and "cc" for "ca" are nearest to the right word, so the vocabulary mends what was misread.
        self.assertGreater(metrics["same_words_recognizer_restricted_accuracy"], 0.5)
        self.assertEqual(metrics["same_words_classifier_accuracy"], metrics["classifier_accuracy"])

    def test_page_of_errors_is_one_file_with_the_worst(self):
        self.add_recognizer()
        evaluate_model(PARAMS, self.paths)
        page = self.read("worst_errors.html")
        self.assertEqual(page.count("<article>"), 5)
        self.assertEqual(page.count('src="data:image/png;base64,'), 5)
        self.assertNotRegex(page, r'(src|href)="(?!data:)')
        evaluate_model(EvaluateParams(bootstrap_rounds=5, worst_errors=99), self.paths)
        page = self.read("worst_errors.html")
        self.assertEqual(page.count("<article>"), 7)  # only what was misread
        self.assertIn("<del>&lt;</del>b<del>&gt;</del>", page)  # marked, and no text becomes HTML
        self.assertTrue(re.search(r"test/0.*l/1", page, re.DOTALL))

    def test_a_training_that_the_clock_cut_short_is_remarked(self):
        for epochs, remarked in ((1.3, True), (12.0, False)):
            described = info(training={"epochs": epochs}).to_metadata()
            write_tiny_model(self.paths.recognizer_model, described)
            evaluate_model(PARAMS, self.paths)
            self.assertEqual("only 1.3 times" in self.read("results.md"), remarked)

    def test_without_word_classifier_the_reason_is_said(self):
        self.add_recognizer()
        write_status(self.paths.classifier, skipped="no frequent words: lower filter.min_word_count")
        metrics = evaluate_model(PARAMS, self.paths)
        self.assertIn("no word classifier: no frequent words: lower filter.min_word_count", self.read("results.md"))
        self.assertNotIn("classifier_accuracy", metrics)
        self.assertIn("| lines | 2 |", self.read("results.md"))

    def test_without_recognizer_the_classifier_is_still_measured(self):
        self.add_classifier()
        metrics = evaluate_model(PARAMS, self.paths)
        self.assertEqual(metrics["classifier_samples"], WORDS)
        self.assertIn("train_recognizer.py", self.read("results.md"))

    def test_test_writers_without_frequent_words(self):
        self.add_recognizer()
        self.add_classifier()
        shutil.rmtree(self.paths.classifier_samples)
        shutil.rmtree(self.paths.one_hot)
        write_classifier_samples(self.paths, {"train": 6, "validation": 6, "test": 0})
        self.assertNotIn("classifier_accuracy", evaluate_model(PARAMS, self.paths))
        self.assertIn("wrote none of its words", self.read("results.md"))

    def test_without_any_model(self):
        with self.assertRaisesRegex(MissingArtefactError, "train_recognizer"):
            evaluate_model(PARAMS, self.paths)

    def test_empty_part_is_an_error_and_leaves_the_old_reports(self):
        self.add_recognizer()
        evaluate_model(PARAMS, self.paths)
        (self.paths.split / "test.txt").write_text("", encoding="utf-8")
        with self.assertRaisesRegex(GroundTruthError, "split.test"):
            evaluate_model(PARAMS, self.paths)
        self.assertIn("recognizer_cer", json.loads(self.read("metrics.json")))

    def test_validation_part_has_its_own_folder(self):
        self.add_recognizer()
        shutil.copy(self.paths.split / "test.txt", self.paths.split / "validation.txt")
        evaluate_model(PARAMS, self.paths, part="validation")
        report = self.paths.root / "reports_validation" / "results.md"
        self.assertIn("validation writers", report.read_text(encoding="utf-8"))
        self.assertFalse((self.paths.reports / "metrics.json").exists())


if __name__ == "__main__":
    unittest.main()
