import contextlib
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch

from src.errors import GroundTruthError, MissingArtefactError, ModelFileError
from src.models.build_train_cnn import build_train_cnn, main
from src.models.classifier_data import TooFewWordsError, batches, read_part
from src.models.classifier_file import MODEL_NAME, ClassifierFile, skipped_reason
from src.models.word_classifier import ClassifierTraining, WordClassifier, augment, to_input
from src.params import ClassifierParams
from tests.test_models.made_project import IMAGE_HEIGHT, IMAGE_WIDTH, LABELS, made_paths, write_classifier_samples

PARAMS = ClassifierParams(channels=(8, 16), epochs=12, patience=4, batch_size=16)
COUNTS = {"train": 97, "validation": 24, "test": 24}


def new_paths(test: type[unittest.TestCase] | unittest.TestCase):
    temporary = tempfile.TemporaryDirectory()
    (test.addClassCleanup if isinstance(test, type) else test.addCleanup)(temporary.cleanup)
    return made_paths(Path(temporary.name))


class TrainedTest(unittest.TestCase):
    """One training, many questions."""

    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.paths = new_paths(cls)
        write_classifier_samples(cls.paths, COUNTS)
        cls.info = build_train_cnn(PARAMS, cls.paths)
        cls.test = read_part(cls.paths, "test")

    def test_learns(self):
        found = ClassifierFile(self.paths.classifier / MODEL_NAME).probabilities(self.test.images)
        self.assertGreater((found.argmax(axis=1) == self.test.labels).mean(), 0.9)

    def test_folder_is_complete(self):
        names = {path.name for path in self.paths.classifier.iterdir()}
        self.assertEqual(names, {"best.ckpt", "history.csv", "curves.png", MODEL_NAME, "status.json"})
        self.assertIsNone(skipped_reason(self.paths.classifier))

    def test_file_describes_itself(self):
        info = ClassifierFile(self.paths.classifier / MODEL_NAME).info
        self.assertEqual(info, self.info)
        self.assertEqual(info.labels, LABELS)
        self.assertEqual((info.height, info.width), (IMAGE_HEIGHT, IMAGE_WIDTH))
        history = pd.read_csv(self.paths.classifier / "history.csv")
        self.assertEqual(info.training["best_epoch"], history["epoch"][history["validation_loss"].idxmin()])

    def test_openvino_onnx_runtime_and_torch_agree_for_any_batch(self):
        path = self.paths.classifier / MODEL_NAME
        network = WordClassifier(len(LABELS), IMAGE_HEIGHT, IMAGE_WIDTH, PARAMS.channels, PARAMS.dropout)
        state = torch.load(self.paths.classifier / "best.ckpt", weights_only=True)["state_dict"]
        training = ClassifierTraining(network, PARAMS, torch.ones(len(LABELS)))
        training.load_state_dict(state)
        training.eval()
        session = onnxruntime.InferenceSession(path)
        for count in (1, 2, 7):
            images = np.array(self.test.images[:count])
            with torch.no_grad():
                expected = torch.softmax(network(to_input(torch.from_numpy(images))), dim=1).numpy()
            np.testing.assert_allclose(ClassifierFile(path).probabilities(images), expected, atol=1e-4)
            np.testing.assert_allclose(session.run(["probabilities"], {"images": images})[0], expected, atol=1e-4)

    def test_same_seed_same_weights(self):
        params = PARAMS.model_copy(update={"epochs": 2})
        paths = new_paths(self)
        write_classifier_samples(paths, COUNTS)
        first, second = (build_train_cnn(params, paths).version for _ in range(2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, build_train_cnn(params.model_copy(update={"seed": 5}), paths).version)

    def test_another_file_is_refused(self):
        other = self.paths.root / "other.onnx"
        other.write_bytes(b"no model")
        with self.assertRaises(ModelFileError):
            ClassifierFile(other)


class UnfitDataTest(unittest.TestCase):
    def setUp(self):
        self.paths = new_paths(self)

    def test_one_word_is_too_few(self):
        write_classifier_samples(self.paths, COUNTS, labels=("ab",))
        with self.assertRaisesRegex(TooFewWordsError, "filter.min_word_count"):
            build_train_cnn(PARAMS, self.paths)
        self.assertFalse(self.paths.classifier.exists())

    def test_no_validation_sample(self):
        write_classifier_samples(self.paths, COUNTS | {"validation": 0})
        with self.assertRaisesRegex(TooFewWordsError, "0 validation samples"):
            build_train_cnn(PARAMS, self.paths)

    def test_lines_alone_leave_a_status_and_no_error(self):
        write_classifier_samples(self.paths, {"train": 0, "validation": 0, "test": 0}, labels=())
        self.paths.classifier.mkdir(parents=True)
        (self.paths.classifier / MODEL_NAME).write_bytes(b"of an earlier training")
        with contextlib.chdir(self.paths.root):
            main()
        self.assertEqual([path.name for path in self.paths.classifier.iterdir()], ["status.json"])
        status = json.loads((self.paths.classifier / "status.json").read_text(encoding="utf-8"))
        self.assertFalse(status["trained"])
        self.assertIn("min_word_count", skipped_reason(self.paths.classifier))

    def test_files_that_do_not_belong_together(self):
        write_classifier_samples(self.paths, COUNTS)
        np.save(self.paths.one_hot / "train.npy", np.eye(3, dtype=np.float32))
        with self.assertRaisesRegex(GroundTruthError, "97 images, 97 labels, 3 targets"):
            build_train_cnn(PARAMS, self.paths)

    def test_missing_stage_is_named(self):
        with self.assertRaisesRegex(MissingArtefactError, "encode_data"):
            build_train_cnn(PARAMS, self.paths)


class TrainingPartsTest(unittest.TestCase):
    def test_rare_words_weigh_more(self):
        network = WordClassifier(2, 16, 32, (8,), 0.0)
        logits, targets = torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])
        light = ClassifierTraining(network, PARAMS, torch.tensor([1.0, 1.0])).loss(logits, targets)
        heavy = ClassifierTraining(network, PARAMS, torch.tensor([0.5, 1.5])).loss(logits, targets)
        self.assertAlmostEqual(float(heavy / light), 1.5, places=5)

    def test_augmentation_moves_ink_but_keeps_it(self):
        torch.manual_seed(0)
        images = torch.zeros(64, 1, 32, 128)
        images[:, :, 10:22, 40:88] = 1.0
        found = augment(images)
        self.assertEqual(found.shape, images.shape)
        self.assertGreater(float((found - images).abs().amax(dim=(1, 2, 3)).min()), 0.5)
        ratio = found.sum(dim=(1, 2, 3)) / images.sum(dim=(1, 2, 3))
        self.assertGreater(float(ratio.min()), 0.75)
        self.assertLess(float(ratio.max()), 1.3)

    def test_every_sample_comes_once_in_an_order_of_the_seed(self):
        paths = new_paths(self)
        write_classifier_samples(paths, {"train": 30})
        part = read_part(paths, "train")
        orders = []
        for seed in (1, 1, 2, None):
            found = torch.cat([images for images, _ in batches(part, 8, seed)]).numpy()
            orders.append(found)
            self.assertEqual(
                sorted(image.tobytes() for image in found), sorted(image.tobytes() for image in part.images)
            )
        self.assertTrue((orders[0] == orders[1]).all())
        self.assertFalse((orders[0] == orders[2]).all())
        self.assertTrue((orders[3] == part.images).all())


if __name__ == "__main__":
    unittest.main()
