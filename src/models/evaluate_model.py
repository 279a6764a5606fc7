"""Stage: measure both models on writers that neither has seen, and write the reports."""

import argparse
import json
import logging
from pathlib import Path

import pandas as pd

from src.data.samples import PackedSamples
from src.errors import MissingArtefactError
from src.files import write_whole_folder
from src.models.classifier_data import ClassifierPart, read_part
from src.models.classifier_file import MODEL_NAME, ClassifierFile, skipped_reason
from src.models.compare import CLASSIFIER, RESTRICTED, UNRESTRICTED, compare_models, predicted_words
from src.models.metrics import group_rates
from src.models.plots import plot_history
from src.models.readings import part_samples, read_restricted, read_samples
from src.models.report import (
    Metrics,
    report_classifier,
    report_confidence,
    report_language,
    report_recognizer,
    results_markdown,
)
from src.params import EvaluateParams, load_params
from src.paths import Paths
from src.recognition.beam import Fusion
from src.recognition.language_model import LanguageModel
from src.recognition.recognizer import Recognizer
from src.stage import run

logger = logging.getLogger(__name__)

# A training that ended earlier was ended by the clock, not because there was no more to learn.
_FEW_EPOCHS = 5.0

COMPARISON_METRICS = {
    CLASSIFIER: "same_words_classifier_accuracy",
    RESTRICTED: "same_words_recognizer_restricted_accuracy",
    UNRESTRICTED: "same_words_recognizer_accuracy",
}


def evaluate_model(params: EvaluateParams, paths: Paths, part: str = "test") -> Metrics:
    """Measure the word classifier and the recognizer, each as it is served (ONNX, read by OpenVINO).

    Args:
        params: The bootstrap and the size of the page of errors.
        paths: Where models and samples lie. The reports go to `paths.reports` (test; what an earlier evaluation wrote
            is replaced) or to a folder beside it, named with the part.
        part: "test" or "validation".

    Returns:
        The figures of metrics.json.

    Raises:
        MissingArtefactError: No model was trained, or a data stage has not run.
        GroundTruthError: The part holds no samples.
    """
    recognizer = Recognizer.load(paths.recognizer_model) if paths.recognizer_model.exists() else None
    classifier, remark = _classifier(paths)
    if recognizer is None and classifier is None:
        raise MissingArtefactError(
            f"{paths.recognizer_model}: not found; run python src/models/train_recognizer.py ({remark})"
        )
    remarks = [remark] if remark else []
    epochs = recognizer.info.training.get("epochs") if recognizer else None
    if isinstance(epochs, float) and epochs < _FEW_EPOCHS:
        remarks.append(f"the recognizer went only {epochs:.1f} times through its samples: raise recognizer.max_minutes")
    if recognizer is None:
        remarks.append("no recognizer: run python src/models/train_recognizer.py")
    metrics: Metrics = {}
    groups = comparison = accepted = None
    with write_whole_folder(paths.reports if part == "test" else paths.reports.with_name(f"reports_{part}")) as folder:
        (folder / "plots").mkdir()
        words = read_part(paths, part) if classifier else None
        if classifier and words:
            probabilities = classifier.probabilities(words.images)
            metrics |= report_classifier(probabilities, words.labels, classifier.info.labels, folder)
        elif classifier:
            remarks.append(f"no word classifier: the {part} writers wrote none of its words")
        if recognizer:
            samples = PackedSamples(paths.samples)
            readings = read_samples(recognizer, samples, part_samples(paths, part))
            metrics |= report_recognizer(readings, samples, params, folder)
            groups = group_rates(readings, ["level", "source"])
            if paths.language_model.exists():
                fusion = Fusion.of(LanguageModel.load(paths.language_model), recognizer.charset)
                spoken = read_samples(recognizer, samples, part_samples(paths, part), fusion)
                metrics |= report_language(spoken, params, folder)
            found, accepted = report_confidence(readings, recognizer.info.calibration, folder)
            metrics |= found
            if classifier and words:
                guesses = predicted_words(probabilities, classifier.info.labels)
                comparison = _compare(recognizer, samples, readings, words, guesses, classifier.info.labels, params)
                comparison.to_csv(folder / "comparison.csv", index=False)
                for name, accuracy in zip(comparison["model"], comparison["accuracy"], strict=True):
                    metrics[COMPARISON_METRICS[name]] = float(accuracy)
        _plot_trainings(paths, folder / "plots")
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
        report = results_markdown(part, metrics, groups, accepted, comparison, remarks)
        (folder / "results.md").write_text(report, encoding="utf-8")
    for text in remarks:
        logger.warning(text)
    logger.info("%s", report)
    return metrics


def _classifier(paths: Paths) -> tuple[ClassifierFile | None, str]:
    """The word classifier, or why there is none."""
    reason = skipped_reason(paths.classifier)
    model = paths.classifier / MODEL_NAME
    if reason is None and model.exists():
        return ClassifierFile(model), ""
    return None, f"no word classifier: {reason or 'run python src/models/build_train_cnn.py'}"


def _compare(
    recognizer: Recognizer,
    samples: PackedSamples,
    readings: pd.DataFrame,
    words: ClassifierPart,
    guesses: list[str],
    labels: tuple[str, ...],
    params: EvaluateParams,
) -> pd.DataFrame:
    """Both models on the classifier's samples of the part."""
    by_id = readings.set_index("sample_id").loc[list(words.sample_ids)]
    truth = [labels[label] for label in words.labels.tolist()]
    found = {
        CLASSIFIER: guesses,
        RESTRICTED: read_restricted(recognizer, samples, words.sample_ids, labels),
        UNRESTRICTED: by_id["reading"].tolist(),
    }
    return compare_models(truth, by_id["writer"].tolist(), found, params)


def _plot_trainings(paths: Paths, folder: Path) -> None:
    for history, name in ((paths.recognizer, "recognizer"), (paths.classifier, "word_classifier")):
        if (history / "history.csv").exists():
            plot_history(history / "history.csv", folder / f"{name}_curves.png", name.replace("_", " ").capitalize())


def main() -> None:
    """Evaluate on the test writers, or on another part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("test", "validation"), default="test", help="writers to evaluate on")
    part: str = parser.parse_args().part
    paths = Paths()
    evaluate_model(load_params(paths.params).evaluate, paths, part)


if __name__ == "__main__":
    run(main)
