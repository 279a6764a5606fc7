"""Where every artefact lies, and which stage owns it: the one list of paths."""

import json
from dataclasses import dataclass, field
from pathlib import Path


def start_beside(model: Path) -> Path:
    """Weights that a training can start from, beside the recognizer's file that holds them for reading."""
    return model.with_name("start.pt")


@dataclass(frozen=True)
class Paths:
    """All artefacts under one root (the folder that holds params.yaml).

    Args:
        root: The project's folder; the current directory by default, as every command is run from there.
    """

    root: Path = field(default_factory=Path.cwd)

    # -- ground truth -------------------------------------------------------------------------------------
    @property
    def params(self) -> Path:
        """params.yaml, written by people."""
        return self.root / "params.yaml"

    @property
    def raw(self) -> Path:
        """Folder of archives (*.tar.gz, *.tgz, *.tar, *.zip), brought by people or by `longhand import`."""
        return self.root / "data" / "raw"

    @property
    def raw_archive(self) -> Path:
        """The archive that the commands of the documentation start from."""
        return self.raw / "raw_data.tar.gz"

    @property
    def interim(self) -> Path:
        """Tables between ground truth and samples."""
        return self.root / "data" / "interim"

    @property
    def extracted(self) -> Path:
        """One folder an archive, by extract_raw_data."""
        return self.interim / "extracted"

    @property
    def manifest(self) -> Path:
        """Manifest of all samples, by load_dataset."""
        return self.interim / "manifest.parquet"

    @property
    def load_report(self) -> Path:
        """Rows of ground truth that could not be used, by load_dataset."""
        return self.interim / "load_report.csv"

    @property
    def filtered(self) -> Path:
        """Manifest after filter_data."""
        return self.interim / "filtered.parquet"

    @property
    def filter_report(self) -> Path:
        """Samples dropped by filter_data."""
        return self.interim / "filter_report.csv"

    @property
    def clean(self) -> Path:
        """Manifest after clean_data."""
        return self.interim / "clean.parquet"

    @property
    def clean_report(self) -> Path:
        """Samples dropped by clean_data."""
        return self.interim / "clean_report.csv"

    @property
    def encode_report(self) -> Path:
        """Samples dropped by encode_data."""
        return self.interim / "encode_report.csv"

    # -- samples ------------------------------------------------------------------------------------------
    @property
    def processed(self) -> Path:
        """Samples ready for training."""
        return self.root / "data" / "processed"

    @property
    def encoded(self) -> Path:
        """Manifest with codes and labels, by encode_data."""
        return self.processed / "encoded.parquet"

    @property
    def charset(self) -> Path:
        """The recognizer's characters, by encode_data."""
        return self.processed / "charset.json"

    @property
    def labels(self) -> Path:
        """The word classifier's words, by encode_data."""
        return self.processed / "labels.json"

    @property
    def samples(self) -> Path:
        """Folder of packed images (images.bin, index.parquet), by prepare_features."""
        return self.processed / "samples"

    @property
    def split(self) -> Path:
        """Folder of train.txt, validation.txt, test.txt and writers.csv, by split_data."""
        return self.processed / "split"

    @property
    def spliced(self) -> Path:
        """Folder of new texts in the training writers' hands (packed images and table.parquet), by splice_letters."""
        return self.processed / "spliced"

    @property
    def classifier_samples(self) -> Path:
        """Folder of fixed-size images and labels, by reshape_data."""
        return self.processed / "classifier"

    @property
    def one_hot(self) -> Path:
        """Folder of one-hot labels, by one_hot_encode_labels."""
        return self.processed / "one_hot"

    @property
    def class_weights(self) -> Path:
        """Weights of the word classifier's classes, by calculate_class_weights."""
        return self.processed / "class_weights.json"

    # -- the loop ---------------------------------------------------------------------------------------------
    @property
    def pipeline(self) -> Path:
        """Folder of the scheduled pipeline (state.json, lock, logs/, pipeline.prom), by run_mlops_pipeline."""
        return self.root / "data" / "pipeline"

    # -- models and what they are worth -------------------------------------------------------------------
    @property
    def classifier(self) -> Path:
        """Folder of the word classifier (model.onnx, history.csv, curves.png), by build_train_cnn."""
        return self.root / "models" / "word_classifier"

    @property
    def recognizer(self) -> Path:
        """Folder of the recognizer's training (checkpoints, history.csv, curves.png), by train_recognizer."""
        return self.root / "models" / "recognizer"

    @property
    def recognizer_model(self) -> Path:
        """The self-describing ONNX file that everything reads with, by train_recognizer."""
        return self.recognizer / "recognizer.onnx"

    @property
    def language_model(self) -> Path:
        """Character language model of the training texts, by build_language_model."""
        return self.root / "models" / "language_model.npz"

    @property
    def released_model(self) -> Path:
        """The recognizer that comes with the project, by release."""
        return self.root / "models" / "released" / "recognizer.onnx"

    @property
    def start(self) -> Path:
        """Folder of the champion's weights, from which the scheduled pipeline trains."""
        return self.root / "models" / "start"

    @property
    def start_model(self) -> Path:
        """The recognizer that trainings start from: what the scheduled pipeline put there, else the released one."""
        chosen = self.start / "recognizer.onnx"
        return chosen if chosen.exists() else self.released_model

    @property
    def start_weights(self) -> Path:
        """The weights of `start_model`."""
        return start_beside(self.start_model)

    @property
    def taught(self) -> Path:
        """Folder of a recognizer that was taught a hand (recognizer.onnx, start.pt, held_out.csv), by teach."""
        return self.root / "models" / "taught"

    @property
    def registry(self) -> Path:
        """Folder of what the registry has put in service (champion.json, challenger.json, versions/), by publish."""
        return self.root / "models" / "registry"

    @property
    def latest_model(self) -> Path:
        """The recognizer trained here, until then the released one, whatever the registry says."""
        return self.recognizer_model if self.recognizer_model.exists() else self.released_model

    @property
    def served_model(self) -> Path:
        """What is read with unless another file is named: champion, else trained here, else released."""
        champion = self.registry / "champion.json"
        if champion.exists():
            return self.registry / str(json.loads(champion.read_text(encoding="utf-8"))["file"])
        return self.latest_model

    @property
    def gate(self) -> Path:
        """Folder of the last verdict on a challenger (verdict.html, verdict.json, slices.csv), by judge."""
        return self.root / "reports_gate"

    @property
    def logged_runs(self) -> Path:
        """The MLflow runs of the models, by log_runs."""
        return self.root / "models" / "logged_runs.json"

    @property
    def reports(self) -> Path:
        """Folder of metrics, tables, plots and pages, by evaluate_model."""
        return self.root / "reports"
